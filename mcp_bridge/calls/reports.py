"""What a client hears of its call while the flow is under way: progress, and log messages.

Progress goes to a client that gave a progress token. Log messages go to a 2026-07-28 client that names a level in the
call's `_meta` (MCP 2026-07-28, Logging), and to a handshake client from the level that it set with `logging/setLevel`,
LEGACY_LEVEL until then. Both ride on the stream of the call, in the order in which they happened, before the result.

The flow never waits for the client. What it said waits in a queue of MAX_WAITING; when a client reads more slowly than
that, log messages are left out, which a message says where they are missing, and progress is told by its newest state.
"""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, cast, get_args

from mcp.server.context import ServerRequestContext
from mcp_types import LOG_LEVEL_META_KEY, LoggingLevel, LoggingMessageNotification, LoggingMessageNotificationParams
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from executions.privacy.redactor import Redactor
from executions.record import payload
from executions.running.calls import Watch
from flows.engine.aside import aside
from flows.engine.events import ClientReleased, Event, NodeLog, Observer
from flows.engine.graph import Graph
from flows.engine.limits import size_of
from mcp_bridge.calls.meter import TOTAL, Meter

logger = logging.getLogger(__name__)

Context = ServerRequestContext[Any, Any]

LEVELS: tuple[LoggingLevel, ...] = get_args(LoggingLevel)
"""From the least to the most severe (RFC 5424)."""

LEGACY_LEVEL: LoggingLevel = "info"
"""What a handshake client hears that never set a level; 2026-07-28 clients hear nothing then."""

MAX_WAITING = 200
"""Messages of one call that wait for a client to read."""

MAX_DATA = 16 * 1024
"""Bytes of JSON beside a log message; what is larger stays in the execution's record alone."""

PROGRESS_SECONDS = 0.1
"""Counted progress is told no more often than this; what the flow says itself always is."""


session_level: ContextVar[LoggingLevel | None] = ContextVar("session_level", default=None)
"""What the session of the request under way set by `logging/setLevel`."""


@dataclass(frozen=True, slots=True)
class _Said:
    """Progress that the flow told in words or as a fraction."""

    percent: float
    message: str


@dataclass(frozen=True, slots=True)
class _Missing:
    """So many log messages are left out here."""

    number: int


@asynccontextmanager
async def watching(ctx: Context, graph: Graph) -> AsyncIterator[Watch | None]:
    """What to make the call with so that the client hears of the call; None when it wants nothing.

    On the way out everything is sent that was said; after that, nothing is.
    """
    if ctx.protocol_version in MODERN_PROTOCOL_VERSIONS:
        asked = cast("dict[str, Any]", ctx.meta or {}).get(LOG_LEVEL_META_KEY)
        level: LoggingLevel | None = asked if asked in LEVELS else None
    else:
        level = session_level.get() or LEGACY_LEVEL
    wants_progress = "progress_token" in (ctx.meta or {})
    if not wants_progress and level is None:
        yield None
        return
    reports = Reports(ctx, Meter(graph) if wants_progress else None, level)
    try:
        yield reports.watch
        await reports.finish()
    finally:
        reports.stop()


class Reports:
    """One call's messages to its client, from the first to the last."""

    def __init__(self, ctx: Context, meter: Meter | None, level: LoggingLevel | None) -> None:
        self._ctx = ctx
        self._meter = meter
        self._levels = frozenset(LEVELS[LEVELS.index(level) :]) if level else frozenset()
        self._redactor: Callable[[], Redactor] = lambda: Redactor.none
        self._waiting: deque[NodeLog | ClientReleased | _Said | _Missing] = deque()
        self._left_out = 0
        self._news = asyncio.Event()
        """Something may be sent."""
        self._pressing = asyncio.Event()
        """Something should be sent that does not wait for PROGRESS_SECONDS."""
        self._is_over = False
        self._sender: asyncio.Task[None] | None = None
        self._sent_percent = -1.0
        self._sent_message = ""

    def watch(self, redactor: Callable[[], Redactor]) -> Observer:
        """The observer of the execution whose record `redactor()` keeps clean; so are the messages."""
        self._redactor = redactor
        return self._take

    def _take(self, event: Event) -> None:
        if self._is_over:
            return
        if isinstance(event, NodeLog):
            if event.level in self._levels:
                self._queue(event)
        elif isinstance(event, ClientReleased):
            self._queue(event)
        elif self._meter is not None:
            if self._meter.take(event):
                self._queue(_Said(self._meter.percent, self._meter.message))
            elif self._meter.is_counting:
                self._wake()

    def _queue(self, item: NodeLog | ClientReleased | _Said) -> None:
        if len(self._waiting) < MAX_WAITING:
            self._note_missing()
            self._waiting.append(item)
        elif isinstance(item, ClientReleased):
            self._waiting.append(item)
        elif isinstance(item, _Said):
            # The newest word stands for those that nobody has read yet.
            self._waiting = deque(each for each in self._waiting if not isinstance(each, _Said))
            self._waiting.append(item)
        else:
            self._left_out += 1
        self._pressing.set()
        self._wake()

    def _note_missing(self) -> None:
        if self._left_out:
            self._waiting.append(_Missing(self._left_out))
            self._left_out = 0

    def _wake(self) -> None:
        self._news.set()
        if self._sender is None:
            self._sender = asyncio.get_running_loop().create_task(self._send_all())

    async def finish(self) -> None:
        """Send what is left; what comes later is not sent."""
        self._is_over = True
        self._note_missing()
        if self._sender is not None:
            self._pressing.set()
            self._news.set()
            await self._sender

    def stop(self) -> None:
        """Send nothing more."""
        self._is_over = True
        if self._sender is not None:
            self._sender.cancel()

    async def _send_all(self) -> None:
        try:
            while not self._is_over or self._waiting:
                await self._news.wait()
                self._news.clear()
                self._pressing.clear()
                while self._waiting:
                    await self._send(self._waiting.popleft())
                if await self._told_count() and not self._is_over:
                    await self._pause()
            await self._told_count()
        except Exception as error:  # the client is gone; what it would have heard stands in the record
            self._is_over = True
            logger.debug("a call's client hears nothing more: %r", error)

    async def _pause(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PROGRESS_SECONDS):
                await self._pressing.wait()

    async def _send(self, item: NodeLog | ClientReleased | _Said | _Missing) -> None:
        match item:
            case ClientReleased():
                if self._ctx.close_sse_stream is not None:
                    await self._ctx.close_sse_stream()
            case NodeLog():
                await self._send_line(item.level, await self._line(item), item.node.name)
            case _Missing(number):
                text = f"{number:,} log messages are left out: they came faster than they were read."
                await self._send_line("warning", text)
            case _Said(percent, message):
                if percent <= self._sent_percent and message not in ("", self._sent_message):
                    # MCP wants each value to be greater than the one before; this never gets to the end.
                    percent = self._sent_percent + (TOTAL - self._sent_percent) / TOTAL
                await self._tell(percent, message)

    async def _told_count(self) -> bool:
        meter = self._meter
        return meter is not None and meter.is_counting and await self._tell(meter.percent, meter.message)

    async def _tell(self, percent: float, message: str) -> bool:
        """Whether there was anything to tell."""
        percent = round(percent, 2)
        if percent <= self._sent_percent:
            return False
        self._sent_percent, self._sent_message = percent, message
        await self._ctx.session.report_progress(percent, TOTAL, await self._cleaned(message) or None)
        return True

    async def _send_line(self, level: LoggingLevel, data: Any, source: str = "flowhub") -> None:
        params = LoggingMessageNotificationParams(level=level, logger=source, data=data)
        notification = LoggingMessageNotification(params=params)
        # Without the id of the request it would go to another stream, which may not be open.
        await self._ctx.session.send_notification(notification, related_request_id=self._ctx.request_id)

    async def _line(self, event: NodeLog) -> Any:
        """The message alone, or an object when there is a value beside it."""
        message = await self._cleaned(event.message)
        if event.data is None:
            return message
        size = size_of(event.data)
        if size > MAX_DATA:
            return {"message": message, "data": f"{size:,} bytes, which only the execution's record shows"}
        return {"message": message, "data": payload.redacted(event.data, self._redactor())}

    async def _cleaned(self, text: str) -> str:
        return payload.clean_text(await aside(lambda: self._redactor().hide_text(text, is_message=True), text))
