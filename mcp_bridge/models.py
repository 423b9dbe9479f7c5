"""What lets a client in: API keys, and clients that people have connected by signing in."""

import hashlib
import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, ClassVar, Self
from urllib.parse import urlsplit

from django.conf import settings
from django.db import models, transaction
from django.db.models import Q
from django.db.models.functions import Now
from django.http.request import validate_host
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from oauth2_provider.models import AccessToken, Grant, RefreshToken

from flows.audit.log import record
from flows.models import CALLS, VisibleQuerySet
from flows.values.json_column import JsonTextField
from flows.values.scopes import CALLS_ONLY, EVERYTHING

KEY_START = "fh_"
KEY_IDS = "key:"
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
    return f"{KEY_IDS}{key_id}"


def numbers_in(principal_ids: Iterable[str], start: str) -> list[int]:
    """The numbers of the ids that begin so."""
    return [int(each.removeprefix(start)) for each in principal_ids if each.startswith(start)]


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
        with transaction.atomic():
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
            record("made", stored, what=", ".join(stored.scopes), owner_id=owner.pk)
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
            scopes = f"; may: {', '.join(self.scopes)}" if "scopes" in values else ""
            record("changed", self, what=", ".join(values) + scopes, owner_id=self.owner_id)

    def rotate(self, overlap: timedelta) -> str:
        """Give the key another text, which is shown this once; that of now works for `overlap` longer.

        One that was still working from an earlier rotation ends now.
        """
        key = new_key()
        self.former_hash, self.former_until = self.key_hash, timezone.now() + overlap
        self.key_hash, self.prefix = hash_key(key), key[:PREFIX_LENGTH]
        with transaction.atomic():
            self.save(update_fields=["former_hash", "former_until", "key_hash", "prefix"])
            record("rotated", self, owner_id=self.owner_id)
        return key

    def revoke(self) -> None:
        """End the key; a second time changes nothing."""
        with transaction.atomic():
            if ApiKey.objects.filter(pk=self.pk, revoked_at__isnull=True).update(revoked_at=timezone.now()):
                record("revoked", self, owner_id=self.owner_id)
        self.refresh_from_db(fields=["revoked_at"])


SERVER_PATH = "/mcp/"


def slug_in(resource: str) -> str:
    """The slug of the server that a resource indicator names (RFC 8707); empty when it names none of this FlowHub.

    A final slash makes no difference.
    """
    try:
        url = urlsplit(resource)
        host = url.hostname or ""
    except ValueError:
        return ""
    slug = url.path.removeprefix(SERVER_PATH).removesuffix("/")
    is_here = url.scheme in ("http", "https") and validate_host(host, settings.ALLOWED_HOSTS)
    is_whole = resource.startswith(f"{url.scheme}://{url.netloc}{SERVER_PATH}{slug}") and "@" not in url.netloc
    names_one = url.path.startswith(SERVER_PATH) and slug and "/" not in slug
    return slug if is_here and is_whole and names_one and not (url.query or url.fragment) else ""


class ConnectedClientQuerySet(VisibleQuerySet["ConnectedClient"]):
    """Clients that sign in, seen by the person who connected them."""

    owner = "user_id"
    server = ""

    def usable(self) -> Self:
        """Those whose person may still sign in, with what comes along to know whom they let in."""
        return self.filter(user__is_active=True).select_related("user", "application", "server")

    def of_token(self, token: AccessToken | RefreshToken | Grant) -> "ConnectedClient | None":
        """The one that a token belongs to: made for exactly one server, and no change of password since."""
        slugs = [slug_in(each) for each in token.resource or ()]
        if len(slugs) != 1 or not slugs[0]:
            return None
        rows = self.select_related("user").filter(user_id=token.user_id, application_id=token.application_id)
        found = rows.filter(server__slug=slugs[0]).first()
        return found if found is not None and found.is_of_this_password else None

    def end_outdated(self, user: Any) -> None:
        """Disconnect those of a person who was switched off, or has changed the password since."""
        rows = self.filter(user_id=user.pk)
        for client in rows.exclude(password_mark=password_mark_of(user)) if user.is_active else rows:
            client.disconnect()


class ConnectedClient(models.Model):
    """A client that a person has let use a server in their name (OAuth 2.1), until one of them ends it.

    The toolkit has its tokens, which come and go; this stays, and without it they open nothing.
    """

    IDS: ClassVar[str] = "oauth:"

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="connected_clients")
    application = models.ForeignKey("oauth2_provider.Application", on_delete=models.CASCADE)
    server = models.ForeignKey("flows.Server", on_delete=models.CASCADE, related_name="connected_clients")
    password_mark = models.CharField(max_length=64, editable=False, help_text="Changes with the person's password.")
    code_hash = models.CharField(max_length=64, blank=True, editable=False, help_text="Of the last code exchanged.")
    last_used_at = models.DateTimeField(null=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True, db_default=Now())

    objects = ConnectedClientQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["user", "application", "server"], name="connected_once_to_server")
        ]

    def __str__(self) -> str:
        return f"{self.name} of {self.user}, to {self.server}"

    @classmethod
    def connect(cls, user: Any, application: Any, server: Any) -> "ConnectedClient":
        """Let a client use a server in a person's name; a second time it is the same one."""
        mark = password_mark_of(user)
        made, _ = cls.objects.update_or_create(
            user=user, application=application, server=server, defaults={"password_mark": mark}
        )
        return made

    @property
    def principal_id(self) -> str:
        """What tells it from all other callers, for ever."""
        return f"{self.IDS}{self.pk}"

    @property
    def name(self) -> str:
        """What the client calls itself; nobody has verified it."""
        return str(self.application.name or self.application.client_id)

    @property
    def is_of_this_password(self) -> bool:
        """Whether the person has the password with which this was allowed."""
        return constant_time_compare(self.password_mark, password_mark_of(self.user))

    @property
    def has_tokens(self) -> bool:
        """Whether the client has anything left to go on with."""
        return self.is_of_this_password and any(
            self.server.slug in map(slug_in, resource)
            for rows in (
                AccessToken.objects.filter(expires__gt=timezone.now()),
                RefreshToken.objects.filter(revoked=None, access_token__isnull=False),
            )
            for resource in self._of_it(rows).values_list("resource", flat=True)
        )

    def _of_it(self, rows: models.QuerySet[Any]) -> models.QuerySet[Any]:
        return rows.filter(user_id=self.user_id, application_id=self.application_id)

    def disconnect(self) -> None:
        """End it with everything that was given to the client for this server."""
        with transaction.atomic():
            for model in (Grant, AccessToken, RefreshToken):
                rows = self._of_it(model.objects.all()).values_list("pk", "resource")
                ended = [pk for pk, resource in rows if self.server.slug in map(slug_in, resource)]
                model.objects.filter(pk__in=ended).delete()
            self.delete()


def password_mark_of(user: Any) -> str:
    """What changes when a person's password does, as in their sessions."""
    return str(user.get_session_auth_hash())[:64]


class HandshakeSession(models.Model):
    """A session of a client of before MCP 2026-07-28, by which any process takes it up, also after a restart.

    None of the clients that were tried begins anew when its session is gone, though the specification has them do so
    (MCP 2025-11-25, Streamable HTTP, Session Management).
    """

    id = models.CharField(max_length=32, primary_key=True)
    server = models.ForeignKey("flows.Server", on_delete=models.CASCADE, related_name="+")
    holder = models.CharField(max_length=200, help_text="The key, or the client of a person, that it belongs to.")
    handshake = JsonTextField(help_text="The params of initialize, with the protocol version that was agreed on.")
    level = models.CharField(max_length=20, blank=True, help_text="What the client set by logging/setLevel.")
    uris = JsonTextField(default=list, help_text="The resources that it subscribed to.")
    offered = models.CharField(max_length=16, help_text="Tells what the server offered then from what it does now.")
    used_at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes = [
            models.Index(fields=["holder", "used_at"], name="session_of_holder"),
            models.Index(fields=["used_at"], name="session_used"),
        ]

    def __str__(self) -> str:
        return f"session of {self.holder}"
