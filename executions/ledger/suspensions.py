"""Executions that wait for an answer: what is kept of them, sealed, until somebody goes on with them or nobody came.

The execution stays pending. Its deadline is the moment until which an answer counts, and without a runner no process
has to live for it. Whoever goes on deletes the suspension in the same transaction in which the execution becomes its
own, so of two only one can; and whoever ends it does the same.
"""

import base64
import hashlib
import json
import secrets
import uuid
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import Exists, OuterRef, Q
from django.utils.crypto import salted_hmac

from executions.admission.allowances import MAX_WAITING
from executions.database import clock
from executions.ledger import statements, writer
from executions.ledger.writer import ended_row
from executions.models import Execution, Suspension
from executions.record import payload, shrinking
from executions.record.node_executions import Entry, close_open
from executions.record.status import Status
from flows.adapters import vault
from flows.engine.errors import ErrorKind
from flows.engine.pauses import Checkpoint
from flows.engine.runner import FlowError

NOT_WAITING = "This execution does not wait for an answer (any more)"
USED = f"{NOT_WAITING}: it has been answered already, and each state can be used once."
TOO_LATE = f"{NOT_WAITING}: the time for it has passed. Call again to be asked once more."
OTHERS = f"{NOT_WAITING}, or it waits for somebody else's."
DELETED = "The flow was deleted while the execution waited for an answer."

TOO_MANY = "{:,} executions wait for this caller already. Answer or cancel some, or wait until they expire."

_SALT = "executions.suspensions.asked_at"

HELD = Q(runner_id__isnull=True) & Q(Exists(Suspension.objects.filter(pk=OuterRef("pk"))))
"""Executions that wait, and for which no process has to live."""


class AnswerRefused(ValueError):
    """An answer that nobody waits for, or not from this caller; the message says why."""


class NotStorable(ValueError):
    """An execution cannot be held, and why not: its outputs are no JSON, or too many wait for the caller."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """What proves that somebody was asked: the execution, how often it has been held so far, and a secret."""

    execution_id: uuid.UUID
    step: int
    nonce: str = field(repr=False)

    def __str__(self) -> str:
        return f"{self.execution_id}:{self.step}:{self.nonce}"

    @classmethod
    def of_text(cls, text: str) -> "Ticket":
        """Read what `str` gave; raises AnswerRefused."""
        execution_id, _, rest = text.partition(":")
        step, _, nonce = rest.partition(":")
        try:
            return cls(uuid.UUID(execution_id), int(step), nonce)
        except ValueError:
            raise AnswerRefused(f"{NOT_WAITING}: the state is not one of this server's.") from None

    @property
    def digest(self) -> str:
        """What is stored of the secret."""
        return hashlib.sha256(self.nonce.encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What it takes to go on with an execution; `draft` is the flow as it was called when that was no version.

    `entries` are the node executions as they were observed, secrets and all. `hidden_in_answer` and `hidden` are the
    values that its answer and its record must not hold.
    """

    execution_id: uuid.UUID
    started_at: datetime
    timeout_seconds: float
    version_id: int | None
    draft: Mapping[str, Any] | None
    arguments: Any
    caller: Mapping[str, Any]
    checkpoint: Checkpoint
    entries: list[Entry]
    hidden_in_answer: frozenset[str]
    hidden: frozenset[str]
    step: int
    nonce: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)

    @property
    def ticket(self) -> Ticket:
        """What an answer has to bring."""
        return Ticket(self.execution_id, self.step, self.nonce)

    def sealed(self) -> str:
        """Everything, compressed and encrypted for this execution and step; raises NotStorable."""
        known = {each.node_id for each in self.checkpoint.ended if each.is_known}
        stored = {
            "startedAt": self.started_at.isoformat(),
            "timeoutSeconds": self.timeout_seconds,
            "version": self.version_id,
            "draft": self.draft,
            "arguments": self.arguments,
            "caller": dict(self.caller),
            "checkpoint": self.checkpoint.as_json(),
            # What a node gave out is in the checkpoint already.
            "entries": [entry | {"outputData": None} if entry["nodeId"] in known else entry for entry in self.entries],
            "hiddenInAnswer": sorted(self.hidden_in_answer),
            "hidden": sorted(self.hidden),
            "nonce": self.nonce,
        }
        try:
            text = json.dumps(stored, separators=(",", ":"))
        except (TypeError, ValueError, RecursionError) as error:
            raise NotStorable(f"what its nodes gave out is no plain JSON: {error}.") from None
        return vault.encrypt(
            base64.b85encode(zlib.compress(text.encode(), 1)).decode(), _place(self.execution_id, self.step)
        )

    @classmethod
    def opened(cls, sealed: str, execution_id: uuid.UUID, step: int) -> "Held":
        """Read what `sealed` gave; raises ValueError (vault.Unreadable is one) when it cannot be used any more."""
        stored = json.loads(zlib.decompress(base64.b85decode(vault.decrypt(sealed, _place(execution_id, step)))))
        checkpoint = Checkpoint.of_json(stored["checkpoint"])
        outputs = {each.node_id: each.output for each in checkpoint.ended if each.is_known}
        return cls(
            execution_id=execution_id,
            started_at=datetime.fromisoformat(stored["startedAt"]),
            timeout_seconds=stored["timeoutSeconds"],
            version_id=stored["version"],
            draft=stored["draft"],
            arguments=stored["arguments"],
            caller=stored["caller"],
            checkpoint=checkpoint,
            entries=[
                entry | {"outputData": outputs[entry["nodeId"]]} if entry["nodeId"] in outputs else entry
                for entry in stored["entries"]
            ],
            hidden_in_answer=frozenset(stored["hiddenInAnswer"]),
            hidden=frozenset(stored["hidden"]),
            step=step,
            nonce=stored["nonce"],
        )


def _place(execution_id: uuid.UUID, step: int) -> str:
    return f"execution/{execution_id}/{step}"


# --- All that follows is called from worker threads -------------------------------------------------------------------


def hold(held: Held, answers_from: str, counts_as: str, most: int, seconds: float, runner_id: uuid.UUID | None) -> bool:
    """Store that an execution waits, at most so many seconds; False when it has been ended by somebody else.

    Only `answers_from` may answer; where that is empty, for strangers, at most `most` wait for those who count as one.
    With a runner, the execution ends when that process does. Raises NotStorable.
    """
    state, now = held.sealed(), clock.now()
    expires_at = now + timedelta(seconds=seconds)
    waiting = Suspension.objects.filter(answers_from=answers_from, expires_at__gt=now)
    # No address is stored, but what tells two of them apart.
    place = "" if answers_from else salted_hmac(_SALT, counts_as, algorithm="sha256").hexdigest()
    with transaction.atomic():
        # Who asks next counts this one too. On SQLite the update is the lock: it lets one process write.
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"waiting {answers_from}"])
        columns = {"runner_id": runner_id, "deadline_at": expires_at, "updated_at": now}
        if not statements.update_pending(held.execution_id, columns):
            return False
        if waiting.count() >= MAX_WAITING:
            raise NotStorable(TOO_MANY.format(MAX_WAITING))
        if place and waiting.filter(asked_at=place).count() >= most:
            raise NotStorable(TOO_MANY.format(most))
        Suspension.objects.create(
            execution_id=held.execution_id,
            step=held.step,
            nonce_hash=held.ticket.digest,
            answers_from=answers_from,
            asked_at=place,
            state=state,
            suspended_at=now,
            expires_at=expires_at,
        )
    return True


def look(ticket: Ticket, answers_from: str) -> tuple[Execution, Held]:
    """What waits for an answer, without going on with it; raises AnswerRefused."""
    return _open(_found(ticket, answers_from))


def of_execution(execution_id: uuid.UUID) -> Held | None:
    """What an execution waits for, whoever asks; None when it does not wait, or cannot go on any more."""
    suspension = Suspension.objects.filter(pk=execution_id, expires_at__gt=clock.now()).first()
    try:
        return _open(suspension)[1] if suspension is not None else None
    except AnswerRefused:
        return None


def answerer_of(execution_id: uuid.UUID) -> str | None:
    """The identity that may answer; None when the execution does not wait (any more)."""
    waiting = Suspension.objects.filter(pk=execution_id, expires_at__gt=clock.now())
    return waiting.values_list("answers_from", flat=True).first()


def claim(held: Held, runner_id: uuid.UUID) -> None:
    """Take an execution that waits, so that this process goes on with it and nobody else can; raises AnswerRefused."""
    now = clock.now()
    left = max(held.timeout_seconds - held.checkpoint.seconds, 0.0)
    columns = {"runner_id": runner_id, "deadline_at": now + timedelta(seconds=left), "updated_at": now}
    with transaction.atomic():
        mine = Suspension.objects.filter(pk=held.execution_id, step=held.step, expires_at__gt=now)
        if not mine._raw_delete(using="default"):
            raise AnswerRefused(USED)
        if not statements.update_pending(held.execution_id, columns):
            raise AnswerRefused(f"{NOT_WAITING}: it has ended.")


def _found(ticket: Ticket, answers_from: str) -> Suspension:
    suspension = Suspension.objects.filter(pk=ticket.execution_id).first()
    if suspension is None or (suspension.step, suspension.nonce_hash) != (ticket.step, ticket.digest):
        raise AnswerRefused(_why_gone(ticket.execution_id))
    if suspension.answers_from != answers_from:
        raise AnswerRefused(OTHERS)
    if suspension.expires_at <= clock.now():
        raise AnswerRefused(TOO_LATE)
    return suspension


def _why_gone(execution_id: uuid.UUID) -> str:
    """Said to whoever had the secret once, or guessed; so it tells little."""
    kind = Execution.objects.filter(pk=execution_id).values_list("error_kind", flat=True).first()
    if kind == "timeout":
        return TOO_LATE
    return f"{NOT_WAITING}: it was cancelled." if kind == "cancelled" else USED


def _open(suspension: Suspension) -> tuple[Execution, Held]:
    execution = Execution.objects.for_list().filter(pk=suspension.pk, status=Status.PENDING).first()
    if execution is None:
        raise AnswerRefused(_why_gone(suspension.pk))
    try:
        return execution, Held.opened(suspension.state, suspension.pk, suspension.step)
    except ValueError as error:
        end(suspension.pk, "interrupted", f"What was kept of the execution cannot be read any more: {error}")
        raise AnswerRefused(f"{NOT_WAITING}: what was kept of it cannot be read any more. Call again.") from None


def end(execution_id: uuid.UUID, kind: ErrorKind, message: str, *, now: datetime | None = None) -> bool:
    """End an execution that waits; False when it does not."""
    with transaction.atomic():
        if not Suspension.objects.filter(pk=execution_id)._raw_delete(using="default"):
            return False
        return bool(writer.end_pending(Q(pk=execution_id), _unanswered(kind, lambda _: message, now or clock.now())))


def _unanswered(
    kind: ErrorKind, message_for: Callable[[str], str], now: datetime
) -> Callable[[Execution], dict[str, Any]]:
    """The terminal row of an execution whose nodes wait; the message is made for their names."""

    def terminal(execution: Execution) -> dict[str, Any]:
        waiting = [(entry.known_id, str(entry.name)) for entry in execution.open_entries if entry.asked]
        message = message_for(", ".join(name for _, name in waiting))
        node_id, name = waiting[0] if len(waiting) == 1 else (None, None)
        row = ended_row(execution, FlowError(kind, message, message, node_id, name), now)
        if entries := execution.entries:
            seconds = (row["ended_at"] - execution.started_at).total_seconds()
            closed = close_open(entries, seconds, message, kind)
            row["node_executions"] = payload.dump(closed, redactor=None, rebuild=shrinking.rebuilt)
        return row

    return terminal


def sweep(now: datetime) -> int:
    """End the executions that nobody has answered in time, and those of deleted flows; returns how many."""
    ended = 0
    overdue = Suspension.objects.filter(expires_at__lt=now).defer("state").order_by("expires_at")
    while found := list(overdue[:100]):
        ended += sum(_end_overdue(suspension, now) for suspension in found)
    orphans = Execution.objects.filter(HELD, flow=None, status=Status.PENDING).values_list("pk", flat=True)
    while ids := list(orphans[:100]):
        ended += sum(end(execution_id, "cancelled", DELETED, now=now) for execution_id in ids)
    return ended


def _end_overdue(suspension: Suspension, now: datetime) -> bool:
    patience = _in_words((suspension.expires_at - suspension.suspended_at).total_seconds())

    def message(names: str) -> str:
        asked = f" what {names} asked" if names else ""
        return (
            f"Nobody answered{asked} within {patience}, so the execution was ended. Call again to be asked once more."
        )

    with transaction.atomic():
        # Somebody may go on at this very moment.
        mine = Suspension.objects.filter(pk=suspension.pk, step=suspension.step, expires_at__lt=now)
        if not mine._raw_delete(using="default"):
            return False
        return bool(writer.end_pending(Q(pk=suspension.pk), _unanswered("timeout", message, now)))


def _in_words(seconds: float) -> str:
    for unit, size in (("h", 3600), ("min", 60)):
        if seconds >= size and seconds % size == 0:
            return f"{seconds / size:g} {unit}"
    return f"{seconds:g} s"
