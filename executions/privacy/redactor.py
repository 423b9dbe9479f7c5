"""Keeps secrets out of the record: by the name they stand under, and by their value in every usual encoding.

A Redactor is made for each execution and knows the values that must not be stored: secrets that were looked up,
arguments that the schema marks as write-only, and whatever stood under a sensitive name. It finds them raw, URL-encoded
(also twice), in base64 at every offset, as JSON, Python and HTML write them, and in messages also cut short.
"""

import base64
import binascii
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar
from urllib.parse import quote, quote_plus

from executions.privacy.names import HIDDEN, NAMED, STEM_BYTES, hidden_values, number_text, spans_in
from executions.privacy.write_only import marked, marks_any, masked, scalars
from flows.engine.errors import Fault
from flows.engine.graph import Graph
from flows.engine.registry import json_path
from flows.schemas.compiled import CompiledSchema

LEAST_LENGTH = 6
"""A shorter value is replaced only where it is a whole text, or stands alone in quotes."""

LEAST_LEARNED = 8
"""What is known only from the name that it stood under is not looked for when it is shorter than this."""

MAX_LEARNED = 16_384
"""Characters of a value that is hidden everywhere once it stood under a sensitive name."""
LONG = 4_096
"""A longer value is looked for only as the usual functions write it, not letter by letter in any mixture."""

MAX_SEARCHED = 100
"""Values more than this, the shortest, are replaced only where they are a whole text: searching costs time for each."""

_ANCHOR = re.compile(r"[A-Za-z0-9]{3,}")
_CUT = re.compile(r"(\s?(?:\.\.\.|…)\s?|[\"'])")
_SCHEME = re.compile(r"(?:basic|bearer|token|digest|apikey|negotiate)\s+(\S+)", re.IGNORECASE)
_ENTITIES = {'"': "quot", "&": "amp", "<": "lt", ">": "gt", "'": "apos"}
_ESCAPES = {"\n": "n", "\r": "r", "\t": "t", "\b": "b", "\f": "f"}


@dataclass(frozen=True, slots=True)
class _Needle:
    """One form of a value; its pattern is made when a text holds its longest plain part, which is seldom."""

    text: str
    is_base64: bool = False

    @property
    def anchor(self) -> str:
        """A part without which nothing can hold the value; "" when it has no plain part."""
        return max(_ANCHOR.findall(self.text[:LONG]), key=len, default="")

    def replace_in(self, text: str) -> str:
        """The text with HIDDEN for each place where this form stands."""
        return text.replace(self.text, HIDDEN) if len(self.text) > LONG else self._pattern().sub(HIDDEN, text)

    def _pattern(self) -> re.Pattern[str]:
        written = "".join(map(_in_any_writing, self.text))
        if self.is_base64:
            # The letters at both ends are shared with what stands before and behind.
            written = f"[A-Za-z0-9+/_-]?{written}[A-Za-z0-9+/_-]?={{0,2}}"
        elif len(self.text) < LEAST_LENGTH:
            written = rf"(?<=[\"']){written}(?=\\*[\"'])"
        return re.compile(written)


def _in_any_writing(char: str) -> str:
    """A pattern for one character: itself, escaped as in JSON or Python, percent-encoded, or an HTML entity."""
    if char.isascii() and char.isalnum():
        return char
    bytes_ = char.encode("utf-8", "replace")
    units = char.encode("utf-16-be", "replace")
    ways = [
        rf"\\*{re.escape(char)}" if char != "\\" else r"\\+",
        "".join(f"%(?:25)*{_any_case(f'{byte:02x}')}" for byte in bytes_),
        "".join(rf"\\+u{_any_case(units[at : at + 2].hex())}" for at in range(0, len(units), 2)),
        f"&#(?:{ord(char)}|[xX]0*{_any_case(f'{ord(char):x}')});",
    ]
    if ord(char) < 256:
        ways.append(rf"\\+x{_any_case(f'{ord(char):02x}')}")
    if char in _ENTITIES:
        ways.append(f"&(?:amp;)*{_ENTITIES[char]};")
    if char in _ESCAPES:
        ways.append(rf"\\+{_ESCAPES[char]}")
    # base64 has two alphabets, and a form writes a blank as a plus.
    ways += {" ": [r"\+"], "+": ["-"], "/": ["_"]}.get(char, [])
    return f"(?:{'|'.join(ways)})"


def _any_case(digits: str) -> str:
    return "".join(f"[{digit}{digit.upper()}]" if digit.isalpha() else digit for digit in digits)


def _needles(value: str) -> Iterator[_Needle]:
    yield _Needle(value)
    if len(value) < LEAST_LENGTH:
        return
    if value.lower() != value:
        yield _Needle(value.lower())  # a host name is answered in small letters
    if len(value) > LONG:
        yield from map(_Needle, _forms(value) - {value})
    yield from (_Needle(core, is_base64=True) for core in _cores(value))


def _cores(value: str) -> set[str]:
    return {core for form in _forms(value) for core in _base64_cores(form.encode("utf-8", "replace"))}


def _forms(value: str) -> set[str]:
    """How the value is written before it is encoded again, or cut."""
    safe = value.encode("utf-8", "replace")
    return {value, json.dumps(value)[1:-1], quote(safe, safe=""), quote_plus(safe)}


def _base64_cores(data: bytes) -> Iterator[str]:
    """The letters that depend on the data alone, for each place that it can have in what is encoded (`user:data`)."""
    for before in range(3):
        first, end = -(-before * 8 // 6), (before + len(data)) * 8 // 6
        yield base64.b64encode(bytes(before) + data).decode()[first:end]


@dataclass(frozen=True, slots=True)
class Redactor:
    """What one execution must not store. Immutable: `knowing` and `learning` give back another one.

    The methods called scrub replace values; `hide_text` replaces also what stands behind a sensitive name.
    """

    values: frozenset[str] = frozenset()
    _searched: frozenset[str] = field(default=frozenset(), repr=False, compare=False)
    _needles: tuple[tuple[str, bytes, _Needle], ...] = field(default=(), repr=False, compare=False)

    none: ClassVar["Redactor"]

    def __repr__(self) -> str:
        return f"Redactor of {len(self.values)} values"

    def knowing(self, values: Iterable[str]) -> "Redactor":
        """The redactor that hides these values too."""
        more = {value for value in values if value.strip() and value != HIDDEN} - self.values
        if not more:
            return self
        room = max(MAX_SEARCHED - len(self._searched), 0)
        searched = sorted(more, key=len, reverse=True)[:room]
        made = [(needle.anchor, needle) for value in searched for needle in _needles(value)]
        needles = [*self._needles, *((anchor, anchor.encode(), needle) for anchor, needle in made)]
        # Longest first: a value may be part of another.
        needles.sort(key=lambda entry: len(entry[2].text), reverse=True)
        return Redactor(self.values | more, self._searched.union(searched), tuple(needles))

    def learning(self, value: Any) -> "Redactor":
        """The redactor that also hides, wherever it turns up, what stands under a sensitive name in `value`."""
        parts = {part for text in hidden_values(value) for part in _parts(text)}
        return self.knowing(part for part in parts if LEAST_LEARNED <= len(part) <= MAX_LEARNED and "{{" not in part)

    def finds(self, data: bytes) -> bool:
        """Whether JSON text may hold something to hide; quick, and sometimes yes for nothing."""
        lower = data.lower()
        # Every payload passes here: any() would cost three times as much, one regex twenty times.
        for stem in STEM_BYTES:
            if stem in lower:
                if NAMED.search(lower):
                    return True
                break
        return any(anchor in data for _, anchor, _ in self._needles)

    def scrub_text(self, text: str) -> str:
        """Text without the values."""
        if text in self.values:
            return HIDDEN
        for anchor, _, needle in self._needles:
            if anchor in text:
                text = needle.replace_in(text)
        return text

    def scrub_message(self, text: str) -> str:
        """The same for a sentence that may quote only the beginning or the end of a value."""
        text = self.scrub_text(text)
        if not self.values or len(text) > 10_000:
            return text
        pieces = _CUT.split(text)
        for form in {form for value in self._searched for form in _forms(value) | _cores(value)}:
            pieces = [piece if at % 2 else _without_ends(piece, form, at > 0) for at, piece in enumerate(pieces)]
        return "".join(pieces)

    def hide_message(self, text: str) -> str:
        """Both for a sentence: without cut values, and without what stands behind a sensitive name."""
        return self.hide_text(self.scrub_message(text))

    def hide_text(self, text: str) -> str:
        """Text without the values and without what stands behind a sensitive name."""
        text, last = self.scrub_text(text), 0
        pieces: list[str] = []
        for start, end in spans_in(text):
            pieces += [text[last:start], HIDDEN]
            last = end
        return "".join([*pieces, text[last:]]) if pieces else text

    def hides_number(self, value: float) -> bool:
        """Whether a JSON number is one of the values."""
        return bool(self.values) and number_text(value) in self.values

    def scrub(self, value: Any) -> Any:
        """JSON without the values, for the client: nothing else is changed, and nothing is cut."""
        if not self.values:
            return value
        todo: list[tuple[Any, Any]] = []
        top = self._scrubbed(value, todo)
        while todo:
            source, target = todo.pop()
            if isinstance(target, dict):
                for key, child in source.items():
                    target[self.scrub_text(key)] = self._scrubbed(child, todo)
            else:
                target.extend([self._scrubbed(child, todo) for child in source])
        return top

    def _scrubbed(self, value: Any, todo: list[tuple[Any, Any]]) -> Any:
        """A value without what it holds itself; a container is made empty and put on the list of those to fill."""
        if isinstance(value, str):
            return self.scrub_text(value)
        if isinstance(value, dict | list):
            todo.append((value, type(value)()))
            return todo[-1][1]
        if isinstance(value, int | float) and not isinstance(value, bool) and self.hides_number(value):
            return HIDDEN
        return value


Redactor.none = Redactor()


def _without_ends(piece: str, form: str, is_cut_before: bool) -> str:
    """A piece of a message that ends with the first part of a form, or begins with its last part."""
    least = min(6, max(3, len(form) // 2))
    lengths = range(min(len(form), len(piece)), least - 1, -1)
    if piece[-least:] in form:
        for length in lengths:
            if piece.endswith(form[:length]):
                return piece[: len(piece) - length] + HIDDEN
    if is_cut_before and piece[:least] in form:
        for length in lengths:
            if piece.startswith(form[-length:]):
                return HIDDEN + piece[length:]
    return piece


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


@dataclass(frozen=True, slots=True)
class Guard:
    """Makes the redactors of the calls of one flow, worked out once for its graph and input schema.

    `schema` is None when nothing in it is write-only, which is the usual case.
    """

    literals: Redactor
    schema: CompiledSchema | None

    @classmethod
    def of(cls, graph: Graph, schema: CompiledSchema) -> "Guard":
        """Find the credentials that are typed into nodes which send them out, and whether arguments are write-only."""
        literals = Redactor.none
        for node in graph.order:
            if node.registered.node_type.has_effects:
                literals = literals.learning(dict(node.parameters))
        return cls(literals, schema if marks_any(schema) else None)

    def over(self, sent: Any, given: Any, secrets: Mapping[str, str]) -> tuple[Any, Redactor, Redactor]:
        """The arguments without the write-only ones, the redactor for the answer and the one for the record.

        `sent` are the arguments as they came, `given` as the flow reads them. The answer holds neither the flow's own
        credentials nor what the caller gave for one way only. The record does without short write-only arguments too;
        they would be found in too many answers.
        """
        answer = self.literals.knowing(secrets.values()) if secrets else self.literals
        if self.schema is None:
            return sent, answer, answer
        texts = {text for part in marked(self.schema, given).values() for text in scalars(part)}
        answer = answer.knowing(text for text in texts if len(text) >= LEAST_LENGTH)
        return masked(sent, marked(self.schema, sent)), answer, answer.knowing(texts)

    def unquoted(self, faults: Iterable[Fault], arguments: Any) -> list[Fault]:
        """Faults of the arguments without the values that they quote, where those are write-only or credentials."""
        redactor = self.over(arguments, arguments, {})[1].learning(arguments)
        parts = marked(self.schema, arguments) if self.schema is not None else {}
        quoted = {json_path(path): sorted(set(scalars(part)), key=len, reverse=True) for path, part in parts.items()}
        return [Fault(fault.path, redactor.scrub_message(_about(fault, quoted))) for fault in faults]


def _about(fault: Fault, quoted: Mapping[str, Iterable[str]]) -> str:
    """The message, without what it begins with if that is write-only, however short."""
    for path, texts in quoted.items():
        if fault.path == path or fault.path.startswith((f"{path}.", f"{path}[")):
            for text in texts:
                for written in (text, json.dumps(text, ensure_ascii=False)):
                    if fault.message.startswith(written):
                        return HIDDEN + fault.message[len(written) :]
    return fault.message
