"""From a definition (JSON) to a Graph (an immutable value), with every fault reported at its path."""

from collections import Counter, deque
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

import jsonschema_rs

from flows.engine.destinations import SecretUse, uses_in
from flows.engine.errors import DefinitionError, Fault
from flows.engine.expressions import Fill, compile_value, paths_in
from flows.engine.names import SNAKE_CASE
from flows.engine.node import MAIN
from flows.engine.paths import RESERVED_ROOTS, SECRETS, Path, did_you_mean
from flows.engine.registry import RegisteredType, Registry, fault_of
from flows.engine.settings import ERROR, SETTINGS_SCHEMA, NodeSettings, read

TRIGGER = "trigger"
"""The type of the one node where a flow starts."""

HELD = "heldOutput"
"""Where a node of a draft has what stands for its output in test calls."""

MAX_NODES = 500
"""Nodes of one definition, and its notes and groups, each."""
MAX_CONNECTIONS = 10_000
"""Connections of one definition: 20 for each node."""
MAX_DEPTH = 64
"""Levels of nesting of a definition."""

MAX_PASS = 50
"""Nodes that are executed in one go, though others wait: a timeout cannot interrupt them."""

MAX_NOTE_TEXT = 4_000
"""Characters of a note on the canvas."""

_FORM_OF_SECRETS = (
    "write {{ secrets.NAME }}: one name, of capital letters, digits and underscores, that starts with a letter"
)
_TEXT = {"type": "string", "minLength": 1, "maxLength": 200}
_POSITION = {
    "type": "object",
    "properties": {"x": {"type": "number"}, "y": {"type": "number"}},
    "required": ["x", "y"],
}
_NODE = {
    "title": "FlowNode",
    "type": "object",
    "required": ["id", "type", "name", "slug"],
    "properties": {
        "id": _TEXT,
        "type": _TEXT,
        "name": _TEXT,
        "slug": {"type": "string", "pattern": f"^{SNAKE_CASE}$", "description": "How expressions name it."},
        "position": _POSITION,
        "parameters": {"type": "object"},
        "settings": SETTINGS_SCHEMA,
        "disabled": {
            "type": "boolean",
            "default": False,
            "description": "Passed over: what comes in goes on along its connections at main.",
        },
        HELD: {"description": "Stands for its output in test calls of the draft; never in versions or files."},
    },
    "additionalProperties": False,
}
_CONNECTION = {
    "title": "Connection",
    "type": "object",
    "required": ["id", "sourceNodeId", "targetNodeId"],
    "properties": {
        "id": _TEXT,
        "sourceNodeId": _TEXT,
        "sourceHandle": {**_TEXT, "default": MAIN},
        "targetNodeId": _TEXT,
        "targetHandle": {**_TEXT, "default": MAIN},
    },
    "additionalProperties": False,
}
_NOTE = {
    "title": "CanvasNote",
    "type": "object",
    "required": ["id", "text", "position"],
    "properties": {
        "id": _TEXT,
        "text": {"type": "string", "maxLength": MAX_NOTE_TEXT},
        "position": _POSITION,
    },
    "additionalProperties": False,
}
_GROUP = {
    "title": "NodeGroup",
    "type": "object",
    "required": ["id", "name", "nodeIds"],
    "properties": {
        "id": _TEXT,
        "name": {"type": "string", "maxLength": 200},
        "nodeIds": {"type": "array", "maxItems": MAX_NODES, "items": _TEXT},
    },
    "additionalProperties": False,
}
DEFINITION_SCHEMA: Mapping[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "Definition",
    "type": "object",
    "required": ["nodes", "connections"],
    "properties": {
        "nodes": {"type": "array", "maxItems": MAX_NODES, "items": _NODE},
        "connections": {"type": "array", "maxItems": MAX_CONNECTIONS, "items": _CONNECTION},
        "notes": {
            "type": "array",
            "maxItems": MAX_NODES,
            "items": _NOTE,
            "description": "Words on the canvas, for people.",
        },
        "groups": {
            "type": "array",
            "maxItems": MAX_NODES,
            "items": _GROUP,
            "description": "Frames around nodes, for people.",
        },
    },
    "additionalProperties": False,
}
"""JSON Schema of a definition; its parts with a title are named by it in the OpenAPI document."""
_SHAPE = jsonschema_rs.Draft202012Validator(dict(DEFINITION_SCHEMA))


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """A box of the graph; `fill` turns its parameters into values, or is None when they hold no expression.

    Where it names `secrets`, the values may not be shown: what `fill` makes is then for the node alone. `deferred` are
    the parameters that `fill` leaves as they are, because the node fills them in itself. `settings` is None for a node
    that is tried once and whose failure ends the flow, as most are. `own_handles` are the ways out that its type gives
    it. `takes_first` says that it begins with the first branch that arrives instead of waiting for all, `is_immediate`
    that it neither waits nor acts.
    """

    id: str
    type: str
    name: str
    slug: str
    parameters: Mapping[str, Any]
    registered: RegisteredType = field(repr=False)
    fill: Fill | None = field(repr=False, default=None)
    position: tuple[float, float] | None = None
    secrets: tuple[SecretUse, ...] = ()
    deferred: Mapping[str, Fill] = field(repr=False, default_factory=dict)
    settings: NodeSettings | None = None
    own_handles: tuple[str, ...] = (MAIN,)
    takes_first: bool = False
    is_immediate: bool = False
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

    Nodes that are disabled are not in it; connections lead past them.

    `secret_names` are the names in `{{ secrets.NAME }}` of those nodes. `places` says where in the definition each node
    stands, by its id: `nodes[3]`. `is_immediate` says that it has at most MAX_PASS nodes, and none that waits or acts.
    """

    trigger: Node
    order: tuple[Node, ...]
    nodes: Mapping[str, Node]
    connections: tuple[Connection, ...]
    outgoing: Mapping[str, tuple[Connection, ...]]
    incoming_counts: Mapping[str, int]
    places: Mapping[str, str]
    secret_names: frozenset[str] = frozenset()
    is_immediate: bool = False

    def reached(self, node_id: str) -> Node:
        """The node of that id; raises ValueError, with a sentence for a reader, for one that is not executed."""
        node = self.nodes.get(node_id)
        if node is None:
            disabled = "is disabled, so it is not executed: enable it, or choose another"
            raise ValueError(f"{node_id!r} {disabled if node_id in self.places else 'is no node of the flow'}.")
        if node not in self.order:
            raise ValueError(f"{node.name!r} cannot be reached: lead a connection to it from the trigger.")
        return node


def parse(definition: Any, registry: Registry) -> Graph:
    """Turn a definition into a Graph; raises DefinitionError with all that `examine` finds."""
    graph, faults = examine(definition, registry)
    if faults or graph is None:
        raise DefinitionError(faults)
    return graph


def parse_until(definition: Any, registry: Registry, node_id: str) -> Graph:
    """The graph of what leads to a node, which ends with it; other parts of the definition may have faults.

    Raises DefinitionError with the faults in what leads to it, and ValueError, as `Graph.reached` does.
    """
    graph, faults = examine(definition, registry)
    sources: dict[str, list[str]] = {}
    for line in objects_in(definition, "connections"):
        sources.setdefault(str(line.get("targetNodeId")), []).append(str(line.get("sourceNodeId")))
    wanted, todo = {node_id}, [node_id]
    for key in todo:  # which grows on the way
        todo += [source for source in sources.get(key, ()) if source not in wanted]
        wanted.update(todo)
    if graph is None or (faults := [fault for fault in faults if _is_about(fault, definition, wanted)]):
        raise DefinitionError(faults)
    graph.reached(node_id)
    lines = [line for line in graph.connections if line.source in wanted - {node_id} and line.target in wanted]
    order = tuple(node for node in graph.order if node.id in wanted)
    return _graph_of(graph.trigger, order, graph.nodes, lines, lines, graph.places)


def _is_about(fault: Fault, definition: Any, wanted: Collection[str]) -> bool:
    """Whether a fault is in one of these nodes or in what leads to them, or in no node or connection at all."""
    part, _, rest = fault.path.partition("[")
    if part not in ("nodes", "connections") or not rest:
        return part not in ("notes", "groups")
    item = definition[part][int(rest.partition("]")[0])]
    end = item.get("id" if part == "nodes" else "targetNodeId") if isinstance(item, dict) else None
    return isinstance(end, str) and end in wanted


def examine(definition: Any, registry: Registry) -> tuple[Graph | None, list[Fault]]:
    """As much of the graph as can be read, and every fault at its path; no graph without a trigger.

    Faults: shape, unknown type, parameters against the type's schema, missing or second trigger, duplicate id or slug,
    dangling connection, unknown handle, cycle, expression that is malformed or names no upstream node, group of nodes
    that are not there. Of a disabled node only its shape, id and slug are judged. What depends on something faulty is
    not judged: which ways out a node has whose parameters do not fit, or what comes before a node when a connection
    has no ends. Which secrets exist is not known here; see `flows.publishing.versions.faults_of`.
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
        self.disabled: set[str] = set()

    def examine(self) -> tuple[Graph | None, list[Fault]]:
        if not self._check_shape():
            return None, self.faults
        self._read_nodes()
        trigger = self._find_trigger()
        self._read_connections()
        self._check_drawn()
        order = self._lead_past_disabled(self._sort())
        if trigger is None:
            return None, self.faults
        reachable = self._reachable(trigger)
        self._check_expressions([node_id for node_id in order if node_id in reachable])
        ordered = tuple(self.nodes[node_id] for node_id in order if node_id in reachable and node_id in self.nodes)
        live = [line for line in self.connections if line.source in reachable]
        return _graph_of(trigger, ordered, self.nodes, self.connections, live, self.places), self.faults

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
            if raw.get("disabled") is True and raw.get("type") != TRIGGER:
                self.disabled.add(node_id)
            elif ("nodes", index) not in self.misshapen:
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
        if raw.get("disabled"):
            self.faults.append(Fault(f"{at}.disabled", "the trigger takes the call in; it cannot be disabled"))
        position = raw.get("position")
        self.nodes[raw["id"]] = Node(
            id=raw["id"],
            type=raw["type"],
            name=raw["name"],
            slug=raw["slug"],
            parameters=MappingProxyType(parameters),
            registered=registered,
            fill=None if malformed else compile_value(parameters, schema, left=registered.deferred),
            position=(position["x"], position["y"]) if position else None,
            secrets=tuple(uses_in(parameters, schema)),
            deferred={} if malformed else _compile_deferred(parameters, registered.deferred),
            settings=(settings := read(raw.get("settings", {}))),
            own_handles=() if faults else registered.handles(parameters),
            takes_first=not faults and registered.takes_first(parameters),
            # Between attempts a node waits.
            is_immediate=not faults
            and (settings is None or settings.attempts == 1)
            and registered.is_immediate(parameters),
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
        is_known = all(end in self.nodes or end in self.disabled for end in (line.source, line.target))
        return not faults and is_known

    def _check_drawn(self) -> None:
        """Notes and groups: ids that are there twice, and nodes that are not there."""
        for part in ("notes", "groups"):
            items = self.definition.get(part)
            ids: set[str] = set()
            for index, raw in enumerate(items if isinstance(items, list) else ()):
                if (part, index) in self.misshapen:
                    continue
                if raw["id"] in ids:
                    self.faults.append(Fault(f"{part}[{index}].id", f"another one has the id {raw['id']!r}"))
                ids.add(raw["id"])
                self.faults += [
                    Fault(f"{part}[{index}].nodeIds[{place}]", f"there is no node with the id {node_id!r}")
                    for place, node_id in enumerate(raw.get("nodeIds", ()))
                    if node_id not in self.places
                ]

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

    def _lead_past_disabled(self, order: list[str]) -> list[str]:
        """Connect what leads to a disabled node with what comes after it at main; gives the order of the others."""
        if self.disabled:
            self.connections, self.ends = (
                _past(self.disabled, lines, order) for lines in (self.connections, self.ends)
            )
        return [node_id for node_id in order if node_id not in self.disabled]

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
        disabled = {self.slugs[node_id] for node_id in self.disabled}
        everywhere = RESERVED_ROOTS if self.has_all_ends else RESERVED_ROOTS | set(self.slugs.values()) - disabled
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
        if path.root in {self.slugs[node_id] for node_id in self.disabled}:
            return (
                f"{{{{ {path.source} }}}}: {path.root!r} is disabled, so it has no output. Enable it, or name another. "
                f"Slugs that come before {node.name!r}: {names}"
            )
        why = "does not come before this node" if known else "is no node's slug"
        hint = "" if known else did_you_mean(path.root, upstream | RESERVED_ROOTS)
        return (
            f"{{{{ {path.source} }}}} names {path.root!r}, which {why}.{hint} "
            f"Slugs that come before {node.name!r}: {names}"
        )


def _graph_of(
    trigger: Node,
    order: tuple[Node, ...],
    nodes: Mapping[str, Node],
    connections: list[Connection],
    live: list[Connection],
    places: Mapping[str, str],
) -> Graph:
    """A graph; `live` are the connections out of nodes that can run."""
    counts = Counter(line.target for line in live)
    return Graph(
        trigger=trigger,
        order=order,
        nodes=MappingProxyType(dict(nodes)),
        connections=tuple(connections),
        outgoing=_group(live),
        incoming_counts=MappingProxyType({node.id: counts[node.id] for node in order}),
        places=MappingProxyType(dict(places)),
        secret_names=frozenset(use.name for node in order for use in node.secrets),
        is_immediate=len(order) <= MAX_PASS and all(node.is_immediate for node in order),
    )


def _compile_deferred(parameters: Mapping[str, Any], deferred: Collection[str]) -> Mapping[str, Fill]:
    values = {name: parameters[name] for name in deferred if name in parameters}
    return {name: compile_value(value) or _constant(value) for name, value in values.items()}


def _constant(value: Any) -> Fill:
    return lambda scope: value


def _past(disabled: Collection[str], lines: list[Connection], order: list[str]) -> list[Connection]:
    """The connections between the other nodes, each once; what is in a circle with a disabled node is left out."""
    outgoing = _group(lines)
    behind: dict[str, dict[str, Connection]] = {}
    """The last of the connections past a disabled node, by where they lead."""
    for node_id in reversed(order):
        if node_id in disabled:
            found: dict[str, Connection] = {}
            for line in outgoing.get(node_id, ()):
                if line.source_handle == MAIN:
                    found |= behind.get(line.target, {}) if line.target in disabled else {line.target: line}
            behind[node_id] = found
    kept: dict[tuple[str, str, str], Connection] = {}
    for line in lines:
        if line.source not in disabled:
            for last in behind.get(line.target, {}).values() if line.target in disabled else (line,):
                past = line if last is line else replace(line, target=last.target, target_handle=last.target_handle)
                kept.setdefault((past.source, past.source_handle, past.target), past)
    return list(kept.values())


def _group(connections: list[Connection]) -> Mapping[str, tuple[Connection, ...]]:
    grouped: dict[str, list[Connection]] = {}
    for line in connections:
        grouped.setdefault(line.source, []).append(line)
    return MappingProxyType({source: tuple(lines) for source, lines in grouped.items()})


def objects_in(definition: Any, part: str) -> list[dict[str, Any]]:
    """The objects in a list of a definition, such as its nodes; a draft may be anything, and then there are none."""
    found = definition.get(part) if isinstance(definition, dict) else None
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []


def without_held(definition: Any) -> Any:
    """A definition without the outputs that are held for tests; what is no definition is given back as it is."""
    nodes = definition.get("nodes") if isinstance(definition, dict) else None
    if not isinstance(nodes, list) or not any(isinstance(node, dict) and HELD in node for node in nodes):
        return definition
    kept = [
        {key: value for key, value in node.items() if key != HELD} if isinstance(node, dict) else node for node in nodes
    ]
    return {**definition, "nodes": kept}


def held_outputs(definition: Any) -> dict[str, Any]:
    """The outputs that are held for tests, by the ids of nodes."""
    nodes = objects_in(definition, "nodes")
    return {node["id"]: node[HELD] for node in nodes if HELD in node and isinstance(node.get("id"), str)}


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
