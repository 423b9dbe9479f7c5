"""Calls of a flow from its Test tab: of the draft or of the published version, with what a person typed."""

import uuid
from typing import Any

from asgiref.sync import async_to_sync

from executions.acting import replays
from executions.models import Execution
from executions.running.calls import Answer, Call, Caller, Waiting
from executions.running.starting import begin
from executions.running.targets import Target, draft_target, published_target
from flows.models import Flow


def target_of(flow: Flow, *, is_published: bool) -> Target:
    """What is called; raises DefinitionError for a draft that is no graph, ValueError for a flow without a version."""
    return published_target(flow) if is_published else draft_target(flow)


def call(target: Target, arguments: Any, user: Any) -> uuid.UUID:
    """Call and wait a little; the execution may still be pending. Raises ArgumentsError, LedgerUnavailable."""
    return async_to_sync(replays.begin)(Call(target, arguments, caller_of(user)))


def try_out(target: Target, arguments: Any, caller: Caller) -> Execution:
    """Call and wait until the execution ends or asks; raises ArgumentsError, LedgerUnavailable."""

    async def state() -> Answer | Waiting:
        return await (await begin(Call(target, arguments, caller))).state()

    return Execution.objects.get(pk=async_to_sync(state)().execution_id)


def caller_of(user: Any) -> Caller:
    """A person at the Test tab."""
    return Caller.of_user(user, Execution.Source.TEST.value)
