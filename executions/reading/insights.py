"""The numbers over a history in a period: exact counts, and what a bounded sample of the newest executions shows."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from typing import Any, NamedTuple
from uuid import UUID

from executions.models import TRIALS, Execution
from executions.reading import statistics
from executions.reading.history import History
from executions.reading.periods import Period, Span, span_of
from executions.reading.statistics import Calls, Tally, counted, durations_of, percentile, within
from executions.record.status import Status

SLOWEST = 8
"""How many of the slowest executions are named."""

EDGES = (0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 30_000, 60_000, 300_000)
"""Milliseconds between which durations are counted: fine where flows are quick, coarse where they are slow."""

FEWEST_BINS = 6

MAX_GROUPS = 20
"""How many nodes or clients are named; names come from clients, so there may be any number of them."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What a period's calls of clients add up to. Percentiles, in milliseconds, are from `sampled`; None without any.

    `trials` are its tests and replays.
    """

    tally: Tally
    trials: Tally
    p50_ms: float | None
    p95_ms: float | None
    sampled: int

    @classmethod
    def of(cls, calls: Calls, durations: Sequence[float]) -> "Figures":
        """From counted calls, and from durations, shortest first."""
        return cls(calls.tally, calls.trials, percentile(durations, 0.5), percentile(durations, 0.95), len(durations))


@dataclass(frozen=True, slots=True)
class Overview:
    """The calls of a period, bucket by bucket, and its figures beside those of as many hours before."""

    period: Period
    span: Span
    buckets: Sequence[Tally]
    now: Figures
    before: Figures


class Group(NamedTuple):
    """Calls of one client; its name is empty when nobody said it. `p95_ms` as in Figures."""

    name: str
    tally: Tally
    p95_ms: float | None


class Bin(NamedTuple):
    """How many calls took at least `low` and less than `high` milliseconds; the last bin has no end."""

    low: float
    high: float | None
    calls: int


@dataclass(frozen=True, slots=True)
class Insights:
    """An overview and what the newest calls of clients, and the newest of them that failed, have in common."""

    overview: Overview
    distribution: Sequence[Bin]
    """How long the sampled calls took."""
    sampled: int
    """How many of the newest calls callers, durations and slowest are from."""
    errors_sampled: int
    """How many of the newest errors kinds and nodes are from."""
    kinds: Sequence[tuple[str, int]]
    nodes: Sequence[tuple[str, int]]
    callers: Sequence[Group]
    slowest: Sequence[Execution]


class _Call(NamedTuple):
    pk: UUID
    status: str
    duration_ms: float | None
    caller: str


def overview_of(history: History, period: Period) -> Overview:
    """Two sums of the counters and two samples of durations, however many executions there are."""
    span = span_of(period)
    return _overview(history, period, span, durations_of(history.executions, span))


def insights_of(history: History, period: Period) -> Insights:
    """As `overview_of`, and one sample more for the errors; the slowest are read by their ids."""
    span = span_of(period)
    found = within(history.executions, span).values_list("pk", "status", "duration_ms", "caller_name", "source")
    rows = found[: statistics.SAMPLE]
    calls = [_Call(pk, status, took, caller) for pk, status, took, caller, source in rows if source not in TRIALS]
    durations = sorted(call.duration_ms for call in calls if call.duration_ms is not None)
    failed = within(history.executions.in_status(Status.ERROR), span)
    columns = failed.values_list("error_kind", "failed_node_name", "source")
    errors = [(kind, node) for kind, node, source in columns[: statistics.SAMPLE] if source not in TRIALS]
    return Insights(
        overview=_overview(history, period, span, durations),
        distribution=_distribution(durations),
        sampled=len(calls),
        errors_sampled=len(errors),
        kinds=_counted(kind for kind, _ in errors),
        nodes=_counted(node for _, node in errors),
        callers=_callers(calls),
        slowest=_slowest(calls),
    )


def _overview(history: History, period: Period, span: Span, durations: Sequence[float]) -> Overview:
    now, earlier = counted(history.keys, span), span.earlier(period.days)
    before = counted(history.keys, earlier)
    earlier_durations = durations_of(history.executions, earlier) if before.total else []
    return Overview(period, span, now.buckets, Figures.of(now, durations), Figures.of(before, earlier_durations))


def _counted(names: Iterable[str]) -> list[tuple[str, int]]:
    return Counter(names).most_common(MAX_GROUPS)


def _distribution(durations: Sequence[float]) -> list[Bin]:
    """The bins from the first to the last that hold a call, and a few more around few; durations are in order."""
    places = [bisect_left(durations, edge) for edge in EDGES]
    ends = zip(EDGES, [*EDGES[1:], None], places, [*places[1:], len(durations)], strict=True)
    bins = [Bin(low, high, after - before) for low, high, before, after in ends]
    held = [index for index, bin_ in enumerate(bins) if bin_.calls]
    if not held:
        return []
    first, last = held[0], held[-1]
    while last - first + 1 < FEWEST_BINS:
        first, last = max(first - 1, 0), min(last + 1, len(bins) - 1)
    return bins[first : last + 1]


def _callers(calls: Iterable[_Call]) -> list[Group]:
    """The clients that called most, first."""
    by_caller: Callable[[_Call], Any] = attrgetter("caller")
    groups = []
    for name, some in groupby(sorted(calls, key=by_caller), key=by_caller):
        own = list(some)
        durations = sorted(call.duration_ms for call in own if call.duration_ms is not None)
        groups.append(Group(name, Tally(**Counter(call.status for call in own)), percentile(durations, 0.95)))
    return sorted(groups, key=lambda group: -group.tally.total)[:MAX_GROUPS]


def _slowest(calls: Sequence[_Call]) -> list[Execution]:
    ended = sorted((call for call in calls if call.duration_ms is not None), key=lambda call: -(call.duration_ms or 0))
    ids = [call.pk for call in ended[:SLOWEST]]
    # By their ids alone: with the flow beside them, SQLite reads all of the flow's executions.
    found = Execution.objects.for_list().with_version_number().in_bulk(ids)
    return [found[pk] for pk in ids if pk in found]
