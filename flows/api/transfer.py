"""Flows as files over REST: export of a flow or a server, import into a server."""

from collections.abc import Iterable
from io import BytesIO
from typing import Any

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_field
from rest_framework import serializers, status
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from flows.api.base import FLOW_ID, ApiView, DepthSafeJSONParser
from flows.api.documents import (
    ADDRESS,
    BODY,
    CREDENTIALS,
    MEDIA_TYPE,
    NO_DOCUMENT,
    OPERATIONS,
    PARSERS,
    REFUSED,
    REPLACE,
    TOO_LARGE,
    Asked,
    text_of,
)
from flows.api.fields import Serializer, faults_as_json
from flows.api.scopes import require
from flows.api.serializers import FlowItemSerializer
from flows.api.servers import SERVER_ID, OfServer
from flows.engine.errors import DefinitionError
from flows.models import Flow, Prompt, Resource, Server
from flows.transfer import apis, files, openapi
from flows.transfer.apis import Step
from flows.transfer.files import Choice
from flows.values.scopes import Scope

FILE = OpenApiResponse(
    OpenApiTypes.OBJECT, description="The file: format, version, secrets (names), flows, prompts, resources."
)


class LeftSerializer(Serializer):
    """An operation that was asked for, and whose flow was left as it is."""

    key = serializers.CharField(source="operation.key")
    flowId = serializers.IntegerField(source="existing.pk")
    toolName = serializers.CharField(source="existing.tool_name")
    why = serializers.SerializerMethodField()

    @extend_schema_field(serializers.ChoiceField(["same", "edited", "late"]))
    def get_why(self, step: Step) -> str:
        """same: the API did not change. edited: a person changed the draft. late: somebody did in this moment."""
        return "same" if step.change == "same" else "edited" if step.choice == "leave" else "late"


class NotesSerializer(Serializer):
    """What there is to know of a flow that was made of an operation."""

    key = serializers.CharField()
    toolName = serializers.CharField(source="tool_name")
    notes = serializers.ListField(child=serializers.CharField(), help_text="What is left out or different.")


class ImportedSerializer(Serializer):
    """What an import has made, in the order of the file."""

    items = FlowItemSerializer(many=True)
    prompts = serializers.ListField(child=serializers.CharField(), help_text="Names of prompts.")
    resources = serializers.ListField(child=serializers.CharField(), help_text="URIs of resources.")
    missingSecrets = serializers.ListField(
        child=serializers.CharField(), help_text="Secrets to add before all of these flows can be published."
    )
    left = LeftSerializer(many=True, help_text="Of a document: operations whose flows were left as they are.")
    notes = NotesSerializer(many=True, help_text="Of a document.")


class FlowExport(ApiView):
    """A flow's draft as a file, which the import of any server takes."""

    scopes = {"GET": Scope.FLOWS_READ}

    @extend_schema(operation_id="flows_export", parameters=[FLOW_ID], responses={200: FILE})
    def get(self, request: Request, flowId: str) -> HttpResponse:
        """The file."""
        flow = Flow.objects.visible_or_404(request.user, pk=flowId)
        return _file(files.exported([flow]))


class ServerExport(OfServer):
    """The drafts of all flows of a server, its prompts and its resources as one file."""

    scopes = {"GET": Scope.FLOWS_READ}

    @extend_schema(operation_id="servers_export", parameters=[SERVER_ID], responses={200: FILE})
    def get(self, request: Request, **kwargs: Any) -> HttpResponse:
        """The file."""
        return _file(files.exported_server(self.server))


def _file(text: str) -> HttpResponse:
    """Not a Response: an export is the same bytes wherever it is asked for."""
    return HttpResponse(text, content_type="application/json; charset=utf-8")


class ServerImport(OfServer):
    """Store what a file holds in a server, or flows of an OpenAPI document's operations; new ones are inactive drafts.

    A file is stored all or none. Of an operation of which the server has a flow already, the draft is written when the
    API has changed it, unless a person has edited the draft since.
    """

    scopes = {"POST": Scope.FLOWS_WRITE}
    parser_classes = PARSERS

    @extend_schema(
        operation_id="servers_import",
        parameters=[SERVER_ID, REPLACE, OPERATIONS, ADDRESS, CREDENTIALS, MEDIA_TYPE],
        request=BODY,
        responses={201: ImportedSerializer, 400: REFUSED, 413: TOO_LARGE, 415: NO_DOCUMENT},
    )
    def post(self, request: Request, **kwargs: Any) -> Response:
        """Import; 400 names every fault with its path, and then nothing is stored."""
        server, text = self.server, text_of(request.data)
        try:
            if openapi.is_openapi(text):
                with openapi.without_full_collections():
                    return self._answer(*self._of_document(Asked(request, server, text.encode())))
            document = DepthSafeJSONParser().parse(BytesIO(text.encode()), parser_context={"encoding": "utf-8"})
            return self._answer(*self._of_file(request, server, document))
        except DefinitionError as error:
            raise ValidationError({"faults": faults_as_json(error.faults)}) from None

    def _of_document(self, asked: Asked) -> tuple[dict[str, Any], Iterable[str]]:
        plan = asked.planned(asked.chosen())
        made = apis.take_over(plan)
        return {
            "items": made.flows,
            "left": [step for step in plan.steps if step.choice == "leave" and step.existing] + list(made.late),
            "notes": [step.operation for step in plan.steps if step.choice != "leave" and step.operation.notes],
        }, plan.missing_secrets

    def _of_file(self, request: Request, server: Server, document: Any) -> tuple[dict[str, Any], Iterable[str]]:
        choices: dict[str, Choice] = dict.fromkeys(request.query_params.getlist("replace"), "replace")
        if any(name.startswith(("prompts/", "resources/")) for name in choices):
            require(request, Scope.FLOWS_PUBLISH, server)
        contents = files.contents_of(document)
        missing = files.planned(server, contents, choices).missing_secrets
        done = files.import_contents(server, contents, choices)
        return {
            "items": done.flows,
            "prompts": [row.name for row in done.rows if isinstance(row, Prompt)],
            "resources": [row.uri for row in done.rows if isinstance(row, Resource)],
        }, missing

    def _answer(self, made: dict[str, Any], missing: Iterable[str]) -> Response:
        nothing: dict[str, Any] = {"prompts": [], "resources": [], "left": [], "notes": []}
        answer = ImportedSerializer(nothing | made | {"missingSecrets": missing}, context={"request": self.request})
        return Response(answer.data, status=status.HTTP_201_CREATED)
