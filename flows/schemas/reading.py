"""How a flow reads a value that was sent: what a schema leaves to the writer is settled once, at the door.

JSON knows one kind of number, so a client may write an integer as `5.0` or `1e3` (JSON Schema 2020-12, Validation,
6.1.1 counts both as integers); frameworks send null for each property that the model left out; and a schema promises
defaults at every depth. Nodes, other systems and code behind the door see one form: integers, nothing in place of such
a null, and the defaults.
"""

from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from functools import cached_property
from types import NoneType
from typing import Any

from flows.schemas.subschemas import CHOICES, Subschema, TooLong, Walker, hurry, nodes_of

MAX_DEPTH = 64
"""Levels of a value that are looked into; what lies deeper stays as it was sent."""

MAX_FILLED = 1_000
"""Defaults that one value is given: a schema that refers to itself could fill in for ever."""

MAX_TRIALS = 2_000
"""Alternatives that are tried without their nulls: those inside alternatives would be tried without end."""

MAX_FILLED_VALUES = 50_000
"""Values in all of those defaults."""

_MAX_REMEMBERED = 1_000
"""Combinations of subschemas for which a reader remembers what they say together."""
PLAIN = frozenset({str, int, bool, NoneType})

Places = tuple[str, ...]
"""The pointers of the subschemas that one value has to fit."""


@dataclass(slots=True)
class _Rules:
    """What subschemas say together: their objects by pointer, and lists of alternatives, of which one has to fit."""

    schemas: dict[str, dict[str, Any]]
    choices: list[list[str]]
    is_fixed: bool
    """The same for every value."""
    members: dict[str, Places] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Reader(Walker):
    """Reads values by one schema; `is_valid` says whether a value fits the subschema at a pointer of `subschemas`."""

    subschemas: Mapping[str, Subschema]
    is_valid: Callable[[str, Any], bool]
    _remembered: dict[Places, _Rules] = field(default_factory=dict, init=False)
    _nullable: dict[str, bool] = field(default_factory=dict, init=False)

    def fits(self, at: str, value: Any) -> bool:
        """Whether a value fits the subschema at a pointer."""
        hurry()
        return self.is_valid(at, value)

    @cached_property
    def names(self) -> frozenset[str]:
        """The properties that any subschema knows: an object with all of them is given no default itself."""
        schemas = (found.schema for found in self.subschemas.values() if isinstance(found.schema, dict))
        return frozenset(name for schema in schemas for name in schema.get("properties", ()))

    def read(self, value: Any) -> Any:
        """A value that fits, with integers as integers and defaults in place of what was left out.

        A number stays as it was sent where the schema takes any number. Of alternatives the first that fits counts;
        it gives defaults only where no other fits. The value itself is not changed. Raises TooLong.
        """
        return _Filler(self).read(("#",), value, 0)

    def without_nulls(self, value: Any) -> Any:
        """A value without the nulls that stand at optional properties which do not take null, at every depth.

        Raises TooLong.
        """
        return _NullFinder(self).strip(("#",), value, 0)

    @cached_property
    def telling(self) -> frozenset[str]:
        """The pointers of the subschemas under which there is an integer or a default: no other part is looked at."""
        users: dict[str, list[str]] = {}
        for at, found in self.subschemas.items():
            for used in found.leads_to:
                users.setdefault(used, []).append(at)
        todo = [at for at, found in self.subschemas.items() if _is_integer(found.schema) or _has_default(found.schema)]
        telling = set(todo)
        while todo:
            new = set(users.get(todo.pop(), ())) - telling
            telling |= new
            todo += new
        return frozenset(telling)

    def rules(self, places: Places, value: Any) -> _Rules:
        """What the subschemas say of a value: they, what they refer to, and what holds for it by a condition."""
        if (known := self._remembered.get(places)) is not None:
            return known
        rules = _Rules({}, [], is_fixed=True)
        todo = list(places)
        while todo:
            at = todo.pop()
            schema = self.subschemas[at].schema
            if at in rules.schemas or not isinstance(schema, dict):
                continue
            rules.schemas[at] = schema
            rules.is_fixed &= "if" not in schema and "dependentSchemas" not in schema
            todo += self.beside(at, schema, value)
            rules.choices += [self.options(at, schema, keyword) for keyword in CHOICES if keyword in schema]
        if rules.is_fixed and len(self._remembered) < _MAX_REMEMBERED:
            self._remembered[places] = rules
        return rules

    def members(self, rules: _Rules, name: str) -> Places:
        """The subschemas of a property of an object to which these rules apply."""
        if (known := rules.members.get(name)) is not None:
            return known
        places = tuple(where for at, schema in rules.schemas.items() for where in self.member(at, schema, name))
        if any(name in schema.get("properties", ()) for schema in rules.schemas.values()):
            rules.members[name] = places
        return places

    def items(self, rules: _Rules, index: int) -> Places:
        """The subschemas of an item of a list to which these rules apply."""
        return tuple(where for at, schema in rules.schemas.items() for where in self.item(at, schema, index))

    def takes_null(self, at: str) -> bool:
        """Whether null is a value here; also where nothing may stand, which is to be refused by its name."""
        if at not in self._nullable:
            self._nullable[at] = self.subschemas[at].schema is False or self.fits(at, None)
        return self._nullable[at]

    def is_whole(self, places: Iterable[str], value: float, depth: int = 0) -> bool:
        """Whether the subschemas take this number as an integer, and not just as a number."""
        rules = self.rules(tuple(places), value)
        if any(map(_is_integer, rules.schemas.values())):
            return True
        for options in rules.choices if depth < MAX_DEPTH else ():
            fitting = [option for option in options if self.fits(option, value)]
            if fitting and all(self.is_whole((option,), value, depth + 1) for option in fitting):
                return True
        return False

    def default(self, places: Places) -> list[Any]:
        """The default of a property in a list of one; empty when there is none. Its own comes before a reference's."""
        schemas = self.rules(places, None).schemas.values()
        return next(([schema["default"]] for schema in schemas if _has_default(schema)), [])


@dataclass(slots=True)
class _Filler:
    reader: Reader
    left: int = MAX_FILLED
    values_left: int = MAX_FILLED_VALUES

    def read(self, places: Places, value: Any, depth: int) -> Any:
        reader = self.reader
        if type(value) in PLAIN or depth > MAX_DEPTH or reader.telling.isdisjoint(places):
            return value
        if isinstance(value, float):
            return int(value) if value.is_integer() and reader.is_whole(places, value) else value
        rules = [(reader.rules(places, value), True)]
        for found, must in rules:  # grows meanwhile
            for options in found.choices if len(rules) < MAX_DEPTH else ():
                fitting = [option for option in options if reader.fits(option, value)]
                rules += [(reader.rules((option,), value), must and len(fitting) == 1) for option in fitting[:1]]
        whole = (
            rules[0][0]
            if len(rules) == 1
            else _Rules({k: v for each, _ in rules for k, v in each.schemas.items()}, [], is_fixed=False)
        )
        if isinstance(value, list):
            return [
                child if type(child) in PLAIN else self.read(reader.items(whole, index), child, depth + 1)
                for index, child in enumerate(value)
            ]
        read = {
            name: child if type(child) in PLAIN else self.read(reader.members(whole, name), child, depth + 1)
            for name, child in value.items()
        }
        for schema in (schema for found, must in rules if must for schema in found.schemas.values()):
            for name in schema.get("properties", ()):
                members = () if name in read else reader.members(whole, name)
                if members and (default := reader.default(members)) and self.left > 0:
                    self.left -= 1
                    self.values_left -= nodes_of(default[0], MAX_FILLED_VALUES)
                    if self.values_left < 0:
                        raise TooLong(
                            f"filling in what was left out would add more than {MAX_FILLED_VALUES:,} values. "
                            "Send less in one call, or have the defaults of the schema shortened"
                        )
                    read[name] = self.read(members, deepcopy(default[0]), depth + 1)
        return read


@dataclass(slots=True)
class _NullFinder:
    reader: Reader
    left: int = MAX_TRIALS

    def strip(self, places: Places, value: Any, depth: int) -> Any:
        if not places or not isinstance(value, dict | list) or depth > MAX_DEPTH:
            return value
        reader = self.reader
        rules = reader.rules(places, value)
        if isinstance(value, list):
            value = [self.strip(reader.items(rules, index), child, depth + 1) for index, child in enumerate(value)]
        else:
            required = {name for schema in rules.schemas.values() for name in schema.get("required", ())}
            kept = {}
            for name, child in value.items():
                members = reader.members(rules, name)
                if child is not None or name in required or all(map(reader.takes_null, members)):
                    kept[name] = self.strip(members, child, depth + 1)
            value = kept
        # Which alternative is meant shows only once the nulls are gone.
        for options in rules.choices:
            if self.left > 0 and not any(reader.fits(option, value) for option in options):
                self.left -= len(options)
                trials = ((option, self.strip((option,), value, depth + 1)) for option in options)
                value = next((trial for option, trial in trials if reader.fits(option, trial)), value)
        return value


def _is_integer(schema: Any) -> bool:
    found = schema.get("type") if isinstance(schema, dict) else None
    return found == "integer" or (isinstance(found, list) and "integer" in found and "number" not in found)


def _has_default(schema: Any) -> bool:
    return isinstance(schema, dict) and "default" in schema
