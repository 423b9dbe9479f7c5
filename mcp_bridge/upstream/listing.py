"""The tools of another MCP server, asked for as a node of a server's flows would call them."""

from collections.abc import Callable
from typing import Any

from asgiref.sync import async_to_sync

from executions.privacy.redactor import Redactor
from flows.adapters.http_client import outbound_client
from flows.engine.destinations import check, uses_in
from flows.engine.errors import NodeFailed
from flows.engine.expressions import compile_value, paths_in
from flows.engine.node import NodeContext
from flows.engine.paths import SECRETS, Path
from flows.models import Server
from flows.nodes.credentials import credential_for
from flows.nodes.mcp_tool import McpTool, with_query
from flows.publishing.versions import secret_values_of_server
from mcp_bridge.upstream.client import UpstreamTools

SECONDS = 20.0


class MissingSecret(NodeFailed):
    """The authentication names a secret that the server does not have."""


def tools_of(server: Server, url: str, auth: dict[str, Any]) -> list[dict[str, Any]]:
    """The tools at an address; `auth` may name secrets of the server and nothing else.

    Raises NodeFailed, without a secret in it, for what keeps them from being listed; MissingSecret is one.
    """
    names = {path.secret_name for _, path in paths_in(auth, "") if isinstance(path, Path)}
    secrets = secret_values_of_server(server, {name for name in names if name})
    hidden = list(secrets.values())
    fill = compile_value(auth)
    try:
        filled: Any = fill({SECRETS: secrets}) if fill else auth
    except NodeFailed as missing:
        raise MissingSecret(missing.message) from None
    try:
        uses = tuple(uses_in({"url": url, "auth": auth}, McpTool.parameters_schema))
        check(uses, {"url": url, "auth": filled}, secrets)
        return async_to_sync(_tools)(url, filled, hidden.append)
    except NodeFailed as failed:
        raise NodeFailed(Redactor.none.knowing(hidden).scrub_text(failed.message, is_message=True)) from None


async def _tools(url: str, auth: dict[str, Any], hide: Callable[[str], None]) -> list[dict[str, Any]]:
    """The tools; `hide` is told of an access token that is fetched for asking."""
    credential = await credential_for({"auth": auth}, NodeContext("", "", outbound_client(), hide=hide))
    headers = credential.with_headers({})
    return await UpstreamTools().tools(with_query(url, credential.query), headers=headers, timeout=SECONDS)
