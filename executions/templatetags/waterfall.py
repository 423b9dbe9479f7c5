"""The nodes of an execution as bars on one time axis."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django import template

from executions.models import Execution

register = template.Library()

SMALLEST_WIDTH = 0.6
"""Per cent: a node that took no time must still be seen."""
STEPS = (1, 2, 5)


@dataclass(frozen=True, slots=True)
class Bar:
    """One node's bar; `start` and `width` are per cent of the axis, `width` is 0 for a node that never started."""

    node_id: str
    name: str
    status: str
    start: float
    width: float
    duration_ms: float | None
    is_reused: bool


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
    entries: Any = execution.node_executions or []
    whole = max([execution.duration_ms or elapsed_ms, *(_end(entry) for entry in entries)], default=0) or 1.0
    return Waterfall([_bar(entry, whole) for entry in entries], _ticks(whole))


def _end(entry: dict[str, Any]) -> float:
    return float((entry.get("startOffsetMs") or 0) + (entry.get("durationMs") or 0))


def _bar(entry: dict[str, Any], whole: float) -> Bar:
    start = (entry.get("startOffsetMs") or 0) / whole * 100
    took, status = entry.get("durationMs"), entry["status"]
    width = 0.0
    if status != "skipped":
        # A node without an end is still at work, or was when the record was last written.
        width = 100 - start if took is None else took / whole * 100
        width = max(width, SMALLEST_WIDTH)
    start = min(start, 100 - width)
    is_reused = entry.get("reused", False)
    return Bar(entry["nodeId"], entry["nodeName"], status, round(start, 2), round(width, 2), took, is_reused)


def _ticks(whole: float) -> list[Tick]:
    """Four to nine marks at 1, 2 or 5 times a power of ten."""
    power = 10.0 ** (len(str(int(whole / 4))) - 1) if whole >= 4 else 1.0
    step = next((power * factor for factor in STEPS if whole / (power * factor) <= 8), power * 10)
    count = int(whole / step)
    return [Tick(round(number * step / whole * 100, 2), number * step) for number in range(count + 1)]
