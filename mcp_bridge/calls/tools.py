"""`tools/list` and `tools/call`: from the wire to an execution and back."""

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from typing import Any, NoReturn

from django.conf import settings
from mcp.server.context import ServerRequestContext
from mcp.shared.exceptions import MCPError
from mcp_types import (
    INVALID_PARAMS,
    CallToolRequestParams,
    ClientCapabilities,
    Implementation,
    PaginatedRequestParams,
)
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from executions.admission.allowances import Bounds, OverLimit, of_stranger
from executions.admission.doors import Place, doors
from executions.ledger.idempotency_keys import MAX_CHARACTERS
from executions.ledger.unavailable import LedgerUnavailable
from executions.running.calls import Answer, Call, Caller, Pending, Watch, call_of
from executions.running.deliveries import KeyRefused
from executions.running.refusing import refuse, refuse_unknown
from executions.running.targets import ArgumentsError
from flows.adapters import lineage
from flows.engine.questions import QuestionKind
from mcp_bridge.calls import asking, own_tools, reports, results
from mcp_bridge.calls.own_tools import OwnToolCall
from mcp_bridge.catalogue.snapshot import Catalogue, PublishedTool, Snapshot
from mcp_bridge.keys.principals import KeyUser, Principal

logger = logging.getLogger(__name__)

IDEMPOTENCY_KEY = "flowhub/idempotencyKey"
RETRY_AFTER = "flowhub/retryAfterSeconds"
"""In `_meta`: clients compare structured content with the tool's output schema, also that of an error."""
OVER_LIMIT = -32005
"""The error for a prompt or resource of a flow, and for a large message that is not read for it. MCP leaves -32000 to
-32019 to implementations; this one means the same elsewhere (EIP-1474, Error codes).
"""
COUNTS_AS = "flowhub.counts_as"
"""Where the scope of a request has `Caller.counts_as`."""

Context = ServerRequestContext[Any, Any]


def counts_as(ctx: Context) -> str:
    """`Caller.counts_as` of who sent a message."""
    return str(ctx.request.scope[COUNTS_AS]) if ctx.request is not None else ""


def principal_in(scope: Mapping[str, Any]) -> Principal | None:
    """The principal behind a request; None on a public server without a key."""
    user = scope.get("user")
    return user.principal if isinstance(user, KeyUser) else None


def principal_of(ctx: Context) -> Principal | None:
    """The principal behind a message that came through the SDK."""
    return principal_in(ctx.request.scope) if ctx.request is not None else None


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


@dataclass(slots=True, eq=False)
class ToolCall:
    """A call of a flow's tool by somebody who may make it, whichever way it came: through the SDK, or past it."""

    snapshot: Snapshot
    principal: Principal | None
    caller: Caller
    tool: PublishedTool
    arguments: Mapping[str, Any]
    request: Mapping[str, Any]
    """What the record keeps of the client's message."""
    key: Any = None
    """The idempotency key, as it was sent."""
    _told: tuple[Answer | Pending, dict[str, Any]] | None = field(default=None, init=False)
    """The last answer, and the message that it became: the record and the client have the same."""

    async def answered(
        self, place: Place, watch: Watch | None, run: Callable[[Call], Awaitable[Answer | Pending | dict[str, Any]]]
    ) -> dict[str, Any]:
        """The result as it goes on the wire: of the answer that `run` has, or of the refusal of the call.

        Raises what `run` raises besides ArgumentsError and KeyRefused.
        """
        called = await call_of(
            self.tool.target,
            self.arguments,
            self.caller,
            watch,
            self.key or "",
            request=self.request,
            written=self._written,
            place=place,
        )
        try:
            if self.key is not None and not called.faults:
                _check_key(self.key, self.caller)
            answer = await run(called)
        except (ArgumentsError, KeyRefused) as refusal:
            answer = await refuse(called, refusal)
        return answer if isinstance(answer, dict) else self._written(answer)

    def _written(self, answer: Answer | Pending) -> dict[str, Any]:
        if self._told is not None and self._told[0] is answer:
            return self._told[1]
        version, looks = self.caller.protocol_version, False
        if isinstance(answer, Answer) and answer.is_error:
            if (error := asking.cannot_be_asked(answer, version)) is not None:
                return results.error_of(error)
            looks = own_tools.looks(self.snapshot, self.principal)
        links, wraps = self.snapshot.links_failures, self.tool.wraps_result
        result = results.result_of(answer, version, wraps=wraps, looks=looks, links=links)
        self._told = answer, results.signed(result, self.snapshot, version)
        return self._told[1]


def tool_of(snapshot: Snapshot, principal: Principal | None, name: str) -> PublishedTool | None:
    """The flow's tool of that name, if this caller may call it."""
    return snapshot.tools.get(name) if principal is None or principal.may_call(name) else None


async def admit(
    snapshot: Snapshot, principal: Principal | None, counts_as: str, flow_id: int | None, *, is_new: bool = True
) -> Place:
    """Let a call in, as `doors.admit` does; raises OverLimit.

    It is counted to the key; of strangers to what they count as, `Caller.counts_as`, at this server.
    """
    if principal is not None:
        caller = principal.allowance
    else:
        caller = of_stranger(counts_as, snapshot.server_id, *snapshot.stranger_calls)
    admitted = doors.admit((caller, snapshot.allowance), flow_id, snapshot.server_id, is_new=is_new)
    return admitted if isinstance(admitted, Place) else await admitted


async def look(snapshot: Snapshot, stranger: str) -> None:
    """Raise OverLimit where a stranger, by what they count as, would not be let in; nothing is taken."""
    await doors.look((of_stranger(stranger, snapshot.server_id, *snapshot.stranger_calls),), snapshot.server_id)


async def within_limits(
    snapshot: Snapshot,
    principal: Principal | None,
    counts_as: str,
    tool: PublishedTool | None,
    protocol_version: str,
    run: Callable[[Place], Awaitable[dict[str, Any]]],
    *,
    is_new: bool = True,
) -> dict[str, Any]:
    """The result of a call, which `run` makes if the limits of its caller and of the server let it in.

    `counts_as` is that of the caller; one that goes on with an execution is not new.
    """
    flow_id = tool.target.flow_id if tool is not None else None
    try:
        place = await admit(snapshot, principal, counts_as, flow_id, is_new=is_new)
    except OverLimit as over:
        # No client waits for Retry-After, but its model reads a sentence.
        refused = results.failure(str(over), protocol_version) | {"_meta": {RETRY_AFTER: over.seconds}}
        return results.signed(refused, snapshot, protocol_version)
    try:
        return await run(place)
    finally:
        place.leave()


async def call(catalogue: Catalogue, ctx: Context, params: CallToolRequestParams) -> dict[str, Any]:
    """Answer `tools/call`.

    A failure that the model can repair is a result with `isError`; an unknown tool is the protocol's error -32602
    (MCP 2026-07-28, Tools, Error handling). Both leave an execution. A call over a limit is such a result too, and
    leaves none.
    """
    snapshot, principal = catalogue.snapshot, principal_of(ctx)
    tool, run = snapshot.tools.get(params.name), partial(_call, snapshot, principal, ctx, params)
    is_new = not asking.goes_on(ctx, params)
    return await within_limits(snapshot, principal, counts_as(ctx), tool, ctx.protocol_version, run, is_new=is_new)


async def _call(
    snapshot: Snapshot, principal: Principal | None, ctx: Context, params: CallToolRequestParams, place: Place
) -> dict[str, Any]:
    arguments = params.arguments or {}
    caller, tool = caller_of(ctx, principal), tool_of(snapshot, principal, params.name)
    try:
        if tool is None:
            # None of a flow's tools has one of these names: then the server does without that tool.
            if (own_tool := own_tools.visible(snapshot, principal).get(params.name)) is None:
                await _refuse_unknown(ctx, snapshot, principal, params, caller)
            return await own_tools.call(
                own_tool, OwnToolCall(snapshot, principal, caller, arguments, ctx.protocol_version)
            )
        key = (params.meta or {}).get(IDEMPOTENCY_KEY)
        asked = ToolCall(snapshot, principal, caller, tool, arguments, asking.request_of(ctx), key)
        async with reports.watching(ctx, tool.target.graph) as watch:
            return await asked.answered(place, watch, lambda called: asking.converse(ctx, params, called))
    except LedgerUnavailable as error:
        return not_recorded(snapshot, params.name, ctx.protocol_version, error)


def not_recorded(snapshot: Snapshot, tool_name: str, protocol_version: str, error: LedgerUnavailable) -> dict[str, Any]:
    """The result of a call that has no record, so that nobody is told what came of it."""
    logger.error("call of %.100r was not recorded: %s", tool_name, error)
    text = "This call could not be recorded, so its result is not given out. Wait a little and call again."
    return results.signed(results.failure(text, protocol_version), snapshot, protocol_version)


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
        return MCPError(INVALID_PARAMS, message, data=results.meta_of(answer) if answer else None)

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


@dataclass(frozen=True, slots=True, eq=False)
class Client:
    """The program that calls, in the words that the record keeps, and what it says that it can be asked."""

    name: str
    version: str
    protocol_version: str
    can_be_asked: frozenset[QuestionKind]

    @classmethod
    def of(cls, protocol_version: str, info: Implementation | None, declared: ClientCapabilities | None) -> "Client":
        """As it says of itself, at the handshake or with each request."""
        kinds: dict[QuestionKind, bool] = {}
        if declared is not None:
            forms = declared.elicitation
            # An empty object means forms (MCP 2025-11-25, Elicitation, Capabilities).
            kinds["user"] = forms is not None and (forms.form is not None or forms.url is None)
            kinds["model"] = declared.sampling is not None
            kinds["roots"] = declared.roots is not None
        return cls(
            name=info.name[:100] if info else "",
            version=info.version[:50] if info else "",
            protocol_version=protocol_version,
            can_be_asked=frozenset(kind for kind, is_there in kinds.items() if is_there),
        )

    def calling(self, principal: Principal | None, counts_as: str, sent_lineage: str | None) -> Caller:
        """Who makes a call with it; `sent_lineage` is the header of a call that another execution makes."""
        if principal is not None:
            caller = _caller(self, principal.name, principal.id, counts_as)
        else:
            bounds = Bounds(settings.MAX_STRANGER_FAMILY, settings.MAX_STRANGER_WAITING)
            caller = replace(_caller(self, "anybody", "", counts_as), bounds=bounds)
        return replace(caller, above=lineage.read(sent_lineage)) if sent_lineage else caller


@lru_cache(maxsize=1000)
def _caller(client: Client, principal: str, identity: str, counts_as: str) -> Caller:
    """The same for every call of a client: made once."""
    return Caller(
        principal=principal,
        source="mcp",
        client_name=client.name,
        client_version=client.version,
        protocol_version=client.protocol_version,
        identity=identity,
        counts_as=counts_as,
        can_be_asked=client.can_be_asked,
        is_asked_live=client.protocol_version not in MODERN_PROTOCOL_VERSIONS,
    )


def caller_of(ctx: Context, principal: Principal | None) -> Caller:
    """Who makes a request that came through the SDK."""
    client = ctx.session.client_params
    can_be_reached = ctx.protocol_version in MODERN_PROTOCOL_VERSIONS or ctx.session.can_send_request
    declared = ctx.session.client_capabilities if can_be_reached else None
    found = Client.of(ctx.protocol_version, client.client_info if client is not None else None, declared)
    sent_lineage = ctx.request.headers.get(lineage.HEADER) if ctx.request is not None else None
    return found.calling(principal, counts_as(ctx), sent_lineage)
