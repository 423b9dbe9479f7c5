"""How far a flow is, as a client is told it: a share of 100 that only grows, and a sentence.

Two things are counted. A flow whose `progress` nodes give fractions says itself how far it is, and nothing else counts.
For any other flow it is the nodes done of those that may still be reached; a node under way counts with the fraction
that it reports, and a node that is skipped is no longer expected.
"""

from flows.engine.events import Event, NodeCompleted, NodeErrored, NodeProgress, NodeSkipped, NodeStarted
from flows.engine.graph import Graph
from flows.nodes.progress import Progress

TOTAL = 100.0


class Meter:
    """The state of one execution."""

    def __init__(self, graph: Graph) -> None:
        self._shares = {node.id: 0.0 for node in graph.order if node is not graph.trigger}
        sayers = [node for node in graph.order if node.type == Progress.type]
        self._names_nodes = not sayers
        """Without words of the flow's own, the name of the node that began last stands for them."""
        self._may_say = {node.id for node in sayers if "fraction" in node.parameters}
        self._said: float | None = None
        self._has_failed = False
        self.message = ""

    @property
    def percent(self) -> float:
        """From 0 to 100, never less than before."""
        if self._said is not None or self._may_say:
            return TOTAL * (self._said or 0.0)
        return TOTAL * sum(self._shares.values()) / len(self._shares) if self._shares else TOTAL

    @property
    def is_counting(self) -> bool:
        """Whether what the nodes do moves it, and not only what the flow says."""
        return self._said is None and not self._may_say and not self._has_failed

    def take(self, event: Event) -> bool:
        """Take an event of the runner; True when the flow said something with it, which should not be passed over."""
        node_id = event.node.id
        match event:
            case NodeProgress() if event.node.type == Progress.type:
                self._say(event)
                return True
            case NodeProgress():
                self._report(event)
            case NodeStarted() if self._names_nodes and node_id in self._shares:
                self.message = event.node.name
            case NodeCompleted() | NodeErrored() if node_id in self._shares:
                self._end(event)
            case NodeSkipped():
                self._shares.pop(node_id, None)
                self._may_say.discard(node_id)
        return False

    def _say(self, event: NodeProgress) -> None:
        self.message = event.message
        if event.fraction is not None:
            self._said = max(self._said or 0.0, event.fraction)

    def _report(self, event: NodeProgress) -> None:
        if event.fraction is not None:
            self._shares[event.node.id] = max(self._shares[event.node.id], event.fraction)
        if event.message and self._names_nodes:
            self.message = event.message

    def _end(self, event: NodeCompleted | NodeErrored) -> None:
        self._shares[event.node.id] = 1.0
        if isinstance(event, NodeCompleted) and event.started is not None and self._names_nodes:
            self.message = event.node.name
        if isinstance(event, NodeErrored) and event.handle is None:
            # The flow is about to fail: what is skipped from here on is no step forward.
            self._has_failed = True
