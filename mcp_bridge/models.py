"""API keys: what an AI client or a script shows to be let in."""

import hashlib
import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, Self

from django.conf import settings
from django.db import models, transaction
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from flows.models import CALLS, VisibleQuerySet
from flows.values.scopes import CALLS_ONLY, EVERYTHING

KEY_START = "fh_"
PREFIX_LENGTH = 11
MAX_OVERLAP_SECONDS = 7 * 86_400
"""How long the text of before a rotation may go on to let somebody in."""


def hash_key(key: str) -> str:
    """SHA-256 as hex: enough for 32 random bytes, and quick enough to check on every call."""
    return hashlib.sha256(key.encode()).hexdigest()


def new_key() -> str:
    """The text of a key."""
    return KEY_START + secrets.token_urlsafe(32)


def client_id_of(key_id: int) -> str:
    """What tells a key from all other callers, for ever."""
    return f"key:{key_id}"


class ApiKeyQuerySet(VisibleQuerySet["ApiKey"]):
    """API keys, seen by their owner."""

    server = ""

    def usable(self, now: datetime) -> Self:
        """Keys that let somebody in at `now`."""
        in_time = Q(expires_at__isnull=True) | Q(expires_at__gt=now)
        return self.filter(in_time, revoked_at__isnull=True, owner__is_active=True)

    def of_text(self, hashed: str, now: datetime) -> Self:
        """The key whose text has this hash: the text of now, or while both work the one before."""
        return self.filter(Q(key_hash=hashed) | Q(former_hash=hashed, former_until__gt=now))


def calls_only() -> list[str]:
    """The scopes of a key for which nothing else is chosen."""
    return list(CALLS_ONLY)


class ApiKey(models.Model):
    """A key of a person: 32 random bytes shown once; only its prefix and SHA-256 are stored.

    After a rotation the text of before works until `former_until`.
    """

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="api_keys")
    name = models.CharField(max_length=100, help_text="Who or what uses it; shown with every call.")
    prefix = models.CharField(max_length=PREFIX_LENGTH, editable=False)
    key_hash = models.CharField(max_length=64, unique=True, editable=False)
    former_hash = models.CharField(max_length=64, unique=True, null=True, editable=False)  # noqa: DJ001 (unique)
    former_until = models.DateTimeField(null=True, editable=False)
    # A flag of its own: a key whose only server is deleted must not open all the others.
    all_servers = models.BooleanField(default=True, help_text="It opens every server that its owner may see.")
    servers = models.ManyToManyField(
        "flows.Server", blank=True, related_name="api_keys", help_text="The servers it opens, unless it opens all."
    )
    tools = models.JSONField(default=list, blank=True, help_text="Tool names it may call. Empty: all.")
    scopes = models.JSONField(default=calls_only, blank=True, help_text="What it may do: names of `Scope`.")
    calls_per_minute = models.PositiveIntegerField(
        null=True, blank=True, validators=CALLS, help_text="Empty: as many as come."
    )
    calls_at_once = models.PositiveIntegerField(
        null=True,
        blank=True,
        validators=CALLS,
        help_text="In each process. Empty: so many that others do not starve.",
    )
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True, db_default=Now())

    objects = ApiKeyQuerySet.as_manager()

    class Meta:
        verbose_name = "API key"
        verbose_name_plural = "API keys"
        ordering = ["-created_at", "-id"]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"

    @classmethod
    def issue(
        cls,
        owner: Any,
        name: str,
        *,
        expires_at: datetime | None = None,
        servers: Iterable[Any] | None = None,
        tools: Iterable[str] = (),
        scopes: Iterable[str] = CALLS_ONLY,
        calls_per_minute: int | None = None,
        calls_at_once: int | None = None,
        key: str = "",
    ) -> tuple["ApiKey", str]:
        """Make and store a key; returns it with the text that is shown this once.

        With `servers` it opens those alone, with `tools` it calls those alone. `key` is given by tests and the demo,
        which must know it beforehand.
        """
        key = key or new_key()
        stored = cls.objects.create(
            owner=owner,
            name=name,
            prefix=key[:PREFIX_LENGTH],
            key_hash=hash_key(key),
            expires_at=expires_at,
            all_servers=servers is None,
            tools=list(tools),
            scopes=list(scopes),
            calls_per_minute=calls_per_minute,
            calls_at_once=calls_at_once,
        )
        stored.servers.set(servers or ())
        return stored, key

    @property
    def principal_id(self) -> str:
        """What tells it from all other callers, for ever."""
        return client_id_of(self.pk)

    @property
    def is_usable(self) -> bool:
        """Whether the key itself still lets somebody in."""
        return self.revoked_at is None and (self.expires_at is None or self.expires_at > timezone.now())

    @property
    def may_everything(self) -> bool:
        """Whether it may do whatever its owner may."""
        return self.all_servers and not self.tools and set(self.scopes) == set(EVERYTHING)

    @property
    def overlap_until(self) -> datetime | None:
        """Until when the text of before the last rotation works too; None when it does not."""
        until = self.former_until
        return until if until is not None and until > timezone.now() else None

    def change(self, **values: Any) -> None:
        """Store new values of what `issue` takes; `servers` is None for every one."""
        with transaction.atomic():
            if "servers" in values:
                servers = values.pop("servers")
                self.all_servers = values["all_servers"] = servers is None
                self.servers.set(servers or ())
            for name, value in values.items():
                setattr(self, name, list(value) if name in ("tools", "scopes") else value)
            self.save(update_fields=list(values))

    def rotate(self, overlap: timedelta) -> str:
        """Give the key another text, which is shown this once; that of now works for `overlap` longer.

        One that was still working from an earlier rotation ends now.
        """
        key = new_key()
        self.former_hash, self.former_until = self.key_hash, timezone.now() + overlap
        self.key_hash, self.prefix = hash_key(key), key[:PREFIX_LENGTH]
        self.save(update_fields=["former_hash", "former_until", "key_hash", "prefix"])
        return key

    def revoke(self) -> None:
        """End the key; a second time changes nothing."""
        ApiKey.objects.filter(pk=self.pk, revoked_at__isnull=True).update(revoked_at=timezone.now())
        self.refresh_from_db(fields=["revoked_at"])
