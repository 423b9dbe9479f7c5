"""Where executions run: supervised tasks of this process. Another way of running them changes only this module."""

import asyncio
import contextvars
import logging
import uuid
from collections.abc import Coroutine
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from executions.database import in_database
from executions.ledger import suspensions
from executions.running.calls import Answer, Call, Parent, Waiting
from flows.engine.runner import FlowError

logger = logging.getLogger(__name__)
T = TypeVar("T")

INTERRUPTED = (
    "The server stopped before the flow finished. Nodes shown as pending were under way: their outcome is unknown."
)
CANCELLED = "The execution was cancelled before the flow finished. Call again if its answer is still wanted."
PARENT_ENDED = "The execution that called this one ended before it did, so it was cancelled."


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
        task.add_done_callback(partial(self._ended, execution_id))
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

    def __contains__(self, execution_id: uuid.UUID) -> bool:
        return execution_id in self._running


dispatcher = Dispatcher()
"""The dispatcher of this process."""


def stopped(parent: Parent | None = None) -> FlowError:
    """Why what runs was cancelled; `parent` is the execution that called it."""
    if dispatcher.is_closing:
        return FlowError("interrupted", INTERRUPTED, INTERRUPTED)
    message = PARENT_ENDED if parent is not None and parent.has_ended else CANCELLED
    return FlowError("cancelled", message, message)


@dataclass(frozen=True, slots=True, eq=False)
class Running:
    """A call whose execution is under way in this process, in a task that outlives whoever waits for it."""

    execution_id: uuid.UUID
    call: Call
    task: asyncio.Task[Answer | Waiting]

    async def state(self) -> Answer | Waiting:
        """The answer once its record is durable, or what is asked of the caller.

        Who stops waiting for this cancels the execution, which is recorded all the same. Raises LedgerUnavailable when
        no record can be written; then nothing was answered as done.
        """
        try:
            return await asyncio.shield(self.task)
        except asyncio.CancelledError:
            if not self.task.done():
                dispatcher.cancel(self.execution_id)
            elif not (self.task.cancelled() or self.task.exception()) and isinstance(self.task.result(), Waiting):
                # Nobody will get the questions that it has just come back with.
                error = stopped()
                ending = in_database(lambda: suspensions.end(self.execution_id, error.kind, error.message))
                dispatcher.start(self.execution_id, ending)
            raise
