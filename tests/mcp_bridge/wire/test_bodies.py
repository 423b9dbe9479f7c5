"""The room for large messages, and bodies that do not come: what takes too long on a live server to be waited for."""

import asyncio
from typing import Any

import pytest

from mcp_bridge.wire import bodies
from mcp_bridge.wire.bodies import LARGE_AT_ONCE, LARGE_OF_ONE, Room, Share
from mcp_bridge.wire.headers import Headers
from mcp_bridge.wire.refusals import Refused

pytestmark = pytest.mark.anyio

LIMIT = 1024 * 1024


@pytest.fixture(autouse=True)
def _limit(settings: Any) -> None:
    settings.MAX_BODY_BYTES = LIMIT


async def never() -> dict[str, Any]:
    await asyncio.Event().wait()
    raise AssertionError


async def short() -> dict[str, Any]:
    return {"type": "http.request", "body": b"{}"}


async def test_a_body_that_does_not_come_is_given_up_and_its_room_is_free_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bodies, "BODY_SECONDS", 0.05)
    room = Room()
    with pytest.raises(Refused) as caught, Share(room, "key:1") as share:
        await bodies.read(never, Headers({"content-length": str(LIMIT)}), share)
    assert caught.value.status == 408
    assert str(caught.value) == "The body did not arrive within 0.05 seconds. Send it again, all at once."
    assert room.turns.held == 0


async def test_a_message_that_finds_no_room_waits_until_another_is_answered() -> None:
    room, order = Room(), []

    async def hold(number: int, until: asyncio.Event) -> None:
        with Share(room, f"key:{number}") as share:
            await share.cover(LIMIT)
            order.append(number)
            await until.wait()

    first, others = asyncio.Event(), asyncio.Event()
    tasks = [asyncio.create_task(hold(number, others if number else first)) for number in range(LARGE_AT_ONCE)]
    await asyncio.sleep(0)
    late = asyncio.create_task(hold(99, others))
    await asyncio.sleep(0.05)
    assert (sorted(order), room.turns.held) == (list(range(LARGE_AT_ONCE)), LARGE_AT_ONCE * LIMIT)
    first.set()
    async with asyncio.timeout(10):
        await tasks[0]
        others.set()
        await asyncio.gather(late, *tasks)
    assert (order[-1], room.turns.held) == (99, 0)


async def test_a_message_that_waits_too_long_for_room_is_told_to_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "WAIT_SECONDS", 0.05)
    room = Room()
    with Share(room, "key:1") as one, Share(room, "key:2") as other:
        await one.cover(LARGE_OF_ONE * LIMIT)
        await other.cover(LARGE_OF_ONE * LIMIT)
        with Share(room, "key:3") as small:
            await bodies.read(short, Headers({"content-length": str(bodies.SMALL_BYTES)}), small)
        with pytest.raises(Refused) as caught, Share(room, "key:3") as large:
            await large.cover(bodies.SMALL_BYTES + 1)
    assert (caught.value.status, caught.value.headers) == (503, {"retry-after": "5"})
    assert room.turns.held == 0


async def test_one_caller_s_large_messages_leave_room_for_those_of_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "WAIT_SECONDS", 0.05)
    room = Room()
    with Share(room, "key:1") as one:
        await one.cover(LARGE_OF_ONE * LIMIT)
        with pytest.raises(Refused), Share(room, "key:1") as more:
            await more.cover(bodies.SMALL_BYTES + 1)
        with Share(room, "key:2") as other:
            await other.cover(LIMIT)
            assert room.turns.held == (LARGE_OF_ONE + 1) * LIMIT


async def test_a_body_in_chunks_keeps_room_for_the_limit_until_its_size_is_known() -> None:
    room, held = Room(), []
    pieces = [b"x" * 40_000] * 4

    async def receive() -> dict[str, Any]:
        held.append(room.turns.held)
        return {"type": "http.request", "body": pieces.pop(), "more_body": bool(pieces)}

    with Share(room, "key:1") as share:
        assert len(await bodies.read(receive, Headers(), share)) == 160_000
        assert held == [0, 0, LIMIT, LIMIT]
        assert room.turns.held == 160_000
    assert room.turns.held == 0
