"""MCP Apps (SEP-1865, 2026-01-26): the `ui://` resources that hosts draw the answers of tools with.

Tools name their resource in `_meta.ui.resourceUri`, for every client: who does not know it goes by text and structured
answer as before. A resource is seen by who may see its tool.
"""

from collections.abc import Iterator
from typing import Any

from mcp.server.apps import APP_MIME_TYPE, EXTENSION_ID, client_supports_apps
from mcp.server.context import ServerRequestContext

from flows.mcp_apps import View, view_uri
from mcp_bridge.calls.tools import principal_of, visible_tools
from mcp_bridge.catalogue.snapshot import Catalogue, PublishedTool

__all__ = ["EXTENSION_ID", "content_of", "entries"]

Context = ServerRequestContext[Any, Any]

_SCHEME = "ui://"
_META = {
    # No domains at all, which is what a host assumes anyway: said, so that it can be reviewed.
    "ui": {"csp": {"connectDomains": [], "resourceDomains": []}, "prefersBorder": True}
}


def entries(catalogue: Catalogue, ctx: Context) -> list[dict[str, Any]]:
    """The `ui://` resources for a list: for clients that draw them, as to others they are pages of nothing.

    A server may leave them out, because tools name them (SEP-1865, Resource Discovery).
    """
    return [_entry(tool, view) for tool, view in _drawn(catalogue, ctx)] if client_supports_apps(ctx) else []


def content_of(catalogue: Catalogue, ctx: Context, uri: str) -> dict[str, Any] | None:
    """What `resources/read` gives for a `ui://` resource; None when the caller sees no tool that has it."""
    if not uri.startswith(_SCHEME):
        return None
    for tool, view in _drawn(catalogue, ctx):
        if view_uri(catalogue.snapshot.slug, tool.target.tool_name, view) == uri:
            return {"uri": uri, "mimeType": APP_MIME_TYPE, "text": view.document, "_meta": _META}
    return None


def _drawn(catalogue: Catalogue, ctx: Context) -> Iterator[tuple[PublishedTool, View]]:
    for tool in visible_tools(catalogue.snapshot, principal_of(ctx)):
        if tool.view is not None:
            yield tool, tool.view


def _entry(tool: PublishedTool, view: View) -> dict[str, Any]:
    name = tool.target.tool_name
    return {
        "uri": view_uri(tool.target.server_slug, name, view),
        "name": f"{name}_view",
        "title": tool.modern["title"],
        "description": f"Draws what the tool {name} answers.",
        "mimeType": APP_MIME_TYPE,
        "_meta": _META,
    }
