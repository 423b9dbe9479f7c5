"""Keeps secrets out of the record: by the name they stand under, and by their value in every usual encoding.

A Redactor is made for each execution and knows the values that must not be stored: secrets that were looked up,
arguments that the schema marks as write-only, and some of what stood under sensitive names. What it costs is in
proportion to the text that it looks through, whatever the values and the text are.
"""

import base64
import binascii
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from executions.privacy.folding import bytes_of, folded, places, text_of
from executions.privacy.names import HIDDEN, hidden_values, may_name, number_text, spans_in
from executions.privacy.needles import Found, Needles
from flows.values.json_bounds import Above, Rebuilding

LEAST_LEARNED = 8
"""What is known only from the name that it stood under is not looked for when it is shorter than this."""
MAX_LEARNED_LENGTH = 16_384
"""Characters of a value that is hidden everywhere once it stood under a sensitive name."""
MAX_LEARNED = 20
"""Values that are learned of one JSON value; what else stands under sensitive names is hidden only there."""
MAX_SEARCHED = 100
"""Values of one kind more than this, the shortest, are replaced only where they are a whole text."""
MAX_MESSAGE = 10_000
"""Characters of a message that is looked through for values that were cut."""

_SCHEME = re.compile(r"(?:basic|bearer|token|digest|apikey|negotiate)\s+(\S+)", re.IGNORECASE)
_BASE64 = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_")
_BASE64_END = re.compile(rb"[A-Za-z0-9+/_-]?={0,2}")
_HIDDEN = HIDDEN.encode()


@dataclass(frozen=True, slots=True)
class Redactor:
    """What one execution must not store. Immutable: `knowing` and `learning` give back another one.

    The methods called scrub replace values; `hide_text` replaces also what stands behind a sensitive name.
    """

    values: frozenset[str] = frozenset()
    # Searched one after the other, so that no value of a caller stands in the way of a secret of the flow.
    _needles: tuple[Needles, ...] = field(default=(), repr=False, compare=False)
    _learned: int = field(default=0, repr=False, compare=False)

    none: ClassVar["Redactor"]

    def __repr__(self) -> str:
        return f"Redactor of {len(self.values)} values"

    def knowing(self, values: Iterable[str]) -> "Redactor":
        """The redactor that hides these values too."""
        more = {value for value in values if value.strip() and value != HIDDEN} - self.values
        if not more:
            return self
        searched = sorted(more, key=len, reverse=True)[:MAX_SEARCHED]
        return Redactor(self.values | more, (*self._needles, Needles(searched)), self._learned)

    def learning(self, value: Any, *, in_texts: bool = True) -> "Redactor":
        """The redactor that also hides wherever it turns up what stands under a sensitive name in `value`."""
        parts: set[str] = set()
        for text in hidden_values(value, in_texts=in_texts) if self._learned < MAX_SEARCHED else ():
            if len(text) <= MAX_LEARNED_LENGTH and "{{" not in text:
                parts |= {part for part in _parts(text) if len(part) >= LEAST_LEARNED} - self.values
            if len(parts) >= MAX_LEARNED:
                break
        parts = set(sorted(parts, key=len, reverse=True)[:MAX_LEARNED])
        return replace(self.knowing(parts), _learned=self._learned + len(parts)) if parts else self

    def finds(self, data: bytes) -> bool:
        """Whether JSON text may hold something to hide; sometimes yes for nothing."""
        if may_name(data):
            return True
        text = folded(data) if self._needles else b""
        # JSON may write a number in another way than its text.
        return any(each.has_number or next(each.find(text), None) for each in self._needles)

    def scrub_text(self, text: str) -> str:
        """Text without the values."""
        return self._scrubbed_text(text, Needles.find)

    def scrub_message(self, text: str) -> str:
        """The same for a sentence that may quote only the beginning or the end of a value."""
        text = self.scrub_text(text)
        return self._scrubbed_text(text, Needles.find_cut) if len(text) <= MAX_MESSAGE else text

    def _scrubbed_text(self, text: str, find: Callable[[Needles, bytes], Iterable[Found]]) -> str:
        if not self.values:
            return text
        if text in self.values:
            return HIDDEN
        data = bytes_of(text)
        searched = folded(data)
        found = [each for needles in self._needles for each in find(needles, searched)]
        if not found:
            return text
        place = places(data)
        return text_of(_without(data, [_span(data, place(at), place(end), is_core) for at, end, is_core in found]))

    def hide_message(self, text: str) -> str:
        """Both for a sentence: without cut values, and without what stands behind a sensitive name."""
        return self._without_named(self.scrub_message(text))

    def hide_text(self, text: str) -> str:
        """Text without the values and without what stands behind a sensitive name."""
        return self._without_named(self.scrub_text(text))

    def _without_named(self, text: str) -> str:
        data = bytes_of(text)
        spans = spans_in(data)
        return text_of(_without(data, spans)) if spans else text

    def hides_number(self, value: Any) -> bool:
        """Whether this is a JSON number, and one of the values."""
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return is_number and bool(self.values) and number_text(value) in self.values

    def scrub(self, value: Any) -> Any:
        """JSON without the values, for the client: nothing else is changed, and nothing is cut."""
        return _Scrubbing(self).rebuild(value) if self.values else value


Redactor.none = Redactor()


class _Scrubbing(Rebuilding):
    def __init__(self, redactor: Redactor) -> None:
        super().__init__()
        self.redactor = redactor

    def put(self, target: dict[str, Any], key: Any, child: Any, above: Above) -> None:
        target[self.redactor.scrub_text(key)] = self.converted(child, above)

    def converted(self, value: Any, above: Above) -> Any:
        if isinstance(value, str):
            return self.redactor.scrub_text(value)
        if isinstance(value, dict | list):
            return self.container(value, above)
        return HIDDEN if self.redactor.hides_number(value) else value


def _span(data: bytes, start: int, end: int, is_base64: bool) -> tuple[int, int]:
    """The whole characters of a place; in base64, the letters at both ends are shared with what stands beside it."""
    if is_base64:
        start -= start > 0 and data[start - 1] in _BASE64
        ending = _BASE64_END.match(data, end)
        end = ending.end() if ending else end
    while end < len(data) and data[end] & 0xC0 == 0x80:
        end += 1
    return start, end


def _without(data: bytes, spans: Iterable[tuple[int, int]]) -> bytes:
    """The text with HIDDEN for each span, and for those that overlap once."""
    pieces, last = [], 0
    for start, end in sorted(spans):
        if start >= last:
            pieces += [data[last:start], _HIDDEN]
        last = max(last, end)
    return b"".join([*pieces, data[last:]])


def _parts(text: str) -> Iterator[str]:
    """What a hidden text consists of: `Bearer x`, the password of `Basic ...`, the values of cookies."""
    yield text
    if found := _SCHEME.fullmatch(text.strip()):
        yield found[1]
        if text.strip()[:5].lower() == "basic":
            yield from _basic_password(found[1])
    elif "=" in text.rstrip("="):
        yield from (part.partition("=")[2].strip() for part in text.split(";"))


def _basic_password(credentials: str) -> Iterator[str]:
    try:
        yield base64.b64decode(credentials + "==").decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        return
