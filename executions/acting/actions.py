"""What a person does to an execution that is there: pin it, write a note on it, delete it."""

from django.db import transaction

from executions.ledger import writer
from executions.models import Execution
from executions.record.status import Status
from flows.audit.log import record


class ActionRefused(ValueError):
    """The action cannot be done; the message says why, and what to do instead."""


def pin(execution: Execution, is_pinned: bool) -> None:
    """Keep the execution whatever is pruned, or stop keeping it."""
    if execution.is_pinned != is_pinned:
        with transaction.atomic():
            writer.mark(execution, is_pinned=is_pinned)
            _told("pinned" if is_pinned else "unpinned", execution)


def note(execution: Execution, text: str) -> None:
    """Replace what people wrote about the execution; at most NOTE_LENGTH characters, empty for nothing."""
    if execution.note != text:
        with transaction.atomic():
            writer.mark(execution, note=text)
            _told("wrote note" if text else "removed note", execution)


def check_deletable(execution: Execution) -> None:
    """Raise ActionRefused for an execution that has to stay."""
    if execution.is_pinned:
        raise ActionRefused("the execution is pinned. Unpin it first.")
    if execution.status == Status.PENDING:
        raise ActionRefused("the execution is still pending. Wait for its end, or cancel it.")


def delete(execution: Execution) -> None:
    """Delete the record for good; raises ActionRefused when it was pinned meanwhile."""
    check_deletable(execution)
    with transaction.atomic():
        if not writer.delete([execution.pk]):
            raise ActionRefused("the execution was pinned, or deleted, meanwhile.")
        _told("deleted", execution)


def _told(action: str, execution: Execution) -> None:
    server = execution.flow.server if execution.flow else None
    record(action, execution, server, execution.flow_tool_name, owner_id=execution.owner_id)
