"""Calls of a flow from its Test tab: of the draft or of the published version, with what a person typed."""

import uuid
from typing import Any

from asgiref.sync import async_to_sync

from executions.acting.replays import begin
from executions.models import Execution
from executions.privacy.names import HIDDEN
from executions.record.payload import is_cut
from executions.running import lifecycle
from executions.running.lifecycle import ArgumentsError, Caller, Target
from flows.engine.registry import json_path
from flows.models import Flow
from flows.schemas.faults import Steps


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


def whole_parts(value: Any) -> tuple[Any, list[str]]:
    """Stored parameters without what was hidden or cut in the record, and the paths of what is missing."""
    missing: list[str] = []
    return _whole_part(value, (), missing), missing


def _whole_part(value: Any, path: Steps, missing: list[str]) -> Any:
    if isinstance(value, dict):
        parts = {name: part for name, part in value.items() if _is_whole(part, (*path, name), missing)}
        return {name: _whole_part(part, (*path, name), missing) for name, part in parts.items()}
    if isinstance(value, list):
        items = [(index, part) for index, part in enumerate(value) if _is_whole(part, (*path, index), missing)]
        return [_whole_part(part, (*path, index), missing) for index, part in items]
    return value


def _is_whole(value: Any, path: Steps, missing: list[str]) -> bool:
    lacks = is_cut(value) or (isinstance(value, str) and HIDDEN in value)
    if lacks:
        missing.append(json_path(path))
    return not lacks
