"""An execution at work: the row that it begins with, what it needs on its way, and how its end is written."""

import asyncio
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from django.db import DatabaseError

from executions.database import clock, in_database
from executions.ledger import kept_answers
from executions.ledger.tracker import Tracker
from executions.ledger.unavailable import LedgerUnavailable
from executions.ledger.writer import NOT_RECORDED
from executions.privacy.redactor import Redactor
from executions.record import payload
from executions.record.status import Status
from executions.running.calls import Answer, Call, Caller, error_answer
from executions.running.recovery import heart
from executions.running.targets import Target
from flows.engine.aside import cancel_again, uninterrupted
from flows.engine.expressions import SecretValues
from flows.engine.pauses import Resumption
from flows.engine.runner import FlowError
from flows.publishing.versions import secret_values

ENDED_ELSEWHERE = (
    "This execution was ended from outside while it ran (its deadline passed, or its process was taken for dead), "
    "so its result is not given out. Its page says more."
)
NO_SECRETS = SecretValues()

MAX_REQUEST = 16 * 1024
"""Bytes that are kept of a client's message beside its arguments."""


def pending_row(
    execution_id: uuid.UUID,
    started_at: datetime,
    call: Call,
    shown: Any,
    redactor: Redactor,
    timeout: float,
    texts: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """The row of a call that this process runs, for at most `timeout` seconds; `shown` is kept of its arguments.

    `texts` are the JSON texts of what was sent, by column, where they are known to hold nothing to hide.
    """
    if texts is None:
        row = base_row(execution_id, started_at, shown, call.caller, redactor)
        row["request"] = None if call.request is None else payload.dump(call.request, MAX_REQUEST, redactor=redactor)
    else:
        row = base_row(execution_id, started_at, shown, call.caller, redactor, texts["initial_params"])
        row["request"] = texts.get("request")
    row |= call.target.columns
    row["runner_id"] = heart.runner_id
    row["deadline_at"] = started_at + clock.ahead + timedelta(seconds=timeout)
    if call.parent is not None:
        row["parent_id"] = call.parent.execution_id
    return row


def base_row(
    execution_id: uuid.UUID,
    started_at: datetime,
    arguments: Any,
    caller: Caller,
    redactor: Redactor,
    text: str | None = None,
) -> dict[str, Any]:
    """The columns that each execution has from the start, also one of a tool that does not exist.

    `text` is the JSON text of the arguments, where it is known to hold nothing to hide.
    """
    if text is None:
        arguments, text = payload.cleaned(arguments, redactor)
    return {
        **_caller_columns(caller),
        "id": execution_id,
        "status": Status.PENDING.value,
        "started_at": started_at,
        "updated_at": started_at,
        "initial_params": text,
        "params_preview": payload.preview(arguments),
        "node_executions": "[]",
        "error_kind": "",
        "failed_node_name": "",
        "error_preview": "",
        "is_pinned": False,
        "note": "",
        "replay_of_id": caller.replay_of,
    }


@lru_cache(maxsize=1000)
def _caller_columns(caller: Caller) -> dict[str, Any]:
    """The same for every call of a client: made once."""
    name = " ".join(filter(None, [caller.client_name, caller.client_version])) or caller.source
    return {
        "caller": payload.dump(caller.as_json()),
        "principal_id": caller.identity or None,
        "caller_name": payload.clean_text(f"{name} with {caller.principal}")[:200],
        "source": caller.source,
    }


# Not frozen: one is made for every execution, and a frozen one takes three times as long to make.
@dataclass(slots=True, eq=False)
class Work:
    """An execution made ready to walk its graph; `timeout` is in seconds, without the time that it has waited."""

    call: Call
    tracker: Tracker
    for_answer: Redactor
    """What the answer must not hold; the tracker knows what the record must not."""
    secrets: SecretValues
    timeout: float
    resumption: Resumption | None = None
    """Where it goes on, when it has waited for answers."""
    step: int = 0
    """How often it has waited so far."""

    def hide(self, value: str) -> None:
        """Keep a value that a node got to know out of the answer, the record and what the client hears meanwhile."""
        self.for_answer = self.for_answer.knowing([value])
        self.tracker.hide([value])

    async def end(self, answer: Answer, error: FlowError | None) -> Answer:
        """Write the end, whatever happens to the task that asks for it; returns what the caller is told.

        The answer is kept with it, if somebody may come back for it. Raises LedgerUnavailable.
        """
        result, kept, delivery = answer.as_json(), None, self.call.delivery
        delivery.is_sealed = True
        if delivery.keeps:
            sealing = asyncio.to_thread(kept_answers.sealed, answer.execution_id, result, clock.now())
            kept, _ = await uninterrupted(sealing)
        # Who was told to come back got another message, and asks for the answer with one of its own.
        message = self.call.written(answer) if self.call.written is not None and not delivery.goes_on else None
        is_ours = await self.tracker.end(result, error, kept, message)
        return answer if is_ours else ended_elsewhere(answer.execution_id)


def ended_elsewhere(execution_id: uuid.UUID) -> Answer:
    """What is told of an execution that somebody else has ended."""
    return error_answer(execution_id, ENDED_ELSEWHERE)


def give_up(tracker: Tracker) -> None:
    """Have the record say that it is not complete, as soon as the database can be written again."""
    error = FlowError("record_error", NOT_RECORDED, NOT_RECORDED)
    ending = asyncio.ensure_future(tracker.end({"content": [], "isError": True}, error))
    ending.add_done_callback(lambda ended: ended.exception())


async def secrets_of(target: Target) -> SecretValues:
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
