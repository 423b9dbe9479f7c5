"""How far an execution and its nodes are, and since when somebody waits for an answer."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django import template

from executions.models import Execution
from executions.record.entries import NodeEntry, ToldProgress
from executions.record.status import Status
from executions.templatetags.moments import duration

register = template.Library()


@register.filter
def newest_teller(entries: Sequence[NodeEntry]) -> NodeEntry | None:
    """The node that was the last to tell how far it is; it may have ended since. None when none did."""
    tellers = [entry for entry in entries if entry.progress is not None]
    return max(tellers, key=lambda entry: entry.progress.offset_ms or 0.0, default=None)  # type: ignore[union-attr]


@register.filter
def waiting_since(execution: Execution) -> datetime | None:
    """When the client was asked what it has not answered yet; None when it owes no answer."""
    if execution.status != Status.PENDING:
        return None
    asked = [entry.waits_since_ms for entry in execution.open_entries if entry.waits_since_ms is not None]
    return execution.started_at + timedelta(milliseconds=min(asked)) if asked else None


@register.filter
def had_told(progress: ToldProgress) -> str:
    """What a node that failed had told of its progress, as a sentence: `It had told 50% “Sending” at 3 s.`"""
    words = "It had told"
    if progress.fraction is not None:
        words += f" {round(progress.fraction * 100)}%"
    if progress.message:
        words += f" “{progress.message}”"
    return f"{words} at {duration(progress.offset_ms)}." if progress.offset_ms is not None else f"{words}."
