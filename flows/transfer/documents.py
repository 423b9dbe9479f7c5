"""OpenAPI documents between the pages of an import: kept for a day for who brought them, in the database.

A page that takes a document keeps it and goes on with its id; the pages after it, in whatever process they are made,
have it again by that id. So no page sends megabytes back and forth.
"""

import zlib
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from flows.models import KeptDocument, Server

KEPT_HOURS = 24
MAX_DOCUMENTS = 5
"""Documents that are kept for one person; one more takes the place of the oldest."""


def keep(user: Any, server: Server, source: bytes, listing: bytes | None = None, choices: Any = None) -> int:
    """Keep a document as it came, read or not, and return its id; the caller has seen that `user` may see `server`.

    `listing` and `choices` are kept beside it, for `flows.transfer.choosing`.

    What is older than a day goes, whoever brought it, and so does this person's sixth.
    """
    packed = zlib.compress(source, 1)
    with transaction.atomic():
        row = KeptDocument(owner=user, server=server, packed=packed, listing=listing, choices=choices or {})
        row.save()
        KeptDocument.objects.filter(created_at__lt=timezone.now() - timedelta(hours=KEPT_HOURS)).delete()
        newest = KeptDocument.objects.filter(owner=user).values_list("pk", flat=True)[:MAX_DOCUMENTS]
        KeptDocument.objects.filter(owner=user).exclude(pk__in=list(newest)).delete()
    return int(row.pk)


def kept(user: Any, server: Server, document_id: Any) -> KeptDocument:
    """A document, its listing and what was chosen; raises Http404 when it is gone, another's or of another server."""
    return KeptDocument.objects.visible_or_404(user, pk=document_id, server=server)


def unpacked(row: KeptDocument) -> bytes:
    """The document as it came, for `openapi.read`."""
    return zlib.decompress(row.packed)
