"""What the database holds of handshake sessions, so that they outlive the process that opened them.

One insert a session, before its client has the id; a row is read where a process does not have the session open, and
again every REREAD_SECONDS while messages of it come, for what other processes have changed.
"""

from collections.abc import Iterable
from datetime import timedelta
from itertools import count
from typing import Any

from django.db.models.functions import Now
from django.utils import timezone

from mcp_bridge.models import HandshakeSession

REREAD_SECONDS = 5.0
KEPT_FOR = timedelta(days=7)
"""How long a session that nobody uses can be taken up again."""
TOUCHED_EVERY = timedelta(hours=1)
"""How exact `used_at` is."""
MAX_OF_HOLDER = 1_000
"""Kept sessions of one key or connected client; beyond that the longest unused are forgotten."""
MAX_OF_STRANGERS = 10_000
"""The same of all callers without a key together."""
MAX_HANDSHAKE_BYTES = 32 * 1024
"""Of what a client says of itself; the session of one that says more ends with its process."""
TIDY_EVERY = 20
"""One insert in so many looks for what is too old or too much."""

_inserts = count()


def keep(session: HandshakeSession, most: int) -> None:
    """Store a session, of whose holder `most` are kept; one that shakes hands again replaces what it said before."""
    said = ["holder", "handshake", "level", "uris", "offered"]
    rows = HandshakeSession.objects
    rows.bulk_create([session], update_conflicts=True, unique_fields=["id"], update_fields=said)
    if next(_inserts) % TIDY_EVERY == 0:
        rows.filter(used_at__lt=Now() - KEPT_FOR).delete()
        newest_first = rows.filter(holder=session.holder).order_by("-used_at", "-id")
        rows.filter(pk__in=list(newest_first.values_list("pk", flat=True)[most:])).delete()


def find(session_id: str, server_id: int, holder: str) -> HandshakeSession | None:
    """A session of this server and holder; None when there is none that is kept."""
    rows = HandshakeSession.objects.filter(pk=session_id)
    found = rows.filter(server_id=server_id, holder=holder, used_at__gt=Now() - KEPT_FOR).first()
    if found is not None and found.used_at < timezone.now() - TOUCHED_EVERY:
        rows.update(used_at=Now())
    return found


def uris_of(session_ids: Iterable[str]) -> dict[str, list[str]]:
    """The resources that sessions have subscribed to."""
    return dict(HandshakeSession.objects.filter(pk__in=list(session_ids)).values_list("pk", "uris"))


def change(session_id: str, **values: Any) -> None:
    """Store what a client has set since."""
    HandshakeSession.objects.filter(pk=session_id).update(**values)


def end(session_id: str) -> None:
    """Nobody may take it up any more."""
    HandshakeSession.objects.filter(pk=session_id).delete()
