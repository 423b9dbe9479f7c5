"""How FlowHub begins: `make run` for a newcomer, `serve` for everybody, and what neither of them imports."""

import json
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from flowhub.management.commands.serve import client_config
from flowhub.reload import BUILT
from tests.live import ROOT, LiveServer, server_on, wait_until
from tests.mcp_client import MODERN, connect

UP_TO_DATE = """
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
executor = MigrationExecutor(connection)
print(executor.migration_plan(executor.loader.graph.leaf_nodes()))
"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[LiveServer]:
    """A server on an empty folder; each test starts it in its own way."""
    server = server_on(tmp_path)
    yield server
    server.stop()


def make_run(server: LiveServer) -> None:
    """`make run`, with the packages and the canvas as they are."""
    made = ["--old-file=.venv/.run", f"--old-file={BUILT}", f"PY={sys.executable}"]
    command = ["make", "--silent", *made, "run", f"PORT={server.port}", f"DATA={server.data}"]
    with server.output.open("w") as output:
        server.process = subprocess.Popen(
            command, cwd=ROOT, env=server.environment, stdout=output, stderr=output, start_new_session=True
        )
    wait_until(lambda: "}\n\n" in server.log, 90, lambda: f"the banner was not printed:\n{server.log}")


def banner(server: LiveServer) -> str:
    kept = server.credentials
    config = client_config(f"{server.url}/mcp/demo", kept["key"])
    return (
        f"Dashboard  {server.url}/\nLogin      {kept['username']} / {kept['password']}\n"
        f"MCP        {server.url}/mcp/demo\nKey        {kept['key']}\n\nClient config:\n{config}\n\n"
    )


@pytest.mark.anyio
@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
async def test_make_run_prints_what_a_newcomer_needs_and_the_same_when_it_is_begun_again(server: LiveServer) -> None:
    make_run(server)
    assert server.log.startswith("Demo loaded: 4 new flows.\n")
    assert banner(server) in server.log
    first = server.credentials
    async with connect(server, MODERN) as client:
        result = await client.call_tool("greet", {"name": "Ada", "n": 21})
    assert [block.text for block in result.content] == ["Hello, Ada! 21"]

    server.stop()
    make_run(server)
    assert server.log.startswith("Demo loaded: 0 new flows.\n")
    assert banner(server) in server.log
    assert server.credentials == first


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs /proc")
@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
def test_make_run_is_one_process_of_python(server: LiveServer) -> None:
    make_run(server)
    assert server.process is not None
    session = [stat.parent for stat in Path("/proc").glob("[0-9]*/stat") if _session(stat) == server.process.pid]
    programs = [(process / "cmdline").read_bytes().split(b"\0")[1:3] for process in session]
    assert [words for words in programs if words[0] == b"manage.py"] == [[b"manage.py", b"serve"]]


def _session(stat: Path) -> int:
    try:
        return int(stat.read_text().rpartition(")")[2].split()[3])
    except (FileNotFoundError, ProcessLookupError):
        return 0


def test_an_older_database_is_refused_with_what_to_do_and_migrated_when_that_is_asked(server: LiveServer) -> None:
    server.manage("migrate", "executions", "0003", "--verbosity", "0")
    refused = server.manage("serve", "--port", str(server.port), check=False)
    assert refused.returncode == 1
    assert refused.stderr == (
        "CommandError: The database is not up to date: run manage.py migrate, or serve --migrate.\n"
    )
    server.start("serve", "--migrate", "--demo", "--port", str(server.port))
    assert server.manage("shell", "--verbosity", "0", "--command", UP_TO_DATE).stdout == "[]\n"


def test_a_port_that_is_taken_is_named_before_anything_is_done(server: LiveServer) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", server.port))
        taken.listen()
        command = ["serve", "--migrate", "--demo", "--banner", "--port", str(server.port)]
        refused = server.manage(*command, check=False)
    assert refused.returncode == 1
    assert refused.stdout == ""
    assert refused.stderr == (
        f"CommandError: 127.0.0.1:{server.port} cannot be used. Is something else serving there? "
        "End it, or take another port.\n"
    )


IMPORTED = """
import json, sys
from django.core.management import call_command, get_commands, load_command_class
load_command_class(get_commands()["serve"], "serve")
call_command("check")
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""


@pytest.fixture
def imported(server: LiveServer) -> Callable[..., set[str]]:
    """The packages that a process has imported which is about to serve, pages, REST, admin and MCP."""

    def of(**environment: str) -> set[str]:
        server.environment |= environment
        said = server.manage("shell", "--verbosity", "0", "--no-imports", "--command", IMPORTED).stdout
        return set(json.loads(said.splitlines()[-1]))

    return of


def test_on_sqlite_under_uvicorn_no_other_database_and_no_other_server_is_imported(
    imported: Callable[..., set[str]],
) -> None:
    elsewhere = {"psycopg", "psycopg_pool", "redis", "channels_redis", "daphne", "twisted", "autobahn", "OpenSSL"}
    packages = imported()
    assert packages & elsewhere == set()
    assert packages >= {"uvicorn", "mcp", "rest_framework", "channels"}


def test_the_drivers_of_postgresql_and_redis_are_imported_where_settings_name_one(
    imported: Callable[..., set[str]],
) -> None:
    named = {
        "FLOWHUB_DATABASE_URL": "postgres://nobody@127.0.0.1:9/nothing",
        "FLOWHUB_REDIS_URL": "redis://127.0.0.1:9",
    }
    assert imported(**named) >= {"psycopg", "redis"}
