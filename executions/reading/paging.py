"""One page of a list of executions, with what classic pagination shows: numbers, gaps, "41-60 of 1,204"."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from django.db.models import Model

AROUND = 2
"""How many page numbers stand on each side of the current one."""

Item = TypeVar("Item", bound=Model)


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """Some rows of a list and where they stand in it; `number` counts from 1, `limit` is rows on a full page."""

    items: Sequence[Item]
    total: int
    number: int
    limit: int

    @property
    def total_pages(self) -> int:
        """How many pages there are; 0 for an empty list."""
        return pages_for(self.total, self.limit)

    @property
    def first_index(self) -> int:
        """The place of the first row, counted from 1; 0 when there is none."""
        return (self.number - 1) * self.limit + 1 if self.items else 0

    @property
    def last_index(self) -> int:
        """The place of the last row, counted from 1; 0 when there is none."""
        return self.first_index + len(self.items) - 1 if self.items else 0

    @property
    def previous(self) -> int | None:
        """The page before, or None on the first."""
        return self.number - 1 if self.number > 1 else None

    @property
    def next(self) -> int | None:
        """The page after, or None on the last."""
        return self.number + 1 if self.number < self.total_pages else None

    @property
    def numbers(self) -> list[int | None]:
        """The page numbers to show, with None for a gap: 1, None, 4, 5, 6, 7, 8, None, 20."""
        last = self.total_pages
        shown = {1, last, *range(self.number - AROUND, self.number + AROUND + 1)}
        numbers: list[int | None] = []
        before = 0
        for number in sorted(number for number in shown if 1 <= number <= last):
            if number == before + 2:
                numbers.append(before + 1)  # a gap of one page takes no less room than its number
            elif number > before + 2:
                numbers.append(None)
            numbers.append(number)
            before = number
        return numbers


def pages_for(total: int, limit: int) -> int:
    """How many pages of `limit` rows hold `total` rows."""
    return -(-total // limit)


def page_number(asked: object, total: int, limit: int) -> int:
    """The page that stands for what an address asks for: beyond the end the last, and nonsense the first.

    A person who follows an old link wants rows and not an error. The API is strict instead (`flows.api.pagination`).
    """
    return min(whole(asked), max(pages_for(total, limit), 1))


def whole(number: object) -> int:
    """A page number of at least 1; digits beyond any list's length are not even converted."""
    text = str(number or "")[:12]
    return max(int(text), 1) if text.isdecimal() else 1
