"""What expressions may name at a node, as far as it is known before the flow runs: checked when a flow is saved."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from flows.engine import shapes
from flows.engine.errors import ExpressionError, Fault
from flows.engine.expressions import has_expression, lone_path, paths_in
from flows.engine.graph import TRIGGER, Graph, Node
from flows.engine.node import DescribesOutput
from flows.engine.paths import SECRETS, Literal, Path, no_member, step_text
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


MAX_REFERENCES = 300
"""Names that are proposed for the expressions of one node."""
MAX_OF_A_NODE = 100
"""Of those, how many are of the output of one node."""
_DEEPEST = 5
_MAX_SAMPLES = 3
"""Sample values that are shown for one name."""
_LONGEST_SAMPLE = 200


@dataclass(slots=True)
class Reference:
    """One thing that an expression may name: its path, its JSON types (none: not known), and the node it is from.

    `node` is None for what the host provides. `samples` are values that it had, texts cut to 200 characters; objects
    and lists have none of their own, their members have.
    """

    path: str
    types: list[str]
    node: Node | None
    samples: list[Any] = field(default_factory=list)

    def saw(self, value: Any) -> None:
        """Take a value that it had."""
        if not self.types:
            self.types.append(shapes.type_of(value))
        sample = (
            value[: _LONGEST_SAMPLE - 1] + "…" if isinstance(value, str) and len(value) > _LONGEST_SAMPLE else value
        )
        is_plain = not isinstance(value, dict | list) or not value
        if is_plain and sample not in self.samples and len(self.samples) < _MAX_SAMPLES:
            self.samples.append(sample)


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
        if node.is_sound and isinstance(node_type, DescribesOutput):
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
        try:
            path = lone_path(value) if has_expression(value) else None
        except ExpressionError:
            return UNKNOWN  # a fault of the draft, and told as one
        return {"type": shapes.type_of(value)} if path is None else self._shape_of_path(path)

    def _shape_of_path(self, path: Path) -> Shape:
        found = self._follow(path)
        if isinstance(found, Fault) or found is UNKNOWN:
            return UNKNOWN
        options = [found, {"type": "null"}] if path.optional and path.fallback is None else [found]
        if isinstance(path.fallback, Path):
            options.append(self._shape_of_path(path.fallback))
        elif isinstance(path.fallback, Literal):
            options.append({"type": shapes.type_of(path.fallback.value)})
        if any(option is UNKNOWN for option in options):
            return UNKNOWN
        return {"anyOf": options} if len(options) > 1 else found

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
        for place, path in self._paths():
            found = self._follow(path, place)
            if isinstance(found, Fault):
                yield found

    def unguarded(self) -> Iterator[tuple[str, str]]:
        """Each place at which a parameter that a call may leave out is used without a fallback, and its path there."""
        for place, path in self._paths():
            is_trigger = any(node.slug == path.root and node.type == TRIGGER for node in self.graph.order)
            if not is_trigger or path.optional or path.fallback is not None:
                continue
            shape = self.shapes[path.root]
            for number, step in enumerate(path.steps):
                if shapes.may_lack(shape, step):
                    yield place, path.until(number + 1)
                    break
                inside = shapes.enter(shape, step)
                shape = UNKNOWN if isinstance(inside, Absent) else inside

    def _paths(self) -> Iterator[tuple[str, Path]]:
        """Each path of a node that can run, with its place; what it means only where it stands is left out."""
        reachable = {node.id for node in self.graph.order}
        for node in self.graph.nodes.values():
            rules = node.registered.node_type.parameters_schema.get("properties", {})
            for name, value in node.parameters.items() if node.id in reachable else ():
                own = node.registered.deferred.get(name, frozenset()) | {SECRETS}
                for place, path in paths_in(value, f"{self.graph.places[node.id]}.parameters.{name}", rules.get(name)):
                    if isinstance(path, Path) and path.root not in own:
                        yield place, path

    def at(self, node: Node, samples: Mapping[str, Sequence[Any]] = MappingProxyType({})) -> list[Reference]:
        """What expressions of a node may name: outputs of the nodes before it, then what the host provides.

        `samples` are outputs that nodes had, by node id. What they hold is listed too where nothing else is known.
        Bounded: five levels, 100 of a node, 300 in all.
        """
        found: list[Reference] = []
        for earlier in self._before(node):
            found += _listed(earlier.slug, self.shapes[earlier.slug], earlier, samples.get(earlier.id, ()))
        for name, shape in ROOTS.items():
            found += _listed(name, shape, None, ())
        return found[:MAX_REFERENCES]

    def _before(self, node: Node) -> list[Node]:
        sources: dict[str, list[str]] = {}
        for line in self.graph.connections:
            sources.setdefault(line.target, []).append(line.source)
        found, todo = set[str](), [node.id]
        while todo:
            new = set(sources.get(todo.pop(), ())) - found
            found |= new
            todo += new
        return [each for each in self.graph.order if each.id in found]


def named_by(nodes: Iterable[Node]) -> dict[str, list[tuple[str | int, ...]]]:
    """What the expressions of these nodes name: by root, such as a slug, the steps below it; () is all of it."""
    found: dict[str, list[tuple[str | int, ...]]] = {}
    for node in nodes:
        for _, path in node.paths(""):
            if isinstance(path, Path):
                found.setdefault(path.root, []).append(path.steps)
    return found


def _listed(slug: str, shape: Shape, node: Node | None, samples: Sequence[Any]) -> list[Reference]:
    """What is known of one output, level by level, and what the samples show besides."""
    found: dict[str, Reference] = {}
    level = [(slug, shape, list(samples))]
    for _ in range(_DEEPEST):
        below: list[tuple[str, Shape, list[Any]]] = []
        for path, inner, values in level:
            if len(found) >= MAX_OF_A_NODE:
                break
            reference = found[path] = Reference(path, shapes.types(inner), node)
            for value in values:
                reference.saw(value)
            below += _members(path, inner, values)
        level = below
    return list(found.values())


def _members(path: str, shape: Shape, values: list[Any]) -> Iterator[tuple[str, Shape, list[Any]]]:
    known = shapes.members(shape)
    names = dict.fromkeys(known)
    for value in values:
        names |= dict.fromkeys(value if isinstance(value, dict) else [0] if isinstance(value, list) and value else [])
    for name in list(names)[:MAX_OF_A_NODE]:
        if "}}" in str(name):
            continue  # no expression can hold it
        inside = [member for value in values for member in _member(value, name)]
        yield path + step_text(name), known.get(name, UNKNOWN), inside


def _member(value: Any, name: str | int) -> list[Any]:
    """The member as a list of one; empty when there is none."""
    if isinstance(value, dict):
        return [value[name]] if name in value else []
    return [value[name]] if isinstance(value, list) and isinstance(name, int) and name < len(value) else []
