"""The schemas inside a schema, and which of them apply to a value and to what is in it.

`Walker` asks what fits: for `reading`, how a value that fits is read, and `faults`, why one does not. A `Subschema`
says what may apply, whatever fits: for `effort`, what checking takes at most, and for what must not be shown again.
"""

import json
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any
from urllib.parse import unquote

import jsonschema_rs


class _UniqueItems:
    """The keyword `uniqueItems` in linear time: the library's own compares every long number with every other."""

    def __init__(self, _parent: Any, value: Any, _path: Any) -> None:
        self.is_asked = value is True

    def validate(self, value: Any) -> None:
        """Raises ValueError for a list that holds something twice; 1 and 1.0 are the same."""
        if self.is_asked and isinstance(value, list) and len({_text_of(item) for item in value}) < len(value):
            raise ValueError("has non-unique elements")


def _text_of(item: Any) -> str:
    # Texts, because the hashes of numbers can be chosen so that all are alike.
    return f'"{item}' if type(item) is str else json.dumps(_whole(item), sort_keys=True)


def _whole(item: Any) -> Any:
    if isinstance(item, dict):
        return {name: _whole(child) for name, child in item.items()}
    if isinstance(item, list):
        return list(map(_whole, item))
    return int(item) if isinstance(item, float) and item.is_integer() else item


def pattern_options(size: int) -> Any:
    """How patterns are compiled that take at most so many bytes compiled."""
    return jsonschema_rs.RegexOptions(size_limit=size, dfa_size_limit=1 << 20)


OPTIONS: dict[str, Any] = {
    "validate_formats": True,
    "offline": True,
    "pattern_options": pattern_options(1 << 20),
    "keywords": {"uniqueItems": _UniqueItems},
}
"""How every user's schema is compiled."""

CHOICES = ("anyOf", "oneOf")
"""The keywords of alternatives, of which one has to fit."""

_MAX_PATTERNS = 1_000
"""Patterns of names that are kept compiled."""

MAX_SECONDS = 1.0
"""Of computing for one value: to check it, to read it and to say what is wrong with it."""

Steps = tuple[str | int, ...]


class TooLong(Exception):
    """A value takes too long to check or to read; the message says what to change."""


class _Clock(threading.local):
    ends = float("inf")


_clock = _Clock()


@contextmanager
def in_time() -> Iterator[None]:
    """Whatever asks `hurry` in this block raises TooLong once the thread has computed for MAX_SECONDS."""
    _clock.ends = time.thread_time() + MAX_SECONDS
    try:
        yield
    finally:
        _clock.ends = float("inf")


def hurry() -> None:
    """Go on if there is time left; raises TooLong, inside `in_time`."""
    if time.thread_time() > _clock.ends:
        raise TooLong(
            f"checking this took longer than {MAX_SECONDS:g} s. Send less in one call, or have the schema simplified"
        )


def pointer(*steps: str | int) -> str:
    """A JSON pointer as a URI fragment, `#/properties/name` (RFC 6901)."""
    return "#" + "".join(f"/{str(step).replace('~', '~0').replace('/', '~1')}" for step in steps)


_BESIDE = frozenset({"allOf", "anyOf", "oneOf", "not", "if", "then", "else", "dependentSchemas"})
_OF_ANY = {
    str: [("additionalProperties",), ("unevaluatedProperties",)],
    int: [("items",), ("contains",), ("unevaluatedItems",)],
}


@dataclass(frozen=True)
class Subschema:
    """A schema inside a schema: where it stands, and the pointers of those that stand directly in it.

    `children` are by the steps from this one. `anchors` are the document's: `#name`, and the pointer of the schema
    whose `$anchor` is that name.
    """

    steps: Steps
    schema: Any
    children: Mapping[Steps, str]
    anchors: Mapping[str, str]

    @cached_property
    def reference(self) -> str | None:
        """The pointer that its `$ref` leads to."""
        found = self.schema.get("$ref") if isinstance(self.schema, dict) else None
        if not isinstance(found, str):
            return None
        return self.anchors.get(unquote(found), unquote(found))

    @cached_property
    def leads_to(self) -> list[str]:
        """The pointers of those directly in it, and of what it refers to."""
        return [*self.children.values(), *filter(None, [self.reference])]

    @cached_property
    def beside(self) -> list[str]:
        """The pointers of those that its value may be held against too, in whatever alternative or condition."""
        inside = [at for steps, at in self.children.items() if steps[0] in _BESIDE]
        return [*filter(None, [self.reference]), *inside]

    def below(self, step: str | int) -> Iterator[str]:
        """The pointers of those that a property or an item of its value may be held against."""
        ways: list[Steps] = [("properties" if isinstance(step, str) else "prefixItems", step), *_OF_ANY[type(step)]]
        if isinstance(step, str):
            patterns = self.schema.get("patternProperties", ()) if isinstance(self.schema, dict) else ()
            ways += [("patternProperties", pattern) for pattern in patterns if matches(pattern, step)]
        return (self.children[way] for way in ways if way in self.children)


class Walker(ABC):
    """Goes from a subschema and a value to the subschemas that apply next (JSON Schema 2020-12, Core, 10)."""

    subschemas: Mapping[str, Subschema]

    @abstractmethod
    def fits(self, at: str, value: Any) -> bool:
        """Whether a value fits the subschema at a pointer; who walks within a budget counts here. Asks `hurry`."""

    def beside(self, at: str, schema: Mapping[str, Any], value: Any) -> Iterator[str]:
        """The subschemas that the same value has to fit as well, alternatives left aside."""
        if reference := self.subschemas[at].reference:
            yield reference
        for index in range(len(schema.get("allOf", ()))):
            yield f"{at}/allOf/{index}"
        if "if" in schema:
            branch = f"{at}/then" if self.fits(f"{at}/if", value) else f"{at}/else"
            if branch in self.subschemas:
                yield branch
        for name in schema.get("dependentSchemas", ()):
            if isinstance(value, dict) and name in value:
                yield at + pointer("dependentSchemas", name)[1:]

    def options(self, at: str, schema: Mapping[str, Any], keyword: str) -> list[str]:
        """The alternatives of a keyword of `CHOICES`."""
        return [f"{at}/{keyword}/{index}" for index in range(len(schema.get(keyword, ())))]

    def member(self, at: str, schema: Mapping[str, Any], name: str) -> list[str]:
        """The subschemas of a property of an object."""
        found = [at + pointer("properties", name)[1:]] if name in schema.get("properties", ()) else []
        if "patternProperties" in schema:
            hurry()
        for pattern in schema.get("patternProperties", ()):
            if matches(pattern, name):
                found.append(at + pointer("patternProperties", pattern)[1:])
        return found or ([f"{at}/additionalProperties"] if "additionalProperties" in schema else [])

    def item(self, at: str, schema: Mapping[str, Any], index: int) -> list[str]:
        """The subschema of an item of a list, if there is one."""
        if index < len(schema.get("prefixItems", ())):
            return [f"{at}/prefixItems/{index}"]
        return [f"{at}/items"] if "items" in schema else []


def matches(pattern: str, name: str) -> bool:
    """Whether the name of a property matches a pattern of `patternProperties`."""
    return bool(_pattern(pattern).is_valid(name))


@lru_cache(_MAX_PATTERNS)
def _pattern(pattern: str) -> Any:
    return jsonschema_rs.Draft202012Validator({"pattern": pattern}, **OPTIONS)


def nodes_of(value: Any, most: int) -> int:
    """How many values a JSON value holds, itself among them; stops counting beyond so many."""
    count, pending = 0, [value]
    while pending and count <= most:
        item = pending.pop()
        count += 1
        if isinstance(item, dict | list):
            pending += item.values() if isinstance(item, dict) else item
    return count
