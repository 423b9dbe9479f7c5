"""Idempotency keys: the same key with the same call leads to the same execution, in every process and after a crash."""

import hashlib
import json
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import Q
from django.utils.crypto import salted_hmac

from executions.ledger import statements
from executions.ledger.kept_answers import KEPT
from executions.models import CallKey

MAX_CHARACTERS = 200
"""Of an idempotency key, as the client sends it."""
FOR_EVER = datetime(9000, 1, 1, tzinfo=UTC)

# Part of every stored key: another text would make each key that is under way lead nowhere.
_SALT = "executions.call_keys"


@dataclass(frozen=True, slots=True)
class Claim:
    """A key with the call that it stands for. `scope` is whose key it is, `request` what is asked with it."""

    scope: str
    request: str
    tool_name: str

    @classmethod
    def of(cls, key: str, principal_id: str, server_slug: str, tool_name: str, arguments: Any) -> "Claim":
        """The claim of a caller. The arguments may hold secrets that can be guessed, so their hash is a keyed one."""
        scope = hashlib.sha256(json.dumps([principal_id, server_slug, key]).encode()).hexdigest()
        text = json.dumps(arguments, sort_keys=True, separators=(",", ":"))
        return cls(scope, salted_hmac(_SALT, text, algorithm="sha256").hexdigest(), tool_name)

    def row(self, execution_id: uuid.UUID, started_at: datetime, timeout: float) -> CallKey:
        """What is stored with the execution: it leads there as long as the answer of the latest end may be kept."""
        expires_at = started_at + timedelta(seconds=timeout) + KEPT
        return CallKey(
            scope=self.scope,
            request=self.request,
            tool_name=self.tool_name,
            execution_id=execution_id,
            expires_at=expires_at,
        )


def take(row: CallKey, now: datetime) -> bool:
    """Store a key in the current transaction, unless somebody has it; returns whether it is ours. For the ledger."""
    CallKey.objects.filter(pk=row.pk, expires_at__lte=now)._raw_delete(using="default")
    return statements.insert_new(row)


def find(claim: Claim, now: datetime) -> CallKey | None:
    """The stored key of that scope, whatever call it stands for."""
    return CallKey.objects.filter(pk=claim.scope, expires_at__gt=now).first()


def wait_until(scope: str, moment: datetime | None) -> None:
    """Say to the process that runs the execution that somebody waits for it elsewhere; None: for as long as it runs."""
    moment = moment or FOR_EVER
    earlier = Q(waited_until__isnull=True) | Q(waited_until__lt=moment)
    CallKey.objects.filter(earlier, pk=scope).update(waited_until=moment)


def is_awaited(scope: str, now: datetime) -> bool:
    """Whether somebody in another process waits for the execution."""
    return CallKey.objects.filter(pk=scope, waited_until__gt=now).exists()
