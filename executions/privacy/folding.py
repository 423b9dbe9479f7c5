"""Text in one writing: `%2F`, `\\u002f`, `\\/`, `&#47;` and `/` are the same, as are capital and small letters.

A value and a text that are both folded need no list of the ways in which one may be written into the other: whatever
mixture of JSON, URLs, HTML and Python's repr it went through, up to four times, the folded text holds it as bytes.
"""

import html
import re
from array import array
from bisect import bisect_right
from collections.abc import Callable
from functools import lru_cache, partial

_SLASHES = re.compile(rb"(?:\\|%(?:25){0,4}5[cC]){1,16}")
_WRITTEN = re.compile(
    rb"""SLASHES(?:u[0-9a-fA-F]{4}(?:SLASHESu[dD][c-fC-F][0-9a-fA-F]{2})?|x[0-9a-fA-F]{2}|[nrtbf]|(?=[^%&\\])(?s:.))?
        |%(?:25){0,4}[0-9a-fA-F]{2}
        |&(?:amp;){0,4}(?:\#\d{1,7}|\#[xX][0-9a-fA-F]{1,6}|quot|amp|lt|gt|apos);
    """.replace(b"SLASHES", _SLASHES.pattern),
    re.VERBOSE,
)
# base64 has two alphabets.
_ALIKE = bytes.maketrans(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ+_", b"abcdefghijklmnopqrstuvwxyz-/")


bytes_of = partial(str.encode, errors="surrogatepass")
text_of = partial(bytes.decode, errors="surrogatepass")
"""UTF-8, of lone surrogates too."""


def folded(data: bytes) -> bytes:
    """The text in one writing."""
    if b"\\" not in data and b"%" not in data and b"&" not in data:
        return data.translate(_ALIKE)
    # Not one `sub`, which would keep the interpreter to itself, and a list of all pieces.
    text, last = bytearray(), 0
    for found in _WRITTEN.finditer(data):
        text += data[last : found.start()]
        text += _meant(found[0])
        last = found.end()
    return bytes(text + data[last:]).translate(_ALIKE)


@lru_cache(maxsize=4096)
def _meant(written: bytes) -> bytes:
    """What stands for one way of writing: a character or byte, nothing for backslashes alone."""
    if written[:1] == b"&":
        text = written.decode()
        for _ in range(5):
            text = html.unescape(text)
        return bytes_of(text)
    if not _SLASHES.match(written):
        return bytes.fromhex(written[-2:].decode())
    plain = _SLASHES.sub(rb"\\", written)
    if not re.fullmatch(rb"(?:\\[ux][0-9a-fA-F]{2,4}){1,2}|\\[nrtbf]", plain):
        return plain[1:]
    # A pair of surrogates is one character.
    return bytes_of(plain.decode("unicode_escape").encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass"))


def places(data: bytes) -> Callable[[int], int]:
    """A function that gives for a place in the folded text the place in the text as it is written."""
    of_folded, of_written = array("Q", [0]), array("Q", [0])
    for found in _WRITTEN.finditer(data):
        at = of_folded[-1] + found.start() - of_written[-1]
        of_folded.extend((at, at + len(_meant(found[0]))))
        of_written.extend(found.span())

    def place(at: int) -> int:
        which = bisect_right(of_folded, at) - 1
        return of_written[which] + at - of_folded[which]

    return place
