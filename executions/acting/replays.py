"""Call a flow once more for an execution that is there: with the same parameters, or with edited ones."""

import asyncio
import uuid
from collections.abc import Mapping
from typing import Any

from asgiref.sync import async_to_sync

from executions.acting.actions import ActionRefused
from executions.ledger import writer
from executions.models import Execution
from executions.record.holes import holes
from executions.running import starting
from executions.running.calls import Call, Caller
from executions.running.targets import ArgumentsError, Target, draft_target, published_target
from flows.engine.errors import Fault
from flows.engine.node import Reused
from flows.engine.runner import NOTHING_REUSED
from flows.models import Flow

PATIENCE_SECONDS = 1.0
"""How long a call from a page is waited for: a quick flow has ended when its page opens, a slow one runs."""


def replay(execution: Execution, user: Any, arguments: dict[str, Any] | None = None) -> Execution:
    """Call the flow again with the parameters of an earlier execution, or with `arguments` in place of them.

    A draft runs as it is saved now, everything else as the version that clients call now. The new execution may still
    be pending. Raises ActionRefused, ArgumentsError, DefinitionError, LedgerUnavailable.
    """
    target = target_of(execution, user)
    if arguments is None:
        arguments = recorded_arguments(execution)
    elif left := holes(execution.initial_params) & holes(arguments):
        raise ArgumentsError(tuple(Fault(path, "fill this in anew: the record does not hold it") for path in left))
    return start_replay(target, arguments, execution, user)


def target_of(execution: Execution, user: Any) -> Target:
    """What a replay calls; raises ActionRefused, DefinitionError."""
    flow = flow_of(execution, user)
    if execution.flow_version_id is None:
        return draft_target(flow)
    if flow.published_version is None:
        raise ActionRefused("the flow is not published.")
    return published_target(flow)


def flow_of(execution: Execution, user: Any) -> Flow:
    """The flow of an execution; raises ActionRefused when it is deleted."""
    flow = Flow.objects.visible_to(user).filter(executions=execution).first()
    if flow is None:
        raise ActionRefused("the flow is deleted.")
    return flow


def recorded_arguments(execution: Execution) -> Any:
    """The parameters that were sent; raises ActionRefused when the record does not hold all of them."""
    if holes(execution.initial_params):
        message = "some parameters were hidden or shortened in the record. Choose “Edit parameters” instead."
        raise ActionRefused(message)
    return execution.initial_params


def start_replay(
    target: Target, arguments: Any, original: Execution, user: Any, reused: Mapping[str, Reused] = NOTHING_REUSED
) -> Execution:
    """Start the replay of an execution and wait a little for its end; raises ArgumentsError, LedgerUnavailable."""
    caller = Caller.of_user(user, Execution.Source.REPLAY.value, original.pk)
    return Execution.objects.get(pk=async_to_sync(begin)(Call(target, arguments, caller, reused=reused)))


async def begin(call: Call) -> uuid.UUID:
    """Begin a call and wait for its end a little; either way its record is there.

    Raises ArgumentsError, LedgerUnavailable.
    """
    running = await starting.begin(call)
    done, _ = await asyncio.wait({running.task}, timeout=PATIENCE_SECONDS)
    if done:
        running.task.result()
    else:
        await writer.ledger.commit(running.execution_id)
    return running.execution_id
