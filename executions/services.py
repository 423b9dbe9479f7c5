"""Start, refuse, cancel and try out executions: the one way in for MCP, pages and REST."""

import asyncio
import uuid
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache
from typing import Any, TypeVar

from asgiref.sync import async_to_sync
from django.conf import settings
from django.db import DatabaseError
from django.urls import reverse

from executions import payload
from executions.database import in_database
from executions.dispatch import dispatcher
from executions.guard import Guard
from executions.ledger import LedgerUnavailable, ledger
from executions.models import Execution, new_id
from executions.recovery import INTERRUPTED, heart
from executions.redaction import Redactor
from executions.status import Status
from executions.tracker import Tracker, error_columns
from flows.engine.errors import Fault
from flows.engine.expressions import SecretValues
from flows.engine.graph import Graph
from flows.engine.node import Services
from flows.engine.runner import FlowError, Outcome, run
from flows.models import Flow, FlowVersion
from flows.outbound import outbound_client
from flows.schemas import CompiledSchema, compile_schema
from flows.services import graph_of, secret_values

ENDED_ELSEWHERE = (
    "This execution was ended from outside while it ran (its deadline passed, or its process was taken for dead), "
    "so its result is not given out. Its page says more."
)
NO_RETURN = "The flow ended without a return node, so there is nothing to answer."
_NO_SECRETS = SecretValues()

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who called: `principal` is the key or user in words, the rest is what the client says of itself."""

    principal: str
    source: str
    client_name: str = ""
    client_version: str = ""
    protocol_version: str = ""
    replay_of: uuid.UUID | None = None
    """The execution whose parameters are sent once more."""

    def as_json(self) -> dict[str, str]:
        """The stored form."""
        return {
            "clientName": self.client_name,
            "clientVersion": self.client_version,
            "protocolVersion": self.protocol_version,
            "principal": self.principal,
            "source": self.source,
        }


@dataclass(frozen=True, slots=True)
class Target:
    """What is called: a flow's version (or its draft) made ready to run, and the names that its record keeps."""

    flow_id: int | None
    version_id: int | None
    owner_id: int | None
    flow_name: str
    tool_name: str
    server_slug: str
    graph: Graph
    input_schema: CompiledSchema
    timeout_seconds: float
    defaults: Mapping[str, Any]
    guard: Guard = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "guard", Guard.of(self.graph, self.input_schema))


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back to the caller: MCP content blocks, the JSON value if the flow returned one, the execution's id."""

    execution_id: uuid.UUID
    content: list[dict[str, Any]]
    structured: Any = None
    is_structured: bool = False
    is_error: bool = False

    def as_json(self) -> dict[str, Any]:
        """The stored form of the result, as MCP writes it."""
        result: dict[str, Any] = {"content": self.content, "isError": self.is_error}
        if self.is_structured:
            result["structuredContent"] = self.structured
        return result

    def without(self, redactor: Redactor) -> "Answer":
        """The same answer without the values that the redactor knows (reliability invariant I5)."""
        if not redactor.values:
            return self
        scrub = redactor.scrub_message if self.is_error else redactor.scrub_text
        content = [block | {"text": scrub(block["text"])} for block in self.content]
        return replace(self, content=content, structured=redactor.scrub(self.structured))


class ArgumentsError(ValueError):
    """Arguments break the flow's input schema; `faults` says each at its path."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        super().__init__("; ".join(str(fault) for fault in faults))
        self.faults = faults


def argument_faults(target: Target, arguments: Any) -> list[Fault]:
    """What is wrong with the arguments of a call, without the write-only values and credentials among them."""
    faults = target.input_schema.faults(arguments)
    return target.guard.unquoted(faults, arguments) if faults else faults


def defaults_of(input_schema: Mapping[str, Any]) -> dict[str, Any]:
    """The values of parameters that a call leaves out; the record keeps what was sent, the trigger puts out both."""
    properties = input_schema.get("properties", {})
    return {
        name: value["default"] for name, value in properties.items() if isinstance(value, dict) and "default" in value
    }


def execution_url(execution_id: uuid.UUID) -> str:
    """The address of an execution's page, for people and for clients."""
    return _url_around().format(execution_id)


@cache
def _url_around() -> str:
    """The address with a hole for the id: resolving the route on every call would cost more than running a flow."""
    sample = uuid.UUID(int=0)
    return settings.PUBLIC_URL + reverse("executions:detail", args=[sample]).replace(str(sample), "{}")


async def call(target: Target, arguments: Any, caller: Caller) -> Answer:
    """Run a flow and return its answer once its record is durable.

    Arguments have been checked by the caller of this function. Cancelling the waiting task cancels the execution,
    which is recorded all the same. Raises LedgerUnavailable when no record can be written; then nothing was answered
    as done.
    """
    execution_id, task = await start(target, arguments, caller)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        dispatcher.cancel(execution_id)
        raise


async def start(target: Target, arguments: Any, caller: Caller) -> tuple[uuid.UUID, asyncio.Task[Answer]]:
    """Begin to run a flow, in a task that outlives whoever waits for it; raises LedgerUnavailable."""
    if not heart.is_beating:
        await in_database(heart.start)
    await ledger.admit()
    execution_id = new_id()
    return execution_id, dispatcher.start(execution_id, _execute(execution_id, target, arguments, caller))


async def _execute(execution_id: uuid.UUID, target: Target, arguments: Any, caller: Caller) -> Answer:
    started_at = datetime.now(UTC)
    given = {**target.defaults, **arguments}
    secrets = await _secrets_of(target) if target.graph.secret_names else _NO_SECRETS
    for_answer, for_record = target.guard.redactors(given, secrets)
    tracker = Tracker(ledger, execution_id, started_at, for_record)
    ledger.open(_pending_row(execution_id, started_at, target, arguments, caller, for_record))
    services = Services(str(execution_id), outbound_client(), _roots(execution_id, target), secrets)
    try:
        outcome = await run(
            target.graph,
            given,
            services=services,
            observers=(tracker.observe,),
            before_effects=tracker.before_effects,
            timeout=target.timeout_seconds,
        )
        error = outcome.error
        answer = _answer(execution_id, outcome).without(for_answer)
    except asyncio.CancelledError:
        error = _stopped()
        answer = error_answer(execution_id, error.message)
    if not await _end(tracker, answer, error):
        return error_answer(execution_id, ENDED_ELSEWHERE)
    return answer


def _stopped() -> FlowError:
    if dispatcher.is_closing:
        return FlowError("interrupted", INTERRUPTED, INTERRUPTED)
    message = "The execution was cancelled before the flow finished."
    return FlowError("cancelled", message, message)


async def _end(tracker: Tracker, answer: Answer, error: FlowError | None) -> bool:
    """Write the end, whatever happens to the task that asks for it; False when somebody else had written one."""
    return (await _uninterrupted(tracker.end(answer.as_json(), error)))[0]


async def _uninterrupted(work: Awaitable[T]) -> tuple[T, bool]:
    """Wait for `work` to its end; returns also whether this task was asked to stop meanwhile."""
    ending, was_cancelled = asyncio.ensure_future(work), False
    while not ending.done():
        try:
            await asyncio.shield(ending)
        except asyncio.CancelledError:
            was_cancelled = True
    return ending.result(), was_cancelled


async def _secrets_of(target: Target) -> SecretValues:
    """The secrets that the graph names, read in a worker thread; raises LedgerUnavailable without a database.

    Read before the pending row is made, which must not hold their values; so a call that is cancelled meanwhile goes
    on until it has left its record.
    """

    reading = in_database(lambda: secret_values(target.flow_id, target.graph.secret_names))
    try:
        values, was_cancelled = await _uninterrupted(reading)
    except DatabaseError as error:
        raise LedgerUnavailable("the secrets of the flow could not be read") from error
    task = asyncio.current_task()
    if was_cancelled and task is not None:
        task.cancel()
    return values


def _answer(execution_id: uuid.UUID, outcome: Outcome) -> Answer:
    if outcome.error is not None:
        return error_answer(execution_id, outcome.error.for_client)
    if not outcome.replies:
        return Answer(execution_id, [{"type": "text", "text": NO_RETURN}])
    content = [{"type": "text", "text": reply.text} for reply in outcome.replies]
    structured = [reply.structured for reply in outcome.replies if reply.is_structured]
    # Several JSON answers have no single value; each is in the text blocks.
    is_structured = len(structured) == 1
    return Answer(execution_id, content, structured[0] if is_structured else None, is_structured)


def error_answer(execution_id: uuid.UUID, message: str) -> Answer:
    """A failure in words that the model can act on."""
    return Answer(execution_id, [{"type": "text", "text": message}], is_error=True)


def _roots(execution_id: uuid.UUID, target: Target) -> dict[str, Any]:
    return {
        "execution": {"id": str(execution_id), "flowName": target.flow_name, "toolName": target.tool_name},
        "flowhub": {"url": settings.PUBLIC_URL},
    }


def _pending_row(
    execution_id: uuid.UUID, started_at: datetime, target: Target, arguments: Any, caller: Caller, redactor: Redactor
) -> dict[str, Any]:
    return _base_row(execution_id, started_at, target.guard.masked(arguments), caller, redactor) | {
        "flow_id": target.flow_id,
        "flow_version_id": target.version_id,
        "owner_id": target.owner_id,
        "flow_name": target.flow_name,
        "flow_tool_name": target.tool_name,
        "server_slug": target.server_slug,
        "runner_id": heart.runner_id,
        "deadline_at": started_at + timedelta(seconds=target.timeout_seconds),
    }


def _base_row(
    execution_id: uuid.UUID, started_at: datetime, arguments: Any, caller: Caller, redactor: Redactor
) -> dict[str, Any]:
    arguments = payload.cleaned(arguments, redactor)
    return {
        **_caller_columns(caller),
        "id": execution_id,
        "status": Status.PENDING.value,
        "started_at": started_at,
        "updated_at": started_at,
        "initial_params": payload.dump(arguments, redactor=None),
        "params_preview": payload.preview(arguments),
        "node_executions": "[]",
        "error_kind": "",
        "failed_node_name": "",
        "error_preview": "",
        "is_pinned": False,
        "replay_of_id": caller.replay_of,
    }


@lru_cache(maxsize=1000)
def _caller_columns(caller: Caller) -> dict[str, Any]:
    """The same for every call of a client: made once."""
    name = " ".join(filter(None, [caller.client_name, caller.client_version])) or caller.source
    return {
        "caller": payload.dump(caller.as_json()),
        "caller_name": payload.clean_text(f"{name} with {caller.principal}")[:200],
        "source": caller.source,
    }


async def reject(
    tool_name: str,
    arguments: Any,
    caller: Caller,
    message: str,
    *,
    preview: str = "",
    target: Target | None = None,
    server_slug: str = "",
    owner_id: int | None = None,
) -> Answer:
    """Record a call that is refused before any node runs (FR-001) and return the refusal as an answer.

    `preview` is the reason in a few words, for lists.
    """
    execution_id, now = new_id(), datetime.now(UTC)
    answer = error_answer(execution_id, message)
    redactor = Redactor.none if target is None else target.guard.redactors(arguments, _NO_SECRETS)[1]
    if target is not None:
        row = _pending_row(execution_id, now, target, arguments, caller, redactor)
    else:
        name = payload.clean_text(tool_name)
        names = {"flow_name": name[:200], "flow_tool_name": name[:128], "server_slug": server_slug}
        row = _base_row(execution_id, now, arguments, caller, redactor) | names | {"owner_id": owner_id}
    ledger.open(row)
    terminal = {
        "status": Status.ERROR.value,
        "ended_at": now,
        "updated_at": now,
        "duration_ms": 0.0,
        "result": payload.dump(answer.as_json()),
    } | error_columns(FlowError("rejected", message, message))
    if preview:
        terminal["error_preview"] = payload.clean_text(preview)[:200]
    await ledger.close(execution_id, terminal)
    return answer


# --- Trying a flow out, and stopping one: called from pages and REST, which are synchronous ---------------------------


def try_draft(flow: Flow, arguments: Any, user: Any) -> Execution:
    """Run the saved draft and return its execution.

    Raises DefinitionError for a draft that is no graph, ArgumentsError for arguments that break its input schema.
    """
    return _try(draft_target(flow), arguments, user)


def try_published(flow: Flow, arguments: Any, user: Any) -> Execution:
    """Run what clients call now and return its execution; raises ArgumentsError; ValueError when unpublished."""
    return _try(published_target(flow), arguments, user)


def draft_target(flow: Flow) -> Target:
    """The saved draft, ready to run; raises DefinitionError."""
    return _target_of(flow, flow.definition, flow.input_schema, flow.timeout_seconds, None)


def published_target(flow: Flow) -> Target:
    """What clients call now, ready to run; raises ValueError when the flow is not published."""
    version = flow.published_version
    if version is None:
        raise ValueError("The flow is not published yet.")
    schema = version.contract["inputSchema"]
    return _target_of(flow, version.definition, schema, version.timeout_seconds, version)


def _target_of(flow: Flow, definition: Any, schema: Any, timeout: float, version: FlowVersion | None) -> Target:
    return Target(
        flow_id=flow.pk,
        version_id=version.pk if version else None,
        owner_id=flow.server.owner_id,
        flow_name=flow.name,
        tool_name=flow.tool_name,
        server_slug=flow.server.slug,
        graph=graph_of(definition),
        input_schema=compile_schema(schema),
        timeout_seconds=timeout,
        defaults=defaults_of(schema),
    )


def _try(target: Target, arguments: Any, user: Any) -> Execution:
    faults = tuple(argument_faults(target, arguments))
    if faults:
        raise ArgumentsError(faults)
    caller = Caller(principal=f"user {user.get_username()}", source=Execution.Source.TEST.value)
    answer = async_to_sync(call)(target, arguments, caller)
    return Execution.objects.get(pk=answer.execution_id)


def cancel(execution: Execution, user: Any) -> bool:
    """Ask a pending execution to stop; False when it has ended or runs in another process."""
    return execution.status == Status.PENDING and dispatcher.cancel(execution.pk)


__all__ = [
    "Answer",
    "ArgumentsError",
    "Caller",
    "LedgerUnavailable",
    "Target",
    "argument_faults",
    "call",
    "cancel",
    "defaults_of",
    "draft_target",
    "error_answer",
    "execution_url",
    "published_target",
    "reject",
    "start",
    "try_draft",
    "try_published",
]
