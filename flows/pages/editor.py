"""A draft as the editor of the Build tab gets it: plain JSON, which the page hands to `frontend/builder`."""

from collections.abc import Iterable
from typing import Any

from flows.engine.errors import Fault
from flows.models import Flow
from flows.pages import node_catalogue

_TEXTS = {
    "nodes": ("id", "type", "name", "slug"),
    "connections": ("id", "sourceNodeId", "targetNodeId"),
    "notes": ("id", "text"),
    "groups": ("id", "name"),
}
"""What each item of a definition's lists is told apart by, and shown with."""


def can_be_edited(definition: Any) -> bool:
    """Whether the canvas can show a definition, whatever faults it has; else it can be written as JSON alone."""
    if not isinstance(definition, dict):
        return False
    for part, texts in _TEXTS.items():
        items = definition.get(part, None if part in {"nodes", "connections"} else [])
        if not isinstance(items, list) or not all(
            isinstance(item, dict) and all(isinstance(item.get(text), str) for text in texts) for item in items
        ):
            return False
        if len({item["id"] for item in items}) < len(items):
            return False
    return True


def editor_of(flow: Flow, faults: Iterable[Fault]) -> dict[str, Any]:
    """The draft as it is stored, with the faults that keep it from being published, and every node type."""
    return {
        "flowId": flow.pk,
        "draft": draft_of(flow),
        "revision": flow.revision,
        "faults": [fault.as_json() for fault in faults],
        "nodeTypes": [entry.as_json() for entry in node_catalogue.entries()],
    }


def draft_of(flow: Flow) -> dict[str, Any]:
    """What a draft holds, under the names of `PUT /api/flows/{id}/draft/`."""
    return {
        "name": flow.name,
        "toolName": flow.tool_name,
        "toolDescription": flow.tool_description,
        "whenToUse": flow.when_to_use,
        "whenNotToUse": flow.when_not_to_use,
        "definition": flow.definition,
        "inputSchema": flow.input_schema,
        "outputSchema": flow.output_schema,
        "annotations": flow.annotations,
        "timeoutSeconds": flow.timeout_seconds,
        "answerSeconds": flow.answer_seconds,
    }
