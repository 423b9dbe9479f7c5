"""Ask the client in the middle of a call, in both eras.

A 2026-07-28 client is answered with what it is asked and a sealed state, and calls again with both (MCP 2026-07-28,
Multi Round-Trip Requests). A handshake client is asked over the stream of the call, which waits. Either way it is one
stored execution that goes on.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

from django.conf import settings
from mcp.server.context import ServerRequestContext
from mcp.server.request_state import RequestStateBoundary, RequestStateSecurity
from mcp.server.streamable_http import MCP_SESSION_ID_HEADER
from mcp.shared.exceptions import MCPError
from mcp.shared.message import ServerMessageMetadata
from mcp_types import (
    CONNECTION_CLOSED,
    INVALID_PARAMS,
    MISSING_REQUIRED_CLIENT_CAPABILITY,
    CreateMessageRequest,
    CreateMessageRequestParams,
    CreateMessageResult,
    CreateMessageResultWithTools,
    ElicitRequest,
    ElicitRequestFormParams,
    ElicitResult,
    ListRootsRequest,
    ListRootsResult,
)
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from pydantic import ValidationError

from executions.ledger.suspensions import AnswerRefused, Ticket
from executions.questions import resumption
from executions.questions.resumption import CallerGone, Given
from executions.running import deliveries
from executions.running.calls import Answer, Answerer, Call, Pending, Waiting, error_answer
from flows.adapters import vault
from flows.engine.questions import CAPABILITIES, MAX_ANSWER_SECONDS, Question, QuestionKind, refused
from mcp_bridge.calls import results

Context = ServerRequestContext[Any, Any]
Called = Answer | Pending | Waiting

SESSIONS = "flowhub.sessions"
"""Where the gateway keeps, in the scope of a request, the manager of its server's sessions."""

GONE_SECONDS = 10
"""How long a handshake client that is asked may have nothing open; after that it will not come back."""

_KINDS: dict[type, QuestionKind] = {
    ElicitResult: "user",
    CreateMessageResult: "model",
    CreateMessageResultWithTools: "model",
    ListRootsResult: "roots",
}


_KEPT_ELSEWHERE = frozenset({"arguments", "inputResponses", "requestState"})


class Params(Protocol):
    """Of a request that may be made again with answers: `tools/call`, `prompts/get`, `resources/read`."""

    input_responses: Any
    request_state: str | None


def boundary(slug: str) -> RequestStateBoundary:
    """The middleware that seals what goes out as request state, for this server, caller and request alone.

    How long it may be used is decided by what is stored of the execution.
    """
    # Not the keys that encrypt secrets themselves.
    keys = [vault.derived(key, b"request state") for key in dict.fromkeys(settings.VAULT_KEYS)]
    return RequestStateBoundary(
        RequestStateSecurity(keys=keys, ttl=MAX_ANSWER_SECONDS), default_audience=f"flowhub:{slug}"
    )


def goes_on(ctx: Context, params: Params) -> bool:
    """Whether a request goes on with an execution, and is no new call: the eras before 2026-07-28 know no state."""
    return ctx.protocol_version in MODERN_PROTOCOL_VERSIONS and params.request_state is not None


async def converse(ctx: Context, params: Params, call: Call) -> Answer | Pending | dict[str, Any]:
    """Make the call, or go on with the one whose state the request brings, and ask the client for as long as it takes.

    Returns the answer, or the result that asks a 2026-07-28 client, as it goes on the wire. Raises what
    `deliveries.state_of` raises, and MCPError: -32602 for a state that is not good (any more), -32021 when the flow
    failed because the client cannot be asked.
    """
    is_modern = ctx.protocol_version in MODERN_PROTOCOL_VERSIONS
    given = _given(params.input_responses) if is_modern and params.input_responses else {}
    who = Answerer(call.caller, call.target.flow_id, call.watch, call.written)
    try:
        if goes_on(ctx, params):
            state: Called = await resumption.resume(Ticket.of_text(params.request_state or ""), given, who)
            given = {}
        else:
            state = await deliveries.state_of(call)
        while isinstance(state, Waiting):
            if not is_modern:
                state = await resumption.ask_live(state, _asker(ctx, state.questions), who)
            elif given.keys() & state.questions.keys():
                # The client brought answers along with its first request.
                state, given = await resumption.resume(state.ticket, given, who), {}
            else:
                return _input_required(state)
    except AnswerRefused as error:
        if is_modern:
            raise MCPError(INVALID_PARAMS, str(error)) from None
        return error_answer(state.execution_id, str(error))
    if isinstance(state, Answer) and state.is_error:
        refusal = cannot_be_asked(state, ctx.protocol_version)
        if refusal is not None:
            raise refusal
    return state


def cannot_be_asked(answer: Answer, protocol_version: str) -> MCPError | None:
    """The error of the protocol that names what a 2026-07-28 client has not declared; None for other answers."""
    if protocol_version not in MODERN_PROTOCOL_VERSIONS or answer.error is None or answer.error.unasked is None:
        return None
    needed: dict[str, Any] = {"requiredCapabilities": {CAPABILITIES[answer.error.unasked]: {}}}
    return MCPError(MISSING_REQUIRED_CLIENT_CAPABILITY, answer.text, data=needed | results.meta_of(answer))


def request_of(ctx: Context, **params: Any) -> dict[str, Any]:
    """The client's message for the record, with `params` in place of its own; arguments and answers stand elsewhere."""
    sent = {name: value for name, value in {**(ctx.params or {}), **params}.items() if name not in _KEPT_ELSEWHERE}
    return {"id": ctx.request_id, "method": ctx.method, "params": sent}


def _given(responses: Mapping[str, Any]) -> dict[str, Given]:
    return {key: Given(_KINDS[type(response)], _plain(response)) for key, response in responses.items()}


def _plain(response: Any) -> Any:
    return response.model_dump(by_alias=True, mode="json", exclude_none=True)


def _input_required(waiting: Waiting) -> dict[str, Any]:
    requests = {key: _plain(_request(question)) for key, question in waiting.questions.items()}
    return {
        "resultType": "input_required",
        "inputRequests": requests,
        "requestState": str(waiting.ticket),
        "_meta": results.meta_of(waiting),
    }


def _request(question: Question) -> ElicitRequest | CreateMessageRequest | ListRootsRequest:
    asked = question.parameters
    if question.kind == "user":
        params = ElicitRequestFormParams(message=asked["message"], requested_schema=asked["requestedSchema"])
        return ElicitRequest(params=params)
    if question.kind == "model":
        return CreateMessageRequest(params=CreateMessageRequestParams.model_validate(dict(asked), by_name=False))
    return ListRootsRequest()


_RESULTS: dict[QuestionKind, type[Any]] = {"user": ElicitResult, "model": CreateMessageResult, "roots": ListRootsResult}


def _asker(ctx: Context, questions: Mapping[str, Question]) -> Callable[[], Awaitable[dict[str, Given]]]:
    """Asks a handshake client everything at once, over the stream of its call; raises CallerGone when there is none."""

    async def ask(question: Question) -> Given:
        # Without the id of the request it would go to another stream, which may not be open.
        metadata = ServerMessageMetadata(related_request_id=ctx.request_id)
        try:
            result = await ctx.session.send_request(_request(question), _RESULTS[question.kind], metadata=metadata)
        except MCPError as error:
            if error.code == CONNECTION_CLOSED:
                raise CallerGone from None
            return Given(question.kind, refused(error.message))
        except ValidationError:
            return Given(question.kind, refused("what it sent is no result of that request."))
        return Given(question.kind, _plain(result))

    async def ask_all() -> dict[str, Given]:
        gone = asyncio.ensure_future(_gone(ctx))
        answers = {key: asyncio.ensure_future(ask(question)) for key, question in questions.items()}
        everything = asyncio.gather(*answers.values())
        awaited: list[asyncio.Future[Any]] = [gone, everything]
        tasks = [*awaited, *answers.values()]
        try:
            await asyncio.wait(awaited, return_when=asyncio.FIRST_COMPLETED)
            if not everything.done():
                raise CallerGone
            return dict(zip(answers, everything.result(), strict=True))
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    return ask_all


async def _gone(ctx: Context) -> None:
    """Come back once the client has gone; one that lost its connection may come back for what it missed.

    Does not come back where that is not known.
    """
    scope = ctx.request.scope if ctx.request is not None else {}
    manager, seconds = scope.get(SESSIONS), 0
    while manager is None or seconds < GONE_SECONDS:
        await asyncio.sleep(1)
        if manager is not None and ctx.request is not None:
            seconds = 0 if manager.is_open(ctx.request.headers.get(MCP_SESSION_ID_HEADER, "")) else seconds + 1
