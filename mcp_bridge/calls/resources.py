"""`resources/list`, `resources/templates/list`, `resources/read`, and subscriptions of handshake clients."""

from collections.abc import Mapping
from typing import Any, NoReturn

from mcp.shared.exceptions import MCPError
from mcp_types import INVALID_PARAMS, ReadResourceRequestParams
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from executions.running.calls import Answer
from mcp_bridge.calls import tools, ui_resources
from mcp_bridge.calls.answered_by_flow import answer_of
from mcp_bridge.calls.results import listed, meta_of, signed
from mcp_bridge.calls.tools import Context
from mcp_bridge.catalogue.offered import PublishedResource
from mcp_bridge.catalogue.snapshot import Catalogue, Snapshot, may_see
from mcp_bridge.keys.principals import Principal

RESOURCE_NOT_FOUND = -32002
"""MCP until 2025-11-25, Resources, Error handling; later versions say -32602 (SEP-2164)."""

MAX_URI = 2000
"""Characters of a URI that is asked for."""

URI_LIST = "text/uri-list"
"""Links, one a line (RFC 2483)."""


def visible_resources(snapshot: Snapshot, principal: Principal | None) -> list[PublishedResource]:
    """The resources and templates that this caller may see; fixed ones first."""
    return [resource for resource in snapshot.resources.values() if may_see(principal, resource.target)]


async def list_resources(catalogue: Catalogue, ctx: Context, params: Any) -> dict[str, Any]:
    """Answer `resources/list` in one page."""
    found = visible_resources(catalogue.snapshot, tools.principal_of(ctx))
    fixed = [each.wire for each in found if each.template is None]
    return listed({"resources": [*fixed, *ui_resources.entries(catalogue, ctx)]}, ctx.protocol_version)


async def list_templates(catalogue: Catalogue, ctx: Context, params: Any) -> dict[str, Any]:
    """Answer `resources/templates/list` in one page."""
    found = visible_resources(catalogue.snapshot, tools.principal_of(ctx))
    return listed(
        {"resourceTemplates": [each.wire for each in found if each.template is not None]}, ctx.protocol_version
    )


def find(
    snapshot: Snapshot, principal: Principal | None, uri: str
) -> tuple[PublishedResource, Mapping[str, str]] | None:
    """What is at a URI, with the variables that the URI gives its template; None when there is nothing."""
    if len(uri) > MAX_URI:
        return None
    fixed = snapshot.resources.get(uri)
    if fixed is not None and fixed.template is None and may_see(principal, fixed.target):
        return fixed, {}
    for resource in visible_resources(snapshot, principal):
        values = resource.template.match(uri) if resource.template is not None else None
        if values is not None:
            return resource, {name: str(value) for name, value in values.items()}
    return None


def known_resource(catalogue: Catalogue, ctx: Context, uri: str) -> tuple[PublishedResource, Mapping[str, str]]:
    """As `find`; raises MCPError, in the words of the caller's era, when there is nothing at the URI."""
    found = find(catalogue.snapshot, tools.principal_of(ctx), uri)
    return found or _refuse_unknown(ctx, uri)


def _refuse_unknown(ctx: Context, uri: str) -> NoReturn:
    code = INVALID_PARAMS if ctx.protocol_version in MODERN_PROTOCOL_VERSIONS else RESOURCE_NOT_FOUND
    message = (
        f"There is no resource at {uri[:200]!r} on this server. resources/list and resources/templates/list name "
        "what there is."
    )
    raise MCPError(code, message, data={"uri": uri[:MAX_URI]})


async def read_resource(catalogue: Catalogue, ctx: Context, params: ReadResourceRequestParams) -> dict[str, Any]:
    """Answer `resources/read`: what is stored there, or what the resource's flow says to the variables of the URI."""
    page = ui_resources.content_of(catalogue, ctx, params.uri)
    if page is not None:
        return listed({"contents": [page]}, ctx.protocol_version)
    resource, values = known_resource(catalogue, ctx, params.uri)
    if resource.target is None:
        return listed({"contents": [resource.contents]}, ctx.protocol_version)

    def write(answer: Answer) -> dict[str, Any]:
        text_type = resource.mime_type or ("application/json" if answer.is_structured else "text/plain")
        contents = [_contents(block, params.uri, text_type) for block in answer.content]
        found = {"contents": contents, "_meta": meta_of(answer)}
        return signed(listed(found, ctx.protocol_version), catalogue.snapshot, ctx.protocol_version)

    # The values in the URI are parameters of the flow, and kept as those are.
    data = {"uri": params.uri}
    return await answer_of(ctx, catalogue.snapshot, params, resource.uri, resource.target, values, data, write)


def _contents(block: Mapping[str, Any], uri: str, text_type: str) -> dict[str, Any]:
    """A content block of an answer as the contents of a resource."""
    if block["type"] == "resource":
        return dict(block["resource"])
    if block["type"] == "resource_link":
        return {"uri": uri, "mimeType": URI_LIST, "text": block["uri"]}
    if block["type"] == "text":
        return {"uri": uri, "mimeType": text_type, "text": block["text"]}
    return {"uri": uri, "mimeType": block["mimeType"], "blob": block["data"]}
