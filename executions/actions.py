"""What a person does to an execution that is there: call its flow again, pin it, delete it."""

import asyncio
import uuid
from typing import Any

from asgiref.sync import async_to_sync

from executions import ledger, services
from executions.models import Execution
from executions.payload import TRUNCATED
from executions.sensitive import HIDDEN
from executions.services import ArgumentsError, Caller, Target
from executions.status import Status
from flows.models import Flow

PATIENCE_SECONDS = 1.0
"""How long a call from a page is waited for: a quick flow has ended when its page opens, a slow one runs."""


class Refused(ValueError):
    """The action cannot be done; the message says why, and what to do instead."""


def replay(execution: Execution, user: Any) -> Execution:
    """Call the flow again with the parameters of an earlier execution; the new one may still be pending.

    A draft runs as it is saved now, everything else as the version that clients call now. Raises Refused,
    ArgumentsError, DefinitionError, LedgerUnavailable.
    """
    target = _target_of(execution, user)
    arguments: Any = execution.initial_params
    if not _is_whole(arguments):
        message = "some parameters were hidden or shortened in the record. Choose “Edit parameters” instead."
        raise Refused(message)
    if faults := services.argument_faults(target, arguments):
        raise ArgumentsError(tuple(faults))
    source = Execution.Source.REPLAY.value
    caller = Caller(principal=f"user {user.get_username()}", source=source, replay_of=execution.pk)
    return Execution.objects.get(pk=async_to_sync(begin)(target, arguments, caller))


def _target_of(execution: Execution, user: Any) -> Target:
    flows = Flow.objects.visible_to(user).select_related("server", "published_version")
    flow = flows.filter(executions=execution).first()
    if flow is None:
        raise Refused("the flow is deleted.")
    if execution.flow_version_id is None:
        return services.draft_target(flow)
    if flow.published_version is None:
        raise Refused("the flow is not published.")
    return services.published_target(flow)


def _is_whole(value: Any) -> bool:
    """Whether stored parameters are what was sent: nothing hidden in them, nothing cut."""
    if isinstance(value, dict):
        return TRUNCATED not in value and all(map(_is_whole, value.values()))
    if isinstance(value, list):
        return all(map(_is_whole, value))
    return not (isinstance(value, str) and HIDDEN in value)


async def begin(target: Target, arguments: Any, caller: Caller) -> uuid.UUID:
    """Start an execution and wait for its end a little; either way its record is there. Raises LedgerUnavailable."""
    execution_id, task = await services.start(target, arguments, caller)
    done, _ = await asyncio.wait({task}, timeout=PATIENCE_SECONDS)
    if done:
        task.result()
    else:
        await ledger.ledger.commit(execution_id)
    return execution_id


def pin(execution: Execution, is_pinned: bool) -> None:
    """Keep the execution whatever is pruned, or stop keeping it."""
    ledger.pin(execution, is_pinned)


def check_deletable(execution: Execution) -> None:
    """Raise Refused for an execution that has to stay."""
    if execution.is_pinned:
        raise Refused("the execution is pinned. Unpin it first.")
    if execution.status == Status.PENDING:
        raise Refused("the execution is still pending. Wait for its end, or cancel it.")


def delete(execution: Execution) -> None:
    """Delete the record for good; raises Refused when it was pinned meanwhile."""
    check_deletable(execution)
    if not ledger.delete([execution.pk]):
        raise Refused("the execution was pinned, or deleted, meanwhile.")
