"""Every shape of a call goes both ways, past the SDK and through it, and is answered and recorded in the same way."""

import asyncio
import json
import math
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from mcp.server import _streamable_http_modern

from executions.ledger.unavailable import LedgerUnavailable
from executions.models import CallKey, Execution
from executions.running import deliveries
from executions.running.dispatch import dispatcher
from flowhub.asgi import application
from flows.models import Server
from flows.values.scopes import Scope
from mcp_bridge.calls import direct
from mcp_bridge.servers.host import current_host
from tests.definitions import answer, node
from tests.factories import make_key, make_server, make_user, publish_unchecked

pytestmark = [pytest.mark.anyio, pytest.mark.django_db(transaction=True)]

MODERN = "2026-07-28"
OLD = ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25")
VERSIONS = (*OLD, MODERN)

_META = "io.modelcontextprotocol/"
CAPABILITIES = {"elicitation": {}}
ENVELOPE = {
    _META + "protocolVersion": MODERN,
    _META + "clientInfo": {"name": "caller", "version": "1"},
    _META + "clientCapabilities": CAPABILITIES,
}
PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "n": {"type": "integer"}},
    "required": ["name", "n"],
    "additionalProperties": False,
}
MIRRORED = {"type": "object", "properties": {"city": {"type": "string", "x-mcp-header": "City"}}}
PICTURE = {"type": "image", "data": "iVBORw0KGgo=", "mimeType": "image/png"}
LINK = {"type": "resource_link", "uri": "https://example.com/a", "name": "a"}


@dataclass
class Home:
    """A server of a person, one for everybody, and keys by what is special about them."""

    keys: dict[str, str]
    slugs: dict[str, str]


@sync_to_async
def make_home() -> Home:
    owner = make_user("ada")
    server = make_server(owner, "home")
    everybody = make_server(owner, "everybody", access=Server.Access.PUBLIC, links_failures=False)
    text = node("greeting", "set_fields", fields={"text": "Hello, {{ trigger.name }}! {{ trigger.n }}"})
    greeted = node("answer", "return", text="{{ greeting.text }}")
    for each in (server, everybody):
        publish_unchecked(each, "greet", text, greeted, input_schema=PERSON)
        publish_unchecked(each, "breaks", node("end", "fail", message="There is no order {{ trigger.v }}."))
    publish_unchecked(server, "echo", answer("{{ trigger }}"))
    publish_unchecked(server, "value", answer("{{ trigger.v }}"))
    publish_unchecked(server, "nothing", answer("{{ trigger.v }}"), output_schema={"type": ["object", "null"]})
    publish_unchecked(server, "rows", answer("{{ trigger.rows }}"), output_schema={"type": "array"})
    publish_unchecked(server, "blank", node("end", "return", text=" \n"))
    publish_unchecked(
        server, "picture", node("end", "return_content", content=[{"type": "text", "text": "A"}, PICTURE])
    )
    publish_unchecked(server, "link", node("end", "return_content", content=[LINK]))
    publish_unchecked(server, "silent", node("made", "set_fields", fields={"a": 1}))
    publish_unchecked(server, "lacks", node("end", "return", text="{{ trigger.there }}"))
    publish_unchecked(server, "says", node("line", "log", message="Hello"), node("end", "return", text="Said"))
    publish_unchecked(server, "waits", node("pause", "delay", seconds=0.01), node("end", "return", text="Waited"))
    failing = node("end", "fail", message="Nothing came.")
    publish_unchecked(server, "waits_and_breaks", node("pause", "delay", seconds=0.01), failing)
    publish_unchecked(server, "waits_long", node("pause", "delay", seconds=0.3), node("end", "return", text="Waited"))
    publish_unchecked(server, "never_ends", node("pause", "delay", seconds=50), node("end", "return", text="Waited"))
    publish_unchecked(server, "asks", node("roots", "ask_roots"), node("end", "return", text="Asked"))
    publish_unchecked(server, "mirrored", node("end", "return", text="{{ trigger.city }}"), input_schema=MIRRORED)
    publish_unchecked(server, "later", node("end", "return", text="Done"), answer_seconds=30)
    keys = {
        "full": make_key(owner, name="full"),
        "other": make_key(owner, name="other"),
        "limited": make_key(owner, name="limited", tools=["greet"]),
        "reads": make_key(owner, name="reads", scopes=[Scope.EXECUTIONS_READ]),
        "hasty": make_key(owner, name="hasty", calls_per_minute=1),
        "hasty too": make_key(owner, name="hasty", calls_per_minute=1),
        "stranger": make_key(name="stranger"),
        "unknown": "fh_" + "0" * 40,
        "none": "",
    }
    return Home(keys, {"home": server.slug, "everybody": everybody.slug, "nowhere": "nowhere"})


@dataclass
class Shape:
    """A request that differs from a good call of `greet` in what is said; headers of None are left out."""

    message: dict[str, Any] = field(default_factory=dict)
    params: dict[str, Any] = field(default_factory=dict)
    without: tuple[str, ...] = ()
    """Members of the message, params or `_meta` that are left out."""
    meta: Any = None
    """What `_meta` has besides, or stands in its place when it is no object."""
    headers: dict[str, str | None] = field(default_factory=dict)
    body: str = ""
    """In place of the message; %s stands for it."""
    key: str = "full"
    slug: str = "home"
    session: str = "own"
    repeats: int = 0
    """How often the message stands in a batch."""
    is_plain: bool | str = False
    """Whether it is to be answered past the SDK; the name of an era when in that alone."""


def called(name: str, arguments: Any = None, **more: Any) -> Shape:
    more.setdefault("is_plain", True)
    params = {"name": name, "arguments": {} if arguments is None else arguments}
    return Shape(params=params, headers={"mcp-name": name} | more.pop("headers", {}), **more)


BOTH, NEW, HANDSHAKE = True, "new", "handshake"
LONG = "x" * 70_000

SHAPES: dict[str, Shape] = {
    "a good call": Shape(is_plain=BOTH),
    "an id that is a text": Shape(message={"id": "first"}, is_plain=BOTH),
    "an id that is an empty text": Shape(message={"id": ""}, is_plain=BOTH),
    "an id that is 0": Shape(message={"id": 0}, is_plain=BOTH),
    "an id that is negative": Shape(message={"id": -1}, is_plain=BOTH),
    "an id beyond 64 bits": Shape(message={"id": 2**80}, is_plain=BOTH),
    "an id that is a fraction": Shape(message={"id": 1.5}),
    "an id that is null": Shape(message={"id": None}),
    "an id that is true": Shape(message={"id": True}),
    "an id that is a list": Shape(message={"id": [1]}),
    "no id": Shape(without=("id",)),
    "no version of JSON-RPC": Shape(without=("jsonrpc",)),
    "another version of JSON-RPC": Shape(message={"jsonrpc": "1.0"}),
    "one more member": Shape(message={"extra": 1}),
    "a result beside the method": Shape(message={"result": {}}),
    "no method": Shape(without=("method",)),
    "another method": Shape(message={"method": "tools/list"}),
    "an unknown method": Shape(message={"method": "tools/cal"}),
    "no params": Shape(without=("params",)),
    "params that are null": Shape(message={"params": None}),
    "params that are a list": Shape(message={"params": []}),
    "one more param": Shape(params={"extra": 1}),
    "a task": Shape(params={"task": {"ttl": 1}}),
    "answers of an earlier call": Shape(params={"inputResponses": {}}),
    "the state of an earlier call": Shape(params={"requestState": "x"}),
    "no name": Shape(without=("name",)),
    "a name that is a number": Shape(params={"name": 1}),
    "a name that is null": Shape(params={"name": None}),
    "an unknown tool": called("nobody", is_plain=False),
    "no arguments": Shape(without=("arguments",), is_plain=BOTH),
    "arguments that are null": Shape(params={"arguments": None}),
    "arguments that are a list": Shape(params={"arguments": []}),
    "an argument that does not fit": Shape(params={"arguments": {"name": "Ada", "n": "many"}}, is_plain=BOTH),
    "an argument too few": Shape(params={"arguments": {"name": "Ada"}}, is_plain=BOTH),
    "an argument too many": Shape(params={"arguments": {"name": "Ada", "n": 1, "m": 2}}, is_plain=BOTH),
    "a long argument": Shape(params={"arguments": {"name": LONG, "n": 1}}, is_plain=BOTH),
    "arguments of many kinds": called("echo", {"a": [1, 2.5, None, True, {"b": "ä\u2028😀"}], "c": 2**70}),
    "a member twice": Shape(body='{"jsonrpc": "2.0", "id": 5, "id": 6%s'),
    "no JSON": Shape(body="{"),
    "an empty body": Shape(body=" "),
    "a batch of one": Shape(repeats=1, is_plain="2025-03-26"),
    "a batch of three": Shape(repeats=3, is_plain="2025-03-26"),
    "a JSON answer": called("value", {"v": {"b": 1, "a": [None, 2]}}),
    "a JSON answer that is a number": called("value", {"v": 2.50}),
    "a JSON answer that is null": called("nothing", {"v": None}),
    "a JSON answer that is wrapped": called("rows", {"rows": [1, 2]}),
    "a JSON answer that breaks its schema": called("rows", {"rows": 1}),
    "a blank answer": called("blank"),
    "an answer with a picture": called("picture"),
    "an answer with a link": called("link"),
    "a flow without an answer": called("silent"),
    "a flow that fails": called("breaks", {"v": 7}),
    "a flow that lacks a value": called("lacks"),
    "a flow that logs": called("says", is_plain=NEW),
    "a flow that waits": called("waits", is_plain=NEW),
    "a flow that asks": called("asks", is_plain=False),
    "a flow that waits and fails": called("waits_and_breaks", is_plain=NEW),
    "a flow that may be handed over": called("later"),
    "a tool of FlowHub's own": called("get_result", {"executionId": "x"}, is_plain=False),
    "arguments in headers": called("mirrored", {"city": "Rome"}, headers={"mcp-param-city": "Rome"}, is_plain=False),
    "arguments missing in headers": called("mirrored", {"city": "Rome"}, is_plain=False),
    "a header for an argument that has none": Shape(headers={"mcp-param-name": "Ada"}, is_plain=HANDSHAKE),
    "a progress token": Shape(meta={"progressToken": 1}),
    "a progress token that is none": Shape(meta={"progressToken": [1]}),
    "a log level": Shape(meta={_META + "logLevel": "debug"}),
    "an idempotency key": Shape(meta={"flowhub/idempotencyKey": "a"}),
    "an idempotency key that is none": Shape(meta={"flowhub/idempotencyKey": 1}),
    "an unknown key in _meta": Shape(meta={"example.com/trace": "1"}),
    "an empty _meta": Shape(without=tuple(ENVELOPE), meta={}),
    "a _meta that is null": Shape(meta="null"),
    "a _meta that is a list": Shape(meta=[1]),
    "a _meta without a version": Shape(without=(_META + "protocolVersion",), meta={}),
    "a _meta without capabilities": Shape(without=(_META + "clientCapabilities",), meta={}),
    "a _meta without a client": Shape(without=(_META + "clientInfo",), is_plain=BOTH),
    "another version in _meta": Shape(meta={_META + "protocolVersion": "2025-11-25"}),
    "a version in _meta that is a number": Shape(meta={_META + "protocolVersion": 1}),
    "a client in _meta without a version": Shape(meta={_META + "clientInfo": {"name": "a"}}),
    "a client in _meta that is null": Shape(meta={_META + "clientInfo": None}, is_plain=NEW),
    "a client in _meta with more": Shape(
        meta={_META + "clientInfo": {"name": "b" * 200, "version": "2", "title": "B", "x": 1}}, is_plain=NEW
    ),
    "capabilities in _meta that are a text": Shape(meta={_META + "clientCapabilities": "all"}),
    "capabilities in _meta with more": Shape(
        meta={_META + "clientCapabilities": {"sampling": {}, "extensions": {"a/b": {}}, "x": {}}}, is_plain=NEW
    ),
    "capabilities in _meta that are long": Shape(meta={_META + "clientCapabilities": {"experimental": {LONG: {}}}}),
    "an integer in _meta beyond 64 bits": Shape(
        meta={_META + "clientCapabilities": {"experimental": {"a": {"b": 2**70}}}}
    ),
    "no Mcp-Method": Shape(headers={"mcp-method": None}, is_plain=HANDSHAKE),
    "another Mcp-Method": Shape(headers={"mcp-method": "tools/list"}, is_plain=HANDSHAKE),
    "no Mcp-Name": Shape(headers={"mcp-name": None}, is_plain=HANDSHAKE),
    "another Mcp-Name": Shape(headers={"mcp-name": "echo"}, is_plain=HANDSHAKE),
    "an encoded Mcp-Name": Shape(headers={"mcp-name": "=?base64?Z3JlZXQ=?="}, is_plain=HANDSHAKE),
    "no version in a header": Shape(headers={"mcp-protocol-version": None}, is_plain=HANDSHAKE),
    "another version in a header": Shape(headers={"mcp-protocol-version": "2025-06-18"}, is_plain=HANDSHAKE),
    "the new version in a header": Shape(headers={"mcp-protocol-version": MODERN}, is_plain=NEW),
    "an unknown version in a header": Shape(headers={"mcp-protocol-version": "2027-01-01"}),
    "an event to come back to": Shape(headers={"last-event-id": "1-1"}, is_plain=BOTH),
    "another Accept": Shape(headers={"accept": "application/json"}),
    "any Accept": Shape(headers={"accept": "*/*"}, is_plain=BOTH),
    "another Content-Type": Shape(headers={"content-type": "text/plain"}),
    "a foreign Origin": Shape(headers={"origin": "https://example.com"}),
    "a foreign Host": Shape(headers={"host": "example.com"}),
    "the header of a calling execution that is none": Shape(headers={"flowhub-lineage": "x"}, is_plain=BOTH),
    "no key": Shape(key="none", session="none"),
    "an unknown key": Shape(key="unknown", session="none"),
    "a stranger's key": Shape(key="stranger", session="none"),
    "a key that calls nothing": Shape(key="reads", session="none"),
    "a key for this tool": Shape(key="limited", is_plain=BOTH),
    "a key for another tool": called("echo", key="limited", is_plain=False),
    "no server": Shape(slug="nowhere", session="none"),
    "everybody's server": Shape(slug="everybody", key="none", is_plain=BOTH),
    "everybody's server with a key": Shape(slug="everybody", is_plain=BOTH),
    "everybody's server with a bad key": Shape(slug="everybody", key="unknown", session="none"),
    "a failure on everybody's server": called("breaks", {"v": 7}, slug="everybody", key="none"),
    "an unknown tool on everybody's server": called("nobody", slug="everybody", key="none", is_plain=False),
    "no session": Shape(session="none", is_plain=NEW),
    "an unknown session": Shape(session="unknown", is_plain=NEW),
    "the session of another key": Shape(session="other", is_plain=NEW),
    "the session of another server": Shape(session="everybody", is_plain=NEW),
    "a session that was ended": Shape(session="ended", is_plain=NEW),
    "a session that only began": Shape(session="begun", is_plain=BOTH),
}


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back, as far as it does not differ from call to call."""

    status: int
    headers: dict[str, str]
    messages: list[Any]


_numbers = count(1)


@dataclass
class Caller:
    """A client of one version, with a session for each key and server, and some that are no good."""

    home: Home
    version: str
    sessions: dict[tuple[str, str], str] = field(default_factory=dict)
    odd: dict[str, str] = field(default_factory=lambda: {"unknown": "0" * 32})
    address: str = field(default_factory=lambda: f"10.0.0.{next(_numbers)}")
    """Its own: who guesses keys is refused for a while."""

    @property
    def is_new(self) -> bool:
        return self.version == MODERN

    async def open(self) -> None:
        if self.is_new:
            # A session says nothing in this version.
            self.odd |= dict.fromkeys(("other", "everybody", "ended", "begun"), "0" * 32)
            return
        for key in ("full", "limited", "hasty", "hasty too"):
            self.sessions[key, "home"] = await self._shake_hands(key, "home")
        for key in ("none", "full"):
            self.sessions[key, "everybody"] = await self._shake_hands(key, "everybody")
        self.odd |= {name: await self._shake_hands("full", "home") for name in ("ended", "begun")}
        self.odd["other"] = await self._shake_hands("other", "home")
        self.odd["everybody"] = self.sessions["full", "everybody"]
        await self._send("DELETE", "home", self._head("full", self.odd["ended"]), b"")
        said = {"jsonrpc": "2.0", "method": "notifications/initialized"}
        for (key, slug), session in self.sessions.items():
            await self._send("POST", slug, self._head(key, session), json.dumps(said).encode())

    async def _shake_hands(self, key: str, slug: str) -> str:
        info = {"name": "caller", "version": "1"}
        params = {"protocolVersion": self.version, "clientInfo": info, "capabilities": CAPABILITIES}
        hello = {"jsonrpc": "2.0", "id": "hello", "method": "initialize", "params": params}
        head = self._head(key, None) | {"mcp-protocol-version": None}
        _, headers, _ = await self._send("POST", slug, head, json.dumps(hello).encode())
        return headers["mcp-session-id"]

    def _head(self, key: str, session: str | None) -> dict[str, str | None]:
        text = self.home.keys[key]
        return {
            "host": "127.0.0.1",
            "accept": "application/json, text/event-stream",
            "content-type": "application/json",
            "mcp-protocol-version": self.version,
            "authorization": f"Bearer {text}" if text else None,
            "mcp-session-id": session,
        }

    async def send(self, shape: Shape, hangs_up_when: Callable[[], Awaitable[None]] | None = None) -> Reply:
        """Send the request; what is of one call or session alone is replaced, and the status is 0 when nothing came."""
        status, headers, body = await self.answer(shape, hangs_up_when)
        session = self._session(shape)
        told = {
            name: headers[name] for name in ("mcp-session-id", "www-authenticate", "retry-after") if name in headers
        }
        if told.get("mcp-session-id"):
            told["mcp-session-id"] = {session: "that of the request"}.get(told["mcp-session-id"], "another")
        return Reply(status, told, messages_of(headers, body))

    def _session(self, shape: Shape) -> str | None:
        if shape.session == "own":
            return self.sessions.get((shape.key, shape.slug))
        return None if shape.session == "none" else self.odd.get(shape.session)

    async def answer(
        self, shape: Shape, hangs_up_when: Callable[[], Awaitable[None]] | None = None
    ) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body as they came."""
        head = self._head(shape.key, self._session(shape))
        if self.is_new:
            head |= {"mcp-method": "tools/call", "mcp-name": "greet"}
        return await self._send("POST", shape.slug, head | shape.headers, self._body(shape), hangs_up_when)

    def _body(self, shape: Shape) -> bytes:
        params: dict[str, Any] = {"name": "greet", "arguments": {"name": "Ada", "n": 1}} | shape.params
        if isinstance(shape.meta, dict | None):
            if self.is_new or shape.meta is not None:
                meta = (ENVELOPE if self.is_new else {}) | (shape.meta or {})
                params["_meta"] = {name: value for name, value in meta.items() if name not in shape.without}
        else:
            params["_meta"] = None if shape.meta == "null" else shape.meta
        params = {name: value for name, value in params.items() if name not in shape.without}
        message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params} | shape.message
        message = {name: value for name, value in message.items() if name not in shape.without}
        if shape.repeats:
            return json.dumps([message | {"id": number} for number in range(shape.repeats)]).encode()
        if "%s" in shape.body:
            rest = {name: value for name, value in message.items() if name not in ("jsonrpc", "id")}
            return (shape.body % (", " + json.dumps(rest)[1:])).encode()
        return shape.body.encode() or json.dumps(message).encode()

    async def _send(
        self,
        method: str,
        slug: str,
        head: Mapping[str, str | None],
        body: bytes,
        hangs_up_when: Callable[[], Awaitable[None]] | None = None,
    ) -> tuple[int, dict[str, str], bytes]:
        incoming = [{"type": "http.request", "body": body, "more_body": False}]
        parts: list[Any] = []
        over = asyncio.Event()

        async def receive() -> dict[str, Any]:
            if not incoming:
                await (over.wait() if hangs_up_when is None else hangs_up_when())
                return {"type": "http.disconnect"}
            return incoming.pop()

        async def send(event: Any) -> None:
            parts.append(event)

        headers = [(name.encode(), value.encode()) for name, value in head.items() if value is not None]
        scope = {
            "type": "http",
            "method": method,
            "path": f"/mcp/{slug}",
            "query_string": b"",
            "http_version": "1.1",
            "client": (self.address, 1),
            "headers": [*headers, (b"content-length", str(len(body)).encode())],
        }
        async with asyncio.timeout(20):
            await application(scope, receive, send)
        if not parts:
            return 0, {}, b""
        start = parts[0]
        told = {name.decode().lower(): value.decode() for name, value in start["headers"]}
        return start["status"], told, b"".join(part.get("body", b"") for part in parts[1:])


def messages_of(headers: Mapping[str, str], body: bytes) -> list[Any]:
    """The JSON-RPC messages of a response, whichever way it carries them; answers of a batch in the order of ids."""
    text = body.decode()
    if headers.get("content-type", "").startswith("text/event-stream"):
        lines = [line.removeprefix("data: ") for line in text.split("\r\n") if line.startswith("data: {")]
        found = [json.loads(line) for line in lines]
    else:
        found = json.loads(text) if text else []
        found = found if isinstance(found, list) else [found]
    found = found if len(found) < 2 or "method" in found[0] else sorted(found, key=lambda each: each["id"])
    return [without_ids(message) for message in found]


_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_MOMENTS = {"id", "pk", "started_at", "ended_at", "updated_at", "deadline_at", "duration_ms", "runner_id"}
_TIMES = {"executedAt", "startOffsetMs", "durationMs", "offsetMs"}


def without_ids(value: Any) -> Any:
    """A JSON value without the ids of executions, and without what the clock said."""
    if isinstance(value, dict):
        return {key: None if key in _TIMES else without_ids(each) for key, each in value.items()}
    if isinstance(value, list):
        return [without_ids(each) for each in value]
    return _ID.sub("ID", value) if isinstance(value, str) else value


@sync_to_async
def take_rows() -> list[dict[str, Any]]:
    """The executions that there are, whole; then there are none."""
    names = [column.name for column in Execution._meta.concrete_fields if column.name not in _MOMENTS]
    rows = [
        without_ids(
            {name: getattr(row, name) for name in names if name not in ("flow", "flow_version", "owner")}
            | {"flow": row.flow_id, "flow_version": row.flow_version_id, "owner": row.owner_id}
        )
        for row in Execution.objects.order_by("id")
    ]
    Execution.objects.all().delete()
    CallKey.objects.all().delete()
    return rows


@pytest.fixture
async def home() -> AsyncIterator[Home]:
    yield await make_home()
    await current_host().aclose()


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether each message was a plain call, in the order in which they came."""
    found: list[bool] = []
    decide = direct.plain_call

    def watched(*args: Any) -> Any:
        call = decide(*args)
        found.append(call is not None)
        return call

    monkeypatch.setattr(direct, "plain_call", watched)
    return found


def is_plain(shape: Shape, version: str) -> bool:
    if isinstance(shape.is_plain, bool):
        return shape.is_plain
    return shape.is_plain in ((NEW if version == MODERN else HANDSHAKE), version)


async def outcomes(home: Home, version: str) -> dict[str, Any]:
    caller = Caller(home, version)
    await caller.open()
    found = {}
    for name, shape in SHAPES.items():
        found[name] = await caller.send(shape), await take_rows()
    return found


@pytest.mark.parametrize("version", VERSIONS)
async def test_every_shape_of_a_call_comes_to_the_same_past_the_sdk_and_through_it(
    home: Home, version: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    past = await outcomes(home, version)
    monkeypatch.setattr(direct, "plain_call", lambda *args: None)
    through = await outcomes(home, version)
    assert {name: past[name] for name in SHAPES if past[name] != through[name]} == {
        name: through[name] for name in SHAPES if past[name] != through[name]
    }


@pytest.mark.parametrize("version", VERSIONS)
async def test_only_plain_calls_go_past_the_sdk(home: Home, version: str, taken: list[bool]) -> None:
    caller = Caller(home, version)
    await caller.open()
    found = {}
    for name, shape in SHAPES.items():
        taken.clear()
        await caller.send(shape)
        found[name] = any(taken)
    assert found == {name: is_plain(shape, version) for name, shape in SHAPES.items()}


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_call_that_cannot_be_recorded_fails_in_the_same_words_both_ways(
    home: Home, version: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def unrecorded(call: Any) -> Any:
        raise LedgerUnavailable("the disk is full")

    monkeypatch.setattr(deliveries, "state_of", unrecorded)
    caller = Caller(home, version)
    await caller.open()
    past = await caller.send(Shape())
    monkeypatch.setattr(direct, "plain_call", lambda *args: None)
    assert past == await caller.send(Shape())
    assert past.messages[0]["result"]["content"] == [
        {
            "type": "text",
            "text": "This call could not be recorded, so its result is not given out. Wait a little and call again.",
        }
    ]


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_call_over_a_limit_is_refused_in_the_same_words_both_ways(
    home: Home, version: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    caller = Caller(home, version)
    await caller.open()
    past = [await caller.send(Shape(key="hasty")) for _ in range(2)]
    monkeypatch.setattr(direct, "plain_call", lambda *args: None)
    through = [await caller.send(Shape(key="hasty too")) for _ in range(2)]
    for reply in (past[1], through[1]):
        refused = reply.messages[0]["result"]
        # A second may have passed in between.
        text, seconds = refused["content"][0]["text"], refused["_meta"].pop("flowhub/retryAfterSeconds")
        assert text.endswith(f"with this API key. Call again in {seconds} seconds.")
        refused["content"][0]["text"] = text.replace(str(seconds), "some")
    assert past == through
    assert past[1].messages[0]["result"]["isError"] is True
    assert len(await take_rows()) == 2


async def test_a_call_that_takes_long_shows_that_it_is_under_way(
    home: Home, taken: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(direct, "PING_SECONDS", 0.05)
    monkeypatch.setattr(_streamable_http_modern, "_SSE_PING_INTERVAL", 0.05)
    caller = Caller(home, MODERN)
    await caller.open()
    shape = called("waits_long")
    past = await caller.answer(shape)
    monkeypatch.setattr(direct, "plain_call", lambda *args: None)
    through = await caller.answer(shape)
    assert taken == [True]
    assert (past[0], past[1]) == (through[0], through[1])
    assert past[1]["content-type"] == "text/event-stream"
    assert [body.count(b": ping\r\n\r\n") > 1 for body in (past[2], through[2])] == [True, True]
    assert messages_of(past[1], past[2]) == messages_of(through[1], through[2])


async def test_a_client_that_hangs_up_cancels_its_call_both_ways(
    home: Home, taken: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def under_way() -> None:
        while not len(dispatcher):
            await asyncio.sleep(0)

    caller = Caller(home, MODERN)
    await caller.open()
    past = await caller.send(called("never_ends"), under_way), await rows_at_the_end()
    monkeypatch.setattr(direct, "plain_call", lambda *args: None)
    assert past == (await caller.send(called("never_ends"), under_way), await rows_at_the_end())
    assert taken == [True]
    assert (past[0].status, past[1][0]["error_kind"]) == (0, "cancelled")


async def rows_at_the_end() -> list[dict[str, Any]]:
    """The executions, once all have ended."""
    async with asyncio.timeout(10):
        while len(dispatcher):
            await asyncio.sleep(0.01)
    return await take_rows()


@pytest.mark.parametrize("version", OLD)
async def test_an_id_that_is_under_way_in_a_session_is_refused(home: Home, version: str) -> None:
    caller = Caller(home, version)
    await caller.open()
    replies = await asyncio.gather(*(caller.send(Shape(message={"id": number})) for number in (7, 7, "7", 8)))
    assert [reply.status for reply in replies] == [200, 400, 400, 200]
    assert replies[1].messages[0]["error"]["message"] == (
        "A request with this id is under way in this session. Give each request an id of its own."
    )
    assert (await caller.send(Shape(message={"id": 7}))).status == 200


@pytest.mark.parametrize("version", OLD)
async def test_a_session_is_not_idle_while_a_plain_call_is_under_way(
    home: Home, version: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    caller = Caller(home, version)
    await caller.open()
    hosted = await current_host().get("home")
    assert hosted is not None
    (session,) = [each for each in hosted.manager if each.id == caller.sessions["full", "home"]]
    seen, began = [], session.idle_since
    state_of = deliveries.state_of

    async def watched(call: Any) -> Any:
        seen.append((session.is_idle, session.idle_since, hosted.manager.is_open(session.id)))
        return await state_of(call)

    monkeypatch.setattr(deliveries, "state_of", watched)
    await caller.send(Shape())
    assert seen == [(False, math.inf, True)]
    assert (session.is_idle, hosted.manager.is_open(session.id)) == (True, False)
    assert began < session.idle_since < math.inf


@pytest.mark.parametrize("version", OLD)
async def test_a_session_that_shakes_hands_again_is_recorded_under_its_new_name(home: Home, version: str) -> None:
    caller = Caller(home, version)
    await caller.open()
    await caller.send(Shape())
    params = {"protocolVersion": version, "clientInfo": {"name": "renamed", "version": "2"}, "capabilities": {}}
    again = await caller.send(Shape(message={"method": "initialize", "params": params}))
    assert again.messages[0]["result"]["protocolVersion"] == version
    await caller.send(Shape())
    names = [row["caller"]["clientName"] for row in await take_rows()]
    assert names == ["caller", "renamed"]
