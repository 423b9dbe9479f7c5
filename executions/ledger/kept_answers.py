"""Answers that are kept for whoever comes back for them: whole, encrypted, and for a bounded time.

The record of an execution may be cut and redacted; what a client is given later must be what it would have been given
at once. It is encrypted like secrets are, so it can be read by every process that has the keys, also after a restart.
"""

import json
import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Sum

from executions.ledger import statements
from executions.models import CallKey, KeptAnswer
from flows.adapters import vault

KEPT_HOURS = 24
KEPT = timedelta(hours=KEPT_HOURS)
"""From the end of an execution: a client that comes back the next day still gets its answer.

Idempotency keys lead to their execution for as long, so that whoever calls again with a key is given the answer, and
not told that there is none any more.
"""

MAX_BYTES = 1024**3
"""What all kept answers may take; the oldest go first. One is at most as large as MAX_ANSWER_BYTES lets it be."""


def sealed(execution_id: uuid.UUID, answer: dict[str, Any], now: datetime) -> KeptAnswer:
    """An answer in its stored form, not stored yet. Slow for a large one: call it in a worker thread."""
    token = vault.encrypt(json.dumps(answer), _place(execution_id))
    return KeptAnswer(execution_id=execution_id, size=len(token), expires_at=now + KEPT, encrypted=token)


def write(answers: Iterable[KeptAnswer]) -> None:
    """Store answers in the current transaction; one that is there already stays. The ledger alone calls this."""
    for answer in answers:
        statements.insert_new(answer)


def opened(execution_id: uuid.UUID, now: datetime) -> dict[str, Any] | None:
    """The answer as it was sealed; None when none is kept, or when the key that it was encrypted with is gone."""
    found = KeptAnswer.objects.filter(pk=execution_id, expires_at__gt=now).first()
    if found is None:
        return None
    try:
        answer: dict[str, Any] = json.loads(vault.decrypt(found.encrypted, _place(execution_id)))
    except vault.Unreadable:
        return None
    return answer


def _place(execution_id: uuid.UUID) -> str:
    return f"answer/{execution_id}"


def expire(now: datetime) -> None:
    """Delete answers and idempotency keys whose time is over, and the oldest answers beyond MAX_BYTES."""
    for model in (KeptAnswer, CallKey):
        old = model._base_manager.filter(expires_at__lte=now)
        if old.exists():  # a DELETE takes SQLite's write lock even when there is nothing to delete
            old.delete()
    excess = (KeptAnswer.objects.aggregate(total=Sum("size"))["total"] or 0) - MAX_BYTES
    if excess > 0:
        KeptAnswer.objects.filter(pk__in=_oldest(excess)).delete()


def _oldest(excess: int) -> list[uuid.UUID]:
    """The answers that have to go to make `excess` characters of room."""
    found = []
    for pk, size in KeptAnswer.objects.order_by("expires_at").values_list("pk", "size").iterator():
        if excess <= 0:
            break
        found.append(pk)
        excess -= size
    return found
