"""Plain calls, answered past the SDK: most calls are such, and the SDK is most of what a quick one would cost.

They are answered with one JSON object, which a client of either era has to take (MCP 2025-11-25 and 2026-07-28,
Transports, Sending Messages to the Server); after PING_SECONDS with an event stream, which ends with it. What decides
and what writes is the same for both ways.
"""

import asyncio
import json
import logging
from collections.abc import Mapping
from functools import lru_cache, partial
from typing import Any

import mcp_types.methods
import orjson
from mcp.server.connection import Connection
from mcp.shared.inbound import MCP_METHOD_HEADER, MCP_NAME_HEADER, MCP_PARAM_HEADER_PREFIX
from mcp_types import (
    CLIENT_CAPABILITIES_META_KEY,
    CLIENT_INFO_META_KEY,
    INTERNAL_ERROR,
    PROTOCOL_VERSION_META_KEY,
    CallToolRequestParams,
)
from pydantic import ValidationError

from executions.ledger.unavailable import LedgerUnavailable
from executions.running import deliveries
from flows.adapters import lineage
from mcp_bridge.calls import results, tools
from mcp_bridge.calls.tools import Client, ToolCall
from mcp_bridge.catalogue.snapshot import Snapshot
from mcp_bridge.wire.headers import Headers
from mcp_bridge.wire.refusals import Receive, Scope, Send

logger = logging.getLogger(__name__)

METHOD = "tools/call"
PING_SECONDS = 15.0
"""How long a client hears nothing of a call under way."""
MAX_ENVELOPE = 4 * 1024
"""Bytes of a `_meta` that is remembered as good; clients send some 200."""

_MESSAGE = {"jsonrpc", "id", "method", "params"}
_PARAMS = {"name", "arguments", "_meta"}
_ENVELOPE = {PROTOCOL_VERSION_META_KEY, CLIENT_CAPABILITIES_META_KEY}
_STREAM = [
    (b"content-type", b"text/event-stream"),
    (b"cache-control", b"no-cache, no-transform"),
    (b"connection", b"keep-alive"),
    # Or nginx would keep back what is to show that the call is under way.
    (b"x-accel-buffering", b"no"),
]
_PARAM_HEADER = f" {MCP_PARAM_HEADER_PREFIX.lower()}"


def plain_call(
    message: Mapping[str, Any], head: Headers, scope: Scope, snapshot: Snapshot, session: Client | None
) -> ToolCall | None:
    """The call that a JSON-RPC message makes, if it is plain: the one place that decides. All others are the SDK's.

    `session` is the client of the handshake session that the request names, if that is open to its caller. A call is
    plain when

    - the message is a request of `tools/call` with no member but those of JSON-RPC, and its params are a name,
      arguments that are an object or left out, and `_meta`, without answers or state of an earlier call;
    - the name is that of a flow's tool which the caller may call, and which is plain (`PublishedTool.is_plain`);
    - of 2026-07-28: the headers Mcp-Method and Mcp-Name say what the message says, there is no Mcp-Param-* header,
      `_meta` is that version's envelope and nothing else, as the SDK's models want it, and names the version of the
      header;
    - of the versions before: the tool is also quick (`PublishedTool.is_quick`), because who waits may come back for an
      answer that the SDK keeps, and hears log messages unasked; the session has shaken hands, and there is no `_meta`.

    So it names no progress token, log level or idempotency key. Arguments that do not fit are refused here as there.
    """
    params = message.get("params")
    if message.get("method") != METHOD or message.keys() != _MESSAGE or not isinstance(params, dict):
        return None
    name, arguments = params.get("name"), params.get("arguments", {})
    if not (params.keys() <= _PARAMS and isinstance(name, str) and isinstance(arguments, dict)):
        return None
    principal = tools.principal_in(scope)
    tool = tools.tool_of(snapshot, principal, name)
    if tool is None or not tool.is_plain:
        return None
    if head.is_legacy:
        client = session if tool.is_quick and "_meta" not in params else None
    elif (head.get(MCP_METHOD_HEADER), head.get(MCP_NAME_HEADER)) != (METHOD, name):
        client = None
    else:
        client = _sender_of(params.get("_meta"), head)
    if client is None:
        return None
    caller = client.calling(principal, scope[tools.COUNTS_AS], head.get(lineage.HEADER))
    kept = {name: value for name, value in params.items() if name != "arguments"}  # as `asking.request_of` does
    request = {"id": message["id"], "method": METHOD, "params": kept}
    return ToolCall(snapshot, principal, caller, tool, arguments, request)


def _sender_of(meta: Any, head: Headers) -> Client | None:
    """The client that the `_meta` of a 2026-07-28 request names; None when the SDK has to look at it and its head."""
    if not isinstance(meta, dict) or not _ENVELOPE <= meta.keys() <= {*_ENVELOPE, CLIENT_INFO_META_KEY}:
        return None
    if meta[PROTOCOL_VERSION_META_KEY] != head.version or _PARAM_HEADER in f" {' '.join(head)}":
        return None
    try:
        written = orjson.dumps(meta)
    except TypeError:
        return None
    return _checked(written) if len(written) <= MAX_ENVELOPE else None


@lru_cache(maxsize=1000)
def _checked(written: bytes) -> Client | None:
    """The same of its JSON: the SDK's models are asked once, as a client sends the same each time."""
    meta = orjson.loads(written)
    params = {"name": "any", "_meta": meta}
    version = meta[PROTOCOL_VERSION_META_KEY]
    try:
        mcp_types.methods.validate_client_request(METHOD, version, params)
        CallToolRequestParams.model_validate(params, by_name=False)
    except (ValueError, KeyError, TypeError):  # pydantic's ValidationError is a ValueError
        return None
    sender = Connection.from_envelope(version, meta.get(CLIENT_INFO_META_KEY), meta[CLIENT_CAPABILITIES_META_KEY])
    info = sender.client_params.client_info if sender.client_params is not None else None
    return Client.of(version, info, sender.client_capabilities)


async def answer(call: ToolCall, session_id: str | None, receive: Receive, send: Send) -> None:
    """Make a plain call and answer it; `session_id` is that of a handshake session."""
    if not call.tool.is_quick:
        await _answer_later(call, receive, send)
        return
    session = [] if session_id is None else [(b"mcp-session-id", session_id.encode("latin-1"))]
    await _send_json(await _message(call), session, send)


async def _answer_later(call: ToolCall, receive: Receive, send: Send) -> None:
    """The same where the flow may wait, as the SDK does it: a stream shows that it is under way after PING_SECONDS, and
    a client that hangs up has cancelled its call (MCP 2026-07-28, Cancellation).
    """
    working, leaving = asyncio.ensure_future(_message(call)), asyncio.ensure_future(_hung_up(receive))
    streams = False
    try:
        while True:
            await asyncio.wait({working, leaving}, timeout=PING_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            if working.done():
                break
            if leaving.done():
                return
            if not streams:
                streams = True
                await send({"type": "http.response.start", "status": 200, "headers": _STREAM})
            await send({"type": "http.response.body", "body": b": ping\r\n\r\n", "more_body": True})
        body = working.result()
        if streams:
            await send({"type": "http.response.body", "body": b"event: message\r\ndata: " + body + b"\r\n\r\n"})
        else:
            await _send_json(body, [], send)
    finally:
        for task in (working, leaving):
            task.cancel()
        await asyncio.gather(working, leaving, return_exceptions=True)


async def _hung_up(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _send_json(body: bytes, more: list[tuple[bytes, bytes]], send: Send) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode()), *more]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _message(call: ToolCall) -> bytes:
    """The JSON-RPC message that answers the call: with `result`, or `error` when there is none, in the SDK's words."""
    name, version, error = call.tool.target.tool_name, call.caller.protocol_version, ""
    answered = partial(call.answered, watch=None, run=deliveries.state_of)  # type: ignore[arg-type] # it asks nobody
    limited = call.snapshot, call.principal, call.caller.counts_as, call.tool, version
    message: dict[str, Any] = {"jsonrpc": "2.0", "id": call.request["id"]}
    try:
        result = await tools.within_limits(*limited, answered)
    except LedgerUnavailable as unavailable:
        result = tools.not_recorded(call.snapshot, name, version, unavailable)
    except Exception:
        logger.exception("a call of %s was not answered", name)
        error = "Internal server error"
    try:
        if not error:
            message["result"] = results.sifted(result, version)
    except ValidationError:
        logger.exception("what %s answers cannot be sent in %s", name, version)
        error = "Handler returned an invalid result"
    if error:
        message["error"] = {"code": INTERNAL_ERROR, "message": error}
    try:
        return orjson.dumps(message)
    except TypeError:  # integers beyond 64 bits, halves of surrogate pairs
        return json.dumps(message, separators=(",", ":")).encode()
