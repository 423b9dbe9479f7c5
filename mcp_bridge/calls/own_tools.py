"""FlowHub's own tools, which stand beside the flows of a server where there is a use for them.

`get_result` is there when a flow answers within a time, the others when a person switched them on for the server. They
are no flows: they change nothing and leave no execution. A flow that has one of the names, from before they were
reserved, keeps it; then the server does without that tool.
"""

import json
import logging
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.db import DatabaseError
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from executions.database import in_database
from executions.ledger.unavailable import LedgerUnavailable
from executions.reading import for_agents
from executions.reading.filters import year_refusal
from executions.reading.for_agents import Owned
from executions.record.status import Status
from executions.running import deliveries
from executions.running.calls import Caller
from flows.schemas.compiled import CompiledSchema, compile_schema
from flows.values.reserved_names import GET_EXECUTION, GET_RESULT, LIST_EXECUTIONS
from mcp_bridge.calls.results import complete, failure, result_of
from mcp_bridge.catalogue.snapshot import Snapshot
from mcp_bridge.keys.principals import Principal

logger = logging.getLogger(__name__)

WAIT_SECONDS = 20
MAX_WAIT_SECONDS = 50
"""Below the minute after which many clients give up."""

NO_KEY = (
    "This tool shows the executions of the API key that calls it, and this call came without one. "
    "Send a key: Authorization: Bearer fh_..."
)


@dataclass(frozen=True, slots=True)
class OwnToolCall:
    """A call of one of FlowHub's tools; its arguments fit the tool's schema."""

    snapshot: Snapshot
    principal: Principal | None
    caller: Caller
    arguments: Mapping[str, Any]
    protocol_version: str

    @property
    def execution_id(self) -> uuid.UUID:
        """The execution that the call is about."""
        return uuid.UUID(self.arguments["executionId"])

    def no_execution(self, why: str) -> dict[str, Any]:
        """The answer for an id that leads to nothing this caller may see."""
        return failure(f"There is no execution {self.execution_id} {why}", self.protocol_version)


@dataclass(frozen=True, slots=True)
class OwnTool:
    """One tool: as clients see it, the same in both eras, and what it does."""

    wire: Mapping[str, Any]
    answer: Callable[[OwnToolCall], Awaitable[dict[str, Any]]]

    @property
    def name(self) -> str:
        """The tool's name."""
        return str(self.wire["name"])


# --- Which of them there are ------------------------------------------------------------------------------------------


def offered(snapshot: Snapshot) -> dict[str, OwnTool]:
    """The tools that the server has beside its flows, by name."""
    wanted = [FETCH] if any(tool.target.answer_seconds for tool in snapshot.tools.values()) else []
    wanted += [LIST, LOOK] if snapshot.agent_tools else []
    return {own_tool.name: own_tool for own_tool in wanted if own_tool.name not in snapshot.tools}


def visible(snapshot: Snapshot, principal: Principal | None) -> dict[str, OwnTool]:
    """Those that this caller may use: a key for some tools fetches their results, and looks only if it says so."""
    found = offered(snapshot)
    if principal is None or principal.limits.tools is None:
        return found
    fetches = any(tool.target.answer_seconds and principal.may_call(name) for name, tool in snapshot.tools.items())
    return {name: each for name, each in found.items() if principal.may_call(name) or (each is FETCH and fetches)}


def looks(snapshot: Snapshot, principal: Principal | None) -> bool:
    """Whether this caller can look at its executions."""
    return principal is not None and snapshot.agent_tools and GET_EXECUTION in visible(snapshot, principal)


async def call(own_tool: OwnTool, asked: OwnToolCall) -> dict[str, Any]:
    """The result of a call, in the caller's era; arguments that do not fit are a failure that says what to change."""
    faults = await _schema(own_tool.name).faults_aside(asked.arguments)
    if faults:
        lines = "\n".join(f"- {fault}" for fault in faults)
        text = f"The arguments do not fit the input schema of {own_tool.name}:\n{lines}\nCorrect them and call again."
        return failure(text, asked.protocol_version)
    try:
        return await own_tool.answer(asked)
    except (DatabaseError, LedgerUnavailable) as error:
        logger.error("a call of %s was not answered: %s", own_tool.name, error)
        return failure("The records cannot be read now. Wait a little and call again.", asked.protocol_version)


@cache
def _schema(name: str) -> CompiledSchema:
    return compile_schema(next(each for each in (FETCH, LIST, LOOK) if each.name == name).wire["inputSchema"])


# --- get_result -------------------------------------------------------------------------------------------------------


async def _fetch(asked: OwnToolCall) -> dict[str, Any]:
    seconds = asked.arguments.get("waitSeconds", WAIT_SECONDS)
    slug = asked.snapshot.slug
    found = await deliveries.fetch(asked.execution_id, asked.caller, slug, seconds)
    if found is None:
        return asked.no_execution("that you started on this server. Use the id that the call gave you.")
    tool_name, answer = found
    # get_result has no output schema, but who called the tool was told of its one.
    tool = asked.snapshot.tools.get(tool_name)
    result = result_of(
        answer,
        asked.protocol_version,
        wraps=tool is not None and tool.wraps_result,
        looks=looks(asked.snapshot, asked.principal),
        links=asked.snapshot.links_failures,
    )
    return complete(result, asked.protocol_version)


_ID = {"type": "string", "format": "uuid", "description": "As in the result that named it."}

FETCH = OwnTool(
    {
        "name": GET_RESULT,
        "title": "Get result",
        "description": "Fetches the result of a tool call that was answered with “still under way”.\n\n"
        "WHEN TO USE: After such an answer, with the executionId that it names. Waits a while for the end; if the "
        "answer is again that the execution is under way, call it once more.\n\n"
        "WHEN NOT TO USE: For calls that gave their result.",
        "inputSchema": {
            "type": "object",
            "properties": {
                "executionId": _ID,
                "waitSeconds": {
                    "type": "number",
                    "minimum": 0,
                    "maximum": MAX_WAIT_SECONDS,
                    "default": WAIT_SECONDS,
                    "description": "How long to wait for the end.",
                },
            },
            "required": ["executionId"],
            "additionalProperties": False,
        },
        "annotations": {"readOnlyHint": True, "openWorldHint": False},
    },
    _fetch,
)


# --- Looking at executions --------------------------------------------------------------------------------------------


def _owned(asked: OwnToolCall) -> Owned | None:
    if asked.principal is None:
        return None
    return Owned(asked.principal.id, asked.snapshot.slug, asked.principal.may_call)


def _told(value: dict[str, Any], protocol_version: str) -> dict[str, Any]:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    result = {"content": [{"type": "text", "text": text}], "structuredContent": value, "isError": False}
    return complete(result, protocol_version)


async def _list(asked: OwnToolCall) -> dict[str, Any]:
    owned, given = _owned(asked), asked.arguments
    if owned is None:
        return failure(NO_KEY, asked.protocol_version)
    try:
        since = parse_datetime(given["since"]) if "since" in given else None
    except ValueError as error:  # a leap second
        return failure(f"since: {error}.", asked.protocol_version)
    refusal = ""
    if since is not None:
        is_local = timezone.is_naive(since)
        refusal = "add the offset from UTC, as in 2026-01-31T08:00:00Z." if is_local else year_refusal(since)
    if refusal:
        return failure(f"since: {refusal}", asked.protocol_version)
    rows, has_more = await in_database(
        lambda: owned.find(
            tool=given.get("tool", ""),
            status=given.get("status", ""),
            since=since,
            limit=int(given.get("limit", 10)),
        )
    )
    value = {"executions": [for_agents.row_of(row) for row in rows], "hasMore": has_more}
    return _told(value, asked.protocol_version)


async def _look(asked: OwnToolCall) -> dict[str, Any]:
    owned = _owned(asked)
    if owned is None:
        return failure(NO_KEY, asked.protocol_version)
    execution = await in_database(lambda: owned.get(asked.execution_id))
    if execution is None:
        return asked.no_execution(f"that your API key started on this server. {LIST_EXECUTIONS} shows those.")
    wanted = asked.arguments.get("node")
    if wanted is None:
        return _told(for_agents.detail_of(execution), asked.protocol_version)
    entries = execution.entries
    entry = for_agents.find_node(entries, wanted)
    if entry is None:
        names = ", ".join(str(each.name)[:100] for each in entries[:50]) or "none"
        text = f"Execution {execution.pk} has no node {wanted[:100]!r}. Its nodes are: {names}."
        return failure(text, asked.protocol_version)
    value = {"executionId": str(execution.pk), "status": execution.status, "node": for_agents.node_of(entry)}
    return _told(value, asked.protocol_version)


_ANY: dict[str, Any] = {}
_ROW: dict[str, Any] = {
    "executionId": {"type": "string"},
    "tool": {"type": "string"},
    "status": {"enum": list(Status.values)},
    "startedAt": {"type": "string"},
    "durationMs": {"type": ["number", "null"], "description": "null while it is pending."},
    "arguments": {"type": "string", "description": "The first argument, shortened."},
}
_NODE: dict[str, Any] = {
    "name": {"type": "string"},
    "type": {"type": "string"},
    "status": {"enum": ["pending", "completed", "error", "skipped", "unknown"]},
    "durationMs": {"type": ["number", "null"]},
}
_ONLY_LOOKS = {"readOnlyHint": True, "idempotentHint": True, "openWorldHint": False}

LIST = OwnTool(
    {
        "name": LIST_EXECUTIONS,
        "title": "List executions",
        "description": "Lists the newest calls that your API key made of this server's tools, newest first: status, "
        "duration, first argument, and the error of a failed one.\n\n"
        "WHEN TO USE: To find the execution of a call that failed, took long or gave an unexpected result.\n\n"
        f"WHEN NOT TO USE: For what happened inside one call; {GET_EXECUTION} shows that. Calls made with other keys "
        "or by people are never shown.",
        "inputSchema": {
            "type": "object",
            "properties": {
                "tool": {"type": "string", "maxLength": 128, "description": "Only calls of this tool."},
                "status": {"type": "string", "enum": list(Status.values), "description": "Only calls of this status."},
                "since": {
                    "type": "string",
                    "format": "date-time",
                    "description": "Only calls that started then or later, as 2026-01-31T08:00:00Z.",
                },
                "limit": {"type": "integer", "minimum": 1, "maximum": for_agents.MAX_ROWS, "default": 10},
            },
            "additionalProperties": False,
        },
        "outputSchema": {
            "type": "object",
            "properties": {
                "executions": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "properties": _ROW | {"error": {"type": "string"}, "failedNode": {"type": "string"}},
                        "required": list(_ROW),
                    },
                },
                "hasMore": {"type": "boolean", "description": "Older ones may fit too: narrow the search."},
            },
            "required": ["executions", "hasMore"],
        },
        "annotations": _ONLY_LOOKS,
    },
    _list,
)

LOOK = OwnTool(
    {
        "name": GET_EXECUTION,
        "title": "Get execution",
        "description": "Shows one call that your API key made: status, error, and each node with status and duration; "
        "with `node`, what that node was given, what it put out and what it logged. Secrets are hidden, large values "
        "are shortened and say so.\n\n"
        "WHEN TO USE: To find out why a call failed or what it did. First without `node`, then for the node that "
        "failed.\n\n"
        "WHEN NOT TO USE: To fetch the result of a call that is still under way.",
        "inputSchema": {
            "type": "object",
            "properties": {
                "executionId": _ID,
                "node": {
                    "type": "string",
                    "minLength": 1,
                    "maxLength": 200,
                    "description": "The name or id of one node, whose input and output are wanted.",
                },
            },
            "required": ["executionId"],
            "additionalProperties": False,
        },
        "outputSchema": {
            "type": "object",
            "properties": _ROW
            | {
                "url": {"type": "string", "description": "Its page, for people."},
                "error": {"type": "object"},
                "nodes": {"type": "array", "items": {"type": "object"}},
                "nodesLeftOut": {"type": "integer"},
                "nodesCut": {"type": "string", "description": "The record of its nodes was too large to be kept."},
                "node": {
                    "type": "object",
                    "properties": _NODE | {"input": _ANY, "output": _ANY, "error": _ANY},
                    "required": list(_NODE),
                },
            },
            "required": ["executionId", "status"],
        },
        "annotations": _ONLY_LOOKS,
    },
    _look,
)
