"""Where the parts of a chart lie: across in per cent of its width, so that it fits any window, and down in pixels."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from executions.reading.insights import Bin
from executions.reading.statistics import Tally
from executions.record.status import Status

SMALLEST = 2.0
"""Pixels: a single call must be seen beside thousands."""

GAP = 0.22
"""The share of a column's room that stays empty."""

MAX_LINES = 4
"""Lines across a chart, above the one at zero."""
STEPS = (1, 2, 5, 10)
STACK = (Status.ERROR, Status.FULFILLED, Status.PENDING)
"""From the bottom up: failures stand on the axis, where their heights compare."""


@dataclass(frozen=True, slots=True)
class ColumnPart:
    """A piece of a column; `kind` says what is counted."""

    kind: str
    top: float
    height: float


@dataclass(frozen=True, slots=True)
class Column:
    """A bar and the room that it has, from `left` on; `x` and `width` are of the bar itself."""

    left: float
    room: float
    x: float
    width: float
    parts: Sequence[ColumnPart]

    @property
    def middle(self) -> float:
        """Where its label stands."""
        return round(self.left + self.room / 2, 3)


@dataclass(frozen=True, slots=True)
class ScaleLine:
    """A line across the chart, for a number of calls."""

    value: int
    y: float


@dataclass(frozen=True, slots=True)
class Chart:
    """Columns from left to right, and the lines behind them."""

    height: float
    columns: Sequence[Column]
    lines: Sequence[ScaleLine]


def stacked(tallies: Sequence[Tally], height: float) -> Chart:
    """Calls bucket by bucket, each column divided by status."""
    counts = [[(status.value, tally.by_status[status]) for status in STACK] for tally in tallies]
    return _chart(counts, height)


def histogram(bins: Sequence[Bin], height: float) -> Chart:
    """How many calls took how long."""
    return _chart([[("calls", bin_.calls)] for bin_ in bins], height)


def _chart(counts: Sequence[Sequence[tuple[str, int]]], height: float) -> Chart:
    most = max((sum(number for _, number in column) for column in counts), default=0)
    values = _round_values(most)
    top = values[-1] or 1
    room = 100 / max(len(counts), 1)
    columns = [
        Column(
            left=round(index * room, 3),
            room=round(room, 3),
            x=round((index + GAP / 2) * room, 3),
            width=round(room * (1 - GAP), 3),
            parts=_parts(column, top, height),
        )
        for index, column in enumerate(counts)
    ]
    return Chart(height, columns, [ScaleLine(value, round(height - value / top * height, 1)) for value in values])


def _parts(column: Sequence[tuple[str, int]], top: int, height: float) -> list[ColumnPart]:
    """The pieces from the bottom up; what small ones take more than their share is taken from the largest."""
    heights = {kind: max(number / top * height, SMALLEST) for kind, number in column if number}
    if (excess := sum(heights.values()) - height) > 0:
        heights[max(heights, key=heights.__getitem__)] -= excess
    parts, bottom = [], height
    for kind, tall in heights.items():
        bottom -= tall
        parts.append(ColumnPart(kind, round(bottom, 1), round(tall, 1)))
    return parts


def _round_values(most: int) -> list[int]:
    """Zero and up to MAX_LINES numbers at 1, 2 or 5 times a power of ten, the last of them at least `most`."""
    power = 10 ** max(len(str(most // MAX_LINES)) - 1, 0)
    step = next(power * factor for factor in STEPS if power * factor * MAX_LINES >= most)
    return [step * number for number in range(math.ceil(most / step) + 1)]


def place(milliseconds: float, bins: Sequence[Bin]) -> float | None:
    """Where a duration lies on the axis of a histogram, in per cent; None outside. Inside a bin the scale is even."""
    for index, (low, high, _) in enumerate(bins):
        if milliseconds >= low and (high is None or milliseconds < high):
            share = 0.5 if high is None else (milliseconds - low) / (high - low)
            return round((index + share) / len(bins) * 100, 2)
    return None
