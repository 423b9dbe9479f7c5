"""The guarded client for a library that brings its own HTTP client: an httpx2 transport over guarded connections.

What httpx2 adds above a transport is the library's business: redirects come here as requests like any other.
"""

from collections.abc import AsyncIterator
from types import TracebackType
from typing import Self

import httpcore2
import httpx2

from flows.adapters import lineage
from flows.adapters.http_client import GuardedClient, checked_url, deepest, no_answer
from flows.engine.errors import NodeFailed

_CONNECTIONS = 4
_DROPPED = (b"set-cookie", b"set-cookie2")
_NOT_SENT = (b"accept-encoding", lineage.HEADER.encode())
"""Headers that are decided here."""
_FAILURES = (httpcore2.NetworkError, httpcore2.TimeoutException, httpcore2.ProtocolError)


class GuardedTransport(httpx2.AsyncBaseTransport):
    """Sends requests to checked addresses only, and takes in at most the client's cap of bytes in all.

    A library may wrap what is raised here beyond recognition, or only log it: `failure` is the first thing that went
    wrong, `status` and `retry_after` are the status and the Retry-After header ("" for none) of the last answer to a
    POST. Other requests are the library's own: to listen, and to take leave.
    """

    def __init__(self, client: GuardedClient) -> None:
        self._pool = client.new_pool(_CONNECTIONS)
        self._most = self._left = client.max_bytes
        self.failure: NodeFailed | None = None
        self.status: int | None = None
        self.retry_after = ""

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request; raises NodeFailed without an answer."""
        host = request.url.host
        try:
            answer = await self._send(request)
            if request.method == "POST":
                self.status, self.retry_after = answer.status, _header(answer, b"retry-after")
            if (encoding := _header(answer, b"content-encoding").lower()) not in ("", "identity"):
                raise NodeFailed(f"{host} answered with the encoding {encoding[:100]!r}; none was offered.")
        except _FAILURES as error:
            raise self._failed(no_answer(host, f"the connection failed ({deepest(error)})")) from error
        except NodeFailed as failed:
            raise self._failed(failed) from failed.__cause__
        headers = [(name, value) for name, value in answer.headers if name.lower() not in _DROPPED]
        return httpx2.Response(answer.status, headers=headers, stream=_Body(self, host, answer))

    async def _send(self, request: httpx2.Request) -> httpcore2.Response:
        url = checked_url(str(request.url))
        headers = [(name, value) for name, value in request.headers.raw if name.lower() not in _NOT_SENT]
        return await self._pool.handle_async_request(
            httpcore2.Request(
                request.method,
                httpcore2.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
                headers=[*headers, (b"accept-encoding", b"identity"), *lineage.headers_for(url.host)],
                content=request.stream,
            )
        )

    def _failed(self, failed: NodeFailed) -> NodeFailed:
        self.failure = self.failure or failed
        return failed

    def count(self, host: str, chunk: bytes) -> None:
        """Take note of bytes that came in; raises NodeFailed beyond the cap."""
        self._left -= len(chunk)
        if self._left < 0:
            raise self._failed(
                NodeFailed(f"{host} answered with more than {self._most:,} bytes; ask for less at a time.")
            )

    def lost(self, host: str, error: BaseException) -> NodeFailed:
        """What a connection that ends within an answer is for a reader."""
        return self._failed(no_answer(host, f"the connection failed ({deepest(error)})"))

    async def __aenter__(self) -> Self:
        await self._pool.__aenter__()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        await self._pool.__aexit__(exc_type, exc_value, traceback)


class _Body(httpx2.AsyncByteStream):
    """The body of an answer as it comes in, counted."""

    def __init__(self, transport: GuardedTransport, host: str, answer: httpcore2.Response) -> None:
        self._transport = transport
        self._host = host
        self._answer = answer

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for chunk in self._answer.aiter_stream():
                self._transport.count(self._host, chunk)
                yield chunk
        except _FAILURES as error:
            raise self._transport.lost(self._host, error) from error

    async def aclose(self) -> None:
        await self._answer.aclose()


def _header(answer: httpcore2.Response, wanted: bytes) -> str:
    found = [value for name, value in answer.headers if name.lower() == wanted]
    return b", ".join(found).decode("latin-1").strip()
