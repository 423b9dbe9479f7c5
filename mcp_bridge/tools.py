"""`tools/list` and `tools/call`: from the wire to an execution and back."""

import logging
from collections.abc import Mapping
from functools import partial
from typing import Any, NoReturn

from mcp.server.context import ServerRequestContext
from mcp.shared.exceptions import MCPError
from mcp_types import INVALID_PARAMS, CallToolRequestParams, LoggingLevel, PaginatedRequestParams
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from executions import services
from executions.services import Answer, Caller, LedgerUnavailable, Target, Waiting, Watch
from mcp_bridge import asking, reports
from mcp_bridge.auth import KeyUser, Principal
from mcp_bridge.catalogue import Offer, PublishedTool, Snapshot, listed

logger = logging.getLogger(__name__)

_META = "io.modelcontextprotocol/"

Context = ServerRequestContext[Any, Any]


def principal_of(ctx: Context) -> Principal | None:
    """The principal behind a message; None on a public server without a key."""
    user = ctx.request.scope.get("user") if ctx.request is not None else None
    return user.principal if isinstance(user, KeyUser) else None


def visible_tools(snapshot: Snapshot, principal: Principal | None) -> list[PublishedTool]:
    """The tools that this caller may see, by name."""
    return [tool for name, tool in snapshot.tools.items() if principal is None or principal.may_call(name)]


def list_tools(offer: Offer, ctx: Context, params: PaginatedRequestParams | None) -> dict[str, Any]:
    """Answer `tools/list` in one page, in the caller's era."""
    tools = visible_tools(offer.snapshot, principal_of(ctx))
    is_modern = ctx.protocol_version in MODERN_PROTOCOL_VERSIONS
    return listed(ctx, {"tools": [tool.modern if is_modern else tool.legacy for tool in tools]})


async def call(
    offer: Offer, ctx: Context, params: CallToolRequestParams, set_level: LoggingLevel | None = None
) -> dict[str, Any]:
    """Answer `tools/call`; `set_level` is that of the session's `logging/setLevel`.

    A failure that the model can repair is a result with `isError`; an unknown tool is the protocol's error -32602
    (MCP 2026-07-28, Tools, Error handling). Both leave an execution.
    """
    principal = principal_of(ctx)
    caller = caller_of(ctx, principal)
    arguments = params.arguments or {}
    tool = offer.snapshot.tools.get(params.name)
    try:
        if tool is None or not (principal is None or principal.may_call(params.name)):
            await _refuse_unknown(offer.snapshot, principal, params, caller)
        async with reports.watching(ctx, tool.target.graph, reports.level_of(ctx, set_level)) as watch:
            start = partial(call_flow, tool.target, arguments, caller, watch)
            answer = await asking.answered(ctx, params, caller, tool.target.flow_id, start, watch)
    except LedgerUnavailable as error:
        logger.error("call of %.100r was not recorded: %s", params.name, error)
        return _not_recorded(ctx.protocol_version)
    return _result(answer, tool, ctx.protocol_version) if isinstance(answer, Answer) else answer


async def call_flow(target: Target, arguments: dict[str, Any], caller: Caller, watch: Watch | None) -> Answer | Waiting:
    """Call a flow, or refuse arguments that do not fit; both leave an execution. Raises LedgerUnavailable."""
    faults = services.argument_faults(target, arguments)
    if faults:
        name = target.tool_name
        lines = "\n".join(f"- {fault}" for fault in faults)
        message = f"The arguments do not fit the input schema of {name}:\n{lines}\nCorrect them and call again."
        return await services.reject(name, arguments, caller, message, preview=str(faults[0]), target=target)
    return await services.call(target, arguments, caller, watch)


async def _refuse_unknown(
    snapshot: Snapshot, principal: Principal | None, params: CallToolRequestParams, caller: Caller
) -> NoReturn:
    names = [tool.target.tool_name for tool in visible_tools(snapshot, principal)]
    shown = ", ".join(names[:50]) or "none yet"
    message = f"There is no tool {params.name[:100]!r} on this server. Its tools are: {shown}."
    answer = None
    if principal is not None:
        # Only known callers leave a record: strangers must not be able to fill the disk.
        answer = await services.reject(
            params.name,
            params.arguments or {},
            caller,
            message,
            server_slug=snapshot.slug,
            owner_id=snapshot.owner_id,
        )
    raise MCPError(INVALID_PARAMS, message, data=asking.meta_of(answer) if answer else None)


def caller_of(ctx: Context, principal: Principal | None) -> Caller:
    """Who calls, in the words that the record keeps."""
    client = ctx.session.client_params
    info = client.client_info if client is not None else None
    caller = Caller(
        principal=principal.name if principal else "anybody",
        source="mcp",
        client_name=info.name[:100] if info else "",
        client_version=info.version[:50] if info else "",
        protocol_version=ctx.protocol_version,
    )
    return asking.askable(caller, ctx, f"key:{principal.key_id}" if principal else "")


def _result(answer: Answer, tool: PublishedTool, protocol_version: str) -> dict[str, Any]:
    result: dict[str, Any] = {"content": answer.content, "isError": answer.is_error, "_meta": asking.meta_of(answer)}
    modern = protocol_version in MODERN_PROTOCOL_VERSIONS
    if modern:
        result["resultType"] = "complete"
    if answer.is_structured:
        wrap = not modern and (tool.wraps_result or not isinstance(answer.structured, Mapping))
        result["structuredContent"] = {"result": answer.structured} if wrap else answer.structured
    return result


def _not_recorded(protocol_version: str) -> dict[str, Any]:
    text = "This call could not be recorded, so its result is not given out. Wait a little and call again."
    result: dict[str, Any] = {"content": [{"type": "text", "text": text}], "isError": True}
    if protocol_version in MODERN_PROTOCOL_VERSIONS:
        result["resultType"] = "complete"
    return result
