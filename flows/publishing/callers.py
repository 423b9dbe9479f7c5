"""Which flows call a flow, which prompts and resources it answers, and what a change of it means for them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Q

from flows.engine.errors import DefinitionError, Fault
from flows.engine.graph import Graph, Node, objects_in, parse
from flows.engine.node import FLOW_FORMAT, Asks, NodeType
from flows.engine.questions import KINDS, QuestionKind
from flows.models import Flow, Prompt, Resource
from flows.nodes import registry
from flows.nodes.offer import SwitchOffer
from flows.revisions.writes import write


@dataclass(frozen=True, slots=True)
class Caller:
    """A flow that names another one, or a prompt or resource that it answers.

    `version` is the number of the published version that names it, None when only the draft does; what is no flow has
    no versions, and `is_live` alone says whether clients meet it now.
    """

    row: Flow | Prompt | Resource
    is_live: bool
    in_draft: bool = True
    version: int | None = None

    @property
    def kind(self) -> str:
        """flow, prompt or resource."""
        return "flow" if isinstance(self.row, Flow) else self.row.kind

    @property
    def key(self) -> str:
        """What clients call it by."""
        return self.row.tool_name if isinstance(self.row, Flow) else self.row.key


@dataclass(frozen=True, slots=True)
class Callers:
    """The callers that somebody may see, and how many there are besides."""

    seen: Sequence[Caller]
    hidden: int
    hidden_live: int

    @property
    def live(self) -> "Callers":
        """Those that clients meet now, so that a change breaks something at once."""
        return Callers([caller for caller in self.seen if caller.is_live], self.hidden_live, self.hidden_live)

    @property
    def total(self) -> int:
        """All of them."""
        return len(self.seen) + self.hidden


def callers_of(flow: Flow, user: Any) -> Callers:
    """Who calls the flow by its published name or its draft's, flows first; the flow itself does not count."""
    found = [*_calling_flows(flow), *_answered(flow)]
    visible = {
        model: set(model.objects.visible_to(user).values_list("pk", flat=True).filter(server=flow.server_id))
        for model in (Flow, Prompt, Resource)
    }
    seen = [caller for caller in found if caller.row.pk in visible[type(caller.row)]]
    hidden = [caller for caller in found if caller not in seen]
    return Callers(seen, len(hidden), sum(caller.is_live for caller in hidden))


def _calling_flows(flow: Flow) -> Iterator[Caller]:
    called = flow.published_version.tool_name if flow.published_version else flow.tool_name
    names = {called, flow.tool_name}
    rows = Flow.objects.filter(server=flow.server_id).exclude(pk=flow.pk).select_related("published_version")
    # The text of a definition that calls by a name holds it between quotation marks: most rows stay in the database.
    is_named = Q()
    for name in names:
        is_named |= Q(definition__contains=name) | Q(published_version__definition__contains=name)
    for row in rows.filter(is_named).order_by("tool_name"):
        version = row.published_version
        number = version.number if version and called in names_in(version.definition) else None
        in_draft = not names.isdisjoint(names_in(row.definition))
        if in_draft or number is not None:
            yield Caller(row, number is not None and row.is_active, in_draft, number)


def _answered(flow: Flow) -> Iterator[Caller]:
    for rows in (flow.prompts.order_by("name"), flow.resources.order_by("uri")):
        yield from (Caller(row, row.is_active) for row in rows)


def flow_parameters(node_type: NodeType) -> list[str]:
    """The parameters that name flows, as the node type's schema says."""
    properties = node_type.parameters_schema.get("properties", {})
    return [name for name, schema in properties.items() if schema.get("format") == FLOW_FORMAT]


def names_in(definition: Any) -> set[str]:
    """The tool names of the flows that a definition names, also in nodes that nothing leads to."""
    return {name for _, named in _naming_nodes(definition) for name in named.values()}


def renamed(definition: Any, names: Mapping[str, str]) -> Any:
    """The definition, with the flows that it names under their new names."""
    renames = {
        id(node): {parameter: names[name] for parameter, name in named.items() if name in names}
        for node, named in _naming_nodes(definition)
    }
    if not any(renames.values()):
        return definition
    nodes = [
        {**node, "parameters": {**node["parameters"], **new}} if (new := renames.get(id(node))) else node
        for node in definition["nodes"]
    ]
    return {**definition, "nodes": nodes}


def _naming_nodes(definition: Any) -> Iterator[tuple[dict[str, Any], dict[str, str]]]:
    """Each node with the flows that it names, by parameter; node types that are gone name none."""
    for node in objects_in(definition, "nodes"):
        registered, given = registry().get(str(node.get("type"))), node.get("parameters")
        if registered is not None and isinstance(given, dict):
            names = flow_parameters(registered.node_type)
            yield node, {name: given[name] for name in names if isinstance(given.get(name), str)}


def take_along(flow: Flow, old: str, new: str) -> list[Flow]:
    """Have the drafts of the flow's server name it by its new tool name; gives those that were changed.

    For a transaction: the rows are locked before they are read.
    """
    rows = Flow.objects.filter(server=flow.server_id, definition__contains=old).select_for_update(of=("self",))
    changed = [row for row in rows.order_by("tool_name") if old in names_in(row.definition)]
    for row in changed:
        row.definition = renamed(row.definition, {old: new})
        write(row, ["definition"])
    return [row for row in changed if row.pk != flow.pk]


# --- What asks --------------------------------------------------------------------------------------------------------


def asking_node(graph: Graph | None) -> tuple[Node, QuestionKind] | None:
    """The first node of a graph that can run and asks the caller, and for what; a flow that is called cannot ask."""
    for node in graph.order if graph else ():
        if isinstance(node.registered.node_type, Asks):
            return node, node.registered.node_type.asks
    return None


def asked_kind(graph: Graph | None) -> QuestionKind | None:
    """What a graph that can run asks its caller for first; None when it asks nothing."""
    found = asking_node(graph)
    return found[1] if found else None


def asking_faults(flow: Flow, graph: Graph) -> Iterator[Fault]:
    """Each node that can run and calls a flow which asks, itself or through others; it would fail with every call.

    `graph` is that of the flow's draft.
    """
    if not any(_called(node) for node in graph.order):
        return
    definitions = {row.tool_name: row.definition for row in Flow.objects.filter(server=flow.server_id)}
    published = Flow.objects.filter(server=flow.server_id, published_version__isnull=False)
    definitions |= dict(published.values_list("published_version__tool_name", "published_version__definition"))
    definitions[flow.tool_name] = flow.definition
    for node in graph.order:
        for parameter, name in _called(node).items():
            if (why := _why_it_asks(name, definitions)) is not None:
                say = f"{why}, and a flow that is called cannot ask: ask in this flow, and hand over the answer"
                yield Fault(f"definition.{graph.places[node.id]}.parameters.{parameter}", say)


def _called(node: Node) -> dict[str, str]:
    """The flows that a node calls, by parameter."""
    if node.type == SwitchOffer.type:
        return {}
    names = flow_parameters(node.registered.node_type)
    return {name: node.parameters[name] for name in names if isinstance(node.parameters.get(name), str)}


def _why_it_asks(name: str, definitions: Mapping[str, Any]) -> str | None:
    """How a flow comes to ask, nearest first; each flow is looked at once, however they call each other."""
    waiting, seen = [(name, repr(name))], {name}
    for called, way in waiting:
        graph = graph_or_none(definitions.get(called))
        if (found := asking_node(graph)) is not None:
            return f"{way} asks {KINDS[found[1]]} (its node {found[0].name!r})"
        for each in graph.order if graph else ():
            for further in _called(each).values():
                if further not in seen:
                    seen.add(further)
                    waiting.append((further, f"{way} calls {further!r}, which"))
    return None


def graph_or_none(definition: Any) -> Graph | None:
    """The graph; None for a definition that is none, as when a node type is gone."""
    try:
        return parse(definition, registry())
    except DefinitionError:
        return None
