"""How long executions are kept: what may be pruned, and versions that nothing names any more.

Everything is kept for ever unless an operator prunes. Executions that are pending or pinned stay in any case.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db import connection, transaction
from django.db.models import Count, Max, Min

from executions.ledger import writer
from executions.models import Execution, ExecutionQuerySet, KeptDraft
from executions.record.status import Status
from executions.upkeep.space import FlowShare, size_of_one
from flows.models import Flow, FlowVersion

CHUNK = 500
"""Executions a transaction: some ten milliseconds, so that calls are recorded in between."""

PAUSE_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Criteria:
    """Which executions to prune: those that meet every criterion that is given.

    `before` compares with their start; `keep` spares the newest of each flow, whatever their status.
    """

    before: datetime | None = None
    keep: int | None = None
    status: Status | None = None
    flow: Flow | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing is asked for; that must not mean everything."""
        return self == Criteria()


def chosen(criteria: Criteria) -> Iterator[tuple[Flow | None, ExecutionQuerySet]]:
    """What may be pruned, flow by flow, so that an index finds it; deleted flows come last, together."""
    flows: list[Flow | None] = [criteria.flow]
    if criteria.flow is None:
        flows = [*Flow.objects.select_related("server").order_by("server__slug", "tool_name"), None]
    for flow in flows:
        executions = Execution.objects.filter(flow=flow)
        rows = executions.started(before=criteria.before).filter(is_pinned=False).exclude(status=Status.PENDING)
        if criteria.status is not None:
            rows = rows.filter(status=criteria.status)
        if criteria.keep:
            spared = executions.newest_first().values_list("pk", flat=True)
            if (last := spared[criteria.keep - 1 : criteria.keep].first()) is None:
                continue
            rows = rows.filter(pk__lt=last)
        yield flow, rows


def preview(criteria: Criteria) -> list[FlowShare]:
    """What pruning would delete now, without flows of which nothing goes."""
    shares = []
    for flow, executions in chosen(criteria):
        found = executions.aggregate(rows=Count("pk"), oldest=Min("started_at"), newest=Max("started_at"))
        if found["rows"]:
            size = round(found["rows"] * size_of_one(executions))
            shares.append(FlowShare(flow, found["rows"], size, found["oldest"], found["newest"]))
    return shares


def prune(criteria: Criteria, chunk: int = CHUNK) -> Iterator[int]:
    """Delete what the criteria choose, oldest first; yields how many each transaction deleted.

    Between two transactions it waits as long as the last one took: calls get the write lock at least half of the time.
    """
    for _, executions in chosen(criteria):
        left = executions.order_by("id").values_list("pk", flat=True)
        while ids := list(left[:chunk]):
            began = time.monotonic()
            yield writer.delete(ids)
            left = left.filter(pk__gt=ids[-1])
            time.sleep(max(time.monotonic() - began, PAUSE_SECONDS))


def remove_orphaned_drafts() -> int:
    """Delete kept drafts that no execution names, but those of the last hour, which one may be about to name.

    Returns how many.
    """
    named = Execution.objects.filter(draft_digest__isnull=False).values("draft_digest").order_by()
    old = KeptDraft.objects.filter(kept_at__lt=datetime.now(UTC) - timedelta(hours=1))
    return old.exclude(pk__in=named).delete()[0]


def remove_orphaned_versions() -> int:
    """Delete versions of deleted flows that no execution names any more; returns how many."""
    # The executions of a deleted flow name no flow, which an index finds; a search by version would read the table,
    # and so would the database's own check of the foreign key, for each version.
    with connection.constraint_checks_disabled(), transaction.atomic():
        named = Execution.objects.filter(flow=None, flow_version__isnull=False).values("flow_version")
        orphans = FlowVersion.objects.filter(flow=None).exclude(pk__in=named.order_by())
        return orphans._raw_delete(using="default")
