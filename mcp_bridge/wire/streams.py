"""Event streams: how they begin, and how they end with the process.

Left alone, sse-starlette cuts them all at SIGTERM, answers under way too.
"""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from sse_starlette.sse import AppStatus

Message = MutableMapping[str, Any]

HEAD_SECONDS = 0.25
"""How long the head of an event stream waits for the first event."""

AppStatus.disable_automatic_graceful_drain()  # type: ignore[no-untyped-call]


@dataclass(slots=True)
class Opening:
    """An event without data that tells the client how to come back; empty where it cannot."""

    event: bytes = b""


opening: ContextVar[Opening] = ContextVar("opening")
"""That of the response to the request under way."""


def end_all() -> None:
    """End every open event stream of this process, within half a second."""
    AppStatus.should_exit = True


class ResponseStream:
    """The way out of a response. The head of an event stream waits a moment for the first event that says something.

    A quick call is then answered with one write instead of three. A slow one shows that it is under way: its head goes
    out with the opening, or with a comment, because Daphne holds a head back until the first byte of its body.
    """

    def __init__(self, send: Callable[[Message], Awaitable[None]]) -> None:
        self._send = send
        self._head: Message | None = None
        self.opening = Opening()
        self._timer: asyncio.TimerHandle | None = None
        self._opener: asyncio.Task[None] | None = None

    async def send(self, message: Message) -> None:
        """Pass a message on, in order."""
        if message["type"] == "http.response.start" and is_event_stream(message):
            self._head = message
            self._timer = asyncio.get_running_loop().call_later(HEAD_SECONDS, self._open)
            return
        if self._opener is not None:
            await self._opener
            self._opener = None
        elif self._head is not None:
            self.close()
            message = {**message, "body": self.opening.event + message.get("body", b"")}
            await self._send_head()
        await self._send(message)

    def _open(self) -> None:
        self._opener = asyncio.ensure_future(self._open_now())

    async def _open_now(self) -> None:
        await self._send_head()
        body = self.opening.event or b": open\r\n\r\n"
        await self._send({"type": "http.response.body", "body": body, "more_body": True})

    async def _send_head(self) -> None:
        if (head := self._head) is not None:
            self._head = None
            await self._send(head)

    def close(self) -> None:
        """The request is over, whether it was answered or given up."""
        if self._timer is not None:
            self._timer.cancel()


def is_event_stream(message: Message) -> bool:
    """Whether the head of a response says that events follow."""
    types = [value for name, value in message["headers"] if name.lower() == b"content-type"]
    return [value.split(b";")[0] for value in types] == [b"text/event-stream"]
