"""Large arguments and answers: whole for the client, cut in the record, bounded in the memory of the server."""

import asyncio
import socket
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx2
import pytest

from mcp_bridge.wire.bodies import LARGE_AT_ONCE, MAX_VALUES
from tests.live import LiveServer, wait_until
from tests.mcp_client import ERAS, MODERN
from tests.wire import Wire

pytestmark = pytest.mark.anyio

MB = 1_000_000
MIB = 1024 * 1024
LIMIT = 8 * MIB
INVALID_REQUEST = -32600


@pytest.fixture(params=ERAS)
def wire(server: LiveServer, request: pytest.FixtureRequest) -> Wire:
    """A caller in each era."""
    return Wire(server, request.param)


def greeting(wire: Wire, name: Any) -> bytes:
    """The message of a call of greet."""
    call = wire.call()
    call["params"]["arguments"]["name"] = name
    return wire.encode(call)


def too_large(limit: int) -> tuple[int, str]:
    message = f"This message is larger than {limit} bytes, the most that FLOWHUB_MAX_BODY_BYTES allows here."
    return INVALID_REQUEST, message


def test_an_argument_of_5_mb_is_answered_whole_and_cut_in_the_record(wire: Wire) -> None:
    name = "0123456789" * (5 * MB // 10)
    result = wire.send(greeting(wire, name)).message["result"]
    assert result["content"] == [{"type": "text", "text": f"Hello, {name}! 1"}]
    record = wire.server.get_json(f"/api/executions/{result['_meta']['flowhub/executionId']}/")
    assert record["status"] == "fulfilled"
    cut = record["initialParams"]["name"]
    assert (cut["$truncated"], cut["bytes"], cut["head"][:10]) == (True, 5 * MB, "0123456789")
    assert wire.works()


@pytest.mark.parametrize("framing", ["with its length", "in chunks"])
def test_a_message_above_the_limit_is_refused_with_the_limit(wire: Wire, framing: str) -> None:
    body = greeting(wire, "x" * LIMIT)
    if framing == "in chunks":
        pieces = [body[at : at + MIB] for at in range(0, len(body), MIB)]
        body = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
        reply = wire.send(body, length=None, more=[("Transfer-Encoding", "chunked")])
    else:
        reply = wire.send(body)
    assert (reply.status, reply.error) == (413, too_large(LIMIT))
    assert wire.works()


def test_a_message_that_only_says_that_it_is_too_large_is_refused_at_once(uvicorn_server: LiveServer) -> None:
    """Daphne waits for the body first; its runserver is for development."""
    wire = Wire(uvicorn_server, MODERN)
    for length in ("8388609", "1" + "0" * 15):
        assert wire.send(b"{", length=length).status == 413
    assert wire.works()


def test_a_message_of_very_many_values_is_refused_and_one_long_text_is_not(wire: Wire) -> None:
    reply = wire.send(greeting(wire, [[]] * MAX_VALUES))
    expected = f"This message has more than {MAX_VALUES} values. Send less, or send it as one text."
    assert (reply.status, reply.error) == (413, (INVALID_REQUEST, expected))
    text = ",[{" * MAX_VALUES
    assert wire.send(greeting(wire, text)).message["result"]["content"][0]["text"] == f"Hello, {text}! 1"


def test_a_client_that_does_not_read_its_answer_holds_nobody_up(wire: Wire) -> None:
    name = f"does not read, {wire.era}, {wire.server.port}"
    head = "".join(f"{line}: {value}\r\n" for line, value in wire.head())
    body = greeting(wire, name + "x" * 5 * MB)
    with closing(socket.create_connection(("127.0.0.1", wire.server.port), timeout=20)) as connection:
        connection.sendall(f"POST /mcp/demo HTTP/1.1\r\n{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        wait_until(lambda: fulfilled(wire.server, name), 20, "the execution did not end")
        assert wire.works()
    assert wire.works()


def fulfilled(server: LiveServer, start: str) -> bool:
    """Whether the execution whose first argument begins with `start` has ended well."""
    rows = server.get_json("/api/executions/?status=fulfilled")["items"]
    return any(row["initialParamsPreview"].startswith(f'name: "{start}') for row in rows)


def memory(server: LiveServer, what: str) -> int:
    """MiB of a server process by /proc: VmRSS now, or VmHWM, the most since `forget_peak`."""
    assert server.process is not None
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    return next(int(line.split()[1]) // 1024 for line in status.splitlines() if line.startswith(what + ":"))


def forget_peak(server: LiveServer) -> None:
    assert server.process is not None
    Path(f"/proc/{server.process.pid}/clear_refs").write_text("5")


@pytest.mark.timeout(180)
@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="memory is read from /proc")
@pytest.mark.parametrize("era", ERAS)
async def test_a_hundred_large_messages_at_once_are_answered_or_told_to_wait_in_bounded_memory(
    small_server: LiveServer, era: str
) -> None:
    """Each takes some copies of its bytes while it is worked at: the bound is a generous multiple of what is held."""
    wire = await asyncio.to_thread(Wire, small_server, era)
    bodies = [greeting(wire, "x" * 900_000).replace(b'"id": 1', b'"id": %d' % number) for number in range(100)]
    forget_peak(small_server)
    before = memory(small_server, "VmRSS")
    async with httpx2.AsyncClient(timeout=120, limits=httpx2.Limits(max_connections=100)) as http:
        url, head = f"{small_server.url}/mcp/demo", dict(wire.head())
        answers = await asyncio.gather(*(http.post(url, content=body, headers=head) for body in bodies))
    statuses = Counter(answer.status_code for answer in answers)
    assert set(statuses) <= {200, 503}
    assert statuses[200] >= LARGE_AT_ONCE
    assert all(answer.headers["retry-after"] == "5" for answer in answers if answer.status_code == 503)
    assert all(len(answer.content) > 900_000 for answer in answers if answer.status_code == 200)
    assert memory(small_server, "VmHWM") - before < LARGE_AT_ONCE * 30
    assert await asyncio.to_thread(wire.works)
