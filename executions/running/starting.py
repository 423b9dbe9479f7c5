"""Calls begin: the one way in for MCP, pages, REST, and flows that call flows."""

import uuid
from datetime import UTC, datetime
from typing import Any

from django.db import DatabaseError

from executions.aside import aside, cancel_again, uninterrupted
from executions.database import in_database
from executions.ledger import drafts
from executions.ledger.tracker import Tracker
from executions.ledger.unavailable import LedgerUnavailable
from executions.ledger.writer import ledger
from executions.models import new_id
from executions.privacy.redactor import Redactor
from executions.running.calls import Answer, Call, Waiting
from executions.running.dispatch import Running, dispatcher
from executions.running.first_row import pending_row
from executions.running.recovery import heart
from executions.running.targets import ArgumentsError
from executions.running.walking import walk
from executions.running.work import NO_SECRETS, Work, ended_elsewhere, secrets_of


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
    execution_id = new_id()
    return Running(execution_id, call, dispatcher.start(execution_id, _run(execution_id, call)))


async def admit() -> None:
    """Wait until this process can run and record one more execution; raises LedgerUnavailable."""
    if not heart.is_beating:
        await in_database(heart.start)
    if ledger.is_full:
        await ledger.admit()


async def _run(execution_id: uuid.UUID, call: Call) -> Answer | Waiting:
    """Record that the execution begins, then walk; nothing runs when somebody else has its idempotency key."""
    started_at, timeout, target = datetime.now(UTC), call.target.timeout_seconds, call.target
    secrets = await secrets_of(target) if target.graph.secret_names else NO_SECRETS
    if call.parent is not None:
        timeout = call.parent.seconds_for(timeout)

    def begun() -> tuple[Redactor, Redactor, dict[str, Any]]:
        for_answer, for_record = target.guard.redactors(call.given, secrets)
        if call.parent is not None:
            for_record = for_record.knowing(call.parent.hidden)
        return for_answer, for_record, pending_row(execution_id, started_at, call, for_record, timeout)

    for_answer, for_record, row = await aside(begun, call.arguments)
    tracker = Tracker(ledger, execution_id, started_at, for_record)
    if call.delivery.claim is None:
        ledger.open(row)
    else:
        # A call that is cancelled meanwhile goes on until it is known whether it has to leave a record.
        claiming = ledger.open_claimed(row, call.delivery.claim.row(execution_id, started_at, timeout))
        is_ours, was_cancelled = await uninterrupted(claiming)
        cancel_again(was_cancelled)
        if not is_ours:
            call.delivery.is_beaten = True
            return ended_elsewhere(execution_id)
    return await walk(Work(call, tracker, for_answer, secrets, timeout), begin)
