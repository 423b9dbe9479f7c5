"""What lets a handshake client that lost its connection get the rest of an answer: its session's events, kept a while.

A client names the last event that it saw (`Last-Event-ID`) and is sent what followed on the same stream, then what
comes, until the answer (MCP 2025-11-25, Streamable HTTP, Resumability). Each session has a store of its own: the SDK
gives one store to all of them, with the request's id as the name of the stream, and ids repeat between sessions.

An event's id names the process that sent it, as a mark of its own: a session may be open in several. With Redis, who
comes back to another one is sent it from there; a stream on which a client only listens goes on anywhere.

What is kept is bounded for the process as a whole, by MAX_BYTES and KEPT_SECONDS; the oldest goes first. Who comes
back later than that finds nothing, and reads the answer in the execution's record.
"""

import asyncio
import re
import secrets
import time
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from itertools import count

from mcp.server.streamable_http import GET_STREAM_KEY, EventCallback, EventMessage, EventStore
from mcp_types import JSONRPCError, JSONRPCMessage, JSONRPCNotification, JSONRPCRequest, JSONRPCResponse

from flows.engine.limits import size_of

MAX_BYTES = 32 * 1024 * 1024
"""Of the events of all sessions of one process together."""
KEPT_SECONDS = 300.0
RETRY_MILLISECONDS = 1000
"""How long a client is asked to wait before it comes back."""

LISTENING = 0
"""The number of the stream on which a session listens; those of answers are counted from one."""

Elsewhere = Callable[[str, EventCallback], Awaitable[None]]
"""Sends on what another process has after an event, as `replay_events_after` does."""

_EVENT_ID = re.compile(r"([0-9a-f]{8})-([0-9]{1,12})-([0-9]{1,12})")
_OVERHEAD = 2_000
"""What an event takes besides its JSON."""


@dataclass(eq=False, slots=True)
class _Stream:
    """The events of one answer, or of a session's GET stream; `sent` counts those that ever were.

    It stands in `siblings`, the streams of its session, until it is over and nothing of it is kept.
    """

    mark: str
    number: int
    siblings: dict[int, "_Stream"]
    sent: int = 0
    events: deque["_Event"] = field(default_factory=deque)
    is_over: bool = False
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def tell(self) -> None:
        """Wake those who wait for what comes next."""
        self.news.set()
        self.news = asyncio.Event()

    def end(self) -> None:
        """Nothing more will come."""
        self.is_over = True
        self.tell()
        self.leave()

    def leave(self) -> None:
        """Be found no longer, if there is nothing left to find."""
        if self.is_over and not self.events:
            self.siblings.pop(self.number, None)


@dataclass(eq=False, slots=True)
class _Event:
    stream: _Stream
    number: int
    message: JSONRPCMessage
    size: int
    at: float

    @property
    def id(self) -> str:
        return f"{self.stream.mark}-{self.stream.number}-{self.number}"


class Memory:
    """Everything that is kept, the oldest first."""

    def __init__(self) -> None:
        self._events: OrderedDict[int, _Event] = OrderedDict()
        self.bytes = 0

    def __len__(self) -> int:
        return len(self._events)

    def keep(self, event: _Event) -> None:
        """Keep one more, and let go of what is too old or too much."""
        self._events[id(event)] = event
        self.bytes += event.size
        while self._events:
            oldest = next(iter(self._events.values()))
            if self.bytes <= MAX_BYTES and event.at - oldest.at <= KEPT_SECONDS:
                return
            self.forget(oldest)

    def forget(self, event: _Event) -> None:
        """Let go of one event, if that has not been done before."""
        if self._events.pop(id(event), None) is not None:
            self.bytes -= event.size
            event.stream.events.remove(event)
            event.stream.leave()


memory = Memory()
"""That of this process."""


class SessionEvents(EventStore):
    """The events that this process has sent of one session."""

    def __init__(self, elsewhere: Elsewhere | None = None) -> None:
        self.elsewhere = elsewhere
        self._mark = secrets.token_hex(4)
        self._numbers = count(LISTENING + 1)
        self._streams: dict[int, _Stream] = {}
        self._open: dict[str, _Stream] = {}
        """Those under way, by the id of the request; an id that is used again begins another stream."""

    async def store_event(self, stream_id: str, message: JSONRPCMessage | None) -> str:
        """Keep a message and return the id of its event; None opens a stream, and only takes an id."""
        stream = self._open.get(stream_id)
        if stream is None or message is None:
            stream = self._begin(stream_id)
        stream.sent += 1
        if message is None:
            return f"{self._mark}-{stream.number}-{stream.sent}"
        event = _Event(stream, stream.sent, message, _size(message), time.monotonic())
        stream.events.append(event)
        memory.keep(event)
        if isinstance(message, JSONRPCResponse | JSONRPCError):
            del self._open[stream_id]
            stream.end()
        else:
            stream.tell()
        return event.id

    def _begin(self, stream_id: str) -> _Stream:
        if (earlier := self._open.get(stream_id)) is not None:
            earlier.end()
        number = LISTENING if stream_id == GET_STREAM_KEY else next(self._numbers)
        stream = _Stream(self._mark, number, self._streams)
        self._streams[stream.number] = self._open[stream_id] = stream
        return stream

    def has(self, event_id: str) -> bool:
        """Whether this process sent that event."""
        return event_id.startswith(f"{self._mark}-")

    async def replay_events_after(self, last_event_id: str, send_callback: EventCallback) -> str | None:
        """Send what followed that event on its stream, and what comes until the answer; nothing for an unknown id.

        The SDK would send what comes itself once this returns, and lose what comes in between; so this does not return
        before the stream is over. Only who listened to another process listens to this one from now on, for which the
        name of the stream is returned.
        """
        found = _EVENT_ID.fullmatch(last_event_id)
        if found and not self.has(last_event_id):
            if int(found[2]) == LISTENING:
                return GET_STREAM_KEY
            if self.elsewhere is not None:
                await self.elsewhere(last_event_id, send_callback)
            return None
        stream, number = self._find(last_event_id)
        while stream is not None:
            news = stream.news
            for event in [event for event in stream.events if event.number > number]:
                await send_callback(EventMessage(event.message, event.id))
                number = event.number
            if news is not stream.news:
                continue  # more came while that was sent
            if stream.is_over:
                break
            await news.wait()
        return None

    def _find(self, event_id: str) -> tuple[_Stream | None, int]:
        found = _EVENT_ID.fullmatch(event_id)
        stream = self._streams.get(int(found[2])) if found else None
        number = int(found[3]) if found else 0
        return (stream, number) if stream is not None and number <= stream.sent else (None, 0)

    def close(self) -> None:
        """The session is over: nobody may come back, and nothing is kept for it."""
        for stream in list(self._streams.values()):
            stream.end()
            for event in list(stream.events):
                memory.forget(event)
        self._open.clear()


def _size(message: JSONRPCMessage) -> int:
    match message:
        case JSONRPCResponse():
            return size_of(message.result) + _OVERHEAD
        case JSONRPCNotification() | JSONRPCRequest():
            return size_of(message.params) + _OVERHEAD
    return _OVERHEAD
