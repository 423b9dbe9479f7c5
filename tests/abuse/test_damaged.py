"""Good messages that a generator with fixed seeds damages, in the tests' own process and in both eras.

Whatever comes of one, it is a JSON-RPC answer or nothing, no failure of the server, and the executions that are
recorded are those that the answers name.
"""

import copy
import json
import logging
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from executions.models import Execution
from flows.models import Prompt, Resource
from mcp_bridge.servers.host import current_host
from tests.definitions import node
from tests.factories import make_key, make_server, make_user, publish
from tests.inside import Inside
from tests.mcp_client import ERAS, MODERN
from tests.wire import ENVELOPE, Reply

pytestmark = [pytest.mark.anyio, pytest.mark.django_db(transaction=True)]

INTERNAL_ERROR = -32603
MESSAGES = 200
"""Damaged messages of a seed."""

PERSON = {"type": "object", "properties": {"name": {"type": "string"}, "n": {"type": "integer"}}, "required": ["name"]}
META = "io.modelcontextprotocol/"
GOOD: list[tuple[str, dict[str, Any]]] = [
    *[("tools/call", {"name": "greet", "arguments": {"name": "Ada", "n": 1}})] * 6,
    ("tools/call", {"name": "greet", "arguments": {"name": "Ada"}, "_meta": {"progressToken": 1}}),
    ("tools/call", {"name": "greet", "arguments": {"name": "Ada"}, "_meta": {"flowhub/idempotencyKey": "a"}}),
    ("tools/call", {"name": "get_result", "arguments": {"executionId": "x"}}),
    ("tools/call", {"name": "flowhub_list_executions", "arguments": {"limit": 1}}),
    ("tools/list", {}),
    ("prompts/list", {"cursor": "x"}),
    ("prompts/get", {"name": "ask", "arguments": {"who": "Ada"}}),
    ("resources/list", {}),
    ("resources/templates/list", {}),
    ("resources/read", {"uri": "memo:one"}),
    ("resources/subscribe", {"uri": "memo:one"}),
    ("completion/complete", {"ref": {"type": "ref/prompt", "name": "ask"}, "argument": {"name": "who", "value": "A"}}),
    ("logging/setLevel", {"level": "info"}),
    ("initialize", {}),
    ("ping", {}),
    ("server/discover", {}),
    ("subscriptions/listen", {"notifications": {"toolsListChanged": True}}),
    ("notifications/cancelled", {"requestId": 1}),
    ("notifications/progress", {"progressToken": 1, "progress": 1}),
]
METHODS = sorted({method for method, _ in GOOD} | {"tools/dance", "", "TOOLS/CALL", "tools/call\n", "rpc.discover"})
JUNK: list[Any] = [
    *(None, True, False, 0, -1, 1.5, 1e308, -0.0, 2**53, 2**64, 10**400, [], {}, [[]], [None], {"": {}}, {"a": 1}),
    *("", " ", "x" * 5000, "\x00", "\u2028", "\ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16")),
    *("1", "true", "__proto__", "../../x", "%00", "{{ trigger }}", "2026-07-28", "1999-01-01"),
]
NESTED = {depth: b"[" * depth + b"]" * depth for depth in (50, 190, 205, 5000)}


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where values are in a message, outermost first."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [*([path] if path else []), *(place for key, each in inner for place in places(each, (*path, key)))]


def holder(message: Any, path: tuple[Any, ...]) -> Any:
    for key in path[:-1]:
        message = message[key]
    return message


def replace(seeded: random.Random, message: Any) -> Any:
    path = seeded.choice(places(message))
    holder(message, path)[path[-1]] = seeded.choice(JUNK)
    return message


def remove(seeded: random.Random, message: Any) -> Any:
    path = seeded.choice(places(message))
    del holder(message, path)[path[-1]]
    return message


def rename(seeded: random.Random, message: Any) -> Any:
    path = seeded.choice(places(message))
    within = holder(message, path)
    name = seeded.choice([path[-1].upper(), path[-1] + "\x00", path[-1] + " ", "\uff4d" + path[-1], path[-1][:-1]])
    within[name] = within.pop(path[-1])
    return message


def add(seeded: random.Random, message: Any) -> Any:
    within = holder(message, seeded.choice(places(message)))
    names = ["x", "result", "error", "_meta", "task", "inputResponses", "requestState", "cursor", META + "logLevel"]
    within[seeded.choice(names)] = seeded.choice(JUNK)
    return message


def swap(seeded: random.Random, message: Any) -> Any:
    return message | {"method": seeded.choice(METHODS)}


def pack(seeded: random.Random, message: Any) -> Any:
    return seeded.choice([[message], [message, message | {"id": 2}], [[message]], [message, 1], [], {"a": message}])


def no_notification(seeded: random.Random, message: Any) -> Any:
    message.pop("id", None)
    return message


def answer_back(seeded: random.Random, message: Any) -> Any:
    said = seeded.choice([{"result": {}}, {"error": {"code": 1, "message": "x"}}, {"result": {}, "error": {}}])
    return {"jsonrpc": "2.0", "id": seeded.choice(JUNK)} | said


def cut(seeded: random.Random, body: bytes) -> bytes:
    return body[: seeded.randrange(len(body))]


def bytes_in(seeded: random.Random, body: bytes) -> bytes:
    at = seeded.randrange(len(body))
    odd = [b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\x00", b"\\ud800", b"\\u003a", b'"', b",", b"\xef\xbb\xbf", b"//"]
    return body[:at] + seeded.choice(odd) + body[at + seeded.randrange(2) :]


def numbers(seeded: random.Random, body: bytes) -> bytes:
    odd = [b"1e999", b"-1e999", b"NaN", b"Infinity", b"01", b"+1", b"0x1", b"1" + b"0" * 4500, b"1.", b"-"]
    return body.replace(b": 1", b": " + seeded.choice(odd))


def nest(seeded: random.Random, body: bytes) -> bytes:
    return body.replace(b'"Ada"', seeded.choice(list(NESTED.values()))).replace(b": {}", b": " + NESTED[190])


def twice(seeded: random.Random, body: bytes) -> bytes:
    """A member of an object a second time, right after the first."""
    names = [
        b'"jsonrpc": "2.0"',
        b'"id": 1',
        b'"id": 0',
        b'"name": "greet"',
        b'"name": "Ada"',
        b'"method": "tools/call"',
    ]
    there = [each for each in names if each in body] or [b'"jsonrpc": "2.0"']
    member = seeded.choice(there)
    other = seeded.choice([member, member.replace(b"e", b"\\u0065", 1), member[:-1] + b'x"'])
    return body.replace(member, member + b", " + other, 1)


def surround(seeded: random.Random, body: bytes) -> bytes:
    return seeded.choice(
        [body * 2, body + b"\x00", b"\xef\xbb\xbf" + body, b" \n" * 500 + body, body + b"]", b"[" + body]
    )


MEMBERS: list[Callable[[random.Random, Any], Any]] = [
    *(replace, replace, replace, remove, remove, rename, add, swap, pack, no_notification, answer_back)
]
TEXTS: list[Callable[[random.Random, bytes], bytes]] = [cut, bytes_in, bytes_in, numbers, nest, twice, twice, surround]


def heads(seeded: random.Random, head: dict[str, str]) -> dict[str, str]:
    """Headers that lack something, or say something else."""
    name = seeded.choice(["mcp-method", "mcp-name", "mcp-protocol-version", "mcp-session-id", "accept", "content-type"])
    values = {
        "mcp-method": ["tools/list", "", "TOOLS/CALL"],
        "mcp-name": ["echo", "=?base64?Z3JlZXQ=?=", "=?base64?!?=", "\xe9"],
        "mcp-protocol-version": ["1999-01-01", "2025-03-26", "2025-11-25", "2026-07-28", "x" * 500],
        "mcp-session-id": ["0" * 32, "../x", ""],
        "accept": ["*/*", "application/json", "text/html;q=x"],
        "content-type": ["text/plain", "application/json; charset=utf-16"],
    }
    without = {key: value for key, value in head.items() if key != name}
    return without if seeded.random() < 0.3 else without | {name: seeded.choice(values[name])}


def damaged(seeded: random.Random, client: Inside) -> tuple[bytes, dict[str, str]]:
    """A message with one to three kinds of damage, or with none."""
    method, params = seeded.choice(GOOD)
    message: Any = client.message(method, copy.deepcopy(params), None if method.startswith("notif") else 1)
    if "_meta" in params:
        message["params"]["_meta"] = (ENVELOPE if client.era == MODERN else {}) | params["_meta"]
    head = client.head(message)
    message = copy.deepcopy(message)
    for _ in range(seeded.choice([0, 1, 1, 2])):
        if isinstance(message, dict) and places(message):
            message = seeded.choice(MEMBERS)(seeded, message)
    body = json.dumps(message).encode()
    if seeded.random() < 0.4:
        body = seeded.choice(TEXTS)(seeded, body)
    if seeded.random() < 0.3:
        head = heads(seeded, head)
    return body, head


@pytest.fixture
async def key() -> AsyncIterator[str]:
    yield await sync_to_async(furnished)()
    await current_host().aclose()


def furnished() -> str:
    """A key to a server with something behind every method."""
    server = make_server(make_user("ada"), "home", agent_tools=True)
    publish(server, "greet", node("answer", "return", text="Hello, {{ trigger.name }}!"), input_schema=PERSON)
    words = [{"role": "user", "content": {"type": "text", "text": "Who is {{ arguments.who }}?"}}]
    arguments = [{"name": "who", "description": "Whom", "required": True}]
    Prompt.objects.create(server=server, name="ask", description="Asks.", arguments=arguments, messages=words)
    Resource.objects.create(server=server, uri="memo:one", name="one", text="text")
    return make_key(server.owner)


def messages_in(reply: Reply) -> list[dict[str, Any]]:
    """What is an answer of all that came, as a page, a stream or a batch."""
    text = reply.body.decode()
    if reply.headers.get("content-type", "").startswith("text/event-stream"):
        found = [json.loads(line[6:]) for line in text.splitlines() if line.startswith("data: {")]
    else:
        found = json.loads(text) if text else []
    return [each for each in (found if isinstance(found, list) else [found]) if "method" not in each]


def faults_of(reply: Reply) -> list[str]:
    """What an answer has that none should have."""
    found = []
    if reply.status >= 500 or reply.status not in (200, 202, 400, 404, 406, 413, 415):
        found.append(f"status {reply.status}")
    for each in messages_in(reply):
        error = each.get("error")
        if each.get("jsonrpc") != "2.0" or "id" not in each or ("result" in each) == (error is not None):
            found.append(f"no answer of JSON-RPC: {each}")
        elif error is not None and (error["code"] == INTERNAL_ERROR or not error["message"]):
            found.append(f"error {error}")
    return found


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("seed", [1, 2])
async def test_damaged_messages_are_answered_and_only_calls_recorded(
    key: str, era: str, seed: int, caplog: pytest.LogCaptureFixture
) -> None:
    client = Inside("home", key, era)
    if era != MODERN:
        await client.open()
    seeded, wrong, kinds, named = random.Random(f"{seed} {era}"), [], Counter[str](), set[str]()
    for number in range(MESSAGES):
        body, head = damaged(seeded, client)
        reply = await client.send(body, head)
        wrong += [(number, body[:500], head, fault) for fault in faults_of(reply)]
        for each in messages_in(reply):
            kinds["result" if "result" in each else "error"] += 1
            # A call of a tool that is not there is an error, and recorded.
            meta = each["result"].get("_meta") if "result" in each else each["error"].get("data")
            named |= {meta["flowhub/executionId"]} if meta and "flowhub/executionId" in meta else set()
    assert wrong == []
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR] == []
    rows = {str(pk) async for pk in Execution.objects.values_list("pk", flat=True)}
    assert rows == named
    # It is no storm of nothing but refusals.
    assert (kinds["error"] > 60, kinds["result"] > 10, len(rows) > 5) == (True, True, True), (kinds, len(rows))
    assert (await client.say("tools/call", GOOD[0][1])).message["result"]["content"][0]["text"] == "Hello, Ada!"


@pytest.mark.parametrize("era", ERAS)
async def test_a_member_that_comes_twice_is_refused_by_its_name(key: str, era: str) -> None:
    client = Inside("home", key, era)
    if era != MODERN:
        await client.open()
    message = client.message("tools/call", {"name": "greet", "arguments": {"name": "a: b", "n": 2**70}})
    good, head = json.dumps(message).encode(), client.head(message)
    for name, one, two in [
        ("n", b'"n": ', b'"n": 1, "n": '),
        ("name", b'"name": "a', b'"n\\u0061me": "b", "name": "a'),
        ("method", b'"method"', b'"method": "tools/list", "method"'),
        ("a:b", b'"n": ', b'"a:b": 1, "a\\u003Ab": 2, "n": '),
    ]:
        reply = await client.send(good.replace(one, two, 1), head)
        expected = f'An object of this message has the member "{name}" more than once. Send it once.'
        assert (reply.status, reply.error, reply.message["id"]) == (400, (-32600, expected), None)
    assert await Execution.objects.acount() == 0
    same = good.replace(b'"n": ', b'"x": {"n": 1, "name": "\\u003a:"}, "n": ')
    for body in (good, same):
        assert (await client.send(body, head)).message["result"]["content"][0]["text"] == "Hello, a: b!"
