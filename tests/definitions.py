"""Writes definitions in one line: `chain(node("call", "call_flow", flow="other"), answer("{{ call.text }}"))`."""

from itertools import pairwise
from typing import Any


def node(slug: str, node_type: str, **parameters: Any) -> dict[str, Any]:
    """A node whose id is its slug, and whose name is its slug with a capital letter."""
    return {"id": slug, "type": node_type, "name": slug.capitalize(), "slug": slug, "parameters": parameters}


def answer(json: Any) -> dict[str, Any]:
    """A node that answers with a JSON value."""
    return node("answer", "return", json=json)


def chain(*nodes: dict[str, Any]) -> dict[str, Any]:
    """A definition: the trigger, then these nodes one after the other."""
    nodes = (node("trigger", "trigger"), *nodes)
    lines = [
        {"id": f"{first['id']}-{second['id']}", "sourceNodeId": first["id"], "targetNodeId": second["id"]}
        for first, second in pairwise(nodes)
    ]
    return {"nodes": list(nodes), "connections": lines}


def beside(*nodes: dict[str, Any]) -> dict[str, Any]:
    """A definition: the trigger, and each of these nodes behind it."""
    lines = [{"id": f"trigger-{each['id']}", "sourceNodeId": "trigger", "targetNodeId": each["id"]} for each in nodes]
    return {"nodes": [node("trigger", "trigger"), *nodes], "connections": lines}


def graph(nodes: list[dict[str, Any]], *lines: str) -> dict[str, Any]:
    """A definition with the trigger, these nodes and lines such as `ask:accept>end`."""
    connections = []
    for line in lines:
        source, _, target = line.partition(">")
        source, _, handle = source.partition(":")
        end = {"id": line, "sourceNodeId": source, "targetNodeId": target}
        connections.append(end | ({"sourceHandle": handle} if handle else {}))
    return {"nodes": [node("trigger", "trigger"), *nodes], "connections": connections}
