"""What a node of a draft may name in its expressions, with values from the newest executions."""

from typing import Any

from executions.models import Execution
from executions.record.entries import by_id, entries_of
from executions.record.holes import without_cuts
from executions.record.payload import Cut
from flows.engine.errors import DefinitionError
from flows.engine.graph import examine
from flows.engine.references import Reference, References
from flows.models import Flow, Secret
from flows.nodes import registry
from flows.publishing.versions import shape_of_arguments

EXECUTIONS = 5
"""How many of the newest executions are looked at."""


def inputs_of(flow: Flow, slug: str, user: Any) -> list[Reference] | None:
    """What expressions of the draft's node with that slug may name; None when no such node is reached.

    Values are as the record has them: hidden and cut where it is. What has faults elsewhere is no hindrance. Raises
    DefinitionError for a draft without a trigger.
    """
    graph, faults = examine(flow.definition, registry())
    if graph is None:
        raise DefinitionError(faults)
    node = next((node for node in graph.order if node.slug == slug), None)
    if node is None:
        return None
    found = References(graph, shape_of_arguments(flow.input_schema)).at(node, _outputs(flow, user))
    secrets = Secret.objects.visible_to(user).filter(server=flow.server_id).values_list("name", flat=True)
    return found + [Reference(f"secrets.{name}", ["string"], None) for name in secrets]


def _outputs(flow: Flow, user: Any) -> dict[str, list[Any]]:
    """The recorded outputs of the newest executions, by node id, newest first."""
    executions = Execution.objects.of_flow(flow, user).newest_first()[:EXECUTIONS]
    found: dict[str, list[Any]] = {}
    for stored in executions.values_list("node_executions", flat=True):
        for node_id, entry in by_id(entries_of(stored)).items():
            if entry.status == "completed" and not isinstance(entry.output, Cut):
                found.setdefault(node_id, []).append(without_cuts(entry.output))
    return found
