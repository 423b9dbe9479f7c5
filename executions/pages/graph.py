"""The graph of an execution: what ran, with what happened to each node."""

from typing import Any

from django.urls import reverse

from executions.models import Execution
from executions.record.entries import NodeEntry, by_id
from executions.templatetags.moments import duration
from flows.pages.canvas import canvas_of
from flows.pages.drawing import draw

WORDS = {"pending": "running", "completed": "completed", "error": "failed", "skipped": "skipped", "unknown": "unknown"}
"""What a node's status is called in the graph."""


def graph_of(execution: Execution) -> dict[str, Any]:
    """`drawing` and `canvas` of the version or draft that ran; of a draft that was not kept there is only today's.

    Empty when there is neither. The canvas has a `run`: see `frontend/builder/src/model.ts`.
    """
    ran = execution.flow_version or execution.kept_draft
    source = ran or execution.flow
    if source is None:
        return {}
    entries = by_id(execution.entries)
    failure = execution.failure
    failed = next((key for key, entry in entries.items() if entry.status == "error"), None)
    if failure is not None and failure.node_id in entries:
        failed = failure.node_id
    run = {
        "nodes": {key: _state(entry) for key, entry in entries.items()},
        "failed": failed if execution.status == "error" else None,
        "cards": f"{reverse('executions:detail', args=[execution.pk])}?view=nodes",
    }
    statuses = {key: entry.status for key, entry in entries.items()}
    canvas = canvas_of(source.definition) | {"run": run}
    return {"drawing": draw(source.definition, statuses), "canvas": canvas, "is_todays_draft": ran is None}


def _state(entry: NodeEntry) -> dict[str, Any]:
    word = "waiting for an answer" if entry.is_waiting else entry.stand_in or WORDS[entry.status]
    facts = [
        f"{entry.attempts} attempts" if entry.attempts and entry.attempts > 1 else "",
        _count(entry.output),
        "" if entry.is_reused or entry.status == "skipped" else duration(entry.duration_ms),
    ]
    return {
        "status": entry.status,
        "word": word,
        "facts": " · ".join(filter(None, facts)),
        "start": entry.start_ms,
        "way": entry.handle if isinstance(entry.handle, str) else None,
    }


def _count(output: Any) -> str:
    """How many items a node gave: those of a list, and of what `for_each` has collected."""
    items = output.get("results") if isinstance(output, dict) else output
    return f"{len(items)} item{'' if len(items) == 1 else 's'}" if isinstance(items, list) else ""
