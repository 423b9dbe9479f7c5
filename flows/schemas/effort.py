"""What it takes to check a value by a schema, known before it is done.

The library that validates holds the GIL until it is done, so a check that is long cannot be stopped, only not begun. A
step is about 0.1 µs; where a check depends on luck, as with patterns and alternatives, the worst is counted.
"""

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any

import jsonschema_rs

from flows.schemas.subschemas import OPTIONS, Subschema, nodes_of, pattern_options

MAX_STEPS = 2_000_000
"""Of one check: a quarter of a second, about."""

LONG_STEPS = 50_000
"""Of a check from which on it is not for the event loop."""

MAX_MET = 100_000
"""Subschemas that are met while it is worked out what the values of one schema take: half a second, about, once.

One value may be held against any subset of what refers to itself, so there can be more subsets than values are sent.
"""

READ_STEPS = 15.0
"""Of reading a value once it is checked, or of saying what is wrong with it."""

_CHARACTERS = 8
"""Of a text that count as much as one value."""
_STRAIGHT = re.compile(r"\^(?:(?:[^*+?|({\\]|\\[pP]\{\w+\}|\\.)(?:\{\d+\}|\?)?)*(?:[*+]|\{\d+,\d*\})?\$?")
"""Patterns without a choice but of what may be left out, and of how often the last comes: `^https?://.{1,200}$`.

Wherever such a one stands in a text, it is in as many states as it may leave out, and one.
"""
_KINDS = {
    **dict.fromkeys(("patternProperties", "additionalProperties", "unevaluatedProperties"), "members"),
    **dict.fromkeys(("items", "contains", "unevaluatedItems"), "items"),
    "propertyNames": "names",
}
_NUMBERS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
_MANY = ("properties", "dependentRequired", "dependentSchemas", "dependencies")
_WORD = 64  # bits
_INFINITE = (math.inf, -math.inf)
_CONTAINERS = (dict, list)
_VISIT, _UNIQUE, _COMPARED, _MATCHED = 0.5, 10.0, 1.0, 0.3
# What stands beside `unevaluated…` is checked again to know what it has evaluated, and in each of them once more.
_AGAIN = 3

Places = tuple[tuple[str, int], ...]
"""The pointers of the subschemas that one value is held against, and how often."""


@dataclass(slots=True)
class Effort:
    """What one value takes: in any case, for each character, child (property or item) and character of a key.

    `below` are the subschemas of its properties and items by their names and indices, `members`, `items` and `names`
    those of any.
    """

    fixed: float = 0.0
    character: float = 0.0
    child: float = 0.0
    key_character: float = 0.0
    unique: float = 0.0
    below: dict[str | int, dict[str, int]] = field(default_factory=dict)
    members: dict[str, int] = field(default_factory=dict)
    items: dict[str, int] = field(default_factory=dict)
    names: dict[str, int] = field(default_factory=dict)
    known: dict[str | int, Places] = field(default_factory=dict)

    def places(self, step: str | int) -> Places:
        """The subschemas of a property or an item."""
        key = step if step in self.below else "" if isinstance(step, str) else -1
        if (found := self.known.get(key)) is None:
            together = dict(self.members if isinstance(step, str) else self.items)
            for at, times in self.below.get(key, {}).items():
                together[at] = together.get(at, 0) + times
            found = self.known[key] = tuple(sorted(together.items()))
        return found

    def held(self, children: Iterable[tuple[str | int, Any]]) -> Iterator[tuple[Places, Any]]:
        """Of properties or items those that subschemas say something of, with these."""
        return ((places, child) for step, child in children if (places := self.places(step)))


@dataclass(eq=False)
class Efforts:
    """What values take by one schema; `subschemas` are by pointer."""

    subschemas: Mapping[str, Subschema]
    _known: dict[Places, Effort] = field(default_factory=dict, init=False)
    _own: dict[str, Effort] = field(default_factory=dict, init=False)
    _met: int = field(default=0, init=False)

    def left(self, value: Any, most: float, least: float = 0.0) -> float:
        """How many of `most` steps are left when a value has been checked, by how large it is and no less than `least`
        for each of its values.

        That many are certain. Below zero it may still take less, or a number is infinite.
        """
        left, character = most, self.total / _CHARACTERS
        each = max(self.total, least)
        pending = [value]
        while pending and left >= 0:
            item = pending.pop()
            left -= each
            if isinstance(item, str):
                left -= character * len(item)
            elif isinstance(item, _CONTAINERS):
                if each * len(item) > left:
                    return -1.0
                if isinstance(item, dict):
                    left -= character * sum(map(len, map(str, item)))
                pending += item.values() if isinstance(item, dict) else item
            elif isinstance(item, int) and item.bit_length() > _WORD:
                left -= self.total * _digits(item)
            elif item in _INFINITE:
                return -1.0
        return left

    def steps(self, value: Any) -> float:
        """How many steps it takes at most to check a value; stops counting beyond MAX_STEPS."""
        taken = 0.0
        pending: list[tuple[Places, Any]] = [((("#", 1),), value)]
        while pending and taken <= MAX_STEPS:
            places, item = pending.pop()
            if (effort := self._known.get(places)) is None:
                if self._met > MAX_MET:
                    taken = MAX_STEPS - self.left(item, MAX_STEPS - taken)
                    continue
                effort = self.of(places)
                taken += effort.fixed
            taken += effort.fixed
            if effort.unique:
                taken += effort.unique * nodes_of(item, MAX_STEPS)
            if isinstance(item, str):
                taken += effort.character * len(item)
            elif isinstance(item, int):
                taken += effort.fixed * _digits(item)
            elif isinstance(item, dict):
                taken += effort.child * len(item)
                if effort.key_character:
                    taken += effort.key_character * sum(map(len, map(str, item)))
                pending += effort.held(item.items() if effort.members or effort.below else ())
            elif isinstance(item, list):
                pending += effort.held(enumerate(item) if effort.items or effort.below else ())
        return taken

    def of(self, places: Places) -> Effort:
        """What a value takes that is held against all of these."""
        found, todo, seen = Effort(), list(places), set()
        while todo:
            at, times = todo.pop()
            self._met += 1
            sub = self.subschemas[at]
            if at in self._recursive:
                # The library remembers how a value fits a schema that leads to itself.
                if at in seen:
                    continue
                seen.add(at)
                times = 1
            if not isinstance(sub.schema, dict):
                continue
            own = self.own(at)
            found.fixed += times * own.fixed
            found.character += times * own.character
            found.child += times * own.child
            found.key_character += times * own.key_character
            found.unique += times * own.unique
            for mine, other in ((found.members, own.members), (found.items, own.items), (found.names, own.names)):
                for where in other:
                    mine[where] = mine.get(where, 0) + times
            for step, where_in in own.below.items():
                there = found.below.setdefault(step, {})
                for where in where_in:
                    there[where] = there.get(where, 0) + times
            todo += ((where, times * again) for where, again in self._beside(at))
        if found.names:
            name = self.of(tuple(sorted(found.names.items())))
            found.child += name.fixed
            found.key_character += name.character
        self._known[places] = found
        return found

    def own(self, at: str) -> Effort:
        """What a value takes by one subschema alone, without those inside it and what it refers to."""
        if (found := self._own.get(at)) is not None:
            return found
        sub = self.subschemas[at]
        schema = sub.schema if isinstance(sub.schema, dict) else {}
        found = self._own[at] = _assertions(schema)
        for (keyword, *step), where in sub.children.items():
            if self.subschemas[where].schema in (True, False, {}):
                continue
            if keyword in ("properties", "prefixItems"):
                found.below[step[0]] = {where: 1}
            elif (kind := _KINDS.get(str(keyword))) is not None:
                getattr(found, kind)[where] = 1
        return found

    def _beside(self, at: str) -> Iterator[tuple[str, int]]:
        sub = self.subschemas[at]
        is_again = "unevaluatedProperties" in sub.schema or "unevaluatedItems" in sub.schema
        return ((where, _AGAIN if is_again else 1) for where in sub.beside)

    @cached_property
    def _recursive(self) -> frozenset[str]:
        """What is referred to from inside itself."""
        found, reached = set(), dict[str, set[str]]()
        for at, sub in self.subschemas.items():
            if (target := sub.reference) is None:
                continue
            if target not in reached:
                reached[target], todo = {target}, [target]
                while todo:
                    new = set(self.subschemas[todo.pop()].leads_to) - reached[target]
                    reached[target] |= new
                    todo += new
            if at in reached[target]:
                found.add(target)
        return frozenset(found)

    @cached_property
    def total(self) -> float:
        """Steps that a value, or as much text, takes at most, wherever it stands."""
        sizes: dict[str, float] = {}
        pending = [("#", False)]
        while pending:
            at, is_ready = pending.pop()
            sub = self.subschemas[at]
            if not isinstance(sub.schema, dict):
                sizes[at] = 0.0
                continue
            if is_ready:
                own, beside = self.own(at), dict(self._beside(at))
                sizes[at] = own.fixed + own.child + own.unique + _CHARACTERS * (own.character + own.key_character)
                for where in sub.leads_to:
                    sizes[at] += sizes[where] * beside.get(where, 1)
            elif at not in sizes:
                sizes[at] = 0.0
                pending += [(at, True), *((where, False) for where in sub.leads_to)]
        return sizes["#"]


def infinite(value: Any) -> Iterator[tuple[str | int, ...]]:
    """Where in a value there are numbers beyond all doubles, as JSON may write them: 1e999 is read as infinity."""
    pending: list[tuple[tuple[str | int, ...], Any]] = [((), value)]
    while pending:
        steps, item = pending.pop()
        if isinstance(item, float) and item in _INFINITE:
            yield steps
        elif isinstance(item, dict | list):
            members = item.items() if isinstance(item, dict) else enumerate(item)
            pending += [((*steps, step), child) for step, child in members if isinstance(child, dict | list | float)]


def _assertions(schema: Mapping[str, Any]) -> Effort:
    """What a value takes by the keywords of a schema that hold no schemas."""
    found = Effort(_VISIT if schema else 0.0)
    for keyword in (*_NUMBERS, "const"):
        found.fixed += _COMPARED * nodes_of(schema[keyword], MAX_STEPS) if keyword in schema else 0
    if "multipleOf" in schema:
        found.fixed += 10 if 1e-9 < schema["multipleOf"] < 1e9 else 200
    if len(set(map(type, options := schema.get("enum", [])))) > 1 or not isinstance((*options, "")[0], str | int):
        found.fixed += _COMPARED * nodes_of(options, MAX_STEPS)
    found.fixed += sum(len(many) for keyword in _MANY if isinstance(many := schema.get(keyword), dict)) / 4
    found.unique = _UNIQUE if schema.get("uniqueItems") is True else 0.0
    found.character = 0.02 * ("minLength" in schema or "maxLength" in schema) + 0.15 * ("format" in schema)
    if isinstance(pattern := schema.get("pattern"), str):
        found.fixed += 1
        found.character += pattern_effort(pattern)
    for pattern in schema.get("patternProperties", ()):
        found.child += _MATCHED
        found.key_character += pattern_effort(pattern)
    return found


def _digits(number: int) -> float:
    """What a long whole number takes beside others: its digits are worked out for each comparison."""
    return (number.bit_length() / _WORD) ** 2 / 16 if number.bit_length() > _WORD else 0.0


@lru_cache(2_000)
def pattern_effort(pattern: str) -> float:
    """Steps that a pattern takes at most for each character: as many as it has states, when luck is bad."""
    if _STRAIGHT.fullmatch(pattern):
        return 0.05 * (1 + pattern.count("?"))
    for exponent in range(8, 20):
        try:
            jsonschema_rs.Draft202012Validator(
                {"pattern": pattern}, **OPTIONS | {"pattern_options": pattern_options(1 << exponent)}
            )
        except (jsonschema_rs.ValidationError, ValueError):
            continue
        return (1 << exponent) / 6_000
    return (1 << 20) / 6_000
