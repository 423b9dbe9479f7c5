"""Go on with an execution that waits for the caller: with answers, or not at all. For every door that can ask."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple

from django.db import DatabaseError

from executions.database import in_database
from executions.ledger import suspensions
from executions.ledger.suspensions import AnswerRefused, Held, Ticket
from executions.ledger.unavailable import LedgerUnavailable
from executions.ledger.writer import ledger
from executions.models import Execution
from executions.privacy.redactor import Redactor
from executions.running.calls import Answer, Answerer, Waiting, error_answer
from executions.running.dispatch import Running, dispatcher, stopped
from executions.running.pausing import waiting
from executions.running.recovery import heart
from executions.running.starting import admit, go_on
from executions.running.targets import Target, kept_target
from flows.engine.aside import cancel_again, uninterrupted
from flows.engine.pauses import Resumption
from flows.engine.questions import QuestionKind
from flows.engine.runner import FlowError
from flows.models import Flow

NO_ANSWER = "Nobody answered in time, so the execution was ended. Call again to be asked once more."
GONE_CALLER = "The client went away before it had answered."
GONE = "The execution cannot go on, because the flow cannot be run any more as it was when it was called: {}"


class Given(NamedTuple):
    """An answer: what kind of question it answers, and the result of MCP's request of that kind, plain JSON."""

    kind: QuestionKind
    result: Any


class CallerGone(Exception):
    """Raised by what asks over a connection, when nobody is there any more."""


async def resume(ticket: Ticket, given: Mapping[str, Given], answerer: Answerer) -> Answer | Waiting:
    """Go on with the answers that there are, by node slug; who got none asks again.

    Answers to nothing that was asked are left aside, and with no other the same questions come back and the ticket
    stays good; else it is used up. What a result must look like beyond its kind, its node checks. Raises AnswerRefused
    when the ticket does not hold, is somebody else's or of another flow; LedgerUnavailable.
    """
    begun = await begin(ticket, given, answerer)
    return begun if isinstance(begun, Waiting) else await begun.state()


async def begin(ticket: Ticket, given: Mapping[str, Given], answerer: Answerer) -> Waiting | Running:
    """What `resume` does, without waiting for the rest: the execution goes on in a task that outlives this."""
    await admit()
    runner_id = heart.runner_id
    taking = in_database(lambda: _taken(ticket, given, answerer, runner_id))
    try:
        taken, was_cancelled = await uninterrupted(taking)
    except DatabaseError as error:
        raise LedgerUnavailable("what waits for an answer could not be read") from error
    if isinstance(taken, Waiting):
        return taken
    execution, target, held, answers = taken
    ledger.adopt(execution)
    cancel_again(was_cancelled)
    return await go_on(target, held, answers, answerer)


def _taken(
    ticket: Ticket, given: Mapping[str, Given], answerer: Answerer, runner_id: uuid.UUID
) -> Waiting | tuple[Execution, Target, Held, dict[str, Any]]:
    """Make sure that the execution can go on, then claim it; it ends when it cannot."""
    execution, held = suspensions.look(ticket, answerer.caller.identity)
    if execution.flow_id is None or execution.flow_id != answerer.flow_id:
        raise AnswerRefused(suspensions.OTHERS)
    target = _target(execution, held)
    answers = _answers(target, held, given)
    if not answers:
        return waiting(held, target, Redactor.none.knowing(held.hidden_in_answer))
    suspensions.claim(held, runner_id)
    return execution, target, held, answers


def _answers(target: Target, held: Held, given: Mapping[str, Given]) -> dict[str, Any]:
    """The results by node id, of those that were asked and answered."""
    found = {node_id: given.get(target.graph.nodes[node_id].slug) for node_id in held.checkpoint.asking}
    return {
        node_id: answer.result
        for node_id, answer in found.items()
        if answer is not None and answer.kind == held.checkpoint.asking[node_id].question.kind
    }


def _target(execution: Execution, held: Held) -> Target:
    """What it goes on as; raises AnswerRefused, and ends the execution, when it cannot."""
    try:
        flow = Flow.objects.select_related("server").get(pk=execution.flow_id or 0)
        target = kept_target(flow, held.version_id, held.draft)
        Resumption(held.checkpoint, {}, 0.0).check(target.graph)
    except (Flow.DoesNotExist, ValueError) as error:
        suspensions.end(execution.pk, "interrupted", GONE.format(error))
        raise AnswerRefused(GONE.format("its record says more.")) from None
    return target


def questions_of(execution: Execution, *, for_record: bool = False) -> Waiting | None:
    """What an execution waits for, for a page that shows it; None when it does not wait. Called from worker threads.

    `for_record` hides what the record hides too, for who looks on. The ticket in it is good for `resume`, so it must
    not leave the server.
    """
    held = suspensions.of_execution(execution.pk)
    if held is None:
        return None
    hidden = held.hidden_in_answer | held.hidden if for_record else held.hidden_in_answer
    try:
        return waiting(held, _target(execution, held), Redactor.none.knowing(hidden))
    except AnswerRefused:
        return None


async def ask_live(
    asked: Waiting, ask: Callable[[], Awaitable[Mapping[str, Given]]], answerer: Answerer
) -> Answer | Waiting:
    """Have `ask` get the answers over the connection of this very call, then go on with them.

    Without answers the execution ends: in time, when `ask` raises CallerGone, and when it or who waits for it is
    cancelled.
    """
    hearing = dispatcher.start(asked.execution_id, _heard(asked, ask))
    try:
        heard = await asyncio.shield(hearing)
    except asyncio.CancelledError:
        dispatcher.cancel(asked.execution_id)
        raise
    return heard if isinstance(heard, Answer) else await resume(asked.ticket, heard, answerer)


async def _heard(asked: Waiting, ask: Callable[[], Awaitable[Mapping[str, Given]]]) -> Mapping[str, Given] | Answer:
    """The answers; or, once the execution has been ended, what to tell a caller who may still listen."""
    try:
        async with asyncio.timeout(asked.seconds):
            return await ask()
    except TimeoutError:
        error = FlowError("timeout", NO_ANSWER, NO_ANSWER)
    except CallerGone:
        error = FlowError("cancelled", GONE_CALLER, GONE_CALLER)
    except asyncio.CancelledError:
        error = stopped()
    ending = in_database(lambda: suspensions.end(asked.execution_id, error.kind, error.message))
    await uninterrupted(ending)
    return error_answer(asked.execution_id, error.message, error)
