"""Who is alive is what the database's clock says: no process ends what another living one runs."""

import asyncio
import shutil
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from tests.conftest import unavailable
from tests.faults.conftest import Cluster, Say
from tests.faults.databases import Database, Postgres, pending, rows
from tests.faults.kit import crowd, prove, slow, until

pytestmark = [pytest.mark.faults, pytest.mark.anyio, pytest.mark.timeout(180)]

SKEW_SECONDS = 40
"""More than a heartbeat may be old."""

LONG = 3.5
"""Such calls take 7 s: each process has swept meanwhile."""

NAMESPACE = ("unshare", "--pid", "--fork", "--mount-proc", "--kill-child")


@pytest.fixture
def namespaces() -> None:
    """The test needs process-id namespaces of its own."""
    is_there = shutil.which("unshare") is not None
    if not is_there or subprocess.run([*NAMESPACE, "true"], capture_output=True, check=False).returncode:
        unavailable("no process-id namespace can be made here: that takes Linux, `unshare`, and root")


@pytest.fixture(scope="session")
def skewed_clock(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library that shifts the clock of a process."""
    made = tmp_path_factory.mktemp("clock") / "skewed_clock.so"
    if shutil.which("cc") is None:
        unavailable("no C compiler `cc`, which the library that shifts a clock is made with")
    source = Path(__file__).with_name("skewed_clock.c")
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", made, source, "-ldl"], check=True)
    return made


@pytest.mark.usefixtures("namespaces")
async def test_processes_of_one_host_name_and_pid_in_other_namespaces_leave_each_other_alone(
    cluster: Cluster, database: Database, say: Say
) -> None:
    stale = {"FLOWHUB_RUNNER_STALE_SECONDS": "6"}
    servers = await asyncio.to_thread(cluster.several, 2, database, before=NAMESPACE, **stale)
    runners = database.query("SELECT host, pid, place FROM executions_runner")
    assert len({(host, pid) for host, pid, _ in runners}) == 1
    assert len({place for *_, place in runners}) == 2
    async with crowd() as calls:
        for server in servers:
            calls.send(server, lambda n: slow(n, LONG), 6)
        await until(lambda: pending(database) == 12)
        assert Counter(call.kind for call in await asyncio.gather(*calls.tasks)) == {"ok": 12}
        # What one of them leaves behind is ended by the other, once it has not been heard of for long enough.
        lost = calls.send(servers[0], lambda n: slow(n, 30), 2)
        await until(lambda: pending(database) == 2)
        servers[0].kill()
        await asyncio.gather(*lost)
        await until(lambda: pending(database) == 0, 30)
    await asyncio.to_thread(cluster.stop)
    say(prove(calls.truth, database), "two processes of one name and pid")
    assert Counter(row.error_kind for row in rows(database)) == {"": 12, "interrupted": 2}


async def test_a_clock_that_is_off_ends_nobody_elses_calls_and_costs_none_of_its_own(
    cluster: Cluster, postgres: Postgres, say: Say, skewed_clock: Path
) -> None:
    skews = (0, SKEW_SECONDS, -SKEW_SECONDS)
    servers = [
        await asyncio.to_thread(cluster.server, postgres, LD_PRELOAD=str(skewed_clock), SKEW=str(skew))
        for skew in skews
    ]
    for server, skew in zip(servers, skews, strict=True):
        warned = f"the database's clock is {-skew:+.1f} s from this machine's"
        assert (warned in server.log) == (skew != 0)
    async with crowd() as calls:
        for server in servers:
            calls.send(server, lambda n: slow(n, LONG), 4)
        await until(lambda: pending(postgres) == 12)
        answers = await asyncio.gather(*calls.tasks)
        assert Counter(call.kind for call in answers) == {"ok": 12}
        # One that takes too long is ended by its own process, and not by others before that.
        hasty = [task for server in servers for task in calls.send(server, lambda n: slow(n, 3, "hasty"))]
        await asyncio.gather(*hasty)
    await asyncio.to_thread(cluster.stop)
    say(prove(calls.truth, postgres), f"clocks of {skews} s")
    timeouts = [row.error["message"] for row in rows(postgres) if row.error_kind == "timeout"]
    assert len(timeouts) == 3
    assert not any("the process that ran it did not" in message for message in timeouts)
