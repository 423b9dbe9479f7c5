"""What a call gives back, as MCP writes it in either era."""

import json
from collections.abc import Mapping
from typing import Any

import mcp_types.methods
from django.conf import settings
from mcp.shared.exceptions import MCPError
from mcp_types import SERVER_INFO_META_KEY
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from pydantic import RootModel

from executions.models import execution_url
from executions.running.calls import Answer, Pending, Waiting
from flows.values.reserved_names import GET_EXECUTION, GET_RESULT
from mcp_bridge.catalogue.snapshot import Snapshot

EXECUTION_ID = "flowhub/executionId"
EXECUTION_URL = "flowhub/executionUrl"
JOINED = "flowhub/joined"
PENDING = "flowhub/pending"

SILENT_ANSWER = "(The answer is an empty text.)"
SILENT_FAILURE = "The tool failed and did not say why."

_NULL = RootModel[None](None)
_TEXT = {"type", "text"}


def result_of(
    answer: Answer | Pending, protocol_version: str, *, wraps: bool, looks: bool, links: bool
) -> dict[str, Any]:
    """What an answer comes to in the caller's era, to be completed or signed.

    `wraps`: legacy clients were told that the structured result stands under `result`. `looks`: the caller can look at
    executions with FlowHub's tools. `links`: who cannot is told the address of an execution that failed.
    """
    if isinstance(answer, Pending):
        return _pending(answer, protocol_version, wraps)
    content = spoken(answer)
    if answer.is_error and (looks or links):
        content = [*content, {"type": "text", "text": _where(answer, looks)}]
    result = {"content": content, "isError": answer.is_error, "_meta": meta_of(answer)}
    if answer.is_structured:
        wraps = wraps or not isinstance(answer.structured, Mapping)
        result["structuredContent"] = _structured(answer.structured, protocol_version, wraps)
    return result


def meta_of(result: Answer | Pending | Waiting) -> dict[str, Any]:
    """What a result says of its execution, and how it came to this caller, in `_meta`."""
    execution_id = str(result.execution_id)
    meta: dict[str, Any] = {EXECUTION_ID: execution_id, EXECUTION_URL: execution_url().format(execution_id)}
    if not isinstance(result, Waiting) and result.is_joined:
        meta[JOINED] = True
    if isinstance(result, Pending):
        meta[PENDING] = True
    return meta


def spoken(answer: Answer) -> list[dict[str, Any]]:
    """The content blocks without texts of nothing but blanks: APIs of models refuse a whole conversation for one."""
    blocks = [block for block in answer.content if block["type"] != "text" or block["text"].strip()]
    return blocks or [{"type": "text", "text": SILENT_FAILURE if answer.is_error else SILENT_ANSWER}]


def error_of(error: MCPError) -> dict[str, Any]:
    """An error of the protocol as it stands in the message."""
    return {"error": error.error.model_dump(by_alias=True, mode="json", exclude_none=True)}


def _where(answer: Answer, looks: bool) -> str:
    """The last block of a failure: what to ask, or to tell a person, to learn more."""
    if looks:
        asked = json.dumps({"executionId": str(answer.execution_id)})
        return f"Call {GET_EXECUTION} with {asked} to see what each node did."
    return f"Execution {answer.execution_id}: {execution_url().format(answer.execution_id)}"


def _pending(pending: Pending, protocol_version: str, wraps: bool) -> dict[str, Any]:
    asked = json.dumps({"executionId": str(pending.execution_id)})
    under_way = f", under way: {', '.join(pending.under_way)}" if pending.under_way else ""
    told = f" It says: {pending.message}" if pending.message else ""
    text = (
        f"{pending.tool_name} is still under way after {pending.seconds:g} s (nodes done: {pending.nodes_done}"
        f"{under_way}).{told}\nThis is not its result. Call {GET_RESULT} with {asked} to wait for it and fetch it; "
        f"calling {pending.tool_name} again would start it a second time."
    )
    structured = {
        "executionId": str(pending.execution_id),
        "status": "pending",
        "tool": pending.tool_name,
        "seconds": pending.seconds,
        "nodesDone": pending.nodes_done,
        "nodesUnderWay": list(pending.under_way),
        "fetchWith": GET_RESULT,
    }
    if pending.message:
        structured["message"] = pending.message
    return {
        "content": [{"type": "text", "text": text}],
        "structuredContent": _structured(structured, protocol_version, wraps),
        "isError": False,
        "_meta": meta_of(pending),
    }


def _structured(value: Any, protocol_version: str, wraps: bool) -> Any:
    return {"result": value} if wraps and protocol_version not in MODERN_PROTOCOL_VERSIONS else value


def failure(text: str, protocol_version: str) -> dict[str, Any]:
    """A failure in words that has no execution."""
    return complete({"content": [{"type": "text", "text": text}], "isError": True}, protocol_version)


def complete(result: dict[str, Any], protocol_version: str) -> dict[str, Any]:
    """The result with what the modern era asks of one that needs nothing more."""
    return result | {"resultType": "complete"} if protocol_version in MODERN_PROTOCOL_VERSIONS else result


def listed(result: dict[str, Any], protocol_version: str) -> dict[str, Any]:
    """The same for what clients might cache, and must not: what is published next must be seen at once."""
    is_modern = protocol_version in MODERN_PROTOCOL_VERSIONS
    return complete(result | ({"ttlMs": 0, "cacheScope": "private"} if is_modern else {}), protocol_version)


def signed(result: dict[str, Any], snapshot: Snapshot, protocol_version: str) -> dict[str, Any]:
    """A complete result with the server's name, which the SDK would add after it was recorded (MCP 2026-07-28)."""
    if protocol_version not in MODERN_PROTOCOL_VERSIONS:
        return result
    info = {"name": snapshot.slug, "title": snapshot.name, "version": settings.VERSION}
    return result | {"resultType": "complete", "_meta": {**result.get("_meta", {}), SERVER_INFO_META_KEY: info}}


def for_writer(result: dict[str, Any]) -> dict[str, Any]:
    """The result so that the SDK's writer keeps an answer that is null: it leaves out what is None."""
    is_null = "structuredContent" in result and result["structuredContent"] is None
    return result | {"structuredContent": _NULL} if is_null else result


def sifted(result: dict[str, Any], protocol_version: str) -> dict[str, Any]:
    """The result of a tool as the SDK's writer sends it: without what the version does not know.

    Raises pydantic's ValidationError for what cannot be sent in it. Texts alone pass through the writer as they are.
    """
    if all(block.keys() == _TEXT and block["type"] == "text" for block in result["content"]):
        return result
    return mcp_types.methods.serialize_server_result("tools/call", protocol_version, for_writer(result))
