"""The SQL of the ledger, made once for each database: the ORM would cost more than the flow that is recorded."""

import uuid
from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import Model

from executions.models import Execution
from executions.record.status import Status

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
        self.adapters: dict[type, Callable[[Any], Any]] = {}

        if connection.vendor == "sqlite":
            # What Django's backend does, without asking the settings for the time zone each time: all moments are UTC.
            self.adapters[uuid.UUID] = lambda value: value.hex
            self.adapters[datetime] = lambda value: str(value.replace(tzinfo=None))

    def adapt(self, value: Any) -> Any:
        """A Python value as the database driver takes it."""
        adapter = self.adapters.get(type(value))
        return value if adapter is None else adapter(value)


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
    find = sql.adapters.get
    values = []
    for row in rows:
        for column in sql.columns:
            value = row.get(column)
            adapter = find(type(value))
            values.append(value if adapter is None else adapter(value))
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


def insert_new(row: Model) -> bool:
    """Insert a row unless one with its primary key is there; returns whether it was inserted.

    While another transaction inserts the same key, this waits for its end.
    """
    sql, fields = _statements(), row._meta.concrete_fields
    columns = ", ".join(sql.quote(str(field.column)) for field in fields)
    places = ", ".join(["%s"] * len(fields))
    table = sql.quote(row._meta.db_table)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} ({columns}) VALUES ({places}) ON CONFLICT DO NOTHING",
            [sql.adapt(getattr(row, str(field.attname))) for field in fields],
        )
        return bool(cursor.rowcount)
