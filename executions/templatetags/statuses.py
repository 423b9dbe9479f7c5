"""Status circles, and the line that says why an execution failed."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from executions.models import Execution
from executions.record.entries import UNKNOWN, Attempt, NodeEntry, ToldProgress, by_id
from executions.record.error_kinds import kind_of_error
from executions.record.status import Status
from executions.templatetags.moments import duration

register = template.Library()

NODE_MEANINGS = {
    "pending": "Pending - Node in progress",
    "completed": "Completed - Node did its work",
    "error": "Error - Node failed",
    "skipped": "Skipped - Node was not reached",
    UNKNOWN: "Unknown - The record does not hold it",
}


def _circle(css: str, meaning: str) -> SafeString:
    return format_html('<span class="dot is-{}" role="img" aria-label="{}" title="{}"></span>', css, meaning, meaning)


@register.simple_tag
def circle(status: str) -> SafeString:
    """An execution's coloured circle with its meaning for mouse, keyboard and screen reader (FR-013, FR-014)."""
    return _circle(status, Status(status).meaning)


@register.simple_tag
def node_circle(status: str) -> SafeString:
    """The circle of one node of an execution."""
    return _circle(status, NODE_MEANINGS.get(status, status))


@register.filter
def why(execution: Execution) -> str:
    """`failed at Fetch order: 404 Not Found`, `refused: order_id must be a string`: the reason in a row."""
    word = kind_word(execution.error_kind)
    place = f" at {execution.failed_node_name}" if execution.failed_node_name else ""
    reason = f": {execution.error_preview}" if execution.error_preview else ""
    return f"{word}{place}{reason}"


@register.filter
def kind_word(kind: str) -> str:
    """`timed out` for the error kind `timeout`."""
    return kind_of_error(kind).words


@register.filter
def flow_is_deleted(execution: Execution) -> bool:
    """Whether the flow is gone; a call of a tool that never existed has no flow either, but nothing was deleted."""
    never_existed = execution.error_kind == "rejected" and execution.flow_version_id is None
    return execution.flow_id is None and not never_existed


@register.filter
def failed_entry(execution: Execution) -> NodeEntry | None:
    """The entry of the node that raised; None where none did, or the record does not tell which."""
    failure = execution.failure
    return by_id(execution.entries).get(failure.node_id) if failure and failure.node_id else None


@register.filter
def can_rerun(execution: Execution) -> bool:
    """Whether it may be run again from one of its nodes: its version and its flow are still there."""
    ended = execution.status != Status.PENDING
    return ended and execution.flow_id is not None and execution.flow_version_id is not None


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
def attempt_facts(attempt: Attempt) -> str:
    """` after 40 ms, begun at 1 ms: 503 Busy`, as far as it is known; what follows the word for how it went."""
    took = f" after {duration(attempt.duration_ms)}" if attempt.duration_ms is not None else ""
    began = f", begun at {duration(attempt.start_ms)}" if attempt.start_ms is not None else ""
    return f"{took}{began}: {attempt.error.message}" if attempt.error and attempt.error.message else took + began


@register.filter
def part(half: str, number: int) -> str:
    """`input-3`: the name of a node's input, output or log in the address of its raw JSON."""
    return f"{half}-{number}"


@register.filter
def had_told(progress: ToldProgress) -> str:
    """What a node that failed had told of its progress, as a sentence: `It had told 50% “Sending” at 3 s.`"""
    words = "It had told"
    if progress.fraction is not None:
        words += f" {round(progress.fraction * 100)}%"
    if progress.message:
        words += f" “{progress.message}”"
    return f"{words} at {duration(progress.offset_ms)}." if progress.offset_ms is not None else f"{words}."


@register.filter
def facts(entry: NodeEntry) -> list[str]:
    """What the head of a node's card says beside its name, the time that it took last."""
    found = []
    if entry.log:
        found.append(f"{len(entry.log)}{'+' if entry.log.left_out else ''} in the log")
    if entry.waited_ms is not None:
        found.append(f"waited {duration(entry.waited_ms)} for the answer")
    if entry.attempts and entry.attempts > 1:
        found.append(f"{entry.attempts} attempts")
    items = {"finished": len(entry.finished) + entry.finished.left_out, "reused": entry.reused_items}
    found += [f"{number:,} item{'' if number == 1 else 's'} {word}" for word, number in items.items() if number]
    if entry.handle and entry.handle != "main":
        found.append(f"took “{entry.handle}”")
    if entry.status == "skipped":
        found.append("skipped")
    elif entry.is_waiting:
        found.append("waiting for an answer…")
    elif entry.is_open:
        found.append("running…")
    elif not entry.is_reused:
        found.append(duration(entry.duration_ms))
    return found
