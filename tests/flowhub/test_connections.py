"""Connections of `manage.py serve` end by themselves when their peer keeps memory for nothing."""

import asyncio
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest
import uvicorn

from flowhub import connections
from flowhub.connections import LEAST_BYTES, MAX_HEAD_BYTES, Connection

pytestmark = pytest.mark.anyio

SECONDS = 20.0
LARGE = 32 * 1024 * 1024
"""More than the sockets of both sides take together."""


class App:
    """Answers with a few large pieces, and notes how each request ended."""

    def __init__(self) -> None:
        self.ended: asyncio.Queue[str] = asyncio.Queue()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] == "/echo":
            await self.echo(scope, receive, send)
            return
        if scope["path"] == "/hangs":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await asyncio.Event().wait()
        pieces = 4 if scope["path"] == "/large" else 0
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _ in range(pieces):
            await send({"type": "http.response.body", "body": bytes(LARGE // 4), "more_body": True})
        await send({"type": "http.response.body", "body": b"."})
        while (await receive())["type"] != "http.disconnect":
            pass
        await self.ended.put(scope["path"])

    async def echo(self, scope: Any, receive: Any, send: Any) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message["body"], message["more_body"]
        answer = b"%s %s %s" % (scope["method"].encode(), body, dict(scope["headers"]).get(b"x-own", b"-"))
        headers = [(b"content-length", str(len(answer)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": answer})


@pytest.fixture
def app() -> App:
    return App()


@pytest.fixture
async def port(app: App) -> AsyncIterator[int]:
    """Where uvicorn serves the app."""
    config = uvicorn.Config(app, port=0, http=Connection, lifespan="off", log_config=None, timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    async with asyncio.timeout(SECONDS):
        while not server.started:
            await asyncio.sleep(0.01)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    await serving


async def ask(port: int, head: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(head)
    return reader, writer


async def rest_of(reader: asyncio.StreamReader) -> bytes:
    """What comes until the server hangs up."""
    received = bytearray()
    async with asyncio.timeout(SECONDS):
        while piece := await reader.read(1024 * 1024):
            received += piece
    return bytes(received)


REQUEST = b"GET / HTTP/1.1\r\nHost: here\r\n"


async def test_a_head_without_an_end_is_refused(port: int) -> None:
    _reader, writer = await ask(port, REQUEST + b"X-Long: ")
    async with asyncio.timeout(SECONDS):
        with pytest.raises(ConnectionError):
            await write_for_ever(writer)


async def write_for_ever(writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b"x" * (MAX_HEAD_BYTES // 4))
        await writer.drain()


async def test_many_headers_are_refused_with_the_reason(port: int) -> None:
    reader, writer = await ask(port, REQUEST + b"X-Many: 1\r\n" * (MAX_HEAD_BYTES // 11 + 1))
    assert (await rest_of(reader)).startswith(b"HTTP/1.1 431 ")
    writer.close()


@pytest.mark.parametrize("sent", [b"", REQUEST], ids=["nothing", "half a head"])
async def test_a_head_that_does_not_come_ends_the_connection(
    port: int, sent: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "HEAD_SECONDS", 0.1)
    reader, writer = await ask(port, sent)
    assert await rest_of(reader) == b""
    writer.close()


async def test_a_second_head_that_does_not_come_ends_the_connection(
    port: int, app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader, writer = await ask(port, REQUEST + b"\r\n")
    await reader.readuntil(b"\r\n\r\n")
    assert await reader.readuntil(b"0\r\n\r\n") == b"1\r\n.\r\n0\r\n\r\n"
    monkeypatch.setattr(connections, "HEAD_SECONDS", 0.1)
    writer.write(REQUEST)
    assert await rest_of(reader) == b""
    writer.close()


async def test_a_peer_that_reads_nothing_is_left_and_its_request_ends(
    port: int, app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "CHECK_SECONDS", 0.1)
    _, writer = await ask(port, b"GET /large HTTP/1.1\r\nHost: here\r\n\r\n")
    async with asyncio.timeout(SECONDS):
        assert await app.ended.get() == "/large"
    writer.transport.abort()


async def test_a_peer_that_reads_slowly_gets_everything(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "CHECK_SECONDS", 0.1)
    monkeypatch.setattr(connections, "LEAST_BYTES", 1)
    reader, writer = await ask(port, b"GET /large HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n")
    received = 0
    async with asyncio.timeout(SECONDS):
        while piece := await reader.read(LEAST_BYTES):
            received += len(piece)
            await asyncio.sleep(0)
    assert received > LARGE
    writer.close()


def answers_apart(port: int, number: int) -> list[bytes]:
    """What the socket gave first of each answer."""
    with socket.create_connection(("127.0.0.1", port), SECONDS) as connection:
        first = []
        for _ in range(number):
            connection.sendall(b"GET /echo HTTP/1.1\r\nHost: x\r\n\r\n")
            first.append(connection.recv(64 * 1024))
        return first


async def test_an_answer_is_sent_as_one(port: int) -> None:
    answers = await asyncio.to_thread(answers_apart, port, 50)
    assert [answer.partition(b"\r\n\r\n")[2] for answer in answers] == [b"GET  -"] * 50


async def test_a_head_is_sent_though_nothing_follows_it(port: int) -> None:
    reader, writer = await ask(port, b"GET /hangs HTTP/1.1\r\nHost: x\r\n\r\n")
    async with asyncio.timeout(SECONDS):
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 OK\r\n")
    writer.close()


OFFER = b"Host: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\nX-Own: kept\r\n"


@pytest.mark.parametrize(
    ("packets", "answers"),
    [
        ([b"POST /echo HTTP/1.1\r\n" + OFFER + b"Content-Length: 5\r\n\r\nhello"], [b"POST hello kept"]),
        ([b"POST /echo HTTP/1.1\r\n" + OFFER + b"Content-Length: 5\r\n\r\n", b"he", b"llo"], [b"POST hello kept"]),
        ([b"POST /echo HTTP/1.1\r\n" + OFFER + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"],
         [b"POST hello kept"]),
        ([b"GET /echo HTTP/1.1\r\n" + OFFER + b"\r\n"], [b"GET  kept"]),
        (
            [b"GET /echo HTTP/1.1\r\nHost: x\r\n\r\nPOST /echo HTTP/1.1\r\n" + OFFER + b"Content-Length: 2\r\n\r\nhi"
             b"GET /echo HTTP/1.1\r\nHost: x\r\n\r\n"],
            [b"GET  -", b"POST hi kept", b"GET  -"],
        ),
    ],
)  # fmt: skip
async def test_an_offer_of_another_protocol_is_left_and_the_request_answered(
    port: int, packets: list[bytes], answers: list[bytes]
) -> None:
    reader, writer = await ask(port, packets[0])
    for packet in packets[1:]:
        await asyncio.sleep(0)
        writer.write(packet)
    async with asyncio.timeout(SECONDS):
        for answer in answers:
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200 OK\r\n")
            assert await reader.readexactly(len(answer)) == answer
    writer.close()
