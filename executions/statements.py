"""The SQL of the ledger, made once for each database: the ORM would cost more than the flow that is recorded."""

import uuid
from datetime import datetime
from typing import Any

from django.db import connection

from executions.models import Execution
from executions.status import Status

Row = dict[str, Any]


class _Statements:
    """Column order and value adapters for one kind of database."""

    def __init__(self) -> None:
        quote = connection.ops.quote_name
        self.columns = [str(field.column) for field in Execution._meta.concrete_fields]
        self.table = quote(Execution._meta.db_table)
        self.insert = f"INSERT INTO {self.table} ({', '.join(map(quote, self.columns))}) VALUES "
        self.one_row = "(" + ", ".join(["%s"] * len(self.columns)) + ")"
        self.if_pending = f"WHERE {quote('id')} = %s AND {quote('status')} = '{Status.PENDING.value}'"
        self.quote = quote
        self.native_uuid = connection.features.has_native_uuid_field

    def adapt(self, value: Any) -> Any:
        """A Python value as the database driver takes it."""
        if isinstance(value, uuid.UUID):
            return value if self.native_uuid else value.hex
        if isinstance(value, datetime):
            return connection.ops.adapt_datetimefield_value(value)
        return value


_made: dict[str, _Statements] = {}


def _statements() -> _Statements:
    if connection.vendor not in _made:
        _made[connection.vendor] = _Statements()
    return _made[connection.vendor]


def insert(rows: list[Row]) -> None:
    """Insert executions with one statement; a row is columns by name, and what it leaves out is NULL."""
    if not rows:
        return
    sql = _statements()
    adapt = sql.adapt
    values = [adapt(row.get(column)) for row in rows for column in sql.columns]
    with connection.cursor() as cursor:
        cursor.execute(sql.insert + ", ".join([sql.one_row] * len(rows)), values)


def update_pending(execution_id: uuid.UUID, row: Row) -> bool:
    """Change columns of an execution that is still pending; returns whether it was."""
    sql = _statements()
    changes = ", ".join(f"{sql.quote(column)} = %s" for column in row)
    values = [sql.adapt(value) for value in (*row.values(), execution_id)]
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE {sql.table} SET {changes} {sql.if_pending}", values)
        return bool(cursor.rowcount)
