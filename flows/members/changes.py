"""Who belongs to a server, and what changes that: another role, leaving, a new owner. Every change is in the audit log.

A key of a member is asked for its owner's memberships at least once a second, so all of it reaches clients by then.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from flows.access.roles import Role
from flows.audit.log import record
from flows.models import Membership, Server
from flows.publishing import announcements


class Refused(Exception):
    """What cannot be done with the members of a server, in a sentence that says what to do instead."""


@dataclass(frozen=True, slots=True)
class Member:
    """A person of a server; the owner is one."""

    user: Any
    role: str
    since: datetime


Handed = Callable[[Server, int | None], None]
"""Called inside the transaction in which a server changes hands, with the server as it is then and its former owner."""
_listeners: list[Handed] = []


def when_handed_over(listener: Handed) -> None:
    """Have `listener` called whenever a server changes hands."""
    if listener not in _listeners:
        _listeners.append(listener)


def members_of(server: Server) -> list[Member]:
    """The owner, when there is one, then the members in the order in which they came."""
    owner = [Member(server.owner, Role.OWNER.value, server.created_at)] if server.owner else []
    rows = server.memberships.select_related("user").order_by("created_at", "pk")
    return owner + [Member(row.user, row.role, row.created_at) for row in rows]


def join(server: Server, user: Any, role: str) -> bool:
    """Make somebody a member, or give a member a greater role; whether that changed anything."""
    ranks = list(Role)
    with transaction.atomic():
        if server.owner_id == user.pk:
            return False
        row = Membership.objects.select_for_update().filter(server=server, user=user).first()
        if row is not None and ranks.index(Role(row.role)) >= ranks.index(Role(role)):
            return False
        Membership.objects.update_or_create(server=server, user=user, defaults={"role": role})
        record("joined", user, server, f"as {role}")
    return True


def change_role(server: Server, user: Any, role: str) -> None:
    """Give a member another role; raises Refused for who is none, and ValueError for what is no role of a member."""
    if role not in (Role.VIEWER, Role.EDITOR, Role.PUBLISHER):
        raise ValueError(role)
    with transaction.atomic():
        row = _membership(server, user)
        if row.role == role:
            return
        former, row.role = row.role, role
        row.save(update_fields=["role"])
        record("changed role", user, server, f"{former} to {role}")


def remove(server: Server, user: Any) -> None:
    """End a membership; raises Refused for the owner, and for who is no member."""
    with transaction.atomic():
        row = _membership(server, user)
        record("removed member", user, server, f"was {row.role}")
        row.delete()


def transfer(server: Server, user: Any) -> None:
    """Make a member the owner; the old owner becomes a publisher. Raises Refused for who is no member."""
    with transaction.atomic():
        row = _membership(server, user)
        if not user.is_active:
            raise Refused(f"{user.get_username()} is switched off, and cannot own a server.")
        row.delete()
        hand_over(server, user)


def hand_over(server: Server, user: Any) -> None:
    """Make anybody the owner, whom the old owner, where there is one, serves as a publisher from then on."""
    with transaction.atomic():
        stored = Server.objects.select_for_update().get(pk=server.pk)
        former = stored.owner
        if former is not None and former.pk == user.pk:
            return
        Membership.objects.filter(server=server, user=user).delete()
        if former is not None:
            Membership.objects.update_or_create(server=server, user=former, defaults={"role": Role.PUBLISHER.value})
        # Before the owner changes: the entry belongs to both, and the log shows it to who owns the server now.
        record("transferred", stored, stored, f"from {former or 'nobody'} to {user.get_username()}")
        Server.objects.filter(pk=server.pk).update(owner=user, updated_at=timezone.now())
        server.owner = stored.owner = user
        for listener in _listeners:
            listener(stored, former.pk if former else None)
        announcements.announce(server.slug)


def _membership(server: Server, user: Any) -> Membership:
    """The locked membership of a person; raises Refused when there is none."""
    if server.owner_id == user.pk:
        raise Refused("This is the owner. Transfer the server to another member first.")
    row = Membership.objects.select_for_update().filter(server=server, user=user).first()
    if row is None:
        raise Refused(f"{user.get_username()} is not a member of this server.")
    return row
