"""Executions of which nothing is left that could go on without answers: held until there are some."""

from dataclasses import replace
from functools import partial

from django.db import DatabaseError

from executions.database import in_database
from executions.ledger import suspensions
from executions.ledger.suspensions import Held, NotStorable
from executions.ledger.unavailable import LedgerUnavailable
from executions.ledger.writer import ledger
from executions.privacy.redactor import Redactor
from executions.running.calls import Answer, Waiting, error_answer
from executions.running.dispatch import dispatcher, stopped
from executions.running.recovery import heart
from executions.running.targets import Target
from executions.running.work import Work, ended_elsewhere, give_up
from flows.engine.aside import uninterrupted
from flows.engine.pauses import Checkpoint
from flows.engine.runner import FlowError


async def hold(work: Work, checkpoint: Checkpoint) -> Answer | Waiting:
    """Store it durably, so that the caller can be asked; or end it, when that cannot be done."""
    held = _held(work, checkpoint)
    try:
        is_held, was_cancelled = await uninterrupted(_store(work, held))
    except NotStorable as reason:
        message = f"The flow cannot wait for an answer: {reason}"
        failed = FlowError("node_failed", message, message)
        return await work.end(error_answer(held.execution_id, message, failed), failed)
    if not is_held:
        return ended_elsewhere(held.execution_id)
    if was_cancelled and (work.call.caller.is_asked_live or not dispatcher.is_closing):
        error = stopped()
        await uninterrupted(in_database(lambda: suspensions.end(held.execution_id, error.kind, error.message)))
        return error_answer(held.execution_id, error.message, error)
    return waiting(held, work.call.target, work.for_answer)


async def _store(work: Work, held: Held) -> bool:
    await work.tracker.write_all()
    caller = work.call.caller
    runner_id = heart.runner_id if caller.is_asked_live else None
    seconds = max(each.question.seconds for each in held.checkpoint.asking.values())
    store = partial(
        suspensions.hold, held, caller.identity, caller.counts_as, caller.bounds.waiting, seconds, runner_id
    )
    try:
        is_held = await in_database(store)
    except DatabaseError as error:
        give_up(work.tracker)
        raise LedgerUnavailable("that the execution waits could not be recorded") from error
    ledger.release(held.execution_id)
    return is_held


def _held(work: Work, checkpoint: Checkpoint) -> Held:
    call, tracker = work.call, work.tracker
    return Held(
        execution_id=tracker.execution_id,
        started_at=tracker.started_at,
        timeout_seconds=call.target.timeout_seconds,
        version_id=call.target.version_id,
        draft=call.target.draft,
        arguments=call.arguments,
        caller={
            "principal": call.caller.principal,
            "source": call.caller.source,
            "client_name": call.caller.client_name,
            "client_version": call.caller.client_version,
            "protocol_version": call.caller.protocol_version,
        },
        checkpoint=checkpoint,
        entries=tracker.nodes.entries,
        hidden_in_answer=work.for_answer.values,
        hidden=tracker.redactor.values,
        step=work.step,
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
