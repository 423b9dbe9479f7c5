"""The only code that writes executions: one writer thread a process, many executions a transaction (group commit).

Rules kept here (the numbers are those of the reliability rules):
1. Whoever awaits `commit` goes on only after the transaction that holds the row is durable.
2. Whatever arrives while a transaction commits shares the next one, and an execution that is opened and closed before
   the writer looks becomes a single insert.
3. A terminal write is `UPDATE ... WHERE id = ? AND status = 'pending'`; when it meets no row, somebody else ended the
   execution first and theirs stays.

The counters are changed in the same transaction. When the database cannot be written, calls wait, then are refused.
"""

import asyncio
import atexit
import logging
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from django.db import DatabaseError, connection, transaction
from django.db.models import Q
from django.db.utils import DataError, IntegrityError, InterfaceError, OperationalError

from executions.database import clock
from executions.ledger import counts, idempotency_keys, kept_answers, statements, write_ahead_log
from executions.ledger.counts import CountChanges, CountKey
from executions.ledger.unavailable import LedgerUnavailable
from executions.models import CallKey, Execution, KeptAnswer
from executions.privacy.redactor import Redactor
from executions.record import payload
from executions.record.status import Status
from flows.engine.runner import FlowError

logger = logging.getLogger(__name__)

IDLE_SECONDS = 0.05
"""How long a row that nobody waits for may stay in memory; within it, open and close become one insert."""

PATIENCE_SECONDS = 20.0
"""How long the writer tries again while the database is locked or away; then the waiting calls are refused."""

MAX_GROUP = 200
"""Executions a transaction; keeps one statement below SQLite's limit of 32,766 parameters."""

MAX_WAITING = 10_000
"""Changes that may wait to be written; beyond it new calls wait, and after PATIENCE_SECONDS are refused."""
MAX_WAITING_BYTES = 256 * 1024 * 1024
"""Bytes that may wait to be written; beyond it new calls wait, and after PATIENCE_SECONDS are refused."""

NOT_RECORDED = "The result could not be recorded in time, so the caller was told that the call failed."

Row = dict[str, Any]


class ExecutionChange(NamedTuple):
    """What happened to one execution, without its data; the keys are 0 for no flow and no owner.

    `status` may also be `deleted`, which is the end of the record and no status of it.
    """

    execution_id: uuid.UUID
    flow_key: int
    owner_key: int
    status: str


DELETED = "deleted"

_SHORT = 200

listeners: list[Callable[[Sequence[ExecutionChange]], None]] = []
"""Called on the writing thread with each committed group; they must be quick and never wait."""


REFUSED = (IntegrityError, DataError, ValueError, TypeError)
"""What comes of a row that is wrong, however often it is tried; drivers raise ValueError for text that is no UTF-8."""


@dataclass(slots=True)
class _Item:
    """What is to be written for one execution, and who waits for it."""

    id: uuid.UUID
    insert: Row | None = None
    update: Row | None = None
    is_terminal: bool = False
    claim: CallKey | None = None
    kept: KeptAnswer | None = None
    size: int = 0
    waiters: list[tuple[asyncio.AbstractEventLoop, asyncio.Future[bool]]] = field(default_factory=list)
    won: bool = True
    error: Exception | None = None
    was_tried: bool = False


class Ledger:
    """Collects rows from event loops and writes them in groups from its own thread."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self._items: dict[uuid.UUID, _Item] = {}
        self._keys: dict[uuid.UUID, CountKey] = {}
        self._bytes = 0
        self._is_due = False
        """Whether the writer is to look: somebody waits, or something has waited for IDLE_SECONDS."""
        self._nudged_until = 0.0
        self._waking: asyncio.AbstractEventLoop | None = None
        """The loop that wakes the writer once this turn of it is over."""
        self._stopping = False
        self._thread: threading.Thread | None = None

    # --- Called on an event loop --------------------------------------------------------------------------------------

    async def admit(self) -> None:
        """Wait for room to record one more execution; raises LedgerUnavailable when there is none for too long."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while self.is_full:
            if time.monotonic() > deadline:
                raise LedgerUnavailable(f"{self.waiting} executions wait to be recorded; the database does not keep up")
            await asyncio.sleep(0.05)

    @property
    def waiting(self) -> int:
        """How many executions wait to be written."""
        return len(self._items)

    @property
    def is_full(self) -> bool:
        """Whether new calls have to wait."""
        return len(self._items) >= MAX_WAITING or self._bytes >= MAX_WAITING_BYTES

    def open(self, row: Row, claim: CallKey | None = None) -> None:
        """Take a pending row; it reaches the database soon, or when `commit` asks for it."""
        with self._lock:
            item = self._item(row["id"], len(row["initial_params"]))
            item.insert, item.claim = row, claim

    def open_claimed(self, row: Row, claim: CallKey) -> asyncio.Future[bool]:
        """Take a pending row that is stored only if nobody has that idempotency key; await the result to know.

        False when somebody else has it: then neither is stored. Awaiting it raises LedgerUnavailable when that cannot
        be found out.
        """
        with self._lock:  # held for both: the writer must not come between
            self.open(row, claim)
            return self.commit(row["id"])

    def record(self, row: Row) -> asyncio.Future[bool]:
        """Take an execution that has ended, as one row; await the result as that of `commit`.

        Costs no more than a place in the group that is written next: for calls that nobody saw under way.
        """
        with self._lock:
            item = _Item(
                row["id"], row, is_terminal=True, size=len(row["initial_params"]) + len(row["node_executions"])
            )
            self._items[item.id] = item
            self._bytes += item.size
            if self._thread is None or not self._thread.is_alive():
                self._start()
            return self._written(item)

    def progress(self, execution_id: uuid.UUID, node_executions: str, at: datetime) -> None:
        """Replace the stored node executions of a pending row, soon; the latest call wins."""
        with self._lock:
            item = self._items.get(execution_id)
            if item is None or not item.is_terminal:
                item = self._item(execution_id, len(node_executions))
                item.update = {"node_executions": node_executions, "updated_at": at}

    def adopt(self, execution: Execution) -> None:
        """Write from now on what becomes of a pending row that another ledger may have opened."""
        with self._lock:
            self._keys[execution.pk] = counts.key_of_execution(execution)

    def release(self, execution_id: uuid.UUID) -> None:
        """Somebody else may write what becomes of a pending row; nothing of it may be waiting here."""
        with self._lock:
            key = self._keys.pop(execution_id, None)
        # Open pages show what it asks.
        if key is not None and listeners:
            _tell([ExecutionChange(execution_id, key.flow_key, key.owner_key, Status.PENDING.value)])

    def commit(
        self, execution_id: uuid.UUID, terminal: Row | None = None, answer: KeptAnswer | None = None
    ) -> asyncio.Future[bool]:
        """Await the result to wait until what was taken so far is durable, with the end and the answer to keep.

        The result is False when the execution had already been ended by somebody else, whose record stays. Awaiting it
        raises LedgerUnavailable when it cannot be written.
        """
        size = len((terminal or {}).get("node_executions", "")) + len(answer.encrypted if answer is not None else "")
        with self._lock:
            item = self._item(execution_id, size)
            if terminal is not None:
                item.update, item.is_terminal, item.kept = terminal, True, answer
            return self._written(item)

    def _written(self, item: _Item) -> asyncio.Future[bool]:
        """What ends once the item is written; the lock is held."""
        loop = asyncio.get_running_loop()
        written: asyncio.Future[bool] = loop.create_future()
        item.waiters.append((loop, written))
        # Not at once: what else this turn of the event loop brings shares the transaction, and the writer does not
        # compete for the interpreter with the calls that are about to end.
        if not self._is_due and self._waking is not loop:
            self._waking = loop
            loop.call_soon(self._wake)
        return written

    def _item(self, execution_id: uuid.UUID, size: int = 0) -> _Item:
        """What is to be written for an execution within IDLE_SECONDS, with so many bytes more; the lock is held."""
        item = self._items.get(execution_id)
        if item is None:
            item = self._items[execution_id] = _Item(execution_id)
        item.size += size
        self._bytes += size
        if self._thread is None or not self._thread.is_alive():
            self._start()
        now = time.monotonic()
        if now >= self._nudged_until:
            # Waking the writer at once would cost two thread switches a call.
            self._nudged_until = now + IDLE_SECONDS
            asyncio.get_running_loop().call_later(IDLE_SECONDS, self._wake)
        return item

    def _wake(self) -> None:
        with self._lock:
            self._waking = None
            if self._items and not self._is_due:
                self._is_due = True
                self._changed.notify()

    # --- The writer thread --------------------------------------------------------------------------------------------

    def _start(self) -> None:
        self._stopping = False
        self._thread = threading.Thread(target=self._write_forever, name="ledger", daemon=True)
        self._thread.start()
        atexit.register(self.stop)

    def stop(self) -> None:
        """Write what is left and end the thread; a later call starts it again."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join(PATIENCE_SECONDS)
            self._thread = None
        atexit.unregister(self.stop)

    def _take(self) -> list[_Item] | None:
        """The next group, oldest first; None when the ledger stops and nothing is left."""
        with self._changed:
            while not self._is_due and not self._stopping:
                self._changed.wait()
            if not self._items:
                self._is_due = False
                return None if self._stopping else []
            keys = list(self._items)[:MAX_GROUP]
            group = [self._items.pop(key) for key in keys]
            self._bytes -= sum(item.size for item in group)
            self._is_due = bool(self._items)
            return group

    def _write_forever(self) -> None:
        try:
            while (group := self._take()) is not None:
                if group:
                    self._write(group)
                    if listeners:
                        _tell(self._changes(group))
                    self._settle(group)
        finally:
            connection.close()

    def _write(self, group: list[_Item]) -> None:
        try:
            self._patiently(lambda: self._write_together(group))
        except REFUSED:
            for item in group:
                self._write_alone(item)
        except DatabaseError as error:
            logger.exception("%d executions could not be recorded", len(group))
            for item in group:
                item.error = error

    def _write_alone(self, item: _Item) -> None:
        """One row of the group is refused: find it, and keep it without what was deleted meanwhile."""
        for is_second in (False, True):
            try:
                if is_second and item.insert is not None:
                    self._patiently(lambda: _forget_what_is_gone(item))
                self._patiently(lambda: self._write_together([item]))
                item.error = None
                return
            except (DatabaseError, *REFUSED) as error:
                item.error = error
        logger.error("execution %s could not be recorded: %s", item.id, item.error)

    def _patiently(self, write: Callable[[], None]) -> None:
        """Try again while the database is locked, full or away, for a bounded time."""
        deadline, pause = time.monotonic() + PATIENCE_SECONDS, 0.05
        while True:
            try:
                return write()
            except (OperationalError, InterfaceError):
                connection.close()
                if time.monotonic() > deadline or self._stopping:
                    raise
                time.sleep(pause)
                pause = min(pause * 2, 1.0)

    def _write_together(self, group: Sequence[_Item]) -> None:
        changes = CountChanges()
        with statements.transaction():
            write_ahead_log.lay_out()
            _leave_out_what_is_stored(group)
            _leave_out_what_is_claimed(group)
            rows = [item.insert | (item.update or {}) for item in group if item.insert is not None]
            statements.insert(rows)
            for row in rows:
                key = counts.key_of(row.get("flow_id"), row.get("owner_id"), row["started_at"], row["source"])
                self._keys[row["id"]] = key
                changes.count(key, row["status"])
            self._write_updates(group, changes)
            kept_answers.write(item.kept for item in group if item.kept is not None and item.won)
            counts.write(changes)

    def _write_updates(self, group: Sequence[_Item], changes: CountChanges) -> None:
        updates = [(item, item.update) for item in group if item.insert is None and item.update is not None]
        sent = [(item, update, statements.send_update(item.id, update)) for item, update in updates]
        for item, update, done in sent:
            if not item.is_terminal:
                continue
            item.won = statements.changed(done) > 0
            key = self._keys.get(item.id)
            if item.won and key is not None:
                changes.move(key, Status.PENDING.value, update["status"])

    def _changes(self, group: Sequence[_Item]) -> list[ExecutionChange]:
        """What the group changed; an execution that somebody else had ended was told of by them."""
        changes = []
        for item in group:
            key = self._keys.get(item.id)
            if key is not None and item.error is None and item.won:
                row = (item.insert or {}) | (item.update or {})
                status = row.get("status", Status.PENDING.value)
                changes.append(ExecutionChange(item.id, key.flow_key, key.owner_key, status))
        return changes

    def _settle(self, group: Sequence[_Item]) -> None:
        """Forget what is written, keep what has to be tried again, and wake everybody who waits."""
        for item in group:
            if item.error is None:
                if item.is_terminal or not item.won:
                    self._keys.pop(item.id, None)
            elif not self._stopping and not isinstance(item.error, REFUSED):
                self._try_again(item)
        _answer(group)

    def _try_again(self, item: _Item) -> None:
        """Who waited was refused, and the execution ended with that: what is stored of it becomes `record_error`."""
        update, is_over = item.update, item.is_terminal or bool(item.waiters)
        if is_over:
            update = _unrecorded()
        with self._changed:
            newer = self._items.pop(item.id, None)
            again = _Item(item.id, item.insert, update, is_over, was_tried=True)
            if newer is not None:
                again.waiters = newer.waiters
                if newer.update is not None and not is_over:
                    again.update, again.is_terminal = newer.update, newer.is_terminal
            self._items[item.id] = again
            self._is_due = True


def _tell(changes: Sequence[ExecutionChange]) -> None:
    """Tell the listeners; what they do wrong must not keep the ledger from writing."""
    for listener in list(listeners):
        try:
            listener(changes)
        except Exception:
            logger.exception("a listener failed")


def _tell_once_committed(changes: Sequence[ExecutionChange]) -> None:
    if listeners and changes:
        transaction.on_commit(lambda: _tell(changes))


def _unrecorded() -> Row:
    now = datetime.now(UTC)
    columns: Row = {"status": Status.ERROR.value, "ended_at": now, "updated_at": now}
    return columns | error_columns(FlowError("record_error", NOT_RECORDED, NOT_RECORDED))


def _answer(group: Sequence[_Item]) -> None:
    """Wake everybody who waits, one hop an event loop."""
    loops: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[bool], _Item]]] = {}
    for item in group:
        for loop, future in item.waiters:
            loops.setdefault(loop, []).append((future, item))
    for loop, answers in loops.items():
        try:
            loop.call_soon_threadsafe(_resolve, answers)
        except RuntimeError:
            logger.warning("an event loop closed before %d of its executions were recorded", len(answers))


def _resolve(answers: Iterable[tuple[asyncio.Future[bool], _Item]]) -> None:
    for future, item in answers:
        if future.done():
            continue
        if item.error is not None:
            future.set_exception(LedgerUnavailable(f"the record could not be written: {item.error}"))
        else:
            future.set_result(item.won)


def _forget_what_is_gone(item: _Item) -> None:
    """The flow, its owner or the parent was deleted between the call and this insert: keep the record without it."""
    row = item.insert or {}
    for relation in Execution._meta.concrete_fields:
        model, value = relation.related_model, row.get(relation.attname)
        if model is not None and value is not None and not model._base_manager.filter(pk=value).exists():
            row[relation.attname] = None


def _leave_out_what_is_stored(group: Sequence[_Item]) -> None:
    """A commit can succeed although its answer is lost with the connection: what is tried again may be there."""
    tried = {item.id: item for item in group if item.was_tried}
    for item in group:
        item.was_tried = True
    if not tried:
        return
    stored = Execution.objects.filter(pk__in=tried).values_list("pk", "status", "updated_at")
    for execution_id, status, updated_at in stored:
        item, update = tried[execution_id], tried[execution_id].update or {}
        item.insert = None
        if (status, updated_at) == (update.get("status"), update.get("updated_at")):
            item.update = None


def _leave_out_what_is_claimed(group: Sequence[_Item]) -> None:
    """An execution whose idempotency key somebody else has is not stored, and its first node never starts."""
    for item in group:
        if item.claim is None or item.insert is None:
            continue
        if not idempotency_keys.take(item.claim, clock.now()):
            item.insert, item.update, item.won = None, None, False


ledger = Ledger()
"""The ledger of this process."""


# --- Rows that no task of this process will end; called from worker threads -------------------------------------------


def end_pending(which: Q, terminal: Callable[[Execution], Row], *, limit: int = 100) -> list[uuid.UUID]:
    """End up to `limit` pending executions that nobody else will end; returns the ids of those that this call ended."""
    ended: list[ExecutionChange] = []
    with transaction.atomic():
        changes = CountChanges()
        found = Execution.objects.filter(which, status=Status.PENDING).order_by("id")[:limit]
        for execution in found:
            row = terminal(execution)
            if statements.update_pending(execution.pk, row):
                key = counts.key_of_execution(execution)
                changes.move(key, Status.PENDING.value, row["status"])
                ended.append(ExecutionChange(execution.pk, key.flow_key, key.owner_key, row["status"]))
        counts.write(changes)
        _tell_once_committed(ended)
    return [change.execution_id for change in ended]


def delete(ids: Sequence[uuid.UUID]) -> int:
    """Delete ended executions that are not pinned; returns how many. Counters follow in the same transaction."""
    with transaction.atomic():
        chosen = Execution.objects.filter(pk__in=ids, is_pinned=False).exclude(status=Status.PENDING)
        # Locked, in one order: of two that delete the same rows, only one may take them off the counters.
        locked = chosen.select_for_update().order_by("pk")
        rows = list(locked.values_list("pk", "flow_id", "owner_id", "status", "started_at", "source"))
        changes = CountChanges()
        for _, flow_id, owner_id, status, started_at, source in rows:
            changes.count(counts.key_of(flow_id, owner_id, started_at, source), status, -1)
        Execution.objects.filter(parent_id__in=[row[0] for row in rows]).update(parent=None)
        Execution.objects.filter(replay_of_id__in=[row[0] for row in rows]).update(replay_of=None)
        Execution.objects.filter(pk__in=[row[0] for row in rows])._raw_delete(using="default")
        KeptAnswer.objects.filter(pk__in=[row[0] for row in rows])._raw_delete(using="default")
        counts.write(changes)
        _tell_once_committed([ExecutionChange(row[0], row[1] or 0, row[2] or 0, DELETED) for row in rows])
    return len(rows)


def mark(execution: Execution, **columns: Any) -> None:
    """Write what people add to a record, `is_pinned` or `note`; the record itself does not change."""
    Execution.objects.filter(pk=execution.pk).update(**columns)
    key = counts.key_of_execution(execution)
    _tell_once_committed([ExecutionChange(execution.pk, key.flow_key, key.owner_key, execution.status)])


# --- What the end of an execution puts into its row -------------------------------------------------------------------


def end_columns(
    started_at: datetime, seconds: float, error: FlowError | None, texts: Mapping[str, str], redactor: Redactor
) -> dict[str, Any]:
    """What the end after so many seconds puts into the row, with the JSON texts of nodes, result and the like."""
    ended_at = started_at + timedelta(seconds=seconds)
    row = {
        "status": (Status.FULFILLED if error is None else Status.ERROR).value,
        "ended_at": ended_at,
        "updated_at": ended_at,
        "duration_ms": round(seconds * 1000, 3),
        **texts,
    }
    return row if error is None else row | error_columns(error, redactor)


def ended_row(execution: Execution, error: FlowError, now: datetime) -> dict[str, Any]:
    """The terminal columns of an execution that is ended from outside."""
    ended_at = max(now, execution.started_at)
    row: dict[str, Any] = {"status": Status.ERROR.value, "ended_at": ended_at, "updated_at": ended_at}
    row["duration_ms"] = round((ended_at - execution.started_at).total_seconds() * 1000, 3)
    return row | error_columns(error)


def error_columns(error: FlowError, redactor: Redactor = Redactor.none) -> dict[str, Any]:
    """The columns that say why an execution failed."""
    message = redactor.hide_text(error.message, is_message=True)
    info = {
        "message": message,
        "kind": error.kind,
        "nodeId": error.node_id,
        "nodeName": error.node_name,
        "causes": [redactor.hide_text(cause, is_message=True) for cause in error.causes],
    }
    return {
        "error_info": payload.dump(info, redactor=None),
        "error_kind": error.kind,
        "failed_node_name": payload.clean_text(error.node_name or "")[:_SHORT],
        "error_preview": payload.clean_text(message)[:_SHORT],
    }
