"""Executions are cancelled wherever they run: who is asked writes a request down, and the process that runs them looks.

Every process that runs something looks every LOOK_SECONDS, and with Redis as soon as somebody asks.
"""

import logging
import threading
from collections.abc import Callable

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.models import Exists, OuterRef

from executions.database import clock
from executions.ledger import suspensions
from executions.models import CancelRequest, Execution
from executions.record.status import Status
from executions.running.dispatch import dispatcher
from flows.audit.log import record

logger = logging.getLogger(__name__)

LOOK_SECONDS = 4.0

CANCELLED_WAITING = "The execution was cancelled while it waited for an answer."


def cancel(execution: Execution) -> bool:
    """Ask a pending execution to stop, in whatever process it runs; False when it has ended.

    One that waits for an answer, and for which no process has to live, ends at once.
    """
    if execution.status != Status.PENDING or not _asked(execution):
        return False
    server = execution.flow.server if execution.flow else None
    record("cancelled", execution, server, execution.flow_tool_name, owner_id=execution.owner_id)
    return True


def _asked(execution: Execution) -> bool:
    if dispatcher.cancel(execution.pk):
        return True
    if execution.runner_id is None and suspensions.end(execution.pk, "cancelled", CANCELLED_WAITING):
        return True
    if not Execution.objects.filter(pk=execution.pk, status=Status.PENDING).exists():
        return False
    CancelRequest.objects.get_or_create(execution_id=execution.pk, defaults={"requested_at": clock.now()})
    if settings.REDIS_URL:
        from executions.running import bell  # Redis's client takes most of a second to import

        bell.ring()
    return True


def look() -> None:
    """Cancel what somebody asked for and runs here, each once: to be cancelled twice would disturb how it ends."""
    for execution_id in list(CancelRequest.objects.values_list("pk", flat=True)):
        if execution_id in dispatcher and CancelRequest.objects.filter(pk=execution_id).delete()[0]:
            dispatcher.cancel(execution_id)


def settle() -> None:
    """Cancel what began to wait for an answer since somebody asked, and forget what has ended."""
    asked = CancelRequest.objects.all()
    for execution in Execution.objects.filter(suspensions.HELD, pk__in=asked.values("pk")):
        suspensions.end(execution.pk, "cancelled", CANCELLED_WAITING)
    pending = Execution.objects.filter(pk=OuterRef("pk"), status=Status.PENDING)
    ids = list(asked.exclude(Exists(pending)).values_list("pk", flat=True))
    if ids:  # a DELETE takes SQLite's write lock even when there is nothing to delete
        asked.filter(pk__in=ids).delete()


def watch(stop: threading.Event) -> None:
    """Look until `stop` is set, in a thread of its own; the database is asked while something runs here."""
    wait: Callable[[float], bool] = stop.wait
    if settings.REDIS_URL:
        from executions.running import bell  # as above

        wait = bell.Bell(stop).wait
    while not stop.is_set():
        wait(LOOK_SECONDS)
        if len(dispatcher):
            try:
                look()
            except DatabaseError as error:
                logger.warning("what was asked to be cancelled is seen later than usual: %s", error)
            finally:
                connection.close()
