"""What is large is worked on in a thread, as if it had been done at once."""

import asyncio
import threading
from typing import Any

import pytest

from flows.engine.aside import aside
from flows.engine.limits import LARGE, is_large

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    "value", ["a" * LARGE, ["a"] * (LARGE // 64), {"a": [{"b" * LARGE: None}]}, {str(at): at for at in range(50_000)}]
)
def test_values_are_large_by_their_texts_their_keys_or_their_number(value: Any) -> None:
    assert is_large([], value)


def test_what_is_less_is_not() -> None:
    assert not is_large({"a": "a" * (LARGE // 2)}, [1.5, None, b"a", object()] * 50)


async def test_small_work_is_done_at_once_and_large_work_beside_the_event_loop() -> None:
    assert await aside(threading.get_ident, "a") == threading.get_ident()
    may_end, was_set = threading.Event(), []
    asyncio.get_running_loop().call_soon(may_end.set)
    assert await aside(lambda: was_set.append(may_end.wait(10)) or threading.get_ident(), "a" * LARGE) != (
        threading.get_ident()
    )
    assert was_set == [True]


async def test_a_task_cancelled_meanwhile_has_done_it_and_stops_at_its_next_await() -> None:
    has_begun, may_end, done = threading.Event(), threading.Event(), []

    async def work() -> None:
        done.append(await aside(lambda: (has_begun.set(), may_end.wait(10))[1], "a" * LARGE))
        await asyncio.sleep(10)

    task = asyncio.create_task(work())
    await asyncio.to_thread(has_begun.wait, 10)
    task.cancel()
    await asyncio.sleep(0)
    may_end.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert done == [True]


async def test_what_goes_wrong_beside_the_event_loop_is_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        await aside(lambda: 1 // 0, "a" * LARGE)
