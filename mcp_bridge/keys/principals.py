"""Who calls: an API key in `Authorization: Bearer` becomes a principal, remembered for a moment."""

import hashlib
import time
from collections import OrderedDict
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import timedelta

from django.db.models import Q
from django.utils import timezone
from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.auth.provider import AccessToken

from executions.database import in_database
from mcp_bridge.models import KEY_START, ApiKey, hash_key

REMEMBER_SECONDS = 0.9
"""How long a verified key is believed without asking the database; revocation takes effect within a second."""

USED_EVERY = timedelta(minutes=1)
_MAX_REMEMBERED = 10_000
"""Keys that one process remembers; who was not seen for longest is asked of the database again."""


def client_id_of(key_id: int) -> str:
    """What tells a key from all other callers, for ever."""
    return f"key:{key_id}"


@dataclass(frozen=True, slots=True)
class Principal:
    """Who a key lets in, and to what; `server_ids` and `tools` are None when it is not limited."""

    key_id: int
    owner_id: int
    name: str
    sees_all: bool
    server_ids: frozenset[int] | None
    tools: frozenset[str] | None
    id: str = field(init=False)
    """What tells this key from all others, for ever."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "id", client_id_of(self.key_id))

    def may_use(self, server_id: int, owner_id: int | None) -> bool:
        """Whether the key opens this server: one it names, else one of its owner."""
        if self.server_ids is not None:
            return server_id in self.server_ids and (self.sees_all or owner_id == self.owner_id)
        return self.sees_all or owner_id == self.owner_id

    def may_call(self, tool_name: str) -> bool:
        """Whether the key may see and call this tool."""
        return self.tools is None or tool_name in self.tools


class KeyUser(AuthenticatedUser):
    """The SDK's user for a key; sessions are bound to its client id, issuer and subject."""

    def __init__(self, principal: Principal) -> None:
        super().__init__(
            AccessToken(
                token="",
                client_id=principal.id,
                scopes=["mcp:call"],
                subject=f"user:{principal.owner_id}",
                claims={"iss": "flowhub"},
            )
        )
        self.principal = principal


class KeyRing:
    """Verifies keys against the database and remembers the good ones for REMEMBER_SECONDS."""

    def __init__(self) -> None:
        self._known: OrderedDict[bytes, tuple[float, KeyUser]] = OrderedDict()

    async def user_for(self, key: str) -> KeyUser | None:
        """The user behind a key, or None when it is unknown, expired, revoked or its owner was switched off."""
        if not key.startswith(KEY_START) or len(key) > 200:
            return None
        # No key stays in memory. What the database knows it by is asked for only there.
        digest = hashlib.sha256(key.encode()).digest()
        known = self._known.get(digest)
        if known is not None and known[0] > time.monotonic():
            return known[1]
        principal = await in_database(lambda: verify(key))
        if principal is None:
            self._known.pop(digest, None)
            return None
        user = known[1] if known is not None and known[1].principal == principal else KeyUser(principal)
        self._known[digest] = time.monotonic() + REMEMBER_SECONDS, user
        self._known.move_to_end(digest)
        if len(self._known) > _MAX_REMEMBERED:
            self._known.popitem(last=False)
        return user


def verify(text: str) -> Principal | None:
    """Look a key up and note that it was used, at most once a minute."""
    now = timezone.now()
    key = ApiKey.objects.usable(now).filter(key_hash=hash_key(text)).select_related("owner").first()
    if key is None:
        return None
    stale = Q(last_used_at__isnull=True) | Q(last_used_at__lt=now - USED_EVERY)
    if key.last_used_at is None or key.last_used_at < now - USED_EVERY:
        ApiKey.objects.filter(stale, pk=key.pk).update(last_used_at=now)
    server_ids = None if key.all_servers else frozenset(key.servers.values_list("pk", flat=True))
    return Principal(
        key_id=key.pk,
        owner_id=key.owner_id,
        name=f"key {key.name}",
        sees_all=key.owner.is_superuser,
        server_ids=server_ids,
        tools=frozenset(key.tools) or None,
    )


def unusable(key_ids: Collection[int]) -> set[int]:
    """Those of the keys that let nobody in any more: revoked, expired, deleted, or of somebody who was switched off."""
    usable = ApiKey.objects.usable(timezone.now()).filter(pk__in=key_ids)
    return set(key_ids) - set(usable.values_list("pk", flat=True))


key_ring = KeyRing()
"""The key ring of this process."""
