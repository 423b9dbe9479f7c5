"""Batches, which MCP 2025-03-26 alone has: each message is served as if it had come by itself, the answers go together.

(MCP 2025-03-26, Base Protocol, Batching; Transports, Sending Messages to the Server. 2025-06-18 took them out again.)
"""

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any

from mcp_bridge.wire.headers import Headers
from mcp_bridge.wire.refusals import Message, Receive, Refused, Send
from mcp_bridge.wire.streams import is_event_stream

VERSION = "2025-03-26"

MAX_MESSAGES = 50
"""Messages in one batch. They are served side by side."""

Serve = Callable[[Any, bytes, Receive, Send], Coroutine[Any, Any, None]]
"""Answers one message, read and as a body; raises nothing that the client should hear."""


def may_come(headers: Headers) -> bool:
    """Whether the version of a client may be the one that has batches.

    Clients of that version do not name it in a header yet (MCP 2025-06-18, Protocol Version Header).
    """
    return headers.is_legacy and headers.version in (None, VERSION)


def checked(messages: list[Any]) -> list[Any]:
    """The messages of a batch; raises Refused (400) for what may not stand in one."""
    if not 1 <= len(messages) <= MAX_MESSAGES:
        raise Refused(400, f"A batch has 1 to {MAX_MESSAGES} messages; this one has {len(messages)}.")
    for number, message in enumerate(messages, 1):
        if not isinstance(message, dict):
            raise Refused(400, f"Message {number} of the batch is no object. Each is one JSON-RPC message.")
        if message.get("method") == "initialize":
            raise Refused(400, "initialize cannot be part of a batch. Send it by itself, and before all others.")
    ids = Counter(json.dumps(each["id"]) for each in messages if "method" in each and "id" in each)
    if twice := [request_id for request_id, times in ids.items() if times > 1]:
        raise Refused(400, f"The id {twice[0][:100]} stands at two requests of the batch. Give each an id of its own.")
    return messages


async def answer(messages: list[Any], serve: Serve, receive: Receive, send: Send) -> None:
    """Serve the messages side by side and send what they are answered: one event stream, or one list when none streams.

    A client that hangs up is told to each of them.
    """
    answers = _Answers(send)
    hung_up = asyncio.ensure_future(receive())

    async def wait() -> Message:
        return await asyncio.shield(hung_up)

    try:
        async with asyncio.TaskGroup() as group:
            for message in messages:
                group.create_task(serve(message, json.dumps(message).encode(), wait, _Answer(answers).send))
        await answers.finish()
    finally:
        hung_up.cancel()


class _Answers:
    """The one response to all messages of a batch; it becomes an event stream with the first event."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._lock = asyncio.Lock()
        self._streams = False
        self.plain: list[tuple[int, bytes]] = []
        """Status and body of answers that are no streams: what was refused before it ran."""

    async def write(self, events: bytes) -> None:
        """Send whole events."""
        async with self._lock:
            if not self._streams:
                self._streams = True
                await self._start(200, b"text/event-stream", (b"cache-control", b"no-cache, no-transform"))
            await self._send({"type": "http.response.body", "body": events, "more_body": True})

    async def finish(self) -> None:
        """Send what is left, and end the response."""
        if self._streams:
            events = b"".join(b"event: message\r\ndata: " + body + b"\r\n\r\n" for _, body in self.plain)
            await self._send({"type": "http.response.body", "body": events})
        elif self.plain:
            await self._start(max(status for status, _ in self.plain), b"application/json")
            await self._send({"type": "http.response.body", "body": b"[" + b",".join(b for _, b in self.plain) + b"]"})
        else:
            await self._start(202, b"application/json")
            await self._send({"type": "http.response.body"})

    async def _start(self, status: int, media_type: bytes, *more: tuple[bytes, bytes]) -> None:
        headers = [(b"content-type", media_type), *more]
        await self._send({"type": "http.response.start", "status": status, "headers": headers})


class _Answer:
    """What one message is answered, on its way into the response to all."""

    def __init__(self, answers: _Answers) -> None:
        self._answers = answers
        self._status = 0
        self._streams = False
        self._held = b""

    async def send(self, message: Message) -> None:
        """Take a part of the answer; events are passed on as they are whole, everything else once it has ended."""
        if message["type"] == "http.response.start":
            self._status, self._streams = message["status"], is_event_stream(message)
            return
        self._held += message.get("body", b"")
        if self._streams:
            events, end, rest = self._held.rpartition(b"\r\n\r\n")
            if end:
                self._held = rest
                await self._answers.write(events + end)
        elif self._held and not message.get("more_body", False) and self._status != 202:
            self._answers.plain.append((self._status, self._held))
