"""Where the boxes and lines of a definition go in a picture: plain numbers for an SVG.

Draws drafts too, so it takes the raw JSON and leaves out what is not a node or a connection. Positions are used when
every node has one and no boxes would overlap; else the nodes are put in layers, each to the right of what leads to it.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flows.engine.graph import objects_in
from flows.engine.node import MAIN

WIDTH, HEIGHT = 164.0, 56.0
GAP_X, GAP_Y = 64.0, 28.0
MARGIN = 16.0
NAME_LENGTH = 18
LARGE = 1500.0

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Box:
    """A node: its left upper corner in user units; `status` is empty in a picture of what has not run."""

    id: str
    name: str
    type: str
    x: float
    y: float
    status: str = ""

    @property
    def short_name(self) -> str:
        """The name as far as it fits."""
        return self.name if len(self.name) <= NAME_LENGTH else self.name[: NAME_LENGTH - 1] + "…"


@dataclass(frozen=True, slots=True)
class Line:
    """A connection as an SVG path; `label` names the handle where a node has more than one way out."""

    path: str
    label: str
    label_x: float
    label_y: float
    taken: bool


@dataclass(frozen=True, slots=True)
class Drawing:
    """Everything to draw, and the size of the sheet."""

    width: float
    height: float
    boxes: Sequence[Box]
    lines: Sequence[Line]

    box_width = WIDTH
    box_height = HEIGHT

    @property
    def view_box(self) -> str:
        """For the `viewBox` attribute."""
        return f"0 0 {self.width:g} {self.height:g}"

    @property
    def is_large(self) -> bool:
        """Whether it must be scrolled: made small enough for a window, nobody could read it."""
        return self.width > LARGE

    @property
    def sentence(self) -> str:
        """The picture in words."""
        names = ", ".join(f"{box.name} ({box.status})" if box.status else box.name for box in self.boxes)
        return f"Graph of {len(self.boxes)} nodes: {names}"


def draw(definition: Any, statuses: Mapping[str, str] | None = None) -> Drawing:
    """Lay out a definition; `statuses` maps node ids to what happened to them."""
    nodes, links = parts_of(definition)
    places = places_of(nodes, links)
    status_of, exits = statuses or {}, _exits(links, places)
    boxes = [
        Box(key, str(node.get("name") or key), str(node.get("type", "")), *places[key], status_of.get(key, ""))
        for key, node in nodes.items()
    ]
    return Drawing(
        width=max((box.x for box in boxes), default=0) + WIDTH + MARGIN,
        height=max((box.y for box in boxes), default=0) + HEIGHT + MARGIN,
        boxes=boxes,
        lines=[_line(link, places, exits[link["sourceNodeId"], handle_of(link)], status_of) for link in links],
    )


def parts_of(definition: Any) -> tuple[dict[str, dict[str, Any]], list[dict[str, Any]]]:
    """What can be drawn of a definition: its nodes by id, and the connections between them."""
    nodes = {node["id"]: node for node in objects_in(definition, "nodes") if isinstance(node.get("id"), str)}
    links = [
        link
        for link in objects_in(definition, "connections")
        if all(isinstance(end, str) and end in nodes for end in (link.get("sourceNodeId"), link.get("targetNodeId")))
    ]
    return nodes, links


def places_of(
    nodes: Mapping[str, Mapping[str, Any]],
    links: Iterable[Mapping[str, Any]],
    width: float = WIDTH,
    heights: Mapping[str, float] | None = None,
    gaps: tuple[float, float] = (GAP_X, GAP_Y),
) -> dict[str, Point]:
    """The left upper corner of each node: its own position, or in layers; HEIGHT is that of a node without another."""
    pairs = [(link["sourceNodeId"], link["targetNodeId"]) for link in links]
    return _given(nodes) or _layered(list(nodes), pairs, width, heights or {}, gaps)


def handle_of(link: Mapping[str, Any]) -> str:
    """The way out that a connection takes."""
    return str(link.get("sourceHandle") or MAIN)


def _given(nodes: Mapping[str, Mapping[str, Any]]) -> dict[str, Point] | None:
    """The positions in the definition, moved to the sheet's corner; None when they make no picture."""
    found: dict[str, Point] = {}
    for key, node in nodes.items():
        position = node.get("position")
        if not isinstance(position, dict) or not all(_is_number(position.get(axis)) for axis in "xy"):
            return None
        found[key] = float(position["x"]), float(position["y"])
    if not found or _overlap(list(found.values())):
        return None
    left, top = (min(point[axis] for point in found.values()) for axis in (0, 1))
    return {key: (x - left + MARGIN, y - top + MARGIN) for key, (x, y) in found.items()}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 100_000


def _overlap(points: list[Point]) -> bool:
    ordered = sorted(points)
    for index, (x, y) in enumerate(ordered):
        for other_x, other_y in ordered[index + 1 :]:
            if other_x - x >= WIDTH + 8:
                break
            if abs(other_y - y) < HEIGHT + 8:
                return True
    return False


def _layered(
    keys: list[str],
    links: list[tuple[str, str]],
    width: float,
    heights: Mapping[str, float],
    gaps: tuple[float, float],
) -> dict[str, Point]:
    """Each node one column right of the last node that leads to it, near the rows of the nodes before it."""
    column = _columns(keys, links)
    sources: dict[str, list[str]] = defaultdict(list)
    for source, target in links:
        sources[target].append(source)
    stacks: dict[int, list[str]] = defaultdict(list)
    for key in keys:
        stacks[column[key]].append(key)
    gap_x, gap_y = gaps
    rooms = {key: heights.get(key, HEIGHT) + gap_y for key in keys}
    tallest = max((sum(rooms[key] for key in stack) for stack in stacks.values()), default=0.0)
    places: dict[str, Point] = {}
    for number, stack in sorted(stacks.items()):
        order = {key: index for index, key in enumerate(stack)}
        stack.sort(key=lambda key: (_mean(places[one][1] for one in sources[key] if one in places), order[key]))
        top = MARGIN + (tallest - sum(rooms[key] for key in stack)) / 2
        for key in stack:
            places[key] = MARGIN + number * (width + gap_x), top
            top += rooms[key]
    return places


def _columns(keys: list[str], links: list[tuple[str, str]]) -> dict[str, int]:
    """The longest way to each node. A circle cannot be sorted: its nodes stay in the column where it was entered."""
    waiting = dict.fromkeys(keys, 0)
    following: dict[str, list[str]] = defaultdict(list)
    for source, target in links:
        waiting[target] += 1
        following[source].append(target)
    column = dict.fromkeys(keys, 0)
    ready = [key for key in keys if not waiting[key]]
    while ready:
        key = ready.pop()
        for target in following[key]:
            column[target] = max(column[target], column[key] + 1)
            waiting[target] -= 1
            if not waiting[target]:
                ready.append(target)
    return column


def _mean(values: Iterable[float]) -> float:
    found = list(values)
    return sum(found) / len(found) if found else 0.0


def _exits(links: Sequence[Mapping[str, Any]], places: Mapping[str, Point]) -> dict[tuple[str, str], float]:
    """How far down a box each of its handles is: spread over the side, in the order of where they lead."""
    targets: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for link in links:
        targets[link["sourceNodeId"]][handle_of(link)].append(places[link["targetNodeId"]][1])
    return {
        (source, handle): HEIGHT * (number + 1) / (len(handles) + 1)
        for source, handles in targets.items()
        for number, handle in enumerate(sorted(handles, key=lambda each: _mean(handles[each])))
    }


def _line(link: Mapping[str, Any], places: Mapping[str, Point], down: float, status_of: Mapping[str, str]) -> Line:
    (from_x, from_y), (to_x, to_y) = places[link["sourceNodeId"]], places[link["targetNodeId"]]
    start_x, start_y, end_x, end_y = from_x + WIDTH, from_y + down, to_x, to_y + HEIGHT / 2
    bend = max(abs(end_x - start_x) / 2, 24.0)
    handle = handle_of(link)
    ran = {"completed", "error", "pending"}
    return Line(
        path=f"M{start_x:g} {start_y:g}C{start_x + bend:g} {start_y:g} {end_x - bend:g} {end_y:g} {end_x:g} {end_y:g}",
        label="" if handle == MAIN else handle,
        label_x=start_x + 8,
        label_y=start_y - 4,
        taken=status_of.get(link["sourceNodeId"]) in ran and status_of.get(link["targetNodeId"]) in ran,
    )
