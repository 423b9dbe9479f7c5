"""Text in one writing: `%2F`, `\\u002f`, `\\/`, `&#47;` and `/` are the same, as are capital and small letters.

A value and a text that are both folded need no list of the ways in which one may be written into the other: whatever
mixture of JSON, URLs, forms, HTML and Python's repr it went through, up to four times, the folded text holds it as
bytes. Folding takes time in proportion to the text.
"""

import re
from bisect import bisect_left
from functools import lru_cache

_SLASH = rb"(?:\\|%(?:25){0,4}5[cC])"
_WRITTEN = re.compile(
    _SLASH + rb"{1,16}(?:u(?P<unit>[0-9a-fA-F]{4})(?:" + _SLASH + rb"{1,16}u(?P<second>[dD][c-fC-F][0-9a-fA-F]{2}))?"
    rb"|x(?P<code>[0-9a-fA-F]{2})|(?P<letter>[nrtbf]))?"
    rb"|%(?:25){0,4}(?P<byte>[0-9a-fA-F]{2})"
    rb"|&(?:amp;){0,4}(?:\#(?P<number>\d{1,7})|\#[xX](?P<hex>[0-9a-fA-F]{1,6})|(?P<entity>quot|amp|lt|gt|apos));"
)
_LETTERS = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}
_ENTITIES = {b"quot": b'"', b"amp": b"&", b"lt": b"<", b"gt": b">", b"apos": b"'"}
# base64 has two alphabets.
_ALIKE = bytes.maketrans(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ+_", b"abcdefghijklmnopqrstuvwxyz-/")


def bytes_of(text: str) -> bytes:
    """UTF-8, of lone surrogates too."""
    return text.encode("utf-8", "surrogatepass")


def text_of(data: bytes) -> str:
    """The text of such bytes."""
    return data.decode("utf-8", "surrogatepass")


def folded(data: bytes) -> bytes:
    """The text in one writing."""
    if b"\\" in data or b"%" in data or b"&" in data:
        data = _WRITTEN.sub(lambda found: _meant(found[0]), data)
    return data.translate(_ALIKE)


@lru_cache(maxsize=4096)
def _meant(written: bytes) -> bytes:
    """What stands for one way of writing: a character or byte, nothing for backslashes alone."""
    found = _WRITTEN.fullmatch(written)
    assert found is not None  # noqa: S101 - it was found by the same pattern
    match found.lastgroup:
        case "unit" | "second":
            unit, second = int(found["unit"], 16), int(found["second"] or b"0", 16)
            if second and 0xD800 <= unit < 0xDC00:
                return bytes_of(chr(0x10000 + ((unit - 0xD800) << 10) + second - 0xDC00))
            return bytes_of(chr(unit) + (chr(second) if second else ""))
        case "code":
            return bytes_of(chr(int(found["code"], 16)))
        case "letter":
            return _LETTERS[found["letter"]]
        case "byte":
            return bytes([int(found["byte"], 16)])
        case "number" | "hex":
            code = int(found["number"] or found["hex"], 10 if found["number"] else 16)
            return bytes_of(chr(code)) if code < 0x110000 else b""
        case "entity":
            return _ENTITIES[found["entity"]]
    return b""


class Places:
    """Where in a text its folded form comes from."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        # Of each escape: where it begins and ends, folded and as it is written.
        self._at, self._to, self._start, self._end = [0], [0], [0], [0]
        for found in _WRITTEN.finditer(data):
            at = self._to[-1] + found.start() - self._end[-1]
            self._at.append(at)
            self._to.append(at + len(_meant(found[0])))
            self._start.append(found.start())
            self._end.append(found.end())

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The place of a folded span in the text, in whole characters."""
        first = bisect_left(self._at, start, 1)
        if first < len(self._at) and self._at[first] == start:
            began = self._start[first]
        else:
            first -= 1
            inside = start < self._to[first]
            began = self._start[first] if inside else self._end[first] + start - self._to[first]
        last = bisect_left(self._at, end, 1) - 1
        ended = min(self._end[last] + max(end - self._to[last], 0), len(self._data))
        while ended < len(self._data) and self._data[ended] & 0xC0 == 0x80:
            ended += 1
        return began, ended
