"""Where the secrets of a server are named: in drafts, and in what clients call."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flows.engine.expressions import paths_in
from flows.engine.graph import objects_in, secret_names
from flows.models import Flow, FlowVersion, Server
from flows.nodes import registry


@dataclass(frozen=True, slots=True)
class Use:
    """A flow that names a secret: in its draft, in the version that clients call, or in both."""

    flow: Flow
    in_draft: bool
    version: FlowVersion | None


def uses_of(server: Server) -> Mapping[str, list[Use]]:
    """The uses of each secret by its name, also of secrets that are not there; flows in the order of their names."""
    uses: defaultdict[str, list[Use]] = defaultdict(list)
    for flow in server.flows.select_related("published_version"):
        drafted, version = names_in(flow.definition), flow.published_version
        called = names_in(version.definition) if version else set()
        for name in drafted | called:
            uses[name].append(Use(flow, name in drafted, version if name in called else None))
    return uses


def names_in(definition: Any) -> set[str]:
    """The secrets that a definition names, also in nodes that nothing leads to."""
    found: set[str] = set()
    for node in objects_in(definition, "nodes"):
        registered = registry().get(str(node.get("type")))
        schema = registered.node_type.parameters_schema if registered else None
        found |= secret_names(paths_in(node.get("parameters", {}), "", schema))
    return found
