"""Calls that try a flow out: its draft or the published version, as a whole or as far as a node.

What a draft holds as the output of a node, or what is given for the call, stands for executing that node.
"""

import uuid
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from asgiref.sync import async_to_sync

from executions.acting import replays
from executions.models import Execution
from executions.running.calls import Answer, Call, Caller, Waiting
from executions.running.starting import begin
from executions.running.targets import Target, draft_target, published_target
from flows.engine.errors import DefinitionError, Fault
from flows.engine.graph import held_outputs
from flows.engine.node import MAIN, Reused
from flows.engine.runner import NOTHING_REUSED
from flows.models import Flow

NO_OUTPUTS: Mapping[str, Any] = MappingProxyType({})


class TrialRefused(ValueError):
    """A test call asks for what its graph does not have; `faults` says each at its path in the body."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.message)
        self.faults = (fault,)


def target_of(flow: Flow, *, is_published: bool) -> Target:
    """What is called; raises DefinitionError for a draft that is no graph, ValueError for a flow without a version."""
    return published_target(flow) if is_published else draft_target(flow)


def call(target: Target, arguments: Any, user: Any, given: Mapping[str, Reused] = NOTHING_REUSED) -> uuid.UUID:
    """Call and wait a little; the execution may still be pending. Raises ArgumentsError, LedgerUnavailable."""
    return async_to_sync(replays.begin)(Call(target, arguments, caller_of(user), reused=given))


def try_out(target: Target, arguments: Any, caller: Caller, given: Mapping[str, Reused] = NOTHING_REUSED) -> Execution:
    """Call and wait until the execution ends or asks; raises ArgumentsError, LedgerUnavailable."""
    call = Call(target, arguments, caller, reused=given)

    async def state() -> Answer | Waiting:
        return await (await begin(call)).state()

    return Execution.objects.get(pk=async_to_sync(state)().execution_id)


def try_draft(
    flow: Flow,
    arguments: Any,
    caller: Caller,
    until_node: str | None = None,
    outputs: Mapping[str, Any] = NO_OUTPUTS,
    *,
    waits: bool = True,
) -> Execution:
    """Call the saved draft as `try_out` does, as far as a node of that id if there is one.

    Unless the caller `waits`, the execution comes back soon, ended or not. `outputs`, by node id, stand for executing
    those nodes, before those that the draft holds. Raises TrialRefused too, and DefinitionError.
    """
    try:
        target = draft_target(flow, until_node)
    except DefinitionError:
        raise
    except ValueError as error:
        raise TrialRefused(Fault("untilNode", str(error))) from None
    given = given_outputs(flow, target, outputs)
    if waits:
        return try_out(target, arguments, caller, given)
    return Execution.objects.get(pk=async_to_sync(replays.begin)(Call(target, arguments, caller, reused=given)))


def given_outputs(flow: Flow, target: Target, outputs: Mapping[str, Any] = NO_OUTPUTS) -> dict[str, Reused]:
    """What stands for executing nodes of the draft, by their ids; raises TrialRefused.

    What is held for nodes that the target does not execute, or given for such as come after its end, has no use.
    """
    graph, given = target.graph, dict[str, Reused]()
    executed = {node.id for node in graph.order}
    for node_id, output in {**held_outputs(flow.definition), **outputs}.items():
        has_use = node_id in executed or (node_id in outputs and (target.end is None or node_id not in graph.nodes))
        if not has_use:
            continue
        try:
            node = graph.reached(node_id)
        except ValueError as error:
            raise TrialRefused(Fault(f"outputs.{node_id}", str(error))) from None
        if node is graph.trigger:
            why = "the trigger puts out the arguments: give those instead of an output"
            raise TrialRefused(Fault(f"outputs.{node_id}", why))
        if MAIN not in node.own_handles:
            why = f"an output cannot stand for {node.name!r}, because it does not go on at {MAIN!r}: let it be executed"
            raise TrialRefused(Fault(f"outputs.{node_id}", why))
        given[node_id] = Reused(output, MAIN, is_given=True)
    return given


def caller_of(user: Any) -> Caller:
    """A person at the Test tab."""
    return Caller.of_user(user, Execution.Source.TEST.value)
