"""Drafts that ran: a draft changes after its executions, so its definition is kept, once for all of them."""

import hashlib
import json
from datetime import UTC, datetime
from typing import Any

from executions.models import KeptDraft


def digest_of(definition: Any) -> str:
    """The key of a definition, the same in whatever order its keys stand."""
    text = json.dumps(definition, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def keep(digest: str, definition: Any) -> None:
    """Keep the definition of an execution that is about to begin, or keep it longer."""
    now = datetime.now(UTC)
    if not KeptDraft.objects.filter(pk=digest).update(kept_at=now):
        KeptDraft.objects.bulk_create([KeptDraft(pk=digest, definition=definition, kept_at=now)], ignore_conflicts=True)
