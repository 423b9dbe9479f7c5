"""Where executions run: supervised tasks of this process. Another way of running them changes only this module."""

import asyncio
import contextvars
import logging
import uuid
from collections.abc import Awaitable, Coroutine
from typing import Any, TypeVar

logger = logging.getLogger(__name__)
T = TypeVar("T")


class Dispatcher:
    """Keeps a strong reference to every running execution and can cancel it from any thread."""

    def __init__(self) -> None:
        self._running: dict[uuid.UUID, tuple[asyncio.AbstractEventLoop, asyncio.Task[Any]]] = {}
        self.is_closing = False
        """Set once the process is about to end: what is cancelled from then on was interrupted."""

    def start(self, execution_id: uuid.UUID, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Run `work` in a task of its own, which outlives whoever waits for it."""
        loop = asyncio.get_running_loop()
        task = loop.create_task(work, context=contextvars.Context())
        self._running[execution_id] = loop, task
        task.add_done_callback(lambda done: self._ended(execution_id, done))
        return task

    def _ended(self, execution_id: uuid.UUID, task: asyncio.Task[Any]) -> None:
        # It may be under way again: one that asks its caller is dispatched more than once.
        if self._running.get(execution_id, (None, None))[1] is task:
            del self._running[execution_id]
        if not task.cancelled() and (error := task.exception()) is not None:
            # Its text may quote what a node was given.
            logger.error("execution %s ended without a record: %s", execution_id, type(error).__name__)

    def cancel(self, execution_id: uuid.UUID) -> bool:
        """Ask a running execution to stop; False when it does not run in this process."""
        loop, task = self._running.get(execution_id, (None, None))
        if loop is None or task is None:
            return False
        loop.call_soon_threadsafe(task.cancel)
        return True

    async def close(self, seconds: float) -> None:
        """Interrupt what still runs on this event loop and wait, for a bounded time, until it is recorded."""
        self.is_closing = True
        loop = asyncio.get_running_loop()
        tasks = [task for owner, task in self._running.values() if owner is loop]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=seconds)

    def __len__(self) -> int:
        return len(self._running)


async def uninterrupted(work: Awaitable[T]) -> tuple[T, bool]:
    """Wait for `work` to its end; returns also whether this task was asked to stop meanwhile."""
    ending, was_cancelled = asyncio.ensure_future(work), False
    while not ending.done():
        try:
            await asyncio.shield(ending)
        except asyncio.CancelledError:
            was_cancelled = True
    return ending.result(), was_cancelled


def cancel_again(was_cancelled: bool) -> None:
    """Have the current task stop at its next await, when it was asked to stop while it could not."""
    task = asyncio.current_task()
    if was_cancelled and task is not None:
        task.cancel()


dispatcher = Dispatcher()
"""The dispatcher of this process."""
