"""What many executions add up to: calls by status and time from the counters, percentiles from a sample; no JSON."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.db.models import Case, Count, Q, Sum, Value, When

from executions.models import TRIALS, Execution, ExecutionCount, ExecutionQuerySet
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
    """Calls of clients in a span, bucket by bucket, and beside them `trials`: tests and replays, which count apart.

    `p95_ms` is in milliseconds, None without an ended call.
    """

    buckets: Sequence[Tally]
    trials: Tally = Tally()
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
    found = _counted(Q(flow_key__in=(ids := list(flow_ids))), span, "flow_key")
    return {flow_id: replace(found[flow_id], p95_ms=_p95(flow_id, span, found[flow_id])) for flow_id in ids}


def counted(keys: Q, span: Span) -> Calls:
    """The calls that are counted under `keys`, as `History.keys` names them, without their p95."""
    return _counted(keys, span, Value(0))[0]


def _counted(keys: Q, span: Span, group: Any) -> Mapping[Any, Calls]:
    """The calls by the value of `group`; one query, whose answer is as short as what is shown."""
    kept = ExecutionCount.objects.filter(keys, hour__gte=span.first, hour__lt=span.end)
    edges = span.edges[1:]
    in_bucket = (When(hour__lt=edge, then=Value(index)) for index, edge in enumerate(edges))
    bucket = Case(When(is_trial=True, then=Value(len(edges))), *in_bucket)
    found: dict[Any, list[dict[str, int]]] = defaultdict(lambda: [{} for _ in range(len(edges) + 1)])
    rows = kept.order_by().values_list(group, bucket, "status").annotate(sum=Sum("number"))
    for name, index, status, number in rows:
        found[name][index][status] = max(number, 0)
    none = Calls([Tally()] * len(edges))
    tallies = {name: [Tally(**tally) for tally in each] for name, each in found.items()}
    return defaultdict(lambda: none, {name: Calls(each[:-1], each[-1]) for name, each in tallies.items()})


def within(executions: ExecutionQuerySet, span: Span) -> ExecutionQuerySet:
    """The executions of a span, newest first: a range of the index that their list is read from."""
    return executions.started(span.start, span.stop).newest_first()


def durations_of(executions: ExecutionQuerySet, span: Span) -> list[float]:
    """How long clients' calls took in milliseconds, shortest first: those among the newest SAMPLE that ended."""
    ended = within(executions, span).filter(duration_ms__isnull=False).values_list("duration_ms", "source")
    return sorted(duration or 0.0 for duration, source in ended[:SAMPLE] if source not in TRIALS)


def percentile(ordered: Sequence[float], share: float) -> float | None:
    """The value that `share` of all, 0 to 1, does not exceed, by the nearest rank; None when there is none."""
    return ordered[max(math.ceil(share * len(ordered)), 1) - 1] if ordered else None


def _p95(flow_id: int, span: Span, calls: Calls) -> float | None:
    if not calls.total:
        return None
    return percentile(durations_of(Execution.objects.filter(flow_id=flow_id), span), 0.95)
