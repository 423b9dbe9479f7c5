"""MCP without a server process: messages go straight into the ASGI application, in the tests' own process."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flowhub.asgi import application
from tests.mcp_client import LEGACY, MODERN
from tests.wire import ENVELOPE, LEGACY_VERSION, Reply

SECONDS = 20
NAMED_BY = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri"}
"""What the header Mcp-Name mirrors of the params."""


@dataclass
class Inside:
    """A client of one era at one server; an empty key is none."""

    slug: str
    key: str
    era: str
    address: str = "127.0.0.1"
    session: str | None = None

    async def open(self) -> Reply:
        """Shake hands, in the era that does."""
        hello = self.message("initialize", id=0)
        reply = await self.send(json.dumps(hello).encode(), self.head(hello))
        self.session = reply.headers.get("mcp-session-id")
        if self.session:
            await self.say("notifications/initialized", id=None)
        return reply

    def message(self, method: str, params: Mapping[str, Any] | None = None, id: Any = 1) -> dict[str, Any]:
        """A good message; a notification when `id` is None."""
        if method == "initialize":
            info = {"name": "inside", "version": "1"}
            params = {"protocolVersion": LEGACY_VERSION, "clientInfo": info, "capabilities": {}} | dict(params or {})
        params = dict(params or {}) | ({"_meta": ENVELOPE} if self.era == MODERN else {})
        message = {"jsonrpc": "2.0", "id": id, "method": method, "params": params}
        return {name: value for name, value in message.items() if value is not None}

    def head(self, message: Mapping[str, Any]) -> dict[str, str]:
        """The headers that a good message comes with."""
        head = {
            "host": "127.0.0.1",
            "accept": "application/json, text/event-stream",
            "content-type": "application/json",
            "mcp-protocol-version": MODERN if self.era == MODERN else LEGACY_VERSION,
        }
        if self.key:
            head["authorization"] = f"Bearer {self.key}"
        if self.era == LEGACY:
            return head | ({"mcp-session-id": self.session} if self.session else {})
        method = message["method"]
        name = {"mcp-name": message["params"][NAMED_BY[method]]} if method in NAMED_BY else {}
        return head | {"mcp-method": method} | name

    async def say(self, method: str, params: Mapping[str, Any] | None = None, id: Any = 1) -> Reply:
        """Send a good message."""
        message = self.message(method, params, id)
        return await self.send(json.dumps(message).encode(), self.head(message))

    async def send(self, body: bytes, head: Mapping[str, str], method: str = "POST") -> Reply:
        """Send a request and read its answer; of a stream that goes on, what its first event is."""
        incoming = [{"type": "http.request", "body": body, "more_body": False}]
        parts: list[Any] = []
        heard = asyncio.Event()

        async def receive() -> dict[str, Any]:
            if incoming:
                return incoming.pop()
            await heard.wait()
            return {"type": "http.disconnect"}

        async def send(event: Any) -> None:
            parts.append(event)
            # Who listens hangs up after what is told first.
            if event.get("more_body") and b"subscriptions/acknowledged" in event["body"]:
                heard.set()

        headers = [(name.encode(), value.encode("latin-1", "replace")) for name, value in head.items()]
        scope = {
            "type": "http",
            "method": method,
            "path": f"/mcp/{self.slug}",
            "query_string": b"",
            "http_version": "1.1",
            "client": (self.address, 1),
            "headers": [*headers, (b"content-length", str(len(body)).encode())],
        }
        async with asyncio.timeout(SECONDS):
            await application(scope, receive, send)
        told = {name.decode().lower(): value.decode() for name, value in parts[0]["headers"]}
        return Reply(parts[0]["status"], told, b"".join(part.get("body", b"") for part in parts[1:]))
