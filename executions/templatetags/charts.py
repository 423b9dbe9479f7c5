"""Charts of calls and durations, and the words beside them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from executions.pages.charts import Chart, Column, histogram, place, stacked
from executions.reading.insights import Bin, Figures, Overview
from executions.reading.periods import Bucket, Period
from executions.reading.statistics import Calls, Tally
from executions.record.status import COUNTED, SHOWN
from executions.templatetags.moments import as_input

register = template.Library()

HEIGHT = 150
SMALL_HEIGHT = 24
SMALLEST_WIDTH = 0.6
LARGE_CHANGE = 0.1
LARGE_POINTS = 1.0
"""Smaller differences come and go by chance; they are told, without an alarming colour."""

LABELS = {Period.DAY: 3, Period.WEEK: 1, Period.MONTH: 5}
"""Every how many hours or days an axis has a label."""


@dataclass(frozen=True, slots=True)
class Point:
    """A column with what it stands for; `label` stands under it, `is_minor` where there is room only."""

    column: Column
    bucket: Bucket
    tally: Tally
    name: str
    label: str
    is_minor: bool


@register.simple_tag
def calls_chart(overview: Overview) -> dict[str, Any]:
    """The chart of a period's calls, its points, the newest one with calls, which Tab reaches, and the statuses."""
    chart = stacked(overview.buckets, HEIGHT)
    places = zip(chart.columns, overview.span.buckets, overview.buckets, strict=True)
    points = [_point(index, *there, overview.period) for index, there in enumerate(places)]
    newest = max((index for index, tally in enumerate(overview.buckets) if tally.total), default=None)
    return {"chart": chart, "points": points, "newest": newest, "statuses": SHOWN}


def _point(index: int, column: Column, bucket: Bucket, tally: Tally, period: Period) -> Point:
    start = timezone.localtime(bucket.start)
    number = start.hour if period == Period.DAY else period.days - 1 - index
    date = f"{start:%a} {start.day}" if period == Period.WEEK else f"{start:%b} {start.day}"
    label = f"{start:%H:%M}" if period == Period.DAY else date
    return Point(
        column=column,
        bucket=bucket,
        tally=tally,
        name=bucket_name(bucket, period),
        label=label if number % LABELS[period] == 0 else "",
        is_minor=number // LABELS[period] % 2 == 1,
    )


def bucket_name(bucket: Bucket, period: Period) -> str:
    """`Nov 22, 14:00–15:00` for an hour, `Sun, Nov 22` for a day."""
    start, end = timezone.localtime(bucket.start), timezone.localtime(bucket.end)
    if period == Period.DAY:
        return f"{start:%b} {start.day}, {start:%H:%M}–{end:%H:%M}"
    return f"{start:%a, %b} {start.day}"


@register.simple_tag
def small_chart(calls: Calls) -> Chart:
    """The calls of one flow, small enough for a row of a table."""
    return stacked(calls.buckets, SMALL_HEIGHT)


@register.simple_tag
def durations_chart(bins: Sequence[Bin], figures: Figures) -> dict[str, Any]:
    """The chart of durations, each bin with its column, where p50 and p95 lie, and the bin that Tab reaches."""
    chart = histogram(bins, HEIGHT)
    marks = [("p50", figures.p50_ms), ("p95", figures.p95_ms)]
    placed = [(name, value, place(value, bins)) for name, value in marks if value is not None]
    held = [index for index, bin_ in enumerate(bins) if bin_.calls]
    return {"chart": chart, "bins": list(zip(chart.columns, bins, strict=True)), "marks": placed, "longest": held[-1]}


@register.filter
def bin_name(bin_: Bin) -> str:
    """`50 ms to 100 ms`, `under 1 ms`, `5 min or more`."""
    if bin_.high is None:
        return f"{edge(bin_.low)} or more"
    return f"{edge(bin_.low)} to {edge(bin_.high)}" if bin_.low else f"under {edge(bin_.high)}"


@register.filter
def edge(milliseconds: float) -> str:
    """`50 ms`, `2 s`, `5 min`: a round duration below an axis."""
    if milliseconds < 1_000:
        return f"{milliseconds:g} ms"
    return f"{milliseconds / 1000:g} s" if milliseconds < 60_000 else f"{milliseconds / 60_000:g} min"


@register.filter
def tally_words(tally: Tally) -> str:
    """`120 calls: 117 fulfilled, 2 failed, 1 pending`."""
    if not tally.total:
        return "no calls"
    words = ", ".join(f"{number:,} {COUNTED[status]}" for status, number in tally.by_status.items() if number)
    return f"{tally.total:,} call{'' if tally.total == 1 else 's'}: {words}"


@register.filter
def compact(number: int) -> str:
    """`500`, `20k`, `1.5M`: a round number beside an axis."""
    for size, letter in ((1_000_000, "M"), (1_000, "k")):
        if number >= size:
            return f"{number / size:g}{letter}"
    return str(number)


@register.filter
def share_of(part: int, whole: int) -> float:
    """0 to 1; a part that was counted a moment later is no more than the whole."""
    return min(part / whole, 1.0) if whole else 0.0


@register.filter
def width_of(part: int, whole: int) -> float:
    """The same in per cent, wide enough to be seen."""
    return round(max(share_of(part, whole) * 100, SMALLEST_WIDTH), 2)


@register.filter
def bound(moment: datetime) -> str:
    """A moment, a whole minute, as an address hands it to the time fields of the list's filter: local."""
    local = timezone.localtime(moment)
    is_twice = local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()
    # The hour that a clock shows twice is clear only with its offset.
    return local.isoformat(timespec="minutes") if is_twice else as_input(moment)


@register.simple_tag
def change(now: float | None, before: float | None, better: str = "") -> SafeString | str:
    """`+12%`, marked as good or bad when it is large and `better` is `more` or `less`; nothing without two numbers."""
    if now is None or not before:
        return ""
    difference = now / before - 1
    is_marked = better and abs(difference) >= LARGE_CHANGE
    return _change(f"{difference:+,.0%}", "0%", (difference > 0) == (better == "more") if is_marked else None)


@register.simple_tag
def rate_change(now: float | None, before: float | None) -> SafeString | str:
    """`-1.2 points`: how a share, 0 to 1, has changed."""
    if now is None or before is None:
        return ""
    points = (now - before) * 100
    return _change(f"{points:+.1f} points", "0.0 points", points > 0 if abs(points) >= LARGE_POINTS else None)


def _change(text: str, nothing: str, is_good: bool | None) -> SafeString:
    if text[1:] == nothing:
        text, is_good = "unchanged,", None
    mood = {True: " is-good", False: " is-bad", None: ""}[is_good]
    return format_html('<span class="change{}">{}</span>', mood, text.replace("-", "−"))
