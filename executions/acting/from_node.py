"""Run an execution again from one of its nodes: what the nodes before it gave is taken from the record.

The graph is that of the version that ran then. The chosen node runs, everything behind it, and what had not ended; all
other nodes are not executed, so what they did in the world is not done twice.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from executions.acting import replays
from executions.acting.actions import ActionRefused
from executions.models import Execution
from executions.record.entries import NodeEntry, by_id, cut_of, json_of
from executions.record.holes import holes
from executions.record.status import Status
from executions.running.targets import Target, version_target
from flows.engine import reuse
from flows.engine.graph import Graph, Node
from flows.engine.node import Reused

Entries = Mapping[str, NodeEntry]


@dataclass(frozen=True, slots=True)
class Rerun:
    """A node that runs again; `ran_before` says whether it did something in the original."""

    node: Node
    ran_before: bool

    @property
    def has_effects(self) -> bool:
        """Whether running it touches the outside world."""
        return self.node.registered.node_type.has_effects


@dataclass(frozen=True, slots=True)
class RerunPlan:
    """What running again from `node` means: which nodes run, in order, and what stands for the others."""

    target: Target
    arguments: Any
    node: Node
    runs: tuple[Rerun, ...]
    reused: Mapping[str, Reused]

    @property
    def reused_names(self) -> list[str]:
        """The names of the nodes that do not run again."""
        return [node.name for node in self.target.graph.order if node.id in self.reused]

    @property
    def may_repeat_effects(self) -> bool:
        """Whether something may be done to the outside world for the second time."""
        return any(rerun.has_effects and rerun.ran_before for rerun in self.runs)


def plan(execution: Execution, node_id: str, user: Any) -> RerunPlan:
    """Work out what runs and what is reused; raises ActionRefused that says why it cannot be done, DefinitionError."""
    target = _target_of(execution, user)
    node = {found.id: found for found in target.graph.order}.get(node_id)
    if node is None:
        raise ActionRefused(f"the version that ran has no node with the id {node_id!r}.")
    if cut_of(execution.node_executions) is not None:
        raise ActionRefused("the record of its nodes was too large to be kept.")
    entries = by_id(execution.entries)
    runs, reused = _split(target.graph, node, entries)
    _check(target.graph, node, runs, reused)
    ran = {found for found, entry in entries.items() if entry.status != "skipped"}
    reruns = tuple(Rerun(found, found.id in ran) for found in runs)
    return RerunPlan(target, replays.recorded_arguments(execution), node, reruns, reused)


def replay_from(execution: Execution, node_id: str, user: Any) -> Execution:
    """Run an execution again from a node; raises what `plan` and `replays.start_replay` raise."""
    found = plan(execution, node_id, user)
    return replays.start_replay(found.target, found.arguments, execution, user, found.reused)


def _target_of(execution: Execution, user: Any) -> Target:
    flow = replays.flow_of(execution, user)
    if execution.status == Status.PENDING:
        raise ActionRefused("the execution is still pending. Wait for its end.")
    if execution.flow_version is None:
        raise ActionRefused("it ran a draft, and drafts are not kept. Choose “Run again” instead.")
    return version_target(flow, execution.flow_version)


def _split(graph: Graph, chosen: Node, entries: Entries) -> tuple[list[Node], dict[str, Reused]]:
    """The nodes that run, in order, and what the others gave; nodes that no branch leads to are in neither.

    An entry with a handle is that of a node that ended, and from which the flow went on.
    """
    again = _behind(graph, chosen)
    runs: list[Node] = []
    reused: dict[str, Reused] = {}
    entered = {graph.trigger.id}
    for node in graph.order:
        if node.id not in entered:
            continue
        entry = entries.get(node.id)
        # A handle that was cut is no name of a way out, so such a node has to run again too.
        if entry is None or not isinstance(entry.handle, str) or node.id in again:
            runs.append(node)
            entered.update(line.target for line in graph.outgoing.get(node.id, ()))
        else:
            reused[node.id] = Reused(json_of(entry.output), entry.handle, entry.has_replied)
            lines = graph.outgoing.get(node.id, ())
            entered.update(line.target for line in lines if line.source_handle == entry.handle)
    return runs, reused


def _behind(graph: Graph, node: Node) -> set[str]:
    """The ids of a node and of everything that can come after it."""
    found, todo = {node.id}, [node.id]
    while todo:
        for line in graph.outgoing.get(todo.pop(), ()):
            if line.target not in found:
                found.add(line.target)
                todo.append(line.target)
    return found


def _check(graph: Graph, chosen: Node, runs: list[Node], reused: Mapping[str, Reused]) -> None:
    if chosen not in runs:
        raise ActionRefused(f"no branch led to {chosen.name!r} in that execution.")
    for node in runs[: runs.index(chosen)]:
        if chosen.id in _behind(graph, node):
            raise ActionRefused(
                f"{node.name!r}, which comes before {chosen.name!r}, did not end well. Choose that one."
            )
    for node_id, earlier in reused.items():
        if places := sorted(holes(earlier.output)):
            where = ", ".join(places[:5]) if places != [""] else "all of it"
            message = (
                f"the output of {graph.nodes[node_id].name!r} is not whole in the record: {where} was hidden or cut."
            )
            raise ActionRefused(message)
    try:
        reuse.check(graph, reused)
    except ValueError as error:
        raise ActionRefused(str(error)) from None
