"""Times, durations and counts as people read them."""

from datetime import datetime
from typing import Any

from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

register = template.Library()


@register.filter
def exact_time(value: datetime) -> str:
    """`2026-11-22 15:02:57.104 Europe/Berlin, UTC+01:00`: to the millisecond, with the zone and its offset then."""
    local = timezone.localtime(value)
    zone = timezone.get_current_timezone_name()
    name = "" if zone == "UTC" else f"{zone}, "
    return f"{local:%Y-%m-%d %H:%M:%S}.{local.microsecond // 1000:03d} {name}{_offset(local)}"


def _offset(local: datetime) -> str:
    """`UTC+01:00`, or `UTC` alone."""
    return f"UTC{local.isoformat()[-6:]}".removesuffix("+00:00")


@register.filter
def place(zone: str) -> str:
    """`New York` for `America/New_York`: short enough for a header."""
    return zone.rpartition("/")[2].replace("_", " ")


@register.filter
def as_input(value: datetime | None) -> str:
    """`2026-11-22T15:02`, what a `datetime-local` input takes, with seconds when there are some; nothing for None."""
    return timezone.localtime(value).replace(tzinfo=None).isoformat().removesuffix(":00") if value else ""


@register.filter
def short_time(value: datetime) -> str:
    """`14:03:22` today, else `Nov 21, 14:03`; the year is added when it is another one."""
    local, now = timezone.localtime(value), timezone.localtime()
    if local.date() == now.date():
        return f"{local:%H:%M:%S}"
    year = "" if local.year == now.year else f" {local.year}"
    return f"{local:%b} {local.day}{year}, {local:%H:%M}"


@register.filter
def full_time(value: datetime) -> str:
    """`Nov 22, 14:02:57.104 UTC+01:00`, for the head of a detail: what tooltips say cannot be reached by everybody."""
    local = timezone.localtime(value)
    return f"{local:%b} {local.day}, {local:%H:%M:%S}.{local.microsecond // 1000:03d} {_offset(local)}"


FORMS = {"short": short_time, "full": full_time, "exact": exact_time}


@register.simple_tag
def moment(value: datetime | None, form: str = "short") -> SafeString | str:
    """A `<time>` element with the exact time and zone in its tooltip."""
    if value is None:
        return ""
    return format_html(
        '<time datetime="{}" title="{}">{}</time>', value.isoformat(), exact_time(value), FORMS[form](value)
    )


@register.filter
def duration(milliseconds: float | None) -> str:
    """`<1 ms`, `812 ms`, `4.2 s`, `3 min 5 s`, `2 h 10 min`; nothing for None."""
    if milliseconds is None:
        return ""
    if milliseconds < 999.5:
        return f"{whole} ms" if (whole := _whole(milliseconds)) else "<1 ms" if milliseconds > 0 else "0 ms"
    if milliseconds < 59_950:
        return f"{milliseconds / 1000:.1f} s"
    minutes, seconds = divmod(round(milliseconds / 1000), 60)
    if minutes < 60:
        return f"{minutes} min {seconds} s"
    return f"{minutes // 60} h {minutes % 60} min"


def _whole(milliseconds: float) -> int:
    return round(milliseconds) if milliseconds >= 0.95 else 0


@register.filter
def longer_than(milliseconds: float | None, other: float | None) -> str:
    """`+120 ms`, `-4.2 s`, `±0 ms`: how much longer one took than another, of both as they are shown."""
    if milliseconds is None or other is None:
        return ""
    longer = _whole(milliseconds) - _whole(other)
    return f"{'+' if longer > 0 else '-'}{duration(abs(longer))}" if longer else "±0 ms"


@register.filter
def elapsed(started_at: datetime) -> int:
    """Whole milliseconds since a start, never negative: where a pending row's clock begins to count."""
    return max(int((timezone.now() - started_at).total_seconds() * 1000), 0)


@register.filter
def grouped(number: Any) -> str:
    """`1,204`."""
    return f"{number:,}"


@register.filter
def percent(share: float | None) -> str:
    """`96.1%` for 0.961; all and nothing without a decimal, and never rounded up to all."""
    if share is None:
        return "–"
    if share in (0, 1):
        return f"{share:.0%}"
    return f"{min(share, 0.999):.1%}"
