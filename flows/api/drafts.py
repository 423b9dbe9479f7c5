"""Drafts while they are being written: stored as they are, judged as a whole; and a node's ways out."""

import json
from collections.abc import Mapping
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.http import Http404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics, serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from flows.api.base import FLOW_ID, ApiView
from flows.api.conditions import ETAG, IF_MATCH, RevisedView, StaleSerializer
from flows.api.fields import FaultSerializer, Serializer, faults_as_json
from flows.api.serializers import TOOL_NAME_TAKEN, FlowSerializer, JsonObjectField
from flows.engine.errors import Fault
from flows.engine.graph import MAX_CONNECTIONS, MAX_DEPTH, MAX_NODES, too_deep
from flows.models import Flow
from flows.nodes import registry
from flows.pages.editor import draft_of
from flows.publishing import versions
from flows.values.scopes import Scope

_JUDGED = ("definition", "inputSchema", "outputSchema", "annotations")
"""The fields of a flow that are judged as a whole, whatever is wrong with each."""


class DraftSerializer(FlowSerializer):
    """What a draft holds, faulty or not."""

    toolDescription = serializers.CharField(source="tool_description", allow_blank=True)

    passed_over = ("revision", "faults")

    class Meta(FlowSerializer.Meta):
        fields = [
            "name",
            "toolName",
            "toolDescription",
            "whenToUse",
            "whenNotToUse",
            *_JUDGED,
            "timeoutSeconds",
            "answerSeconds",
        ]

    def validate_definition(self, value: Any) -> Any:
        """A draft may be no graph yet."""
        return value

    validate_inputSchema = validate_outputSchema = validate_definition

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """What else the fields say of one another is for `faults_of`."""
        return attrs

    def validate_toolName(self, value: str) -> str:
        """A tool name is unique in its server."""
        if self.is_taken({"tool_name": value}):
            raise ValidationError(TOOL_NAME_TAKEN)
        return value


_LIST = {"type": "array", "items": {}}
_LISTS = {
    "nodes": _LIST | {"maxItems": MAX_NODES},
    "connections": _LIST | {"maxItems": MAX_CONNECTIONS},
    **dict.fromkeys(("notes", "groups"), _LIST | {"maxItems": MAX_NODES}),
}
_FRAMES: Mapping[str, Any] = {
    "definition": {"type": "object", "properties": _LISTS, "required": ["nodes", "connections"]},
    "inputSchema": {"type": "object"},
    "outputSchema": {"type": "object", "nullable": True},
    "annotations": {"type": "object"},
}
_ANYTHING: dict[str, Any] = {
    "type": "object",
    "properties": {name: {} for name in DraftSerializer.Meta.fields},
    "description": "The fields that `GET .../draft/` shows; what is wrong with one is among the faults.",
}
_ANYTHING_IN_FRAMES = _ANYTHING | {"properties": _ANYTHING["properties"] | _FRAMES}
"""Bodies in OpenAPI: a draft may be faulty, but not so that no editor could show it again (`_check_frame`)."""


class CheckSerializer(Serializer):
    """All faults of a draft at once."""

    faults = FaultSerializer(many=True)


class FlowCheck(ApiView, generics.GenericAPIView):
    """What would keep a draft from being published; nothing is stored."""

    scopes = {"POST": Scope.FLOWS_READ}
    queryset = Flow.objects.none()
    serializer_class = DraftSerializer
    lookup_url_kwarg = "flowId"

    def get_queryset(self) -> QuerySet[Flow]:
        """The caller's flows."""
        return Flow.objects.visible_to(self.request.user).select_related("server")

    @extend_schema(
        parameters=[FLOW_ID],
        operation_id="flows_check",
        request={"application/json": _ANYTHING},
        responses=CheckSerializer,
    )
    def post(self, request: Request, **kwargs: Any) -> Response:
        """The faults of the stored draft with the fields of the body in place of its own."""
        flow = self.get_object()
        refused = change(flow, request.data)
        return Response({"faults": faults_as_json([*refused, *versions.publishing_faults(flow)])})


class ShownDraftSerializer(DraftSerializer):
    """A draft as it is stored."""

    faults = FaultSerializer(many=True)

    class Meta(DraftSerializer.Meta):
        fields = [*DraftSerializer.Meta.fields, "revision", "faults"]


class StoredDraftSerializer(CheckSerializer):
    """What became of a draft that was sent."""

    revision = serializers.IntegerField(help_text="Of what is stored now; the same when nothing changed.")
    notStored = serializers.ListField(
        child=serializers.CharField(),
        help_text="Fields that cannot be stored as they were sent; among the faults is why. They keep what they had.",
    )


class FlowDraft(RevisedView):
    """A flow's draft as it is, faulty or not. What clients call is the published version, whatever this is."""

    scopes = {"GET": Scope.FLOWS_READ, "PUT": Scope.FLOWS_WRITE}
    queryset = Flow.objects.none()
    serializer_class = DraftSerializer
    lookup_url_kwarg = "flowId"

    def get_queryset(self) -> QuerySet[Flow]:
        """The caller's flows."""
        return Flow.objects.visible_to(self.request.user)

    def shown(self, row: Any) -> Mapping[str, Any]:
        """The draft's fields, its revision and what keeps it from being published."""
        faults = faults_as_json(versions.publishing_faults(row))
        return {**draft_of(row), "revision": row.revision, "faults": faults}

    @extend_schema(parameters=[FLOW_ID, ETAG], operation_id="flows_draft", responses=ShownDraftSerializer)
    def get(self, request: Request, **kwargs: Any) -> Response:
        """The draft with everything that keeps it from being published."""
        return Response(self.shown(self.get_object()))

    @extend_schema(
        parameters=[FLOW_ID, IF_MATCH, ETAG],
        operation_id="flows_draft_store",
        request={"application/json": _ANYTHING_IN_FRAMES},
        responses={200: StoredDraftSerializer, 412: StaleSerializer},
    )
    def put(self, request: Request, **kwargs: Any) -> Response:
        """Store a draft, faulty or not; fields that are left out keep what is stored. The answer has all faults."""
        flow = self.get_object()
        former = {name: getattr(flow, name) for name in versions.DRAFT_FIELDS}
        _check_frame(request.data)
        refused = change(flow, request.data)
        # As text, because 1 and true are equal in Python.
        changed = [name for name, value in former.items() if json.dumps(getattr(flow, name)) != json.dumps(value)]
        try:
            with transaction.atomic():
                self._store(flow, changed)
        except IntegrityError:
            # Somebody took the tool name since it was looked for.
            refused.append(Fault("toolName", TOOL_NAME_TAKEN))
            flow.tool_name = former["tool_name"]
            self._store(flow, [name for name in changed if name != "tool_name"])
        answer = {
            "revision": flow.revision,
            "faults": faults_as_json([*refused, *versions.publishing_faults(flow)]),
            "notStored": list(dict.fromkeys(fault.path for fault in refused)),
        }
        return Response(answer)

    def _store(self, flow: Flow, names: list[str]) -> None:
        if names:
            versions.save_draft(flow, names, self.expected)


def change(flow: Flow, changes: Any) -> list[Fault]:
    """Give a flow the fields of a body as far as they can be stored, and say at its field what cannot.

    Nothing is stored. Raises ValidationError for a body that is no object.
    """
    draft = DraftSerializer(flow, data=changes, partial=True)
    draft.is_valid()
    if "non_field_errors" in draft.errors:
        raise ValidationError(draft.errors)
    sound = DraftSerializer(flow, {name: changes[name] for name in changes if name not in draft.errors}, partial=True)
    sound.is_valid(raise_exception=True)
    for name, value in sound.validated_data.items():
        setattr(flow, name, value)
    return [Fault(name, str(each)) for name, errors in draft.errors.items() for each in errors]


def _check_frame(changes: Any) -> None:
    """Raise ValidationError for what no editor could show again: a definition without its lists, a schema that is none.

    A body that is no object is left to `change`.
    """
    refused: dict[str, list[str]] = {}
    for name in [name for name in _JUDGED if isinstance(changes, dict) and name in changes]:
        value = changes[name]
        if name == "outputSchema" and value is None:
            continue
        if not isinstance(value, dict):
            refused[name] = ["Write a JSON object."]
        elif name == "definition" and (why := _why_no_frame(value)):
            refused[name] = [why]
    if refused:
        raise ValidationError(refused)


def _why_no_frame(definition: dict[str, Any]) -> str:
    parts = {"nodes": MAX_NODES, "connections": MAX_CONNECTIONS, "notes": MAX_NODES, "groups": MAX_NODES}
    for part, most in parts.items():
        found = definition.get(part, None if part in {"nodes", "connections"} else [])
        if not isinstance(found, list):
            return f"Write an object in which {part} is a list."
        if len(found) > most:
            return f"{part} has {len(found)} items; at most {most} are allowed."
    if too_deep(definition, MAX_DEPTH):
        return f"The definition is nested deeper than {MAX_DEPTH} levels."
    return ""


class HandlesSerializer(Serializer):
    """A node's ways out."""

    handles = serializers.ListField(child=serializers.CharField())


class NodeParametersSerializer(Serializer):
    """The parameters of a node."""

    parameters = JsonObjectField()


class NodeTypeHandles(ApiView):
    """The ways out of a node of this type with given parameters, without the one for errors that settings add."""

    scopes = {"POST": Scope.FLOWS_READ}

    @extend_schema(
        parameters=[OpenApiParameter("type", str, OpenApiParameter.PATH, description="The node type's name.")],
        operation_id="node_types_handles",
        request=NodeParametersSerializer,
        responses=HandlesSerializer,
    )
    def post(self, request: Request, type: str) -> Response:
        """400 with every fault of the parameters: which ways out they mean is not known then."""
        registered = registry().get(type)
        if registered is None:
            raise Http404
        body = NodeParametersSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        parameters = body.validated_data["parameters"]
        if faults := registered.faults(parameters, "", before_filling=True):
            raise ValidationError({"parameters": faults_as_json(faults)})
        return Response({"handles": registered.handles(parameters)})
