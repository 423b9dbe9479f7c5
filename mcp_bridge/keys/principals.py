"""Who calls: an API key in `Authorization: Bearer` becomes a principal, remembered for a moment."""

import asyncio
import hashlib
import threading
import time
from collections import OrderedDict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any

from django.db.models import Q
from django.utils import timezone
from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser, authorization_context
from mcp.server.auth.provider import AccessToken

from executions.admission.addresses import address_of
from executions.admission.allowances import Allowance, of_key
from executions.database import in_database
from flows.models import servers_shared_with
from flows.values.scopes import OF_TOOLS, KeyLimits, Scope, held
from mcp_bridge.keys import guesses
from mcp_bridge.models import KEY_START, ApiKey, client_id_of, hash_key

REMEMBER_SECONDS = 0.9
"""How long a verified key is believed without asking the database; revocation takes effect within a second."""

USED_EVERY = timedelta(minutes=1)
_MAX_REMEMBERED = 10_000
"""Keys that one process remembers; who was not seen for longest is asked of the database again."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Who a key lets in, to what, and what for.

    Two are equal while the key lets the same text in to the same things, whatever it is called.
    """

    key_id: int
    owner_id: int
    name: str = field(compare=False)
    sees_all: bool
    limits: KeyLimits
    scopes: frozenset[str]
    member_of: frozenset[int]
    """The servers that others own and share with the key's owner."""
    text_hash: str = field(repr=False)
    """Of the text that was shown: after a rotation a key has two for a while."""
    calls_per_minute: int | None = field(default=None, compare=False)
    calls_at_once: int | None = field(default=None, compare=False)
    id: str = field(init=False)
    """What tells this key from all others, for ever."""
    allowance: Allowance = field(init=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "id", client_id_of(self.key_id))
        object.__setattr__(self, "allowance", of_key(self.id, self.calls_per_minute, self.calls_at_once))

    def is_the_same_as(self, other: "Principal") -> bool:
        """Whether nothing of the key has changed, not even what does not decide who is let in."""
        return (self, self.name, self.allowance) == (other, other.name, other.allowance)

    def may_use(self, server_id: int, owner_id: int | None) -> bool:
        """Whether the key opens this server: one it names, else one that its owner owns or is a member of."""
        is_named = self.limits.server_ids is None or server_id in self.limits.server_ids
        return is_named and (self.sees_all or owner_id == self.owner_id or server_id in self.member_of)

    def may_call(self, tool_name: str) -> bool:
        """Whether the key may see and call this tool."""
        return self.limits.tools is None or tool_name in self.limits.tools


class KeyUser(AuthenticatedUser):
    """The SDK's user for a key; sessions are bound to its client id, issuer and subject."""

    def __init__(self, principal: Principal) -> None:
        super().__init__(
            AccessToken(
                token="",
                client_id=principal.id,
                scopes=sorted(principal.scopes),
                subject=f"user:{principal.owner_id}",
                claims={"iss": "flowhub"},
            )
        )
        self.principal = principal
        self.context = authorization_context(self)
        """By which the SDK knows whose a session is."""


class KeyRing:
    """Verifies keys against the database and remembers the good ones for REMEMBER_SECONDS."""

    def __init__(self) -> None:
        self._known: OrderedDict[bytes, tuple[float, KeyUser]] = OrderedDict()
        self._asking: dict[bytes, asyncio.Task[KeyUser | None]] = {}
        """Known keys that the database is asked about once more: whoever comes meanwhile with one waits along."""

    async def user_for(self, key: str, scope: Mapping[str, Any]) -> KeyUser | None:
        """The user behind a key, or None when it is unknown, expired, revoked or its owner was switched off.

        `scope` is that of the ASGI request. Raises TooManyGuesses in place of None, for an address from which many
        unknown keys came.
        """
        if not key.startswith(KEY_START) or len(key) > 200:
            return None
        # No key stays in memory. What the database knows it by is asked for only there.
        digest = hashlib.sha256(key.encode()).digest()
        known = self._known.get(digest)
        if known is not None and known[0] > time.monotonic():
            return known[1]
        if known is None:
            return await self._ask(key, digest, address_of(scope))
        loop, asking = asyncio.get_running_loop(), self._asking.get(digest)
        if asking is None or asking.get_loop() is not loop:
            asking = self._asking[digest] = loop.create_task(self._ask(key, digest, address_of(scope)))
            asking.add_done_callback(partial(self._asked, digest))
            # Who hangs up takes the answer from nobody.
            return await asyncio.shield(asking)
        try:
            user = await asyncio.shield(asking)
        except TooManyGuesses:
            user = None
        # What is refused is refused for the address of each.
        return user or await self._ask(key, digest, address_of(scope))

    def _asked(self, digest: bytes, asking: "asyncio.Task[KeyUser | None]") -> None:
        self._asking.pop(digest, None)
        if not asking.cancelled():
            asking.exception()  # is told to whoever still waits

    async def _ask(self, key: str, digest: bytes, address: str) -> KeyUser | None:
        known = self._known.get(digest)
        _guessers.refuse_at_once(digest.hex(), address)
        principal = await in_database(lambda: verify(key, address))
        if principal is None:
            self._known.pop(digest, None)
            return None
        is_same = known is not None and known[1].principal.is_the_same_as(principal)
        user = known[1] if known is not None and is_same else KeyUser(principal)
        self._known[digest] = time.monotonic() + REMEMBER_SECONDS, user
        self._known.move_to_end(digest)
        if len(self._known) > _MAX_REMEMBERED:
            self._known.popitem(last=False)
        return user


class TooManyGuesses(Exception):
    """An unknown key from an address from which many came: it is told so, and for how many seconds that lasts."""

    def __init__(self, seconds: int) -> None:
        super().__init__(f"Too many unknown API keys came from this address. Check the key; again in {seconds} s.")
        self.seconds = seconds


class _Guessers:
    """The addresses from which many unknown keys came, and what the usable keys are known by: both of a moment ago.

    A key from there is compared with that, so that a guess costs no query, and a right key is let in whoever guesses
    beside it.
    """

    def __init__(self) -> None:
        self._hashes: frozenset[str] = frozenset()
        self._seconds: dict[str, int] = {}
        self._until = 0.0
        self._lock = threading.Lock()

    def refuse(self, hashed: str, address: str) -> None:
        """Raise TooManyGuesses when this was guessed; may ask the database."""
        seconds = guesses.of_key(address).seconds
        if not seconds:
            return
        with self._lock:
            if time.monotonic() > self._until:
                rows = ApiKey.objects.usable(timezone.now()).values_list("key_hash", "former_hash")
                self._hashes = frozenset(each for row in rows for each in row if each)
                self._seconds = {}
                self._until = time.monotonic() + REMEMBER_SECONDS
            if hashed in self._hashes:
                return
            self._seconds[address] = seconds
        raise TooManyGuesses(seconds)

    def refuse_at_once(self, hashed: str, address: str) -> None:
        """The same as far as it is known: on an event loop."""
        seconds = self._seconds.get(address)
        if seconds and hashed not in self._hashes and time.monotonic() < self._until:
            raise TooManyGuesses(seconds)


_guessers = _Guessers()


def verify(text: str, address: str = "") -> Principal | None:
    """Look a key up and note that it was used, at most once a minute; None for one that lets nobody in.

    Raises TooManyGuesses in place of None, for an address from which many unknown keys came.
    """
    now, hashed = timezone.now(), hash_key(text)
    _guessers.refuse(hashed, address)
    key = ApiKey.objects.usable(now).of_text(hashed, now).select_related("owner").first()
    if key is None:
        guesses.of_key(address).begin()
        return None
    stale = Q(last_used_at__isnull=True) | Q(last_used_at__lt=now - USED_EVERY)
    if key.last_used_at is None or key.last_used_at < now - USED_EVERY:
        ApiKey.objects.filter(stale, pk=key.pk).update(last_used_at=now)
    return _principal(key, hashed)


def _principal(key: ApiKey, hashed: str) -> Principal:
    scopes, tools = held(key.scopes), frozenset(key.tools) or None
    return Principal(
        key_id=key.pk,
        owner_id=key.owner_id,
        name=f"key {key.name}",
        sees_all=key.owner.is_superuser,
        limits=KeyLimits(None if key.all_servers else frozenset(server.pk for server in key.servers.all()), tools),
        scopes=scopes if tools is None else scopes & OF_TOOLS,
        member_of=frozenset(servers_shared_with(key.owner, Scope.CALL)),
        text_hash=hashed,
        calls_per_minute=key.calls_per_minute,
        calls_at_once=key.calls_at_once,
    )


def outdated(principals: Collection[Principal]) -> set[int]:
    """The keys of those whom their key does not let in any more as it did.

    It was revoked, narrowed down, given another text, has expired, or its owner was switched off.
    """
    now = timezone.now()
    keys = ApiKey.objects.usable(now).filter(pk__in={each.key_id for each in principals})
    current = {
        _principal(key, hashed)
        for key in keys.select_related("owner").prefetch_related("servers")
        for hashed in (key.key_hash, key.former_hash if key.overlap_until else None)
        if hashed is not None and Scope.CALL in key.scopes
    }
    return {each.key_id for each in principals if each not in current}


key_ring = KeyRing()
"""The key ring of this process."""
