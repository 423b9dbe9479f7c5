"""The SQL of the ledger, made once for each database: the ORM would cost more than the flow that is recorded.

It goes straight to the driver of the calling thread's connection, which keeps prepared what it has seen before.
"""

import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from datetime import datetime
from functools import lru_cache
from typing import Any, Protocol

from django.db import DEFAULT_DB_ALIAS, connection, connections
from django.db.models import DateTimeField, Model, UUIDField

from executions.models import Execution
from executions.record import moments
from executions.record.status import Status

Row = dict[str, Any]


_PYTHON_OF = {UUIDField: uuid.UUID, DateTimeField: datetime}


class _Statements:
    """Column order and value adapters for one kind of database."""

    def __init__(self) -> None:
        quote = connection.ops.quote_name
        self.place = "?" if connection.vendor == "sqlite" else "%s"
        self.begin = "BEGIN IMMEDIATE" if connection.vendor == "sqlite" else "BEGIN"
        self.columns = [str(field.column) for field in Execution._meta.concrete_fields]
        self.table = quote(Execution._meta.db_table)
        self.insert = f"INSERT INTO {self.table} ({', '.join(map(quote, self.columns))}) VALUES "
        self.if_pending = f"WHERE {quote('id')} = {self.place} AND {quote('status')} = '{Status.PENDING.value}'"
        self.quote = quote
        self.adapters: dict[type, Callable[[Any], Any]] = {}

        self.cursor: Callable[[Any], Done] = lambda driver: driver.cursor()

        if connection.vendor == "sqlite":
            # What Django's backend does, without asking the settings for the time zone each time: all moments are UTC.
            self.adapters[uuid.UUID] = lambda value: f"{value.int:032x}"
            self.adapters[datetime] = lambda value: moments.text_of(value, " ")
        else:
            # Django's own cursor writes values into the statement, in Python.
            from psycopg import Cursor

            self.cursor = Cursor

        kinds = [type(getattr(field, "target_field", field)) for field in Execution._meta.concrete_fields]
        adapted = [(place, self.adapters.get(_PYTHON_OF.get(kind, str))) for place, kind in enumerate(kinds)]
        self.adapted = [(place, adapter) for place, adapter in adapted if adapter is not None]
        """The places of an execution's columns whose values the driver does not take as they are."""

    def adapt(self, value: Any) -> Any:
        """A Python value as the database driver takes it."""
        adapter = self.adapters.get(type(value))
        return value if adapter is None else adapter(value)


_made: dict[str, _Statements] = {}


def _here() -> tuple[Any, _Statements]:
    """The calling thread's connection, looked up once a statement: each look costs a microsecond; and its SQL."""
    here = connections[DEFAULT_DB_ALIAS]
    if here.vendor not in _made:
        _made[here.vendor] = _Statements()
    return here, _made[here.vendor]


@lru_cache(maxsize=1_000)
def places(vendor: str, columns: int, rows: int = 1) -> str:
    """The places of the values of so many rows, as they stand after VALUES."""
    place = "?" if vendor == "sqlite" else "%s"
    row = "(" + ", ".join([place] * columns) + ")"
    return ", ".join([row] * rows)


class Done(Protocol):
    """A statement that was sent; `changed` tells how many rows it changed."""

    def execute(self, sql: str, values: Sequence[Any], /) -> Any:
        """Send it."""

    @property
    def rowcount(self) -> int:
        """Below zero while the answer has not been read."""


def execute(sql: str, values: Sequence[Any] = ()) -> Done:
    """Run a statement of the database's own kind in the current transaction.

    Inside of `transaction` PostgreSQL is sent statements without waiting for answers: an error may come with a later
    one.
    """
    here, made = _here()
    return _execute(here, made, sql, values)


def _execute(here: Any, made: _Statements, sql: str, values: Sequence[Any] = ()) -> Done:
    here.ensure_connection()
    with here.wrap_database_errors:
        done = made.cursor(here.connection)
        done.execute(sql, values)
        return done


def changed(done: Done) -> int:
    """How many rows a statement changed; reads what PostgreSQL has answered so far."""
    if done.rowcount < 0:
        here, _ = _here()
        if here.vendor == "postgresql" and here.connection.pgconn.pipeline_status:
            with here.wrap_database_errors, here.connection.pipeline():
                pass
    return done.rowcount


@contextmanager
def transaction() -> Iterator[None]:
    """A transaction on the calling thread's connection, which no other one may surround; for the writer's thread.

    Django's own keeps books for savepoints and callbacks, which cost as much as an insert. Queries of the ORM inside
    belong to it as long as they need none of their own. On PostgreSQL it is one round trip, besides those of `changed`.
    """
    here, made = _here()
    here.ensure_connection()
    try:
        with here.wrap_database_errors, here.connection.pipeline() if here.vendor == "postgresql" else nullcontext():
            _execute(here, made, made.begin)
            yield
            _execute(here, made, "COMMIT")
    except BaseException:
        try:
            _execute(here, made, "ROLLBACK")
        except Exception:
            here.close()  # which rolls back what is left
        raise


def insert(rows: list[Row]) -> None:
    """Insert executions; a row is columns by name, and what it leaves out is NULL."""
    if not rows:
        return
    here, sql = _here()
    # SQLite gives up the interpreter's lock for each statement; psycopg reads a long statement anew each time.
    size = len(rows) if here.vendor == "sqlite" else 1
    for first in range(0, len(rows), size):
        values: list[Any] = []
        for row in rows[first : first + size]:
            begins = len(values)
            values += map(row.get, sql.columns)
            for place, adapter in sql.adapted:
                if (value := values[begins + place]) is not None:
                    values[begins + place] = adapter(value)
        _execute(here, sql, sql.insert + places(here.vendor, len(sql.columns), size), values)


def update_pending(execution_id: uuid.UUID, row: Row) -> bool:
    """Change columns of an execution that is still pending; returns whether it was."""
    return changed(send_update(execution_id, row)) > 0


def send_update(execution_id: uuid.UUID, row: Row) -> Done:
    """The same without waiting for the answer."""
    here, sql = _here()
    changes = ", ".join(f"{sql.quote(column)} = {sql.place}" for column in row)
    values = [sql.adapt(value) for value in (*row.values(), execution_id)]
    return _execute(here, sql, f"UPDATE {sql.table} SET {changes} {sql.if_pending}", values)


def insert_new(row: Model) -> bool:
    """Insert a row unless one with its primary key is there; returns whether it was inserted.

    While another transaction inserts the same key, this waits for its end.
    """
    (here, sql), fields = _here(), row._meta.concrete_fields
    columns = ", ".join(sql.quote(str(field.column)) for field in fields)
    table, values = sql.quote(row._meta.db_table), [sql.adapt(getattr(row, str(field.attname))) for field in fields]
    line = places(here.vendor, len(fields))
    return (
        changed(_execute(here, sql, f"INSERT INTO {table} ({columns}) VALUES {line} ON CONFLICT DO NOTHING", values))
        > 0
    )
