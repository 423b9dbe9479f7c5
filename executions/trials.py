"""Calls of a flow from its Test tab: of the draft or of the published version, with what a person typed."""

import uuid
from typing import Any

from asgiref.sync import async_to_sync

from executions import services
from executions.actions import begin
from executions.models import Execution
from executions.payload import TRUNCATED
from executions.sensitive import HIDDEN
from executions.services import ArgumentsError, Caller, Target
from flows.models import Flow


def target_of(flow: Flow, *, is_published: bool) -> Target:
    """What is called; raises DefinitionError for a draft that is no graph, ValueError for a flow without a version."""
    return services.published_target(flow) if is_published else services.draft_target(flow)


def call(target: Target, arguments: Any, user: Any) -> uuid.UUID:
    """Call and wait a little; the execution may still be pending. Raises ArgumentsError, LedgerUnavailable."""
    if faults := services.argument_faults(target, arguments):
        raise ArgumentsError(tuple(faults))
    return async_to_sync(begin)(target, arguments, caller_of(user))


def caller_of(user: Any) -> Caller:
    """A person at the Test tab."""
    return Caller(principal=f"user {user.get_username()}", source=Execution.Source.TEST.value)


def whole_parts(value: Any) -> tuple[Any, bool]:
    """Stored parameters without what was hidden or cut in the record, and whether anything is missing."""
    if isinstance(value, dict):
        kept = {name: whole_parts(part) for name, part in value.items() if _is_whole(part)}
        return {name: part for name, (part, _) in kept.items()}, _lacks(value, kept)
    if isinstance(value, list):
        items = [whole_parts(part) for part in value if _is_whole(part)]
        return [part for part, _ in items], len(items) < len(value) or any(lacks for _, lacks in items)
    return value, False


def _lacks(value: dict[str, Any], kept: dict[str, tuple[Any, bool]]) -> bool:
    return len(kept) < len(value) or any(lacks for _, lacks in kept.values())


def _is_whole(value: Any) -> bool:
    if isinstance(value, dict):
        return TRUNCATED not in value
    return not (isinstance(value, str) and HIDDEN in value)
