"""The guarded HTTP client: the one way out for nodes.

Written for addresses that come from a model or a stranger (SSRF): a name is resolved once, every address it has is
checked, and the connection goes to the address that was checked, so a second DNS answer cannot change it. The checks
sit in the connection layer, which every request passes. The client drives httpcore2's pool directly: redirects,
cookies, proxies from the environment and .netrc are features of the layer above it and so cannot be switched on here.
"""

import asyncio
import re
import socket
import zlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import aclosing
from functools import cache
from ipaddress import ip_address

import httpcore2
import httpx2
from django.conf import settings

from flows.adapters import lineage
from flows.adapters.addresses import Address, AllowList, is_public, unwrapped
from flows.engine.errors import NodeFailed
from flows.engine.node import HttpResponse

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""From a host and a port to its addresses; raises OSError when it has none."""

_Lent = tuple[AsyncGenerator[httpcore2.AsyncConnectionPool, None], httpcore2.AsyncConnectionPool]

MAX_BODY = 5 * 1024 * 1024
"""Bytes of one answer, after decoding."""
MAX_HEADERS = 32 * 1024
"""Bytes of the headers of one answer."""
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_TRIED_ADDRESSES = 4
_SECONDS_PER_ADDRESS = 5.0

# What the connection itself decides; a node that set them could split requests or ask for an encoding we do not undo.
OWN_HEADERS = frozenset(
    {
        *("accept-encoding", "connection", "content-length", "expect", "host", "keep-alive", "proxy-authorization"),
        *("proxy-connection", "te", "trailer", "transfer-encoding", "upgrade", lineage.HEADER),
    }
)
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


async def resolve_by_system(host: str, port: int) -> Sequence[str]:
    """Ask the operating system for a host's addresses, best first."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))


class GuardedBackend(httpcore2.AsyncNetworkBackend):
    """Opens connections for httpcore2 to checked addresses only; TLS and the Host header keep the name."""

    def __init__(self, allow: AllowList, resolve: Resolve) -> None:
        self._allow = allow
        self._resolve = resolve
        self._tcp = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Connect to the first address of `host` that answers; raises NodeFailed if any of them is refused."""
        addresses = await self.checked(host, port)
        for address in addresses[:-1]:
            try:
                return await self._tcp.connect_tcp(address, port, _SECONDS_PER_ADDRESS, local_address, socket_options)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout):
                continue
        return await self._tcp.connect_tcp(addresses[-1], port, timeout, local_address, socket_options)

    async def checked(self, host: str, port: int) -> list[str]:
        """The addresses of a host, all of which may be reached; raises NodeFailed."""
        try:
            addresses = [ip_address(text) for text in await self._resolve(host, port)]
        except (OSError, ValueError) as error:
            raise no_answer(host, f"the name has no address ({error}); check its spelling") from error
        for address in addresses:
            self._check(host, address, port)
        if not addresses:
            raise no_answer(host, "the name has no address; check its spelling")
        return [str(unwrapped(address)) for address in addresses[:_TRIED_ADDRESSES]]

    def _check(self, host: str, address: Address, port: int) -> None:
        if self._allow.permits(host, address, port):
            return
        shown = f"[{host}]" if ":" in host else host
        remedy = f"an operator can allow it with FLOWHUB_OUTBOUND_ALLOW={shown}:{port}"
        if not is_public(address):
            raise no_answer(host, f"address {address} is private; {remedy}")
        if port < 1024 and port not in (80, 443):
            raise no_answer(host, f"port {port} belongs to another protocol than HTTP; {remedy}")


def no_answer(host: str, why: str) -> NodeFailed:
    """One sentence for the client whatever the reason: a caller must not be able to map a network with it."""
    return NodeFailed(f"{host}: {why}.", for_client=f"{host} did not answer.")


class GuardedClient:
    """The engine's HttpClient for addresses that nobody vouches for.

    `resolve` is how names become addresses and `max_bytes` the size of a decoded body. One client serves every event
    loop, each with a connection pool of its own, which closes with its loop.
    """

    def __init__(
        self, allow: AllowList | None = None, *, resolve: Resolve = resolve_by_system, max_bytes: int = MAX_BODY
    ) -> None:
        self._backend = GuardedBackend(allow or AllowList(), resolve)
        self.max_bytes = max_bytes
        self._tls = httpx2.create_ssl_context(trust_env=False)
        self._pools: dict[asyncio.AbstractEventLoop, _Lent] = {}

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str | list[str]] | str | None = None,
        content: bytes | None = None,
        timeout: float = 30.0,
    ) -> HttpResponse:
        """Send one request and return its answer, whatever its status; `timeout` is the seconds for everything.

        Raises NodeFailed when the request is not one we send, and when there is no whole answer.
        """
        if method not in METHODS:
            raise NodeFailed(f"The method {method!r} is not one of {', '.join(METHODS)}.", is_final=True)
        target = checked_url(url, query)
        wire_headers = _wire_headers(target, headers or {})
        try:
            async with asyncio.timeout(timeout):
                return await self._send(method, target, wire_headers, content)
        except TimeoutError:
            why = f"there was no whole answer within {timeout:g} s; raise the timeout or ask for less"
            raise no_answer(target.host, why) from None
        except (httpcore2.NetworkError, httpcore2.TimeoutException, httpcore2.ProtocolError) as error:
            raise no_answer(target.host, f"the connection failed ({deepest(error)})") from error

    async def refusal(self, url: str) -> str:
        """Why nothing would be sent to this address, in a sentence; empty for one that may be reached."""
        try:
            target = checked_url(url)
            await self._backend.checked(target.host, target.port or (443 if target.scheme == "https" else 80))
        except NodeFailed as refused:
            return refused.message
        return ""

    async def _send(
        self, method: str, url: httpx2.URL, headers: list[tuple[bytes, bytes]], content: bytes | None
    ) -> HttpResponse:
        pool = await self._pool()
        target = httpcore2.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)
        headers = headers + lineage.headers_for(url.host)
        async with pool.stream(method, target, headers=headers, content=content) as answer:
            kept = _kept_headers(url.host, answer.headers)
            body = _ArrivingBody(url.host, kept.get("content-encoding", ""), self.max_bytes)
            async with aclosing(answer.aiter_stream()) as chunks:
                async for chunk in chunks:
                    body.add(chunk)
            reason = answer.extensions.get("reason_phrase", b"").decode("latin-1")
            return HttpResponse(answer.status, reason, str(url), kept, body.whole())

    async def _pool(self) -> httpcore2.AsyncConnectionPool:
        loop = asyncio.get_running_loop()
        if loop not in self._pools:
            for ended in [known for known in list(self._pools) if known.is_closed()]:
                self._pools.pop(ended, None)
            keeper = self._lend()
            self._pools[loop] = (keeper, await anext(keeper))
        return self._pools[loop][1]

    async def _lend(self) -> AsyncGenerator[httpcore2.AsyncConnectionPool, None]:
        """A pool held by an async generator: an event loop ends those before it closes, and so closes the pool."""
        async with self.new_pool(100) as pool:
            yield pool

    def new_pool(self, connections: int) -> httpcore2.AsyncConnectionPool:
        """A pool of its own, whose connections are guarded as the client's are; who asks for it closes it."""
        return httpcore2.AsyncConnectionPool(
            ssl_context=self._tls, max_connections=connections, keepalive_expiry=5.0, network_backend=self._backend
        )

    async def aclose(self) -> None:
        """Close the connections of the running loop."""
        if lent := self._pools.pop(asyncio.get_running_loop(), None):
            await lent[0].aclose()


@cache
def outbound_client() -> GuardedClient:
    """The process's client, with the allow-list of the settings; raises ValueError when that is nonsense."""
    return GuardedClient(AllowList.parse(settings.OUTBOUND_ALLOW))


def checked_url(text: str, query: Mapping[str, str | list[str]] | str | None = None) -> httpx2.URL:
    """Read an address; raises NodeFailed that says what is wrong with it."""
    if found := _CONTROL.search(text):
        raise NodeFailed(f"The url holds the control character {found[0]!r}; remove it.", is_final=True)
    try:
        url = httpx2.URL(text)
        if isinstance(query, str):
            url = url.copy_with(query=b"&".join(filter(None, (url.query, query.encode())))) if query else url
        elif query:
            url = url.copy_merge_params(query)
    except (httpx2.InvalidURL, ValueError) as error:
        raise NodeFailed(f"The url {text[:200]!r} cannot be read: {error}.", is_final=True) from error
    if url.scheme not in ("http", "https"):
        raise NodeFailed(f"The url {text[:200]!r} must start with http:// or https://.", is_final=True)
    if url.userinfo:
        raise NodeFailed("The url holds a user name or password; send them in an authorization header.", is_final=True)
    if not url.host or "%" in url.host or (url.port is not None and not 0 < url.port < 65536):
        raise NodeFailed(f"The url {text[:200]!r} names no host that can be reached.", is_final=True)
    return url


def _wire_headers(url: httpx2.URL, headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    own = {"host": url.netloc.decode("ascii"), "accept-encoding": "gzip"}
    usual = {"accept": "*/*", "user-agent": "FlowHub"}
    for name, value in headers.items():
        if not _HEADER_NAME.fullmatch(name) or _CONTROL.search(value.replace("\t", " ")):
            raise NodeFailed(f"The header {name[:100]!r} holds characters that no header may hold.", is_final=True)
        if name.lower() in OWN_HEADERS:
            raise NodeFailed(f"The header {name!r} cannot be set; the connection decides it.", is_final=True)
        usual[name.lower()] = value
    return [(name.encode("ascii"), value.encode(errors="replace")) for name, value in (own | usual).items()]


def _kept_headers(host: str, raw: Sequence[tuple[bytes, bytes]]) -> dict[str, str]:
    """Lower-case names, repeated ones joined; Set-Cookie is left out: it is a credential and would be recorded."""
    if sum(len(name) + len(value) for name, value in raw) > MAX_HEADERS:
        raise NodeFailed(f"{host} answered with more than {MAX_HEADERS // 1024} KiB of headers.")
    kept: dict[str, str] = {}
    for name, value in ((name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in raw):
        if name not in ("set-cookie", "set-cookie2"):
            kept[name] = f"{kept[name]}, {value}" if name in kept else value
    return kept


class _ArrivingBody:
    """Collects a body, undoing gzip, and stops at the cap before more than the cap has been decoded."""

    def __init__(self, host: str, encoding: str, limit: int) -> None:
        if encoding.strip().lower() not in ("", "identity", "gzip", "x-gzip"):
            raise NodeFailed(f"{host} answered with the encoding {encoding[:100]!r}; only gzip was offered.")
        self._host = host
        self._limit = limit
        self._gzip = zlib.decompressobj(zlib.MAX_WBITS | 16) if "gzip" in encoding.lower() else None
        self._decoded = bytearray()

    def add(self, chunk: bytes) -> None:
        if self._gzip is None:
            self._take(chunk)
        while self._gzip is not None and chunk:
            if self._gzip.eof:
                self._gzip = zlib.decompressobj(zlib.MAX_WBITS | 16)
            try:
                self._take(self._gzip.decompress(chunk, self._limit - len(self._decoded) + 1))
            except zlib.error as error:
                raise NodeFailed(f"{self._host} answered with gzip that cannot be read: {error}.") from error
            chunk = self._gzip.unconsumed_tail or self._gzip.unused_data

    def _take(self, piece: bytes) -> None:
        self._decoded += piece
        if len(self._decoded) > self._limit:
            raise NodeFailed(f"{self._host} answered with more than {self._limit:,} bytes; ask for less at a time.")

    def whole(self) -> bytes:
        if self._decoded and self._gzip is not None and not self._gzip.eof:
            raise NodeFailed(f"{self._host} answered with gzip that ends too early.")
        return bytes(self._decoded)


def deepest(error: BaseException) -> BaseException:
    while error.__cause__ is not None:
        error = error.__cause__
    return error
