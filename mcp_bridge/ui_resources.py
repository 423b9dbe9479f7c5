"""MCP Apps (SEP-1865, 2026-01-26): the `ui://` resources that hosts draw the answers of tools with.

Tools name their resource in `_meta.ui.resourceUri`, for every client: who does not know it goes by text and structured
answer as before. A resource is seen by who may see its tool.
"""

from collections.abc import Iterator
from typing import Any

from mcp.server.apps import APP_MIME_TYPE, EXTENSION_ID, client_supports_apps
from mcp.server.context import ServerRequestContext
from mcp.shared.exceptions import MCPError
from mcp_types import INVALID_PARAMS, PaginatedRequestParams, ReadResourceRequestParams
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from flows.ui import View
from mcp_bridge.catalogue import Offer, PublishedTool, view_uri
from mcp_bridge.tools import principal_of, visible_tools

__all__ = ["EXTENSION_ID", "content_of", "entries", "list_resources", "read_resource"]

Context = ServerRequestContext[Any, Any]

_NOT_FOUND = -32002
"""What handshake clients know a missing resource by (MCP 2025-11-25, Resources, Error handling)."""

_META = {
    # No domains at all, which is what a host assumes anyway: said, so that it can be reviewed.
    "ui": {"csp": {"connectDomains": [], "resourceDomains": []}, "prefersBorder": True}
}


def list_resources(offer: Offer, ctx: Context, params: PaginatedRequestParams | None) -> dict[str, Any]:
    """Answer `resources/list`."""
    return _complete(ctx, {"resources": entries(offer, ctx)})


def read_resource(offer: Offer, ctx: Context, params: ReadResourceRequestParams) -> dict[str, Any]:
    """Answer `resources/read`; raises MCPError for what is not there, or not for this caller."""
    content = content_of(offer, ctx, str(params.uri))
    if content is not None:
        return _complete(ctx, {"contents": [content]})
    code = INVALID_PARAMS if ctx.protocol_version in MODERN_PROTOCOL_VERSIONS else _NOT_FOUND
    raise MCPError(code, "There is no such resource.", data={"uri": str(params.uri)})


def entries(offer: Offer, ctx: Context) -> list[dict[str, Any]]:
    """The `ui://` resources for a list: for clients that draw them, as to others they are pages of nothing.

    A server may leave them out, because tools name them (SEP-1865, Resource Discovery).
    """
    return [_entry(tool, view) for tool, view in _drawn(offer, ctx)] if client_supports_apps(ctx) else []


def content_of(offer: Offer, ctx: Context, uri: str) -> dict[str, Any] | None:
    """What `resources/read` gives for a `ui://` resource; None when the caller sees no tool that has it."""
    for tool, view in _drawn(offer, ctx):
        if view_uri(tool.target, view) == uri:
            return {"uri": uri, "mimeType": APP_MIME_TYPE, "text": view.document, "_meta": _META}
    return None


def _drawn(offer: Offer, ctx: Context) -> Iterator[tuple[PublishedTool, View]]:
    for tool in visible_tools(offer.snapshot, principal_of(ctx)):
        if tool.view is not None:
            yield tool, tool.view


def _entry(tool: PublishedTool, view: View) -> dict[str, Any]:
    name = tool.target.tool_name
    return {
        "uri": view_uri(tool.target, view),
        "name": f"{name}_view",
        "title": tool.modern["title"],
        "description": f"Draws what the tool {name} answers.",
        "mimeType": APP_MIME_TYPE,
        "_meta": _META,
    }


def _complete(ctx: Context, result: dict[str, Any]) -> dict[str, Any]:
    if ctx.protocol_version in MODERN_PROTOCOL_VERSIONS:
        # Not to be cached: what is published next must be seen at once.
        return result | {"resultType": "complete", "ttlMs": 0, "cacheScope": "private"}
    return result
