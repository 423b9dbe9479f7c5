"""What many executions add up to: counts by status, calls and success in the last 24 hours, p95. No JSON is read."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import Count, Sum
from django.utils import timezone

from executions.counts import hour_of, start_of
from executions.models import Execution, ExecutionCount, ExecutionQuerySet
from executions.status import Status

HOURS = 24
SAMPLE = 500
"""How many of the newest calls the p95 is taken from: enough for a number of three digits, and quick for busy flows."""


@dataclass(frozen=True, slots=True)
class Hour:
    """The calls that started in one hour."""

    fulfilled: int = 0
    error: int = 0
    pending: int = 0

    @property
    def total(self) -> int:
        """All of them."""
        return self.fulfilled + self.error + self.pending


@dataclass(frozen=True, slots=True)
class Calls:
    """A flow's last 24 hours, oldest hour first; `p95_ms` is in milliseconds, None without an ended call."""

    hours: tuple[Hour, ...] = field(default=(Hour(),) * HOURS)
    p95_ms: float | None = None

    @property
    def total(self) -> int:
        """All calls."""
        return sum(hour.total for hour in self.hours)

    @property
    def success_rate(self) -> float | None:
        """The share of ended calls that were fulfilled, 0 to 1; None when none has ended."""
        fulfilled, failed = sum(hour.fulfilled for hour in self.hours), sum(hour.error for hour in self.hours)
        return fulfilled / (fulfilled + failed) if fulfilled + failed else None


def status_counts(executions: ExecutionQuerySet) -> dict[str, int]:
    """How many of these executions there are of each status, and of `all`; reads every one of them."""
    found = dict(executions.order_by().values_list("status").annotate(number=Count("pk")))
    return {"all": sum(found.values())} | {status.value: found.get(status.value, 0) for status in Status}


def calls_of(flow_ids: Iterable[int], now: datetime | None = None) -> dict[int, Calls]:
    """The last 24 hours of each flow, the hour that has begun included."""
    ids = list(flow_ids)
    first = hour_of(now or timezone.now()) - HOURS + 1
    counted: dict[tuple[int, int], dict[str, int]] = defaultdict(dict)
    kept = ExecutionCount.objects.filter(flow_key__in=ids, hour__gte=first)
    for flow_id, hour, status, number in kept.values_list("flow_key", "hour", "status").annotate(sum=Sum("number")):
        counted[flow_id, hour][status] = number
    hours = range(first, first + HOURS)
    return {
        flow_id: Calls(tuple(Hour(**counted[flow_id, hour]) for hour in hours), _p95(flow_id, start_of(first)))
        for flow_id in ids
    }


def _p95(flow_id: int, start: datetime) -> float | None:
    newest = Execution.objects.filter(flow_id=flow_id, started_at__gte=start, duration_ms__isnull=False).newest_first()
    durations = sorted(duration or 0.0 for duration in newest.values_list("duration_ms", flat=True)[:SAMPLE])
    return durations[int(len(durations) * 0.95)] if durations else None
