"""Pages of other origins: which of them browsers let call MCP and REST, and which origin is our own.

One rule for both doors, above Django and the SDK: an origin that the operator allows (`FLOWHUB_ALLOWED_ORIGINS`) is
answered with what CORS needs, every other one with nothing, so that its browser keeps the answer from it. Cookies are
never part of it: such a page shows an API key or an access token.
"""

from functools import lru_cache

from django.conf import settings

from flows.engine.destinations import origin_of
from mcp_bridge.wire.refusals import Message, Scope, Send

DOORS = ("/mcp/", "/api/")
PREFLIGHT_SECONDS = 600
"""How long a browser may remember what it was allowed."""

_METHODS = "GET, POST, PUT, PATCH, DELETE"
# The star stands for what clients send beside these, as Mcp-Param-...; browsers do not count Authorization to it.
_SENT = (
    "accept, authorization, content-type, if-match, last-event-id, mcp-method, mcp-name, mcp-protocol-version, "
    "mcp-session-id, *"
)
_READ = "allow, content-disposition, etag, mcp-protocol-version, mcp-session-id, retry-after, www-authenticate"


def is_own(origin: str, scope: Scope) -> bool:
    """Whether a page of this origin is a page of ours: scheme, host and port are those asked for, or the public ones.

    The host that was asked for is one of ours only where somebody has checked that: `headers.check`, and for sockets
    the origin validator, both of them with `ALLOWED_HOSTS`.
    """
    headers = dict(scope["headers"])
    scheme = {"wss": "https", "https": "https"}.get(scope.get("scheme", ""), "http")
    if settings.SECURE_PROXY_SSL_HEADER:
        name, secure = settings.SECURE_PROXY_SSL_HEADER
        said = headers.get(name.removeprefix("HTTP_").replace("_", "-").lower().encode(), b"").decode("latin-1")
        scheme = "https" if said.split(",")[0].strip() == secure else scheme
    host = headers.get(b"host", b"").decode("latin-1").strip()
    asked = _normal(origin)
    return asked is not None and asked in (_normal(f"{scheme}://{host}"), _normal(settings.PUBLIC_URL))


def is_allowed(origin: str) -> bool:
    """Whether the operator lets pages of this origin in."""
    return origin in settings.ALLOWED_ORIGINS


@lru_cache(maxsize=100)
def _normal(address: str) -> str | None:
    """The origin of an address that is nothing else, `https://flows.example.com:8443`; None for what is none."""
    origin = origin_of(address)
    return origin if origin and len(address) - len(origin) in (0, len(":80"), len(":443")) else None


def asked_by(scope: Scope) -> str | None:
    """The allowed origin whose page asks for MCP or REST; None for everybody else."""
    if scope["type"] != "http" or not scope["path"].startswith(DOORS):
        return None
    origin = next((value for name, value in scope["headers"] if name == b"origin"), b"").decode("latin-1")
    return origin if is_allowed(origin) else None


def is_preflight(scope: Scope) -> bool:
    """Whether a browser asks what it may send, before it does."""
    return scope["method"] == "OPTIONS" and any(
        name == b"access-control-request-method" for name, _ in scope["headers"]
    )


async def answer_preflight(send: Send) -> None:
    """Say what pages of allowed origins may send; `readable` adds who may."""
    allowed = {
        "access-control-allow-methods": _METHODS,
        "access-control-allow-headers": _SENT,
        "access-control-max-age": str(PREFLIGHT_SECONDS),
        "content-length": "0",
    }
    raw = [(name.encode(), value.encode()) for name, value in allowed.items()]
    await send({"type": "http.response.start", "status": 204, "headers": raw})
    await send({"type": "http.response.body", "body": b""})


def readable(origin: str, send: Send) -> Send:
    """Let pages of this origin read an answer."""
    added = [
        (b"access-control-allow-origin", origin.encode("latin-1")),
        (b"access-control-expose-headers", _READ.encode()),
        (b"vary", b"Origin"),
    ]

    async def send_readable(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", ()), *added]}
        await send(message)

    return send_readable
