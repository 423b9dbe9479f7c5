"""Flows as files over REST: export of a flow or a server, import into a server."""

from typing import Any

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from flows.api.base import FLOW_ID, ApiView
from flows.api.fields import faults_as_json
from flows.api.scopes import require
from flows.api.serializers import FlowItemSerializer
from flows.api.servers import SERVER_ID, OfServer
from flows.engine.errors import DefinitionError
from flows.models import Flow, Prompt, Resource
from flows.transfer import files
from flows.transfer.files import Choice
from flows.values.scopes import Scope

FILE = OpenApiResponse(
    OpenApiTypes.OBJECT, description="The file: format, version, secrets (names), flows, prompts, resources."
)
REPLACE = OpenApiParameter(
    "replace",
    OpenApiTypes.STR,
    many=True,
    description="A tool name whose draft is replaced when the server has it; without it the new flow gets a number. "
    "prompts/NAME or resources/URI: what the server has there is replaced; without it the server keeps its own.",
)


class ImportedSerializer(serializers.Serializer):
    """What an import has made, in the order of the file."""

    items = FlowItemSerializer(many=True)
    prompts = serializers.ListField(child=serializers.CharField(), help_text="Names of prompts.")
    resources = serializers.ListField(child=serializers.CharField(), help_text="URIs of resources.")
    missingSecrets = serializers.ListField(
        child=serializers.CharField(), help_text="Secrets to add before all of these flows can be published."
    )


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
    """Store what a file holds in a server, all or none; what is new is inactive, and flows are drafts."""

    scopes = {"POST": Scope.FLOWS_WRITE}

    @extend_schema(
        operation_id="servers_import",
        parameters=[SERVER_ID, REPLACE],
        request=OpenApiTypes.OBJECT,
        responses={201: ImportedSerializer, 400: OpenApiResponse(description="Faults, each with its path.")},
    )
    def post(self, request: Request, **kwargs: Any) -> Response:
        """Import; 400 names every fault with its path, and then nothing is stored."""
        server = self.server
        choices: dict[str, Choice] = dict.fromkeys(request.query_params.getlist("replace"), "replace")
        if any(name.startswith(("prompts/", "resources/")) for name in choices):
            require(request, Scope.FLOWS_PUBLISH, server)
        try:
            contents = files.contents_of(request.data)
            missing = files.planned(server, contents, choices).missing_secrets
            done = files.import_contents(server, contents, choices)
        except DefinitionError as error:
            raise ValidationError({"faults": faults_as_json(error.faults)}) from None
        answer = ImportedSerializer(
            {
                "items": done.flows,
                "prompts": [row.name for row in done.rows if isinstance(row, Prompt)],
                "resources": [row.uri for row in done.rows if isinstance(row, Resource)],
                "missingSecrets": missing,
            },
            context={"request": request},
        )
        return Response(answer.data, status=status.HTTP_201_CREATED)
