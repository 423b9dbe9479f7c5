"""What every test may use: the event loop, and markers that say what a test needs from the machine."""

import os
import shutil
import socket
import subprocess
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import SyncToAsync
from django.core.management.color import no_style
from django.db import connection, connections
from django.test import TransactionTestCase

from executions.ledger.writer import ledger
from executions.running.recovery import heart
from tests.browsing import chromium, launch_arguments
from tests.built import MANIFEST
from tests.live import free_port, wait_until

pytest_plugins = ["tests.servers"]


def missing_for_browser() -> str | None:
    return None if chromium() else "no Chromium on PATH; install it or name it in FLOWHUB_TEST_CHROMIUM"


def missing_for_faults() -> str | None:
    if os.name != "posix":
        return "fault tests send POSIX signals"
    wanted = "1" in (os.environ.get("FLOWHUB_CI"), os.environ.get("FLOWHUB_TEST_FAULTS"))
    return None if wanted else "fault tests take minutes; set FLOWHUB_TEST_FAULTS=1 to run them"


def missing_for_redis() -> str | None:
    is_there = os.environ.get("FLOWHUB_TEST_REDIS") or shutil.which("redis-server")
    return None if is_there else "no Redis; name one in FLOWHUB_TEST_REDIS or install redis-server"


def missing_for_node() -> str | None:
    return None if os.environ.get("FLOWHUB_TEST_NODE") else "no FLOWHUB_TEST_NODE; .ci/node FOLDER makes such a folder"


def missing_for_canvas() -> str | None:
    return None if MANIFEST.exists() else "no canvas in dist/; make test builds it"


MISSING: dict[str, Callable[[], str | None]] = {
    "browser": missing_for_browser,
    "canvas": missing_for_canvas,
    "faults": missing_for_faults,
    "node": missing_for_node,
    "redis": missing_for_redis,
}


def unavailable(reason: str) -> None:
    """End the test that needs what is not there: skipped on a laptop, failed in CI, which promises everything."""
    if os.environ.get("FLOWHUB_CI") == "1":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def pytest_collection_modifyitems(items: list[pytest.Function]) -> None:
    """Begin with what takes longest; browser tests go last.

    From the first one on, Playwright keeps an event loop running in the main thread.
    """
    items.sort(key=_when)


def _when(item: pytest.Function) -> tuple[bool, ...]:
    marked = {mark.name for mark in item.iter_markers()}
    return "browser" in marked, "faults" not in marked, "server" not in marked, "world" not in item.fixturenames


def pytest_runtest_setup(item: pytest.Item) -> None:
    for marker, missing in MISSING.items():
        if item.get_closest_marker(marker) and (reason := missing()):
            unavailable(reason)
    if item.get_closest_marker("postgres") and connection.vendor != "postgresql":
        pytest.skip("FLOWHUB_DATABASE_URL does not name a PostgreSQL database")
    if item.get_closest_marker("browser"):
        # Playwright's loop makes Django take the test's own, synchronous queries for ones made inside a coroutine.
        os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What fault tests said."""
    for report in terminalreporter.stats.get("passed", []):
        for name, text in report.user_properties:
            if name == "said":
                terminalreporter.write_line(f"  {text}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, None, None]:
    """A heart that a test started stops while the test may still use the database."""
    if heart.is_running:
        heart.stop()
    return (yield)


def empty_tables(case: TransactionTestCase) -> None:
    """Delete what a test has written with transactions of its own.

    Django empties every table and then makes content types and permissions anew, which takes ten times as long.
    """
    tables = set(connection.introspection.django_table_names(only_existing=True, include_views=False))
    tables -= {"django_content_type", "auth_permission"}
    connection.ops.execute_sql_flush(connection.ops.sql_flush(no_style(), sorted(tables)))


TransactionTestCase._fixture_teardown = empty_tables


@pytest.fixture
def anyio_backend() -> str:
    """asyncio alone: it is what the servers run on."""
    return "asyncio"


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None) -> Iterator[None]:
    """pytest-django's test database, without the connections that would keep PostgreSQL from dropping it at the end.

    They are open in threads that live as long as the process: the ledger's, the heart's, and asgiref's for asynchronous
    queries.
    """
    yield
    ledger.stop()
    heart.stop()
    SyncToAsync.single_thread_executor.submit(connections.close_all).result()


@pytest.fixture(scope="session")
def browser_type_launch_args() -> dict[str, Any]:
    """The system's Chromium instead of one that Playwright downloads; it sends nothing outside by itself."""
    return launch_arguments()


@pytest.fixture
def redis_url(tmp_path: Path) -> Iterator[str]:
    """FLOWHUB_TEST_REDIS, or a Redis of the test's own."""
    with redis_on(tmp_path) as address:
        yield address


@contextmanager
def redis_on(folder: Path) -> Iterator[str]:
    """FLOWHUB_TEST_REDIS, or one of its own with its log in a folder."""
    if address := os.environ.get("FLOWHUB_TEST_REDIS"):
        yield address
        return
    command = ["redis-server", "--bind", "127.0.0.1", "--port", str(port := free_port()), "--save", ""]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL) as redis:
        wait_until(lambda: answers(port), 10, "Redis did not start")
        yield f"redis://127.0.0.1:{port}/0"
        redis.terminate()


def answers(port: int) -> bool:
    """Whether somebody listens on a port of this machine."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
