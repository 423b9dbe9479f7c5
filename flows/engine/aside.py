"""Work that an event loop does not stop for: what is large is done in a thread, while everybody else is served."""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")

LARGE = 64 * 1024
"""Bytes of data, about, from which on work on it is done aside."""
# As much text takes about as long to look through as one more value.
_BYTES_OF_A_VALUE = 64
# Made once: `str | bytes` in an `isinstance` is made anew each time.
_TEXTS, _CONTAINERS = (str, bytes), (dict, list, tuple)
# Each takes its share of the interpreter from the event loop, so the rest wait.
_THREADS = ThreadPoolExecutor(2, thread_name_prefix="aside")


def is_large(*values: Any) -> bool:
    """Whether JSON values, or bytes, take LARGE bytes together, about; stops looking once they do."""
    left, pending = LARGE, list(values)
    while pending and left > 0:
        value = pending.pop()
        if isinstance(value, _TEXTS):
            left -= len(value)
        elif isinstance(value, _CONTAINERS):
            left -= _BYTES_OF_A_VALUE * len(value)
            if isinstance(value, dict) and left > 0:
                left -= sum(map(len, map(str, value)))
            pending += value.values() if isinstance(value, dict) else value
    return left <= 0


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
