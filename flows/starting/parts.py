"""Definitions in few words: nodes, connections, input schemas."""

from itertools import pairwise
from typing import Any


def node(slug: str, node_type: str, name: str, x: int, y: int = 0, **parameters: Any) -> dict[str, Any]:
    """One node, in a column and a row of the picture; its id is its slug."""
    position = {"x": x * 220, "y": y * 110}
    return {"id": slug, "type": node_type, "name": name, "slug": slug, "position": position, "parameters": parameters}


def line(source: str, target: str, handle: str = "main") -> dict[str, Any]:
    """One connection."""
    return {
        "id": f"{source}-{handle}-{target}",
        "sourceNodeId": source,
        "sourceHandle": handle,
        "targetNodeId": target,
        "targetHandle": "main",
    }


def chain(*nodes: dict[str, Any]) -> dict[str, Any]:
    """A definition in which each node leads to the next."""
    return {"nodes": list(nodes), "connections": [line(one["id"], next_["id"]) for one, next_ in pairwise(nodes)]}


def schema(**properties: dict[str, Any]) -> dict[str, Any]:
    """An input schema; a property with a default may be left out."""
    required = [name for name, value in properties.items() if "default" not in value]
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
