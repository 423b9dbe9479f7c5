"""Messages and requests that are wrong, under uvicorn and daphne, in both eras.

Each is answered with a status and a JSON-RPC error that says what to change, none of them is an error in the log, and
the next call is fine.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.live import LiveServer
from tests.mcp_client import ERAS, MODERN
from tests.wire import LEGACY_VERSION, Lines, Wire

PARSE_ERROR, INVALID_REQUEST, INVALID_PARAMS, METHOD_NOT_FOUND = -32700, -32600, -32602, -32601
HEADER_MISMATCH, UNSUPPORTED_VERSION = -32020, -32022
NO_JSON = "The body is not JSON in UTF-8: "
DEEP = 100_000


@pytest.fixture(params=ERAS)
def wire(server: LiveServer, request: pytest.FixtureRequest) -> Iterator[Wire]:
    """A caller in each era; the server has logged no error through it, and takes its next call."""
    before = len(server.log)
    wire = Wire(server, request.param)
    yield wire
    assert wire.works()
    written = server.log[before:]
    assert not [line for line in written.splitlines() if " ERROR " in line or "Traceback" in line], written


def with_text(wire: Wire, old: bytes, new: bytes) -> bytes:
    """A good call in which something is replaced that JSON from a library would not have."""
    whole = wire.encode(wire.call())
    assert old in whole
    return whole.replace(old, new)


# --- Bodies that are no JSON ------------------------------------------------------------------------------------------

BROKEN: dict[str, tuple[Callable[[Wire], bytes], str]] = {
    "cut off": (lambda wire: b'{"jsonrpc": ', "EOF while parsing a value at line 1 column 12."),
    "empty": (lambda wire: b"", "EOF while parsing a value at line 1 column 0."),
    "not UTF-8": (lambda wire: with_text(wire, b"Ada", b"\xff"), "invalid unicode code point at"),
    "UTF-16": (lambda wire: wire.encode(wire.call()).decode().encode("utf-16"), "expected value at line 1 column 1."),
    "a lone surrogate": (lambda wire: with_text(wire, b"Ada", b"\\ud800"), "unexpected end of hex escape at"),
    "NaN": (lambda wire: with_text(wire, b'"n": 1', b'"n": NaN'), "expected value at"),
    "a number too large": (lambda wire: with_text(wire, b'"n": 1', b'"n": 1' + b"0" * 5000), "number out of range at"),
    "deep lists": (lambda wire: b"[" * DEEP + b"]" * DEEP, "more than 200 levels of nesting at line 1 column 202."),
    "deep objects": (lambda wire: b'{"a":' * DEEP + b"1" + b"}" * DEEP, "more than 200 levels of nesting at"),
    "deep arguments": (
        lambda wire: with_text(wire, b'"Ada"', b"[" * DEEP + b"]" * DEEP),
        "more than 200 levels of nesting at",
    ),
    "two values": (lambda wire: wire.encode(wire.call()) * 2, "trailing characters at"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_body_that_is_no_json_is_refused_with_the_place(wire: Wire, case: str) -> None:
    make, expected = BROKEN[case]
    reply = wire.send(make(wire))
    code, message = reply.error
    assert (reply.status, code, reply.message["id"]) == (400, PARSE_ERROR, None)
    assert message.startswith(NO_JSON + expected)


# --- JSON that is no message ------------------------------------------------------------------------------------------

ONE_MESSAGE = "The body must be one JSON-RPC message, an object; only MCP 2025-03-26 has batches."
NO_VERSION = 'The message lacks "jsonrpc": "2.0".'
BAD_ID = "The id of a request must be a string or a whole number; a notification has none."
BAD_METHOD = "The method of a message must be a string."
BAD_PARAMS = "The params of a message must be an object."

MISSHAPEN: dict[str, tuple[Callable[[Wire], Any], tuple[int, str], Any]] = {
    "a batch": (lambda wire: [wire.call()], (INVALID_REQUEST, ONE_MESSAGE), None),
    "an empty batch": (lambda wire: [], (INVALID_REQUEST, ONE_MESSAGE), None),
    "null": (lambda wire: None, (INVALID_REQUEST, ONE_MESSAGE), None),
    "a string": (lambda wire: "tools/call", (INVALID_REQUEST, ONE_MESSAGE), None),
    "a number": (lambda wire: 1, (INVALID_REQUEST, ONE_MESSAGE), None),
    "another JSON-RPC": (lambda wire: wire.call(jsonrpc="1.0"), (INVALID_REQUEST, NO_VERSION), 1),
    "an id that is null": (lambda wire: wire.call(id=None), (INVALID_REQUEST, BAD_ID), None),
    "an id that is a float": (lambda wire: wire.call(id=1.5), (INVALID_REQUEST, BAD_ID), None),
    "an id that is an object": (lambda wire: wire.call(id={}), (INVALID_REQUEST, BAD_ID), None),
    "an id that is true": (lambda wire: wire.call(id=True), (INVALID_REQUEST, BAD_ID), None),
    "a method that is a number": (lambda wire: wire.call(method=5), (INVALID_REQUEST, BAD_METHOD), 1),
    "no method": (lambda wire: {"jsonrpc": "2.0", "id": 1}, (INVALID_REQUEST, BAD_METHOD), 1),
    "params that are a list": (lambda wire: wire.call(params=[1]), (INVALID_PARAMS, BAD_PARAMS), 1),
    "params that are a string": (lambda wire: wire.call(params="x"), (INVALID_PARAMS, BAD_PARAMS), 1),
}


@pytest.mark.parametrize("case", MISSHAPEN)
def test_json_that_is_no_message_is_refused_with_what_to_change(wire: Wire, case: str) -> None:
    make, error, request_id = MISSHAPEN[case]
    reply = wire.send(wire.encode(make(wire)))
    assert (reply.status, reply.error, reply.message["id"]) == (400, error, request_id)


@pytest.mark.parametrize("arguments", [[1], "x", 5])
def test_arguments_of_the_wrong_type_are_refused_with_their_place(wire: Wire, arguments: Any) -> None:
    call = wire.call()
    call["params"]["arguments"] = arguments
    reply = wire.send(wire.encode(call))
    assert reply.status == (400 if wire.era == MODERN else 200)
    expected = "The params of tools/call do not fit. params.arguments: Input should be a valid dictionary."
    assert (reply.message["id"], reply.error) == (1, (INVALID_PARAMS, expected))


def test_a_call_that_names_no_tool_says_so(wire: Wire) -> None:
    call = wire.call()
    del call["params"]["name"]
    reply = wire.send(wire.encode(call), without="Mcp-Name")
    assert reply.error == (INVALID_PARAMS, "The params of tools/call do not fit. params.name: Field required.")


def test_a_method_that_does_not_exist_is_not_found(wire: Wire) -> None:
    call = wire.call(method="tools/dance")
    reply = wire.send(wire.encode(call), without="Mcp-Method", more=modern(wire, ("Mcp-Method", "tools/dance")))
    assert (reply.status, reply.error) == (404 if wire.era == MODERN else 200, (METHOD_NOT_FOUND, "Method not found"))


def modern(wire: Wire, *lines: tuple[str, str]) -> Lines:
    return list(lines) if wire.era == MODERN else []


@pytest.mark.parametrize("method", ["notifications/dance", "notifications/cancelled"])
def test_a_notification_that_means_nothing_is_taken_and_dropped(wire: Wire, method: str) -> None:
    params = {"requestId": {"no": "id"}}
    reply = wire.send(wire.encode({"jsonrpc": "2.0", "method": method, "params": params}), without="Mcp-Method")
    assert (reply.status, reply.body) == (202, b"")


def test_a_member_that_is_there_twice_is_refused_by_its_name(wire: Wire) -> None:
    reply = wire.send(with_text(wire, b'"n": 1', b'"n": 2, "n": 3'))
    expected = 'An object of this message has the member "n" more than once. Send it once.'
    assert (reply.status, reply.error) == (400, (INVALID_REQUEST, expected))


def test_a_number_as_long_as_python_takes_is_an_argument_like_any_other(wire: Wire) -> None:
    reply = wire.send(with_text(wire, b'"n": 1', b'"n": 1' + b"0" * 4000))
    assert reply.message["result"]["content"][0]["text"] == "Hello, Ada! 1" + "0" * 4000


def test_a_number_beyond_all_floats_does_not_fit_the_schema(wire: Wire) -> None:
    result = wire.send(with_text(wire, b'"n": 1', b'"n": 1e999')).message["result"]
    assert result["isError"]
    assert result["content"][0]["text"].startswith(
        "The arguments do not fit the input schema of greet:\n- n: is too large for a number"
    )


# --- Heads ------------------------------------------------------------------------------------------------------------


def twice(name: str) -> str:
    return f"The {name} header appears more than once. Send it once."


def of(wire: Wire, name: str) -> str:
    """The value of a header of a good call."""
    return next(value for line, value in wire.head() if line.lower() == name)


@pytest.mark.parametrize("value", ["the same", "another"])
@pytest.mark.parametrize("name", ["authorization", "content-type", "host", "mcp-protocol-version", "origin"])
def test_a_header_that_says_who_asks_for_what_may_be_there_once(wire: Wire, name: str, value: str) -> None:
    own = of(wire, name) if name != "origin" else wire.server.url
    more = [(name, own)] if name == "origin" else []
    reply = wire.send(wire.encode(wire.call()), more=[*more, (name, own if value == "the same" else "other")])
    code = HEADER_MISMATCH if name.startswith("mcp-") else INVALID_REQUEST
    assert (reply.status, reply.error) == (400, (code, twice(name)))


@pytest.mark.parametrize("name", ["Mcp-Session-Id", "Mcp-Method", "Mcp-Name"])
def test_a_routing_header_may_be_there_once(wire: Wire, name: str) -> None:
    reply = wire.send(wire.encode(wire.call()), without=name, more=[(name, "a"), (name, "b")])
    assert (reply.status, reply.error) == (400, (HEADER_MISMATCH, twice(name.lower())))


MEDIA: dict[str, tuple[str, str, int, str]] = {
    "no content type": ("Content-Type", "", 415, "Send Content-Type: application/json."),
    "text": ("Content-Type", "text/plain", 415, "Send Content-Type: application/json."),
    "nearly JSON": ("Content-Type", "application/jsonp", 415, "Send Content-Type: application/json."),
    "a list": ("Content-Type", "application/json, text/plain", 415, "Send Content-Type: application/json."),
    "compressed": ("Content-Encoding", "gzip", 415, "Send the body as it is, without Content-Encoding."),
    "no accept": ("Accept", "", 406, "Send Accept: application/json, text/event-stream."),
    "accept one": ("Accept", "application/json", 406, "Send Accept: application/json, text/event-stream."),
    "accept other": ("Accept", "text/html", 406, "Send Accept: application/json, text/event-stream."),
}


@pytest.mark.parametrize("case", MEDIA)
def test_a_wrong_media_type_is_refused_with_the_right_one(wire: Wire, case: str) -> None:
    name, value, status, message = MEDIA[case]
    reply = wire.send(wire.encode(wire.call()), without=name, more=[(name, value)] if value else [])
    assert (reply.status, reply.error) == (status, (INVALID_REQUEST, message))


ACCEPTED: list[Lines] = [
    [("Content-Type", "Application/JSON; charset=utf-8"), ("Accept", "*/*")],
    [("Content-Type", "application/json"), ("Accept", "application/json"), ("Accept", "text/event-stream;q=0.5")],
]


@pytest.mark.parametrize("lines", ACCEPTED)
def test_media_types_may_be_written_in_every_way_that_http_allows(wire: Wire, lines: Lines) -> None:
    own = [line for line in wire.head() if line[0] not in ("Content-Type", "Accept")]
    body = wire.encode(wire.call())
    head = [*own, *lines, ("Content-Length", str(len(body)))]
    text = "POST /mcp/demo HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in head) + "\r\n"
    assert wire.exchange(text.encode() + body).status == 200


def test_a_version_that_is_not_served_is_refused_with_those_that_are(wire: Wire) -> None:
    call = wire.call(params={"name": "greet", "arguments": {}})
    more = [("MCP-Protocol-Version", "1999-01-01")]
    reply = wire.send(wire.encode(call), without="MCP-Protocol-Version", more=more)
    error = reply.message["error"]
    assert (reply.status, error["code"]) == (400, UNSUPPORTED_VERSION)
    assert error["data"]["requested"] == "1999-01-01"
    assert {MODERN, LEGACY_VERSION} <= set(error["data"]["supported"])
    assert error["message"] == f"MCP-Protocol-Version is not one of {', '.join(error['data']['supported'])}."


@pytest.mark.parametrize(
    "more", [[(f"X-{number}", "y") for number in range(20_000)], [("X", "y" * 300_000)]], ids=["many", "long"]
)
def test_a_flood_of_headers_is_refused(wire: Wire, more: Lines) -> None:
    """Each server has its own words; daphne hangs up on a single long line."""
    assert wire.send(wire.encode(wire.call()), more=more).status in (0, 400, 431)


@pytest.mark.parametrize("length", ["-5", "abc", "+20"])
def test_a_length_that_is_no_number_is_refused(wire: Wire, length: str) -> None:
    assert wire.send(wire.encode(wire.call()), length=length).status == 400


@pytest.mark.parametrize("more", [[("Content-Length", "5")], [("Transfer-Encoding", "chunked")]])
def test_two_lengths_of_one_body_are_refused(wire: Wire, more: Lines) -> None:
    assert wire.send(wire.encode(wire.call()), more=more).status == 400


def chunks(body: bytes, *, declared: int | None = None) -> bytes:
    return b"%x\r\n%s\r\n0\r\n\r\n" % (len(body) if declared is None else declared, body)


def test_a_body_in_chunks_is_a_body(wire: Wire) -> None:
    more = [("Transfer-Encoding", "chunked")]
    assert wire.send(chunks(wire.encode(wire.call())), length=None, more=more).status == 200


@pytest.mark.parametrize("wrong", [-3, 3])
def test_a_chunk_that_is_not_as_long_as_it_says_is_refused(wire: Wire, wrong: int) -> None:
    body = wire.encode(wire.call())
    more = [("Transfer-Encoding", "chunked")]
    reply = wire.send(chunks(body, declared=len(body) + wrong), length=None, more=more)
    assert reply.status == 400


def test_a_body_longer_than_its_length_is_not_answered_as_if_it_were_whole(wire: Wire) -> None:
    assert wire.send(wire.encode(wire.call()), length="10").status == 400


@pytest.mark.parametrize("framing", ["length", "chunks"])
def test_a_client_that_hangs_up_in_the_middle_of_its_message_leaves_no_trace(wire: Wire, framing: str) -> None:
    body = wire.encode(wire.call())
    lines = [("Content-Length", str(len(body) + 50))] if framing == "length" else [("Transfer-Encoding", "chunked")]
    start = body if framing == "length" else b"%x\r\n%s\r\n" % (len(body), body)
    head = "POST /mcp/demo HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in [*wire.head(), *lines])
    assert wire.exchange(head.encode() + b"\r\n" + start, hang_up=True).status == 0


@pytest.mark.parametrize("method", ["PUT", "PATCH", "HEAD", "TRACE"])
def test_another_method_is_not_allowed(wire: Wire, method: str) -> None:
    reply = wire.send(method=method)
    assert (reply.status, reply.headers["allow"]) == (405, "GET, POST, DELETE")


@pytest.mark.parametrize("origin", ["http://[", "null", "https://evil.example"])
def test_an_origin_that_is_none_of_ours_is_refused(wire: Wire, origin: str) -> None:
    reply = wire.send(wire.encode(wire.call()), more=[("Origin", origin)])
    assert (reply.status, reply.error) == (403, (INVALID_REQUEST, "This origin may not call MCP here."))
