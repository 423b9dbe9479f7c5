"""Flows whose end a test decides: each call waits at a gate outside, which counts who came by."""

import json
import threading
import uuid
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from tests.definitions import chain, node
from tests.live import LiveServer, migrated, server_on, wait_until

LARGE = 200_000
"""Characters that `large...` brings: more than a record holds of one text."""

PREPARE = """
import json
from django.conf import settings
from django.core.management import call_command
from flows.models import Flow, Server
from flows.publishing import versions
from mcp_bridge.models import ApiKey
from tests.factories import open_everything_to_the_demo_key
call_command("migrate", verbosity=0)
call_command("load_demo")
open_everything_to_the_demo_key()
demo = Server.objects.get(slug="demo")
for slug, more in json.loads({servers!r}).items():
    server = Server.objects.create(slug=slug, name=slug.title(), owner=demo.owner, **more)
    for values in json.loads({flows!r}):
        versions.publish(Flow.objects.create(server=server, **values))
keys = dict()
for name, tools in json.loads({keys!r}).items():
    _, keys[name] = ApiKey.issue(demo.owner, "demo", tools=tools)
(settings.DATA_DIR / "keys.json").write_text(json.dumps(keys))
"""

SERVERS = {"gated": {"agent_tools": True}, "plain": {}, "open": {"access": "public", "agent_tools": True}}

KEYS = {"twin": [], "soon": ["pass_soon"], "plain": ["pass"], "looking": ["pass", "flowhub_get_execution"]}
"""Other keys of the demo's owner, of the same name as the demo's, and the tools that they may call; none for all."""

SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "password": {"type": "string"}},
    "required": ["name"],
    "additionalProperties": False,
}
OUTPUT = {
    "type": "object",
    "$defs": {"text": {"type": "string"}},
    "properties": {"name": {"$ref": "#/$defs/text"}, "said": {"$ref": "#/$defs/text"}},
    "required": ["name", "said"],
    "additionalProperties": False,
}


@dataclass
class Gates:
    """A small HTTP server: a request for `/NAME` waits until NAME is opened. `visits` counts the requests."""

    url: str = ""
    visits: Counter[str] = field(default_factory=Counter)
    _open: defaultdict[str, threading.Event] = field(default_factory=lambda: defaultdict(threading.Event))

    def open(self, name: str) -> None:
        """Let everybody through who waits for this name, or will."""
        self._open[name].set()

    def wait_for(self, name: str, number: int = 1) -> None:
        """Wait until so many have come to the gate."""
        wait_until(lambda: self.visits[name] >= number, 20, lambda: f"{self.visits} came by, not {name}")

    def pass_through(self, name: str) -> tuple[int, str]:
        """Wait at the gate; the status and the JSON that are answered."""
        self.visits[name] += 1
        self._open[name].wait(60)
        said = "x" * LARGE if name.startswith("large") else f"{name} may pass"
        return (500 if name.startswith("broken") else 200), json.dumps({"said": said})


@contextmanager
def gates() -> Iterator[Gates]:
    """The HTTP server, on a port of its own."""
    made = Gates()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = made.pass_through(self.path.lstrip("/"))
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    made.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()


def flows(at: Gates) -> list[dict[str, Any]]:
    """Four tools: one whose client waits, two whose client is told to come back, one that asks a flow for the same."""
    answer = node("answer", "return", json={"name": "{{ trigger.name }}", "said": "{{ gate.body.said }}"})
    gate = node("gate", "http_request", url=at.url + "/{{ trigger.name }}")
    passing = chain(gate, answer)
    quick = {"answer_seconds": 1}
    outer = chain(
        node("ask", "call_flow", flow="pass", arguments={"name": "{{ trigger.name }}"}),
        node("end", "return", text="{{ ask.text }}"),
    )
    return [
        _flow("pass", passing),
        _flow("pass_soon", passing, **quick, output_schema=OUTPUT),
        _flow(
            "list_soon",
            chain(gate, node("answer", "return", json=["{{ trigger.name }}"])),
            **quick,
            output_schema={"type": "array", "items": {"type": "string"}},
        ),
        _flow("ask_pass", outer),
    ]


def _flow(tool_name: str, definition: dict[str, Any], **values: Any) -> dict[str, Any]:
    return {
        "name": tool_name.replace("_", " ").title(),
        "tool_name": tool_name,
        "tool_description": "Waits at a gate.",
        "input_schema": SCHEMA,
        "definition": definition,
    } | values


def key_of(server: LiveServer, name: str) -> str:
    """One of KEYS."""
    return str(json.loads((server.data / "keys.json").read_text())[name])


@contextmanager
def gated_servers(data: Path, at: Gates, number: int = 1) -> Iterator[list[LiveServer]]:
    """Processes with the servers `gated` and `plain` (the same flows), and `open` (for everybody)."""
    made = [server_on(data, FLOWHUB_OUTBOUND_ALLOW="127.0.0.1:*") for _ in range(number)]
    script = PREPARE.format(servers=json.dumps(SERVERS), flows=json.dumps(flows(at)), keys=json.dumps(KEYS))
    migrated(data)
    made[0].manage("shell", "-v", "0", "-c", script)
    try:
        for server in made:
            server.launch("serve", "--port", str(server.port))
        for server in made:
            server.wait_for_start()
        yield made
    finally:
        for server in made:
            server.stop()


def fresh() -> str:
    """A name that no other test uses."""
    return f"n{uuid.uuid4().hex[:12]}"


def id_of(result: Any) -> str:
    """The execution that a result is of."""
    return str(result.meta["flowhub/executionId"])


def record(server: LiveServer, result: Any) -> dict[str, Any]:
    """That execution, as REST shows it."""
    return dict(server.get_json(f"/api/executions/{id_of(result)}/"))


@asynccontextmanager
async def nobody(server: LiveServer) -> AsyncIterator[Client]:
    """A client without a key, of the public server."""
    async with (
        httpx2.AsyncClient(timeout=30) as http,
        Client(streamable_http_client(f"{server.url}/mcp/open", http_client=http)) as client,
    ):
        yield client
