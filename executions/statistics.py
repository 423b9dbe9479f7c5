"""What many executions add up to: counts by status, calls and success in the last 24 hours, p95. No JSON is read."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db.models import CharField, Count
from django.db.models.functions import Cast, Substr
from django.utils import timezone

from executions.models import Execution, ExecutionQuerySet
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
    """How many executions there are of each status, and of `all`."""
    found = dict(executions.order_by().values_list("status").annotate(number=Count("pk")))
    return {"all": sum(found.values())} | {status.value: found.get(status.value, 0) for status in Status}


def calls_of(flow_ids: Iterable[int], now: datetime | None = None) -> dict[int, Calls]:
    """The last 24 hours of each flow."""
    ids = list(flow_ids)
    start = (now or timezone.now()).replace(minute=0, second=0, microsecond=0) - timedelta(hours=HOURS - 1)
    counted = _counted(ids, start)
    return {flow_id: Calls(_hours(counted[flow_id], start), _p95(flow_id, start)) for flow_id in ids}


def _counted(ids: list[int], start: datetime) -> dict[int, Counter[tuple[str, str]]]:
    """Calls by flow, then by hour and status. The hour is cut out of the time's text: the same on both databases."""
    counted: dict[int, Counter[tuple[str, str]]] = defaultdict(Counter)
    rows = (
        Execution.objects.filter(flow_id__in=ids, started_at__gte=start)
        .annotate(hour=Substr(Cast("started_at", CharField()), 1, 13))
        .values_list("flow_id", "hour", "status")
        .annotate(number=Count("pk"))
        .order_by()
    )
    for flow_id, hour, status, number in rows:
        if flow_id is not None:
            counted[flow_id][hour, status] = number
    return counted


def _hours(counted: Counter[tuple[str, str]], start: datetime) -> tuple[Hour, ...]:
    keys = [f"{start + timedelta(hours=number):%Y-%m-%d %H}" for number in range(HOURS)]
    return tuple(Hour(**{status.value: counted[key, status.value] for status in Status}) for key in keys)


def _p95(flow_id: int, start: datetime) -> float | None:
    newest = Execution.objects.filter(flow_id=flow_id, started_at__gte=start, duration_ms__isnull=False).newest_first()
    durations = sorted(duration or 0.0 for duration in newest.values_list("duration_ms", flat=True)[:SAMPLE])
    return durations[int(len(durations) * 0.95)] if durations else None
