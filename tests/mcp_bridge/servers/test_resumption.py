"""What a session keeps for a client that comes back: the rest of one stream, of one session, within bounds."""

import asyncio
from typing import Any

import pytest
from mcp.server.streamable_http import EventMessage
from mcp_types import ErrorData, JSONRPCError, JSONRPCNotification, JSONRPCResponse

from mcp_bridge.servers import resumption
from mcp_bridge.servers.resumption import Memory, SessionEvents

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def memory(monkeypatch: pytest.MonkeyPatch) -> Memory:
    """A memory of its own for each test."""
    mine = Memory()
    monkeypatch.setattr(resumption, "memory", mine)
    return mine


def note(number: int, size: int = 1) -> JSONRPCNotification:
    return JSONRPCNotification(jsonrpc="2.0", method="notifications/message", params={"n": number, "x": "x" * size})


def answer(request_id: str = "7") -> JSONRPCResponse:
    return JSONRPCResponse(jsonrpc="2.0", id=request_id, result={"ok": True})


async def replayed(events: SessionEvents, event_id: str) -> list[Any]:
    """What a client gets that comes back after that event, until its stream is over."""
    got: list[Any] = []

    async def send(event: EventMessage) -> None:
        got.append(event.message)

    async with asyncio.timeout(10):
        assert await events.replay_events_after(event_id, send) is None
    return got


async def test_a_client_gets_what_followed_the_last_event_that_it_saw() -> None:
    events = SessionEvents()
    opened = await events.store_event("7", None)
    first = await events.store_event("7", note(1))
    await events.store_event("7", note(2))
    last = await events.store_event("7", answer())
    assert await replayed(events, opened) == [note(1), note(2), answer()]
    assert await replayed(events, first) == [note(2), answer()]
    assert await replayed(events, last) == []


async def test_a_client_that_is_back_before_the_answer_gets_it_when_it_comes() -> None:
    events = SessionEvents()
    opened = await events.store_event("7", None)
    await events.store_event("7", note(1))
    back = asyncio.ensure_future(replayed(events, opened))
    await asyncio.sleep(0)
    await events.store_event("7", note(2))
    await events.store_event("8", note(3))
    await asyncio.sleep(0)
    await events.store_event("7", answer())
    assert await back == [note(1), note(2), answer()]


async def test_what_comes_while_it_is_being_sent_is_not_lost() -> None:
    events = SessionEvents()
    opened = await events.store_event("7", None)
    await events.store_event("7", note(1))
    got: list[Any] = []

    async def send(event: EventMessage) -> None:
        if event.message == note(1):
            await events.store_event("7", note(2))
            await events.store_event("7", answer())
        got.append(event.message)

    async with asyncio.timeout(10):
        await events.replay_events_after(opened, send)
    assert got == [note(1), note(2), answer()]


async def test_a_request_id_that_is_used_again_is_another_stream() -> None:
    events = SessionEvents()
    first = await events.store_event("7", None)
    await events.store_event("7", answer())
    await events.store_event("7", None)
    await events.store_event("7", note(1))
    error = JSONRPCError(jsonrpc="2.0", id="7", error=ErrorData(code=-32800, message="Request cancelled"))
    second = await events.store_event("7", error)
    assert await replayed(events, first) == [answer()]
    assert await replayed(events, second) == []


@pytest.mark.parametrize("event_id", ["", "1", "9-1", "1-2", "1-x", "-1-1", "x" * 1000, "\uff11-1", "1-" + "9" * 60])
async def test_an_event_that_nobody_kept_leads_nowhere(event_id: str) -> None:
    events = SessionEvents()
    await events.store_event("7", note(1))
    assert await replayed(events, event_id) == []


async def test_one_session_does_not_see_the_events_of_another() -> None:
    mine, yours = SessionEvents(), SessionEvents()
    opened = await yours.store_event("7", None)
    await yours.store_event("7", answer())
    assert await replayed(mine, opened) == []


async def test_the_oldest_events_of_the_process_go_first(monkeypatch: pytest.MonkeyPatch, memory: Memory) -> None:
    monkeypatch.setattr(resumption, "MAX_BYTES", 50_000)
    old, new = SessionEvents(), SessionEvents()
    opened = await old.store_event("7", None)
    await old.store_event("7", note(1, 20_000))
    await old.store_event("7", note(2, 10))
    begun = await new.store_event("7", None)
    await new.store_event("7", note(3, 30_000))
    await new.store_event("7", answer())
    await old.store_event("7", answer())
    assert await replayed(old, opened) == [note(2, 10), answer()]
    assert await replayed(new, begun) == [note(3, 30_000), answer()]
    assert memory.bytes <= 50_000


async def test_events_are_kept_for_a_while_only(monkeypatch: pytest.MonkeyPatch, memory: Memory) -> None:
    monkeypatch.setattr(resumption, "KEPT_SECONDS", 0.0)
    events = SessionEvents()
    opened = await events.store_event("7", None)
    await events.store_event("7", answer())
    await events.store_event("8", answer("8"))
    assert await replayed(events, opened) == []
    assert len(memory) == 1


async def test_a_session_that_ends_keeps_nothing_and_holds_nobody(memory: Memory) -> None:
    events = SessionEvents()
    opened = await events.store_event("7", None)
    await events.store_event("7", note(1))
    back = asyncio.ensure_future(replayed(events, opened))
    await asyncio.sleep(0)
    events.close()
    assert await back == [note(1)]
    assert (len(memory), memory.bytes) == (0, 0)
    assert await replayed(events, opened) == []
