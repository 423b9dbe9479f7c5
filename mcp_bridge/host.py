"""The MCP servers that live in this process: one owner task a slug, made on first use, one registry an event loop."""

import asyncio
import contextvars
import logging
import time
from weakref import WeakKeyDictionary

from executions.database import in_database
from flows import changes
from mcp_bridge import catalogue
from mcp_bridge.catalogue import Snapshot
from mcp_bridge.server import build, build_manager

logger = logging.getLogger(__name__)

FRESH_SECONDS = 1.0
"""How long a snapshot is served before the database is asked whether another process changed it."""

STOP_SECONDS = 5.0


class Hosted:
    """One slug's snapshot, SDK server and session manager."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self.fresh_until = time.monotonic() + FRESH_SECONDS
        self.server = build(self)
        self.manager = build_manager(self.server)
        self.lock = asyncio.Lock()
        self._ready = asyncio.Event()
        self._stop = asyncio.Event()
        self.task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start the owner task; raises what kept the session manager from starting.

        The task gets an empty context: it must not keep the first caller's principal for its whole life.
        """
        loop = asyncio.get_running_loop()
        self.task = loop.create_task(self._own(), context=contextvars.Context())
        ready = asyncio.ensure_future(self._ready.wait())
        await asyncio.wait({self.task, ready}, return_when=asyncio.FIRST_COMPLETED)
        if not ready.done():
            ready.cancel()
            self.task.result()

    async def _own(self) -> None:
        """`run()` must be entered and left in one task."""
        async with self.manager.run():
            self._ready.set()
            await self._stop.wait()

    @property
    def is_alive(self) -> bool:
        """Whether requests can be handed to the session manager."""
        return self.task is not None and not self.task.done()

    async def refresh(self) -> bool:
        """Take the newest snapshot if it changed; False when the server is no longer published."""
        async with self.lock:
            if time.monotonic() < self.fresh_until:
                return True
            slug, stamp = self.snapshot.slug, self.snapshot.stamp
            self.fresh_until = time.monotonic() + FRESH_SECONDS
            if await in_database(lambda: catalogue.stamp_of(slug)) == stamp:
                return True
            snapshot = await in_database(lambda: catalogue.load(slug))
            if snapshot is not None:
                self.snapshot = snapshot
            return snapshot is not None

    async def stop(self) -> None:
        """End the sessions and the owner task."""
        self._stop.set()
        if self.task is not None:
            await asyncio.wait({self.task}, timeout=STOP_SECONDS)


class McpHost:
    """The hosted servers of one event loop, by slug."""

    def __init__(self) -> None:
        self._hosted: dict[str, Hosted] = {}
        self._lock = asyncio.Lock()

    async def get(self, slug: str) -> Hosted | None:
        """The server of that slug, ready to serve; None when there is no published server of that slug."""
        hosted = self._hosted.get(slug)
        if hosted is None or not hosted.is_alive:
            hosted = await self._make(slug)
        elif time.monotonic() >= hosted.fresh_until and not await hosted.refresh():
            await self._drop(slug)
            return None
        return hosted

    async def _make(self, slug: str) -> Hosted | None:
        async with self._lock:
            hosted = self._hosted.get(slug)
            if hosted is not None and hosted.is_alive:
                return hosted
            snapshot = await in_database(lambda: catalogue.load(slug))
            if snapshot is None:
                return None
            hosted = Hosted(snapshot)
            await hosted.start()
            self._hosted[slug] = hosted
            return hosted

    async def _drop(self, slug: str) -> None:
        hosted = self._hosted.pop(slug, None)
        if hosted is not None:
            await hosted.stop()

    def outdate(self, slug: str) -> None:
        """Have the next request ask the database; safe from any thread."""
        hosted = self._hosted.get(slug)
        if hosted is not None:
            hosted.fresh_until = 0.0

    async def aclose(self) -> None:
        """Stop every server of this loop."""
        for slug in list(self._hosted):
            await self._drop(slug)


_hosts: WeakKeyDictionary[asyncio.AbstractEventLoop, McpHost] = WeakKeyDictionary()


def current_host() -> McpHost:
    """The host of the running event loop."""
    loop = asyncio.get_running_loop()
    host = _hosts.get(loop)
    if host is None:
        host = _hosts[loop] = McpHost()
    return host


def _outdate(slug: str) -> None:
    for host in list(_hosts.values()):
        host.outdate(slug)


changes.subscribe(_outdate)
