"""Which outputs of an earlier execution may stand for executing a node once more."""

from collections.abc import Mapping

from flows.engine.graph import Graph
from flows.engine.node import RepliesAgain, Reused


def check(graph: Graph, reused: Mapping[str, Reused]) -> None:
    """Raise ValueError, with a sentence for a reader, when the outputs (by node id) do not fit the graph."""
    reachable = {node.id: node for node in graph.order}
    for node_id, earlier in reused.items():
        node = reachable.get(node_id)
        if node is None:
            raise ValueError(f"The flow no longer reaches a node with the id {node_id!r}, so its output has no use.")
        if node.own_handles and earlier.handle not in (None, *node.handles):
            raise ValueError(f"{node.name!r} no longer has the handle {earlier.handle!r}, which it took then.")
        if earlier.has_replied and not isinstance(node.registered.node_type, RepliesAgain):
            raise ValueError(
                f"{node.name!r} answered the caller, and its node type {node.type!r} cannot give that answer again. "
                "Start at that node, or before it."
            )
