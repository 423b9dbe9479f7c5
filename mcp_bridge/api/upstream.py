"""What another MCP server offers, over REST: for whoever sets up a node that calls one of its tools."""

from typing import Any

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import generics, serializers, status
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from flows.api.base import ApiView
from flows.api.fields import Serializer, VisibleServerField
from flows.api.serializers import JsonObjectField
from flows.engine.destinations import origin_of
from flows.engine.errors import NodeFailed
from flows.engine.expressions import paths_in
from flows.engine.paths import Path
from flows.models import Server
from flows.nodes.credentials import AUTH
from flows.schemas.compiled import compile_schema
from flows.values.scopes import Scope
from mcp_bridge.upstream.drift import digests_of
from mcp_bridge.upstream.listing import MissingSecret, tools_of

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
    pins = serializers.DictField(
        child=JsonObjectField(), help_text="What the parameter `pinned` of a node has to be for each, by their names."
    )


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
        try:
            tools = tools_of(given["server"], given["url"], given["auth"])
        except MissingSecret as missing:
            raise ValidationError({"auth": [missing.message]}) from None
        except NodeFailed as failed:
            raise UpstreamFailed(failed.message) from None
        return Response({"tools": tools, "pins": {str(tool["name"]): digests_of(tool) for tool in tools}})
