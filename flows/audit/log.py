"""The audit log is written here, by the services that change something, in the transaction that changes it."""

from collections.abc import Collection, Iterable
from datetime import timedelta
from typing import Any

from django.utils import timezone

from flows.access.actors import actor
from flows.models import AuditEntry, Server

EDITING = timedelta(minutes=10)
"""Somebody who stores the same draft over and over, as the canvas does, is one entry in so long."""
MAX_WHAT = 500
"""Characters that an entry of the audit log says of a change."""


def record(action: str, thing: Any, server: Server | None = None, what: str = "", owner_id: int | None = None) -> None:
    """Say that who acts now did this to a thing, a row of a model; inside the transaction that does it.

    `what` has no secret in it. `owner_id` is whose the thing is, when it belongs to no server.
    """
    who = actor()
    AuditEntry.objects.create(
        user_id=who.user_id,
        user_name=who.name[:150],
        key_name=who.key_name[:100],
        door=who.door,
        action=action,
        server_id=server.pk if server else None,
        server_slug=server.slug if server else "",
        owner_id=server.owner_id if server else owner_id,
        kind=thing._meta.verbose_name,
        object_id=str(thing.pk or ""),
        object_name=str(thing)[:200],
        what=what if len(what) <= MAX_WHAT else f"{what[: MAX_WHAT - 1]}…",
    )


def record_edit(thing: Any, server: Server, names: Collection[str]) -> None:
    """Say that who acts now changed the draft of a thing, unless that is said of the last minutes already."""
    who, of_thing = actor(), AuditEntry.objects.filter(server=server, kind=thing._meta.verbose_name, object_id=thing.pk)
    last = of_thing.order_by("-id").first()
    if last is not None and last.at > timezone.now() - EDITING:
        is_same = (last.user_id, last.key_name, last.door) == (who.user_id, who.key_name, who.door)
        if is_same and last.action == "edited" and set(names) <= set(last.what.split(", ")):
            return
    record("edited", thing, server, ", ".join(names))


def changed(row: Any, stored: Any, names: Iterable[str]) -> list[str]:
    """Those of the fields in which a row differs from what is stored."""
    return [name for name in names if getattr(row, name) != getattr(stored, name)]
