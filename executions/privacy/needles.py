"""Values to be found in text, in every form that usual functions give them, by one automaton.

A form is folded, so that JSON, URLs, HTML, and capital or small letters need none of their own: what is left are the
value, backwards and in full width too, its hexadecimal digits, and base64, which depends on what stands before the
value, of the value and of what JSON and URLs make of it. The time that a search takes depends on the text alone, not on
how many forms there are.
"""

import base64
import json
import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from functools import cached_property
from urllib.parse import quote, quote_plus

from ahocorasick_rs import BytesAhoCorasick, Implementation, MatchKind

from executions.privacy.folding import bytes_of, folded
from executions.privacy.names import hits

LEAST_LENGTH = 6
"""A shorter value is found only where it stands alone in quotes."""
MOST_COMPARED = 512
"""Bytes of a form that are compared: where they stand, as many as the whole form has are taken for it."""

_BASE64 = frozenset(b"abcdefghijklmnopqrstuvwxyz0123456789/-")
_WIDE = {code: code + 0xFEE0 for code in range(0x21, 0x7F)}
_CUT = re.compile(rb"\s?(?:\.\.\.|\xe2\x80\xa6)\s?|[\"']|\Z")
_CUT_BACKWARDS = re.compile(rb"\s?(?:\.\.\.|\xa6\x80\xe2)\s?|[\"']")


Found = tuple[int, int]
"""Where something begins and ends in folded text."""


_Form = tuple[bytes, int, bool]
"""What is compared of it, how many bytes it has in all, 0 where quotes are around it, and whether it is base64."""


class Needles:
    """The forms of some values."""

    def __init__(self, values: Iterable[str]) -> None:
        # Of forms that are compared alike, the longest.
        forms = sorted(form for value in values for form in _forms_of(value))
        self._forms = list({form[0]: form for form in forms}.values())
        # It is made for a call: the kind that is fastest to search takes five to twenty times as long to make.
        kind = Implementation.ContiguousNFA
        self._automaton = BytesAhoCorasick(
            [compared for compared, _, _ in self._forms], MatchKind.LeftmostLongest, kind
        )

    def find(self, text: bytes) -> Iterator[Found]:
        """Where forms stand in folded text."""
        for which, start, end in hits(self._automaton, text, MOST_COMPARED):
            _, length, is_base64 = self._forms[which]
            if length:
                end = min(start + length, len(text))
            else:
                start, end = start + 1, end - 1
            if is_base64:
                # The letters at both ends are shared with what stands beside it.
                start -= start > 0 and text[start - 1] in _BASE64
                end += end < len(text) and text[end] in _BASE64
                end += len(text[end : end + 2]) - len(text[end : end + 2].lstrip(b"="))
            yield start, end

    @cached_property
    def _beginnings(self) -> "_Beginnings":
        return _Beginnings((compared for compared, length, _ in self._forms if length), _CUT)

    @cached_property
    def _ends(self) -> "_Beginnings":
        whole = (compared for compared, length, _ in self._forms if length == len(compared))
        return _Beginnings((each[::-1] for each in whole), _CUT_BACKWARDS)

    def find_cut(self, text: bytes) -> Iterator[Found]:
        """Where the beginning of a form stands before a cut mark or a quote, or its end behind one, in folded text."""
        yield from self._beginnings.find(text)
        yield from ((len(text) - mark, len(text) - start) for start, mark in self._ends.find(text[::-1]))


class _Beginnings:
    """Texts whose beginnings are found before marks: an end is the beginning of what is written backwards."""

    def __init__(self, texts: Iterable[bytes], mark: re.Pattern[bytes]) -> None:
        self.texts = sorted(texts)
        self.automaton = BytesAhoCorasick(list({text[: min(6, max(3, len(text) // 2))] for text in self.texts}))
        self.mark = mark

    def find(self, text: bytes) -> Iterator[Found]:
        """Where one begins in a text, and the mark up to which the text is as it is."""
        found = self.automaton.find_matches_as_indexes(text, overlapping=True)
        marks = [mark.start() for mark in self.mark.finditer(text)] if found else []
        for _, start, end in found:
            which = bisect_left(marks, end)
            if which < len(marks) and self._holds(text[start : min(marks[which], start + MOST_COMPARED)]):
                yield start, marks[which]

    def _holds(self, part: bytes) -> bool:
        at = bisect_left(self.texts, part)
        return at < len(self.texts) and self.texts[at].startswith(part)


def _forms_of(value: str) -> Iterator[_Form]:
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
    of_json = [json.dumps(value, ensure_ascii=is_ascii)[1:-1] for is_ascii in (True, False)]
    of_urls = [quote(data, safe=""), quote_plus(data)]
    for encoded in {data, *map(bytes_of, of_json + of_urls), *(core for core, _ in _cores(data))}:
        for core, length in _cores(encoded):
            if length >= LEAST_LENGTH:
                yield folded(core)[:MOST_COMPARED], length, True


def _cores(data: bytes) -> Iterator[tuple[bytes, int]]:
    """The base64 letters that depend on the data alone, for each place that it can have in what is encoded.

    Of long data the first ones, and how many there are in all (`user:data`).
    """
    for before in range(3):
        first, end = -(-before * 8 // 6), (before + len(data)) * 8 // 6
        yield base64.b64encode(bytes(before) + data[: 2 * MOST_COMPARED]).rstrip(b"=")[first:end], end - first
