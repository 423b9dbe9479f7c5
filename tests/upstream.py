"""Another MCP server for tests: one made with the SDK, one that behaves badly, both served by uvicorn in a thread."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from mcp.server.mcpserver import Context, MCPServer
from mcp_types import TextContent

MODERN = b"2026-07-28"

waiting = threading.Event()
"""Set when a call of the tool `wait` has arrived."""


def good_server() -> MCPServer:
    """A server with a few tools; what it was sent in headers is an answer of one of them."""
    server = MCPServer("upstream")

    @server.tool()
    def add(a: int, b: int = 1) -> int:
        """Add two numbers."""
        return a + b

    @server.tool(structured_output=False)
    def greet(name: str) -> list[TextContent]:
        """Greet, in two blocks."""
        return [TextContent(type="text", text="Hello"), TextContent(type="text", text=name)]

    @server.tool()
    def refuse() -> str:
        """Fail."""
        raise ValueError("there is no stock")

    @server.tool()
    def headers(ctx: Context) -> dict[str, str]:
        """What the client sent along."""
        request: Any = ctx.request_context.request
        return dict(request.headers)

    @server.tool()
    async def wait() -> str:
        """Take long."""
        waiting.set()
        await asyncio.sleep(60)
        return "done"

    return server


def curious_server() -> MCPServer:
    """A server whose one tool says who calls it."""
    server = MCPServer("curious")

    @server.tool()
    def caller(ctx: Context) -> str:
        """The client's name and version."""
        params = ctx.session.client_params
        assert params is not None
        return f"{params.client_info.name} {params.client_info.version}"

    return server


async def badly(scope: Any, receive: Any, send: Any) -> None:
    """Answers each path in its own wrong way."""
    if scope["type"] == "lifespan":
        return
    await receive()
    status, headers, chunks = _BAD[scope["path"]]
    named = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": named})
    async for chunk in chunks():
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


def _saying(text: bytes) -> Any:
    async def chunks() -> AsyncIterator[bytes]:
        yield text

    return chunks


async def _endless() -> AsyncIterator[bytes]:
    yield b'{"jsonrpc": "2.0", "id": 1, "result": {"x": "'
    for _ in range(200):
        yield b"x" * 65536
        await asyncio.sleep(0)


async def _never() -> AsyncIterator[bytes]:
    await asyncio.sleep(60)
    yield b""


_JSON = {"content-type": "application/json"}
_BAD: dict[str, tuple[int, dict[str, str], Any]] = {
    "/html": (200, {"content-type": "text/html"}, _saying(b"<h1>Welcome</h1>")),
    "/garbage": (200, _JSON, _saying(b"canary-garbage {")),
    "/unauthorized": (401, {}, _saying(b"no")),
    "/missing": (404, {}, _saying(b"no")),
    "/elsewhere": (307, {"location": "http://127.0.0.2:9/mcp"}, _saying(b"")),
    "/endless": (200, _JSON, _endless),
    "/never": (200, _JSON, _never),
    "/zipped": (200, _JSON | {"content-encoding": "gzip"}, _saying(b"\x1f\x8b")),
}


def handshake_only(app: Any) -> Any:
    """The same server, as one that knows nothing of the stateless protocol."""

    async def older(scope: Any, receive: Any, send: Any) -> None:
        versions = [value for name, value in scope.get("headers", ()) if name == b"mcp-protocol-version"]
        if MODERN in versions:
            await send({"type": "http.response.start", "status": 400, "headers": []})
            await send({"type": "http.response.body", "body": b"Bad Request"})
        else:
            await app(scope, receive, send)

    return older


def refusing_calls(app: Any, status: int, headers: dict[str, str], body: bytes, times: int = 1_000) -> Any:
    """The same server, as one that refuses so many `tools/call` with a status of HTTP; everything else is answered."""
    left = iter(range(times))

    async def refusing(scope: Any, receive: Any, send: Any) -> None:
        message = await receive() if scope["type"] == "http" else {}
        if b'"tools/call"' in message.get("body", b"") and next(left, None) is not None:
            named = [(name.encode(), value.encode()) for name, value in headers.items()]
            await send({"type": "http.response.start", "status": status, "headers": named})
            await send({"type": "http.response.body", "body": body})
            return
        messages = iter([message])

        async def again() -> Any:
            return next(messages, None) or await receive()

        await app(scope, again if message else receive, send)

    return refusing


class _Threaded(uvicorn.Server):
    def install_signal_handlers(self) -> None:
        """Signals are the test's."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are the test's."""
        yield


@contextmanager
def served(app: Any) -> Iterator[str]:
    """The address of an ASGI app on 127.0.0.1, as long as the test needs it."""
    server = _Threaded(uvicorn.Config(app, port=0, log_level="critical", timeout_graceful_shutdown=1, ws="none"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    ready = threading.Event()
    for _ in range(1000):
        if server.started or not thread.is_alive():
            break
        ready.wait(0.01)
    assert server.started
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(10)
