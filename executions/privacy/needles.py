"""Values to be found in text, in every form that usual functions give them, by one automaton.

A form is folded, so that JSON, URLs, HTML, and capital or small letters need none of their own: what is left are the
value, backwards and in full width too, its hexadecimal digits, and base64, which depends on what stands before the
value, of the value and of what JSON and URLs make of it. The time that a search takes depends on the text alone, not on
how many forms there are.
"""

import base64
import json
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import NamedTuple
from urllib.parse import quote, quote_plus

from ahocorasick_rs import BytesAhoCorasick, Implementation, MatchKind

from executions.privacy.folding import bytes_of, folded
from executions.privacy.names import hits

LEAST_LENGTH = 6
"""A shorter value is found only where it stands alone in quotes."""
MOST_COMPARED = 512
"""Bytes of a form that are compared: where they stand, as many as the whole form has are taken for it."""

_WIDE = {code: code + 0xFEE0 for code in range(0x21, 0x7F)}
_NUMBER = re.compile(r"-?\d{1,5}|-?\d[\d+-]*[.eE][\d.eE+-]*")
_CUT = re.compile(rb"\s?(?:\.\.\.|\xe2\x80\xa6)\s?|[\"']|\Z")


class Found(NamedTuple):
    """A place in folded text."""

    start: int
    end: int
    is_base64: bool = False


class Needles:
    """The forms of some values."""

    def __init__(self, values: Iterable[str]) -> None:
        self.values = frozenset(values)
        self.has_number = any(map(_NUMBER.fullmatch, self.values))
        """Whether one is the text of a number that JSON may write otherwise, or that is too short to be searched."""

    @cached_property
    def _forms(self) -> dict[bytes, tuple[int, bool]]:
        """By the bytes to compare: how many the whole form has, and whether it is base64."""
        forms: dict[bytes, tuple[int, bool]] = {}
        for value in self.values:
            for form, length, is_base64 in _forms_of(value):
                forms[form] = max(forms.get(form, (0, is_base64)), (length, is_base64))
        return forms

    @cached_property
    def _automaton(self) -> BytesAhoCorasick:
        # It is made for a call: the kind that is fastest to search takes five to twenty times as long to make.
        kind = Implementation.ContiguousNFA
        return BytesAhoCorasick(list(self._forms), matchkind=MatchKind.LeftmostLongest, implementation=kind)

    def find(self, text: bytes) -> Iterator[Found]:
        """Where forms stand in folded text."""
        lengths = list(self._forms.values())
        for which, start, end in hits(self._automaton, text, MOST_COMPARED) if lengths else ():
            length, is_base64 = lengths[which]
            if length:
                yield Found(start, min(max(end, start + length), len(text)), is_base64)
            else:
                yield Found(start + 1, end - 1)

    @cached_property
    def _beginnings(self) -> list[bytes]:
        return sorted(form for form, (length, _) in self._forms.items() if length)

    @cached_property
    def _ends(self) -> list[bytes]:
        return sorted(form[::-1] for form, (length, _) in self._forms.items() if length == len(form))

    @cached_property
    def _edges(self) -> BytesAhoCorasick:
        beginnings = {form[: _least(form)] for form in self._beginnings}
        return BytesAhoCorasick(list(beginnings | {form[: _least(form)][::-1] for form in self._ends}))

    def find_cut(self, text: bytes) -> Iterator[Found]:
        """Where the beginning of a form stands before a cut mark or a quote, or its end behind one, in folded text."""
        if not self._beginnings:
            return
        marks = [found.span() for found in _CUT.finditer(text)]
        starts, ends = [start for start, _ in marks], [end for _, end in marks]
        for _, start, end in self._edges.find_matches_as_indexes(text, overlapping=True):
            mark = starts[bisect_left(starts, end)]
            if _begins_one_of(self._beginnings, text[start : min(mark, start + MOST_COMPARED)]):
                yield Found(start, mark)
            before = bisect_right(ends, start) - 1
            if before >= 0 and _begins_one_of(self._ends, text[max(ends[before], end - MOST_COMPARED) : end][::-1]):
                yield Found(ends[before], end)


def _begins_one_of(forms: list[bytes], part: bytes) -> bool:
    at = bisect_left(forms, part)
    return at < len(forms) and forms[at].startswith(part)


def _least(form: bytes) -> int:
    return min(6, max(3, len(form) // 2))


def _forms_of(value: str) -> Iterator[tuple[bytes, int, bool]]:
    data = bytes_of(value)
    wide, backwards = value.translate(_WIDE), value[::-1]
    for written in {value, value.lower(), value.upper(), value.replace(" ", "+"), wide, backwards}:
        form = folded(bytes_of(written))
        if len(form) >= 4 and len(value) >= LEAST_LENGTH:  # without its backslashes it may be shorter
            yield form[:MOST_COMPARED], len(form), False
        elif form:
            yield from ((mark + form + mark, 0, False) for mark in (b'"', b"'"))
    if len(data) < LEAST_LENGTH:
        return
    yield data.hex().encode()[:MOST_COMPARED], 2 * len(data), False
    for written in {value, json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1]}:
        yield from _in_base64(bytes_of(written))
    for written in {quote(data, safe=""), quote_plus(data)} - {value}:
        yield from _in_base64(written.encode())
    for core, _ in _cores(data):
        yield from _in_base64(core)


def _in_base64(data: bytes) -> Iterator[tuple[bytes, int, bool]]:
    for core, length in _cores(data):
        if length >= LEAST_LENGTH:
            yield folded(core)[:MOST_COMPARED], length, True


def _cores(data: bytes) -> Iterator[tuple[bytes, int]]:
    """The letters that depend on the data alone, for each place that it can have in what is encoded (`user:data`).

    Of long data the first ones, and how many there are in all.
    """
    for before in range(3):
        first, end = -(-before * 8 // 6), (before + len(data)) * 8 // 6
        yield base64.b64encode(bytes(before) + data[: 2 * MOST_COMPARED]).rstrip(b"=")[first:end], end - first
