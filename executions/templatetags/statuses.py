"""Status circles, and the line that says why an execution failed."""

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from executions.models import Execution
from executions.record.entries import UNKNOWN, NodeEntry, by_id
from executions.record.error_kinds import kind_of_error
from executions.record.status import Status

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
    return execution.flow_id is None and not execution.is_of_unknown_tool


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
