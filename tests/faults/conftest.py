"""Server processes on a database of their own, and a line in the log for what each test has proved."""

import itertools
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.faults.databases import Database, Postgres, Sqlite, needs_postgres
from tests.faults.kit import Verdict
from tests.live import LiveServer, server_on

Say = Callable[[Verdict, str], None]

PREPARE = """
from django.core.management import call_command
from flowhub import demo
from flows.models import Flow, Server
from flows.publishing import versions
from tests.factories import open_everything_to_the_demo_key
call_command("migrate", verbosity=0)
call_command("load_demo")
open_everything_to_the_demo_key()
for changes in (
    {"tool_name": "hasty", "timeout_seconds": 1},
    {"tool_name": "leaving", "name": "Leaving"},
    {"tool_name": "patient", "answer_seconds": 1},
):
    flow = Flow.objects.create(server=Server.objects.get(slug="demo"), **(demo.SLOW_REPORT | changes))
    versions.publish(flow)
"""
"""An up-to-date database with the demo, and flows that may take a second, are deleted, answer in time."""


def prepare(data: Path, **environment: str) -> None:
    """Make what each test gets a copy of."""
    server_on(data, **environment).manage("shell", "--verbosity", "0", "--command", PREPARE)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder that each test gets a copy of."""
    data = tmp_path_factory.mktemp("template")
    prepare(data)
    return data


@pytest.fixture(scope="session")
def postgres_template(sqlite_template: Path) -> Iterator[str]:
    """The name of a PostgreSQL database that each test gets a copy of; its key is the one in the data folder."""
    needs_postgres()
    template = Postgres(f"flowhub_faults_{os.getpid()}")
    try:
        prepare(sqlite_template, FLOWHUB_DATABASE_URL=template.url)
        yield template.name
    finally:
        template.drop()


@pytest.fixture
def data(sqlite_template: Path, tmp_path: Path) -> Path:
    """A data folder with a migrated SQLite database."""
    return Path(shutil.copytree(sqlite_template, tmp_path / "data"))


@pytest.fixture
def sqlite(data: Path) -> Sqlite:
    """The database file of the data folder."""
    return Sqlite(data / "flowhub.sqlite3")


_numbers = itertools.count(1)


@pytest.fixture
def postgres(postgres_template: str) -> Iterator[Postgres]:
    """A PostgreSQL database for one test."""
    database = Postgres(f"{postgres_template}_{next(_numbers)}", postgres_template)
    try:
        yield database
    finally:
        database.drop()


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest) -> Database:
    """Each of the two databases in turn."""
    return request.getfixturevalue(request.param)


@dataclass
class Cluster:
    """Server processes on one data folder."""

    data: Path
    servers: list[LiveServer] = field(default_factory=list)

    def server(self, database: Database, **environment: str) -> LiveServer:
        """Start one more process and wait until it accepts connections."""
        return self.several(1, database, **environment)[0]

    def several(
        self, number: int, database: Database, before: tuple[str, ...] = (), **environment: str
    ) -> list[LiveServer]:
        """Start processes at the same time, by the command `before` if given, and wait until all accept connections."""
        environment = {"FLOWHUB_DATABASE_URL": database.url} | environment
        made = [server_on(self.data, **environment) for _ in range(number)]
        self.servers += made
        for server in made:
            server.before = before
            server.launch("serve", "--port", str(server.port))
        for server in made:
            server.wait_for_start()
        return made

    def again(self, server: LiveServer) -> None:
        """Start a process that has ended on the same port."""
        server.start("serve", "--port", str(server.port))

    def stop(self) -> list[int]:
        """End every process in the way an operator does; returns their exit statuses."""
        for server in self.servers:
            if server.process is not None and server.process.poll() is None:
                server.process.send_signal(signal.SIGTERM)
        return [server.stop() for server in self.servers]

    def kill(self) -> None:
        """End what is left; also ends a process that is stopped by SIGSTOP."""
        for server in self.servers:
            if server.process is not None and server.process.poll() is None:
                server.kill()


@pytest.fixture
def cluster(data: Path) -> Iterator[Cluster]:
    """No process at first; all are gone after the test."""
    cluster = Cluster(data)
    try:
        yield cluster
    finally:
        cluster.kill()


@pytest.fixture
def say(request: pytest.FixtureRequest) -> Say:
    """Say one line about a test that went well; it stands below pytest's dots, whichever process runs the test."""

    def line(verdict: Verdict, more: str = "") -> None:
        request.node.user_properties.append(("said", f"{request.node.name}: {verdict}{more and '; ' + more}"))

    return line
