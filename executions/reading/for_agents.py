"""Executions in few words, for the agent whose key started them: small, bounded, redacted as they are stored."""

import json
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from executions.models import Execution, ExecutionQuerySet, execution_url
from executions.record import payload
from executions.record.entries import NodeEntry, cut_of, json_of

MAX_ROWS = 50
"""Executions in one list."""
MAX_NODES = 100
"""Nodes that are listed of one execution; beyond it, those that failed or are under way come first."""
MAX_LINES = 20
"""Log lines, and child executions, that are listed of one node."""
MAX_BYTES = 16 * 1024
"""What the input or the output of one node may take; a larger one is cut, and says so."""

SEARCHED = 2_000
"""How many of a key's newest executions are looked at: no index knows the tool or the status among them."""

_TEXT = 500

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Owned:
    """The executions that one key started on one server, of the tools that it may call."""

    principal_id: str
    server_slug: str
    may_call: Callable[[str], bool]

    def find(
        self, *, tool: str = "", status: str = "", since: datetime | None = None, limit: int = 10
    ) -> tuple[list[Execution], bool]:
        """The newest of the SEARCHED newest, without those that nodes started; and whether there may be more."""
        of_key = Execution.objects.of_principal(self.principal_id)
        if since is not None:
            of_key = of_key.started(since)
        edge = of_key.newest_first().values_list("pk", flat=True)[SEARCHED - 1 : SEARCHED].first()
        if edge is not None:
            of_key = of_key.filter(pk__gte=edge)
        narrowed = _narrowed(of_key.filter(server_slug=self.server_slug, parent=None), tool, status)
        rows = [row for row in narrowed.for_list().newest_first()[: SEARCHED + 1] if self.may_call(row.flow_tool_name)]
        return rows[:limit], len(rows) > limit or edge is not None

    def get(self, execution_id: uuid.UUID) -> Execution | None:
        """One of them, also one that a node started."""
        own = Execution.objects.of_principal(self.principal_id).filter(server_slug=self.server_slug)
        execution = own.defer("initial_params", "result").filter(pk=execution_id).first()
        return execution if execution is not None and self.may_call(execution.flow_tool_name) else None


def _narrowed(executions: ExecutionQuerySet, tool: str, status: str) -> ExecutionQuerySet:
    if tool:
        executions = executions.filter(flow_tool_name=tool)
    return executions.filter(status=status) if status else executions


def row_of(execution: Execution) -> dict[str, Any]:
    """An execution in a list."""
    row = _head(execution) | {"arguments": execution.params_preview}
    if execution.error_kind:
        row["error"] = execution.error_preview
        if execution.failed_node_name:
            row["failedNode"] = execution.failed_node_name
    return row


def _head(execution: Execution) -> dict[str, Any]:
    return {
        "executionId": str(execution.pk),
        "tool": execution.flow_tool_name,
        "status": execution.status,
        "startedAt": _moment(execution.started_at),
        "durationMs": execution.duration_ms,
    }


def _moment(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def detail_of(execution: Execution) -> dict[str, Any]:
    """One execution: how it stands, why it failed, and its nodes without their data.

    As many nodes as fit, in order, those first that failed or are under way; `nodesLeftOut` counts the others, and
    `nodesCut` says so where the record of all of them was too large to be kept.
    """
    entries = execution.entries
    detail = _head(execution) | {"arguments": execution.params_preview, "url": execution_url().format(execution.pk)}
    if (failure := execution.failure) is not None:
        detail["error"] = {
            "message": _shortened(failure.message, MAX_BYTES // 4),
            "kind": failure.kind,
            "nodeName": None if failure.node_name is None else str(failure.node_name),
            "causes": [_shortened(cause, _TEXT) for cause in failure.causes.items[:MAX_LINES]],
        }
    if (cut := cut_of(execution.node_executions)) is not None:
        detail["nodesCut"] = cut.words
    by_need = sorted(enumerate(entries), key=lambda numbered: numbered[1].status in ("completed", "skipped"))
    lines = {number: _line(entry) for number, entry in by_need[:MAX_NODES]}
    lines = dict(_fitting(lines.items(), MAX_BYTES))
    detail["nodes"] = [lines[number] for number in sorted(lines)]
    if len(lines) < len(entries):
        detail["nodesLeftOut"] = len(entries) - len(lines)
    return detail


def _fitting(items: Iterable[T], most: int) -> list[T]:
    """The first items that take at most so many bytes as JSON."""
    kept: list[T] = []
    for item in items:
        most -= len(json.dumps(item, ensure_ascii=False).encode())
        if most < 0:
            break
        kept.append(item)
    return kept


def _line(entry: NodeEntry) -> dict[str, Any]:
    line = {"name": str(entry.name), "type": str(entry.type), "status": entry.status, "durationMs": entry.duration_ms}
    return line if entry.error is None else line | {"error": _shortened(entry.error.message, _TEXT)}


def find_node(entries: Sequence[NodeEntry], wanted: str) -> NodeEntry | None:
    """The node of that name or id, whatever its letters' case."""
    names = [entry for entry in entries if str(entry.name).casefold() == wanted.casefold()]
    ids = [entry for entry in entries if str(entry.node_id).casefold() == wanted.casefold()]
    return next(iter(names + ids), None)


def node_of(entry: NodeEntry) -> dict[str, Any]:
    """One node with what it was given and gave; what is too large is cut and says so."""
    handle = None if entry.handle is None else str(entry.handle)
    node = _line(entry) | {"id": str(entry.node_id), "attempts": entry.attempts, "handle": handle}
    stored = entry.stored
    for key, value in (("input", entry.input), ("output", entry.output), ("error", stored.get("error"))):
        node[key] = json.loads(payload.dump(json_of(value), MAX_BYTES, redactor=None))
    if entry.cut_fields:
        node["cutFromTheRecord"] = entry.cut_fields
    lists = (("attemptLog", entry.attempt_log, 10), ("log", entry.log, MAX_LINES))
    more = (("childExecutions", entry.children, MAX_LINES), ("finished", entry.finished, MAX_LINES))
    for key, listed, most in (*lists, *more):
        if not listed.items:
            continue
        last = [json.loads(payload.dump(part, MAX_BYTES // 4, redactor=None)) for part in stored[key][-most:]]
        node[key] = _fitting(reversed(last), MAX_BYTES // 4)[::-1]
        if left_out := listed.left_out + len(listed) - len(node[key]):
            node[f"{key}LeftOut"] = left_out
    return node


def _shortened(text: object, most: int) -> str:
    words = str(text)
    return words if len(words) <= most else f"{words[: most - 1]}…"
