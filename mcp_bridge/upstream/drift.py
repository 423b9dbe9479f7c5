"""What has changed in a tool since a flow was built with it: what it says of itself, and whether a call still fits."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from flows.engine.errors import DefinitionError, NodeFailed
from flows.nodes.mcp_tool import PINNED
from flows.schemas.compiled import compile_schema

_WORDS = {"inputSchema": "input schema", "outputSchema": "output schema", "annotations": "hints (annotations)"}
_MAX_NAMED = 10
"""Changes of a schema that one message names."""


def digests_of(tool: Mapping[str, Any]) -> dict[str, str]:
    """A digest of each thing that a tool, as MCP writes it, says of itself; also of what it does not say."""
    return {part: hashlib.sha256(json.dumps(tool.get(part), sort_keys=True).encode()).hexdigest() for part in PINNED}


def changed_since(pinned: Mapping[str, str], tool: Mapping[str, Any]) -> list[str]:
    """What a tool says otherwise than when it was chosen, in words."""
    now = digests_of(tool)
    return [_WORDS.get(part, part) for part in PINNED if part in pinned and pinned[part] != now[part]]


def check_pinned(tool: str, pinned: Mapping[str, str], now: Mapping[str, Any]) -> None:
    """Raise NodeFailed that names what changed when the tool is not the one that was chosen."""
    if changed := changed_since(pinned, now):
        raise NodeFailed(
            f"The tool {tool!r} is not the one that was chosen: its {' and its '.join(changed)} changed. Nothing was "
            "called. Look at it in the editor, and choose it again if it still does what this flow needs.",
            is_final=True,
        )


def check(tool: str, arguments: Mapping[str, Any], then: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Raise NodeFailed that names what changed when the schema is another one and the arguments no longer fit it.

    A schema that cannot be read within the limits of `flows.schemas.compiled` is left to the server to check.
    """
    if then == now:
        return
    try:
        faults = compile_schema(dict(now)).faults(dict(arguments))
    except DefinitionError:
        return
    if faults:
        raise NodeFailed(
            f"The tool {tool!r} has changed since this flow was built, and the arguments no longer fit: "
            f"{'; '.join(map(str, faults))}. Changed: {'; '.join(changes(then, now))}. "
            "Read the tool's schema again in the editor, and correct the arguments."
        )


def changes(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """The differences between two input schemas in words, parameter by parameter."""
    found = list(_changes(_parameters(then), _parameters(now))) or ["something besides its parameters"]
    return found[:_MAX_NAMED] + ([f"and {len(found) - _MAX_NAMED} more"] if len(found) > _MAX_NAMED else [])


def _parameters(schema: Mapping[str, Any]) -> dict[str, tuple[Any, bool]]:
    """Each parameter's own schema, and whether it is required."""
    properties, required = schema.get("properties"), schema.get("required")
    required = required if isinstance(required, list) else []
    return (
        {name: (value, name in required) for name, value in properties.items()} if isinstance(properties, dict) else {}
    )


def _changes(then: dict[str, tuple[Any, bool]], now: dict[str, tuple[Any, bool]]) -> Iterator[str]:
    for name in sorted(then.keys() - now.keys()):
        yield f"{name} is gone"
    for name in sorted(now.keys() - then.keys()):
        yield f"{name} is new{' and required' if now[name][1] else ''}"
    for name in sorted(then.keys() & now.keys()):
        (old, was_required), (new, is_required) = then[name], now[name]
        if _type(old) != _type(new):
            yield f"{name} is {_type(new)} and was {_type(old)}"
        elif old != new:
            yield f"{name} has other rules"
        if is_required != was_required:
            yield f"{name} is {'now' if is_required else 'no longer'} required"


def _type(schema: Any) -> str:
    named = schema.get("type") if isinstance(schema, dict) else None
    return str(named) if named else "of any type"
