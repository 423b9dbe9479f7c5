"""The counters that pages read instead of counting executions: what a change adds to them, and how it is written."""

from collections import Counter
from datetime import UTC, datetime
from typing import NamedTuple

from django.db import connection, transaction
from django.db.models import CharField, Count
from django.db.models.functions import Cast, Substr

from executions.ledger import statements
from executions.models import TRIALS, Execution, ExecutionCount

ALL_HOURS = ExecutionCount.ALL_HOURS
_ROWS_A_STATEMENT = 500


class CountKey(NamedTuple):
    """Under what an execution is counted, besides its status; 0 for no flow and no owner."""

    flow_key: int
    owner_key: int
    hour: int
    is_trial: bool = False


class CountChanges(Counter[tuple[int, int, str, int, bool]]):
    """What a transaction adds to the counters, by (flow, hour, status, owner, whether it is a trial)."""

    def count(self, key: CountKey, status: str, number: int = 1) -> None:
        """Add executions of one status to their hour and to all hours together."""
        self[key.flow_key, key.hour, status, key.owner_key, key.is_trial] += number
        self[key.flow_key, ALL_HOURS, status, key.owner_key, key.is_trial] += number

    def move(self, key: CountKey, before: str, after: str) -> None:
        """An execution changed its status."""
        self.count(key, before, -1)
        self.count(key, after)


def hour_of(moment: datetime) -> int:
    """Hours since 1970-01-01 UTC."""
    return int(moment.timestamp()) // 3600


def start_of(hour: int) -> datetime:
    """The first moment of an hour."""
    return datetime.fromtimestamp(hour * 3600, UTC)


def key_of(flow_id: int | None, owner_id: int | None, started_at: datetime, source: str) -> CountKey:
    """Under what an execution with these columns is counted."""
    return CountKey(flow_id or 0, owner_id or 0, hour_of(started_at), source in TRIALS)


def key_of_execution(execution: Execution) -> CountKey:
    """Under what a stored execution is counted."""
    return key_of(execution.flow_id, execution.owner_id, execution.started_at, execution.source)


def write(changes: CountChanges) -> None:
    """Add the changes inside the current transaction; in one order, so that two processes cannot block each other."""
    rows = sorted((key, number) for key, number in changes.items() if number)
    for start in range(0, len(rows), _ROWS_A_STATEMENT):
        _write_some(rows[start : start + _ROWS_A_STATEMENT])


def _write_some(rows: list[tuple[tuple[int, int, str, int, bool], int]]) -> None:
    table = connection.ops.quote_name(ExecutionCount._meta.db_table)
    statements.execute(
        f"INSERT INTO {table} (flow_key, hour, status, owner_key, is_trial, number) "
        f"VALUES {statements.places(connection.vendor, 6, len(rows))} "
        "ON CONFLICT (flow_key, hour, status, owner_key, is_trial) "
        f"DO UPDATE SET number = {table}.number + excluded.number",
        [value for key, number in rows for value in (*key, number)],
    )


def recount() -> None:
    """Make the counters anew from the executions themselves; for seeded data and after a restored backup.

    One pass over the table, a few seconds for a million executions; calls that end meanwhile wait to be recorded.
    """
    with transaction.atomic():
        if connection.vendor == "postgresql":  # on SQLite the transaction alone keeps everybody from counting
            table = connection.ops.quote_name(ExecutionCount._meta.db_table)
            with connection.cursor() as cursor:
                cursor.execute(f"LOCK TABLE {table} IN EXCLUSIVE MODE")
        changes = CountChanges()
        # The hour is cut out of the time's text, which is the same on both databases.
        hours = Execution.objects.annotate(hour=Substr(Cast("started_at", CharField()), 1, 13))
        groups = hours.values_list("flow_id", "owner_id", "status", "hour", "source").annotate(number=Count("pk"))
        for flow_id, owner_id, status, hour, source, number in groups.order_by().iterator(chunk_size=10_000):
            start = datetime.fromisoformat(f"{hour}:00+00:00")
            changes.count(key_of(flow_id, owner_id, start, source), status, number)
        ExecutionCount.objects.all().delete()
        write(changes)
