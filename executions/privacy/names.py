"""What is hidden because of the name that it stands under: `password`, `Set-Cookie`, `?access_token=...`.

A name is taken apart into words, and the last one says what the thing is: an `access_token` is a token, a
`token_count` is a count. Works on JSON objects, and on text that holds JSON, query strings, forms or headers.
"""

import math
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from ahocorasick_rs import BytesAhoCorasick, MatchKind

from executions.privacy.folding import bytes_of, text_of
from flows.values.json_bounds import MAX_VALUES

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

_STEMS = b"authorization cookie token secret password passwd passphrase credential key".split()
_STEM = BytesAhoCorasick(_STEMS, matchkind=MatchKind.LeftmostLongest)
_LONGEST_STEM = max(map(len, _STEMS))
MAX_SPANS = 2_000
"""A text with more values than this behind sensitive names is hidden from there on."""
MAX_PLACES = 20_000
"""The same for a text with more words than this that may be part of a sensitive name."""
_MOST_TRIED = 5 * MAX_PLACES

_NAME_LENGTH = 64
_NAME_LETTERS = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-."
_MAX_BITS = 1024
"""Bits of a number that may be a credential; Python takes long to write a larger one."""

# Repetitions without a bound are only in what is taken as a value, and so looked at once.
_BEHIND = re.compile(
    rb"""(?P<rest>[\w.\-\[\]]{0,32}+)(?:
        (?P<quote>\\{0,16}+["'])\s{0,16}+:\s{0,16}+(?:(?P<text>(?P=quote))|(?P<number>-?\d[\d.eE+-]{0,400})|)
        | =(?P<mark>\\{0,16}+["'])?
        | [ \t]{0,16}+(?P<colon>:)[ \t]{0,16}+
    )""",
    re.VERBOSE,
)
_FORM = re.compile(rb"""(?:\{\{[^{}]{1,200}\}\})+|[^&\s"'<>\#;\\]+""")
_HEADER = re.compile(r"(?:authorization|cookie|\bx-[\w-]+)$", re.IGNORECASE)
_HEADER_VALUE = re.compile(
    rb"""(?i:basic|bearer|token|digest|apikey|negotiate)[ \t]{1,16}[^\s"',\\]+
        | [^\s"',;=\\]{1,64}=[^\r\n"'\\]+
        | [^\s"',\\]{12,256}+(?=\s{0,16}(?:\Z|[\r\n"',\\]))
        | [^\s"',\\]{257,}
    """,
    re.VERBOSE,
)


_WINDOW = 256 * 1024


def hits(automaton: BytesAhoCorasick, data: bytes, longest: int) -> Iterator[tuple[int, int, int]]:
    """Which pattern stands where in the data; looked for by the window, as one list of all would take much memory."""
    at = 0
    while at < len(data):
        end = at + _WINDOW
        last = end
        for which, start, behind in automaton.find_matches_as_indexes(memoryview(data)[at : end + longest]):
            if at + start >= end:
                break
            last = max(last, at + behind)
            yield which, at + start, at + behind
        at = last


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


def may_name(data: bytes) -> bool:
    """Whether JSON text may hold a sensitive name; what stands under it may tell nothing."""
    lower = data.lower()
    for number, (_, start, end) in enumerate(hits(_STEM, lower, _LONGEST_STEM)):
        if number == _MOST_TRIED or _named(lower, start, end) is not None:
            return True
    return False


def _named(data: bytes, start: int, end: int) -> tuple[str, int, re.Match[bytes]] | None:
    """The sensitive name around a stem, where it begins, and what stands behind it."""
    if (behind := _BEHIND.match(data, end)) is None:
        return None
    before = data[max(start - _NAME_LENGTH, 0) : start]
    start -= len(before) - len(before.rstrip(_NAME_LETTERS))
    name = data[start : behind.end("rest")].decode("ascii")
    return (name, start, behind) if is_sensitive(name) else None


def spans_in(data: bytes) -> list[tuple[int, int]]:
    """Where values stand in text behind a sensitive name, in order, none inside another."""
    spans: list[tuple[int, int]] = []
    last = 0
    for number, (_, start, end) in enumerate(hits(_STEM, data.lower(), _LONGEST_STEM)):
        # A name inside a value is part of the value, and is not looked at.
        if start < last:
            continue
        if number >= MAX_PLACES:
            return [*spans, (start, len(data))]
        if (named := _named(data, start, end)) is None or (span := _value(data, *named)) is None:
            continue
        at, last = span
        if len(spans) == MAX_SPANS:
            return [*spans, (at, len(data))]
        name, _, behind = named
        value = 0 if behind["number"] else text_of(data[at:last])
        if value != HIDDEN and hides(name, value):
            spans.append(span)
    return spans


def _value(data: bytes, name: str, start: int, behind: re.Match[bytes]) -> tuple[int, int] | None:
    """Where a value stands behind a name that begins at `start`."""
    at = behind.end()
    if behind["colon"]:
        found = _HEADER_VALUE.match(data, at) if _HEADER.search(name) else None
    elif quote := behind["quote"]:
        if not data.endswith(quote, 0, start):
            return None
        if behind["number"]:
            return behind.span("number")
        found = _until(quote, b"").match(data, at) if behind["text"] else None
    else:
        found = (_until(mark, rb"\r\n") if (mark := behind["mark"]) else _FORM).match(data, at)
    return found and found.span()


@lru_cache(maxsize=64)
def _until(quote: bytes, ends: bytes) -> re.Pattern[bytes]:
    """Text up to such a quote, or one of these letters; all of it without one."""
    other = re.escape(quote[:1]) + ends
    inside = rb"(?:[^%s]|(?:(?<=\\)|(?!%s))%s)*+" % (other, re.escape(quote), re.escape(quote[:1]))
    return re.compile(inside)


def hidden_values(value: Any, *, in_texts: bool = True, is_hidden: bool = False) -> Iterator[str]:
    """The texts and numbers under sensitive names anywhere in a value, also in texts that hold names.

    Of the first MAX_VALUES values; where the value itself `is_hidden`, all of them.
    """
    pending: list[tuple[Any, bool]] = [(value, is_hidden)]
    left = math.inf if is_hidden else MAX_VALUES
    while pending and (left := left - 1) >= 0:
        item, is_hidden = pending.pop()
        if isinstance(item, Mapping):
            pending += [(child, is_hidden or hides(name, child)) for name, child in item.items()]
        elif isinstance(item, list | tuple):
            pending += [(child, is_hidden) for child in item]
        elif isinstance(item, str):
            if is_hidden:
                yield item
            elif in_texts:
                data = bytes_of(item)
                yield from (text_of(data[start:end]) for start, end in spans_in(data))
        elif is_hidden and isinstance(item, int | float) and not isinstance(item, bool):
            yield number_text(item)


def number_text(value: float) -> str:
    """A number as JSON writes it; empty for one that is too long to be a credential (Python refuses to write some)."""
    return "" if isinstance(value, int) and value.bit_length() > _MAX_BITS else str(value)
