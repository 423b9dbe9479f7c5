"""Calls whose answer may reach the caller later, or more than one caller.

A flow can say how long its client waits: after that it is told that the execution goes on, and comes back for the end.
Callers that send one idempotency key share one execution, in whatever process each of them arrives. The execution is
cancelled when nobody waits for it any more, unless somebody was told to come back.

An execution that asks its caller in the middle answers with Waiting, which is handed on to who waits. When its client
was told to come back there is nobody to ask, and who comes back is told that it is under way until it ends.
"""

import asyncio
import contextlib
import contextvars
import time
import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from django.db import DatabaseError

from executions.database import clock, in_database
from executions.ledger import idempotency_keys, kept_answers
from executions.ledger.idempotency_keys import Claim
from executions.ledger.unavailable import LedgerUnavailable
from executions.ledger.writer import ledger
from executions.models import Execution
from executions.record.entries import failure_of
from executions.record.error_kinds import kind_of_error
from executions.record.status import Status
from executions.running.calls import Answer, Call, Caller, Pending, Waiting, error_answer
from executions.running.dispatch import Running, dispatcher
from executions.running.starting import answer_at_once, begin
from executions.running.targets import Target

LINGER_SECONDS = 5.0
"""How long an execution with an idempotency key goes on when nobody waits: its caller may have lost the connection."""

ASK_SECONDS = 0.5
"""How often another process's execution is looked at while somebody waits for it."""

AWAITED = timedelta(seconds=10)
"""How long the word that somebody waits in another process holds."""

KEY_TAKEN = (
    "This idempotency key was sent before with another tool or other arguments. "
    "Send the call that it was first sent with, or a new key for a new call."
)
NOT_KEPT = (
    "The execution has ended, but its answer is not kept: it was given out with the call, or ended more than "
    f"{kept_answers.KEPT_HOURS} hours ago."
)
NOT_AGAIN = "It is not called again under the same idempotency key; send a new key to call it anew."

T = TypeVar("T")


class KeyRefused(ValueError):
    """An idempotency key that cannot be used for this call, because it stands for another one for example."""


_running: dict[uuid.UUID, Running] = {}
_lingering: set[asyncio.Task[None]] = set()


async def state_of(call: Call) -> Answer | Pending | Waiting:
    """Begin a call and return its answer, or what is to be told when it takes longer than its client waits.

    With an idempotency key the same call leads to the same execution. Raises ArgumentsError, KeyRefused,
    LedgerUnavailable. Cancelling this cancels the execution unless somebody else waits or comes back.
    """
    target, delivery = call.target, call.delivery
    if not call.key and target.answer_seconds is None:
        return await answer_at_once(call) or await (await begin(call)).state()
    if call.key and not call.faults:
        # As the flow reads them: 5 and 5.0 are the same call.
        claim = Claim.of(call.key, call.caller.identity, target.server_slug, target.tool_name, call.given)
        delivery.claim, delivery.keeps = claim, True
        if (joined := await _join(target, claim)) is not None:
            return joined
    running = await begin(call)
    _running[running.execution_id] = running
    running.task.add_done_callback(lambda done: _running.pop(running.execution_id, None))
    answer = await _wait(running, target.answer_seconds)
    if delivery.is_beaten and delivery.claim and (joined := await _join(target, delivery.claim)) is not None:
        return joined
    return answer


async def _join(target: Target, claim: Claim) -> Answer | Pending | Waiting | None:
    """The answer of the execution that the key leads to; None when it leads to none. Raises KeyRefused."""
    found = await _asked(lambda: idempotency_keys.find(claim, clock.now()))
    if found is None:
        return None
    if (claim.request, claim.tool_name) != (found.request, found.tool_name):
        raise KeyRefused(KEY_TAKEN)
    answer = await _fetch(found.execution_id, target.answer_seconds, claim.scope)
    return answer if isinstance(answer, Waiting) else replace(answer, is_joined=True)


async def fetch(
    execution_id: uuid.UUID, caller: Caller, server_slug: str, seconds: float
) -> tuple[str, Answer | Pending] | None:
    """The tool and the answer of an execution that this caller started on that server, or how it stands by then.

    None when there is no such execution. Callers without a principal are known by the id alone, which cannot be
    guessed; they are given nothing of an execution that somebody with a principal started.
    """
    own = Execution.objects.filter(
        pk=execution_id, principal_id=caller.identity or None, server_slug=server_slug, source=Execution.Source.MCP
    )
    tool_name = await _asked(own.values_list("flow_tool_name", flat=True).first)
    if tool_name is None:
        return None
    answer = await _fetch(execution_id, seconds)
    return tool_name, await _asked(lambda: _progress(execution_id)) if isinstance(answer, Waiting) else answer


async def _asked(read: Callable[[], T]) -> T:
    """What the database says; raises LedgerUnavailable when it does not answer."""
    try:
        return await in_database(read)
    except DatabaseError as error:
        raise LedgerUnavailable(str(error)) from error


async def _fetch(execution_id: uuid.UUID, seconds: float | None, scope: str = "") -> Answer | Pending | Waiting:
    running = _running.get(execution_id)
    if running is not None and running.task.get_loop() is asyncio.get_running_loop():
        return await _wait(running, seconds)
    return await _watch(execution_id, seconds, scope)


# --- Executions of this process ---------------------------------------------------------------------------------------


async def _wait(running: Running, seconds: float | None) -> Answer | Pending | Waiting:
    """Wait for the end, or be told to come back after `seconds`; raises LedgerUnavailable."""
    delivery, task = running.call.delivery, running.task
    delivery.waiting += 1
    try:
        await asyncio.wait({task}, timeout=seconds)
        if task.done() or delivery.is_sealed:
            answer = await asyncio.shield(task)
            if not (delivery.goes_on and isinstance(answer, Waiting)):
                return answer
        return await _hand_over(running)
    finally:
        delivery.waiting -= 1
        if not (task.done() or delivery.waiting or delivery.goes_on):
            _leave(running)


async def _hand_over(running: Running) -> Answer | Pending:
    """From here on the execution needs nobody who waits; what is told of it is durable."""
    running.call.delivery.keeps = running.call.delivery.goes_on = True
    try:
        await ledger.commit(running.execution_id)
        if running.task.done() and isinstance(answer := running.task.result(), Answer):
            return answer
        return await _asked(lambda: _progress(running.execution_id))
    except LedgerUnavailable:
        # Nobody learns that there is something to come back for.
        dispatcher.cancel(running.execution_id)
        raise


def _leave(running: Running) -> None:
    """The last one who waited in this process is gone."""
    if running.call.delivery.claim is None:
        dispatcher.cancel(running.execution_id)
        return
    work = _linger(running, running.call.delivery.claim.scope)
    lingering = asyncio.get_running_loop().create_task(work, context=contextvars.Context())
    _lingering.add(lingering)
    lingering.add_done_callback(_lingering.discard)


async def _linger(running: Running, scope: str) -> None:
    """Cancel the execution when nobody has come back for a while, in no process."""
    while True:
        await asyncio.wait({running.task}, timeout=LINGER_SECONDS)
        if running.task.done() or running.call.delivery.waiting or running.call.delivery.goes_on:
            return
        with contextlib.suppress(LedgerUnavailable):  # else it is not known who waits elsewhere
            if not await _asked(lambda: idempotency_keys.is_awaited(scope, clock.now())):
                break
    dispatcher.cancel(running.execution_id)


# --- Executions of other processes, and those that have ended ---------------------------------------------------------


async def _watch(execution_id: uuid.UUID, seconds: float | None, scope: str) -> Answer | Pending:
    """Ask the database until the execution has ended, at most `seconds`; with a scope, its process learns of that."""
    give_up = None if seconds is None else time.monotonic() + seconds
    speak_at = time.monotonic()
    while True:
        answer = await _asked(lambda: _ended(execution_id, bool(scope)))
        if answer is not None:
            return answer
        if give_up is not None and time.monotonic() >= give_up:
            return await _asked(lambda: _told_to_come_back(execution_id, scope))
        if scope and time.monotonic() >= speak_at:
            speak_at = time.monotonic() + AWAITED.total_seconds() / 3
            await _asked(lambda: idempotency_keys.wait_until(scope, clock.now() + AWAITED))
        await asyncio.sleep(ASK_SECONDS)


def _told_to_come_back(execution_id: uuid.UUID, scope: str) -> Pending:
    if scope:
        idempotency_keys.wait_until(scope, idempotency_keys.FOR_EVER)
    return _progress(execution_id)


def _ended(execution_id: uuid.UUID, by_key: bool) -> Answer | None:
    """The answer of an execution that has ended, as it was given or in the words that are left; None while it runs."""
    found = Execution.objects.filter(pk=execution_id).values_list("status", "error_kind", "error_info").first()
    if found is not None and found[0] == Status.PENDING:
        return None
    answer = kept_answers.opened(execution_id, clock.now())
    if answer is not None:
        structured = answer.get("structuredContent")
        is_structured = "structuredContent" in answer
        return Answer(execution_id, answer["content"], structured, is_structured, answer["isError"])
    failure = failure_of(found[2]) if found is not None and kind_of_error(found[1]).is_told else None
    message = str(failure.message) if failure is not None and failure.message else NOT_KEPT
    return error_answer(execution_id, f"{message} {NOT_AGAIN}" if by_key else message)


def _progress(execution_id: uuid.UUID) -> Pending:
    """How an execution stands, as far as its record shows."""
    execution = Execution.objects.only("flow_tool_name", "started_at", "node_executions").get(pk=execution_id)
    under_way = execution.open_entries
    told = [entry.progress.message for entry in under_way if entry.progress and entry.progress.message]
    return Pending(
        execution_id,
        execution.flow_tool_name,
        round((datetime.now(UTC) - execution.started_at).total_seconds(), 1),
        len(execution.entries) - len(under_way),
        tuple(str(entry.name)[:100] for entry in under_way[:5]),
        str(told[-1])[:300] if told else "",
    )
