"""Texts as a flow takes them: what prompts and resource templates are given, where the flow's schema wants numbers."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from flows.engine.errors import Fault
from flows.engine.paths import did_you_mean
from flows.models import Flow

_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,300})(\.[0-9]{1,300})?")
_WHOLE = re.compile(r"-?(0|[1-9][0-9]{0,300})")
_SCALARS = {"string", "integer", "number", "boolean"}


def input_schema_of(flow: Flow) -> Mapping[str, Any]:
    """What the flow takes when it is called: of its published version, of the draft while there is none."""
    version = flow.published_version
    schema: Mapping[str, Any] = version.contract["inputSchema"] if version else flow.input_schema
    return schema


def fit_faults(flow: Flow, given: Mapping[str, bool], at: str, what: str) -> Iterator[Fault]:
    """Why texts of these names (True: always given) cannot be the flow's arguments; `what` says what they are."""
    schema = input_schema_of(flow)
    properties = schema.get("properties", {})
    for name in given:
        rule = properties.get(name)
        if rule is None and schema.get("additionalProperties", True) is False:
            has = ", ".join(properties) or "none"
            hint = did_you_mean(name, list(properties))
            yield Fault(at, f"the flow {flow.tool_name} has no parameter {name!r}. It has: {has}.{hint}")
        elif isinstance(rule, dict) and not _SCALARS & set(_types(rule)):
            yield Fault(at, f"the flow {flow.tool_name} takes no text as {name!r}, and {what} is a text")
    for name in schema.get("required", []):
        if not given.get(name):
            why = "may be left out" if name in given else "is not there"
            yield Fault(at, f"the flow {flow.tool_name} needs {name!r}, but {what} of that name {why}")


def as_arguments(schema: Mapping[str, Any], texts: Mapping[str, str]) -> dict[str, Any]:
    """The arguments of a call: a text that writes the number or boolean that the schema wants becomes one."""
    properties = schema.get("properties", {})
    return {name: _typed(properties.get(name), text) for name, text in texts.items()}


def choices_of(schema: Mapping[str, Any], name: str) -> list[str]:
    """The texts that the schema allows for a parameter, when it lists them."""
    rule = schema.get("properties", {}).get(name)
    listed = rule.get("enum", []) if isinstance(rule, dict) else []
    return [value for value in listed if isinstance(value, str)] if isinstance(listed, list) else []


def _types(rule: Mapping[str, Any]) -> list[str]:
    """The types that a schema names; all of them when it names none."""
    named = rule.get("type", sorted(_SCALARS))
    return [named] if isinstance(named, str) else list(named)


def _typed(rule: Any, text: str) -> Any:
    types = _types(rule) if isinstance(rule, dict) and "type" in rule else ["string"]
    if "string" in types:
        return text
    if "boolean" in types and text in ("true", "false"):
        return text == "true"
    if ("integer" in types and _WHOLE.fullmatch(text)) or ("number" in types and _NUMBER.fullmatch(text)):
        return json.loads(text)
    return text
