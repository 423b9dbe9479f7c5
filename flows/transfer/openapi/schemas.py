"""Schemas of OpenAPI as schemas of tools: JSON Schema 2020-12, whole, without references.

References are written out, because many clients follow none. What describes no value (`example`, `xml`, `x-...`) is
left out. A schema that holds itself is cut where it comes round again, with a note.
"""

import json
from collections.abc import Callable
from typing import Any

from flows.engine.registry import json_path, short
from flows.schemas.compiled import SchemaError, compile_schema
from flows.schemas.keywords import rewritten
from flows.transfer.openapi.document import Document, Unusable

MAX_SCHEMAS = 20_000
"""Schemas that one operation may have when every reference is written out."""

_KEPT = frozenset(
    {
        *("title", "description", "default", "deprecated", "writeOnly", "type", "enum", "const", "format"),
        *("multipleOf", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "minLength", "maxLength"),
        *("pattern", "minItems", "maxItems", "uniqueItems", "minProperties", "maxProperties", "required"),
        *("dependentRequired", "minContains", "maxContains"),
    }
)
_NOT_TAKEN = frozenset({"$defs", "definitions", "contentSchema", "unevaluatedItems", "unevaluatedProperties"})
"""Keywords that hold schemas and are left out.

Definitions are needed no more where references are written out, and `contentSchema` checks nothing. What counts as
evaluated changes when a reference is written out, so `unevaluated...` would refuse what the other system takes; that
system still refuses it.
"""

_WORDS = frozenset({"title", "description", "default", "deprecated"})


class Converter:
    """Writes schemas out; `note` is told what was left out."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.left = MAX_SCHEMAS

    def convert(self, schema: Any, note: Callable[[str], None]) -> Any:
        """The schema for what is sent, with no default that it refuses itself; raises Unusable."""
        whole = self._convert(schema, note, ())
        try:
            compiled = compile_schema(whole)
        except SchemaError:
            return whole  # whoever puts it into a tool says what is wrong with it
        for at, found in compiled.subschemas.items():
            if isinstance(found.schema, dict) and "default" in found.schema:
                default = found.schema["default"]
                if not compiled.validators[at].is_valid(default):
                    del found.schema["default"]
                    place = f" of {json_path(found.steps)}" if found.steps else ""
                    shown = short(json.dumps(default, ensure_ascii=False))
                    note(f"the default {shown}{place} is left out: it does not fit its own schema")
        return whole

    def _convert(self, schema: Any, note: Callable[[str], None], trail: tuple[str, ...]) -> Any:
        self.left -= 1
        if self.left < 0:
            raise Unusable(f"its schemas are more than {MAX_SCHEMAS:,} when references are written out")
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
        return _alternatives(_modern(schema, found) if self.document.is_30 else found)

    def _referred(self, schema: dict[str, Any], note: Callable[[str], None], trail: tuple[str, ...]) -> Any:
        reference = schema["$ref"]
        if reference in trail:
            note(f"{str(reference).rpartition('/')[2]} holds itself; inside itself any value is taken")
            return {}
        whole = self._convert(self.document.target(reference), note, (*trail, reference))
        beside = {name: value for name, value in schema.items() if name != "$ref"}
        words = {name: value for name, value in beside.items() if name in _WORDS}
        rest = {} if self.document.is_30 else {name: each for name, each in beside.items() if name not in _WORDS}
        if rest and (more := self._convert(rest, note, trail)):
            return {"allOf": [whole, more]} | words
        return whole | words if isinstance(whole, dict) else whole

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


def _check_pattern(found: dict[str, Any], note: Callable[[str], None]) -> None:
    if "pattern" not in found:
        return
    try:
        compile_schema({"pattern": found["pattern"]})
    except SchemaError:
        note(f"the pattern {str(found.pop('pattern'))[:80]!r} cannot be checked here; the other system checks it")


def _modern(schema: dict[str, Any], found: dict[str, Any]) -> dict[str, Any]:
    """What OpenAPI 3.0 says in its own words, as JSON Schema says it."""
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


def kinds_of(schema: dict[str, Any]) -> list[dict[str, Any]]:
    """The schema, or those of its alternatives."""
    return [option for option in schema.get("anyOf", [schema]) if isinstance(option, dict)]


def may_be_left_out(schema: dict[str, Any]) -> dict[str, Any]:
    """A parameter that clients may leave out: it is null then, which a request does not send."""
    return schema if "default" in schema else or_null(schema) | {"default": None}
