"""Invitations: a link that makes whoever opens it a member of a server, once and within a week.

Its token is 32 random bytes, of which only the SHA-256 is stored: nobody guesses one, and who reads the database has
none. A link that was opened by somebody who is not signed in waits in the session, as the id of its row, until that
person is.
"""

import hashlib
import secrets
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from flows.access.actors import actor
from flows.audit.log import record
from flows.members.changes import Refused, join
from flows.models import Invitation, Server

DAYS = 7
"""How long an invitation is good for."""
MAX_INVITATIONS = 100
"""Invitations of one server that nobody has used yet."""
SESSION = "invitation"
"""Under what the session keeps the id of an invitation that was opened before the login."""


def invite(server: Server, role: str, email: str = "") -> tuple[Invitation, str]:
    """Make an invitation; returns it with its link, which is shown this once. Raises Refused when there are many."""
    token = secrets.token_urlsafe(32)
    with transaction.atomic():
        if server.invitations.usable().count() >= MAX_INVITATIONS:
            raise Refused(f"This server has {MAX_INVITATIONS} open invitations: revoke some first.")
        made = Invitation.objects.create(
            server=server,
            token_hash=_hash(token),
            role=role,
            email=email,
            expires_at=timezone.now() + timedelta(days=DAYS),
            created_by_id=actor().user_id,
        )
        record("invited", made, server, f"as {role}" + (f", for {email}" if email else ""))
    return made, settings.PUBLIC_URL + reverse("flows:invitation-link", args=[token])


def find(token: str) -> Invitation | None:
    """The usable invitation of a token; None for one that is unknown, used, revoked or too old."""
    return Invitation.objects.usable().select_related("server").filter(token_hash=_hash(token)).first()


def opened(session: Any) -> Invitation | None:
    """The usable invitation that this browser has opened; None when there is none."""
    return Invitation.objects.usable().select_related("server").filter(pk=session.get(SESSION)).first()


def accept(user: Any, invitation_id: int) -> Invitation | None:
    """Make somebody a member by an invitation, which is used then; None when it lets nobody in any more.

    Who is that, or more, already stays it, and the invitation is good for somebody else.
    """
    with transaction.atomic():
        rows = Invitation.objects.select_for_update().select_related("server").usable()
        found = rows.filter(pk=invitation_id).first()
        if found is not None and join(found.server, user, found.role):
            found.used_at = timezone.now()
            found.save(update_fields=["used_at"])
    return found


def revoke(invitation: Invitation) -> None:
    """End an invitation."""
    with transaction.atomic():
        record("revoked invitation", invitation, invitation.server, f"as {invitation.role}")
        invitation.delete()


def accept_at_login(sender: Any, request: Any, user: Any, **kwargs: Any) -> None:
    """What was opened before the login is accepted by it."""
    waiting = getattr(request, "session", {}).pop(SESSION, None) if request is not None else None
    if waiting is None:
        return
    found = accept(user, waiting)
    say = f"You are a member of {found.server.name} now." if found else "That invitation is not good any more."
    messages.info(request, say, fail_silently=True)


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
