"""Two definitions on one sheet: what was added, removed, changed and moved, for the canvas and the plain drawing."""

from collections.abc import Mapping
from typing import Any

from flows.pages.canvas import HEIGHT, WIDTH, canvas_of
from flows.pages.drawing import parts_of
from flows.review.definition_diff import part_changes

_GAP = 24.0


def on_one_sheet(before: Any, after: Any) -> dict[str, Any]:
    """The later definition, with what it does not have any more at its old place, or below what stands there now."""
    (old, old_links), (new, links) = parts_of(before), parts_of(after)
    taken = [place for node in new.values() if (place := _place(node)) is not None]
    nodes = list(new.values())
    for key, node in old.items():
        if key in new:
            continue
        if (place := _place(node)) is not None:
            x, y = place
            while any(abs(x - left) < WIDTH + _GAP and abs(y - top) < HEIGHT + _GAP for left, top in taken):
                y += HEIGHT + _GAP
            taken.append((x, y))
            node = node | {"position": {"x": x, "y": y}}
        nodes.append(node)
    there = {_ends(link) for link in links}
    return {"nodes": nodes, "connections": [*links, *(link for link in old_links if _ends(link) not in there)]}


def verdicts_of(before: Any, after: Any) -> dict[str, str]:
    """What became of each node of both definitions: added, removed, changed, moved or same."""
    (old, _), (new, _) = parts_of(before), parts_of(after)
    verdicts = {key: "added" if key not in old else "removed" for key in old.keys() ^ new.keys()}
    for key in old.keys() & new.keys():
        is_changed = any(True for _ in part_changes(old[key], new[key]))
        verdicts[key] = "changed" if is_changed else "moved" if _place(old[key]) != _place(new[key]) else "same"
    return verdicts


def compared_canvas(before: Any, after: Any, names: tuple[str, str]) -> dict[str, Any]:
    """Both on one canvas. Each node has a `change`: its verdict, and its parts that differ, as texts before and after.

    `names` is what people call the two.
    """
    (old, old_links), (new, links) = parts_of(before), parts_of(after)
    sheet = on_one_sheet(before, after)
    canvas = canvas_of(sheet, ())
    verdicts = verdicts_of(before, after)
    for node in canvas["nodes"]:
        key = node["id"]
        parts = part_changes(old.get(key, {}), new.get(key, {}))
        node["change"] = {
            "verdict": verdicts[key],
            "isMoved": key in old and key in new and _place(old[key]) != _place(new[key]),
            "parts": [
                {"path": part.path, "before": part.before, "after": part.after} for part in parts if part.path != "id"
            ],
        }
    was, now = ({_ends(link) for link in each} for each in (old_links, links))
    for line, link in zip(canvas["connections"], sheet["connections"], strict=True):
        line["change"] = "added" if _ends(link) not in was else "removed" if _ends(link) not in now else "same"
    return canvas | {"compared": {"before": names[0], "after": names[1]}}


def _place(node: Mapping[str, Any]) -> tuple[float, float] | None:
    position = node.get("position")
    place = (position.get("x"), position.get("y")) if isinstance(position, Mapping) else (None, None)
    return place if all(isinstance(each, int | float) for each in place) else None  # type: ignore[return-value]


def _ends(link: Mapping[str, Any]) -> tuple[Any, ...]:
    """A connection is the same when it leads from the same way out to the same node."""
    handles = (str(link.get(key) or "main") for key in ("sourceHandle", "targetHandle"))
    return link.get("sourceNodeId"), link.get("targetNodeId"), *handles
