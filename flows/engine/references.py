"""What expressions may name at a node, as far as it is known before the flow runs: checked when a flow is saved."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from flows.engine import shapes
from flows.engine.errors import Fault
from flows.engine.expressions import SECRETS, Path, has_expression, lone_path, no_member, paths_in
from flows.engine.graph import TRIGGER, Graph, Node
from flows.engine.node import DescribesOutput
from flows.engine.shapes import UNKNOWN, Absent, Shape, closed

_TEXT = {"type": "string"}

ROOTS: Mapping[str, Shape] = {
    "now": {"type": "string", "format": "date-time"},
    "execution": closed({"id": _TEXT, "flowName": _TEXT, "toolName": _TEXT}),
    "caller": closed({"clientName": _TEXT, "clientVersion": _TEXT, "principal": _TEXT}),
    "flowhub": closed({"url": _TEXT}),
}
"""The shapes of the roots that the host provides, besides `secrets`."""

_FAILED = closed(
    {"error": closed({"message": _TEXT, "kind": _TEXT, "nodeId": _TEXT, "nodeName": _TEXT, "detail": UNKNOWN})}
)


@dataclass(frozen=True, slots=True)
class Reference:
    """One thing that an expression may name: the path, the JSON types ("" when not known), and the node it is from.

    `node` is None for what the host provides.
    """

    path: str
    type: str
    node: Node | None


class References:
    """The shapes of the outputs of a graph's nodes; the trigger's is the flow's input schema (True: nothing known)."""

    def __init__(self, graph: Graph, input_schema: Any = UNKNOWN) -> None:
        self.graph = graph
        self.shapes: dict[str, Shape] = dict(ROOTS)
        for node in graph.order:
            self.shapes[node.slug] = input_schema if node.type == TRIGGER else self._output(node)

    def _output(self, node: Node) -> Shape:
        node_type = node.registered.node_type
        shape = UNKNOWN
        if isinstance(node_type, DescribesOutput):
            shape = node_type.output_schema_of(node.parameters, self.shape_of)
        if node.settings is None or node.settings.on_error == "stop" or shape is UNKNOWN:
            return shape
        return {"anyOf": [shape, _FAILED]}

    def shape_of(self, value: Any) -> Shape:
        """The shape of a parameter's value once its expressions are filled in."""
        if isinstance(value, dict):
            return closed({name: self.shape_of(child) for name, child in value.items()})
        if isinstance(value, list):
            return {"type": "array", "prefixItems": [self.shape_of(child) for child in value], "items": False}
        path = lone_path(value) if has_expression(value) else None
        if path is None:
            return {"type": shapes.type_of(value)}
        found = self._follow(path)
        return UNKNOWN if isinstance(found, Fault) else found

    def _follow(self, path: Path, place: str = "") -> Shape | Fault:
        shape = self.shapes.get(path.root, UNKNOWN)
        for number, step in enumerate(path.steps):
            inside = shapes.enter(shape, step)
            if isinstance(inside, Absent):
                return Fault(place, no_member(path.source, path.until(number), step, inside.names, inside.what))
            shape = inside
        return shape

    def faults(self) -> Iterator[Fault]:
        """Each expression that names what cannot be there, at its path in the definition."""
        reachable = {node.id for node in self.graph.order}
        for index, node in enumerate(self.graph.nodes.values()):
            if node.id not in reachable:
                continue
            for place, path in paths_in(dict(node.parameters), f"nodes[{index}].parameters"):
                if isinstance(path, Path) and path.root != SECRETS:
                    found = self._follow(path, place)
                    if isinstance(found, Fault):
                        yield found
