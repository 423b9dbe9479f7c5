"""Where the secrets of a server are named: in drafts, and in what clients call."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flows.engine.destinations import astray, uses_in
from flows.engine.graph import examine, objects_in
from flows.models import Flow, FlowVersion, Server
from flows.nodes import registry


@dataclass(frozen=True, slots=True)
class Use:
    """A flow that names a secret: in its draft, in the version that clients call, or in both."""

    flow: Flow
    in_draft: bool
    version: FlowVersion | None
    astray: str = ""
    """Why the version could not be published today: the secret stands, or goes, where it may not."""


def uses_of(server: Server) -> Mapping[str, list[Use]]:
    """The uses of each secret by its name, also of secrets that are not there; flows in the order of their names."""
    uses: defaultdict[str, list[Use]] = defaultdict(list)
    origins = dict(server.secrets.values_list("name", "origins"))
    for flow in server.flows.select_related("published_version"):
        drafted, version = names_in(flow.definition), flow.published_version
        called = names_in(version.definition) if version else set()
        graph = examine(version.definition, registry())[0] if version and called else None
        why = {
            use.name: fault
            for node in (graph.order if graph else ())
            for use in node.secrets
            if (fault := astray(use, node.parameters, origins.get(use.name, ())))
        }
        for name in drafted | called:
            uses[name].append(Use(flow, name in drafted, version if name in called else None, why.get(name, "")))
    return uses


def names_in(definition: Any) -> set[str]:
    """The secrets that a definition names, also in nodes that nothing leads to."""
    found: set[str] = set()
    for node in objects_in(definition, "nodes"):
        registered = registry().get(str(node.get("type")))
        schema = registered.node_type.parameters_schema if registered else None
        found |= {use.name for use in uses_in(node.get("parameters", {}), schema)}
    return found
