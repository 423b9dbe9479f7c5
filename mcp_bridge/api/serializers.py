"""Other MCP servers on the wire."""

from typing import Any

from rest_framework import serializers

from flows.api.fields import VisibleServerField
from flows.api.serializers import JsonObjectField
from flows.engine.expressions import Path, paths_in
from flows.nodes.credentials import AUTH
from flows.schemas.compiled import compile_schema

_AUTH = compile_schema(dict(AUTH))


class UpstreamSerializer(serializers.Serializer):
    """Which server to ask, and as whom."""

    server = VisibleServerField(help_text="The slug of the server whose secrets may be named.")
    url = serializers.CharField(max_length=2048)
    auth = JsonObjectField(default=dict, help_text="As in the node: {type, secret: '{{ secrets.NAME }}', ...}.")

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


class UpstreamToolsSerializer(serializers.Serializer):
    """What the other server offers."""

    tools = serializers.ListField(child=JsonObjectField(), help_text="As MCP writes them: name, inputSchema, ...")
