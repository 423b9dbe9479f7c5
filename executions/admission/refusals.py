"""Calls over a limit, counted by caller, flow, server and minute: they leave no execution, so that no disk fills."""

import threading
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from django.db import transaction
from django.db.models import F

from executions.models import RefusedCalls

KEPT = timedelta(days=7)
"""How long the counts are kept: a row a minute at most for each caller and flow."""


class Counted(NamedTuple):
    """Under what a refused call is counted; the keys are 0 where no such flow or server is known."""

    minute: int
    principal_id: str
    flow_key: int
    server_key: int


def minute_of(moment: datetime) -> int:
    """Minutes since 1970-01-01 UTC."""
    return int(moment.timestamp()) // 60


class Refusals:
    """What this process has refused and not written yet."""

    def __init__(self) -> None:
        self._numbers: Counter[Counted] = Counter()
        self._lock = threading.Lock()

    def count(self, principal_id: str, flow_key: int, server_key: int) -> None:
        """Count one call; from any thread."""
        counted = Counted(minute_of(datetime.now(UTC)), principal_id, flow_key, server_key)
        with self._lock:
            self._numbers[counted] += 1

    def write(self) -> None:
        """Add what was counted to the table, and take away what is older than KEPT; from a worker thread.

        Raises DatabaseError; then nothing is lost.
        """
        with self._lock:
            numbers, self._numbers = self._numbers, Counter()
        if not numbers:
            return
        rows = sorted(numbers.items())  # in one order, so that two processes cannot block each other
        try:
            with transaction.atomic():
                RefusedCalls.objects.filter(minute__lt=minute_of(datetime.now(UTC) - KEPT)).delete()
                new = [RefusedCalls(**counted._asdict(), number=0) for counted, _ in rows]
                RefusedCalls.objects.bulk_create(new, ignore_conflicts=True)
                for counted, number in rows:
                    RefusedCalls.objects.filter(**counted._asdict()).update(number=F("number") + number)
        except BaseException:
            with self._lock:
                self._numbers += numbers
            raise


refusals = Refusals()
"""The refusals of this process; its heart writes them."""
