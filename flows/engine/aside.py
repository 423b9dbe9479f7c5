"""Work that an event loop does not stop for: what is large is done in a thread, while everybody else is served."""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from flows.engine.limits import is_large

T = TypeVar("T")

# Each takes its share of the interpreter from the event loop, so the rest wait.
_THREADS = ThreadPoolExecutor(2, thread_name_prefix="aside")


async def aside(work: Callable[[], T], *values: Any) -> T:
    """What `work` returns; in a thread when the values that it works on are large, else at once.

    Either way it is done once begun: a task that is cancelled meanwhile stops at its next await.
    """
    return await in_thread(work) if is_large(*values) else work()


async def in_thread(work: Callable[[], T]) -> T:
    """What `work` returns, done in a thread; a task that is cancelled meanwhile waits for it, and stops then."""
    result, was_cancelled = await uninterrupted(asyncio.get_running_loop().run_in_executor(_THREADS, work))
    cancel_again(was_cancelled)
    return result


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
