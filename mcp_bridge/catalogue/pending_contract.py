"""The contract of a tool that answers within a time: its result may be that the execution goes on."""

from collections.abc import Mapping
from typing import Any

from flows.schemas.compiled import moved
from flows.values.reserved_names import GET_RESULT

PENDING_SCHEMA: dict[str, Any] = {
    "type": "object",
    "description": "The execution goes on; fetch its result with the tool that fetchWith names.",
    "properties": {
        "executionId": {"type": "string"},
        "status": {"const": "pending"},
        "tool": {"type": "string"},
        "seconds": {"type": "number", "description": "How long it has taken so far."},
        "nodesDone": {"type": "integer"},
        "nodesUnderWay": {"type": "array", "items": {"type": "string"}},
        "message": {"type": "string", "description": "What the flow last told of its progress."},
        "fetchWith": {"const": GET_RESULT},
    },
    "required": ["executionId", "status", "tool", "seconds", "nodesDone", "nodesUnderWay", "fetchWith"],
    "additionalProperties": False,
}


def widened(contract: Mapping[str, Any]) -> dict[str, Any]:
    """The contract of a tool whose result may be that its execution goes on.

    A result must conform to the output schema (MCP 2026-07-28, Tools, Output Schema), so the schema allows both.
    """
    schema = contract.get("outputSchema")
    if schema is None:
        return dict(contract)
    whole = {name: schema[name] for name in ("$schema",) if name in schema}
    if schema.get("type") == "object":
        whole["type"] = "object"
    return {**contract, "outputSchema": whole | {"anyOf": [moved(schema, "anyOf", "0"), PENDING_SCHEMA]}}
