"""Periods: the hours or days that numbers are counted by, and what they are compared with."""

from datetime import UTC, datetime, timedelta

from django.utils import timezone

from executions.reading.periods import Period, span_of, start_of

NOW = datetime(2026, 3, 4, 12, 30, tzinfo=UTC)
DAY = timedelta(days=1)


def hours(period: Period, zone: str, now: datetime) -> list[str]:
    """The edges of a period's buckets in a zone."""
    with timezone.override(zone):
        return [f"{timezone.localtime(start_of(edge)):%d %H:%M}" for edge in span_of(period, now).edges]


def test_the_last_24_hours_end_with_the_hour_that_has_begun() -> None:
    edges = hours(Period.DAY, "UTC", NOW)
    assert (len(edges), edges[0], edges[-1]) == (25, "03 13:00", "04 13:00")


def test_days_begin_at_midnight_of_the_active_zone_also_when_the_clocks_change() -> None:
    april = datetime(2026, 3, 31, 12, 30, tzinfo=UTC)
    days = [f"{day} 00:00" for day in (25, 26, 27, 28, 29, 30, 31)]
    assert hours(Period.WEEK, "Europe/Berlin", april) == [*days, "31 15:00"]
    # The counters know whole hours of UTC only.
    assert hours(Period.WEEK, "Asia/Kolkata", april) == [day.replace("00:00", "00:30") for day in days] + ["31 18:30"]


def test_what_a_period_is_compared_with_has_as_many_hours_one_period_earlier() -> None:
    for period in Period:
        span = span_of(period, NOW)
        earlier = span.earlier(period.days)
        assert span.start - earlier.start == span.stop - earlier.stop == DAY * period.days
