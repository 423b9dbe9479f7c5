"""How a document writes lists and objects into a request, as `styles` of an `http_request` say it."""

from collections.abc import Callable, Iterator
from typing import Any

from flows.transfer.openapi.document import Unusable

EVERY = frozenset({"string", "number", "boolean", "null", "array", "object"})
NESTED = frozenset({"array", "object"})

_OF_PLACE = {
    "path": ("simple", "label", "matrix"),
    "headers": ("simple",),
    "query": ("form", "spaceDelimited", "pipeDelimited", "deepObject"),
    "cookies": ("form",),
    "body": ("form", "spaceDelimited", "pipeDelimited", "deepObject"),
}
"""The styles of each place; the first is that of a value without one."""


def types_of(schema: Any) -> frozenset[str]:
    """The types that a value may have by a converted schema, its alternatives seen through; integers are numbers."""
    if not isinstance(schema, dict):
        return frozenset() if schema is False else EVERY
    if isinstance(kind := schema.get("type"), str | list):
        found = frozenset(
            "number" if each == "integer" else each for each in ([kind] if isinstance(kind, str) else kind)
        )
    elif isinstance(values := schema.get("enum", [schema["const"]] if "const" in schema else None), list):
        found = frozenset(map(_type_of, values))
    else:
        found = EVERY
    for keyword in ("anyOf", "oneOf"):
        if options := schema.get(keyword):
            found &= frozenset().union(*map(types_of, options))
    for each in schema.get("allOf", ()):
        found &= types_of(each)
    if found == EVERY:
        # A schema that describes members, and says nothing of types, is meant for objects.
        found = frozenset({"object"}) if schema.get("properties") else found
        found = frozenset({"array"}) if schema.get("items") else found
    return found


def _type_of(value: Any) -> str:
    kinds: dict[type, str] = {bool: "boolean", int: "number", float: "number", str: "string", list: "array"}
    return kinds.get(type(value), "null" if value is None else "object")


def alternatives(schema: Any) -> Iterator[dict[str, Any]]:
    """A converted schema, and those that it is made of by alternatives or together."""
    if isinstance(schema, dict):
        yield schema
        for keyword in ("anyOf", "oneOf", "allOf"):
            for each in schema.get(keyword, ()):
                yield from alternatives(each)


def items_of(schema: Any) -> frozenset[str]:
    """The types that the items of a list may have, where the schema takes one."""
    found = [types_of(each["items"]) for each in alternatives(schema) if "items" in each]
    return frozenset().union(*found) if found else EVERY


def style_of(
    place: str, name: str, described: dict[str, Any], schema: dict[str, Any], note: Callable[[str], None]
) -> dict[str, Any] | None:
    """The node's style for a value that a parameter, or the encoding of a field, describes.

    None where the node writes it so without one. Raises Unusable for a value that no style of the place can write.
    """
    usual, types = _OF_PLACE[place][0], types_of(schema)
    kind = described.get("style", usual)
    if kind not in _OF_PLACE[place]:
        if kind != "cookie":
            note(f"{name!r} has the style {str(kind)[:40]!r}, which is none of its place; it is written as {usual}")
        kind = usual
    is_exploded = kind != "deepObject" and bool(described.get("explode", kind == "form"))
    has_own_name = kind == "deepObject" or (is_exploded and place not in ("path", "headers"))
    if "array" in types:
        _check_list(name, kind, types, items_of(schema) - {"null"}, note, has_own_name=has_own_name)
    members = (
        types_of(child)
        for each in alternatives(schema)
        for child in (*(each.get("properties") or {}).values(), each.get("additionalProperties"))
        if isinstance(child, dict)
    )
    if any(member & NESTED and member != EVERY for member in members):
        own = "they are sent under names of their own" if is_exploded else f"they are sent as {name}[b][...]=..."
        sent = own if has_own_name else "leave them out"
        note(f"{name!r} has members that are lists or objects, for which the style {kind} has no form; {sent}")
    rule: dict[str, Any] = {"style": kind}
    if kind != "deepObject" and is_exploded != (kind == "form"):
        rule["explode"] = is_exploded
    if described.get("allowReserved") is True and types & {"string", "array", "object"}:
        return rule | {"allowReserved": True}
    if kind in ("label", "matrix"):
        return rule
    if place in ("path", "headers"):
        is_usual = not is_exploded or "object" not in types
    elif place == "cookies":
        is_usual = is_exploded
    else:
        is_usual = is_exploded and "object" not in types
    return None if is_usual or not types & NESTED else rule


def _check_list(
    name: str,
    kind: str,
    types: frozenset[str],
    of_items: frozenset[str],
    note: Callable[[str], None],
    *,
    has_own_name: bool,
) -> None:
    """Say how a list is sent that OpenAPI has no form for; raises Unusable where it cannot be sent at all."""
    if kind == "deepObject" and types != EVERY:
        note(f"{name!r} may be a list, for which the style deepObject has no form; it is sent as {name}[0]=...")
    elif of_items and of_items <= NESTED:
        if not has_own_name:
            raise Unusable(f"it is a list of lists or objects, for which the style {kind} has no form")
        note(f"{name!r} is a list of lists or objects, for which no style has a form; it is sent as {name}[0][...]=...")
