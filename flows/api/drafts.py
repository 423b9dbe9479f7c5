"""Drafts while they are being written: what keeps one from being published, and a node's ways out."""

from typing import Any

from django.db.models import QuerySet
from django.http import Http404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics, serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from flows.api.base import FLOW_ID, ApiView
from flows.api.fields import FaultSerializer, faults_as_json
from flows.api.serializers import FlowSerializer, JsonObjectField
from flows.engine.errors import Fault
from flows.models import Flow
from flows.nodes import registry
from flows.publishing import versions

_JUDGED = ("definition", "inputSchema", "outputSchema", "annotations")
"""The fields of a flow that are judged as a whole, whatever is wrong with each."""


class DraftSerializer(FlowSerializer):
    """What a draft holds, faulty or not."""

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
        self.check_name(attrs)
        return attrs


class CheckSerializer(serializers.Serializer):
    """All faults of a draft at once."""

    faults = FaultSerializer(many=True)


class FlowCheck(ApiView, generics.GenericAPIView):
    """What would keep a draft from being published; nothing is stored."""

    queryset = Flow.objects.none()
    serializer_class = DraftSerializer
    lookup_url_kwarg = "flowId"

    def get_queryset(self) -> QuerySet[Flow]:
        """The caller's flows."""
        return Flow.objects.visible_to(self.request.user).select_related("server")

    @extend_schema(parameters=[FLOW_ID], operation_id="flows_check", responses=CheckSerializer)
    def post(self, request: Request, **kwargs: Any) -> Response:
        """The faults of the stored draft with the fields of the body in place of its own."""
        return Response({"faults": faults_as_json(faults_with(self.get_object(), request.data))})


def faults_with(flow: Flow, changes: Any) -> list[Fault]:
    """Everything that would keep a flow from being published after these changes, which are not made.

    Raises ValidationError for changes that are no object.
    """
    draft = DraftSerializer(flow, data=changes, partial=True)
    draft.is_valid()
    if "non_field_errors" in draft.errors:
        raise ValidationError(draft.errors)
    sound = DraftSerializer(flow, {name: changes[name] for name in changes if name not in draft.errors}, partial=True)
    sound.is_valid(raise_exception=True)
    for name, value in sound.validated_data.items():
        setattr(flow, name, value)
    faults = versions.publishing_faults(flow)
    said = {fault.path for fault in faults}
    refused = [Fault(name, str(each)) for name, errors in draft.errors.items() for each in errors if name not in said]
    return [*refused, *faults]


class HandlesSerializer(serializers.Serializer):
    """A node's ways out."""

    handles = serializers.ListField(child=serializers.CharField())


class NodeParametersSerializer(serializers.Serializer):
    """The parameters of a node."""

    parameters = JsonObjectField()


class NodeTypeHandles(ApiView):
    """The ways out of a node of this type with given parameters, without the one for errors that settings add."""

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
