"""The ASGI door to MCP: `/mcp/<slug>` -> host and origin -> media type -> key -> the SDK. Everything else -> Django."""

import json
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.db import DatabaseError
from django.http.request import split_domain_port, validate_host
from mcp.server.auth.middleware.auth_context import AuthContextMiddleware

from mcp_bridge import streams
from mcp_bridge.auth import KeyUser, key_ring
from mcp_bridge.host import Hosted, current_host
from mcp_bridge.streams import ResponseStream

logger = logging.getLogger(__name__)

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Any, Any, Any], Awaitable[None]]

PREFIX = "/mcp/"
_ALLOWED_METHODS = "GET, POST, DELETE"


class Gateway:
    """The top of the ASGI application: MCP requests go to the SDK, all others to `django`."""

    def __init__(self, django: App) -> None:
        self.django = django
        self.is_draining = False
        """Set once the process is about to end: calls under way go on, new ones are sent elsewhere."""
        self.under_way = 0
        """MCP messages that are not answered yet; streams on which a client only listens do not count."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
        elif scope["type"] == "http" and scope["path"].startswith(PREFIX):
            if self.is_draining:
                await _refuse(_Refused(503, "This server is about to stop.", {"retry-after": "5"}), send)
            else:
                await self._count(scope, receive, send)
        else:
            await self.django(scope, receive, send)

    async def _count(self, scope: Scope, receive: Receive, send: Send) -> None:
        messages = int(scope["method"] == "POST")
        self.under_way += messages
        try:
            await _serve(scope, receive, send)
        finally:
            self.under_way -= messages

    def drain(self) -> None:
        """Take no new calls, and end the streams of `subscriptions/listen`, which count as calls under way."""
        self.is_draining = True
        current_host().end_listening()

    def end_streams(self) -> None:
        """End the streams on which clients only listen; for a process that has answered everything."""
        streams.end_all()


async def _lifespan(receive: Receive, send: Send) -> None:
    """Django's handler does not know the lifespan protocol; daphne does not speak it."""
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            await send({"type": "lifespan.startup.complete"})
        elif message["type"] == "lifespan.shutdown":
            await current_host().aclose()
            await send({"type": "lifespan.shutdown.complete"})
            return


class _Refused(Exception):
    """A request that does not reach the SDK: status, JSON-RPC message, extra headers."""

    def __init__(self, status: int, message: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = headers or {}


async def _serve(scope: Scope, receive: Receive, send: Send) -> None:
    try:
        headers = _headers(scope)
        _check_host(headers)
        _check_origin(headers)
        _check_media_type(scope["method"], headers)
        hosted = await _hosted(scope["path"])
        user = await _user(headers, hosted)
    except _Refused as refused:
        await _refuse(refused, send)
        return
    except DatabaseError as error:
        logger.error("a message to %s was refused: %s", scope["path"], error)
        message = "The database does not answer, so nothing was run. Wait a little and try again."
        await _refuse(_Refused(503, message, {"retry-after": "5"}), send)
        return
    if user is not None:
        scope["user"] = user
    stream = ResponseStream(send)
    gets = int(scope["method"] == "GET")
    hosted.audience.open_gets += gets
    try:
        await AuthContextMiddleware(hosted.manager.asgi_app)(scope, receive, stream.send)
    finally:
        hosted.audience.open_gets -= gets
        stream.close()


def _headers(scope: Scope) -> dict[str, str]:
    """Header values without surrounding blanks, which httptools leaves on (RFC 9110, 5.5); the scope is mended too."""
    stripped = [(name, value.strip(b" \t")) for name, value in scope["headers"]]
    scope["headers"] = stripped
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in stripped}


def _check_host(headers: dict[str, str]) -> None:
    if not _is_served(headers.get("host", ""), tuple(settings.ALLOWED_HOSTS)):
        raise _Refused(421, "This host is not served here; an operator adds it to FLOWHUB_ALLOWED_HOSTS.")


@lru_cache(maxsize=100)
def _is_served(host: str, allowed: tuple[str, ...]) -> bool:
    domain, _ = split_domain_port(host)
    return bool(domain) and validate_host(domain, allowed)


def _check_origin(headers: dict[str, str]) -> None:
    """A browser's Origin must be one of our hosts, against DNS rebinding (MCP, Streamable HTTP, Security)."""
    origin = headers.get("origin")
    if origin is not None and not validate_host(urlsplit(origin).hostname or "", settings.ALLOWED_HOSTS):
        raise _Refused(403, "This origin may not call MCP here.")


def _check_media_type(method: str, headers: dict[str, str]) -> None:
    """The SDK compares only the beginning of Content-Type."""
    if method not in {"GET", "POST", "DELETE"}:
        raise _Refused(405, f"Use {_ALLOWED_METHODS}.", {"allow": _ALLOWED_METHODS})
    if method == "POST" and headers.get("content-type", "").split(";")[0].strip().lower() != "application/json":
        raise _Refused(415, "Send Content-Type: application/json.")


async def _hosted(path: str) -> Hosted:
    slug = path.removeprefix(PREFIX).removesuffix("/")
    hosted = await current_host().get(slug) if slug and "/" not in slug else None
    if hosted is None:
        raise _Refused(404, "There is no MCP server at this address.")
    return hosted


async def _user(headers: dict[str, str], hosted: Hosted) -> KeyUser | None:
    scheme, _, key = headers.get("authorization", "").partition(" ")
    user = await key_ring.user_for(key.strip()) if scheme.lower() == "bearer" else None
    if user is not None and user.principal.may_use(hosted.snapshot.server_id, hosted.snapshot.owner_id):
        return user
    if hosted.snapshot.is_public and not headers.get("authorization"):
        return None
    logger.warning("call of /mcp/%s without a key that opens it", hosted.snapshot.slug)
    message = "Send an API key of this server: Authorization: Bearer fh_..."
    raise _Refused(401, message, {"www-authenticate": 'Bearer realm="flowhub", error="invalid_token"'})


async def _refuse(refused: _Refused, send: Send) -> None:
    error = {"jsonrpc": "2.0", "id": None, "error": {"code": -32600, "message": refused.message}}
    body = json.dumps(error).encode()
    headers = {"content-type": "application/json", "content-length": str(len(body))} | refused.headers
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": refused.status, "headers": raw})
    await send({"type": "http.response.body", "body": body})
