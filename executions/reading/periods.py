"""The stretches of time that numbers are added up over: 24 hours by the hour, 7 or 30 days by the day."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from enum import StrEnum

from django.utils import timezone

from executions.ledger.counts import hour_of, start_of

HOURS_A_DAY = 24


class Period(StrEnum):
    """How far back the numbers reach; the value is what addresses say."""

    DAY = "24h"
    WEEK = "7d"
    MONTH = "30d"

    @property
    def days(self) -> int:
        """Its length in days."""
        return {Period.DAY: 1, Period.WEEK: 7, Period.MONTH: 30}[self]

    @property
    def words(self) -> str:
        """`24 hours`, `7 days`: after "the last"."""
        return "24 hours" if self == Period.DAY else f"{self.days} days"

    @property
    def short(self) -> str:
        """`24 h`, `7 d`."""
        return "24 h" if self == Period.DAY else f"{self.days} d"

    @classmethod
    def of(cls, asked: str | None) -> "Period":
        """The period that an address asks for; anything else means 24 hours."""
        return cls(asked) if asked in set(cls) else cls.DAY


@dataclass(frozen=True, slots=True)
class Bucket:
    """One bar of a chart: an hour, or a day of the active time zone."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Span:
    """Whole hours since 1970-01-01 UTC at which buckets begin, oldest first, and at the end where the last one ends."""

    edges: Sequence[int]

    @property
    def first(self) -> int:
        """Its first hour."""
        return self.edges[0]

    @property
    def end(self) -> int:
        """The hour after its last."""
        return self.edges[-1]

    @property
    def start(self) -> datetime:
        """Its first moment."""
        return start_of(self.first)

    @property
    def stop(self) -> datetime:
        """The first moment after it."""
        return start_of(self.end)

    @property
    def buckets(self) -> list[Bucket]:
        """The bars that it is drawn with."""
        return [Bucket(start_of(a), start_of(b)) for a, b in zip(self.edges, self.edges[1:], strict=False)]

    def earlier(self, days: int) -> "Span":
        """As many hours, so many days before, in one bucket."""
        return Span((self.first - days * HOURS_A_DAY, self.end - days * HOURS_A_DAY))


def span_of(period: Period, now: datetime | None = None) -> Span:
    """The hours of a period that ends with the hour, or the day, that has begun."""
    now = now or timezone.now()
    end = hour_of(now) + 1
    if period == Period.DAY:
        return Span(range(end - HOURS_A_DAY, end + 1))
    return Span([*(_first_hour(now, back) for back in range(period.days - 1, -1, -1)), end])


def _first_hour(now: datetime, days_back: int) -> int:
    """The first whole UTC hour of a day in the active zone: the counters know no others."""
    day = timezone.localtime(now).date() - timedelta(days=days_back)
    midnight = datetime.combine(day, time(), timezone.get_current_timezone())
    return -(-int(midnight.timestamp()) // 3600)
