"""Types and values of a schema, so that two of them can be compared."""

import json
from collections.abc import Mapping
from typing import Any

ALL = frozenset({"array", "boolean", "integer", "fraction", "null", "object", "string"})
"""The types of JSON, with numbers parted: an integer is a number, but not every number is an integer."""


def kinds(schema: Mapping[str, Any]) -> frozenset[str]:
    """The types that a schema allows; without a word about it, all."""
    named = schema.get("type")
    if named is None:
        return ALL
    names = {name for name in (named if isinstance(named, list) else [named]) if isinstance(name, str)}
    return frozenset(names - {"number"} | ({"integer", "fraction"} if "number" in names else set()))


def type_words(schema: Mapping[str, Any]) -> str:
    """`string or null`; `any` for a schema that names none."""
    named = schema.get("type")
    if named is None:
        return "any"
    return " or ".join(str(name) for name in named) if isinstance(named, list) else str(named)


def listed(schema: Mapping[str, Any]) -> list[Any] | None:
    """The values that alone are allowed, by `enum` or `const`; None when any is."""
    if "const" in schema:
        return [schema["const"]]
    values = schema.get("enum")
    return values if isinstance(values, list) else None


def missing_values(values: list[Any], others: list[Any]) -> list[Any]:
    """Those of `values` that are not among `others`."""
    known = {_print(value) for value in others}
    return [value for value in values if _print(value) not in known]


def same(one: Any, other: Any) -> bool:
    """Whether two JSON values are the same; the order of keys does not count, 1.0 is 1, and true is not."""
    return _print(one) == _print(other)


def _print(value: Any) -> str:
    return json.dumps(_plain(value), ensure_ascii=False, sort_keys=True)


def _plain(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return {key: _plain(item) for key, item in value.items()} if isinstance(value, dict) else value
