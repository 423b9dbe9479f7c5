"""Bodies of messages: read within limits of size, time and memory, and checked before the SDK sees them."""

import asyncio
import json
from collections import Counter
from dataclasses import dataclass
from typing import Any, Self

import orjson
from django.conf import settings
from mcp_types import INVALID_PARAMS, PARSE_ERROR, PROTOCOL_VERSION_META_KEY, UNSUPPORTED_PROTOCOL_VERSION
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS, MODERN_PROTOCOL_VERSIONS
from pydantic_core import from_json, to_json

from flows.adapters.turns import Turns
from mcp_bridge.wire.headers import SESSION, Headers
from mcp_bridge.wire.refusals import RETRY_LATER, Receive, Refused

SMALL_BYTES = 64 * 1024
"""Bodies up to this size are what the web server holds for a connection anyway, and are not counted."""

LARGE_AT_ONCE = 8
"""So many messages of the largest size may be held by a process at a time."""

LARGE_OF_ONE = 4
"""So many of them may be one caller's: a key's, or those of a stranger's address."""

WAIT_SECONDS = 20.0
"""How long a large message waits until others have been answered."""

MAX_VALUES = 300_000
"""Texts, numbers, lists and objects in one message. They cost processor time that nobody else gets meanwhile: this many
about a second, while the same bytes as one text cost a quarter of that.
"""

BODY_SECONDS = 120.0
"""How long a body may take to arrive."""


class Gone(Exception):
    """The client hung up before its message was complete."""


class Room:
    """The memory of a process for large messages: those that find no room wait a little, unread, and in turn."""

    def __init__(self) -> None:
        self.turns = Turns(settings.MAX_BODY_BYTES * LARGE_AT_ONCE, settings.MAX_BODY_BYTES * LARGE_OF_ONE)


@dataclass(slots=True, eq=False)
class Share:
    """How much of the room a message of this caller has, until it is answered; nothing while it is small."""

    room: Room
    who: str
    size: int = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.size:
            self.shrink(0)

    async def cover(self, size: int) -> None:
        """Have room for `size` bytes, once others have left it; raises Refused (503) when they do not."""
        try:
            await self.room.turns.take(self.who, size, WAIT_SECONDS)
        except TimeoutError:
            message = "This server holds as many large messages as it may. Wait a little and send this one again."
            raise Refused(503, message, RETRY_LATER) from None
        self.size = size

    def shrink(self, size: int) -> None:
        """Keep so many bytes of it, and let those who wait have the rest."""
        self.room.turns.give(self.who, self.size - size)
        self.size = size


def may_be_large(headers: Headers) -> bool:
    """Whether a body is to come that counts as a large one, or that does not say how large it is."""
    declared = headers.get("content-length", "")
    return not declared.isdecimal() or len(declared) >= 20 or int(declared) > SMALL_BYTES


async def read(receive: Receive, headers: Headers, share: Share) -> bytes:
    """The whole body. Raises Refused when it is too large (413), finds no room (503) or is too slow (408), Gone when
    the client hangs up before its end.
    """
    declared = headers.get("content-length", "")
    # int() of a number with thousands of digits would take long or raise.
    expected = int(declared) if declared.isdecimal() and len(declared) < 20 else 0
    if expected > settings.MAX_BODY_BYTES:
        raise _too_large()
    if expected > SMALL_BYTES:
        await share.cover(expected)
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            while (message := await receive())["type"] != "http.disconnect":
                body += message.get("body", b"")
                if len(body) > settings.MAX_BODY_BYTES:
                    raise _too_large()
                if not message.get("more_body", False):
                    break
                if len(body) > SMALL_BYTES and not share.size:
                    # It comes in chunks and does not say how many.
                    await share.cover(settings.MAX_BODY_BYTES)
            else:
                raise Gone
    except TimeoutError:
        text = f"The body did not arrive within {BODY_SECONDS:g} seconds. Send it again, all at once."
        raise Refused(408, text, {"connection": "close"}) from None
    if len(body) < share.size:
        # What a message that came in chunks did not need.
        share.shrink(len(body))
    return bytes(body)


def _too_large() -> Refused:
    limit = settings.MAX_BODY_BYTES
    return Refused(413, f"This message is larger than {limit} bytes, the most that FLOWHUB_MAX_BODY_BYTES allows here.")


def check(message: Any, headers: Headers) -> str | int | None:
    """The id of a request; None for a notification or an answer.

    Raises Refused (400) that says what to change when it is no JSON-RPC message (JSON-RPC 2.0; MCP, Base Protocol).
    """
    if not isinstance(message, dict):
        text = "The body must be one JSON-RPC message, an object; only MCP 2025-03-26 has batches."
        raise Refused(400, text)
    request_id = message.get("id")
    if "id" in message and (isinstance(request_id, bool) or not isinstance(request_id, str | int)):
        raise Refused(400, "The id of a request must be a string or a whole number; a notification has none.")
    if message.get("jsonrpc") != "2.0":
        raise Refused(400, 'The message lacks "jsonrpc": "2.0".', request_id=request_id)
    method, params = message.get("method"), message.get("params") or {}
    is_answer = "method" not in message and ("result" in message or "error" in message)
    if not is_answer and not isinstance(method, str):
        raise Refused(400, "The method of a message must be a string.", request_id=request_id)
    if not is_answer and not isinstance(params, dict):
        raise Refused(400, "The params of a message must be an object.", code=INVALID_PARAMS, request_id=request_id)
    if not headers.is_legacy and headers.version not in MODERN_PROTOCOL_VERSIONS:
        _check_version(params, headers, request_id)
    is_opening = method == "initialize" and request_id is not None
    if headers.is_legacy and SESSION not in headers and not is_opening:
        text = "Send initialize first, then the Mcp-Session-Id header of its answer with every message."
        raise Refused(400, text, request_id=request_id)
    return request_id if "method" in message else None


def _check_version(params: Any, headers: Headers, request_id: str | int | None) -> None:
    """A version that is not served, on a message without the envelope of 2026-07-28, whose version the SDK checks."""
    meta = params.get("_meta") if isinstance(params, dict) else None
    if isinstance(meta, dict) and PROTOCOL_VERSION_META_KEY in meta:
        return
    supported = sorted({*HANDSHAKE_PROTOCOL_VERSIONS, *MODERN_PROTOCOL_VERSIONS})
    raise Refused(
        400,
        f"MCP-Protocol-Version is not one of {', '.join(supported)}.",
        code=UNSUPPORTED_PROTOCOL_VERSION,
        data={"supported": supported, "requested": str(headers.version)[:100]},
        request_id=request_id,
    )


def parsed(body: bytes) -> Any:
    """The JSON of a body; raises Refused: 400 where it is none or has a member twice, 413 if it has too many values."""
    try:
        message = from_json(body, allow_inf_nan=False)
    except ValueError as error:
        detail = str(error).replace("recursion limit exceeded", "more than 200 levels of nesting")
        raise Refused(400, f"The body is not JSON in UTF-8: {detail}.", code=PARSE_ERROR) from None
    if body.count(b",") + body.count(b"[") + body.count(b"{") > MAX_VALUES and _has_too_many([message]):
        text = f"This message has more than {MAX_VALUES} values. Send less, or send it as one text."
        raise Refused(413, text)
    # Of a member that came twice one is gone: the body has more colons than what was read of it, but for those in texts
    # that are escaped. To count costs less than to read; to read with a look at each object costs five times as much.
    try:
        written = orjson.dumps(message)
    except TypeError:  # whole numbers of more than 64 bits
        written = to_json(message)
    if b"\\u003a" in body or b"\\u003A" in body or body.count(b":") != written.count(b":"):
        json.loads(body, object_pairs_hook=_each_once)
    return message


def _each_once(members: list[tuple[str, Any]]) -> None:
    """Refuse an object with a name twice: two readers may take two different values of it (RFC 8259, 4)."""
    if len(dict(members)) < len(members):
        twice = next(name for name, times in Counter(name for name, _ in members).items() if times > 1)
        text = f"An object of this message has the member {json.dumps(twice[:100])} more than once. Send it once."
        raise Refused(400, text)


def _has_too_many(message: Any) -> bool:
    """Count what is in lists and objects; what looks like many values may be one long text."""
    count, remaining = 0, [message]
    while remaining and count <= MAX_VALUES:
        value = remaining.pop()
        members = value.values() if isinstance(value, dict) else value
        count += len(members)
        remaining += [member for member in members if isinstance(member, dict | list)]
    return count > MAX_VALUES
