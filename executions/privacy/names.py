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
from flows.values.json_bounds import MAX_VALUES, is_too_long

HIDDEN = "***"
"""What stands in the record for a value that is not stored."""
MAX_PLACES = 20_000
"""A text with more words than this that may be part of a sensitive name is hidden from there on."""
MAX_TRIED = 100_000
"""Such words of a whole record that are tried; one with more is taken to hold a sensitive name."""
_NAME_LENGTH = 64

_STEMS = b"authorization cookie credential token secret password passwd passphrase key".split()
_STEM = BytesAhoCorasick(_STEMS, matchkind=MatchKind.LeftmostLongest)
_NAME_LETTERS = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-."
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")

# Both are for the words of a name in small letters, joined by "_".
# `password_hash` is still a password, `password_policy` is not.
_NEAR = "(?:_(?:value|hash|text|raw|plain|confirmation|confirm|repeat|again|new|old))*"
_CREDENTIAL = re.compile(
    rf"""(?:.*_)?(?:
        (?:authorization|cookie|credential)s?
        | [a-z]*(?:token|secret|password|passwd|passphrase|(?:api|access|private|secret)key)s?
        | (?:api|access|private|secret|signing|encryption|master|subscription)_keys?
    ){_NEAR}""",
    re.VERBOSE,
)
# Where a list goes on is data, as is MCP's progressToken.
# Google's nextPageToken and syncToken, AWS's NextToken, Azure's continuationToken.
_CURSOR = re.compile(
    "(?:.*_)?(?:page|next|progress|continuation|continue|sync|pagination|paging|cursor|resume|skip|delta)+"
    f"_?tokens?{_NEAR}"
)
_REFERENCES_ONLY = re.compile(r"(?:(?i:basic|bearer|token|digest|apikey)\s+)?(?:\{\{[^{}]{1,200}\}\}[\s:]*)+")


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
    words = "_".join(_WORD.findall(name[-_NAME_LENGTH:])).lower()
    return _CREDENTIAL.fullmatch(words) is not None and _CURSOR.fullmatch(words) is None


def hides(name: Any, value: Any) -> bool:
    """Whether this entry of a JSON object is to be hidden; null, booleans and bare expressions tell nothing."""
    if value is None or isinstance(value, bool) or not isinstance(name, str) or not is_sensitive(name):
        return False
    if isinstance(value, int | float):
        return not name.lower().endswith("s")  # max_tokens is a number of tokens
    return not (isinstance(value, str) and (not value or _REFERENCES_ONLY.fullmatch(value)))


# What stands behind a stem: the rest of the name, and what tells by the name of its group how a value is written there.
# Repetitions without a bound are only in what is taken as a value, and so looked at once.
_BEHIND = re.compile(
    rb"""(?P<rest>[\w.\-\[\]]{0,32}+)(?:
        (?P<quote>\\{0,16}+["'])\s{0,16}+:\s{0,16}+(?:(?P<text>(?=(?P=quote)))|(?P<number>(?=-?\d))|)
        | =(?:(?P<quoted>(?=\\{0,16}+["']))|(?P<form>))
        | [ \t]{0,16}+:[ \t]{0,16}+(?P<header>)
    )""",
    re.VERBOSE,
)
_UP_TO_QUOTE = rb"""(?P<mark>\\{0,16}+["'])(?P<value>(?:[^"'\\%s]++|(?<=\\)["'\\]|(?!(?P=mark))["'\\])*+)"""
_VALUES = {
    "text": re.compile(_UP_TO_QUOTE % b""),
    "quoted": re.compile(_UP_TO_QUOTE % rb"\r\n"),
    "number": re.compile(rb"(?P<value>-?\d[\d.eE+-]{0,400})"),
    "form": re.compile(rb"""(?P<value>(?:\{\{[^{}]{1,200}\}\})+|[^&\s"'<>#;\\]+)"""),
    "header": re.compile(
        rb"""(?P<value>(?i:basic|bearer|token|digest|apikey|negotiate)[ \t]{1,16}[^\s"',\\]+
            | [^\s"',;=\\]{1,64}=[^\r\n"'\\]+
            | [^\s"',\\]{12,256}+(?=\s{0,16}(?:\Z|[\r\n"',\\]))
            | [^\s"',\\]{257,})
        """,
        re.VERBOSE,
    ),
}
_HEADER = re.compile(r"(?:authorization|cookie|\bx-[\w-]+)$", re.IGNORECASE)


def named(data: bytes, most: int = MAX_PLACES) -> Iterator[tuple[str, int, re.Match[bytes] | None]]:
    """The sensitive names in a text, where each begins, and what stands behind it.

    Where there are more words to try than `most`, the last is where they were left, with nothing behind it.
    """
    for number, (_, start, end) in enumerate(hits(_STEM, data.lower(), _NAME_LENGTH)):
        if number == most:
            yield "", start, None
            return
        if behind := _BEHIND.match(data, end):
            before = data[max(start - _NAME_LENGTH, 0) : start]
            start -= len(before) - len(before.rstrip(_NAME_LETTERS))
            name = data[start : behind.end("rest")].decode("ascii")
            if is_sensitive(name):
                yield name, start, behind


def spans_in(data: bytes) -> Iterator[tuple[int, int]]:
    """Where values stand in text behind a sensitive name, in order, none inside another."""
    last = 0
    for name, start, behind in named(data):
        if behind is None:
            yield max(start, last), len(data)
            return
        kind, quote = str(behind.lastgroup), behind["quote"]
        # A name inside a value is part of the value, and is not looked at.
        if behind.start() < last or kind not in _VALUES or (quote and not data.endswith(quote, 0, start)):
            continue
        if kind == "header" and not _HEADER.search(name):
            continue
        if found := _VALUES[kind].match(data, behind.end()):
            at, last = found.span("value")
            value = 0 if kind == "number" else text_of(found["value"])
            if value != HIDDEN and hides(name, value):
                yield at, last


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
    """A number as JSON writes it; empty for one that is too long to be a credential."""
    return "" if isinstance(value, int) and is_too_long(value) else str(value)
