"""The head of a request for MCP: read once, checked before anything else is done for it."""

from functools import lru_cache
from urllib.parse import urlsplit

from django.conf import settings
from django.http.request import split_domain_port, validate_host
from mcp_types import HEADER_MISMATCH, INVALID_REQUEST
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS

from mcp_bridge.wire.refusals import Refused, Scope

ALLOWED_METHODS = "GET, POST, DELETE"
MAX_BYTES = 64 * 1024
"""Names and values of all headers together."""

VERSION = "mcp-protocol-version"
SESSION = "mcp-session-id"

_ROUTING = frozenset({VERSION, SESSION, "mcp-method", "mcp-name"})
_SINGLE = _ROUTING | {"authorization", "content-length", "content-type", "host", "last-event-id", "origin"}
"""Headers that say who asks for what. Two of them could be read as one thing here and as another by a proxy."""

_JSON = frozenset({"*/*", "application/*", "application/json"})
_EVENTS = frozenset({"*/*", "text/*", "text/event-stream"})


class Headers(dict[str, str]):
    """The headers of a request by lower-case name; those that came in several lines are one value."""

    version: str | None = None
    """The protocol version that the client names; None when it names none."""
    is_legacy = True
    """Whether the request belongs to the versions that begin with a handshake (the SDK decides in the same way)."""

    def raw(self) -> list[tuple[bytes, bytes]]:
        """As an ASGI scope has them."""
        return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in self.items()]


def read(scope: Scope) -> Headers:
    """The headers, without the blanks around values that httptools leaves on (RFC 9110, 5.5).

    Raises Refused: 431 when they are too much, 400 when one that may be there once is there twice.
    """
    headers, size = Headers(), 0
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1").strip(" \t")
        size += len(name) + len(value)
        if size > MAX_BYTES:
            raise Refused(431, f"The headers of this request are too large; {MAX_BYTES} bytes are the most.")
        if name not in headers:
            # The SDK knows media types in small letters alone.
            headers[name] = value.lower() if name == "content-type" else value
        elif name in _SINGLE:
            code = HEADER_MISMATCH if name in _ROUTING else INVALID_REQUEST
            raise Refused(400, f"The {name} header appears more than once. Send it once.", code=code)
        else:
            headers[name] += f", {value}"
    headers.version = headers.get(VERSION)
    headers.is_legacy = headers.version is None or headers.version in HANDSHAKE_PROTOCOL_VERSIONS
    return headers


def check(method: str, headers: Headers) -> None:
    """Refuse what is not for this host, not from a page of it, or not in the media types of MCP."""
    if not _is_served(headers.get("host", ""), tuple(settings.ALLOWED_HOSTS)):
        raise Refused(421, "This host is not served here; an operator adds it to FLOWHUB_ALLOWED_HOSTS.")
    # A browser's Origin must be one of our hosts, against DNS rebinding (MCP, Streamable HTTP, Security).
    if "origin" in headers and not validate_host(_host_of(headers["origin"]), settings.ALLOWED_HOSTS):
        raise Refused(403, "This origin may not call MCP here.")
    takes_json, takes_events = _accepted(headers.get("accept", ""))
    if method == "POST":
        # The SDK compares only the beginning of Content-Type, and takes a compressed body for a broken one.
        sent = headers.get("content-type", "")
        if sent != "application/json" and sent.split(";")[0].strip() != "application/json":
            raise Refused(415, "Send Content-Type: application/json.")
        if "content-encoding" in headers and headers["content-encoding"].lower() not in {"", "identity"}:
            raise Refused(415, "Send the body as it is, without Content-Encoding.", {"accept-encoding": "identity"})
        # A message may be answered in both ways (MCP, Streamable HTTP, Sending Messages).
        if not (takes_json and takes_events):
            raise Refused(406, "Send Accept: application/json, text/event-stream.")
    else:
        _check_listening(method, headers)
        if method == "GET" and not takes_events:
            raise Refused(406, "Send Accept: text/event-stream.")


def _check_listening(method: str, headers: Headers) -> None:
    """What is no POST listens to a session, or ends it; only handshake clients have one."""
    if method not in {"GET", "DELETE"}:
        raise Refused(405, f"Use {ALLOWED_METHODS}.", {"allow": ALLOWED_METHODS})
    if not headers.is_legacy:
        message = f"Protocol version {headers.version} has POST alone; to listen, post subscriptions/listen."
        raise Refused(405, message, {"allow": "POST"})
    if SESSION not in headers:
        raise Refused(400, f"A {method} needs the Mcp-Session-Id header that the answer to initialize had.")


@lru_cache(maxsize=100)
def _accepted(types: str) -> tuple[bool, bool]:
    """Whether an Accept header takes JSON, and whether it takes an event stream."""
    accepted = {part.split(";")[0].strip().lower() for part in types.split(",")}
    return bool(accepted & _JSON), bool(accepted & _EVENTS)


@lru_cache(maxsize=100)
def _is_served(host: str, allowed: tuple[str, ...]) -> bool:
    domain, _ = split_domain_port(host)
    return bool(domain) and validate_host(domain, allowed)


def _host_of(origin: str) -> str:
    try:
        return urlsplit(origin).hostname or ""
    except ValueError:  # an IPv6 address without its closing bracket
        return ""
