"""A database of before the migrations were made one a package is migrated, and shows what it held."""

import json
import os
import re
import sqlite3
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db import connection

from executions.models import ID_TOLERANCE
from flows.values.scopes import CALLS_ONLY, EVERYTHING
from tests.live import LiveServer, server_on

HERE = Path(__file__).parent
KEYS = {
    "FLOWHUB_SECRET_KEY": "the upgrade test's key, known to everybody who reads the repository",
    "FLOWHUB_VAULT_KEYS": "the vault key of the database at 500f129",
}

EXECUTIONS, ID = "executions_execution", "CAST(id AS text) AS id"
PAYLOADS = ("initial_params", "node_executions", "result", "error_info", "caller")

pytestmark = [pytest.mark.django_db, pytest.mark.timeout(180)]

Rows = list[dict[str, Any]]
Query = Callable[[str], Rows]


@dataclass(frozen=True)
class Old:
    """A database made at 500f129: FlowHub on it, and what any SQL finds in it."""

    server: LiveServer
    query: Query

    def shell(self, program: str) -> Any:
        """Run a program in FlowHub's environment; the JSON that it prints last."""
        done = self.server.manage("shell", "--no-imports", "-v", "0", "-c", program, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])


def rows_of_sqlite(database: sqlite3.Connection) -> Query:
    def query(sql: str) -> Rows:
        cursor = database.execute(sql)
        return [dict(zip([column[0] for column in cursor.description], row, strict=True)) for row in cursor]

    return query


@contextmanager
def old_sqlite(folder: Path) -> Iterator[Old]:
    database = sqlite3.connect(folder / "flowhub.sqlite3", isolation_level=None)
    database.executescript((HERE / "at_500f129.sqlite.sql").read_text())
    try:
        yield Old(server_on(folder, **KEYS), rows_of_sqlite(database))
    finally:
        database.close()


@contextmanager
def old_postgresql(folder: Path) -> Iterator[Old]:
    """The old schema, and in it the rows of the SQLite dump: PostgreSQL reads each value from the text it is given."""
    source = sqlite3.connect(":memory:")
    source.executescript((HERE / "at_500f129.sqlite.sql").read_text())
    base, name = os.environ["FLOWHUB_DATABASE_URL"].rsplit("/", 1)[0], f"upgrade_{uuid.uuid4().hex}"
    with psycopg.connect(f"{base}/postgres", autocommit=True) as outside:
        outside.execute(f"CREATE DATABASE {name}")
        try:
            with psycopg.connect(f"{base}/{name}", autocommit=True) as database:
                database.execute((HERE / "at_500f129.postgresql.sql").read_text())
                database.execute("SET TIME ZONE 'UTC'")
                # Rows name each other before both are there; keys are looked at when the transaction ends.
                with database.transaction():
                    fill(database, rows_of_sqlite(source))

                def query(sql: str) -> Rows:
                    return database.cursor(row_factory=psycopg.rows.dict_row).execute(sql).fetchall()

                yield Old(server_on(folder, FLOWHUB_DATABASE_URL=f"{base}/{name}", **KEYS), query)
        finally:
            source.close()
            outside.execute(f"DROP DATABASE {name} WITH (FORCE)")


def fill(database: psycopg.Connection[Any], source: Query) -> None:
    for table in tables(source, "sqlite"):
        for row in source(f'SELECT * FROM "{table}"'):
            columns, places = ", ".join(f'"{name}"' for name in row), ", ".join(["%s"] * len(row))
            values = [None if value is None else str(value) for value in row.values()]
            database.execute(f'INSERT INTO "{table}" ({columns}) VALUES ({places})', values)
        counted = f"SELECT 1 FROM information_schema.columns WHERE table_name = '{table}' AND is_identity = 'YES'"
        if database.execute(counted).fetchone():
            last = f'(SELECT coalesce(max(id), 0) + 1 FROM "{table}")'
            database.execute(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), {last}, false)")


OLD = {"sqlite": old_sqlite, "postgresql": old_postgresql}


@dataclass(frozen=True)
class Upgraded:
    """What an old database held before it was migrated, and the database after that.

    `moved` executions had an id that told another start than theirs, and got a new one.
    """

    columns: dict[str, list[str]]
    before: dict[str, list[str]]
    records: dict[str, str]
    table: list[str]
    moved: int
    database: Old


@pytest.fixture(scope="module")
def upgraded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Upgraded]:
    with OLD[connection.vendor](tmp_path_factory.mktemp("upgraded")) as old:
        rows = old.query(f"SELECT {ID}, {', '.join(PAYLOADS)} FROM {EXECUTIONS}")
        records = {row["id"]: repr([row[name] and json.loads(row[name]) for name in PAYLOADS]) for row in rows}
        names, table = columns(old.query), schema(old.query)["executions_execution"]
        before, ids = contents(old.query, names), ids_by_start(old.query)
        old.server.manage("migrate", "--verbosity", "0")
        moved = {ids[start]: key for start, key in ids_by_start(old.query).items() if key != ids[start]}
        for old_id, new_id in moved.items():
            before = {table: sorted(row.replace(old_id, new_id) for row in rows) for table, rows in before.items()}
        records = {str(uuid.UUID(moved.get(key, key))): text for key, text in records.items()}
        yield Upgraded(names, before, records, table, len(moved), old)


def ids_by_start(query: Query) -> dict[str, str]:
    return {row["at"]: row["id"] for row in query(f"SELECT CAST(started_at AS text) AS at, {ID} FROM {EXECUTIONS}")}


def tables(query: Query, vendor: str) -> list[str]:
    listed = {
        "sqlite": "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'",
        "postgresql": "SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public'",
    }
    return sorted(row["name"] for row in query(listed[vendor]))


def columns(query: Query) -> dict[str, list[str]]:
    """The columns of every table that has rows; but of what migrations note of themselves."""
    named = [table for table in tables(query, connection.vendor) if table != "django_migrations"]
    return {table: list(first[0]) for table in named if (first := query(f'SELECT * FROM "{table}" LIMIT 1'))}


def contents(query: Query, old: dict[str, list[str]]) -> dict[str, list[str]]:
    """What stands in these columns of these tables, as the database writes it."""
    found = {}
    for table, names in old.items():
        texts = ", ".join(f'CAST("{name}" AS text) AS "{name}"' for name in names)
        found[table] = sorted(map(repr, query(f'SELECT {texts} FROM "{table}"')))
    return found


def schema(query: Query) -> dict[str, list[str]]:
    """What tables are made of, whatever the order of their columns."""
    if connection.vendor == "sqlite":
        made = query("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%'")
        return {row["name"]: parts(row["sql"]) for row in made}
    named = query(
        "SELECT table_name AS name, concat_ws(' ', column_name, udt_name, character_maximum_length, is_nullable, "
        "column_default, identity_generation) AS part FROM information_schema.columns WHERE table_schema = 'public'"
    )
    constraints = query(
        "SELECT conrelid::regclass::text AS name, concat_ws(' ', conname, pg_get_constraintdef(oid)) AS part "
        "FROM pg_constraint WHERE connamespace = 'public'::regnamespace"
    )
    indexes = query("SELECT tablename AS name, indexdef AS part FROM pg_indexes WHERE schemaname = 'public'")
    found: dict[str, list[str]] = {}
    for row in (*named, *constraints, *indexes):
        found.setdefault(row["name"], []).append(row["part"])
    return {name: sorted(listed) for name, listed in found.items()}


def parts(sql: str) -> list[str]:
    """What stands between the outer brackets, at their commas; an index keeps the order of its columns."""
    head, _, body = sql.partition("(")
    if not head.startswith("CREATE TABLE"):
        return [sql]
    split, depth = [""], 0
    for character in body.rstrip().removesuffix(")"):
        depth += {"(": 1, ")": -1}.get(character, 0)
        if character == "," and depth == 0:
            split.append("")
        else:
            split[-1] += character
    return sorted([head.strip(), *(re.sub(r"\s+", " ", part).strip() for part in split)])


def here(sql: str) -> Rows:
    """What the test's own database, which the migrations made from nothing, finds."""
    with connection.cursor() as cursor:
        cursor.execute(sql.replace("%", "%%"), [])
        return [dict(zip([column[0] for column in cursor.description], row, strict=True)) for row in cursor.fetchall()]


LOOK = """
import json
from django.contrib.auth import get_user_model
from django.test import Client
from executions.models import Execution
from flows.models import Flow, Prompt, Resource, SavedCase, Server
from tests.factories import call

client = Client(headers={"host": "127.0.0.1"})
client.force_login(get_user_model().objects.get(username="admin"))
pages = ["/", "/executions/", "/keys/", "/admin/executions/execution/"]
kinds = {(each.flow_tool_name, each.status, each.error_kind, each.source): each for each in Execution.objects.all()}
for execution in kinds.values():
    pages += [execution.get_absolute_url(), f"/executions/{execution.pk}/", f"/api/executions/{execution.pk}/"]
    pages += [f"/admin/executions/execution/{execution.pk}/change/"]
for flow in Flow.objects.all():
    tabs = ["", "usage/", "test/", "versions/"]
    pages += [f"/flows/{flow.pk}/{tab}" for tab in tabs]
    pages += [f"/api/flows/{flow.pk}/"]
for server in Server.objects.all():
    pages += [f"/servers/{server.pk}/secrets/", f"/servers/{server.pk}/prompts/", f"/servers/{server.pk}/resources/"]
answers = {page: client.get(page, follow=True) for page in pages}
waiting = client.get(Execution.objects.get(flow_tool_name="plan_trip", status="pending").get_absolute_url())
records = {str(each.pk): repr([getattr(each, name) for name in NAMES]) for each in Execution.objects.all()}
called = call(Flow.objects.get(tool_name="greet"), name="Ada", n=1)
print(json.dumps({
    "records": records,
    "opened": len(answers),
    "broken": [page for page, answer in answers.items() if answer.status_code != 200],
    "asks": "Where do you want to go, and how?" in waiting.content.decode(),
    "called": [called.status, called.result["content"][0]["text"]],
    "statuses": sorted(set(Execution.objects.values_list("status", flat=True))),
}))
"""


def test_an_old_database_keeps_every_row_and_becomes_like_a_new_one(upgraded: Upgraded) -> None:
    assert {"flows_secret", "flows_savedcase", "executions_suspension", "executions_keptanswer"} < set(upgraded.before)
    assert columns(upgraded.database.query).keys() == upgraded.before.keys()
    kept = contents(upgraded.database.query, upgraded.columns)
    for table in ("django_content_type", "auth_permission"):  # A new model adds to them.
        assert set(upgraded.before[table]) <= set(kept.pop(table))
    assert kept == {table: rows for table, rows in upgraded.before.items() if table in kept}
    # Keys keep what they could: those without a limit opened REST too.
    texts = "CAST(tools AS text) AS tools, CAST(scopes AS text) AS scopes"
    keys = upgraded.database.query(f"SELECT all_servers, {texts} FROM mcp_bridge_apikey")
    assert {bool(key["all_servers"]) and key["tools"] == "[]" for key in keys} == {True, False}
    for key in keys:
        is_limited = not key["all_servers"] or key["tools"] != "[]"
        assert json.loads(key["scopes"]) == list(CALLS_ONLY if is_limited else EVERYTHING)
    # What was counted before it was told apart counts as calls of clients.
    assert not any(row["is_trial"] for row in upgraded.database.query("SELECT is_trial FROM executions_executioncount"))
    after = schema(upgraded.database.query)
    assert after == schema(here)
    # SQLite adds a column to the table that it has: what would be written anew may be large.
    added = [part for part in after["executions_execution"] if part not in upgraded.table]
    new = ['"draft_digest" varchar(64) NULL', '"request" text NULL', '"sent" text NULL']
    assert (sorted(added) == new) is (connection.vendor == "sqlite")


def test_the_ids_of_an_old_database_sort_as_its_executions_started(upgraded: Upgraded) -> None:
    assert upgraded.moved == 2
    ended = upgraded.database.query(f"SELECT {ID}, started_at FROM {EXECUTIONS} WHERE status <> 'pending' ORDER BY id")
    starts = [datetime.fromisoformat(str(row["started_at"])).replace(tzinfo=UTC) for row in ended]
    told = [datetime.fromtimestamp((uuid.UUID(row["id"]).int >> 80) / 1000, UTC) for row in ended]
    assert [row for row, start, at in zip(ended, starts, told, strict=True) if abs(start - at) > ID_TOLERANCE] == []


def test_an_old_database_is_read_and_shown_and_its_flows_run(upgraded: Upgraded) -> None:
    seen = upgraded.database.shell(f"NAMES = {PAYLOADS}\n{LOOK}")
    assert seen.pop("opened") > 90
    assert seen == {
        "records": upgraded.records,
        "broken": [],
        "asks": True,
        "called": ["fulfilled", "Hello, Ada! 1"],
        "statuses": ["error", "fulfilled", "pending"],
    }


def test_a_database_that_stopped_half_way_is_told_what_to_do(tmp_path: Path) -> None:
    with OLD[connection.vendor](tmp_path) as old:
        old.query("DELETE FROM django_migrations WHERE app = 'flows' AND name = '0006_answers_in_time' RETURNING 1")
        refused = old.server.manage("migrate", check=False)
    assert refused.returncode == 1
    assert (
        "The database has migrated flows only in part: 0006_answers_in_time of what 0001_squashed stands for never ran."
    ) in refused.stderr
