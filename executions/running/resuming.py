"""Executions that waited for answers go on, in the process that has claimed them."""

from collections.abc import Mapping
from typing import Any

from executions.ledger.suspensions import Held
from executions.ledger.tracker import Tracker
from executions.ledger.unavailable import LedgerUnavailable
from executions.ledger.writer import ledger
from executions.privacy.redactor import Redactor
from executions.running.calls import Answer, Call, Caller, Delivery, Waiting, Watch, Written
from executions.running.dispatch import Running, dispatcher
from executions.running.starting import begin
from executions.running.targets import Target
from executions.running.walking import walk
from executions.running.work import NO_SECRETS, Work, give_up, secrets_of
from flows.engine.pauses import Resumption


def go_on(
    target: Target,
    held: Held,
    answers: Mapping[str, Any],
    caller: Caller,
    watch: Watch | None = None,
    written: Written | None = None,
) -> Running:
    """Go on with an execution that waited, and that this process has claimed; `answers` are by node id.

    What it was called with is in `held`; `caller` is who answers, as far as that decides what can be asked next.
    """
    original = Caller(
        **held.caller,
        identity=caller.identity,
        can_be_asked=caller.can_be_asked,
        is_asked_live=caller.is_asked_live,
    )
    # What had to wait may have a caller who was told to come back, or who sends its idempotency key again.
    call = Call(target, held.arguments, original, watch, delivery=Delivery(keeps=True), written=written)
    return Running(held.execution_id, call, dispatcher.start(held.execution_id, _run(call, held, answers)))


async def _run(call: Call, held: Held, answers: Mapping[str, Any]) -> Answer | Waiting:
    try:
        secrets = await secrets_of(call.target) if call.target.graph.secret_names else NO_SECRETS
    except LedgerUnavailable:
        give_up(Tracker(ledger, held.execution_id, held.started_at, Redactor.none.knowing(held.hidden), held.entries))
        raise
    for_answer, for_record = call.target.guard.redactors(call.given, secrets)
    tracker = Tracker(ledger, held.execution_id, held.started_at, for_record.knowing(held.hidden), held.entries)
    for_answer = for_answer.knowing(held.hidden_in_answer)
    resumption = Resumption(held.checkpoint, answers, tracker.seconds)
    work = Work(call, tracker, for_answer, secrets, call.target.timeout_seconds, resumption, held.step + 1)
    return await walk(work, begin)
