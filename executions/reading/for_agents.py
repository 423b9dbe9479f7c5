"""Executions in few words, for the agent whose key started them: small, bounded, redacted as they are stored."""

import json
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from executions.models import Execution, ExecutionQuerySet, execution_url
from executions.record import payload

MOST_ROWS = 50
MOST_NODES = 100
MOST_LINES = 20
MOST_BYTES = 16 * 1024
"""What the input or the output of one node may take; a larger one is cut, and says so."""

SEARCHED = 2_000
"""How many of a key's newest executions are looked at: no index knows the tool or the status among them."""

_TEXT = 500


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
            of_key = of_key.filter(started_at__gte=since)
        starts = of_key.newest_first().values_list("started_at", flat=True)
        edge = starts[SEARCHED - 1 : SEARCHED].first()
        if edge is not None:
            of_key = of_key.filter(started_at__gte=edge)
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
    """One execution: how it stands, why it failed, and its nodes without their data."""
    nodes = nodes_of(execution)
    detail = _head(execution) | {"arguments": execution.params_preview, "url": execution_url(execution.pk)}
    if isinstance(error := execution.error_info, dict):
        detail["error"] = {key: error.get(key) for key in ("message", "kind", "nodeName", "causes")}
    shown = nodes if len(nodes) <= MOST_NODES else _telling(nodes)
    detail["nodes"] = [_line(entry) for entry in shown]
    if len(shown) < len(nodes):
        detail["nodesLeftOut"] = len(nodes) - len(shown)
    bounded: dict[str, Any] = json.loads(payload.dump(detail, 2 * MOST_BYTES, redactor=None))
    return bounded


def nodes_of(execution: Execution) -> list[Mapping[str, Any]]:
    """The entries of the nodes, in the order in which they began; none where the record was cut."""
    stored: Any = execution.node_executions
    return [entry for entry in stored if isinstance(entry, dict) and "nodeId" in entry] if _is_list(stored) else []


def _is_list(stored: Any) -> bool:
    return isinstance(stored, list)


def _telling(nodes: list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """As many as may be shown, in order: those that failed or are under way first."""
    calm = [entry for entry in nodes if entry.get("status") in ("completed", "skipped")]
    left_out = {id(entry) for entry in calm[max(MOST_NODES - (len(nodes) - len(calm)), 0) :]}
    return [entry for entry in nodes if id(entry) not in left_out][:MOST_NODES]


def _line(entry: Mapping[str, Any]) -> dict[str, Any]:
    line = {"name": entry.get("nodeName"), "type": entry.get("nodeType"), "status": entry.get("status")}
    line["durationMs"] = entry.get("durationMs")
    if isinstance(error := entry.get("error"), dict):
        line["error"] = str(error.get("message"))[:_TEXT]
    return line


def find_node(nodes: list[Mapping[str, Any]], wanted: str) -> Mapping[str, Any] | None:
    """The node of that name or id, whatever its letters' case."""
    for key in ("nodeName", "nodeId"):
        for entry in nodes:
            if str(entry.get(key)).casefold() == wanted.casefold():
                return entry
    return None


def node_of(entry: Mapping[str, Any]) -> dict[str, Any]:
    """One node with what it was given and gave; what is too large is cut and says so."""
    node = _line(entry) | {"id": entry.get("nodeId"), "attempts": entry.get("attempts"), "handle": entry.get("handle")}
    for key, stored in (("input", "inputData"), ("output", "outputData"), ("error", "error")):
        node[key] = _cut(entry.get(stored), MOST_BYTES)
    for key, most in (("attemptLog", 10), ("log", MOST_LINES), ("childExecutions", MOST_LINES)):
        if isinstance(parts := entry.get(key), list):
            node[key] = _cut(parts[-most:], MOST_BYTES // 4)
    return node


def _cut(value: Any, most: int) -> Any:
    return json.loads(payload.dump(value, most, redactor=None))
