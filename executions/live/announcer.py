"""Tells open pages which executions changed: their ids, flows and statuses, never their data.

The ledger reports what it has committed on its writing thread. From there it is handed to one event loop, which sends
it to the channel groups: of the flow, of the owner, and of those who see everything. Several changes within
INTERVAL_SECONDS are one message.

Without Redis the channel layer reaches this process only; nothing is collected then while nobody watches.
"""

import asyncio
import atexit
import logging
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import TimeoutError as FutureTimeoutError
from contextlib import suppress
from typing import Any

from channels.layers import get_channel_layer
from django.conf import settings

from executions.ledger import writer
from executions.ledger.writer import ExecutionChange

logger = logging.getLogger(__name__)

INTERVAL_SECONDS = 0.25
"""The shortest time between two messages to one group."""

MAX_NAMED = 50
"""Executions that one message names; beyond it the message says only that there are more."""

SEND_SECONDS = 5.0

EVERYTHING = "executions.all"


def group_of_flow(flow_id: int) -> str:
    """The group of those who watch one flow."""
    return f"executions.flow.{flow_id}"


def group_of_user(user: Any) -> str:
    """The group of those who watch all that `user` may see; as `visible_to` has it."""
    return EVERYTHING if user.is_superuser else _group_of_owner(user.pk)


def _group_of_owner(owner_id: int) -> str:
    return f"executions.owner.{owner_id}"


def group_of_person(person_id: Any) -> str:
    """The group of all sockets of one person."""
    return f"executions.person.{person_id}"


def _groups(change: ExecutionChange) -> Iterator[str]:
    yield EVERYTHING
    if change.flow_key:
        yield group_of_flow(change.flow_key)
    if change.owner_key:
        yield _group_of_owner(change.owner_key)


class Announcer:
    """Collects changes from any thread and sends them to the groups, a few messages a second at most."""

    def __init__(self, *, is_shared: bool) -> None:
        self.is_shared = is_shared
        """Whether the sockets of other processes must hear of the changes too."""
        self._watched: Counter[str] = Counter()
        self._waiting: dict[str, dict[Any, ExecutionChange]] = {}
        self._senders: dict[str, asyncio.Task[None]] = {}
        self._passing: set[asyncio.Task[None]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._lock = threading.Lock()
        self._is_failing = False

    def attach(self) -> None:
        """A socket of the running event loop is there."""
        if not self.is_shared:
            self._loop = asyncio.get_running_loop()

    def look_again(self, person_id: Any) -> None:
        """Have the sockets of a person look again at what they are permitted; from any thread, returns at once."""
        loop = self._own_loop() if self.is_shared else self._loop
        if loop is not None:
            with suppress(RuntimeError):  # it is closed, and so are its sockets
                loop.call_soon_threadsafe(self._pass_on, group_of_person(person_id), {"type": "rights.changed"})

    def _pass_on(self, group: str, message: dict[str, Any]) -> None:
        task = asyncio.get_running_loop().create_task(self._sent(group, message))
        self._passing.add(task)
        task.add_done_callback(self._passing.discard)

    def watch(self, group: str) -> None:
        """A socket of the running event loop begins to listen to a group."""
        self._watched[group] += 1
        self.attach()
        if not self.is_shared:
            self.listen()

    def unwatch(self, group: str) -> None:
        """A socket that watched the group is closed; with the last one the ledger reports nothing here any more."""
        self._watched[group] -= 1
        self._watched += Counter()  # forgets the groups that nobody watches
        if not self._watched and not self.is_shared:
            writer.listeners.remove(self.changed)

    def listen(self) -> None:
        """Have the ledger report what it commits."""
        if self.changed not in writer.listeners:
            writer.listeners.append(self.changed)

    def changed(self, changes: Sequence[ExecutionChange]) -> None:
        """Take what was committed, on any thread, and return at once."""
        loop = self._own_loop() if self.is_shared else self._loop
        if loop is None:
            return
        try:
            loop.call_soon_threadsafe(self._collect, changes)
        except RuntimeError:
            logger.debug("the event loop of the sockets is closed")

    def _collect(self, changes: Sequence[ExecutionChange]) -> None:
        for change in changes:
            for group in _groups(change):
                if self.is_shared or group in self._watched:
                    self._add(group, change)

    def _add(self, group: str, change: ExecutionChange) -> None:
        waiting = self._waiting.setdefault(group, {})
        if len(waiting) <= MAX_NAMED:
            waiting[change.execution_id] = change
        if group not in self._senders:
            self._senders[group] = asyncio.get_running_loop().create_task(self._send_all(group))

    async def _send_all(self, group: str) -> None:
        """Send what waits until nothing does; the first change goes out at once, those behind it together."""
        try:
            while waiting := self._waiting.pop(group, None):
                await self._send(group, list(waiting.values()))
                await asyncio.sleep(INTERVAL_SECONDS)
        finally:
            self._senders.pop(group, None)

    async def _send(self, group: str, changes: list[ExecutionChange]) -> None:
        named = [
            {"id": str(change.execution_id), "flowId": change.flow_key or None, "status": change.status}
            for change in changes[:MAX_NAMED]
        ]
        await self._sent(group, {"type": "executions.changed", "executions": named, "more": len(changes) > MAX_NAMED})

    async def _sent(self, group: str, message: dict[str, Any]) -> None:
        try:
            async with asyncio.timeout(SEND_SECONDS):
                await get_channel_layer().group_send(group, message)
            self._is_failing = False
        except Exception as error:  # each channel layer has errors of its own; pages go without a message then
            if not self._is_failing:
                logger.warning("open pages are not told of changes: %s", error)
            self._is_failing = True

    # --- With Redis: a loop of its own, because calls are recorded in processes that have no sockets ------------------

    def _own_loop(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                threading.Thread(target=self._loop.run_forever, name="live", daemon=True).start()
                atexit.register(self.finish)
            return self._loop

    def finish(self) -> None:
        """Wait, for a bounded time, until what waits is sent; for a process that is about to end."""
        if self._loop is None or not self.is_shared:
            return
        try:
            asyncio.run_coroutine_threadsafe(self._finish(), self._loop).result(SEND_SECONDS)
        except FutureTimeoutError:
            logger.warning("some pages were not told of the last changes")

    async def _finish(self) -> None:
        while under_way := [*self._senders.values(), *self._passing]:
            await asyncio.wait(under_way)


announcer = Announcer(is_shared=bool(settings.REDIS_URL))
"""The announcer of this process."""
