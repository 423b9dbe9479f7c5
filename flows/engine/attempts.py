"""Execute a node as often, and each time for as long, as its settings allow."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from flows.engine.errors import Abort, NodeFailed, NodeTimedOut
from flows.engine.events import AttemptFailed, AttemptStarted, Event
from flows.engine.failures import error_of
from flows.engine.graph import Node
from flows.engine.node import NodeResult
from flows.engine.questions import Asked
from flows.engine.settings import NodeSettings

T = TypeVar("T")


async def persist(
    node: Node,
    settings: NodeSettings,
    execute: Callable[[], Awaitable[NodeResult]],
    *,
    before: Callable[[], Awaitable[None]],
    tell: Callable[[Event], None],
    clock: Callable[[], float],
    ends_at: float,
    number: int = 1,
) -> NodeResult:
    """The result of the first attempt that succeeds; raises what the last one raised.

    `number` is that of the attempt to begin with, above 1 when it goes on after an answer. `before` is awaited before
    each attempt. `clock` gives the seconds since the flow started, and `ends_at` is when it times out: a wait that
    would last until then is not begun, because the failure says more than the timeout would.
    """
    while True:
        await before()
        try:
            return await in_time(settings.timeout_seconds, execute, repr(node.name), "the node")
        except Asked as asked:
            asked.attempt = number
            raise
        except Exception as error:
            pause = pause_after(settings, number, error)
            if pause is None or clock() + pause >= ends_at:
                raise
            failed = error_of(node, error)
        tell(AttemptFailed(node, clock(), number, failed.message, failed.kind))
        await asyncio.sleep(pause)
        number += 1
        tell(AttemptStarted(node, clock(), number))


async def in_time(seconds: float | None, execute: Callable[[], Awaitable[T]], what: str, whose: str) -> T:
    """Let one attempt take so many seconds; raises NodeTimedOut, which says `what` took longer and `whose` timeout."""
    limit = asyncio.timeout(seconds)
    try:
        async with limit:
            return await execute()
    except TimeoutError:
        if not limit.expired():
            raise
        message = (
            f"{what} took longer than its timeout of {seconds:g} s and was stopped; whether it took effect is "
            f"not known. Ask for less at a time, or raise the timeout of {whose}."
        )
        raise NodeTimedOut(message, for_client=message) from None


def pause_after(settings: NodeSettings, number: int, error: Exception) -> float | None:
    """Seconds from the end of the attempt of that number until the next one; None when there is none."""
    is_final, asked = isinstance(error, Abort), None
    if isinstance(error, NodeFailed):
        is_final, asked = error.is_final, error.retry_after
    return None if is_final or number >= settings.attempts else settings.pause_after(number, asked)
