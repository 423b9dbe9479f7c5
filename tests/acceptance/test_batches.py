"""Batches of MCP 2025-03-26: several messages in one body, as its clients may send them."""

import json
from typing import Any

import pytest

from tests.live import LiveServer
from tests.mcp_client import LEGACY
from tests.wire import LEGACY_VERSION, Reply, Wire

pytestmark = pytest.mark.timeout(120)

VERSION = "2025-03-26"
INVALID_REQUEST = -32600


@pytest.fixture
def wire(server: LiveServer) -> Wire:
    return Wire(server, LEGACY)


def post(wire: Wire, messages: list[Any], **head: Any) -> Reply:
    """Clients of that version name it in no header."""
    return wire.send(wire.encode(messages), **(head or {"without": "MCP-Protocol-Version"}))


def events(reply: Reply) -> dict[Any, Any]:
    """The messages of an event stream, or of the list that stands for it when none had to stream, by their id."""
    if reply.headers["content-type"] == "application/json":
        return {message["id"]: message for message in json.loads(reply.body)}
    lines = [line for line in reply.body.decode().splitlines() if line.startswith("data: {")]
    return {message["id"]: message for message in (json.loads(line.removeprefix("data: ")) for line in lines)}


def note(name: str) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "method": f"notifications/{name}"}


def test_each_request_of_a_batch_is_answered_in_one_stream_and_recorded(wire: Wire) -> None:
    slow = {"name": "slow_report", "arguments": {"seconds": 0.5}}
    misspelt = {"name": "gret", "arguments": {}}
    ping = {"jsonrpc": "2.0", "id": "p", "method": "ping"}
    bad = {"jsonrpc": "1.0", "id": 5, "method": "ping"}
    batch = [
        wire.call(),
        wire.call(id=2, params=slow),
        note("initialized"),
        wire.call(id=3, params=misspelt),
        ping,
        bad,
    ]
    reply = post(wire, batch)
    assert (reply.status, reply.headers["content-type"]) == (200, "text/event-stream")
    answers = events(reply)
    assert sorted(answers, key=str) == [1, 2, 3, 5, "p"]
    assert answers[1]["result"]["content"][0]["text"] == "Hello, Ada! 1"
    assert answers[2]["result"]["isError"] is False
    assert answers[3]["error"]["code"] == -32602
    assert answers["p"]["result"] == {}
    assert answers[5]["error"] == {"code": INVALID_REQUEST, "message": 'The message lacks "jsonrpc": "2.0".'}
    record = wire.server.get_json(f"/api/executions/{answers[1]['result']['_meta']['flowhub/executionId']}/")
    assert (record["status"], record["flowToolName"]) == ("fulfilled", "greet")


def test_a_batch_without_requests_is_accepted_and_answered_with_nothing(wire: Wire) -> None:
    reply = post(wire, [note("initialized"), note("roots/list_changed")])
    assert (reply.status, reply.body) == (202, b"")


def test_a_batch_for_a_session_that_is_gone_says_so_in_its_status(wire: Wire) -> None:
    wire.session = "0" * 32
    reply = post(wire, [wire.call(), wire.call(id=2)])
    assert (reply.status, reply.headers["content-type"]) == (404, "application/json")
    assert [each["error"]["message"] for each in json.loads(reply.body)] == ["Session not found"] * 2


ONLY_ONE = "The body must be one JSON-RPC message, an object; only MCP 2025-03-26 has batches."


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda wire: [], "A batch has 1 to 50 messages; this one has 0."),
        (lambda wire: [note("x")] * 51, "A batch has 1 to 50 messages; this one has 51."),
        (
            lambda wire: [wire.call(), [wire.call()]],
            "Message 2 of the batch is no object. Each is one JSON-RPC message.",
        ),
        (
            lambda wire: [wire.call(), wire.call()],
            "The id 1 stands at two requests of the batch. Give each an id of its own.",
        ),
        (
            lambda wire: [wire.call(method="initialize")],
            "initialize cannot be part of a batch. Send it by itself, and before all others.",
        ),
    ],
)
def test_what_cannot_be_a_batch_is_refused_whole_with_what_to_change(wire: Wire, make: Any, message: str) -> None:
    reply = post(wire, make(wire))
    assert (reply.status, reply.error) == (400, (INVALID_REQUEST, message))
    assert wire.works()


def test_another_version_has_no_batches(wire: Wire) -> None:
    assert post(wire, [wire.call()], more=[("X-Version", LEGACY_VERSION)]).error == (INVALID_REQUEST, ONLY_ONE)


def test_the_version_may_be_named(wire: Wire) -> None:
    reply = post(wire, [wire.call()], without="MCP-Protocol-Version", more=[("MCP-Protocol-Version", VERSION)])
    assert events(reply)[1]["result"]["content"][0]["text"] == "Hello, Ada! 1"
