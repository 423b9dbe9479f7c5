"""Access tokens by OAuth 2 client credentials (RFC 6749 4.4), kept in the process until they expire.

The guarded client alone asks for them: no redirect is followed, so id and secret go to the address that is named.
"""

import asyncio
import base64
import json
import re
import threading
import time
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from urllib.parse import quote_plus, urlencode, urlsplit

from flows.engine.errors import NodeFailed
from flows.engine.node import HttpClient, HttpResponse, Json
from flows.values.http_status import in_words, is_final, retry_after

MAX_TOKENS = 1_000
"""Access tokens that one process keeps; beyond it, the one that was got first goes."""
MAX_TOKEN_ANSWER = 64 * 1024
"""Bytes of a token endpoint's answer that is read."""
MAX_TOKEN_SECONDS = 30
"""Seconds that a token endpoint may take for its answer."""

_MARGIN = 60.0
"""Seconds before its end in which a token is not used any more; of a short life, a tenth."""
_UNSAID = 300.0
"""Seconds for which a token is kept whose end nobody told."""
_MOST = 24 * 3600.0
_SHOWN = 300
_TOKEN = re.compile(r"[\x21-\x7e]{1,16384}")

Fetch = Callable[[], Awaitable[tuple[str, float]]]
"""Gets a token, and for how many seconds it may be kept."""


@dataclass(frozen=True, slots=True)
class _Kept:
    token: str
    ends_at: float


class _GivenUp(Exception):
    """Who was fetching a token has stopped; somebody else does it."""


class AccessTokens:
    """Tokens by what they are got with. One call fetches, on whatever event loop, and the others wait for it."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: dict[bytes, _Kept] = {}
        self._coming: dict[bytes, Future[str]] = {}

    async def get(self, key: bytes, fetch: Fetch) -> tuple[str, bool]:
        """A token, and whether it was kept from before; raises what `fetch` raises."""
        while True:
            with self._lock:
                kept = self._kept.get(key)
                if kept is not None and self._clock() < kept.ends_at:
                    return kept.token, True
                coming = self._coming.get(key)
                if coming is None:
                    mine = self._coming[key] = Future()
                    # From now on, who waits and is cancelled does not cancel it for the others.
                    mine.set_running_or_notify_cancel()
                    break
            try:
                return await asyncio.wrap_future(coming), False
            except _GivenUp:
                continue
        try:
            token, seconds = await fetch()
        except BaseException as error:
            self._settle(key)
            mine.set_exception(error if isinstance(error, Exception) else _GivenUp())
            raise
        self._settle(key, _Kept(token, self._clock() + seconds))
        mine.set_result(token)
        return token, False

    def forget(self, key: bytes, token: str) -> None:
        """Keep this token no more, if it is still the one that is kept."""
        with self._lock:
            kept = self._kept.get(key)
            if kept is not None and kept.token == token:
                del self._kept[key]

    def _settle(self, key: bytes, kept: _Kept | None = None) -> None:
        with self._lock:
            del self._coming[key]
            self._kept.pop(key, None)
            if kept is not None and self._clock() < kept.ends_at:
                self._kept[key] = kept
                if len(self._kept) > MAX_TOKENS:
                    del self._kept[next(iter(self._kept))]


access_tokens = AccessTokens()


def key_of(auth: Mapping[str, Json]) -> bytes:
    """What a token is kept under: only who has the same secret for the same client at the same address finds it."""
    names = ("tokenUrl", "clientId", "secret", "scopes", "clientAuth", "tokenParameters")
    return sha256(json.dumps([auth.get(name) for name in names], sort_keys=True).encode()).digest()


async def fetched(http: HttpClient, auth: Mapping[str, Json]) -> tuple[str, float]:
    """A new token and the seconds for which it may be kept; raises NodeFailed that says what the endpoint answered."""
    client, secret = auth["clientId"], auth["secret"]
    form = {"grant_type": "client_credentials"}
    headers = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json"}
    if auth.get("scopes", "").strip():
        form["scope"] = " ".join(auth["scopes"].split())
    if auth.get("clientAuth") == "body":
        form |= {"client_id": client, "client_secret": secret}
    else:
        # Both are encoded as in a form before they become a pair (RFC 6749 2.3.1).
        pair = f"{quote_plus(client, errors='replace')}:{quote_plus(secret, errors='replace')}"
        headers["authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
    form |= auth.get("tokenParameters", {})
    content = urlencode(form, errors="replace").encode()
    answer = await http.request(
        "POST", auth["tokenUrl"], headers=headers, content=content, timeout=float(MAX_TOKEN_SECONDS)
    )
    found = _read(answer)
    if not 200 <= answer.status < 300:
        raise _refusal(auth, answer, found)
    host, token, kind = urlsplit(auth["tokenUrl"]).hostname, found.get("access_token"), found.get("token_type")
    if not isinstance(token, str) or not _TOKEN.fullmatch(token):
        raise NodeFailed(
            f"{host} gave no access token: it answered {in_words(answer.status)} without an access_token in a JSON "
            "object that can be sent. Check the token URL."
        )
    # Some leave it out, some write it in words of their own.
    if kind is not None and not str(kind).lower().startswith("bearer"):
        raise NodeFailed(f"{host} gave an access token of the type {str(kind)[:40]!r}; only bearer tokens can be sent.")
    return token, _seconds(found.get("expires_in"))


def _read(answer: HttpResponse) -> dict[str, Any]:
    """The answer as a JSON object; an empty one for anything else."""
    if len(answer.body) > MAX_TOKEN_ANSWER:
        return {}
    try:
        found = json.loads(answer.body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _seconds(given: Any) -> float:
    """How long a token is kept that lasts for so many seconds, which some write as a text."""
    try:
        lasts = float(given)
    except (TypeError, ValueError):
        lasts = _UNSAID
    lasts = min(lasts, _MOST) if lasts == lasts else _UNSAID
    return lasts - min(_MARGIN, lasts / 10)


def _refusal(auth: Mapping[str, Json], answer: HttpResponse, found: Mapping[str, Any]) -> NodeFailed:
    """What the endpoint said, and what to change."""
    error, description = (
        " ".join(part.split())[:_SHOWN] if isinstance(part := found.get(name), str) else ""
        for name in ("error", "error_description")
    )
    said = "".join(f": {part}" for part in (error, description.rstrip(".")) if part)
    other = "basic" if auth.get("clientAuth") == "body" else "body"
    if 300 <= answer.status < 400:
        cure = "Redirects are not followed there; give the address that it leads to as the token URL"
    elif answer.status == 429 or answer.status >= 500:
        cure = "Try again later"
    elif error == "invalid_scope":
        cure = "Check the scopes"
    elif error == "invalid_client" or answer.status == 401:
        cure = f"Check the client id and its secret, and whether the client shows itself by {other} there"
    else:
        cure = "Check the token URL, the client id and its secret, and what is asked for"
    return NodeFailed(
        f"{urlsplit(auth['tokenUrl']).hostname} gave no access token: it answered {in_words(answer.status)}{said}. "
        f"{cure}.",
        is_final=is_final(answer.status),
        retry_after=retry_after(answer.headers.get("retry-after", "")),
    )
