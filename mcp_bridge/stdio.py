"""A FlowHub server for clients that speak MCP over stdio alone.

    FLOWHUB_KEY=fh_... python -m mcp_bridge.stdio --server demo --url https://flows.example.com

A proxy: every message of the client goes to a running FlowHub over Streamable HTTP, and every message of FlowHub comes
back, in either protocol era, so progress, logs, questions and changes of the tool list arrive as they do without it.
stdout carries the protocol alone, messages for people go to stderr. It ends when stdin does.

FlowHub may be on another machine: this file needs no Django, no settings and no database, only the SDK.
"""

import argparse
import contextlib
import logging
import os
import sys
from collections.abc import AsyncIterator, Mapping
from itertools import chain, repeat
from typing import Any
from urllib.parse import quote, urlsplit

import anyio
import httpx2
from mcp.client.streamable_http import streamable_http_client
from mcp.server.stdio import stdio_server
from mcp.shared.inbound import (
    MCP_METHOD_HEADER,
    MCP_NAME_HEADER,
    MCP_PROTOCOL_VERSION_HEADER,
    NAME_BEARING_METHODS,
    encode_header_value,
    mcp_param_headers,
    x_mcp_header_map,
)
from mcp.shared.message import ClientMessageMetadata, SessionMessage
from mcp_types import (
    PARSE_ERROR,
    ErrorData,
    JSONRPCError,
    JSONRPCMessage,
    JSONRPCNotification,
    JSONRPCRequest,
    JSONRPCResponse,
)
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

logger = logging.getLogger("flowhub")

DEFAULT_URL = "http://127.0.0.1:8000"
SESSION = "mcp-session-id"
_VERSION = "io.modelcontextprotocol/protocolVersion"
_UNAVAILABLE = -32000
_CONNECT_SECONDS = 20.0
_SILENT_SECONDS = 120.0
"""FlowHub keeps a stream alive with comments; one that is silent for so long is broken."""
_FAREWELL_SECONDS = 1.5
"""Clients kill a program that is still there 2 seconds after its stdin was closed."""
_RETRY_SECONDS = (0.5, 1.0, 2.0, 5.0)


class Door(httpx2.AsyncBaseTransport):
    """The way to FlowHub. What goes wrong on it becomes an answer that says what to do, and the proxy goes on.

    A handshake session that FlowHub has forgotten, as after a restart, is begun anew with the client's own handshake.
    """

    def __init__(self, url: str, has_key: bool, http: httpx2.AsyncClient) -> None:
        self.url = url
        self.has_key = has_key
        self._http = http
        self._handshake: httpx2.Request | None = None
        self._session = ""
        self._lock = anyio.Lock()

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send one request; GET, on which a client waits for news, is tried until it is answered."""
        waits = chain(_RETRY_SECONDS, repeat(_RETRY_SECONDS[-1]))
        while True:
            try:
                with anyio.fail_after(_FAREWELL_SECONDS if request.method == "DELETE" else None):
                    return await self._answer(request)
            except (httpx2.TransportError, TimeoutError) as error:
                logger.error("FlowHub does not answer at %s: %s", self.url, str(error) or type(error).__name__)
                if request.method != "GET":
                    why = f"FlowHub does not answer at {self.url}. Is it running, and is the address right?"
                    return _refusal(503, why)
                await anyio.sleep(next(waits))

    async def _answer(self, request: httpx2.Request) -> httpx2.Response:
        known = self._session
        response = await self._send(request)
        if response.status_code == 404 and SESSION in request.headers and await self._begin_anew(known):
            await response.aclose()
            response = await self._send(request)
        if response.status_code in (401, 403, 404):
            return await self._explained(response)
        if SESSION in response.headers and SESSION not in request.headers:
            self._handshake, self._session = request, response.headers[SESSION]
        return _passed_on(response, ends_quietly=request.method == "GET")

    async def _send(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request under the session that FlowHub knows now, whichever the client began with."""
        if self._session and SESSION in request.headers:
            request.headers[SESSION] = self._session
        return await self._http.send(request, stream=True)

    async def _begin_anew(self, forgotten: str) -> bool:
        """Repeat the client's handshake, once for all requests that met the same forgotten session."""
        async with self._lock:
            if self._session != forgotten:
                return True
            if self._handshake is None:
                return False
            logger.warning("FlowHub has forgotten the session, as after a restart; it is begun anew")
            answer = await self._http.send(self._handshake, stream=True)
            await answer.aread()
            if answer.status_code != 200 or SESSION not in answer.headers:
                return False
            self._session = answer.headers[SESSION]
            told = {"jsonrpc": "2.0", "method": "notifications/initialized"}
            headers = {name: value for name, value in self._handshake.headers.items() if name != "content-length"}
            headers[SESSION] = self._session
            await self._http.post(self._handshake.url, headers=headers, json=told)
            return True

    async def _explained(self, response: httpx2.Response) -> httpx2.Response:
        """An answer of FlowHub's door in words for whoever has set up this proxy."""
        body = await response.aread()
        await response.aclose()
        if response.status_code == 401 and self.has_key:
            message = (
                f"FlowHub refuses the key in FLOWHUB_KEY for {self.url}: it is unknown, expired or of another server. "
                "Is --server the slug of one that is published?"
            )
        elif response.status_code == 401:
            message = f"{self.url} needs a key: set FLOWHUB_KEY to one of FlowHub's page Keys."
        else:
            kind = response.headers.get("content-type", "application/json")
            return httpx2.Response(response.status_code, headers={"content-type": kind}, content=body)
        logger.error(message)
        return _refusal(response.status_code, message)


class _Quiet(httpx2.AsyncByteStream):
    """A stream of news whose connection may break: it ends then, and the SDK asks for the next one."""

    def __init__(self, inner: httpx2.Response) -> None:
        self._inner = inner

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for chunk in self._inner.aiter_raw():
                yield chunk
        except httpx2.TransportError as error:
            logger.warning("the stream of news from FlowHub broke: %s", str(error) or type(error).__name__)

    async def aclose(self) -> None:
        await self._inner.aclose()


def _passed_on(response: httpx2.Response, *, ends_quietly: bool) -> httpx2.Response:
    return (
        httpx2.Response(response.status_code, headers=response.headers, stream=_Quiet(response))
        if ends_quietly
        else response
    )


def _refusal(status: int, message: str) -> httpx2.Response:
    error = {"jsonrpc": "2.0", "id": None, "error": {"code": _UNAVAILABLE, "message": message}}
    return httpx2.Response(status, json=error)


class Stamps:
    """The HTTP headers of a message, which its sender on stdio does not know of; learned from what goes by."""

    def __init__(self) -> None:
        self._negotiated = ""
        self._handshakes: set[Any] = set()
        self._listings: set[Any] = set()
        self._param_headers: dict[str, dict[tuple[str, ...], str]] = {}

    def of(self, message: JSONRPCMessage) -> dict[str, str]:
        """Headers for a message of the client: its version, and in the modern era what it is about."""
        if not isinstance(message, JSONRPCRequest | JSONRPCNotification):
            return {}
        if isinstance(message, JSONRPCRequest):
            self._remember(message)
        params: Mapping[str, Any] = message.params or {}
        version = (params.get("_meta") or {}).get(_VERSION)
        if version not in MODERN_PROTOCOL_VERSIONS:
            return {MCP_PROTOCOL_VERSION_HEADER: self._negotiated} if self._negotiated else {}
        headers = {MCP_PROTOCOL_VERSION_HEADER: str(version), MCP_METHOD_HEADER: message.method}
        name = params.get(NAME_BEARING_METHODS.get(message.method, ""))
        if isinstance(name, str):
            headers[MCP_NAME_HEADER] = encode_header_value(name)
            headers |= mcp_param_headers(self._param_headers.get(name, {}), params.get("arguments") or {})
        return headers

    def _remember(self, message: JSONRPCRequest) -> None:
        if message.method == "initialize":
            self._negotiated = ""
            self._handshakes.add(message.id)
        elif message.method == "tools/list":
            self._listings.add(message.id)

    def learn(self, message: JSONRPCMessage) -> None:
        """Read an answer of FlowHub: which version was agreed on, which parameters are repeated in headers."""
        if not isinstance(message, JSONRPCResponse):
            return
        if message.id in self._handshakes:
            self._handshakes.discard(message.id)
            self._negotiated = str(message.result.get("protocolVersion", ""))
        elif message.id in self._listings:
            self._listings.discard(message.id)
            for tool in message.result.get("tools", []):
                self._param_headers[tool["name"]] = x_mcp_header_map(tool.get("inputSchema", {}))


async def proxy(url: str, key: str) -> None:
    """Pass messages between this process's stdin and stdout and a FlowHub server, until stdin ends."""
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    timeout = httpx2.Timeout(_CONNECT_SECONDS, read=_SILENT_SECONDS)
    stamps = Stamps()
    async with (
        stdio_server() as (from_client, to_client),
        # The writer of stdout ends when nobody can send to it any more.
        to_client,
        httpx2.AsyncClient() as outside,
        httpx2.AsyncClient(headers=headers, timeout=timeout, transport=Door(url, bool(key), outside)) as http,
        # FlowHub limits its answers itself.
        streamable_http_client(url, http_client=http, max_sse_event_size=None) as (from_server, to_server),
        anyio.create_task_group() as tasks,
    ):

        async def down() -> None:
            async for item in from_server:
                if isinstance(item, Exception):
                    logger.error("FlowHub sent what is no message: %s", item)
                    continue
                stamps.learn(item.message)
                await to_client.send(item)

        tasks.start_soon(down)
        async for item in from_client:
            if isinstance(item, Exception):
                logger.error("the client sent a line that is no message")
                error = ErrorData(code=PARSE_ERROR, message="This line is no JSON-RPC message.")
                await to_client.send(SessionMessage(JSONRPCError(jsonrpc="2.0", id=None, error=error)))
                continue
            metadata = ClientMessageMetadata(headers=stamps.of(item.message))
            await to_server.send(SessionMessage(item.message, metadata=metadata))
        tasks.cancel_scope.cancel()


def address(base: str, slug: str) -> str:
    """`https://flows.example.com/mcp/demo`; raises ValueError for what is no address of a FlowHub."""
    parts = urlsplit(base)
    if parts.scheme not in ("http", "https") or not parts.netloc or parts.query or parts.fragment:
        raise ValueError(f"{base!r} is no address of a FlowHub; write one as {DEFAULT_URL}")
    return f"{base.rstrip('/')}/mcp/{quote(slug, safe='')}"


def main(arguments: list[str] | None = None) -> int:
    """Read the options and pass messages on; the status is 2 for options that make no sense."""
    parser = argparse.ArgumentParser(prog="python -m mcp_bridge.stdio", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--server", required=True, metavar="SLUG", help="the server's slug, as in /mcp/SLUG")
    where = os.environ.get("FLOWHUB_PUBLIC_URL", DEFAULT_URL)
    parser.add_argument("--url", default=where, help=f"where FlowHub runs; FLOWHUB_PUBLIC_URL, else {DEFAULT_URL}")
    parser.epilog = "The key is read from the environment variable FLOWHUB_KEY; a public server needs none."
    options = parser.parse_args(arguments)
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(name)s: %(message)s")
    try:
        url = address(options.url, options.server)
    except ValueError as error:
        parser.error(str(error))
    with contextlib.suppress(KeyboardInterrupt):
        anyio.run(proxy, url, os.environ.get("FLOWHUB_KEY", "").strip())
    return 0


if __name__ == "__main__":
    sys.exit(main())
