"""HTTP by hand: requests that no client library would send, and what comes back, byte for byte."""

import json
import socket
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from tests.live import LiveServer
from tests.mcp_client import LEGACY, MODERN

LEGACY_VERSION = "2025-11-25"
SECONDS = 20
_META = "io.modelcontextprotocol/"
ENVELOPE = {
    _META + "protocolVersion": MODERN,
    _META + "clientInfo": {"name": "wire", "version": "1"},
    _META + "clientCapabilities": {},
}
Lines = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Reply:
    """Status, headers by lower-case name, and body without its transfer coding; status 0 when nothing came back."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def message(self) -> dict[str, Any]:
        """The JSON-RPC message in a JSON body or in the last event of a stream; empty when there is none."""
        text = self.body.decode()
        if self.headers.get("content-type", "").startswith("text/event-stream"):
            text = [line for line in text.splitlines() if line.startswith("data: {")][-1].removeprefix("data: ")
        return dict(json.loads(text)) if text else {}

    @property
    def error(self) -> tuple[int, str]:
        """Code and message of a JSON-RPC error."""
        return self.message["error"]["code"], self.message["error"]["message"]


@dataclass
class Wire:
    """A caller of the demo server in one era."""

    server: LiveServer
    era: str
    session: str | None = None
    key: str = ""

    def __post_init__(self) -> None:
        self.key = self.key or self.server.credentials["key"]
        if self.era == LEGACY and self.session is None:
            self.open()

    def open(self) -> None:
        """The handshake of the legacy era."""
        self.session = self.ask_to_open().headers["mcp-session-id"]
        assert self.send(self.encode({"jsonrpc": "2.0", "method": "notifications/initialized"})).status == 202

    def ask_to_open(self) -> Reply:
        """The answer to `initialize`."""
        own, self.session = self.session, None
        info = {"name": "wire", "version": "1"}
        hello = {"protocolVersion": LEGACY_VERSION, "clientInfo": info, "capabilities": {}}
        reply = self.send(self.encode({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": hello}))
        self.session = own
        return reply

    @staticmethod
    def encode(message: Any) -> bytes:
        """A message as it goes over the wire."""
        return json.dumps(message).encode()

    def call(self, **changes: Any) -> dict[str, Any]:
        """The message of a good call; `changes` replace its members."""
        params: dict[str, Any] = {"name": "greet", "arguments": {"name": "Ada", "n": 1}}
        if self.era == MODERN:
            params["_meta"] = ENVELOPE
        return {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params} | changes

    def head(self, method: str = "POST") -> Lines:
        """The headers of a good call, without its Content-Length."""
        lines = [
            ("Host", f"127.0.0.1:{self.server.port}"),
            ("Authorization", f"Bearer {self.key}"),
            ("Accept", "application/json, text/event-stream"),
        ]
        if method == "POST":
            lines.append(("Content-Type", "application/json"))
        if self.era == MODERN:
            return [*lines, ("MCP-Protocol-Version", MODERN), ("Mcp-Method", "tools/call"), ("Mcp-Name", "greet")]
        if self.session is not None:
            lines += [("MCP-Protocol-Version", LEGACY_VERSION), ("Mcp-Session-Id", self.session)]
        return lines

    def send(
        self,
        body: bytes = b"",
        *,
        method: str = "POST",
        without: str = "",
        more: Lines | None = None,
        length: str | None = "right",
        path: str = "/mcp/demo",
    ) -> Reply:
        """Send one request and read its answer; `length` "right" declares the body's own, None declares none."""
        lines = [line for line in self.head(method) if line[0].lower() != without.lower()] + (more or [])
        if length is not None:
            lines.append(("Content-Length", str(len(body)) if length == "right" else length))
        head = f"{method} {path} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in lines) + "\r\n"
        return self.exchange(head.encode("latin-1") + body)

    def exchange(self, data: bytes, *, hang_up: bool = False) -> Reply:
        """Send bytes on a connection of their own, and read until the answer is whole or the server hangs up.

        `hang_up` says first that nothing more will be sent.
        """
        with socket.create_connection(("127.0.0.1", self.server.port), timeout=SECONDS) as connection:
            # It may be refused while it is being sent; the answer is there all the same.
            with suppress(OSError):
                connection.sendall(data)
            if hang_up:
                connection.shutdown(socket.SHUT_WR)
            return _read(connection, is_head=data.startswith(b"HEAD "))

    def works(self) -> bool:
        """Whether a good call is answered as it should be."""
        reply = self.send(self.encode(self.call()))
        return reply.status == 200 and reply.message["result"]["content"][0]["text"] == "Hello, Ada! 1"


def _read(connection: socket.socket, *, is_head: bool) -> Reply:
    stream = connection.makefile("rb")
    try:
        status_line = stream.readline()
        if not status_line:
            return Reply(0)
        headers = {}
        while line := stream.readline().rstrip(b"\r\n"):
            name, _, value = line.decode("latin-1").partition(":")
            headers[name.lower()] = value.strip()
        status = int(status_line.split()[1])
        has_body = not is_head and status not in (202, 204)
        return Reply(status, headers, _body(stream, headers) if has_body else b"")
    except ConnectionResetError:
        return Reply(0)


def _body(stream: Any, headers: dict[str, str]) -> bytes:
    if "content-length" in headers:
        return bytes(stream.read(int(headers["content-length"])))
    if headers.get("transfer-encoding") != "chunked":
        return bytes(stream.read())
    parts = []
    while size := int(stream.readline() or b"0", 16):
        parts.append(stream.read(size))
        stream.readline()
    return b"".join(parts)
