"""Which keywords of JSON Schema (draft 2020-12, with `definitions` of older ones) hold schemas, and in what form."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from flows.schemas.subschemas import Steps

ONE = frozenset(
    {
        *("not", "if", "then", "else", "items", "contains", "additionalProperties", "propertyNames"),
        *("unevaluatedItems", "unevaluatedProperties", "contentSchema"),
    }
)
"""Their value is a schema."""

LIST = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
"""Their value is a list of schemas."""

MAP = frozenset({"properties", "patternProperties", "$defs", "definitions", "dependentSchemas"})
"""Their value is an object of schemas, under names that are no keywords."""


def inside(schema: Any) -> Iterator[tuple[Steps, Any]]:
    """The schemas right inside a schema, each with the way to it, in their order; what is no schema is passed over."""
    for keyword, value in schema.items() if isinstance(schema, dict) else ():
        if keyword in ONE and isinstance(value, dict | bool):
            yield (keyword,), value
        elif keyword in LIST and isinstance(value, list):
            yield from (((keyword, index), child) for index, child in enumerate(value))
        elif keyword in MAP and isinstance(value, dict):
            yield from (((keyword, name), child) for name, child in value.items())


def rewritten(schema: Mapping[str, Any], rewrite: Callable[[Any], Any]) -> dict[str, Any]:
    """The keywords of a schema that hold schemas, with each of those rewritten; the other keywords are left out."""
    found: dict[str, Any] = {}
    for keyword, value in schema.items():
        if keyword in ONE:
            found[keyword] = rewrite(value)
        elif keyword in LIST and isinstance(value, list):
            found[keyword] = [rewrite(child) for child in value]
        elif keyword in MAP and isinstance(value, dict):
            found[keyword] = {name: rewrite(child) for name, child in value.items()}
    return found
