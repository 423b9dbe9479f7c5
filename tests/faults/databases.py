"""The databases that the fault tests break, read directly: what a server says of its own records proves nothing."""

import json
import os
import shutil
import sqlite3
import subprocess
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

import psycopg
from psycopg import conninfo, sql

from tests.conftest import unavailable

POSTGRES = os.environ.get("FLOWHUB_TEST_POSTGRES") or "postgres://postgres@127.0.0.1:5432/postgres"


@dataclass(frozen=True, slots=True)
class Row:
    """One stored execution."""

    id: str
    tool: str
    flow_id: int | None
    owner_id: int | None
    flow_name: str
    status: str
    started_at: datetime
    ended_at: datetime | None
    arguments: Any
    result: Any
    error: Any
    error_kind: str
    nodes: Any
    client: str

    @property
    def key(self) -> tuple[str, str, str]:
        """What tells one call from another: no two calls of a test have the same."""
        return self.client, self.tool, json.dumps(self.arguments, sort_keys=True)


_ROWS = (
    "SELECT id, flow_tool_name, flow_id, owner_id, flow_name, status, started_at, ended_at, initial_params, result, "
    "error_info, error_kind, node_executions, caller FROM executions_execution ORDER BY started_at"
)
_COUNTS = "SELECT flow_key, status, number FROM executions_executioncount WHERE hour = -1"


class Database(Protocol):
    """One database of one test."""

    url: str

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        """Run one statement on a connection of its own."""

    def locked(self) -> Any:
        """A context in which nobody else can write."""


def rows(database: Database) -> list[Row]:
    """Every stored execution, oldest first."""
    return [_row(*values) for values in database.query(_ROWS)]


def pending(database: Database, tool: str = "slow_report", node: str = "") -> int:
    """How many executions of a tool are pending; those alone that show a node of this name, if there is one."""
    statement = f"SELECT count(*) FROM executions_execution WHERE status = 'pending' AND flow_tool_name = '{tool}'"
    if node:
        statement += f" AND CAST(node_executions AS text) LIKE '%\"{node}\"%'"
    return int(database.query(statement)[0][0])


def counters(database: Database) -> dict[tuple[int, str], int]:
    """The kept counters of all hours together, by flow and status."""
    found: Counter[tuple[int, str]] = Counter()
    for flow_key, status, number in database.query(_COUNTS):
        found[flow_key, status] += number
    return {key: number for key, number in found.items() if number}


def recounted(found: list[Row]) -> dict[tuple[int, str], int]:
    """What the counters should say."""
    return dict(Counter((row.flow_id or 0, row.status) for row in found))


def _row(*values: Any) -> Row:
    id_, tool, flow_id, owner_id, name, status, started, ended, arguments, result, error, kind, nodes, caller = values
    return Row(
        id=str(uuid.UUID(str(id_))),
        tool=tool,
        flow_id=flow_id,
        owner_id=owner_id,
        flow_name=name,
        status=status,
        started_at=_moment(started),
        ended_at=_moment(ended) if ended else None,
        arguments=_json(arguments),
        result=_json(result),
        error=_json(error),
        error_kind=kind,
        nodes=_json(nodes),
        client=_json(caller).get("clientName", ""),
    )


def _json(text: str | None) -> Any:
    # psycopg reads a column of PostgreSQL's type json by itself.
    return json.loads(text) if isinstance(text, str) else text


def _moment(value: Any) -> datetime:
    return value if isinstance(value, datetime) else datetime.fromisoformat(value)


class Sqlite:
    """A database file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.url = f"sqlite:///{path}"

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self.path, timeout=20, isolation_level=None, check_same_thread=False)

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        """Run one statement on a connection of its own."""
        with closing(self._connect()) as connection:
            return connection.execute(statement).fetchall()

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the one write lock that SQLite has."""
        with closing(self._connect()) as connection:
            connection.execute("BEGIN IMMEDIATE")
            yield
            connection.execute("ROLLBACK")


class Postgres:
    """A database of the PostgreSQL server that the tests may use, made from a template and dropped at the end."""

    def __init__(self, name: str, template: str = "template1") -> None:
        self.name = name
        self.url = address(name)
        _administer(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template)))

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        """Run one statement on a connection of its own."""
        with psycopg.connect(self.url) as connection:
            return connection.execute(statement).fetchall()

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep everybody else from writing executions."""
        with psycopg.connect(self.url) as connection:
            connection.execute("LOCK TABLE executions_execution IN EXCLUSIVE MODE")
            yield
            connection.rollback()

    def cut_off(self) -> None:
        """Refuse new connections and end the open ones: to its clients the server is gone."""
        self._allow("false")
        self.end_connections()

    def let_in(self) -> None:
        """Undo `cut_off`."""
        self._allow("true")

    def end_connections(self) -> None:
        """End every connection; new ones are let in."""
        statement = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = {}"
        _administer(sql.SQL(statement).format(self.name))

    def _allow(self, value: str) -> None:
        statement = "ALTER DATABASE {} ALLOW_CONNECTIONS {}"
        _administer(sql.SQL(statement).format(sql.Identifier(self.name), sql.SQL(value)))

    def drop(self) -> None:
        """Remove it, whoever is still connected."""
        _administer(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(self.name)))


def _administer(statement: sql.Composed) -> None:
    with psycopg.connect(POSTGRES, autocommit=True) as connection:
        connection.execute(statement)


def address(name: str, *, port: int | None = None) -> str:
    """The URL of a database on the tests' PostgreSQL server, or on something that stands before it on `port`."""
    parts = conninfo.conninfo_to_dict(POSTGRES)
    password = f":{parts['password']}" if parts.get("password") else ""
    host = "127.0.0.1" if port else parts.get("host", "127.0.0.1")
    return f"postgres://{parts.get('user', 'postgres')}{password}@{host}:{port or parts.get('port', 5432)}/{name}"


def needs_postgres() -> None:
    """End the test where no PostgreSQL server answers."""
    try:
        psycopg.connect(POSTGRES, connect_timeout=5).close()
    except psycopg.OperationalError as error:
        unavailable(f"no PostgreSQL at FLOWHUB_TEST_POSTGRES or 127.0.0.1:5432: {error}")


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[Path]:
    """A disk of its own that can be filled; ends the test where mounting is not allowed."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "flowhub-test", str(folder)]
    if shutil.which("mount") is None or subprocess.run(command, capture_output=True, check=False).returncode:
        unavailable("a small tmpfs cannot be mounted here: that takes root and the right to mount")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(disk: Path) -> Path:
    """Write until the disk is full; deleting the returned file makes room again."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file:
        for size in (1 << 20, 1 << 12, 1):
            while _written(file, size):
                pass
    return ballast


def _written(file: Any, size: int) -> bool:
    try:
        return bool(file.write(b"\0" * size) == size)
    except OSError:
        return False
