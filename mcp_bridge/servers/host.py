"""The MCP servers that live in this process: one owner task a slug, made on first use, one registry an event loop."""

import asyncio
import contextlib
import contextvars
import logging
import time
from typing import Any
from weakref import WeakKeyDictionary

from django.conf import settings
from django.db import DatabaseError

from executions.database import in_database
from flows.publishing import announcements
from mcp_bridge.catalogue.snapshot import Snapshot, load, stamp_of
from mcp_bridge.keys.principals import outdated
from mcp_bridge.servers.audience import Audience
from mcp_bridge.servers.server import build, build_manager
from mcp_bridge.servers.sessions import Sessions
from mcp_bridge.wire.bodies import Room

logger = logging.getLogger(__name__)

FRESH_SECONDS = 1.0
"""How long a snapshot is served before the database is asked whether another process changed it."""

BURST_SECONDS = 0.2
"""Changes that follow one another so quickly are announced together."""

LONGEST_BURST_SECONDS = 1.0
"""However many changes follow, those so far are announced after this."""

STOP_SECONDS = 5.0


class Hosted:
    """One slug's snapshot, SDK server and session manager."""

    def __init__(self, snapshot: Snapshot, sessions: Sessions) -> None:
        self.snapshot = snapshot
        self.fresh_until = time.monotonic() + FRESH_SECONDS
        self._is_outdated = False
        self.audience = Audience(self)
        self.server = build(self, self.audience)
        self.manager = build_manager(self.server, sessions, self.audience)
        self.lock = asyncio.Lock()
        self._ready = asyncio.Event()
        self._woken = asyncio.Event()
        self._is_stopping = False
        self.is_alive = False
        """Whether requests can be handed to the session manager."""
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
        try:
            async with self.manager.run():
                self.is_alive = True
                self._ready.set()
                await self._watch()
        finally:
            self.is_alive = False
            self.audience.end()

    async def _watch(self) -> None:
        """Announce changes until the server is stopped or no longer published.

        Other processes may change it without a word, so the database is asked while somebody listens.
        """
        is_published = True
        while is_published:
            is_woken = await self._wait()
            if self._is_stopping:
                return
            if is_woken or self.audience.is_listening:
                is_published = await self._look()
                await self._end_revoked()

    async def _wait(self) -> bool:
        """Whether a change was reported, and what came with it; False after FRESH_SECONDS without one."""
        try:
            async with asyncio.timeout(FRESH_SECONDS):
                await self._woken.wait()
        except TimeoutError:
            return False
        deadline = time.monotonic() + LONGEST_BURST_SECONDS
        while self._woken.is_set() and not self._is_stopping and time.monotonic() < deadline:
            self._woken.clear()
            await asyncio.sleep(BURST_SECONDS)
        return True

    async def _look(self) -> bool:
        """Take and announce what changed; False when the server is no longer published."""
        try:
            is_published = await self.refresh()
        except DatabaseError as error:
            logger.warning("changes of %s cannot be announced now: %s", self.snapshot.slug, error)
            return True
        await self.audience.announce()
        return is_published

    async def _end_revoked(self) -> None:
        """End the streams and sessions of keys that do not let in as they did; new messages meet the gateway."""
        principals = self.audience.principals
        try:
            gone = await in_database(lambda: outdated(principals)) if principals else set()
        except DatabaseError as error:
            logger.warning("whether those who listen to %s still may is not known now: %s", self.snapshot.slug, error)
            return
        self.audience.end_of(gone)
        for principal_id in gone:
            self.manager.end_of(principal_id)

    def outdate(self) -> None:
        """Have the database asked before anybody is served again; safe from any thread."""
        self._is_outdated = True
        self.fresh_until = 0.0

    def wake(self) -> None:
        """Have the owner task look at the database now."""
        self.outdate()
        self._woken.set()

    async def refresh(self) -> bool:
        """Take the newest snapshot if it changed; False when the server is no longer published."""
        async with self.lock:
            if time.monotonic() < self.fresh_until:
                return True
            fresh_until, was_outdated = time.monotonic() + FRESH_SECONDS, self._is_outdated
            self._is_outdated = False
            if not was_outdated:
                # What may be old is served meanwhile; what is known to be old is not.
                self.fresh_until = fresh_until
            try:
                is_published = await self._reload()
            except DatabaseError:
                self._is_outdated |= was_outdated
                raise
            if not self._is_outdated:
                self.fresh_until = fresh_until
            return is_published

    async def _reload(self) -> bool:
        slug, stamp = self.snapshot.slug, self.snapshot.stamp
        if await in_database(lambda: stamp_of(slug)) == stamp:
            return True
        snapshot = await in_database(lambda: load(slug))
        if snapshot is not None:
            await self.manager.reread_subscriptions()
            self.snapshot = snapshot
            self.server.title, self.server.instructions = snapshot.name, snapshot.instructions or None
        return snapshot is not None

    async def stop(self) -> None:
        """End the sessions and the owner task."""
        self._is_stopping = True
        self._woken.set()
        if self.task is not None:
            await asyncio.wait({self.task}, timeout=STOP_SECONDS)


class McpHost:
    """The hosted servers of one event loop, by slug."""

    def __init__(self) -> None:
        self.room = Room()
        self.sessions = Sessions()
        self._hosted: dict[str, Hosted] = {}
        self._lock = asyncio.Lock()
        self._following: asyncio.Task[None] | None = None

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
            snapshot = await in_database(lambda: load(slug))
            if snapshot is None:
                self._hosted.pop(slug, None)
                return None
            self._follow()
            hosted = Hosted(snapshot, self.sessions)
            await hosted.start()
            self._hosted[slug] = hosted
            return hosted

    async def _drop(self, slug: str) -> None:
        hosted = self._hosted.pop(slug, None)
        if hosted is not None:
            await hosted.stop()

    def _follow(self) -> None:
        """Hear from other processes, as long as this loop serves anything."""
        if settings.REDIS_URL and self._following is None:
            from mcp_bridge.servers import feed  # imported already, by the app, where Redis is used

            following = feed.follow(self.changed, self._all_changed, self._heard)
            self._following = asyncio.get_running_loop().create_task(following, context=contextvars.Context())

    def outdate(self, slug: str) -> None:
        """Have the next request ask the database; safe from any thread."""
        hosted = self._hosted.get(slug)
        if hosted is not None:
            hosted.outdate()

    def changed(self, slug: str) -> None:
        """Have those who listen told of what changed; on the loop of this host."""
        hosted = self._hosted.get(slug)
        if hosted is not None:
            hosted.wake()

    def _all_changed(self) -> None:
        for hosted in self._hosted.values():
            hosted.wake()

    async def _heard(self, word: dict[str, Any]) -> None:
        """What another process has to tell of a session."""
        if (hosted := self._hosted.get(word["server"])) is not None and hosted.is_alive:
            await hosted.manager.hear(word)

    def end_listening(self) -> None:
        """End the streams on which modern clients listen: they count as calls, and would hold up a shutdown."""
        for hosted in self._hosted.values():
            hosted.audience.end()

    async def aclose(self) -> None:
        """Stop every server of this loop."""
        if self._following is not None:
            self._following.cancel()
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


def _changed(slug: str) -> None:
    """On any thread: what is asked from now on must be answered anew, even before the loop has woken."""
    for loop, host in list(_hosts.items()):
        host.outdate(slug)
        with contextlib.suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(host.changed, slug)


announcements.subscribe(_changed)
