"""Schemas of what is sent, as schemas of tools: JSON Schema 2020-12, whole, without references.

References are written out, because many clients follow none. What describes no value (`example`, `xml`, `x-...`) is
left out. A schema that holds itself is cut where it comes round again, with a note; so is one that is larger than
tools may have, where it is deepest.

A schema takes what the document says that the other system takes, with these differences:

- `oneOf` is `anyOf`: documents write it where alternatives overlap too, as a base beside what extends it. Where a
  `discriminator` with a mapping tells them apart, each says its value as `const`.
- Members of an `allOf` are one object where they say nothing different of the same thing. One that takes no other
  properties means those of all members, and one that a `discriminator` extends takes those of what extends it.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from flows.engine.registry import json_path, short
from flows.schemas.compiled import MAX_DEPTH, SchemaError, check_tool_input_schema, compile_schema
from flows.schemas.keywords import MAP, inside, rewritten
from flows.schemas.subschemas import Steps
from flows.transfer.openapi.document import Document, Unusable
from flows.transfer.openapi.words import MAX_PARAMETER_WORDS, plain

MAX_SCHEMAS = 20_000
"""Schemas that one operation may have when every reference is written out."""

_KEPT = frozenset(
    {
        *("title", "description", "default", "deprecated", "writeOnly", "type", "enum", "const", "format"),
        *("multipleOf", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "minLength", "maxLength"),
        *("pattern", "minItems", "maxItems", "uniqueItems", "minProperties", "maxProperties", "required"),
        *("dependentRequired", "minContains", "maxContains", "contentEncoding", "contentMediaType"),
    }
)
_NOT_TAKEN = frozenset({"$defs", "definitions", "contentSchema", "unevaluatedItems", "unevaluatedProperties"})
"""Keywords that hold schemas and are left out.

Definitions are needed no more where references are written out, and `contentSchema` checks nothing. What counts as
evaluated changes when a reference is written out, so `unevaluated...` would refuse what the other system takes; that
system still refuses it.
"""

_WORDS = frozenset({"title", "description", "default", "deprecated"})


_ALL_LEVELS = 2**31
"""Of references in one another."""
_FEWER_LEVELS = 6
"""Where there is no room for all."""


class _TooMany(Unusable):
    """More schemas than there is room for."""


class _Known(NamedTuple):
    """What a reference leads to, converted: how many schemas that are, what it notes, and what references it meets."""

    schema: Any
    size: int
    notes: tuple[str, ...]
    met: frozenset[str]


class Converter:
    """Writes schemas out; `note` is told what was left out."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self._known: dict[str, _Known] = {}
        self._met: set[str] = set()
        self.begin()

    def begin(self) -> None:
        """An operation begins: it has room of its own."""
        self.spent, self._left, self._levels = 0, MAX_SCHEMAS, _ALL_LEVELS

    def convert(self, schema: Any, note: Callable[[str], None]) -> Any:
        """The schema for what is sent, with no default that it refuses itself; raises Unusable."""
        whole = _with_any_of(self._converted(schema, note))
        _drop_unfit_defaults(whole, note)
        return whole

    def _converted(self, schema: Any, note: Callable[[str], None]) -> Any:
        """The schema, with references followed to as many levels as the operation has room for."""
        while True:
            left, notes = self._left, list[str]()
            try:
                whole = self._convert(schema, notes.append, ())
            except _TooMany:
                self.spent += MAX_SCHEMAS
                if self._levels == 1:
                    raise
                self._left, self._levels = MAX_SCHEMAS, min(self._levels - 1, _FEWER_LEVELS)
                continue
            self.spent += left - self._left
            for each in dict.fromkeys(notes):
                note(each)
            return whole

    def _convert(self, schema: Any, note: Callable[[str], None], trail: tuple[str, ...]) -> Any:
        self._left -= 1
        if self._left < 0:
            raise _TooMany(f"its schemas are more than {MAX_SCHEMAS:,} when references are written out")
        if isinstance(schema, bool):
            return {} if schema else False
        if not isinstance(schema, dict):
            raise Unusable("a schema is an object")
        if "$ref" in schema:
            return self._referred(schema, note, trail)
        found = {name: value for name, value in schema.items() if name in _KEPT}
        taken = {name: value for name, value in schema.items() if name not in _NOT_TAKEN}
        found |= rewritten(taken, lambda child: self._convert(child, note, trail))
        self._without_read_only(schema, found)
        _check_pattern(found, note)
        if "description" in found:
            found["description"] = plain(found["description"], MAX_PARAMETER_WORDS)
        raw = schema.get("properties")
        given = raw if isinstance(raw, dict) else {}
        examples = {name: each.get("example") for name, each in given.items() if isinstance(each, dict)}
        describe(found.get("properties", {}), examples)
        if "discriminator" in schema and found.get("additionalProperties") is False:
            del found["additionalProperties"]
        _tell_apart(schema, found)
        return _alternatives(_modern(schema, _together(found)))

    def _referred(self, schema: dict[str, Any], note: Callable[[str], None], trail: tuple[str, ...]) -> Any:
        reference = schema["$ref"]
        if reference in trail:
            note(f"{str(reference).rpartition('/')[2]} holds itself; inside itself any value is taken")
            self._met.add(reference)
            return {}
        if len(trail) >= self._levels:
            name = str(reference).rpartition("/")[2]
            note(f"of {name} any value is taken: the schemas are more than {MAX_SCHEMAS:,} when all are written out")
            return {}
        whole = self._behind(reference, note, trail)
        beside = {name: value for name, value in schema.items() if name != "$ref"}
        words = {name: value for name, value in beside.items() if name in _WORDS}
        rest = {} if self.document.is_30 else {name: each for name, each in beside.items() if name not in _WORDS}
        if rest and (more := self._convert(rest, note, trail)):
            return _together({"allOf": [whole, more]} | words)
        return whole | words if isinstance(whole, dict) else whole

    def _behind(self, reference: Any, note: Callable[[str], None], trail: tuple[str, ...]) -> Any:
        """What a reference leads to; what it comes to is the same wherever it meets nothing that it stands in."""
        target = self.document.target(reference)
        known = self._known.get(reference)
        if known is None or self._levels != _ALL_LEVELS or not known.met.isdisjoint(trail):
            outer, left, notes = self._met, self._left, list[str]()
            self._met = {reference}
            whole = self._convert(target, notes.append, (*trail, reference))
            known = _Known(whole, left - self._left, tuple(dict.fromkeys(notes)), frozenset(self._met))
            if self._levels == _ALL_LEVELS and known.met.isdisjoint(trail):
                self._known[reference] = known
            self._met = outer | known.met
        else:
            self._met |= known.met
            self._left -= known.size
            if self._left < 0:
                raise _TooMany(f"its schemas are more than {MAX_SCHEMAS:,} when references are written out")
        for each in known.notes:
            note(each)
        return _copied(known.schema)

    def _without_read_only(self, schema: dict[str, Any], found: dict[str, Any]) -> None:
        """What only answers hold is not asked for."""
        properties = schema.get("properties")
        if not isinstance(properties, dict):
            return
        given = {name for name, child in properties.items() if isinstance(child, dict) and self._is_read_only(child)}
        found["properties"] = {name: child for name, child in found["properties"].items() if name not in given}
        if isinstance(schema.get("required"), list):
            found["required"] = [name for name in schema["required"] if name not in given]

    def _is_read_only(self, schema: dict[str, Any]) -> bool:
        return self.document.object(schema).get("readOnly") is True or schema.get("readOnly") is True


def _copied(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _copied(each) for name, each in value.items()}
    return [_copied(each) for each in value] if isinstance(value, list) else value


def _tell_apart(schema: dict[str, Any], found: dict[str, Any]) -> None:
    """Have each alternative say by which value of the discriminating property it is meant."""
    rule = schema.get("discriminator")
    name = rule.get("propertyName") if isinstance(rule, dict) else None
    mapping = rule.get("mapping") if isinstance(rule, dict) else None
    if not isinstance(name, str) or not isinstance(mapping, dict):
        return
    values: dict[str, list[str]] = {}
    for value, target in mapping.items():
        values.setdefault(str(target).rpartition("/")[2], []).append(value)  # a reference, or a name (OAS 3.1 4.8.25)
    for keyword in ("oneOf", "anyOf"):
        for raw, option in zip(schema.get(keyword) or (), found.get(keyword, ()), strict=False):
            reference = raw.get("$ref") if isinstance(raw, dict) else None
            named = values.get(str(reference).rpartition("/")[2], [])
            own = option.get("properties", {}) if isinstance(option, dict) else {}
            told = own.get(name, {})
            is_open = isinstance(told, dict) and not told.keys() & {"enum", "const"}
            if named and is_open and told.get("type", "string") == "string":
                means = {"const": named[0]} if len(named) == 1 else {"enum": named}
                words = {key: each for key, each in told.items() if key == "description"}
                option["properties"] = own | {name: {"type": "string"} | words | means}


def _drop_unfit_defaults(schema: Any, note: Callable[[str], None]) -> None:
    """Take away the defaults that their own schemas refuse."""
    if '"default"' not in json.dumps(schema):
        return
    try:
        compiled = compile_schema(schema)
    except SchemaError:
        return  # whoever puts it into a tool says what is wrong with it
    for at, found in compiled.subschemas.items():
        if isinstance(found.schema, dict) and "default" in found.schema:
            default = found.schema["default"]
            if not compiled.validators[at].is_valid(default):
                del found.schema["default"]
                place = f" of {json_path(found.steps)}" if found.steps else ""
                shown = short(json.dumps(default, ensure_ascii=False))
                note(f"the default {shown}{place} is left out: it does not fit its own schema")


def describe(properties: dict[str, Any], examples: Mapping[str, Any]) -> None:
    """Put each property's description into text; one that has none gets its title for it, or its example."""
    for name, schema in properties.items():
        if not isinstance(schema, dict):
            continue
        title, example = schema.get("title"), examples.get(name)
        said = plain(schema.get("description"), MAX_PARAMETER_WORDS)
        if isinstance(title, str) and _letters(title) == _letters(name):
            del schema["title"]  # frameworks make one of each name
        elif isinstance(title, str) and not said:
            said = schema.pop("title")
        if not said and isinstance(example, str | int | float) and example != "":
            said = f"For example: {short(str(example))}."
        if said or "description" in schema:
            schema["description"] = said


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, text)).lower()


def _together(schema: dict[str, Any]) -> dict[str, Any]:
    """The members of an `allOf` as one schema, where they say nothing different of the same thing."""
    members = schema.get("allOf")
    if not isinstance(members, list):
        return schema
    found: dict[str, Any] = {}
    for part in (*members, {name: value for name, value in schema.items() if name != "allOf"}):
        if not isinstance(part, dict) or part.get("additionalProperties", False) is not False:
            return schema  # which counts for the properties beside it alone
        for name, value in part.items():
            if name == "properties":
                own = found.setdefault("properties", {})
                for key, child in value.items():
                    is_other = key in own and own[key] != child
                    own[key] = _together({"allOf": [own[key], child]}) if is_other else child
            elif name == "required" and isinstance(value, list):
                found["required"] = list(dict.fromkeys([*found.get("required", ()), *value]))
            elif name in found and found[name] != value and name not in _WORDS:
                return schema
            else:
                found[name] = value
    return found


def _with_any_of(schema: Any) -> Any:
    """A converted schema with `anyOf` for `oneOf`, but for what is there to refuse something, or to decide."""
    if not isinstance(schema, dict):
        return schema
    taken = {name: value for name, value in schema.items() if name not in ("not", "if")}
    found = schema | rewritten(taken, _with_any_of)
    if "oneOf" in found:
        options = found.pop("oneOf")
        if "anyOf" in found:
            found["allOf"] = [*found.get("allOf", ()), {"anyOf": options}]
        else:
            found["anyOf"] = options
    return found


def without_defaults(schema: Any) -> Any:
    """The schema, with nothing in it for what is not given."""
    if not isinstance(schema, dict):
        return schema
    return {name: value for name, value in schema.items() if name != "default"} | rewritten(schema, without_defaults)


def fitting(schema: dict[str, Any], note: Callable[[str], None]) -> dict[str, Any]:
    """An input schema within the limits of tools: what lies deepest is cut, level by level; `note` is told where.

    What is cut takes any value, of its type where that is an object or a list. Raises SchemaError for a schema with
    other faults, and for one that is too large even when each argument is cut.
    """
    try:
        check_tool_input_schema(schema)
        return schema
    except SchemaError as error:
        fault = _too_large(error)
        if not fault:
            raise
    least, most = 2, 2 * MAX_DEPTH  # levels: the root is the first, its arguments are the second
    while least < most:
        middle = (least + most + 1) // 2
        try:
            compile_schema(_cut(schema, middle, (), []))
            least = middle
        except SchemaError as error:
            least, most = (least, middle - 1) if _too_large(error) else (middle, most)
    found: list[str] = []
    small: dict[str, Any] = _cut(schema, least, (), found)
    _drop_unfit_defaults(small, note)
    check_tool_input_schema(small)
    places = list(dict.fromkeys(found))
    listed = ", ".join(places[:5]) + (f" and {len(places) - 5:,} more places" if len(places) > 5 else "")
    note(f"below {listed} anything is taken, which the other system checks: {fault}")
    return small


def _too_large(error: SchemaError) -> str:
    """Why a schema is larger than a tool's may be; what is wrong at a place in it stays wrong however much is cut."""
    return next((fault.message for fault in error.faults if not fault.path), "")


def _cut(schema: Any, levels: int, steps: Steps, places: list[str]) -> Any:
    """A copy in which schemas that lie so many levels deep hold no others."""
    if not isinstance(schema, dict) or next(inside(schema), None) is None:
        return schema
    if levels == 1:
        places.append(json_path(steps))
        kind = {"type": schema["type"]} if schema.get("type") in ("object", "array") else {}
        return kind | {name: value for name, value in schema.items() if name in _WORDS}
    found = schema | rewritten(schema, lambda child: child)
    for way, child in inside(schema):
        holder: Any = found[way[0]] if len(way) > 1 else found
        named = (*steps, way[1]) if way[0] in MAP else steps
        holder[way[-1]] = _cut(child, levels - 1, named, places)
    return found


def _check_pattern(found: dict[str, Any], note: Callable[[str], None]) -> None:
    if "pattern" not in found:
        return
    try:
        compile_schema({"pattern": found["pattern"]})
    except SchemaError:
        note(f"the pattern {str(found.pop('pattern'))[:80]!r} cannot be checked here; the other system checks it")


def _modern(schema: dict[str, Any], found: dict[str, Any]) -> dict[str, Any]:
    """What OpenAPI 3.0 says in its own words, as JSON Schema says it; documents of 3.1 have these words too."""
    for name, limit in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if isinstance(found.get(name), bool) and found.pop(name) and limit in found:
            found[name] = found.pop(limit)
    return or_null(found) if schema.get("nullable") is True else found


def _alternatives(schema: dict[str, Any]) -> dict[str, Any]:
    """A list of types as alternatives: some frameworks lose every tool of a server over such a list."""
    kinds = schema.get("type")
    if not isinstance(kinds, list) or not kinds:
        return schema
    words = {name: value for name, value in schema.items() if name in _WORDS}
    rest = {name: value for name, value in schema.items() if name not in _WORDS}
    is_nullable = "null" in kinds and None in rest.get("enum", [None])
    if is_nullable and (others := [value for value in rest.get("enum", ()) if value is not None]):
        rest["enum"] = others
    options = [rest | {"type": kind} for kind in kinds if kind != "null"]
    found = options[0] if len(options) == 1 else {"anyOf": options} if options else {"type": "null"}
    return or_null(found | words) if is_nullable else found | words


def or_null(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema, with null as one more value."""
    rest = {name: value for name, value in schema.items() if name not in _WORDS}
    if not rest or rest == {"type": "null"} or {"type": "null"} in rest.get("anyOf", ()):
        return schema
    words = {name: value for name, value in schema.items() if name in _WORDS}
    options = rest["anyOf"] if rest.keys() == {"anyOf"} else [rest]
    return {"anyOf": [*options, {"type": "null"}]} | words


def may_be_left_out(schema: dict[str, Any]) -> dict[str, Any]:
    """A parameter that clients may leave out: it is null then, which a request does not send."""
    return schema if "default" in schema else or_null(schema) | {"default": None}
