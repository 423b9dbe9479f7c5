"""From a definition (JSON) to a Graph (an immutable value), with every fault reported at its path."""

from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import jsonschema_rs

from flows.engine.errors import DefinitionError, Fault
from flows.engine.expressions import Fill, compile_value, paths_in
from flows.engine.names import SNAKE_CASE
from flows.engine.node import MAIN
from flows.engine.paths import RESERVED_ROOTS, SECRETS, Path, did_you_mean
from flows.engine.registry import RegisteredType, Registry, fault_of
from flows.engine.settings import ERROR, SETTINGS_SCHEMA, NodeSettings, read

TRIGGER = "trigger"
"""The type of the one node where a flow starts."""

MAX_NODES = 500
"""Nodes of one definition, and its notes and groups, each."""
MAX_CONNECTIONS = 10_000
"""Connections of one definition: 20 for each node."""
MAX_DEPTH = 64
"""Levels of nesting of a definition."""

_FORM_OF_SECRETS = (
    "write {{ secrets.NAME }}: one name, of capital letters, digits and underscores, that starts with a letter"
)
_TEXT = {"type": "string", "minLength": 1, "maxLength": 200}
DEFINITION_SCHEMA: Mapping[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "Definition of a flow",
    "type": "object",
    "required": ["nodes", "connections"],
    "properties": {
        "nodes": {
            "type": "array",
            "maxItems": MAX_NODES,
            "items": {
                "type": "object",
                "required": ["id", "type", "name", "slug"],
                "properties": {
                    "id": _TEXT,
                    "type": _TEXT,
                    "name": _TEXT,
                    "slug": {"type": "string", "pattern": f"^{SNAKE_CASE}$"},
                    "position": {
                        "type": "object",
                        "properties": {"x": {"type": "number"}, "y": {"type": "number"}},
                        "required": ["x", "y"],
                    },
                    "parameters": {"type": "object"},
                    "settings": SETTINGS_SCHEMA,
                },
                "additionalProperties": False,
            },
        },
        "connections": {
            "type": "array",
            "maxItems": MAX_CONNECTIONS,
            "items": {
                "type": "object",
                "required": ["id", "sourceNodeId", "targetNodeId"],
                "properties": {
                    "id": _TEXT,
                    "sourceNodeId": _TEXT,
                    "sourceHandle": _TEXT,
                    "targetNodeId": _TEXT,
                    "targetHandle": _TEXT,
                },
                "additionalProperties": False,
            },
        },
    },
    "additionalProperties": False,
}
_SHAPE = jsonschema_rs.Draft202012Validator(dict(DEFINITION_SCHEMA))


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """A box of the graph; `fill` turns its parameters into values, or is None when they hold no expression.

    `uses_secrets` says that the values may not be shown: what `fill` makes is then for the node alone. `deferred` are
    the parameters that `fill` leaves as they are, because the node fills them in itself. `settings` is None for a node
    that is tried once and whose failure ends the flow, as most are. `own_handles` are the ways out that its type gives
    it. `takes_first` says that it begins with the first branch that arrives instead of waiting for all.
    """

    id: str
    type: str
    name: str
    slug: str
    parameters: Mapping[str, Any]
    registered: RegisteredType = field(repr=False)
    fill: Fill | None = field(repr=False, default=None)
    position: tuple[float, float] | None = None
    uses_secrets: bool = False
    deferred: Mapping[str, Fill] = field(repr=False, default_factory=dict)
    settings: NodeSettings | None = None
    own_handles: tuple[str, ...] = (MAIN,)
    takes_first: bool = False
    is_sound: bool = True
    """Whether its parameters fit its type; what one gives out that is not, nobody knows."""

    @property
    def handles(self) -> tuple[str, ...]:
        """Its ways out: those of its type, and `error` when its settings ask for it."""
        asks = self.settings is not None and self.settings.on_error == "handle"
        return (*self.own_handles, ERROR) if asks else self.own_handles

    def paths(self, at: str) -> Iterator[tuple[str, Path | Fault]]:
        """Every expression in the parameters, with the place that it stands at."""
        return paths_in(dict(self.parameters), at, self.registered.node_type.parameters_schema)


@dataclass(frozen=True, slots=True)
class Connection:
    """A line from one node's output handle to another node's input handle."""

    id: str
    source: str
    source_handle: str
    target: str
    target_handle: str


@dataclass(frozen=True, slots=True, eq=False)
class Graph:
    """A parsed definition: `order` holds the nodes reachable from the trigger, in topological order.

    `secret_names` are the names in `{{ secrets.NAME }}` of those nodes. `places` says where in the definition each node
    stands, by its id: `nodes[3]`.
    """

    trigger: Node
    order: tuple[Node, ...]
    nodes: Mapping[str, Node]
    connections: tuple[Connection, ...]
    outgoing: Mapping[str, tuple[Connection, ...]]
    incoming_counts: Mapping[str, int]
    places: Mapping[str, str]
    secret_names: frozenset[str] = frozenset()


def parse(definition: Any, registry: Registry) -> Graph:
    """Turn a definition into a Graph; raises DefinitionError with all that `examine` finds."""
    graph, faults = examine(definition, registry)
    if faults or graph is None:
        raise DefinitionError(faults)
    return graph


def examine(definition: Any, registry: Registry) -> tuple[Graph | None, list[Fault]]:
    """As much of the graph as can be read, and every fault at its path; no graph without a trigger.

    Faults: shape, unknown type, parameters against the type's schema, missing or second trigger, duplicate id or slug,
    dangling connection, unknown handle, cycle, expression that is malformed or names no upstream node. What depends on
    something faulty is not judged: which ways out a node has whose parameters do not fit, or what comes before a node
    when a connection has no ends. Which secrets exist is not known here; see `flows.publishing.versions.faults_of`.
    """
    return _Parser(definition, registry).examine()


class _Parser:
    def __init__(self, definition: Any, registry: Registry) -> None:
        self.definition = definition
        self.registry = registry
        self.faults: list[Fault] = []
        self.nodes: dict[str, Node] = {}
        self.places: dict[str, str] = {}
        self.slugs: dict[str, str] = {}
        """By id, also of nodes that cannot be read otherwise."""
        self.misshapen: set[tuple[str | int, ...]] = set()
        """`("nodes", 3)`: what has a wrong shape."""
        self.connections: list[Connection] = []
        self.ends: list[Connection] = []
        """Every connection between two nodes, also one at a handle that is not there."""
        self.has_all_ends = True

    def examine(self) -> tuple[Graph | None, list[Fault]]:
        if not self._check_shape():
            return None, self.faults
        self._read_nodes()
        trigger = self._find_trigger()
        self._read_connections()
        order = self._sort()
        if trigger is None:
            return None, self.faults
        reachable = self._reachable(trigger)
        self._check_expressions([node_id for node_id in order if node_id in reachable])
        ordered = tuple(self.nodes[node_id] for node_id in order if node_id in reachable and node_id in self.nodes)
        live = [line for line in self.connections if line.source in reachable]
        graph = Graph(
            trigger=trigger,
            order=ordered,
            nodes=MappingProxyType(dict(self.nodes)),
            connections=tuple(self.connections),
            outgoing=_group(live),
            incoming_counts=MappingProxyType(
                {node.id: sum(line.target == node.id for line in live) for node in ordered}
            ),
            places=MappingProxyType(self.places),
            secret_names=frozenset().union(*(secret_names(node.paths("")) for node in ordered)),
        )
        return graph, self.faults

    def _check_shape(self) -> bool:
        """Whether there are lists of nodes and connections that can be read one by one."""
        if too_deep(self.definition, MAX_DEPTH):
            self.faults.append(Fault("", f"the definition is nested deeper than {MAX_DEPTH} levels"))
            return False
        for error in _SHAPE.iter_errors(self.definition):
            self.faults.append(fault_of(error))
            self.misshapen.add(tuple(error.instance_path[:2]))
        lists = self.definition if isinstance(self.definition, dict) else {}
        return all(isinstance(lists.get(name), list) for name in ("nodes", "connections")) and not (
            self.misshapen & {("nodes",), ("connections",)}
        )

    def _read_nodes(self) -> None:
        slugs: dict[str, str] = {}
        for index, raw in enumerate(self.definition["nodes"]):
            at = f"nodes[{index}]"
            node_id, slug = (raw.get("id"), raw.get("slug")) if isinstance(raw, dict) else (None, None)
            if not isinstance(node_id, str) or not isinstance(slug, str):
                continue
            if node_id in self.places:
                self.faults.append(Fault(f"{at}.id", f"another node has the id {node_id!r}"))
                continue
            self.places[node_id], self.slugs[node_id] = at, slug
            self._check_slug(slug, at, slugs)
            if ("nodes", index) not in self.misshapen:
                self._read_node(raw, at)

    def _check_slug(self, slug: str, at: str, slugs: dict[str, str]) -> None:
        if slug in RESERVED_ROOTS:
            self.faults.append(Fault(f"{at}.slug", f"{slug!r} is reserved for expressions; choose another slug"))
        if slug in slugs:
            self.faults.append(Fault(f"{at}.slug", f"the slug {slug!r} is taken by {slugs[slug]}"))
        slugs.setdefault(slug, at)

    def _read_node(self, raw: dict[str, Any], at: str) -> None:
        registered = self.registry.get(raw["type"])
        if registered is None:
            known = ", ".join(sorted(self.registry))
            self.faults.append(Fault(f"{at}.type", f"there is no node type {raw['type']!r}; the types are: {known}"))
            return
        parameters = raw.get("parameters", {})
        schema = registered.node_type.parameters_schema
        faults = registered.faults(parameters, f"{at}.parameters", before_filling=True)
        paths = list(paths_in(parameters, f"{at}.parameters", schema))
        malformed = [found for _, found in paths if isinstance(found, Fault)]
        self.faults += [*faults, *malformed]
        position = raw.get("position")
        self.nodes[raw["id"]] = Node(
            id=raw["id"],
            type=raw["type"],
            name=raw["name"],
            slug=raw["slug"],
            parameters=MappingProxyType(parameters),
            registered=registered,
            fill=None if malformed else _compile(parameters, registered.deferred, schema),
            position=(position["x"], position["y"]) if position else None,
            uses_secrets=bool(secret_names(paths)),
            deferred={} if malformed else _compile_deferred(parameters, registered.deferred),
            settings=read(raw.get("settings", {})),
            own_handles=() if faults else registered.handles(parameters),
            takes_first=not faults and registered.takes_first(parameters),
            is_sound=not faults,
        )
        self._check_settings(self.nodes[raw["id"]], at)

    def _check_settings(self, node: Node, at: str) -> None:
        if node.settings is None:
            return
        handles = node.own_handles
        if node.type == TRIGGER:
            self.faults.append(Fault(f"{at}.settings", "the trigger only takes the call in; it has no settings"))
        elif node.settings.on_error == "continue" and handles and MAIN not in handles:
            message = f"'continue' goes on at the handle {MAIN!r}, which {node.name!r} does not have; use 'handle'"
            self.faults.append(Fault(f"{at}.settings.onError", message))

    def _find_trigger(self) -> Node | None:
        triggers = [node for node in self.nodes.values() if node.type == TRIGGER]
        raw_nodes = [raw for raw in self.definition["nodes"] if isinstance(raw, dict)]
        if not any(raw.get("type") == TRIGGER for raw in raw_nodes):
            self.faults.append(Fault("nodes", "a flow needs one node of type 'trigger', where calls come in"))
        for second in triggers[1:]:
            self.faults.append(Fault(self.places[second.id], f"{triggers[0].name!r} is already the flow's trigger"))
        return triggers[0] if triggers else None

    def _read_connections(self) -> None:
        ids: set[str] = set()
        for index, raw in enumerate(self.definition["connections"]):
            at = f"connections[{index}]"
            if ("connections", index) in self.misshapen:
                self.has_all_ends = False
                continue
            line = Connection(
                raw["id"],
                raw["sourceNodeId"],
                raw.get("sourceHandle", MAIN),
                raw["targetNodeId"],
                raw.get("targetHandle", MAIN),
            )
            if line.id in ids:
                self.faults.append(Fault(f"{at}.id", f"another connection has the id {line.id!r}"))
            ids.add(line.id)
            if self._check_ends(line, at):
                self.connections.append(line)

    def _check_ends(self, line: Connection, at: str) -> bool:
        faults = []
        for key, end in (("sourceNodeId", line.source), ("targetNodeId", line.target)):
            if end not in self.places:
                faults.append(Fault(f"{at}.{key}", f"there is no node with the id {end!r}"))
        source, target = self.nodes.get(line.source), self.nodes.get(line.target)
        if source and source.is_sound and line.source_handle not in source.handles:
            handles = ", ".join(source.handles) or "none"
            faults.append(
                Fault(f"{at}.sourceHandle", f"{source.name!r} has no handle {line.source_handle!r}; it has: {handles}")
            )
        if target and target.type == TRIGGER:
            faults.append(Fault(f"{at}.targetNodeId", "nothing can lead into the trigger"))
        elif line.target_handle != MAIN:
            faults.append(Fault(f"{at}.targetHandle", f"inputs have one handle, {MAIN!r}"))
        if line.source in self.places and line.target in self.places and not (target and target.type == TRIGGER):
            self.ends.append(line)
        self.faults += faults
        return not faults and source is not None and target is not None

    def _sort(self) -> list[str]:
        """The ids of the nodes, each after all that lead to it."""
        waiting = dict.fromkeys(self.places, 0)
        for line in self.ends:
            waiting[line.target] += 1
        outgoing = _group(self.ends)
        ready = deque(node_id for node_id, count in waiting.items() if not count)
        order = []
        while ready:
            node_id = ready.popleft()
            order.append(node_id)
            for line in outgoing.get(node_id, ()):
                waiting[line.target] -= 1
                if not waiting[line.target]:
                    ready.append(line.target)
        if len(order) < len(self.places):
            self._report_cycle({node_id for node_id, count in waiting.items() if count})
        return order

    def _report_cycle(self, left: set[str]) -> None:
        """Name one circle among the nodes that never became free."""
        before: dict[str, str] = {}
        for line in self.ends:
            if line.source in left and line.target in left:
                before[line.target] = line.source
        trail = [next(iter(before))]
        while before[trail[-1]] not in trail:
            trail.append(before[trail[-1]])
        circle = trail[trail.index(before[trail[-1]]) :][::-1]
        named = {node_id: node.name for node_id, node in self.nodes.items()}
        names = " -> ".join(named.get(node_id, self.slugs[node_id]) for node_id in [*circle, circle[0]])
        self.faults.append(Fault(self.places[circle[0]], f"the connections run in a circle: {names}"))

    def _reachable(self, trigger: Node) -> set[str]:
        outgoing = _group(self.ends)
        found, todo = {trigger.id}, [trigger.id]
        while todo:
            for line in outgoing.get(todo.pop(), ()):
                if line.target not in found:
                    found.add(line.target)
                    todo.append(line.target)
        return found

    def _check_expressions(self, order: list[str]) -> None:
        """Nodes that nothing reaches never run, so their expressions are left alone while a draft is being built."""
        upstream: dict[str, set[str]] = {node_id: set() for node_id in order}
        outgoing = _group(self.ends)
        for node_id in order:
            for line in outgoing.get(node_id, ()):
                if line.target in upstream:  # else it is in a circle
                    upstream[line.target] |= upstream[node_id] | {self.slugs[node_id]}
        everywhere = RESERVED_ROOTS if self.has_all_ends else RESERVED_ROOTS | set(self.slugs.values())
        for node in [self.nodes[node_id] for node_id in order if node_id in self.nodes]:
            for place, path, more in self._paths(node):
                if isinstance(path, Path) and path.root not in upstream[node.id] | everywhere | more:
                    self.faults.append(Fault(place, self._unknown_root(path, node, upstream[node.id])))
                elif isinstance(path, Path) and path.root == SECRETS and path.secret_name is None:
                    self.faults.append(Fault(place, f"{{{{ {path.source} }}}}: {_FORM_OF_SECRETS}"))

    def _paths(self, node: Node) -> Iterator[tuple[str, Path | Fault, frozenset[str]]]:
        """Every expression of a node, its place, and the names that it may begin with there alone."""
        rules = node.registered.node_type.parameters_schema.get("properties", {})
        for name, value in node.parameters.items():
            more = node.registered.deferred.get(name, frozenset())
            for place, path in paths_in(value, f"{self.places[node.id]}.parameters.{name}", rules.get(name)):
                yield place, path, more

    def _unknown_root(self, path: Path, node: Node, upstream: set[str]) -> str:
        names = ", ".join(sorted(upstream)) or "none"
        known = path.root in self.slugs.values()
        why = "does not come before this node" if known else "is no node's slug"
        hint = "" if known else did_you_mean(path.root, upstream | RESERVED_ROOTS)
        return (
            f"{{{{ {path.source} }}}} names {path.root!r}, which {why}.{hint} "
            f"Slugs that come before {node.name!r}: {names}"
        )


def _compile(parameters: Mapping[str, Any], deferred: Collection[str], schema: Any) -> Fill | None:
    """What fills in the parameters, and leaves the deferred ones as they are."""
    fill = compile_value({name: value for name, value in parameters.items() if name not in deferred}, schema)
    return fill and (lambda scope: {**parameters, **fill(scope)})


def _compile_deferred(parameters: Mapping[str, Any], deferred: Collection[str]) -> Mapping[str, Fill]:
    values = {name: parameters[name] for name in deferred if name in parameters}
    return {name: compile_value(value) or _constant(value) for name, value in values.items()}


def _constant(value: Any) -> Fill:
    return lambda scope: value


def secret_names(paths: Iterable[tuple[str, Path | Fault]]) -> set[str]:
    """The NAME of each `{{ secrets.NAME }}` among the expressions that `paths_in` found."""
    return {path.secret_name for _, path in paths if isinstance(path, Path) and path.secret_name}


def _group(connections: list[Connection]) -> Mapping[str, tuple[Connection, ...]]:
    grouped: dict[str, list[Connection]] = {}
    for line in connections:
        grouped.setdefault(line.source, []).append(line)
    return MappingProxyType({source: tuple(lines) for source, lines in grouped.items()})


def too_deep(value: Any, limit: int) -> bool:
    """Whether a JSON value is nested deeper than `limit` levels; never recurses."""
    level = [value]
    for _ in range(limit + 1):
        level = [
            child
            for item in level
            if isinstance(item, dict | list)
            for child in (item.values() if isinstance(item, dict) else item)
        ]
        if not level:
            return False
    return True
