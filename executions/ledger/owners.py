"""Executions follow their server when it changes hands: nobody sees them by having owned it.

The transaction of the transfer leaves a Handover. As soon as that is committed, and then with each heartbeat, batches
of executions get the new owner, their counters with them. What is under way is counted by the process that runs it, so
it follows once it has ended; after a minute there is one more look, for calls that began with the old owner.
"""

from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from executions.ledger import counts
from executions.ledger.counts import CountChanges
from executions.models import Execution, Handover
from executions.record.status import Status
from flows.models import Flow, Server

MAX_BATCH = 500
"""Executions that one transaction gives to the new owner of their server."""
MAX_BATCHES = 20
"""Batches at a time, so that a large history does not keep a heartbeat waiting."""
LATE = timedelta(minutes=1)
"""For how long after a transfer calls may still begin with the old owner."""


def handed_over(server: Server, former_id: int | None) -> None:
    """Remember, in the transaction of the transfer, whose the executions are; begin once that is committed."""
    Handover.objects.create(server_key=server.pk, former_key=former_id or 0, slug=server.slug, at=timezone.now())
    transaction.on_commit(settle)


def settle() -> int:
    """Give executions to the owners that their servers have now, for a bounded while; returns how many."""
    number, batches = 0, MAX_BATCHES
    for handover in Handover.objects.order_by("pk"):
        server = Server.objects.filter(pk=handover.server_key).first()
        if server is None:
            handover.delete()
            continue
        theirs = _left_behind(handover, server)
        while batches > 0 and (moved := _move(handover, theirs, server.owner_id)):
            number, batches = number + moved, batches - 1
        if batches > 0:
            _close(handover, theirs)
    return number


def _left_behind(handover: Handover, server: Server) -> Any:
    """The former owner's executions of the server's flows, and of those that were deleted from it."""
    deleted = Q(flow=None, server_slug=handover.slug, started_at__gte=server.created_at)
    ours = Q(flow__in=Flow.objects.filter(server=server).values("pk")) | deleted
    return Execution.objects.filter(ours, owner=handover.former_key or None)


def _move(handover: Handover, theirs: Any, owner_id: int | None) -> int:
    if owner_id == (handover.former_key or None):
        return 0
    later = theirs if handover.after is None else theirs.filter(pk__gt=handover.after)
    ids = list(later.exclude(status=Status.PENDING).order_by("pk").values_list("pk", flat=True)[:MAX_BATCH])
    if not ids:
        return 0
    with transaction.atomic():
        locked = Execution.objects.filter(pk__in=ids, owner=handover.former_key or None).select_for_update()
        rows = list(locked.order_by("pk").values_list("pk", "flow_id", "owner_id", "status", "started_at", "source"))
        changes = CountChanges()
        for _, flow_id, former_id, status, started_at, source in rows:
            changes.count(counts.key_of(flow_id, former_id, started_at, source), status, -1)
            changes.count(counts.key_of(flow_id, owner_id, started_at, source), status)
        Execution.objects.filter(pk__in=[row[0] for row in rows]).update(owner=owner_id)
        counts.write(changes)
        Handover.objects.filter(pk=handover.pk).update(after=ids[-1])
        handover.after = ids[-1]
    return len(ids)


def _close(handover: Handover, theirs: Any) -> None:
    """Everything that had ended is moved: wait for the rest, look once more, and be done."""
    if theirs.in_status(Status.PENDING).exists() or handover.at > timezone.now() - LATE:
        return
    if handover.is_last:
        handover.delete()
    else:
        Handover.objects.filter(pk=handover.pk).update(is_last=True, after=None)
