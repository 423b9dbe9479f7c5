"""Keeps secrets out of the record: by the name they stand under, and by their value in every usual encoding.

A Redactor is made for each execution and knows the values that must not be stored: secrets that were looked up,
arguments that the schema marks as write-only, and some of what stood under sensitive names. What it costs is in
proportion to the text that it looks through, whatever the values and the text are.
"""

import base64
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from executions.privacy.folding import bytes_of, folded, places, text_of
from executions.privacy.names import HIDDEN, MAX_TRIED, hidden_values, named, number_text, spans_in
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

# Too short to be searched, or with more than one way to write it in JSON.
_NUMBER = re.compile(r"-?\d{1,5}|-?\d[\d+-]*[.eE][\d.eE+-]*")
_SCHEME = re.compile(r"\s*(basic|bearer|token|digest|apikey|negotiate)\s+(\S+)\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Redactor:
    """What one execution must not store. Immutable: `knowing` and `learning` give back another one.

    `scrub` and `scrub_text` replace values; `hide_text` replaces also what stands behind a sensitive name.
    """

    values: frozenset[str] = field(default=frozenset(), repr=False)
    # Searched one after the other, so that no value of a caller stands in the way of a secret of the flow.
    _needles: tuple[Needles, ...] = field(default=(), repr=False, compare=False)
    # A value is known that does not show in JSON text: it is not searched, or a number that may be written otherwise.
    _is_blind: bool = field(default=False, repr=False, compare=False)
    _learned: int = field(default=0, repr=False, compare=False)

    none: ClassVar["Redactor"]

    def knowing(self, values: Iterable[str]) -> "Redactor":
        """The redactor that hides these values too."""
        more = {value for value in values if value.strip() and value != HIDDEN} - self.values
        if not more:
            return self
        searched = sorted(more, key=len, reverse=True)[:MAX_SEARCHED]
        is_blind = self._is_blind or len(more) > MAX_SEARCHED or any(map(_NUMBER.fullmatch, more))
        return Redactor(self.values | more, (*self._needles, Needles(searched)), is_blind, self._learned)

    def learning(self, value: Any, *, in_texts: bool = True) -> "Redactor":
        """The redactor that also hides wherever it turns up what stands under a sensitive name in `value`."""
        parts: set[str] = set()
        for text in hidden_values(value, in_texts=in_texts) if self._learned < MAX_SEARCHED else ():
            if len(text) <= MAX_LEARNED_LENGTH and "{{" not in text:
                parts |= {part for part in _parts(text) if len(part) >= LEAST_LEARNED} - self.values
            if len(parts) >= MAX_LEARNED:
                break
        learned = sorted(parts, key=len, reverse=True)[:MAX_LEARNED]
        return replace(self.knowing(learned), _learned=self._learned + len(learned))

    def finds(self, data: bytes) -> bool:
        """Whether JSON text may hold something to hide; sometimes yes for nothing."""
        if self._is_blind or next(named(data, MAX_TRIED), None):
            return True
        text = folded(data) if self._needles else b""
        return any(next(each.find(text), None) for each in self._needles)

    def scrub_text(self, text: str, *, is_message: bool = False) -> str:
        """Text without the values; a message may quote only the beginning or the end of one."""
        if text in self.values:
            return HIDDEN
        text = self._without_values(text, Needles.find)
        return self._without_values(text, Needles.find_cut) if is_message and len(text) <= MAX_MESSAGE else text

    def hide_text(self, text: str, *, is_message: bool = False) -> str:
        """The same, and without what stands behind a sensitive name."""
        data = bytes_of(self.scrub_text(text, is_message=is_message))
        return _without(data, spans_in(data))

    def _without_values(self, text: str, find: Callable[[Needles, bytes], Iterable[Found]]) -> str:
        data = bytes_of(text) if self._needles else b""
        searched = folded(data)
        found = [each for needles in self._needles for each in find(needles, searched)]
        if not found:
            return text
        place = places(data)
        return _without(data, sorted((place(start), place(end)) for start, end in found))

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

    def converted(self, value: Any, above: Above) -> Any:
        if isinstance(value, str):
            return self.redactor.scrub_text(value)
        if isinstance(value, dict | list):
            return self.container(value, above)
        return HIDDEN if self.redactor.hides_number(value) else value


def _without(data: bytes, spans: Iterable[tuple[int, int]]) -> str:
    """The text with HIDDEN for each span; they are in order, and for those that overlap it stands once."""
    pieces, last = [], 0
    for start, end in spans:
        if start >= last:
            pieces += [text_of(data[last:start]), HIDDEN]
        last = max(last, end)
        while last < len(data) and data[last] & 0xC0 == 0x80:  # the rest of a character
            last += 1
    return "".join([*pieces, text_of(data[last:])])


def _parts(text: str) -> Iterator[str]:
    """What a hidden text consists of: `Bearer x`, the password of `Basic ...`, the values of cookies."""
    yield text
    if found := _SCHEME.fullmatch(text):
        scheme, credentials = found.groups()
        yield credentials
        if scheme.lower() == "basic":
            with suppress(ValueError):  # it is no text in base64
                yield base64.b64decode(credentials + "==").decode().partition(":")[2]
    elif "=" in text.rstrip("="):
        yield from (part.partition("=")[2].strip() for part in text.split(";"))
