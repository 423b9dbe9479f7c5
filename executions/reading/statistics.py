"""What many executions add up to: calls by status and time from the counters, percentiles from a sample; no JSON."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Case, Count, Sum, Value, When

from executions.models import Execution, ExecutionCount, ExecutionQuerySet
from executions.reading.periods import Period, Span, span_of
from executions.record.status import SHOWN, TERMINAL, Status

SAMPLE = 2_000
"""How many of the newest executions are looked at one by one: 100 of them lie above the p95, and it takes a few ms."""


@dataclass(frozen=True, slots=True)
class Tally:
    """How many calls there are of each status; the fields have the names of the statuses."""

    fulfilled: int = 0
    error: int = 0
    pending: int = 0

    @property
    def by_status(self) -> Mapping[Status, int]:
        """The same by status, in the order in which they are shown."""
        return {status: getattr(self, status) for status in SHOWN}

    @property
    def total(self) -> int:
        """All of them."""
        return sum(self.by_status.values())

    @property
    def ended(self) -> int:
        """All but the pending ones."""
        return sum(number for status, number in self.by_status.items() if status in TERMINAL)

    @property
    def success_rate(self) -> float | None:
        """The share of ended calls that were fulfilled, 0 to 1; None when none has ended."""
        return self.fulfilled / self.ended if self.ended else None

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(**{status: number + getattr(other, status) for status, number in self.by_status.items()})


@dataclass(frozen=True, slots=True)
class Calls:
    """A flow's calls in a span, bucket by bucket; `p95_ms` is in milliseconds, None without an ended call."""

    buckets: Sequence[Tally]
    p95_ms: float | None = None

    @property
    def tally(self) -> Tally:
        """All buckets together."""
        return sum(self.buckets, Tally())

    @property
    def total(self) -> int:
        """All calls."""
        return self.tally.total

    @property
    def success_rate(self) -> float | None:
        """As the tally's."""
        return self.tally.success_rate


def status_counts(executions: ExecutionQuerySet) -> dict[str, int]:
    """How many of these executions there are of each status, and of `all`; reads every one of them."""
    found = dict(executions.order_by().values_list("status").annotate(number=Count("pk")))
    return {"all": sum(found.values())} | {status.value: found.get(status.value, 0) for status in Status}


def calls_of(flow_ids: Iterable[int], span: Span | None = None) -> dict[int, Calls]:
    """The calls of each flow in a span, or in the last 24 hours."""
    span = span or span_of(Period.DAY)
    counted = _tallies({"flow_key__in": (ids := list(flow_ids))}, span, "flow_key")
    return {flow_id: Calls(counted[flow_id], _p95(flow_id, span, counted[flow_id])) for flow_id in ids}


def buckets_of(keys: Mapping[str, Any], span: Span) -> Sequence[Tally]:
    """The calls that are counted under `keys`, as `History.keys` names them, bucket by bucket."""
    return _tallies(keys, span, Value(0))[0]


def _tallies(keys: Mapping[str, Any], span: Span, group: Any) -> Mapping[Any, Sequence[Tally]]:
    """Tallies of each bucket, by the value of `group`; one query, whose answer is as short as what is shown."""
    kept = ExecutionCount.objects.filter(hour__gte=span.first, hour__lt=span.end, **keys)
    bucket = Case(*(When(hour__lt=edge, then=Value(index)) for index, edge in enumerate(span.edges[1:])))
    found: dict[Any, list[dict[str, int]]] = defaultdict(lambda: [{} for _ in span.edges[1:]])
    rows = kept.order_by().values_list(group, bucket, "status").annotate(sum=Sum("number"))
    for name, index, status, number in rows:
        found[name][index][status] = max(number, 0)
    none = [Tally()] * (len(span.edges) - 1)
    counted = {name: [Tally(**tally) for tally in tallies] for name, tallies in found.items()}
    return defaultdict(lambda: none, counted)


def within(executions: ExecutionQuerySet, span: Span) -> ExecutionQuerySet:
    """The executions of a span, newest first: a range of the index that their list is read from."""
    return executions.filter(started_at__gte=span.start, started_at__lt=span.stop).newest_first()


def durations_of(executions: ExecutionQuerySet, span: Span) -> list[float]:
    """How long the newest ended calls of a span took, at most SAMPLE of them, in milliseconds, shortest first."""
    ended = within(executions, span).filter(duration_ms__isnull=False)
    return sorted(duration or 0.0 for duration in ended.values_list("duration_ms", flat=True)[:SAMPLE])


def percentile(ordered: Sequence[float], share: float) -> float | None:
    """The value that `share` of all, 0 to 1, does not exceed, by the nearest rank; None when there is none."""
    return ordered[max(math.ceil(share * len(ordered)), 1) - 1] if ordered else None


def _p95(flow_id: int, span: Span, buckets: Sequence[Tally]) -> float | None:
    if not any(tally.total for tally in buckets):
        return None
    return percentile(durations_of(Execution.objects.filter(flow_id=flow_id), span), 0.95)
