"""A definition as the canvas draws it: plain JSON, which a page hands to `frontend/builder` by `json_script`.

Draws drafts too, faults and all, so it takes the raw JSON as `drawing` does. What a node is made of is there for a
draft alone: who may see an execution need not be one who may see the flow's parameters.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from django.templatetags.static import static
from django.urls import reverse

from flows.engine.errors import Fault
from flows.engine.graph import TRIGGER, objects_in
from flows.engine.node import MAIN, ChoosesHandles
from flows.engine.settings import ERROR
from flows.nodes import registry
from flows.pages import node_catalogue
from flows.pages.drawing import handle_of, parts_of, places_of

WIDTH, HEIGHT = 172.0, 84.0
GAPS = 76.0, 30.0
_WAY = 20.0
"""What each way out takes of a node's side; a node with many of them is higher."""

_PART = re.compile(r"(?:definition\.)?(nodes|connections)\[(\d+)\]")


def canvas_of(definition: Any, faults: Iterable[Fault] | None = None) -> dict[str, Any]:
    """Nodes with their places, types and ways out, whether they are disabled, and connections.

    With `faults` (of a draft, at paths in the definition) each node has a `draft`: its slug, parameters with their
    `titles`, settings, what is wrong with it, and `index`, its number in the definition; connections say whether
    something is wrong with them, and there are notes, as nodes of the type `note`, and `groups`.
    """
    nodes, links = parts_of(definition)
    ways = {key: _ways_out(node, links) for key, node in nodes.items()}
    heights = {key: max(HEIGHT, _WAY * (len(found) + 1)) for key, found in ways.items()}
    places = places_of(nodes, links, WIDTH, heights, GAPS)
    wrong = _by_part(faults or ())
    parts = [_list(definition, part) for part in ("nodes", "connections")]
    numbers = {id(item): number for part in parts for number, item in enumerate(part)}
    drawn = []
    for key, node in nodes.items():
        x, y = places[key]
        name = str(node.get("type", ""))
        found: dict[str, Any] = {"id": key, "name": str(node.get("name") or key), "type": name, "x": x, "y": y}
        found |= {"height": heights[key], "ways": ways[key], "isStart": name == TRIGGER} | _kind(name)
        if node.get("disabled") is True and name != TRIGGER:
            found["isDisabled"] = True
        if faults is not None:
            number = numbers[id(node)]
            found["draft"] = {
                "index": number,
                "slug": str(node.get("slug", "")),
                "parameters": node.get("parameters", {}),
                "titles": _titles(name, node.get("parameters")),
                "settings": node.get("settings", {}),
                "faults": wrong["nodes", number],
            }
        drawn.append(found)
    lines = [
        {
            "id": f"line-{number}",
            "source": link["sourceNodeId"],
            "way": handle_of(link),
            "target": link["targetNodeId"],
            "isFaulty": bool(wrong["connections", numbers[id(link)]]),
        }
        for number, link in enumerate(links)
    ]
    canvas = {"icons": static("img/node-icons.svg"), "width": WIDTH, "nodes": drawn, "connections": lines}
    if faults is None:
        return canvas
    drawn += [_paper(note) for note in objects_in(definition, "notes")]
    groups = [group for group in objects_in(definition, "groups") if isinstance(group.get("nodeIds"), list)]
    return canvas | {"groups": [{key: group.get(key, "") for key in ("id", "name", "nodeIds")} for group in groups]}


def _paper(note: Mapping[str, Any]) -> dict[str, Any]:
    position = note.get("position")
    place = position if isinstance(position, dict) else {}
    x, y = (place.get(axis) if isinstance(place.get(axis), int | float) else 0 for axis in ("x", "y"))
    found = {"id": str(note.get("id", "")), "name": str(note.get("text", "")), "type": "note", "title": "Note"}
    return found | {"icon": "", "group": "", "help": "", "x": x, "y": y, "height": HEIGHT, "ways": [], "isStart": False}


def _titles(name: str, parameters: Any) -> dict[str, str]:
    entry = node_catalogue.entry(name)
    known = entry.node_type.parameters_schema.get("properties", {}) if entry else {}
    named = parameters if isinstance(parameters, dict) else {}
    return {key: known[key]["title"] for key in named if "title" in known.get(key, {})}


def _list(definition: Any, part: str) -> list[Any]:
    found = definition.get(part) if isinstance(definition, dict) else None
    return found if isinstance(found, list) else []


def _kind(name: str) -> dict[str, str]:
    """What the catalogue says of a node type; of one that is not there, nothing."""
    entry = node_catalogue.entry(name)
    if entry is None:
        return {"title": name, "icon": "", "group": "", "help": ""}
    address = reverse("flows:node-type", args=[name])
    return {"title": entry.node_type.title, "icon": entry.node_type.icon, "group": entry.group, "help": address}


def _ways_out(node: Mapping[str, Any], links: list[dict[str, Any]]) -> list[str]:
    """Its handles in their order, then those that a connection takes and that it does not have."""
    registered, parameters = registry().get(str(node.get("type", ""))), node.get("parameters", {})
    ways: tuple[str, ...] = (MAIN,) if registered is None else registered.node_type.handles
    # Only what chooses them has to be looked at, and only what has no faults can.
    chooses = registered is not None and isinstance(registered.node_type, ChoosesHandles)
    if registered is not None and chooses and not registered.faults(parameters, "", before_filling=True):
        ways = registered.handles(parameters)
    settings = node.get("settings")
    if isinstance(settings, dict) and settings.get("onError") == "handle":
        ways = (*ways, ERROR)
    taken = [handle_of(link) for link in links if link["sourceNodeId"] == node["id"]]
    return list(dict.fromkeys([*ways, *taken]))


def _by_part(faults: Iterable[Fault]) -> Mapping[tuple[str, int], list[str]]:
    found: dict[tuple[str, int], list[str]] = defaultdict(list)
    for fault in faults:
        if part := _PART.match(fault.path):
            found[part[1], int(part[2])].append(fault.message)
    return found
