"""Calls of a flow from its Test tab: of the draft or of the published version, with what a person typed."""

import uuid
from typing import Any

from asgiref.sync import async_to_sync

from executions.acting.replays import begin
from executions.models import Execution
from executions.running import lifecycle
from executions.running.lifecycle import ArgumentsError, Caller, Target
from flows.models import Flow


def target_of(flow: Flow, *, is_published: bool) -> Target:
    """What is called; raises DefinitionError for a draft that is no graph, ValueError for a flow without a version."""
    return lifecycle.published_target(flow) if is_published else lifecycle.draft_target(flow)


def call(target: Target, arguments: Any, user: Any) -> uuid.UUID:
    """Call and wait a little; the execution may still be pending. Raises ArgumentsError, LedgerUnavailable."""
    if faults := lifecycle.argument_faults(target, arguments):
        raise ArgumentsError(tuple(faults))
    return async_to_sync(begin)(target, arguments, caller_of(user))


def caller_of(user: Any) -> Caller:
    """A person at the Test tab."""
    return Caller.of_user(user, Execution.Source.TEST.value)
