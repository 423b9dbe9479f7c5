"""Moments as text: what `datetime.isoformat` writes, at half its cost, as most moments of a second share most of it."""

from datetime import datetime
from functools import lru_cache


def second_of(moment: datetime, between: str = "T") -> str:
    """`2026-11-30T18:10:37`, without fraction and zone."""
    parts = moment.year, moment.month, moment.day, moment.hour, moment.minute, moment.second
    return _second(between, *parts)


def text_of(moment: datetime, between: str = "T") -> str:
    """`2026-11-30T18:10:37.000123`, and no fraction where there is none; without zone."""
    second, fraction = second_of(moment, between), moment.microsecond
    return f"{second}.{fraction:06d}" if fraction else second


@lru_cache(maxsize=100)
def _second(between: str, year: int, month: int, day: int, hour: int, minute: int, second: int) -> str:
    return f"{year:04d}-{month:02d}-{day:02d}{between}{hour:02d}:{minute:02d}:{second:02d}"
