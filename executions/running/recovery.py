"""Executions whose process died or whose deadline passed come to an end here (reliability rules 5, 6, 7 and 13).

Every process that runs executions has a Runner row with a heartbeat, by the database's clock. Its heart is a thread of
its own, so that a blocked event loop cannot stop it; with each beat it also ends what nobody else will end.
"""

import atexit
import logging
import os
import socket
import sys
import threading
import time
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import DatabaseError, connection, transaction
from django.db.models import Exists, OuterRef, Q

from executions.admission.refusals import refusals
from executions.database import clock
from executions.ledger import kept_answers, owners, suspensions, writer
from executions.ledger.writer import ended_row
from executions.models import Execution, Runner
from executions.record.status import Status
from executions.running import cancelling
from executions.running.dispatch import INTERRUPTED
from flows.engine.errors import ErrorKind
from flows.engine.runner import FlowError

logger = logging.getLogger(__name__)

HEARTBEAT_SECONDS = 5.0
STALE = timedelta(seconds=settings.RUNNER_STALE_SECONDS)
GRACE = timedelta(seconds=3)
"""How far past its deadline an execution may be before the reaper ends it: the engine's own timeout comes first."""

TIMED_OUT = "The flow was still pending past its deadline and was ended; the process that ran it did not do so itself."


@dataclass(frozen=True, slots=True)
class Swept:
    """What one sweep ended: executions of dead processes, and those past their deadline or left without an answer."""

    interrupted: int = 0
    timed_out: int = 0


def here() -> str:
    """The boot of this machine and this process's namespace of process ids: two containers may have one host name.

    Empty where that cannot be known, as without Linux.
    """
    try:
        if os.readlink("/proc/self") != str(os.getpid()):
            return ""  # it shows the processes of another namespace
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {os.stat('/proc/self/ns/pid').st_ino}"
    except OSError:
        return ""


def process_start(pid: int) -> str:
    """When a process of this namespace started, in ticks since boot; empty where that cannot be known."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""


def is_dead(runner: Runner, now: datetime) -> bool:
    """Whether the process behind a runner row is gone, or has not been heard of for STALE by the database's clock.

    Only Linux has namespaces of process ids: elsewhere a host is one.
    """
    if runner.heartbeat_at < now - STALE:
        return True
    if (runner.host, runner.place) != (socket.gethostname(), here()) or (sys.platform == "linux" and not runner.place):
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
    now = now or clock.read()
    dead = [runner.pk for runner in Runner.objects.all() if is_dead(runner, now)]
    # A row without a runner, or of one whose row is gone, has nobody who will end it. That is asked in the statement
    # which finds the executions: a runner that began meanwhile is there before its executions are. Who waits for an
    # answer needs no process.
    living = Runner.objects.filter(pk=OuterRef("runner_id")).exclude(pk__in=dead)
    orphaned = ~Exists(living) & ~suspensions.HELD
    overdue = Q(deadline_at__lt=now - GRACE)
    if dry_run:
        pending = Execution.objects.filter(status=Status.PENDING)
        return Swept(pending.filter(orphaned).count(), pending.filter(overdue).exclude(orphaned).count())
    unanswered = suspensions.sweep(now)
    interrupted = _end(orphaned, "interrupted", INTERRUPTED, now)
    swept = Swept(interrupted, unanswered + _end(overdue, "timeout", TIMED_OUT, now))
    Runner.objects.filter(pk__in=dead, heartbeat_at__lt=now - STALE).delete()
    kept_answers.expire(now)
    cancelling.settle()
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
        self._watching: threading.Thread | None = None
        self.fresh_until = 0.0
        """Until when nobody takes this process for dead, as far as is known; by the monotonic clock."""

    @property
    def is_running(self) -> bool:
        """Whether this process has a beating thread."""
        return self._thread is not None and self._thread.is_alive() and self._pid == os.getpid()

    def start(self) -> None:
        """Write the runner row and begin to beat. Call it from a worker thread.

        A second call beats once more, where this process may have been taken for dead: it was stopped, or cut off.
        """
        with self._lock:
            if self.is_running:
                if self.fresh_until < time.monotonic():
                    self.beat()
                return
            if self._pid != os.getpid():
                self.runner_id, self._pid = uuid.uuid4(), os.getpid()
            self._stop.clear()
            self.beat()
            self._thread = threading.Thread(target=self._beat_forever, name="heart", daemon=True)
            self._thread.start()
            self._watching = threading.Thread(
                target=cancelling.watch, args=(self._stop,), name="cancelling", daemon=True
            )
            self._watching.start()
            atexit.register(self.stop)

    def beat(self) -> None:
        """Say that this process lives; writes the row again if somebody took it for dead."""
        fresh_until = time.monotonic() + STALE.total_seconds()
        now = clock.read()
        with transaction.atomic():
            if not Runner.objects.filter(pk=self.runner_id).update(heartbeat_at=now):
                Runner.objects.create(
                    id=self.runner_id,
                    host=socket.gethostname(),
                    pid=os.getpid(),
                    place=here(),
                    process_started=process_start(os.getpid()),
                    started_at=now,
                    heartbeat_at=now,
                )
        self.fresh_until = fresh_until

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
        if self._watching is not None:
            self._watching.join(HEARTBEAT_SECONDS)
        self.fresh_until = 0.0
        atexit.unregister(self.stop)
        try:
            refusals.write()
            if not Execution.objects.filter(status=Status.PENDING, runner_id=self.runner_id).exists():
                Runner.objects.filter(pk=self.runner_id).delete()
        except DatabaseError as error:
            logger.warning("the runner row stays behind: %s", error)


heart = Heart()
"""The heart of this process."""
