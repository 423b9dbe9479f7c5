"""Schemas inferred from examples: what a value is, every member of it required."""

from collections.abc import Mapping, Sequence
from typing import Any

from flows.starting.curl.readings import is_credential
from flows.starting.new_flow import Case, NewFlow
from flows.starting.parts import chain, node

_SHOWN = 60
"""Characters of an example that a description quotes."""


def new_flow_of(arguments: Mapping[str, Any], omitted: Sequence[str], answer: Any = None) -> NewFlow:
    """A flow that takes arguments like these and gives the answer, or, without one, what came in.

    `omitted` are the paths of arguments that the example had and that are not known; those at the top are taken for
    texts that no record may hold.
    """
    schema = schema_of(dict(arguments)) | {"additionalProperties": False}
    for name in omitted:
        if name.isidentifier() and name not in arguments:
            schema["properties"][name] = {"type": "string", "description": f"{name}.", "writeOnly": True}
            schema["required"].append(name)
    replies: dict[str, Any] = {"text": "{{ trigger }}"} if answer is None else {"json": answer}
    return NewFlow(
        {
            "input_schema": schema,
            "output_schema": schema_of(answer) if isinstance(answer, dict) else None,
            "definition": chain(
                node("trigger", "trigger", "Call", 0), node("answer", "return", "Answer", 1, **replies)
            ),
        },
        (Case("As in the example", arguments, omitted=tuple(omitted)),),
    )


def schema_of(value: Any, name: str = "") -> dict[str, Any]:
    """The JSON Schema of values like this one; null says nothing of what else there may be."""
    if isinstance(value, dict):
        properties = {key: schema_of(child, key) for key, child in value.items()}
        return {"type": "object", "properties": properties, "required": list(properties)}
    if isinstance(value, list):
        return {"type": "array"} | ({"items": _joined([schema_of(item, name) for item in value])} if value else {})
    kinds: dict[type, str] = {bool: "boolean", int: "integer", float: "number", str: "string"}
    schema: dict[str, Any] = {"type": kinds[type(value)]} if type(value) in kinds else {}
    shown = str(value).lower() if isinstance(value, bool) else str(value)
    if name and value not in (None, "") and len(shown) <= _SHOWN and not is_credential(name):
        schema["description"] = f"{name}, as {shown}."
    elif name:
        schema["description"] = f"{name}."
    return schema


def _joined(schemas: list[dict[str, Any]]) -> dict[str, Any]:
    """One schema for the items of a list: the first, where all are of one type; objects share their members."""
    types = {schema.get("type") for schema in schemas if schema}
    known = [schema for schema in schemas if schema]
    if types == {"integer", "number"}:
        return next(schema for schema in known if schema["type"] == "number")
    if len(types) != 1:
        return {}
    if types == {"object"}:
        members: dict[str, list[dict[str, Any]]] = {}
        for schema in known:
            for name, child in schema["properties"].items():
                members.setdefault(name, []).append(child)
        properties = {name: _joined(children) for name, children in members.items()}
        required = [name for name, children in members.items() if len(children) == len(known)]
        return {"type": "object", "properties": properties, "required": required}
    if types == {"array"}:
        items = [schema["items"] for schema in known if "items" in schema]
        return {"type": "array"} | ({"items": _joined(items)} if items else {})
    return known[0]
