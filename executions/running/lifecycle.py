"""Start, refuse and try out executions: the one way in for MCP, pages and REST."""

import asyncio
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, TypeVar

from asgiref.sync import async_to_sync
from django.conf import settings
from django.db import DatabaseError

from executions.database import in_database
from executions.ledger import drafts, kept_answers, suspensions
from executions.ledger.suspensions import Held, NotStorable
from executions.ledger.tracker import Tracker, error_columns
from executions.ledger.writer import NOT_RECORDED, LedgerUnavailable, ledger
from executions.models import CallKey, Execution, new_id
from executions.privacy.redactor import Redactor
from executions.record import payload, ports
from executions.record.status import Status
from executions.running.calls import Answer, Caller, Delivery, Parent, Waiting, error_answer
from executions.running.children import Children, ends_at
from executions.running.dispatch import cancel_again, dispatcher, uninterrupted
from executions.running.first_row import base_row, child_columns, pending_row
from executions.running.recovery import INTERRUPTED, heart
from executions.running.switching import Offers
from executions.running.targets import (
    ArgumentsError,
    Target,
    argument_faults,
    draft_target,
    published_target,
)
from flows.adapters.http_client import outbound_client
from flows.adapters.sandbox import code_runner
from flows.engine.events import Observer
from flows.engine.expressions import SecretValues
from flows.engine.limits import Limits
from flows.engine.node import Reply, Reused, Services
from flows.engine.pauses import Checkpoint, Resumption
from flows.engine.runner import NOTHING_REUSED, FlowError, Outcome, run
from flows.models import Flow
from flows.publishing.versions import secret_values

ENDED_ELSEWHERE = (
    "This execution was ended from outside while it ran (its deadline passed, or its process was taken for dead), "
    "so its result is not given out. Its page says more."
)
NO_RETURN = "The flow ended without a return node, so there is nothing to answer."
CANCELLED = "The execution was cancelled before the flow finished. Call again if its answer is still wanted."
PARENT_ENDED = "The execution that called this one ended before it did, so it was cancelled."
NO_ANSWERS: Mapping[str, Any] = MappingProxyType({})
_NO_SECRETS = SecretValues()

T = TypeVar("T")

Watch = Callable[[Redactor], Observer]
"""Makes an observer of one execution, which passes on nothing that the redactor hides."""


async def call(target: Target, arguments: Any, caller: Caller, watch: Watch | None = None) -> Answer | Waiting:
    """Run a flow and return its answer once its record is durable, or what it asks a caller that can be asked.

    Arguments have been checked by the caller of this function. Cancelling the waiting task cancels the execution,
    which is recorded all the same. Raises LedgerUnavailable when no record can be written; then nothing was answered
    as done. `watch` makes an observer of the execution.
    """
    return await waited_for(*await start(target, arguments, caller, watch=watch))


async def waited_for(execution_id: uuid.UUID, task: asyncio.Task[T]) -> T:
    """The result of an execution's task; whoever stops waiting for it cancels it."""
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        if not task.done():
            dispatcher.cancel(execution_id)
        elif not task.cancelled() and task.exception() is None and isinstance(task.result(), Waiting):
            # Nobody will get the questions that it has just come back with.
            error = stopped(None)
            ending = in_database(lambda: suspensions.end(execution_id, error.kind, error.message))
            dispatcher.start(execution_id, ending)
        raise


async def start(
    target: Target,
    arguments: Any,
    caller: Caller,
    parent: Parent | None = None,
    reused: Mapping[str, Reused] = NOTHING_REUSED,
    watch: Watch | None = None,
    delivery: Delivery | None = None,
) -> tuple[uuid.UUID, asyncio.Task[Answer | Waiting]]:
    """Begin to run a flow, in a task that outlives whoever waits for it; raises LedgerUnavailable.

    `reused` holds what some nodes gave in an earlier execution, which stands for executing them. `watch` is given what
    the record must not hold, and makes an observer of it. With a delivery, somebody may come back for the answer, or
    may have called before with the same idempotency key.
    """
    await admit()
    if target.draft is not None and target.draft_digest is not None:
        await _keep_draft(target.draft_digest, target.draft["definition"])
    execution_id = new_id()
    work = _execute(execution_id, target, arguments, caller, parent, reused, watch, delivery)
    return execution_id, dispatcher.start(execution_id, work)


async def _keep_draft(digest: str, definition: Any) -> None:
    try:
        await in_database(lambda: drafts.keep(digest, definition))
    except DatabaseError as error:
        raise LedgerUnavailable(f"the draft could not be kept: {error}") from error


async def admit() -> None:
    """Wait until this process can run and record one more execution; raises LedgerUnavailable."""
    if not heart.is_beating:
        await in_database(heart.start)
    await ledger.admit()


def go_on(
    target: Target, held: Held, answers: Mapping[str, Any], caller: Caller, watch: Watch | None = None
) -> tuple[uuid.UUID, asyncio.Task[Answer | Waiting]]:
    """Go on with an execution that waited, and that this process has claimed; `answers` are by node id.

    What it was called with is in `held`. Its task outlives whoever waits for it, as that of `start`.
    """
    original = Caller(
        **held.caller,
        identity=caller.identity,
        can_be_asked=caller.can_be_asked,
        is_asked_live=caller.is_asked_live,
    )
    # What had to wait may have a caller who was told to come back, or who sends its idempotency key again.
    delivery = Delivery(keeps=True)
    work = _execute(
        held.execution_id, target, held.arguments, original, None, NOTHING_REUSED, watch, delivery, held, answers
    )
    return held.execution_id, dispatcher.start(held.execution_id, work)


async def _execute(
    execution_id: uuid.UUID,
    target: Target,
    arguments: Any,
    caller: Caller,
    parent: Parent | None,
    reused: Mapping[str, Reused],
    watch: Watch | None,
    delivery: Delivery | None = None,
    held: Held | None = None,
    answers: Mapping[str, Any] = NO_ANSWERS,
) -> Answer | Waiting:
    started_at = held.started_at if held else datetime.now(UTC)
    # The record keeps what was sent, the trigger puts out what it means.
    given, _ = target.input_schema.accept(arguments)
    try:
        secrets = await _secrets_of(target) if target.graph.secret_names else _NO_SECRETS
    except LedgerUnavailable:
        if held is not None:
            _give_up(Tracker(ledger, execution_id, started_at, Redactor.none.knowing(held.hidden), held.entries))
        raise
    for_answer, for_record = target.guard.redactors(given, secrets)
    timeout = target.timeout_seconds
    if parent is not None:
        for_record, timeout = for_record.knowing(parent.hidden), parent.seconds_for(timeout)
    if held is not None:
        for_answer, for_record = for_answer.knowing(held.hidden_in_answer), for_record.knowing(held.hidden)
    tracker = Tracker(ledger, execution_id, started_at, for_record, held.entries if held else ())
    if held is None:
        row = pending_row(execution_id, started_at, target, arguments, caller, for_record)
        if delivery is None or delivery.claim is None:
            ledger.open(row if parent is None else row | child_columns(parent, started_at, timeout))
        elif not await _claimed(row, delivery.claim.row(execution_id, started_at, timeout)):
            delivery.is_beaten = True
            return _ended_elsewhere(execution_id)
    spent = held.checkpoint.seconds if held else 0.0
    services = Services(
        str(execution_id),
        outbound_client(),
        _roots(execution_id, target, caller, started_at),
        secrets,
        flows=Children.of(target, caller, parent, ends_at(timeout - spent), tracker, start),
        tools=ports.tools,
        code=code_runner(),
        offers=Offers(target),
        cannot_ask=caller.cannot_be_asked(is_flow=parent is not None),
    )
    try:
        outcome = await run(
            target.graph,
            given,
            services=services,
            observers=(tracker.observe,) if watch is None else (tracker.observe, watch(for_record)),
            before_effects=tracker.before_effects,
            timeout=timeout,
            limits=Limits(settings.MAX_ANSWER_BYTES, settings.MAX_OUTPUTS_BYTES),
            reused=reused,
            output_schema=target.output_schema,
            resumed=Resumption(held.checkpoint, answers, tracker.seconds) if held else None,
        )
        if outcome.paused is not None:
            step = held.step + 1 if held else 0
            paused = _Paused(target, arguments, caller, tracker, for_answer, outcome.paused, step, delivery)
            return await paused.hold()
        error = outcome.error
        answer = _answer(execution_id, outcome).without(for_answer)
    except asyncio.CancelledError:
        error = stopped(parent)
        answer = error_answer(execution_id, error.message, error)
    if not await _end(tracker, answer, error, delivery):
        return _ended_elsewhere(execution_id)
    return answer


@dataclass(frozen=True, slots=True)
class _Paused:
    """An execution of which nothing is left that could go on without answers."""

    target: Target
    arguments: Any
    caller: Caller
    tracker: Tracker
    for_answer: Redactor
    checkpoint: Checkpoint
    step: int
    delivery: Delivery | None

    async def hold(self) -> Answer | Waiting:
        """Store it durably, so that the caller can be asked; or end it, when that cannot be done."""
        held = self._held()
        try:
            is_held, was_cancelled = await uninterrupted(self._store(held))
        except NotStorable as reason:
            message = f"The flow cannot wait for an answer: {reason}"
            failed = FlowError("node_failed", message, message)
            answer = error_answer(held.execution_id, message, failed)
            return (
                answer
                if await _end(self.tracker, answer, failed, self.delivery)
                else _ended_elsewhere(held.execution_id)
            )
        if not is_held:
            return _ended_elsewhere(held.execution_id)
        if was_cancelled and (self.caller.is_asked_live or not dispatcher.is_closing):
            error = stopped(None)
            await uninterrupted(in_database(lambda: suspensions.end(held.execution_id, error.kind, error.message)))
            return error_answer(held.execution_id, error.message, error)
        return waiting(held, self.target, self.for_answer)

    async def _store(self, held: Held) -> bool:
        await self.tracker.pause()
        runner_id = heart.runner_id if self.caller.is_asked_live else None
        seconds = max(each.question.seconds for each in self.checkpoint.asking.values())
        try:
            is_held = await in_database(lambda: suspensions.hold(held, self.caller.identity, seconds, runner_id))
        except DatabaseError as error:
            _give_up(self.tracker)
            raise LedgerUnavailable("that the execution waits could not be recorded") from error
        ledger.release(held.execution_id)
        return is_held

    def _held(self) -> Held:
        caller = self.caller
        return Held(
            execution_id=self.tracker.execution_id,
            started_at=self.tracker.started_at,
            timeout_seconds=self.target.timeout_seconds,
            version_id=self.target.version_id,
            draft=self.target.draft,
            arguments=self.arguments,
            caller={
                "principal": caller.principal,
                "source": caller.source,
                "client_name": caller.client_name,
                "client_version": caller.client_version,
                "protocol_version": caller.protocol_version,
            },
            checkpoint=self.checkpoint,
            entries=self.tracker.nodes.entries,
            hidden_in_answer=self.for_answer.values,
            hidden=self.tracker.redactor.values,
            step=self.step,
        )


def waiting(held: Held, target: Target, redactor: Redactor) -> Waiting:
    """What an execution asks, by the slugs of its nodes, without what `redactor` hides."""
    questions = {
        target.graph.nodes[node_id].slug: replace(
            each.question, parameters=redactor.scrub(dict(each.question.parameters))
        )
        for node_id, each in held.checkpoint.asking.items()
    }
    return Waiting(held.ticket, questions, max(question.seconds for question in questions.values()))


def _ended_elsewhere(execution_id: uuid.UUID) -> Answer:
    return error_answer(execution_id, ENDED_ELSEWHERE)


def _give_up(tracker: Tracker) -> None:
    """Have the record say that it is not complete, as soon as the database can be written again."""
    ending = tracker.end({"content": [], "isError": True}, FlowError("record_error", NOT_RECORDED, NOT_RECORDED))
    ending.add_done_callback(lambda ended: ended.exception())


def stopped(parent: Parent | None) -> FlowError:
    """Why what runs was cancelled."""
    if dispatcher.is_closing:
        return FlowError("interrupted", INTERRUPTED, INTERRUPTED)
    message = PARENT_ENDED if parent is not None and parent.has_ended else CANCELLED
    return FlowError("cancelled", message, message)


async def _claimed(row: dict[str, Any], claim: CallKey) -> bool:
    """Store the pending row and its idempotency key; False when somebody else has the key, and then neither is stored.

    A call that is cancelled meanwhile goes on until it is known whether it has to leave a record.
    """
    is_ours, was_cancelled = await uninterrupted(ledger.open_claimed(row, claim))
    cancel_again(was_cancelled)
    return is_ours


async def _end(tracker: Tracker, answer: Answer, error: FlowError | None, delivery: Delivery | None) -> bool:
    """Write the end, whatever happens to the task that asks for it; False when somebody else had written one."""
    if delivery is None:
        return (await uninterrupted(tracker.end(answer.as_json(), error)))[0]
    return (await uninterrupted(_end_and_keep(tracker, answer, error, delivery)))[0]


async def _end_and_keep(tracker: Tracker, answer: Answer, error: FlowError | None, delivery: Delivery) -> bool:
    """Write the end together with the answer, if somebody may come back for it."""
    result, answer_to_keep = answer.as_json(), None
    delivery.is_sealed = True
    if delivery.keeps:
        answer_to_keep = await asyncio.to_thread(kept_answers.sealed, answer.execution_id, result, datetime.now(UTC))
    return await tracker.end(result, error, answer_to_keep)


async def _secrets_of(target: Target) -> SecretValues:
    """The secrets that the graph names, read in a worker thread; raises LedgerUnavailable without a database.

    Read before the pending row is made, which must not hold their values; so a call that is cancelled meanwhile goes
    on until it has left its record.
    """

    reading = in_database(lambda: secret_values(target.flow_id, target.graph.secret_names))
    try:
        values, was_cancelled = await uninterrupted(reading)
    except DatabaseError as error:
        raise LedgerUnavailable("the secrets of the flow could not be read") from error
    cancel_again(was_cancelled)
    return values


def _answer(execution_id: uuid.UUID, outcome: Outcome) -> Answer:
    if outcome.error is not None:
        return error_answer(execution_id, outcome.error.for_client, outcome.error)
    if not outcome.replies:
        return Answer(execution_id, [{"type": "text", "text": NO_RETURN}])
    content = [block for reply in outcome.replies for block in _blocks(reply)]
    structured = [reply.structured for reply in outcome.replies if reply.is_structured]
    # Several JSON answers have no single value; each is in the text blocks.
    is_structured = len(structured) == 1
    return Answer(execution_id, content, structured[0] if is_structured else None, is_structured)


def _blocks(reply: Reply) -> list[dict[str, Any]]:
    return [dict(block) for block in reply.blocks] or [{"type": "text", "text": reply.text}]


def _roots(execution_id: uuid.UUID, target: Target, caller: Caller, started_at: datetime) -> dict[str, Any]:
    return {
        "now": started_at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "caller": {
            "clientName": caller.client_name,
            "clientVersion": caller.client_version,
            "principal": caller.principal,
        },
        "execution": {"id": str(execution_id), "flowName": target.flow_name, "toolName": target.tool_name},
        "flowhub": {"url": settings.PUBLIC_URL},
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
        row = pending_row(execution_id, now, target, arguments, caller, redactor)
    else:
        name = payload.clean_text(tool_name)
        names = {"flow_name": name[:200], "flow_tool_name": name[:128], "server_slug": server_slug}
        row = base_row(execution_id, now, arguments, caller, redactor) | names | {"owner_id": owner_id}
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


# --- Trying a flow out: called from pages and REST, which are synchronous ---------------------------------------------


def try_draft(flow: Flow, arguments: Any, user: Any) -> Execution:
    """Run the saved draft and return its execution.

    Raises DefinitionError for a draft that is no graph, ArgumentsError for arguments that break its input schema.
    """
    return _try(draft_target(flow), arguments, user)


def try_published(flow: Flow, arguments: Any, user: Any) -> Execution:
    """Run what clients call now and return its execution; raises ArgumentsError; ValueError when unpublished."""
    return _try(published_target(flow), arguments, user)


def _try(target: Target, arguments: Any, user: Any) -> Execution:
    faults = tuple(argument_faults(target, arguments))
    if faults:
        raise ArgumentsError(faults)
    caller = Caller.of_user(user, Execution.Source.TEST.value)
    answer = async_to_sync(call)(target, arguments, caller)
    return Execution.objects.get(pk=answer.execution_id)


__all__ = [
    "Answer",
    "ArgumentsError",
    "Caller",
    "LedgerUnavailable",
    "Target",
    "Waiting",
    "Watch",
    "argument_faults",
    "call",
    "draft_target",
    "error_answer",
    "published_target",
    "reject",
    "start",
    "try_draft",
    "try_published",
]
