"""Executions whose process died or whose deadline passed come to an end here (reliability rules 5, 6 and 7).

Every process that runs executions has a Runner row with a heartbeat. Its heart is a thread of its own, so that a
blocked event loop cannot stop it; with each beat it also ends what nobody else will end.
"""

import atexit
import logging
import os
import socket
import threading
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import DatabaseError, connection, transaction
from django.db.models import Q
from django.utils import timezone

from executions.admission.refusals import refusals
from executions.ledger import kept_answers, owners, suspensions, writer
from executions.ledger.writer import ended_row
from executions.models import Execution, Runner
from executions.record.status import Status
from flows.engine.errors import ErrorKind
from flows.engine.runner import FlowError

logger = logging.getLogger(__name__)

HEARTBEAT_SECONDS = 5.0
STALE = timedelta(seconds=settings.RUNNER_STALE_SECONDS)
NEVER = datetime.min.replace(tzinfo=UTC)
GRACE = timedelta(seconds=3)
"""How far past its deadline an execution may be before the reaper ends it: the engine's own timeout comes first."""

INTERRUPTED = (
    "The server stopped before the flow finished. Nodes shown as pending were under way: their outcome is unknown."
)
TIMED_OUT = "The flow was still pending past its deadline and was ended; the process that ran it did not do so itself."


@dataclass(frozen=True, slots=True)
class Swept:
    """What one sweep ended: executions of dead processes, and those past their deadline or left without an answer."""

    interrupted: int = 0
    timed_out: int = 0


def process_start(pid: int) -> str:
    """When a process of this host started, in ticks since boot; empty where that cannot be known."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""


def is_dead(runner: Runner, now: datetime) -> bool:
    """Whether the process behind a runner row is gone, or has not been heard of for STALE."""
    if runner.heartbeat_at < now - STALE:
        return True
    if runner.host != socket.gethostname():
        return False
    try:
        os.kill(runner.pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    started = process_start(runner.pid)
    return bool(started and runner.process_started and started != runner.process_started)


def sweep(now: datetime | None = None, *, dry_run: bool = False) -> Swept:
    """End the executions of dead processes and those past their deadline; only those, each at most once.

    Answers and idempotency keys that were kept long enough go too.
    """
    now = now or timezone.now()
    runners = list(Runner.objects.all())
    dead = [runner.pk for runner in runners if is_dead(runner, now)]
    living = [runner.pk for runner in runners if runner.pk not in dead]
    # A row without a runner, or of one whose row is gone, has nobody who will end it.
    # A runner that began after the list was read is in nobody's list, but its executions are younger than `now`, and
    # those that it has gone on with were touched later. Who waits for an answer needs no process.
    unowned = (~Q(runner_id__in=living) | Q(runner_id__isnull=True)) & ~suspensions.HELD
    orphaned = unowned & Q(started_at__lt=now, updated_at__lt=now)
    overdue = Q(deadline_at__lt=now - GRACE)
    if dry_run:
        pending = Execution.objects.filter(status=Status.PENDING)
        return Swept(pending.filter(orphaned).count(), pending.filter(overdue).exclude(orphaned).count())
    unanswered = suspensions.sweep(now)
    interrupted = _end(orphaned, "interrupted", INTERRUPTED, now)
    swept = Swept(interrupted, unanswered + _end(overdue, "timeout", TIMED_OUT, now))
    Runner.objects.filter(pk__in=dead, heartbeat_at__lt=now - STALE).delete()
    kept_answers.expire(now)
    if swept != Swept():
        logger.warning("ended %d interrupted and %d overdue executions", swept.interrupted, swept.timed_out)
    return swept


def _end(which: Q, kind: ErrorKind, message: str, now: datetime) -> int:
    def terminal(execution: Execution) -> dict[str, Any]:
        found = execution.open_entries
        # The node that was running when the record was last written, if it was one alone.
        node = (found[0].known_id, str(found[0].name)) if len(found) == 1 else (None, None)
        return ended_row(execution, FlowError(kind, message, message, *node), now)

    total = 0
    while ended := writer.end_pending(which, terminal):
        total += len(ended)
    return total


class Heart:
    """Registers this process as a runner and beats until it is stopped."""

    def __init__(self) -> None:
        self.runner_id = uuid.uuid4()
        self._pid: int | None = None
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self.fresh_until = NEVER
        """Until when nobody takes this process for dead, as far as is known."""

    @property
    def is_running(self) -> bool:
        """Whether this process has a beating thread."""
        return self._thread is not None and self._thread.is_alive() and self._pid == os.getpid()

    def start(self) -> None:
        """Write the runner row and begin to beat; a second call changes nothing. Call it from a worker thread."""
        with self._lock:
            if self.is_running:
                return
            if self._pid != os.getpid():
                self.runner_id, self._pid = uuid.uuid4(), os.getpid()
            self._stop.clear()
            self.beat()
            self._thread = threading.Thread(target=self._beat_forever, name="heart", daemon=True)
            self._thread.start()
            atexit.register(self.stop)

    def beat(self) -> None:
        """Say that this process lives; writes the row again if somebody took it for dead."""
        now = timezone.now()
        with transaction.atomic():
            if not Runner.objects.filter(pk=self.runner_id).update(heartbeat_at=now):
                Runner.objects.create(
                    id=self.runner_id,
                    host=socket.gethostname(),
                    pid=os.getpid(),
                    process_started=process_start(os.getpid()),
                    started_at=now,
                    heartbeat_at=now,
                )
        self.fresh_until = now + STALE

    def _beat_forever(self) -> None:
        try:
            while not self._stop.wait(HEARTBEAT_SECONDS):
                try:
                    self.beat()
                    sweep()
                    refusals.write()
                    owners.settle()
                except DatabaseError as error:
                    logger.error("no heartbeat: %s", error)
                    connection.close()
        finally:
            connection.close()

    def stop(self) -> None:
        """Stop beating and take the runner row away, unless executions of this process are still pending."""
        thread, self._thread = self._thread, None
        if thread is None:
            return
        self._stop.set()
        thread.join(HEARTBEAT_SECONDS)
        self.fresh_until = NEVER
        atexit.unregister(self.stop)
        try:
            refusals.write()
            if not Execution.objects.filter(status=Status.PENDING, runner_id=self.runner_id).exists():
                Runner.objects.filter(pk=self.runner_id).delete()
        except DatabaseError as error:
            logger.warning("the runner row stays behind: %s", error)


heart = Heart()
"""The heart of this process."""
