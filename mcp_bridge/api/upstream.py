"""What another MCP server offers, over REST: for whoever sets up a node that calls one of its tools."""

from collections.abc import Callable
from typing import Any

from asgiref.sync import async_to_sync
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import generics, serializers, status
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from executions.privacy.redactor import Redactor
from flows.adapters.http_client import outbound_client
from flows.api.base import ApiView
from flows.api.fields import Serializer, VisibleServerField
from flows.api.serializers import JsonObjectField
from flows.engine.destinations import check, origin_of, uses_in
from flows.engine.errors import NodeFailed
from flows.engine.expressions import SecretValues, compile_value, paths_in
from flows.engine.node import NodeContext
from flows.engine.paths import SECRETS, Path
from flows.models import Server
from flows.nodes.credentials import AUTH, credential_for
from flows.nodes.mcp_tool import McpTool, with_query
from flows.publishing.versions import secret_values_of_server
from flows.schemas.compiled import compile_schema
from flows.values.scopes import Scope
from mcp_bridge.upstream.client import UpstreamTools

SECONDS = 20.0

_AUTH = compile_schema(dict(AUTH))


class UpstreamSerializer(Serializer):
    """Which server to ask, and as whom."""

    server = VisibleServerField(help_text="The slug of the server whose secrets may be named.")
    url = serializers.CharField(max_length=2048)
    auth = JsonObjectField(default=dict, help_text="As in the node: {type, secret: '{{ secrets.NAME }}', ...}.")

    def validate_url(self, value: str) -> str:
        """An address that a request can be sent to."""
        if origin_of(value) is None:
            raise serializers.ValidationError("Write a whole address: https://tools.example.com/mcp.")
        return value

    def validate_auth(self, value: dict[str, Any]) -> dict[str, Any]:
        """Every fault of the authentication; the only expressions are secrets."""
        value = value or {"type": "none"}
        faults = [str(fault) for fault in _AUTH.faults(value)]
        for place, path in paths_in(value, ""):
            if not (isinstance(path, Path) and path.secret_name):
                faults.append(f"{place.lstrip('.')}: write {{{{ secrets.NAME }}}}; nothing else is known here")
        if faults:
            raise serializers.ValidationError(faults)
        return value


class UpstreamToolsSerializer(Serializer):
    """What the other server offers."""

    tools = serializers.ListField(child=JsonObjectField(), help_text="As MCP writes them: name, inputSchema, ...")


class UpstreamFailed(APIException):
    """The other server gave no list."""

    status_code = status.HTTP_502_BAD_GATEWAY
    default_code = "upstream_failed"


class UpstreamToolList(ApiView, generics.GenericAPIView):
    """Ask another MCP server for its tools."""

    scopes = {"POST": Scope.FLOWS_PUBLISH}
    queryset = Server.objects.none()
    serializer_class = UpstreamSerializer

    @extend_schema(
        operation_id="upstream_tools",
        responses={200: UpstreamToolsSerializer, 502: OpenApiResponse(description="It gave no list; detail says why.")},
    )
    def post(self, request: Request) -> Response:
        """Answer with the tools and their schemas."""
        asked = self.get_serializer(data=request.data)
        asked.is_valid(raise_exception=True)
        given = asked.validated_data
        names = {path.secret_name for _, path in paths_in(given["auth"], "") if isinstance(path, Path)}
        secrets = secret_values_of_server(given["server"], {name for name in names if name})
        hidden = list(secrets.values())
        try:
            sent = {"url": given["url"], "auth": _filled(given["auth"], secrets)}
            check(
                tuple(uses_in({"url": given["url"], "auth": given["auth"]}, McpTool.parameters_schema)), sent, secrets
            )
            tools = async_to_sync(_tools)(sent["url"], sent["auth"], hidden.append)
        except NodeFailed as failed:
            raise UpstreamFailed(Redactor.none.knowing(hidden).scrub_text(failed.message, is_message=True)) from None
        return Response({"tools": tools})


async def _tools(url: str, auth: dict[str, Any], hide: Callable[[str], None]) -> list[dict[str, Any]]:
    """The tools; `hide` is told of an access token that is fetched for asking."""
    credential = await credential_for({"auth": auth}, NodeContext("", "", outbound_client(), hide=hide))
    headers = credential.with_headers({})
    return await UpstreamTools().tools(with_query(url, credential.query), headers=headers, timeout=SECONDS)


def _filled(auth: dict[str, Any], secrets: SecretValues) -> Any:
    fill = compile_value(auth)
    try:
        return fill({SECRETS: secrets}) if fill else auth
    except NodeFailed as missing:
        raise ValidationError({"auth": [missing.message]}) from None
