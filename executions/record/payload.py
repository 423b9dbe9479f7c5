"""Any value -> JSON text that both databases store alike. Never raises, never recurses.

A value that is plain JSON goes through orjson in one step. Everything else is rebuilt first, and each oddity has one
outcome: NaN and infinities become null, NUL becomes U+2400 and a lone surrogate U+FFFD (PostgreSQL refuses both), an
integer beyond 4300 digits, bytes, and foreign objects become text, sets become lists, keys become text (with a
suffix when two collide), a cycle or anything nested deeper than 64 levels becomes a marker. What a Redactor hides is
replaced before anything is cut, so an envelope neither shows a part of it nor has a hash that depends on it. A string
above 64 KiB, or what exceeds 1 MiB in all, is replaced by an envelope that says what was cut.

What goes to the client never passes through here.
"""

import base64
import hashlib
import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, Self

import orjson

from executions.privacy.names import HIDDEN, hides
from executions.privacy.redactor import Redactor
from flows.values.json_bounds import MAX_DEPTH, MAX_VALUES, Above, Rebuilding, is_too_long, key_text

MAX_STRING = 64 * 1024
"""Characters of one text in a record; of a longer one its two ends are kept."""
MAX_RECORD = 1024 * 1024
"""Bytes of one value of a record, as parameters, result and all nodes together."""
SHOWN_EDGE = 2_000

TRUNCATED = "$truncated"
"""The key that marks an envelope: `{"$truncated": true, "bytes": n, "sha256": "...", "head": "...", "tail": "..."}`."""


def is_cut(value: Any) -> bool:
    """Whether an envelope stands here for a value that was too large to be stored."""
    return isinstance(value, dict) and TRUNCATED in value


@dataclass(frozen=True, slots=True)
class Cut:
    """An envelope, read: what is left of a value that was too large to be stored.

    `bytes` is the size of the whole text, None where a record does not say; `head` and `tail` are its two ends, texts
    that may be empty. Its own text is what a reader is shown in place of the value.
    """

    bytes: int | None = None
    sha256: str = ""
    head: str = ""
    tail: str = ""

    @classmethod
    def of(cls, stored: Any) -> Self:
        """Read what stands in place of a value; never raises: what is no envelope is one that says nothing."""
        if not is_cut(stored):
            return cls(head=stored if isinstance(stored, str) else "")
        size = stored.get("bytes")
        texts = (stored.get(name) for name in ("sha256", "head", "tail"))
        return cls(size if type(size) is int else None, *(text if isinstance(text, str) else "" for text in texts))

    @property
    def words(self) -> str:
        """`cut from the record: 1,204,001 bytes`."""
        return "cut from the record" if self.bytes is None else f"cut from the record: {self.bytes:,} bytes"

    def __str__(self) -> str:
        return f"{self.head}… [{self.words}] …{self.tail}" if self.head or self.tail else f"[{self.words}]"

    def as_json(self) -> dict[str, Any]:
        """The envelope."""
        size = {} if self.bytes is None else {"bytes": self.bytes}
        return {TRUNCATED: True, **size, "sha256": self.sha256, "head": self.head, "tail": self.tail}


_SURROGATE = re.compile("[\ud800-\udfff]")
PASSTHROUGH = orjson.OPT_PASSTHROUGH_SUBCLASS | orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME


Redact = Callable[[Any, Redactor], Any]
Rebuild = Callable[[Any, int], str]


MAX_LOOKED_THROUGH = 16 * 1024 * 1024
"""Characters of text in one value of a record that are looked through for what is to be hidden; of a text beyond them
nothing is stored but its length."""
_LONG = 1_000


class Redaction:
    """Takes out of one value of a record what a redactor hides, whether by its name or by its value."""

    def __init__(self, redactor: Redactor) -> None:
        self.redactor = redactor
        self._left = MAX_LOOKED_THROUGH
        self._known: dict[tuple[str, bool], str] = {}
        """A long text goes from node to node, and is looked through once."""

    def of(self, value: Any) -> Any:
        """Plain JSON of a part of it."""
        return Normaliser(self).normalise(value)

    def text(self, text: str, *, is_message: bool = False) -> str:
        """The same for a text; a message may quote only a part of what is to be hidden."""
        if (known := self._known.get((text, is_message))) is not None:
            return known
        self._left -= len(text)
        if self._left < 0:
            return f"{HIDDEN} ({len(text):,} characters, hidden whole: there is too much text here to look through)"
        clean = self.redactor.hide_text(text, is_message=is_message)
        if len(text) >= _LONG:
            self._known[text, is_message] = clean
        return clean


def redacted(value: Any, redactor: Redactor) -> Any:
    """Plain JSON of `value` without what is to be hidden, which is also looked for in the rest of it."""
    return Redaction(redactor.learning(value)).of(value)


def cleaned(value: Any, redactor: Redactor) -> tuple[Any, str]:
    """The value itself when there is nothing to hide in it, else `redacted`; and its text, as `dump` makes it."""
    clean = value

    def redact(value: Any, redactor: Redactor) -> Any:
        nonlocal clean
        clean = redacted(value, redactor)
        return clean

    text = dump(value, redactor=redactor, redact=redact)
    return clean, text


def rebuilt(value: Any, cap: int) -> str:
    """Text of any value, normalised first; of what exceeds `cap` bytes, the largest parts are cut."""
    plain = Normaliser().normalise(value)
    text = text_of(plain)
    return text if len(text) <= cap and len(text.encode()) <= cap else text_of(_shrink(plain, text, cap))


def written(value: Any) -> bytes | None:
    """The JSON text of a value as it is; None for one that is no plain JSON."""
    try:
        return orjson.dumps(value, option=PASSTHROUGH)
    except (TypeError, ValueError, RecursionError):
        return None


def plain_texts(values: Mapping[str, Any], cap: int, redactor: Redactor) -> dict[str, str] | None:
    """The JSON text of each value, as `dump` makes it; None when one has to be hidden, cut or rebuilt, or is not known
    to need none of that: `cap` is for all of them.

    They are looked through together, because most of that is the same for a short text and for a long one.
    """
    try:
        parts = [orjson.dumps(value, option=PASSTHROUGH) for value in values.values()]
    except (TypeError, ValueError, RecursionError):
        return None
    data = b"\n".join(parts)
    if len(data) > cap or b"\\u0000" in data or redactor.finds(data):
        return None
    if _may_be_deep(data) and any(map(_may_be_deep, parts)):
        return None
    return dict(zip(values, [part.decode() for part in parts], strict=True))


def dump(
    value: Any,
    cap: int = MAX_RECORD,
    *,
    redactor: Redactor | None = Redactor.none,
    redact: Redact = redacted,
    rebuild: Rebuild = rebuilt,
) -> str:
    """Return JSON text of `value`, at most about `cap` bytes long, without what `redactor` knows or names tell.

    `redact` says which parts of a value are data; without a redactor, the value is redacted already. `rebuild` makes
    the text of what is large or no plain JSON.
    """
    data = written(value)
    if redactor is not None and (data is None or redactor.finds(data)):
        return dump(redact(value, redactor), cap, redactor=None, rebuild=rebuild)
    if data is None or len(data) > min(cap, MAX_STRING) or b"\\u0000" in data:
        return rebuild(value, cap)
    return rebuild(value, cap) if _may_be_deep(data) else data.decode()


def _may_be_deep(data: bytes) -> bool:
    """Fewer brackets than levels: most values are known to be shallow without being walked."""
    return data.count(b"{") + data.count(b"[") > MAX_DEPTH


def text_of(plain: Any) -> str:
    """Plain JSON as it is stored."""
    return json.dumps(plain, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def _shrink(plain: Any, text: str, cap: int) -> Any:
    """Keep the shape of the outer object or list and cut its largest parts; cut it whole where that is not enough."""
    if isinstance(plain, dict | list) and 0 < len(plain) <= 1000:
        items = list(plain.items()) if isinstance(plain, dict) else list(enumerate(plain))
        share = max(cap // (2 * len(items)), 256)
        cut: dict[Any, Any] = {}
        for key, child in items:
            child_text = json.dumps(child, ensure_ascii=False)
            cut[key] = child if len(child_text.encode()) <= share else _cut_entry(child, child_text, share)
        shrunk = cut if isinstance(plain, dict) else list(cut.values())
        if len(json.dumps(shrunk, ensure_ascii=False).encode()) <= cap:
            return shrunk
    return envelope(text)


def _cut_entry(child: Any, text: str, share: int) -> Any:
    """One level further in, so that a part keeps its own small parts."""
    if not isinstance(child, dict) or not child or len(child) > 100:
        return envelope(text, share // 8)
    inner = max(share // (2 * len(child)), 64)
    cut = {}
    for key, value in child.items():
        value_text = json.dumps(value, ensure_ascii=False)
        cut[key] = value if len(value_text.encode()) <= inner else envelope(value_text, inner // 8)
    return cut


def envelope(text: str, edge: int = SHOWN_EDGE) -> dict[str, Any]:
    """What stands for a text that was cut: its size, its hash, and both ends."""
    edge = min(edge, SHOWN_EDGE)
    data = text.encode("utf-8", "replace")
    return {
        TRUNCATED: True,
        "bytes": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
        "head": text[:edge],
        "tail": text[-edge:] if edge else "",
    }


class Normaliser(Rebuilding):
    """Rebuilds one value as plain JSON; with a redaction, what that hides is replaced on the way."""

    def __init__(self, redaction: Redaction | None = None) -> None:
        super().__init__()
        self.redaction = redaction
        self.seen = 0
        self._keys: dict[str, str] = {}

    def normalise(self, value: Any, depth: int = 0) -> Any:
        """Return the plain JSON of `value`, which stands so many levels deep in what is stored."""
        return self.rebuild(value, (0,) * depth)

    def put(self, target: dict[str, Any], key: Any, child: Any, above: Above) -> None:
        """Set an entry, hidden where the redaction says so by its name."""
        is_hidden = self.redaction is not None and hides(key, child)
        target[_free_key(self._key(key), target)] = HIDDEN if is_hidden else self.converted(child, above)

    def _key(self, key: Any) -> str:
        # Rows have the same keys again and again; 1, 1.0 and True are one key of a dict, so texts alone are kept.
        if type(key) is not str:
            return self._made_key(key)
        if key not in self._keys:
            self._keys[key] = self._made_key(key)
        return self._keys[key]

    def _made_key(self, key: Any) -> str:
        text = key_text(_whole_number(key) if isinstance(key, int) else key)
        if text is None:
            text = _description(key)
        return clean_text((text if self.redaction is None else self.redaction.redactor.scrub_text(text))[:1000])

    def converted(self, value: Any, above: Above) -> Any:
        """Plain JSON that is to be filled, where it is an object or a list."""
        self.seen += 1
        if value is None or value is True or value is False:
            return value
        if isinstance(value, str):
            return self._text(str(value))
        if isinstance(value, int | float):
            return self._number(value)
        if isinstance(value, bytes | bytearray):
            return self._text(base64.b64encode(bytes(value)).decode())
        if isinstance(value, Mapping | list | tuple | set | frozenset):
            return self._contained(value, above)
        return self._text(_description(value))

    def _text(self, text: str) -> str | dict[str, Any]:
        text = clean_text(text if self.redaction is None else self.redaction.text(text))
        return text if len(text) <= MAX_STRING else envelope(text)

    def _number(self, value: float) -> int | float | str | None:
        if self.redaction is not None and self.redaction.redactor.hides_number(value):
            return HIDDEN
        if isinstance(value, int):
            return _whole_number(int(value))
        return float(value) if math.isfinite(value) else None

    def _contained(self, value: Any, above: Above) -> Any:
        if id(value) in above:
            return "[cycle]"
        if len(above) >= MAX_DEPTH:
            return f"[nested deeper than {MAX_DEPTH} levels]"
        if self.seen > MAX_VALUES:
            return f"[more than {MAX_VALUES} values]"
        if isinstance(value, set | frozenset):
            value = sorted(value, key=repr)
        if len(value) > MAX_VALUES:
            first = islice(value.items() if isinstance(value, Mapping) else value, MAX_VALUES)
            value = dict(first) if isinstance(value, Mapping) else list(first)
        return self.container(value, above)


def clean_text(text: str) -> str:
    """Text that both databases accept: without NUL and lone surrogates."""
    if "\x00" in text:
        text = text.replace("\x00", "\u2400")
    return text if text.isascii() else _SURROGATE.sub("\ufffd", text)


def _whole_number(value: int) -> int | str:
    if not is_too_long(value):
        return value
    return f"[integer of about {int(value.bit_length() * 0.30103)} digits]"


def _free_key(key: str, taken: Mapping[str, Any]) -> str:
    if key not in taken:
        return key
    number = 2
    while f"{key} ({number})" in taken:
        number += 1
    return f"{key} ({number})"


def _description(value: Any) -> str:
    """Text for an object that is not JSON; a `str` of its own making may fail, and then only its type is said."""
    try:
        return str(value)
    except Exception:
        return f"[{type(value).__name__}]"


PREVIEW_LENGTH = 120


def preview(arguments: Any) -> str:
    """The first parameter as short text, `order_id: "A-1"`; empty when there is none."""
    if not isinstance(arguments, Mapping) or not arguments:
        return ""
    name, value = next(iter(arguments.items()))
    if value == HIDDEN:
        shown = HIDDEN
    elif isinstance(value, str):
        shown = f'"{value[:PREVIEW_LENGTH]}"'.replace("\n", " ")
    elif isinstance(value, list | tuple):
        shown = f"[{len(value)} items]"
    elif isinstance(value, Mapping):
        shown = "{" + ", ".join(str(key)[:40] for key in list(value)[:4]) + "}"
    elif isinstance(value, bool) or value is None:
        shown = {True: "true", False: "false", None: "null"}[value]
    else:
        shown = str(_whole_number(value)) if isinstance(value, int) else str(value)[:PREVIEW_LENGTH]
    text = clean_text(f"{name}: {shown}")
    return text if len(text) <= PREVIEW_LENGTH else text[: PREVIEW_LENGTH - 1] + "…"
