"""Send a request, and follow where it is redirected to, if the flow allows that; each step is guarded as the first."""

import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlencode, urljoin, urlsplit

from flows.engine.errors import NodeFailed
from flows.engine.node import HttpClient, HttpResponse
from flows.nodes.credentials import NO_CREDENTIAL, Credential

MAX_REDIRECTS = 3
"""How many redirects one request may follow."""

_STATUSES = frozenset({301, 302, 303, 307, 308})
_PORTS = {"http": 80, "https": 443}
# What may go to another origin: any other header may be a credential.
_HARMLESS = frozenset({"accept", "accept-language", "content-type", "user-agent"})


@dataclass(frozen=True, slots=True)
class OutgoingRequest:
    """What is sent; the credential belongs to the origin of the URL. A query that is a text is sent as it is."""

    method: str
    url: str
    headers: Mapping[str, str]
    query: Mapping[str, str | list[str]] | str
    content: bytes | None
    credential: Credential

    @property
    def whole_query(self) -> Mapping[str, str | list[str]] | str:
        """The query with what the credential adds to it."""
        added = self.credential.query
        if isinstance(self.query, str):
            return "&".join(filter(None, (self.query, urlencode(added, errors="replace"))))
        return {**self.query, **added}

    def redirected(self, status: int, url: str) -> "OutgoingRequest":
        """What is sent to the next address (RFC 9110 15.4); raises NodeFailed where that would give something away."""
        if urlsplit(self.url).scheme == "https" and urlsplit(url).scheme == "http":
            raise NodeFailed(f"{place(self.url)} redirects from https to http, which is not followed.")
        following = replace(self, url=url, query={})
        if (status == 303 and self.method != "HEAD") or (status in (301, 302) and self.method == "POST"):
            headers = {name: value for name, value in self.headers.items() if name.lower() != "content-type"}
            following = replace(following, method="GET", content=None, headers=headers)
        if origin(url) == origin(self.url):
            return following
        if following.content is not None:
            raise NodeFailed(f"The request is redirected to {place(url)}, to which its body is not sent.")
        harmless = {name: value for name, value in following.headers.items() if name.lower() in _HARMLESS}
        return replace(following, headers=harmless, credential=NO_CREDENTIAL)


async def send(
    http: HttpClient, request: OutgoingRequest, *, timeout: float, most: int = 0, expect: Collection[int] = ()
) -> HttpResponse:
    """Send a request and follow up to `most` redirects, all within `timeout` seconds; a status in `expect` ends it.

    Raises NodeFailed without an answer, and for a redirect that must not be followed.
    """
    ends_at = time.monotonic() + timeout
    for left in range(most, -1, -1):
        response = await http.request(
            request.method,
            request.url,
            headers=request.credential.with_headers(request.headers),
            query=request.whole_query,
            content=request.content,
            timeout=timeout if left == most else max(ends_at - time.monotonic(), 0.001),
        )
        location = response.headers.get("location")
        if not left or response.status not in _STATUSES or response.status in expect or not location:
            break
        request = request.redirected(response.status, urljoin(response.url, location))
    return response


def origin(url: str) -> tuple[str, str, int | None]:
    """Scheme, host and port of an address: what a credential belongs to."""
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or "", parts.port or _PORTS.get(parts.scheme)


def place(url: str) -> str:
    """Host and path, for messages: a query may hold credentials."""
    parts = urlsplit(url)
    return f"{parts.netloc.rpartition('@')[2]}{parts.path}"
