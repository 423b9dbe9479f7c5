"""`tools/list` and `tools/call`: from the wire to an execution and back."""

import logging
from typing import Any, NoReturn

from mcp.server.context import ServerRequestContext
from mcp.shared.exceptions import MCPError
from mcp_types import INVALID_PARAMS, CallToolRequestParams, PaginatedRequestParams
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from executions.admission.allowances import OverLimit
from executions.admission.doors import Place
from executions.ledger.idempotency_keys import MAX_CHARACTERS
from executions.ledger.unavailable import LedgerUnavailable
from executions.running.calls import Answer, Caller, Pending, call_of
from executions.running.deliveries import KeyRefused
from executions.running.refusing import refuse, refuse_unknown
from executions.running.targets import ArgumentsError
from flows.adapters import lineage
from flows.engine.questions import QuestionKind
from mcp_bridge.calls import admitting, asking, own_tools, reports, results
from mcp_bridge.calls.own_tools import OwnToolCall
from mcp_bridge.catalogue.snapshot import Catalogue, PublishedTool, Snapshot
from mcp_bridge.keys.principals import KeyUser, Principal

logger = logging.getLogger(__name__)

IDEMPOTENCY_KEY = "flowhub/idempotencyKey"
COUNTS_AS = "flowhub.counts_as"
"""Where the scope of a request has `Caller.counts_as`."""

Context = ServerRequestContext[Any, Any]


def counts_as(ctx: Context) -> str:
    """`Caller.counts_as` of who sent a message."""
    return str(ctx.request.scope[COUNTS_AS]) if ctx.request is not None else ""


def principal_of(ctx: Context) -> Principal | None:
    """The principal behind a message; None on a public server without a key."""
    user = ctx.request.scope.get("user") if ctx.request is not None else None
    return user.principal if isinstance(user, KeyUser) else None


def visible_tools(snapshot: Snapshot, principal: Principal | None) -> list[PublishedTool]:
    """The tools that this caller may see, by name."""
    return [tool for name, tool in snapshot.tools.items() if principal is None or principal.may_call(name)]


async def list_tools(catalogue: Catalogue, ctx: Context, params: PaginatedRequestParams | None) -> dict[str, Any]:
    """Answer `tools/list` in one page, in the caller's era."""
    snapshot, principal = catalogue.snapshot, principal_of(ctx)
    is_modern = ctx.protocol_version in MODERN_PROTOCOL_VERSIONS
    tools = [tool.modern if is_modern else tool.legacy for tool in visible_tools(snapshot, principal)]
    own = [own_tool.wire for own_tool in own_tools.visible(snapshot, principal).values()]
    return results.listed({"tools": [*tools, *own]}, ctx.protocol_version)


async def call(catalogue: Catalogue, ctx: Context, params: CallToolRequestParams) -> dict[str, Any]:
    """Answer `tools/call`.

    A failure that the model can repair is a result with `isError`; an unknown tool is the protocol's error -32602
    (MCP 2026-07-28, Tools, Error handling). Both leave an execution. A call over a limit is such a result too, and
    leaves none.
    """
    snapshot, principal = catalogue.snapshot, principal_of(ctx)
    tool = snapshot.tools.get(params.name)
    flow_id = tool.target.flow_id if tool is not None else None
    try:
        admitted = admitting.admit(snapshot, principal, counts_as(ctx), flow_id, is_new=params.request_state is None)
        place = admitted if isinstance(admitted, Place) else await admitted
    except OverLimit as over:
        return admitting.over_limit(over, ctx.protocol_version)
    try:
        return await _call(snapshot, principal, tool, ctx, params, place)
    finally:
        place.leave()


async def _call(
    snapshot: Snapshot,
    principal: Principal | None,
    tool: PublishedTool | None,
    ctx: Context,
    params: CallToolRequestParams,
    place: Place,
) -> dict[str, Any]:
    caller = caller_of(ctx, principal)
    try:
        # A flow's tool comes before one of FlowHub's own of the same name.
        if tool is None and (own_tool := own_tools.visible(snapshot, principal).get(params.name)) is not None:
            asked = OwnToolCall(snapshot, principal, caller, params.arguments or {}, ctx.protocol_version)
            return await own_tools.call(own_tool, asked)
        if tool is None or not (principal is None or principal.may_call(params.name)):
            await _refuse_unknown(ctx, snapshot, principal, params, caller)

        def written(answer: Answer | Pending) -> dict[str, Any]:
            looks = False
            if isinstance(answer, Answer) and answer.is_error:
                if (error := asking.cannot_be_asked(answer, ctx.protocol_version)) is not None:
                    return results.error_of(error)
                looks = own_tools.looks(snapshot, principal)
            links, wraps = snapshot.links_failures, tool.wraps_result
            result = results.result_of(answer, ctx.protocol_version, wraps=wraps, looks=looks, links=links)
            return results.signed(result, snapshot, ctx.protocol_version)

        async with reports.watching(ctx, tool.target.graph) as watch:
            key: Any = (params.meta or {}).get(IDEMPOTENCY_KEY)
            request = asking.request_of(ctx)
            arguments = params.arguments or {}
            called = await call_of(
                tool.target, arguments, caller, watch, key or "", request=request, written=written, place=place
            )
            try:
                if key is not None and not called.faults:
                    _check_key(key, caller)
                answer = await asking.converse(ctx, params, called)
            except (ArgumentsError, KeyRefused) as refusal:
                answer = await refuse(called, refusal)
    except LedgerUnavailable as error:
        logger.error("call of %.100r was not recorded: %s", params.name, error)
        text = "This call could not be recorded, so its result is not given out. Wait a little and call again."
        return results.failure(text, ctx.protocol_version)
    return answer if isinstance(answer, dict) else written(answer)


def _check_key(key: Any, caller: Caller) -> None:
    """Raises KeyRefused for an idempotency key that cannot be used."""
    if not isinstance(key, str) or not 1 <= len(key) <= MAX_CHARACTERS:
        raise KeyRefused(
            f"_meta[{IDEMPOTENCY_KEY!r}] must be a text of 1 to {MAX_CHARACTERS} characters, a UUID for example."
        )
    if not caller.identity:
        raise KeyRefused(
            f"_meta[{IDEMPOTENCY_KEY!r}] needs an API key, because strangers must not share answers. Leave it out."
        )


async def _refuse_unknown(
    ctx: Context, snapshot: Snapshot, principal: Principal | None, params: CallToolRequestParams, caller: Caller
) -> NoReturn:
    names = [tool.target.tool_name for tool in visible_tools(snapshot, principal)]
    names += own_tools.visible(snapshot, principal)
    shown = ", ".join(names[:50]) or "none yet"
    message = f"There is no tool {params.name[:100]!r} on this server. Its tools are: {shown}."

    def refusal(answer: Answer | None) -> MCPError:
        return MCPError(INVALID_PARAMS, message, data=asking.meta_of(answer) if answer else None)

    if principal is None:
        # Only known callers leave a record: strangers must not be able to fill the disk.
        raise refusal(None)
    raise refusal(
        await refuse_unknown(
            params.name,
            params.arguments or {},
            caller,
            message,
            snapshot.slug,
            snapshot.owner_id,
            asking.request_of(ctx),
            lambda answer: results.error_of(refusal(answer)),
        )
    )


def caller_of(ctx: Context, principal: Principal | None) -> Caller:
    """Who calls, in the words that the record keeps, and what they say that they can be asked."""
    client = ctx.session.client_params
    info = client.client_info if client is not None else None
    is_live = ctx.protocol_version not in MODERN_PROTOCOL_VERSIONS
    declared = ctx.session.client_capabilities if not is_live or ctx.session.can_send_request else None
    kinds: dict[QuestionKind, bool] = {}
    if declared is not None:
        forms = declared.elicitation
        # An empty object means forms (MCP 2025-11-25, Elicitation, Capabilities).
        kinds["user"] = forms is not None and (forms.form is not None or forms.url is None)
        kinds["model"] = declared.sampling is not None
        kinds["roots"] = declared.roots is not None
    return Caller(
        principal=principal.name if principal else "anybody",
        source="mcp",
        client_name=info.name[:100] if info else "",
        client_version=info.version[:50] if info else "",
        protocol_version=ctx.protocol_version,
        identity=principal.id if principal else "",
        counts_as=counts_as(ctx),
        can_be_asked=frozenset(kind for kind, is_there in kinds.items() if is_there),
        is_asked_live=is_live,
        bounds=admitting.bounds_of(principal),
        above=lineage.read(sent) if (sent := ctx.request and ctx.request.headers.get(lineage.HEADER)) else None,
    )
