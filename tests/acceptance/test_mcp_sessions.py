"""Sessions of clients that begin with a handshake: whose they are, how they end, and what happens with too many."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager

import pytest

from tests.live import LiveServer, wait_until
from tests.mcp_client import LEGACY
from tests.wire import LEGACY_VERSION, Reply, Wire

pytestmark = pytest.mark.timeout(120)

MAX_SESSIONS = 10
INVALID_REQUEST = -32600
GONE = (404, (INVALID_REQUEST, "Session not found"))
INITIALIZE_FIRST = "Send initialize first, then the Mcp-Session-Id header of its answer with every message."

ANOTHER_KEY = """
from mcp_bridge.models import ApiKey
print(ApiKey.issue(ApiKey.objects.earliest("id").owner, "another")[1])
"""


@pytest.fixture(scope="module")
def another_key(small_server: LiveServer) -> str:
    """A second key of the same person."""
    return small_server.manage("shell", "-v", "0", "-c", ANOTHER_KEY).stdout.split()[-1]


def a_call(wire: Wire) -> Reply:
    return wire.send(wire.encode(wire.call()))


def refused(reply: Reply) -> tuple[int, tuple[int, str]]:
    return reply.status, reply.error


@contextmanager
def open_stream(wire: Wire) -> Iterator[socket.socket]:
    """The stream on which a session listens, read as far as its head."""
    lines = "".join(f"{name}: {value}\r\n" for name, value in wire.head("GET"))
    with closing(socket.create_connection(("127.0.0.1", wire.server.port), timeout=20)) as connection:
        connection.sendall(f"GET /mcp/demo HTTP/1.1\r\n{lines}\r\n".encode())
        assert connection.recv(12) == b"HTTP/1.1 200"
        yield connection


def until_ended(connection: socket.socket) -> None:
    """Read a stream until its last chunk; the connection may be used again."""
    received = b""
    while not received.endswith(b"\r\n0\r\n\r\n"):
        piece = connection.recv(65536)
        if not piece:
            return
        received += piece


# --- Whose they are, how they end -------------------------------------------------------------------------------------


def test_a_session_that_was_deleted_is_not_found_any_more(server: LiveServer) -> None:
    wire = Wire(server, LEGACY)
    assert wire.send(method="DELETE").status == 200
    assert refused(wire.send(method="DELETE")) == GONE
    assert refused(wire.send(method="GET")) == GONE
    assert refused(a_call(wire)) == GONE
    wire.open()
    assert wire.works()


@pytest.mark.parametrize("session", ["0" * 32, "a b;c", "'; DROP TABLE", "\xff" * 20, "x" * 10_000])
def test_a_session_that_never_was_is_not_found(server: LiveServer, session: str) -> None:
    assert refused(a_call(Wire(server, LEGACY, session=session))) == GONE


def test_without_a_session_only_a_handshake_is_taken(server: LiveServer) -> None:
    wire = Wire(server, LEGACY)
    wire.session = None
    assert refused(a_call(wire)) == (400, (INVALID_REQUEST, INITIALIZE_FIRST))
    initialize = {"jsonrpc": "2.0", "method": "initialize", "params": {}}
    assert refused(wire.send(wire.encode(initialize))) == (400, (INVALID_REQUEST, INITIALIZE_FIRST))
    for method in ("GET", "DELETE"):
        message = f"A {method} needs the Mcp-Session-Id header that the answer to initialize had."
        assert refused(wire.send(method=method)) == (400, (INVALID_REQUEST, message))


@pytest.mark.parametrize("version", [5, None, {"2025": 11}])
def test_a_handshake_that_is_wrong_says_what_is_and_opens_no_session(server: LiveServer, version: object) -> None:
    wire = Wire(server, LEGACY)
    opened, wire.session = wire.session, None
    hello = {"protocolVersion": version, "clientInfo": {"name": "wire", "version": "1"}, "capabilities": {}}
    reply = wire.send(wire.encode({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": hello}))
    expected = "The params of initialize do not fit. params.protocolVersion: Input should be a valid string."
    assert reply.error == (-32602, expected)
    wire.session = opened
    assert wire.works()


def test_a_version_that_nobody_knows_is_answered_with_one_that_is_served(server: LiveServer) -> None:
    wire = Wire(server, LEGACY)
    wire.session = None
    hello = {"protocolVersion": "1990-01-01", "clientInfo": {"name": "wire", "version": "1"}, "capabilities": {}}
    reply = wire.send(wire.encode({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": hello}))
    assert (reply.status, reply.message["result"]["protocolVersion"]) == (200, LEGACY_VERSION)


def test_a_session_has_one_stream_and_may_open_another_when_that_is_closed(server: LiveServer) -> None:
    wire = Wire(server, LEGACY)
    with open_stream(wire):
        assert wire.send(method="GET").status == 409
        assert wire.works()

    def reopened() -> bool:
        try:
            with open_stream(wire):
                return True
        except AssertionError:
            return False

    wait_until(reopened, 10, "the stream was not free again")


def test_a_key_cannot_use_the_session_of_another(small_server: LiveServer, another_key: str) -> None:
    mine = Wire(small_server, LEGACY)
    theirs = Wire(small_server, LEGACY, session=mine.session, key=another_key)
    assert refused(a_call(theirs)) == GONE
    assert refused(theirs.send(method="GET")) == GONE
    assert refused(theirs.send(method="DELETE")) == GONE
    assert mine.works()


def test_an_id_that_is_under_way_cannot_be_used_for_another_request(server: LiveServer) -> None:
    wire = Wire(server, LEGACY)
    slow = wire.call(id="twice", params={"name": "slow_report", "arguments": {"seconds": 1}})
    lines = "".join(f"{name}: {value}\r\n" for name, value in wire.head())
    body = wire.encode(slow)
    with closing(socket.create_connection(("127.0.0.1", server.port), timeout=20)) as connection:
        connection.sendall(f"POST /mcp/demo HTTP/1.1\r\n{lines}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        assert connection.recv(12) == b"HTTP/1.1 200"
        reply = wire.send(wire.encode(wire.call(id="twice")))
        expected = "A request with this id is under way in this session. Give each request an id of its own."
        assert (reply.message["id"], refused(reply)) == ("twice", (400, (INVALID_REQUEST, expected)))
        assert wire.works()


# --- Too many ---------------------------------------------------------------------------------------------------------


def test_more_clients_than_sessions_that_a_process_keeps_open_go_on(small_server: LiveServer) -> None:
    wires = [Wire(small_server, LEGACY) for _ in range(MAX_SESSIONS + 2)]
    ended = "sessions are open; ended the 1 longest idle of"
    before = small_server.log.count(ended)
    assert all(wire.works() for wire in wires)
    assert small_server.log.count(ended) > before


def test_sessions_that_ended_make_room(small_server: LiveServer) -> None:
    wires = [Wire(small_server, LEGACY) for _ in range(MAX_SESSIONS)]
    assert wires[-1].send(method="DELETE").status == 200
    assert Wire(small_server, LEGACY).works()
    assert all(wire.works() for wire in wires[:-1])


def test_a_key_that_holds_all_sessions_with_streams_gets_no_more_and_keeps_nobody_out(
    small_server: LiveServer, another_key: str
) -> None:
    wires = [Wire(small_server, LEGACY) for _ in range(MAX_SESSIONS)]
    with ExitStack() as stack:
        connections = [stack.enter_context(open_stream(wire)) for wire in wires]
        refusal = wires[0].ask_to_open()
        assert (refusal.status, refusal.headers["retry-after"]) == (503, "5")
        expected = "This server has as many sessions as it may. Wait a little and try again."
        assert refusal.error == (INVALID_REQUEST, expected)

        other = Wire(small_server, LEGACY, key=another_key)
        assert other.works()
        until_ended(connections[0])
        assert a_call(wires[0]).status == 503
        assert all(wire.works() for wire in wires[1:])
        assert other.works()
        assert other.send(method="DELETE").status == 200
