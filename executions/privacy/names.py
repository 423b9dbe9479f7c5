"""What is hidden because of the name that it stands under: `password`, `Set-Cookie`, `?access_token=...`.

A name is taken apart into words, and the last one says what the thing is: an `access_token` is a token, a
`token_count` is a count. Works on JSON objects, and on text that holds JSON, query strings, forms or headers.
"""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from itertools import count
from typing import Any

HIDDEN = "***"
"""What stands in the record for a value that is not stored."""

_THINGS = frozenset(
    {"authorization", "cookie", "token", "secret", "password", "passwd", "passphrase", "credential", "apikey"}
)
_ENDINGS = ("token", "secret", "password", "passwd", "passphrase", "apikey", "accesskey", "privatekey", "secretkey")
_KINDS_OF_KEY = frozenset({"api", "access", "private", "secret", "signing", "encryption", "master", "subscription"})
# `password_hash` is still a password, `password_policy` is not.
_NEAR = frozenset({"value", "hash", "text", "raw", "plain", "confirmation", "confirm", "repeat", "again", "new", "old"})
# Where a list goes on is data, as is MCP's progressToken.
# Google's nextPageToken and syncToken, AWS's NextToken, Azure's continuationToken.
_CURSOR = re.compile("(?:page|next|progress|continuation|continue|sync|pagination|paging|cursor|resume|skip|delta)+")
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_REFERENCES_ONLY = re.compile(r"(?:(?i:basic|bearer|token|digest|apikey)\s+)?(?:\{\{[^{}]{1,200}\}\}[\s:]*)+")

_STEMS = ("authorization", "cookie", "token", "secret", "password", "passwd", "passphrase", "credential", "key")
STEM_BYTES = tuple(stem.encode() for stem in _STEMS)
"""In small letters: without one of them JSON text holds no sensitive name."""
NAMED = re.compile(rb"(?:" + rb"|".join(STEM_BYTES) + rb")[\w.\-\[\]]{0,32}(?:\\*[\"']\s*)?[:=]")
"""One of them as the name of a value; finds it quickly, and sometimes for nothing."""
MAX_SPANS = 2_000
"""A text with more places than this to look at is hidden from there on: looking would hold up everybody else."""

_NAME_LENGTH = 64
_MAX_BITS = 1024
"""Bits of a number that may be a credential; Python takes long to write a larger one."""
_HEADER = re.compile(r"(?:authorization|cookie|\bx-[\w-]+)$", re.IGNORECASE)

_AFTER_NAME = re.compile(
    r"""(?P<rest>[\w.\-\[\]]{0,32})(?:
        (?P<quote>\\*["'])\s*:\s*(?:(?P=quote)(?P<text>.*?)(?:(?<!\\)(?P=quote)|\Z)|(?P<number>-?\d[\d.eE+-]*))
        | =(?P<mark>\\*["'])(?P<quoted>[^\r\n]*?)(?:(?<!\\)(?P=mark)|$)
        | =(?P<form>(?:\{\{[^{}]{1,200}\}\})+|[^&\s"'<>\#;\\]+)
        | [ \t]*:[ \t]*(?P<header>
            (?i:basic|bearer|token|digest|apikey|negotiate)[ \t]+[^\s"',\\]+
            | [^\s"',;=\\]+=[^\r\n"'\\]+
            | [^\s"',\\]{12,}(?=\s*(?:$|[\r\n"',\\]))
        )
    )""",
    re.VERBOSE | re.DOTALL | re.MULTILINE,
)


@lru_cache(maxsize=4096)
def is_sensitive(name: str) -> bool:
    """Whether a value under this name is a credential; `tokens` and the like are, unless the value is a number."""
    words = [word.lower() for word in _WORD.findall(name[-_NAME_LENGTH:])]
    while len(words) > 1 and words[-1] in _NEAR:
        words.pop()
    if not words:
        return False
    last = words[-1]
    if last in ("key", "keys"):
        return len(words) > 1 and words[-2] in _KINDS_OF_KEY
    single = last.removesuffix("s")
    if single.endswith("token") and _CURSOR.fullmatch(single.removesuffix("token") or "".join(words[-2:-1])):
        return False
    return single in _THINGS or single.endswith(_ENDINGS)


def hides(name: Any, value: Any) -> bool:
    """Whether this entry of a JSON object is to be hidden; null, booleans and bare expressions tell nothing."""
    if value is None or isinstance(value, bool) or not isinstance(name, str) or not is_sensitive(name):
        return False
    if isinstance(value, int | float):
        return not name.lower().endswith("s")  # max_tokens is a number of tokens
    return not (isinstance(value, str) and (not value or _REFERENCES_ONLY.fullmatch(value)))


def spans_in(text: str) -> list[tuple[int, int]]:
    """Where values stand in text behind a sensitive name, in order, none inside another."""
    lower = text.lower()
    if len(lower) != len(text):
        # Some letters have more than one small one; bytes are lowered one by one, so places stay places.
        lower = text.encode("utf-8", "surrogatepass").lower().decode("utf-8", "surrogatepass")
    found = sorted(span for stem in _STEMS for span in _spans_behind(stem, lower, text))[: MAX_SPANS + 1]
    if len(found) > MAX_SPANS:
        found[-1] = found[-1][0], len(text)
    spans: list[tuple[int, int]] = []
    for start, end in found:
        if not spans or start >= spans[-1][1]:
            spans.append((start, end))
    return spans


def _spans_behind(stem: str, lower: str, text: str) -> Iterator[tuple[int, int]]:
    at = lower.find(stem)
    for tries in count():
        if at < 0:
            return
        if tries > MAX_SPANS:
            yield at, len(text)
            return
        end = at + len(stem)
        after = _AFTER_NAME.match(text, end)
        if after and (span := _value_span(text, at, after)):
            yield span
            # A name inside the value is part of the value; without this jump, text without an end is searched again.
            end = max(end, span[1])
        at = lower.find(stem, end)


def _value_span(text: str, at: int, after: re.Match[str]) -> tuple[int, int] | None:
    start = at
    while start > 0 and at - start < _NAME_LENGTH and (text[start - 1].isalnum() or text[start - 1] in "_-."):
        start -= 1
    name = text[start : after.end("rest")]
    kind = next(group for group in ("text", "number", "quoted", "form", "header") if after[group] is not None)
    if kind in ("text", "number") and not text[:start].endswith(after["quote"]):
        return None
    if kind == "header" and not _HEADER.search(name):
        return None
    value: str | int = len(after[kind]) if kind == "number" else after[kind]
    return after.span(kind) if value != HIDDEN and hides(name, value) else None


def hidden_values(value: Any, limit: int = 100_000) -> set[str]:
    """The texts that stand under sensitive names anywhere in a value of any shape."""
    found: set[str] = set()
    pending: list[tuple[Any, bool]] = [(value, False)]
    for _ in range(limit):
        if not pending:
            break
        item, is_hidden = pending.pop()
        if isinstance(item, Mapping):
            pending += [(child, is_hidden or hides(name, child)) for name, child in item.items()]
        elif isinstance(item, list | tuple):
            pending += [(child, is_hidden) for child in item]
        elif isinstance(item, str):
            found.update([item] if is_hidden else [item[start:end] for start, end in spans_in(item)])
        elif is_hidden and isinstance(item, int | float) and not isinstance(item, bool):
            found.add(number_text(item))
    return found


def number_text(value: float) -> str:
    """A number as JSON writes it; empty for one that is too long to be a credential (Python refuses to write some)."""
    return "" if isinstance(value, int) and value.bit_length() > _MAX_BITS else str(value)
