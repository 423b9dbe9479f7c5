"""How the head of an event stream goes out: with the first event, or by itself when that is slow to come."""

import asyncio
from typing import Any

import pytest

from mcp_bridge.wire import streams
from mcp_bridge.wire.streams import ResponseStream

pytestmark = pytest.mark.anyio

HEAD = {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]}
EVENT = {"type": "http.response.body", "body": b"data: 1\r\n\r\n", "more_body": True}
OPENING = {"type": "http.response.body", "body": b": open\r\n\r\n", "more_body": True}


class Wire:
    """What went out, and a signal for each message."""

    def __init__(self) -> None:
        self.sent: list[Any] = []
        self.arrived = asyncio.Semaphore(0)

    async def send(self, message: Any) -> None:
        self.sent.append(message)
        self.arrived.release()

    async def wait_for(self, number: int) -> None:
        for _ in range(number):
            await asyncio.wait_for(self.arrived.acquire(), 10)


async def test_the_head_of_a_quick_answer_goes_out_with_its_first_event() -> None:
    wire = Wire()
    stream = ResponseStream(wire.send)
    await stream.send(HEAD)
    assert wire.sent == []
    await stream.send(EVENT)
    assert wire.sent == [HEAD, EVENT]


async def test_the_head_of_a_slow_answer_goes_out_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "HEAD_SECONDS", 0.01)
    wire = Wire()
    stream = ResponseStream(wire.send)
    await stream.send(HEAD)
    await wire.wait_for(2)
    await stream.send(EVENT)
    assert wire.sent == [HEAD, OPENING, EVENT]


async def test_an_answer_that_is_no_stream_is_passed_on_as_it_is() -> None:
    wire = Wire()
    head = HEAD | {"headers": [(b"content-type", b"application/json")]}
    await ResponseStream(wire.send).send(head)
    assert wire.sent == [head]


async def test_nothing_goes_out_once_the_request_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "HEAD_SECONDS", 0.0)
    wire = Wire()
    stream = ResponseStream(wire.send)
    await stream.send(HEAD)
    stream.close()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert wire.sent == []


PRIMING = {"type": "http.response.body", "body": b"id: 1-1\r\ndata: \r\nretry: 1000\r\n\r\n", "more_body": True}


async def test_the_event_that_tells_how_to_come_back_goes_out_with_a_quick_answer() -> None:
    wire = Wire()
    stream = ResponseStream(wire.send)
    stream.opening.event = PRIMING["body"]
    for message in (HEAD, EVENT):
        await stream.send(message)
    assert wire.sent == [HEAD, EVENT | {"body": PRIMING["body"] + EVENT["body"]}]


async def test_a_client_knows_soon_how_to_come_back_for_a_slow_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "HEAD_SECONDS", 0.01)
    wire = Wire()
    stream = ResponseStream(wire.send)
    stream.opening.event = PRIMING["body"]
    await stream.send(HEAD)
    await wire.wait_for(2)
    await stream.send(EVENT)
    assert wire.sent == [HEAD, PRIMING, EVENT]


async def test_a_stream_that_ends_at_once_has_told_how_to_come_back() -> None:
    wire = Wire()
    stream = ResponseStream(wire.send)
    end = {"type": "http.response.body", "body": b"", "more_body": False}
    stream.opening.event = PRIMING["body"]
    for message in (HEAD, end):
        await stream.send(message)
    assert wire.sent == [HEAD, end | {"body": PRIMING["body"]}]
