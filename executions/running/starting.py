"""Calls begin, or go on with answers, and walk their graph: the one way in for MCP, pages, REST, and flows in flows."""

import asyncio
import time
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

from django.conf import settings
from django.db import DatabaseError

from executions.admission.families import Numbers
from executions.database import in_database
from executions.ledger import drafts
from executions.ledger.suspensions import Held
from executions.ledger.tracker import Tracker
from executions.ledger.unavailable import LedgerUnavailable
from executions.ledger.writer import end_columns, ledger
from executions.privacy.redactor import Redactor
from executions.record import payload, ports
from executions.record.exchange import difference
from executions.record.moments import new_id, second_of
from executions.record.node_executions import Entry, NodeExecutions
from executions.running.calls import (
    Answer,
    Answerer,
    Call,
    Caller,
    Delivery,
    Waiting,
    call_of,
    error_answer,
)
from executions.running.children import Children, numbers_of, refusal
from executions.running.dispatch import Running, dispatcher, stopped
from executions.running.pausing import hold
from executions.running.recovery import heart
from executions.running.switching import Offers
from executions.running.targets import ArgumentsError, Target
from executions.running.work import MAX_REQUEST, NO_SECRETS, Work, ended_elsewhere, give_up, pending_row, secrets_of
from flows.adapters import lineage
from flows.adapters.http_client import outbound_client
from flows.adapters.sandbox import CodeOf, code_runner
from flows.engine.aside import aside, cancel_again, uninterrupted
from flows.engine.expressions import SecretValues
from flows.engine.graph import Node
from flows.engine.limits import Limits, is_large
from flows.engine.node import Services
from flows.engine.pauses import Resumption
from flows.engine.runner import Outcome, run

LIMITS = Limits(settings.MAX_ANSWER_BYTES, settings.MAX_OUTPUTS_BYTES)

NO_RETURN = "The flow ended without a return node, so there is nothing to answer."


async def begin(call: Call) -> Running:
    """Begin to run a flow; raises ArgumentsError for arguments that do not fit, LedgerUnavailable."""
    if call.faults:
        raise ArgumentsError(call.faults)
    await admit()
    target = call.target
    if target.draft is not None and target.draft_digest is not None:
        digest, definition = target.draft_digest, target.draft["definition"]
        try:
            await in_database(lambda: drafts.keep(digest, definition))
        except DatabaseError as error:
            raise LedgerUnavailable("the draft could not be kept") from error
    started_at = datetime.now(UTC)
    execution_id = new_id(started_at)
    task = dispatcher.start(execution_id, _run(execution_id, started_at, call))
    if call.place is not None:
        call.place.until_done(task)
    return Running(execution_id, call, task)


async def admit() -> None:
    """Wait until this process can run and record one more execution; raises LedgerUnavailable."""
    if heart.fresh_until < time.monotonic():
        try:
            await in_database(heart.start)
        except DatabaseError as error:
            raise LedgerUnavailable("this process could not say that it lives") from error
    if ledger.is_full:
        await ledger.admit()


async def _run(execution_id: uuid.UUID, started_at: datetime, call: Call) -> Answer | Waiting:
    """Record that the execution begins, then walk; nothing runs when somebody else has its idempotency key."""
    target = call.target
    secrets = await secrets_of(target) if target.graph.secret_names else NO_SECRETS
    work, row = await target.guard.aside(partial(_begun, execution_id, started_at, call, secrets), call.arguments)
    if call.delivery.claim is None:
        ledger.open(row)
    else:
        # A call that is cancelled meanwhile goes on until it is known whether it has to leave a record.
        claiming = ledger.open_claimed(row, call.delivery.claim.row(execution_id, started_at, work.timeout))
        is_ours, was_cancelled = await uninterrupted(claiming)
        cancel_again(was_cancelled)
        if not is_ours:
            call.delivery.is_beaten = True
            return ended_elsewhere(execution_id)
    return await _walk(work)


def _begun(
    execution_id: uuid.UUID, started_at: datetime, call: Call, secrets: SecretValues
) -> tuple[Work, dict[str, Any]]:
    """A call that is about to walk its graph, and the row that it begins with."""
    timeout = call.target.timeout_seconds
    shown, for_answer, for_record = call.target.guard.over(call.arguments, call.given, secrets)
    if call.parent is not None:
        timeout = call.parent.seconds_for(timeout)
        for_record = for_record.knowing(call.parent.hidden)
    tracker = Tracker(ledger, execution_id, started_at, for_record)
    row = pending_row(execution_id, started_at, call, shown, for_record, timeout)
    return Work(call, tracker, for_answer, secrets, timeout), row


async def answer_at_once(call: Call) -> Answer | None:
    """The answer of a call whose graph neither waits nor acts, once its record is durable; None for every other call.

    The graph is walked in one pass, in the task of whoever asks, and the execution is written once, when it has ended:
    nobody sees it under way, and nobody can cancel it. Who stops waiting leaves the same record. Raises ArgumentsError,
    LedgerUnavailable. When it is None, nothing has been done.
    """
    target = call.target
    is_usual = not (call.key or call.reused or call.parent or call.caller.above)
    if not (target.is_immediate and is_usual) or is_large(call.arguments):
        return None
    if call.faults:
        raise ArgumentsError(call.faults)
    started_at, began = datetime.now(UTC), time.monotonic()
    if heart.fresh_until < began or ledger.is_full:
        await admit()
        started_at, began = datetime.now(UTC), time.monotonic()
    # None of the arguments is write-only, or they would be kept from the answer.
    execution_id, redactor, timeout = new_id(started_at), target.guard.literals, target.timeout_seconds
    nodes, roots = NodeExecutions(started_at), _roots(call, execution_id, started_at)
    outcome = await run(
        target.graph,
        call.given,
        services=Services(roots["execution"]["id"], roots=roots, secrets=NO_SECRETS),
        observers=(nodes.add,) if call.watch is None else (nodes.add, call.watch(lambda: redactor)),
        limits=LIMITS,
        output_schema=target.output_schema,
    )
    answer = _answer(target, execution_id, outcome, nodes.entries)
    result = answer.as_json()
    values = {"initial_params": call.arguments, "node_executions": nodes.entries, "result": result}
    if call.request is not None:
        values["request"] = call.request
    if call.written is not None:
        values["sent"] = difference(result, call.written(answer))
    seconds = time.monotonic() - began
    texts = payload.plain_texts(values, MAX_REQUEST, redactor)
    row = pending_row(execution_id, started_at, call, call.arguments, redactor, timeout, texts)
    if texts is not None:
        await ledger.record(row | end_columns(started_at, seconds, outcome.error, texts, redactor))
        return answer
    ledger.open(row)
    work = Work(call, Tracker(ledger, execution_id, started_at, redactor, nodes.entries), redactor, NO_SECRETS, timeout)
    ending = dispatcher.start(execution_id, work.end(answer, outcome.error))
    if call.place is not None:
        call.place.until_done(ending)
    await Running(execution_id, call, ending).state()
    return answer


async def go_on(target: Target, held: Held, answers: Mapping[str, Any], answerer: Answerer) -> Running:
    """Go on with an execution that waited, and that this process has claimed; `answers` are by node id.

    What it was called with is in `held`; who answers decides what can be asked next.
    """
    caller = answerer.caller
    original = Caller(
        **held.caller,
        identity=caller.identity,
        counts_as=caller.counts_as,
        can_be_asked=caller.can_be_asked,
        is_asked_live=caller.is_asked_live,
        bounds=caller.bounds,
    )
    # What had to wait may have a caller who was told to come back, or who sends its idempotency key again.
    call = await call_of(
        target,
        held.arguments,
        original,
        answerer.watch,
        delivery=Delivery(keeps=True),
        written=answerer.written,
    )
    return Running(held.execution_id, call, dispatcher.start(held.execution_id, _resume(call, held, answers)))


async def _resume(call: Call, held: Held, answers: Mapping[str, Any]) -> Answer | Waiting:
    try:
        secrets = await secrets_of(call.target) if call.target.graph.secret_names else NO_SECRETS
    except LedgerUnavailable:
        give_up(Tracker(ledger, held.execution_id, held.started_at, Redactor.none.knowing(held.hidden), held.entries))
        raise
    over = partial(call.target.guard.over, call.arguments, call.given, secrets)
    _, for_answer, for_record = await call.target.guard.aside(over, call.arguments)
    tracker = Tracker(ledger, held.execution_id, held.started_at, for_record.knowing(held.hidden), held.entries)
    for_answer = for_answer.knowing(held.hidden_in_answer)
    resumption = Resumption(held.checkpoint, answers, tracker.seconds)
    work = Work(call, tracker, for_answer, secrets, call.target.timeout_seconds, resumption, held.step + 1)
    return await _walk(work)


async def _walk(work: Work) -> Answer | Waiting:
    """Run the flow and write its end, or hold it until its caller has answered.

    Cancelling this ends the flow, which is recorded and answered like every other end. Raises LedgerUnavailable.
    """
    call, tracker, target = work.call, work.tracker, work.call.target
    caller, parent, execution_id = call.caller, call.parent, str(tracker.execution_id)
    spent = work.resumption.checkpoint.seconds if work.resumption is not None else 0.0
    if parent is not None:
        numbers = parent.numbers
    elif caller.above is not None:
        numbers = numbers_of(caller.above, caller.bounds.family)
        if (too_far := await refusal(call, numbers)) is not None:
            return await work.end(error_answer(tracker.execution_id, too_far.for_client, too_far), too_far)
    else:
        numbers = Numbers(1)
        numbers.root, numbers.most = execution_id, caller.bounds.family
    children = Children(call, tracker, time.monotonic() + work.timeout - spent, numbers, begin)
    lineage.running.set(children.lineage)
    services = Services(
        execution_id,
        outbound_client(),
        _roots(call, tracker.execution_id, tracker.started_at),
        work.secrets,
        flows=children,
        tools=ports.tools,
        code=CodeOf(code_runner(), caller.counts_as),
        offers=Offers(target),
        cannot_ask=partial(caller.cannot_be_asked, is_flow=parent is not None),
        hide=work.hide,
    )
    observers = (tracker.observe,) if call.watch is None else (tracker.observe, call.watch(lambda: tracker.redactor))
    try:
        outcome = await run(
            target.graph,
            call.given,
            services=services,
            observers=observers,
            before_effects=tracker.write_all,
            timeout=work.timeout,
            limits=LIMITS,
            reused=call.reused,
            output_schema=target.output_schema,
            resumed=work.resumption,
        )
        if outcome.paused is not None:
            return await hold(work, outcome.paused)
        error, answer = outcome.error, _answer(target, tracker.execution_id, outcome, tracker.nodes.entries)
        if work.for_answer.values:
            answer = await aside(partial(answer.without, work.for_answer), answer.content, answer.structured)
    except asyncio.CancelledError:
        error = stopped(parent)
        answer = error_answer(tracker.execution_id, error.message, error)
    return await work.end(answer, error)


def _roots(call: Call, execution_id: uuid.UUID, started_at: datetime) -> dict[str, Any]:
    """What expressions may name besides the outputs of nodes."""
    caller, target = call.caller, call.target
    return {
        "now": f"{second_of(started_at)}.{started_at.microsecond // 1000:03d}Z",
        "caller": {
            "clientName": caller.client_name,
            "clientVersion": caller.client_version,
            "principal": caller.principal,
        },
        "execution": {
            "id": str(execution_id),
            "flowName": target.flow_name,
            "toolName": target.tool_name,
        },
        "flowhub": {"url": settings.PUBLIC_URL},
    }


def _without_reply(end: Node | None, entries: Sequence[Entry]) -> str:
    if end is None:
        return NO_RETURN
    if any(entry["nodeId"] == end.id and entry["status"] == "completed" for entry in entries):
        return f"Executed as far as {end.name!r}, as it was asked for; the record has what the node gave."
    return f"With these arguments no branch led to {end.name!r}; the record shows the way that was taken."


def _answer(target: Target, execution_id: uuid.UUID, outcome: Outcome, entries: Sequence[Entry]) -> Answer:
    if outcome.error is not None:
        answer = error_answer(execution_id, outcome.error.for_client, outcome.error)
    elif not outcome.replies:
        answer = Answer(execution_id, [{"type": "text", "text": _without_reply(target.end, entries)}])
    else:
        content = []
        for reply in outcome.replies:
            content += [dict(block) for block in reply.blocks] or [{"type": "text", "text": reply.text}]
        structured = [reply.structured for reply in outcome.replies if reply.is_structured]
        # Several JSON answers have no single value; each is in the text blocks.
        is_structured = len(structured) == 1
        answer = Answer(execution_id, content, structured[0] if is_structured else None, is_structured)
    return answer
