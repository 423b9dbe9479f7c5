"""The nodes of an execution as bars on one time axis."""

from collections.abc import Sequence
from dataclasses import dataclass

from django import template

from executions.models import Execution
from executions.record.entries import NodeEntry

register = template.Library()

SMALLEST_WIDTH = 0.6
"""Per cent: a node that took no time must still be seen."""
STEPS = (1, 2, 5)


@dataclass(frozen=True, slots=True)
class Bar:
    """One node's bar; `start` and `width` are per cent of the axis, `width` is 0 for a node that never started."""

    entry: NodeEntry
    start: float
    width: float


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark of the axis: its place in per cent and the milliseconds it stands for."""

    place: float
    milliseconds: float


@dataclass(frozen=True, slots=True)
class Waterfall:
    """Bars in execution order under the axis' marks."""

    bars: Sequence[Bar]
    ticks: Sequence[Tick]


@register.simple_tag
def waterfall(execution: Execution, elapsed_ms: float) -> Waterfall:
    """Lay out the bars; `elapsed_ms` is how long a pending execution has been going on."""
    entries = execution.entries
    whole = max([execution.duration_ms or elapsed_ms, *(entry.end_ms for entry in entries)]) or 1.0
    return Waterfall([_bar(entry, whole) for entry in entries], _ticks(whole))


def _bar(entry: NodeEntry, whole: float) -> Bar:
    start, took, width = (entry.start_ms or 0.0) / whole * 100, entry.duration_ms, 0.0
    if entry.status != "skipped":
        # A node without an end is still at work, or was when the record was last written.
        width = 100 - start if took is None else took / whole * 100
        width = max(width, SMALLEST_WIDTH)
    return Bar(entry, round(min(start, 100 - width), 2), round(width, 2))


def _ticks(whole: float) -> list[Tick]:
    """Four to nine marks at 1, 2 or 5 times a power of ten."""
    power = 10.0 ** (len(str(int(whole / 4))) - 1) if whole >= 4 else 1.0
    step = next((power * factor for factor in STEPS if whole / (power * factor) <= 8), power * 10)
    count = int(whole / step)
    return [Tick(round(number * step / whole * 100, 2), number * step) for number in range(count + 1)]
