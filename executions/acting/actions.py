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
    writer.mark(execution, is_pinned=is_pinned)


def note(execution: Execution, text: str) -> None:
    """Replace what people wrote about the execution; at most NOTE_LENGTH characters, empty for nothing."""
    writer.mark(execution, note=text)


def check_deletable(execution: Execution) -> None:
    """Raise ActionRefused for an execution that has to stay."""
    if execution.is_pinned:
        raise ActionRefused("the execution is pinned. Unpin it first.")
    if execution.status == Status.PENDING:
        raise ActionRefused("the execution is still pending. Wait for its end, or cancel it.")


def delete(execution: Execution) -> None:
    """Delete the record for good; raises ActionRefused when it was pinned meanwhile."""
    check_deletable(execution)
    server = execution.flow.server if execution.flow else None
    with transaction.atomic():
        if not writer.delete([execution.pk]):
            raise ActionRefused("the execution was pinned, or deleted, meanwhile.")
        record("deleted", execution, server, execution.flow_tool_name, owner_id=execution.owner_id)
