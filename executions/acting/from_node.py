"""Run an execution again from one of its nodes: what the nodes before it gave is taken from the record.

The graph is that of the version that ran then. The chosen node runs, everything behind it, and what had not ended; all
other nodes are not executed, so what they did in the world is not done twice. A node that works item by item goes on
with the items that are missing. Only what the nodes that run will use has to be whole in the record.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from executions.acting import replays
from executions.acting.actions import ActionRefused
from executions.models import Execution
from executions.record.entries import NodeEntry, by_id, cut_of, json_of
from executions.record.holes import holes_at
from executions.record.status import Status
from executions.running.targets import Target, version_target
from flows.engine import reuse
from flows.engine.graph import Graph, Node
from flows.engine.node import Finished, GoesOn, ReadsArrived, Reused
from flows.engine.references import named_by

Entries = Mapping[str, NodeEntry]


@dataclass(frozen=True, slots=True)
class Rerun:
    """A node that runs again; `ran_before` says whether it did something in the original.

    `finished` counts the items that it had done then, and does not do again.
    """

    node: Node
    ran_before: bool
    finished: int = 0

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
        running = {rerun.node.id for rerun in self.runs}
        return [node.name for node in self.target.graph.order if node.id in self.reused and node.id not in running]

    @property
    def goes_on(self) -> bool:
        """Whether a node goes on with the items that it had not finished."""
        return any(rerun.finished for rerun in self.runs)

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
    begun = _begun(target.graph, runs, entries)
    ran = {found for found, entry in entries.items() if entry.status != "skipped"}
    reruns = tuple(
        Rerun(found, found.id in ran, len(begun[found.id].finished) if found.id in begun else 0) for found in runs
    )
    # A trigger that is not executed has no use for parameters that are not whole, and then neither has anybody else.
    starts_anew = target.graph.trigger in runs
    arguments = replays.recorded_arguments(execution) if starts_anew else execution.initial_params
    return RerunPlan(target, arguments, node, reruns, {**reused, **begun})


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
    again = {chosen.id} | _behind(graph, [chosen])
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


def _behind(graph: Graph, nodes: Iterable[Node]) -> set[str]:
    """The ids of everything that can come after one of these nodes."""
    found, todo = set[str](), [node.id for node in nodes]
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
        if chosen.id in _behind(graph, [node]):
            raise ActionRefused(
                f"{node.name!r}, which comes before {chosen.name!r}, did not end well. Choose that one."
            )
    named, arrived = named_by(runs), _arrived(graph, runs)
    for node_id, earlier in reused.items():
        node = graph.nodes[node_id]
        # An answer is given again, and what arrives somewhere is taken, as a whole.
        used = [()] if earlier.has_replied or node_id in arrived else named.get(node.slug, [])
        if places := sorted({place for steps in used for place in holes_at(earlier.output, steps)}):
            raise ActionRefused(
                f"the output of {node.name!r} is not whole in the record: {_listed(places)} was hidden or cut."
            )
    try:
        reuse.check(graph, reused)
    except ValueError as error:
        raise ActionRefused(str(error)) from None


def _arrived(graph: Graph, runs: list[Node]) -> set[str]:
    """The ids of the nodes from which lines lead to a node that runs and takes whatever arrives."""
    takers = {node.id for node in runs if isinstance(node.registered.node_type, ReadsArrived)}
    return {line.source for line in graph.connections if line.target in takers}


def _begun(graph: Graph, runs: list[Node], entries: Entries) -> dict[str, Reused]:
    """What nodes that run had finished item by item; behind another that runs, the items may be others now."""
    found: dict[str, Reused] = {}
    anew, named, arrived = _behind(graph, runs), named_by(runs), _arrived(graph, runs)
    for node in runs:
        entry = entries.get(node.id)
        if entry is None or node.id in anew:
            continue
        finished = _finished_of(node, entry)
        if node.slug in named or node.id in arrived:
            places = sorted({f"item {item.index}" for item in finished if holes_at(item.output, ())})
            if places:
                raise ActionRefused(
                    f"what finished items of {node.name!r} gave is not whole in the record: {_listed(places)}. Start "
                    "before it to do all items again."
                )
        if finished:
            found[node.id] = Reused(None, None, finished=finished)
    return found


def _finished_of(node: Node, entry: NodeEntry) -> tuple[Finished, ...]:
    node_type = node.registered.node_type
    if entry.status == "completed":
        return tuple(node_type.finished_in(json_of(entry.output))) if isinstance(node_type, GoesOn) else ()
    found = tuple(
        Finished(item.index, json_of(item.output), str(item.execution_id) if item.execution_id else None)
        for item in entry.finished
        if item.index is not None
    )
    if entry.finished and (entry.finished.cut or entry.finished.left_out or len(found) < len(entry.finished)):
        raise ActionRefused(
            f"the record does not hold all items that {node.name!r} had finished. Start before it to do all items "
            "again."
        )
    return found


def _listed(places: list[str]) -> str:
    return ", ".join(places[:5]) if places != [""] else "all of it"
