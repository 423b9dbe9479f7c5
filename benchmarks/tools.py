"""What a call costs on a server with 200 tools, against one on a server with a single tool: the whole ASGI application.

    python benchmarks/tools.py --rounds 15

Calls the same flow on both servers, in both eras, in one process without a socket. Ends with status 1 when a call among
200 tools costs more than 1.25 times a call of the only tool. Also prints, without a limit, what listing them costs.
"""

import argparse
import asyncio
import json
import os
import shutil
import sys
import tempfile
import time
from typing import Any

ALLOWED = 1.25
SIZES = (1, 200)
CALLS_A_ROUND = 100

DATA = tempfile.mkdtemp(prefix="flowhub-tools-")
os.environ |= {"FLOWHUB_DATA": DATA, "FLOWHUB_PUBLIC_URL": "http://127.0.0.1:8000"}
# What it makes belongs in a database of its own, never in one that is named for the server.
os.environ.pop("FLOWHUB_DATABASE_URL", None)

import _flowhub  # noqa: E402, F401

# isort: split
from django.contrib.auth.models import User  # noqa: E402
from django.core.management import call_command  # noqa: E402

from executions.ledger.writer import ledger  # noqa: E402
from executions.running.recovery import heart  # noqa: E402
from flowhub import demo  # noqa: E402
from flowhub.asgi import application  # noqa: E402
from flows.models import Flow, Server  # noqa: E402
from flows.publishing import versions  # noqa: E402
from mcp_bridge.models import ApiKey  # noqa: E402
from mcp_bridge.servers.host import current_host  # noqa: E402

MODERN, LEGACY = "2026-07-28", "2025-11-25"
_META = "io.modelcontextprotocol/"
ENVELOPE = {
    _META + "protocolVersion": MODERN,
    _META + "clientInfo": {"name": "benchmark", "version": "1"},
    _META + "clientCapabilities": {},
}


def prepare(*sizes: int) -> str:
    """A server of each size; returns a key that opens all of them."""
    call_command("migrate", verbosity=0)
    owner = User.objects.create_user("benchmark")
    for size in sizes:
        server = Server.objects.create(slug=f"tools-{size}", name=f"{size} tools", owner=owner)
        for number in range(size):
            flow = Flow.objects.create(server=server, **demo.GREET | {"tool_name": f"greet_{number}"})
            versions.publish(flow)
    return ApiKey.issue(owner, "benchmark")[1]


class Client:
    """A client of one server in one era, which talks to the application as an ASGI server does."""

    def __init__(self, key: str, size: int, version: str) -> None:
        self.size = size
        self.version = version
        self._path = f"/mcp/tools-{size}"
        self._headers = {
            "host": "127.0.0.1",
            "authorization": f"Bearer {key}",
            "content-type": "application/json",
            "accept": "application/json, text/event-stream",
        }
        self._id = 0

    async def open(self) -> None:
        """The handshake, where there is one."""
        if self.version == MODERN:
            return
        info = {"name": "benchmark", "version": "1"}
        hello = {"protocolVersion": self.version, "clientInfo": info, "capabilities": {}}
        _, headers = await self._post({"id": 0, "method": "initialize", "params": hello})
        self._headers |= {"mcp-session-id": headers[b"mcp-session-id"].decode(), "mcp-protocol-version": self.version}
        await self._post({"method": "notifications/initialized"})

    async def ask(self, method: str, params: dict[str, Any]) -> bytes:
        """The answer to a request, as bytes."""
        self._id += 1
        extra = {}
        if self.version == MODERN:
            params = params | {"_meta": ENVELOPE}
            extra = {"mcp-protocol-version": MODERN, "mcp-method": method}
            if "name" in params:
                extra["mcp-name"] = params["name"]
        return (await self._post({"id": self._id, "method": method, "params": params}, extra))[0]

    async def call(self) -> None:
        """Call the last tool of the server."""
        name = f"greet_{self.size - 1}"
        answer = await self.ask("tools/call", {"name": name, "arguments": {"name": "Ada", "n": 1}})
        assert b"Hello, Ada! 1" in answer, answer

    async def _post(
        self, message: dict[str, Any], extra: dict[str, str] | None = None
    ) -> tuple[bytes, dict[bytes, bytes]]:
        body = json.dumps({"jsonrpc": "2.0"} | message).encode()
        headers = self._headers | (extra or {}) | {"content-length": str(len(body))}
        incoming = [{"type": "http.request", "body": body, "more_body": False}]
        answer, head, never = bytearray(), {}, asyncio.Event()

        async def receive() -> dict[str, Any]:
            if not incoming:
                await never.wait()
            return incoming.pop()

        async def send(event: dict[str, Any]) -> None:
            if event["type"] == "http.response.start":
                head.update(event["headers"])
            answer.extend(event.get("body", b""))

        scope = {
            "type": "http",
            "method": "POST",
            "path": self._path,
            "query_string": b"",
            "http_version": "1.1",
            "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        }
        await application(scope, receive, send)
        return bytes(answer), head


async def seconds_a_call(client: Client) -> float:
    """Processor time of one call, all threads of the process counted."""
    began = time.process_time()
    for _ in range(CALLS_A_ROUND):
        await client.call()
    return (time.process_time() - began) / CALLS_A_ROUND


async def seconds_a_list(client: Client) -> float:
    """Processor time of one tools/list."""
    began = time.process_time()
    for _ in range(10):
        assert (await client.ask("tools/list", {})).count(b"inputSchema") == client.size
    return (time.process_time() - began) / 10


async def measure(key: str, version: str, rounds: int) -> float:
    """Print the best round of each size; returns their ratio."""
    clients = [Client(key, size, version) for size in SIZES]
    for client in clients:
        await client.open()
        await seconds_a_call(client)
    best = dict.fromkeys(SIZES, float("inf"))
    for _ in range(rounds):
        for client in clients:
            best[client.size] = min(best[client.size], await seconds_a_call(client))
    few, many = (best[size] for size in SIZES)
    listing = await seconds_a_list(clients[-1])
    print(
        f"{version}: a call among {SIZES[1]} tools {many * 1e6:.0f} us, of the only tool {few * 1e6:.0f} us: "
        f"ratio {many / few:.2f}; listing {SIZES[1]} tools {listing * 1e3:.1f} ms"
    )
    return many / few


async def measure_all(key: str, rounds: int) -> float:
    """The worse ratio of both eras."""
    try:
        return max([await measure(key, version, rounds) for version in (MODERN, LEGACY)])
    finally:
        await current_host().aclose()


def clean_up() -> None:
    """Leave neither threads nor files behind."""
    ledger.stop()
    heart.stop()
    shutil.rmtree(DATA, ignore_errors=True)


def main() -> None:
    """Measure, say what is allowed, and leave nothing behind."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    try:
        ratio = asyncio.run(measure_all(prepare(*SIZES), options.rounds))
    finally:
        clean_up()
    print(f"allowed {ALLOWED}")
    sys.exit(ratio > ALLOWED)


if __name__ == "__main__":
    main()
