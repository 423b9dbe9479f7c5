"""How much more of the event loop a message takes that is twice as large: never much more than twice as much.

    python benchmarks/growth.py
    python benchmarks/growth.py --only "test call" prompt
    python benchmarks/growth.py --huge

Serves FlowHub in this process, with a socket, and sends messages of every family through every door, each in two sizes,
one twice the other: small ones, which are worked on at once, and large ones, which are worked on aside. What counts is
the processor time of the thread that the event loop runs in, the least of some rounds. Prints it in milliseconds, and
ends with status 1 when a message twice as large takes more than 2.6 times as long. `--huge` sends messages of up to
8 MB too, where a door takes them; those that it refuses are left out.
"""

import argparse
import asyncio
import gc
import http.client
import json
import os
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

ALLOWED = 2.6
SPARE_MS = 4.0
"""What a clock, a timer and the collector may add."""
ROUNDS, MORE_ROUNDS = 2, 8
SMALL, LARGE = 25_000, 300_000
"""Bytes of the smaller message of two."""
HUGE = 4_000_000
"""The same, where that is asked for: twice as much is nearly what a body may have."""
PATIENCE = 120

DATA = tempfile.mkdtemp(prefix="flowhub-growth-")
held = dict.fromkeys(("/sink", "/json", "/mcp", "/model/chat/completions"), b"{}")
"""What the other system answers next, by path."""


recorded: dict[int, Any] = {}
"""The executions that are looked at, by what they were called with."""


class OtherSystem(BaseHTTPRequestHandler):
    """Answers what is held for a path: JSON to a node that fetches, a model's answer, the result of a tool."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Give out what is held."""
        self._answer(held[self.path])

    def do_POST(self) -> None:
        """Give out what is held; of MCP the handshake first."""
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if "method" not in asked or asked["method"] == "tools/call":
            start = b'{"jsonrpc":"2.0","id":%d,"result":' % asked["id"] if "method" in asked else b""
            return self._answer(start + held[self.path] + (b"}" if start else b""))
        known = {"protocolVersion": "2025-11-25", "capabilities": {"tools": {}}}
        result = known | {"serverInfo": {"name": "other", "version": "1"}}
        said = {"result": result} if asked["method"] == "initialize" else {"error": {"code": -32601, "message": "no"}}
        body = json.dumps({"jsonrpc": "2.0", "id": asked["id"]} | said).encode() if "id" in asked else b""
        return self._answer(body, 200 if body else 202)

    def do_DELETE(self) -> None:
        """End a session."""
        self._answer(b"")

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def _answer(self, body: bytes, status: int = 200) -> None:
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


other = ThreadingHTTPServer(("127.0.0.1", 0), OtherSystem)
OTHER = f"http://127.0.0.1:{other.server_port}"
os.environ |= {
    "FLOWHUB_DATA": DATA,
    "FLOWHUB_PUBLIC_URL": "http://127.0.0.1:8000",
    "FLOWHUB_OUTBOUND_ALLOW": f"127.0.0.1:{other.server_port}",
}
# What it makes belongs in a database of its own, never in one that is named for the server.
os.environ.pop("FLOWHUB_DATABASE_URL", None)

import _flowhub  # noqa: E402, F401

# isort: split
import uvicorn  # noqa: E402
import uvloop  # noqa: E402
from django.conf import settings  # noqa: E402
from django.contrib.auth.models import User  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402
from django.test import Client as Browser  # noqa: E402

from executions.ledger.writer import ledger  # noqa: E402
from executions.models import Execution  # noqa: E402
from executions.running.recovery import heart  # noqa: E402
from flowhub.asgi import application  # noqa: E402
from flowhub.connections import Connection  # noqa: E402
from flows.adapters.sandbox import code_runner  # noqa: E402
from flows.models import Flow, Prompt, Resource, Server  # noqa: E402
from flows.offers.changes import save_offer  # noqa: E402
from flows.publishing import versions  # noqa: E402
from flows.values.scopes import Scope  # noqa: E402
from mcp_bridge.models import ApiKey  # noqa: E402
from tests.definitions import answer, chain, node  # noqa: E402
from tests.mcp_client import MODERN  # noqa: E402
from tests.wire import ENVELOPE  # noqa: E402

SECRET = "!!!!canary-4f9a1c77d2e8"

Family = Callable[[int], dict[str, Any]]

CHEAP: dict[str, Family] = {
    "prose": lambda n: {"text": "People who keep a token in their pocket pick the key up. " * (n // 57)},
    "numbers": lambda n: {"list": list(range(n // 7))},
    "backslashes": lambda n: {"password": "!!!!ab!!", "text": "\\" * (n // 2) + "ab"},
}
"""Those that are sent large too: the others keep the threads that work aside busy for too long."""
FAMILIES: dict[str, Family] = CHEAP | {
    "short texts": lambda n: {"list": [f"x token=value-{at:06}" for at in range(n // 24)]},
    "rows": lambda n: {"list": [{"id": at, "key": f"k{at}", "note": "a b"} for at in range(n // 45)]},
    "a map": lambda n: {"password": SECRET, "map": {f"key{at:06}": at for at in range(n // 18)}},
    "percent signs": lambda n: {"password": SECRET, "text": "%41" * (n // 3)},
}


ECHO = chain(answer("{{ trigger }}"))
FLOWS: dict[str, dict[str, Any]] = {
    "echo": {"definition": ECHO},
    "refuses": {
        "definition": ECHO,
        "inputSchema": {"type": "object", "properties": {"text": {"type": "integer"}}},
    },
    "write_only": {
        "definition": ECHO,
        "inputSchema": {"type": "object", "properties": {"text": {"type": "string", "writeOnly": True}}},
    },
    "fetches": {"definition": chain(node("get", "http_request", url=f"{OTHER}/json"), answer("{{ get.body }}"))},
    "asks_model": {
        "definition": chain(
            node(
                "ask",
                "llm_chat",
                baseUrl=f"{OTHER}/model",
                model="m",
                messages=[{"role": "user", "content": "Hello"}],
                answerSchema={"type": "object"},
            ),
            answer("{{ ask.json }}"),
        )
    },
    "calls_tool": {
        "definition": chain(
            node("call", "mcp_tool", url=f"{OTHER}/mcp", tool="any", arguments={}), answer("{{ call.structured }}")
        )
    },
    "sends": {
        "definition": chain(
            node("post", "http_request", method="POST", url=f"{OTHER}/sink", bodyJson="{{ trigger }}"), answer("Done")
        )
    },
    "tells": {
        "definition": chain(
            node("progress", "progress", message="{{ trigger }}", fraction=0.5),
            node("log", "log", message="{{ trigger }}", data="{{ trigger }}"),
            answer("Done"),
        )
    },
    "writes": {"definition": chain(node("text", "template", text="It is {{ trigger }}."), answer("{{ text }}"))},
    "fails": {"definition": chain(node("fail", "fail", message="It is {{ trigger }}."))},
}


class TooMuch(Exception):
    """A door does not take so much."""


class Client:
    """A caller of the server of this process: a program with a key, and a person at a browser."""

    def __init__(self, port: int, key: str, cookie: str) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        self.key, self.cookie, self.session = key, cookie, ""

    def send(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> bytes:
        """What is answered; raises TooMuch."""
        self.connection.request(method, path, body, headers)
        answered = self.connection.getresponse()
        text = answered.read()
        if answered.status in (400, 413):
            raise TooMuch
        assert answered.status in (200, 201, 202), (answered.status, text[:500])
        self.session = answered.getheader("mcp-session-id") or self.session
        return text

    def post(self, path: str, body: bytes, **headers: str) -> bytes:
        """Send JSON; returns what is answered."""
        usual = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        return self.send("POST", path, body, usual | headers)

    def look(self, path: str, headers: dict[str, str]) -> bytes:
        """Read a page, or over REST."""
        return self.send("GET", path, None, headers)

    def shake_hands(self) -> None:
        """Begin a session of 2025-11-25."""
        known = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "growth", "version": "1"}}
        self.say({"id": 0, "method": "initialize", "params": known})
        self.say({"method": "notifications/initialized"})

    def say(self, message: dict[str, Any]) -> bytes:
        """Send a message of that session."""
        headers = {"Accept": "application/json, text/event-stream", "MCP-Protocol-Version": "2025-11-25"}
        if self.session:
            headers["Mcp-Session-Id"] = self.session
        return self.post("/mcp/growth", json.dumps({"jsonrpc": "2.0"} | message).encode(), **headers)

    def ask(self, method: str, name: str, arguments: Any, **meta: Any) -> bytes:
        """Send a request of MCP."""
        named = {"uri": name} if method == "resources/read" else {"name": name, "arguments": arguments}
        params = named | {"_meta": ENVELOPE | meta}
        return self.post(
            "/mcp/growth",
            json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode(),
            **{
                "Accept": "application/json, text/event-stream",
                "MCP-Protocol-Version": MODERN,
                "Mcp-Method": method,
                "Mcp-Name": name,
            },
        )


Door = Callable[[Client, dict[str, int], Any], Callable[[], bytes]]
"""Makes ready what brings a message in by this door, and returns what sends it."""


def tool(name: str, **meta: Any) -> Door:
    """A call of a tool."""
    return lambda client, ids, value: lambda: client.ask("tools/call", name, value, **meta)


def answered(name: str, path: str, form: Callable[[Any], Any] = lambda value: value) -> Door:
    """A call of a tool whose flow asks the other system, which answers with the message."""

    def ready(client: Client, ids: dict[str, int], value: Any) -> Callable[[], bytes]:
        held[path] = json.dumps(form(value)).encode()
        return lambda: client.ask("tools/call", name, {})

    return ready


def resource(client: Client, ids: dict[str, int], value: Any) -> Callable[[], bytes]:
    """A resource that a flow answers, which asks the other system."""
    held["/json"] = json.dumps(value).encode()
    return lambda: client.ask("resources/read", "growth://fetched", None)


def in_session(client: Client, ids: dict[str, int], value: Any) -> Callable[[], bytes]:
    """A call of a tool in a session that began with a handshake."""
    params = {"name": "echo", "arguments": value}
    return lambda: client.say({"id": 2, "method": "tools/call", "params": params})


def looked_at(path: str, headers: Callable[[Client], dict[str, str]]) -> Door:
    """The execution of a call, looked at; `{}` in the path is its id."""

    def ready(client: Client, ids: dict[str, int], value: Any) -> Callable[[], bytes]:
        sent = hash(json.dumps(value))
        if sent not in recorded:
            client.ask("tools/call", "echo", value)
            recorded[sent] = Execution.objects.order_by("-pk").values_list("pk", flat=True)[0]
            connection.close()
        return lambda: client.look(path.format(recorded[sent]), headers(client))

    return ready


def chosen(value: Any) -> Any:
    """A model's answer."""
    return {"choices": [{"message": {"content": json.dumps(value)}}], "model": "m"}


DOORS: dict[str, Door] = {
    "arguments": tool("echo"),
    "refused": tool("refuses"),
    "write-only": tool("write_only"),
    "failure": tool("fails"),
    "progress, log": tool("tells", **{"progressToken": 1, "io.modelcontextprotocol/logLevel": "debug"}),
    "sent on": tool("sends"),
    "HTTP answer": answered("fetches", "/json"),
    "model's answer": answered("asks_model", "/model/chat/completions", chosen),
    "tool's answer": answered("calls_tool", "/mcp", lambda value: {"content": [], "structuredContent": value}),
    "test call": lambda client, ids, value: (
        lambda: client.post(f"/api/flows/{ids['echo']}/test/", json.dumps({"arguments": value}).encode())
    ),
    "prompt": lambda client, ids, value: lambda: client.ask("prompts/get", "ask", {"text": json.dumps(value)}),
    "resource": resource,
    "session": in_session,
    "page": looked_at("/executions/{}/", lambda client: {"Cookie": client.cookie}),
    "REST": looked_at("/api/executions/{}/", lambda client: {"Authorization": f"Bearer {client.key}"}),
}


ALIKE = {"resource", "page", "REST"}
"""Doors whose messages go most of the way of another door's: only with the huge ones all of theirs are sent."""


def prepare() -> tuple[str, str, dict[str, int]]:
    """A server with the flows; returns a key that opens it, the cookie of its owner, and the ids of the flows."""
    call_command("migrate", verbosity=0)
    owner = User.objects.create_user("growth")
    server = Server.objects.create(slug="growth", name="Growth", owner=owner)
    ids = {}
    for name, fields in FLOWS.items():
        usual = {"name": name, "tool_name": name, "tool_description": "Test."}
        schema = fields.get("inputSchema", {"type": "object"})
        flow = Flow.objects.create(server=server, definition=fields["definition"], input_schema=schema, **usual)
        versions.publish(flow)
        ids[name] = flow.pk
    asked = [{"name": "text", "description": "Any."}]
    save_offer(Prompt(server=server, name="ask", description="Any.", arguments=asked, flow_id=ids["writes"]))
    named = {"name": "fetched", "uri": "growth://fetched", "description": "Any."}
    save_offer(Resource(server=server, flow_id=ids["fetches"], **named))
    browser = Browser()
    browser.force_login(owner)
    cookie = f"{settings.SESSION_COOKIE_NAME}={browser.cookies[settings.SESSION_COOKIE_NAME].value}"
    return ApiKey.issue(owner, "growth", scopes=list(Scope))[1], cookie, ids


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are the main thread's."""
        yield


@contextmanager
def serving() -> Iterator[tuple[int, Callable[[], float]]]:
    """FlowHub on a port, in a thread; gives out the port, and a clock of the processor time of its event loop."""
    server = _Server(
        uvicorn.Config(
            application, port=0, loop="uvloop", http=Connection, log_config=None, timeout_graceful_shutdown=1
        )
    )
    loops: list[asyncio.AbstractEventLoop] = []

    async def serve() -> None:
        loops.append(asyncio.get_running_loop())
        await server.serve()
        await code_runner().close()

    async def clock() -> float:
        return time.thread_time()

    thread = threading.Thread(target=lambda: uvloop.run(serve()))
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield (
            server.servers[0].sockets[0].getsockname()[1],
            lambda: asyncio.run_coroutine_threadsafe(clock(), loops[0]).result(PATIENCE),
        )
    finally:
        server.should_exit = True
        thread.join(PATIENCE)


def grown(ready: Callable[[int], Callable[[], bytes]], size: int, clock: Callable[[], float]) -> tuple[float, float]:
    """Milliseconds of the event loop for a message of about so many bytes, and for one twice as large.

    The least of some rounds each, and of more while it seems to be too much.
    """
    took = [float("inf")] * 2
    for tries in range(ROUNDS + MORE_ROUNDS):
        for at in range(2):
            send = ready(size << at)
            began = clock()
            send()
            took[at] = min(took[at], (clock() - began) * 1000)
        if tries + 1 >= ROUNDS and took[1] <= ALLOWED * took[0] + SPARE_MS:
            break
    return took[0], took[1]


def made(door: Door, client: Client, ids: dict[str, int], make: Callable[[int], Any], size: int) -> Callable[[], bytes]:
    """What sends a message of about so many bytes by a door."""
    return door(client, ids, make(size))


def measure(only: list[str], is_huge: bool) -> bool:
    """Print the figures of all doors and families; returns whether all are within what is allowed."""
    key, cookie, ids = prepare()
    connection.close()
    is_good = True
    print(f"{'door':<16}{'family':<16}{'small':>8}{'twice':>8}{'ratio':>7}{'large':>9}{'twice':>8}{'ratio':>7}")
    with serving() as (port, clock):
        client = Client(port, key, cookie)
        client.shake_hands()
        gc.freeze()
        gc.disable()
        for name in FLOWS:
            client.ask("tools/call", name, {"text": "a"})
        for door, ready in DOORS.items():
            for family, make in FAMILIES.items():
                if only and door not in only and family not in only:
                    continue
                if door in ALIKE and family not in CHEAP and not is_huge:
                    continue
                line = f"{door:<16}{family:<16}"
                large = [] if family not in CHEAP else [LARGE, HUGE] if is_huge else [] if door in ALIKE else [LARGE]
                for size in (SMALL, *large):
                    try:
                        less, more = grown(partial(made, ready, client, ids, make), size, clock)
                    except TooMuch:
                        line += f"{'refused':>24}"
                        continue
                    is_within = more <= ALLOWED * less + SPARE_MS
                    is_good &= is_within
                    line += f"{less:>8.1f}{more:>8.1f}{more / less:>6.1f}{' ' if is_within else '!'} "
                print(line, flush=True)
    return is_good


def main() -> None:
    """Measure, say what is allowed, and leave nothing behind."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="*", default=[], help="Names of doors or families.")
    parser.add_argument("--huge", action="store_true", help="Messages of 4 and 8 MB too.")
    options = parser.parse_args()
    threading.Thread(target=other.serve_forever, daemon=True).start()
    try:
        is_good = measure(options.only, options.huge)
    finally:
        ledger.stop()
        heart.stop()
        other.shutdown()
        shutil.rmtree(DATA, ignore_errors=True)
    print(f"allowed {ALLOWED} times, and {SPARE_MS:g} ms")
    sys.exit(not is_good)


if __name__ == "__main__":
    main()
