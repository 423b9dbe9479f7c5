"""What is known of a JSON value before it exists: JSON Schemas, followed along a path without a value at hand.

A shape is a JSON Schema, or True for a value of which nothing is known. What a schema leaves open counts as there: only
what it excludes is absent. `Within` binds a schema to the document that its references lead into, so that a part of one
schema can stand inside another. Keywords that say nothing about keys (`if`, `not`, ...) are left out of account.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

Shape = Any

UNKNOWN: Shape = True

_MAX_DEPTH = 32
"""Levels to which the shape of an output is worked out."""
_BUDGET = 2_000
_TYPES: Mapping[type, str] = {
    type(None): "null",
    bool: "boolean",
    int: "integer",
    float: "number",
    str: "string",
    list: "array",
    dict: "object",
}


@dataclass(frozen=True, slots=True)
class Within:
    """A schema, and the document in which its references are looked up."""

    schema: Any
    document: Any


@dataclass(frozen=True, slots=True)
class Absent:
    """A step that a shape excludes: the keys that there are, or None where there is no object but `what`, in words."""

    names: tuple[str, ...] | None = None
    what: str = ""


_SAID: Mapping[str, str] = {
    "array": "a list",
    "boolean": "a boolean",
    "integer": "a number",
    "number": "a number",
    "string": "text",
}


def closed(properties: Mapping[str, Shape]) -> Shape:
    """The shape of an object that has these keys and no others."""
    return {"type": "object", "properties": dict(properties), "additionalProperties": False}


def type_of(value: Any) -> str:
    """The JSON type of a value, as JSON Schema names it."""
    return _TYPES.get(type(value), "string")


def enter(shape: Shape, step: str | int) -> Shape | Absent:
    """The shape of a member of a value; Absent when the value cannot have it."""
    return _Search().enter(shape, step, None, 0)


def may_lack(shape: Shape, step: str | int) -> bool:
    """Whether a shape names this key, and a value of that shape need not have it, nor gets a default for it."""
    search = _Search()
    parts = list(search.parts(shape, None, 0))
    named = [inside for part in parts if (inside := part.schema.get("properties", {}).get(step)) is not None]
    if not named or any(step in part.schema.get("required", ()) for part in parts):
        return False
    document = next(part.document for part in parts if part.schema.get("properties", {}).get(step) is not None)
    return not any("default" in part.schema for inside in named for part in search.parts(inside, document, 0))


def types(shape: Shape) -> list[str]:
    """The JSON types that a value of that shape may have, each once; empty when nothing is known."""
    return _Search().types(shape, None, 0)


def members(shape: Shape) -> dict[str | int, Shape]:
    """The members that a shape names: its properties, and 0 for the items of a list."""
    found: dict[str | int, Shape] = {}
    for part in _Search().parts(shape, None, 0):
        names: list[str | int] = list(part.schema.get("properties", ()))
        names += [0] if {"items", "prefixItems"} & part.schema.keys() else []
        for name in names:
            inside = _own(part, name)
            if not isinstance(inside, Absent):
                found.setdefault(name, inside)
    return found


class _Search:
    """Follows references and alternatives; what would take too long to decide counts as unknown."""

    def __init__(self) -> None:
        self.budget = _BUDGET

    def _unfold(self, shape: Shape, document: Any, depth: int) -> Within | None:
        """The schema itself, what it refers to added; None when nothing is known of it."""
        self.budget -= 1
        if isinstance(shape, Within):
            shape, document = shape.schema, shape.document
        if not isinstance(shape, dict) or self.budget < 0 or depth > _MAX_DEPTH:
            return None
        document = shape if document is None else document
        if isinstance(reference := shape.get("$ref"), str):
            rest = {name: value for name, value in shape.items() if name != "$ref"}
            try:
                target = pointed_at(reference, document)
            except KeyError:
                target = UNKNOWN
            shape = rest | {"allOf": [*rest.get("allOf", []), target]}
        return Within(shape, document)

    def parts(self, shape: Shape, document: Any, depth: int) -> Iterator[Within]:
        """The schema and all that it is made of."""
        if part := self._unfold(shape, document, depth):
            yield part
            for name in ("allOf", "anyOf", "oneOf"):
                for child in part.schema.get(name, ()):
                    yield from self.parts(child, part.document, depth + 1)

    def types(self, shape: Shape, document: Any, depth: int) -> list[str]:
        part = self._unfold(shape, document, depth)
        if part is None:
            return []
        schema, given = part.schema, part.schema.get("type", [])
        names = [given] if isinstance(given, str) else list(given)
        values = [schema["const"]] if "const" in schema else schema.get("enum", ())
        names = names or [type_of(value) for value in values]
        for child in schema.get("allOf", ()):
            names = names or self.types(child, part.document, depth + 1)
        for keyword in ("anyOf", "oneOf"):
            options = [self.types(child, part.document, depth + 1) for child in schema.get(keyword, ())]
            names = names or ([name for option in options for name in option] if all(options) else [])
        return list(dict.fromkeys(names))

    def enter(self, shape: Shape, step: str | int, document: Any, depth: int) -> Shape | Absent:
        if shape is False or (isinstance(shape, Within) and shape.schema is False):
            return Absent()
        part = self._unfold(shape, document, depth)
        if part is None:
            return UNKNOWN
        found = [_own(part, step)]
        found += [self.enter(each, step, part.document, depth + 1) for each in part.schema.get("allOf", [])]
        found += [self._any(part, part.schema[name], step, depth) for name in ("anyOf", "oneOf") if name in part.schema]
        absent = [each for each in found if isinstance(each, Absent)]
        return absent[0] if absent else next((each for each in found if each is not UNKNOWN), UNKNOWN)

    def _any(self, part: Within, options: list[Any], step: str | int, depth: int) -> Shape | Absent:
        found = [self.enter(option, step, part.document, depth + 1) for option in options]
        there = [each for each in found if not isinstance(each, Absent)]
        if there:
            return UNKNOWN if any(each is UNKNOWN for each in there) else {"anyOf": there}
        names = [each.names for each in found if isinstance(each, Absent) and each.names is not None]
        return Absent(tuple(dict.fromkeys(name for each in names for name in each))) if names else found[0]


def _own(part: Within, step: str | int) -> Shape | Absent:
    """What a schema's own keywords say of a member."""
    schema, given = part.schema, part.schema.get("type")
    allowed = {given} if isinstance(given, str) else set(given or ("object", "array"))
    if isinstance(step, int) and "array" in allowed:
        prefix = schema.get("prefixItems", [])
        item = prefix[step] if step < len(prefix) else schema.get("items", True)
        return Absent(what=_SAID["array"]) if item is False and "object" not in allowed else _known(item, part)
    if "object" not in allowed:
        return Absent(what=" or ".join(dict.fromkeys(_SAID.get(name, name) for name in sorted(allowed))))
    properties = schema.get("properties", {})
    if str(step) in properties:
        return _known(properties[str(step)], part)
    extra = schema.get("additionalProperties", True)
    if extra is False and not schema.get("patternProperties"):
        return _no_key(schema)
    return _known(extra, part) if not schema.get("patternProperties") else UNKNOWN


def _known(schema: Any, part: Within) -> Shape | Absent:
    if schema is False:
        return _no_key(part.schema)
    if isinstance(schema, Within):
        return schema
    return Within(schema, part.document) if isinstance(schema, dict) and schema else UNKNOWN


def _no_key(schema: Mapping[str, Any]) -> Absent:
    return Absent(tuple(name for name, child in schema.get("properties", {}).items() if child is not False))


def pointed_at(reference: str, document: Any) -> Any:
    """What a reference like `#/$defs/name` leads to in a document (RFC 6901); raises KeyError when it leads nowhere."""
    if not reference.startswith("#"):
        raise KeyError(reference)
    found = document
    for step in filter(None, unquote(reference[1:]).split("/")):
        name = step.replace("~1", "/").replace("~0", "~")
        if isinstance(found, list) and name.isdecimal() and int(name) < len(found):
            found = found[int(name)]
        elif isinstance(found, dict) and name in found:
            found = found[name]
        else:
            raise KeyError(reference)
    return found
