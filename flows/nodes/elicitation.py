"""The forms that a client can show: MCP's restricted JSON Schema (MCP 2025-11-25 and 2026-07-28, Elicitation).

An object of flat fields: text, numbers, yes or no, one of several options, or some of them. Options may have titles.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from flows.engine.errors import Fault
from flows.engine.expressions import has_expression
from flows.engine.node import Json
from flows.schemas.compiled import compile_once

EMPTY: Mapping[str, Json] = {"type": "object", "properties": {}}
"""A form without fields: the person can only agree, decline or cancel."""

_TEXT = {"type": "string"}
_TEXTS = {"type": "array", "items": _TEXT, "minItems": 1}
_COUNT = {"type": "integer", "minimum": 0}
_OPTIONS = {
    "type": "array",
    "minItems": 1,
    "items": {
        "type": "object",
        "properties": {"const": _TEXT, "title": _TEXT},
        "required": ["const", "title"],
        "additionalProperties": False,
    },
}


def _field(default: Json, **own: Json) -> Json:
    """The keys that a field of one type may have."""
    common = {"type": True, "title": _TEXT, "description": _TEXT, "default": default}
    return {"properties": {**common, **own}, "additionalProperties": False}


_FIELDS: Mapping[str, Json] = {
    "string": _field(
        _TEXT,
        minLength=_COUNT,
        maxLength=_COUNT,
        format={"enum": ["email", "uri", "date", "date-time"]},
        enum=_TEXTS,
        enumNames=_TEXTS,
        oneOf=_OPTIONS,
    )
    | {"dependentRequired": {"enumNames": ["enum"]}, "not": {"required": ["enum", "oneOf"]}},
    "number": _field({"type": "number"}, minimum={"type": "number"}, maximum={"type": "number"}),
    "integer": _field({"type": "integer"}, minimum={"type": "number"}, maximum={"type": "number"}),
    "boolean": _field({"type": "boolean"}),
    "array": _field(
        {"type": "array", "items": _TEXT},
        minItems=_COUNT,
        maxItems=_COUNT,
        items={
            "type": "object",
            "if": {"required": ["anyOf"]},
            "then": {"properties": {"anyOf": _OPTIONS}, "additionalProperties": False},
            "else": {
                "properties": {"type": {"const": "string"}, "enum": _TEXTS},
                "required": ["type", "enum"],
                "additionalProperties": False,
            },
        },
    )
    | {"required": ["items"]},
}

FORM_SCHEMA: Mapping[str, Json] = {
    "type": "object",
    "properties": {
        "$schema": _TEXT,
        "type": {"type": "string", "const": "object"},
        "properties": {
            "type": "object",
            "additionalProperties": {
                "type": "object",
                "properties": {"type": {"enum": list(_FIELDS)}},
                "required": ["type"],
                "allOf": [
                    {"if": {"properties": {"type": {"const": kind}}}, "then": rule} for kind, rule in _FIELDS.items()
                ],
            },
        },
        "required": {"type": "array", "items": _TEXT},
    },
    "required": ["type", "properties"],
    "additionalProperties": False,
}
"""JSON Schema of such a form."""


def form_faults(form: Mapping[str, Json]) -> Iterator[Fault]:
    """What else is wrong with a form that fits FORM_SCHEMA; what an expression fills in is not looked at."""
    fields = form["properties"]
    required = form.get("required", [])
    for index, name in enumerate(required if isinstance(required, list) else []):
        if name not in fields and not has_expression(name):
            yield Fault(f"required[{index}]", f"the form has no field {name!r}")
    for name, field in fields.items():
        if isinstance(field, Mapping) and not _has_expressions(field):
            yield from _field_faults(field, f"properties.{name}")


def _field_faults(field: Mapping[str, Json], at: str) -> Iterator[Fault]:
    if "enumNames" in field and len(field["enumNames"]) != len(field["enum"]):
        yield Fault(f"{at}.enumNames", f"give one name for each of the {len(field['enum'])} options")
    for least, most in (("minLength", "maxLength"), ("minimum", "maximum"), ("minItems", "maxItems")):
        if least in field and most in field and field[least] > field[most]:
            yield Fault(f"{at}.{least}", f"is greater than {most}, so no answer would fit")
            return
    if "default" in field:
        for fault in compile_once(field).faults(field["default"]):
            yield Fault(f"{at}.default" + (fault.path and f".{fault.path}").replace(".[", "["), fault.message)


def _has_expressions(value: Json) -> bool:
    if isinstance(value, Mapping):
        return any(map(_has_expressions, value.values()))
    return any(map(_has_expressions, value)) if isinstance(value, list) else has_expression(value)


def read_content(form: Mapping[str, Json], given: Any) -> tuple[dict[str, Json], list[Fault]]:
    """What a person entered, as arguments of a call are read, and what is wrong with it; raises SchemaError.

    Null counts as left out, and the default of a field stands for it, also of one that must be filled in.
    """
    content = given if isinstance(given, Mapping) else {}
    filled: dict[str, Json] = {}
    for name, field in form["properties"].items():
        value = content.get(name)
        if value is None and "default" in field:
            value = field["default"]
        if value is not None:
            filled[name] = value
    return compile_once(form).accept(filled)
