"""Pruning beside a server that answers calls: nobody waits long, nothing is lost that was to stay, counters fit."""

import asyncio
import re
import subprocess
import time
from dataclasses import replace

import pytest

from tests.faults.conftest import Cluster, Say
from tests.faults.databases import Database, counters, pending, recounted, rows
from tests.faults.kit import Crowd, check, crowd, greet, slow, until
from tests.live import LiveServer
from tests.mcp_client import LEGACY, MODERN

pytestmark = [pytest.mark.faults, pytest.mark.anyio, pytest.mark.timeout(180)]

CALLERS = 6
CALLS = 200
KEPT = 20


async def prune(server: LiveServer, *options: str) -> int:
    """Run the command in a process of its own, as an operator does; returns how many it deleted."""
    done: subprocess.CompletedProcess[str] = await asyncio.to_thread(
        server.manage, "prune_executions", *options, check=False
    )
    assert done.returncode == 0, done.stderr
    return sum(int(number.replace(",", "")) for number in re.findall(r"Deleted ([\d,]+) of", done.stdout)[-1:])


def busy(calls: Crowd, server: LiveServer) -> None:
    """Callers in both eras, each with one call after the other."""
    for place in range(CALLERS):
        calls.stream(calls.caller(server, (MODERN, LEGACY)[place % 2]), greet)


async def test_calls_go_on_while_executions_are_pruned_and_space_is_given_back(
    cluster: Cluster, database: Database, say: Say
) -> None:
    server = await asyncio.to_thread(cluster.server, database)
    async with crowd() as calls:
        waiting = calls.send(server, lambda n: slow(n, 4), 2)
        busy(calls, server)
        await until(lambda: calls.truth.answered > CALLS, 60)
        deleted, began, answered = 0, time.monotonic(), calls.truth.answered
        for _ in range(2):
            deleted += await prune(server, "--keep", str(KEPT), "--chunk", "100", "--vacuum")
        seconds, meanwhile = time.monotonic() - began, calls.truth.answered - answered
        assert [call.kind for call in await asyncio.gather(*waiting)] == ["ok", "ok"]
        await asyncio.to_thread(cluster.stop)
    assert meanwhile > 0
    assert deleted > CALLS - KEPT
    assert {call.kind for call in calls.truth.calls} <= {"ok", "refused", None}
    found = rows(database)
    verdict = check(calls.truth, found)
    assert not verdict.false, "\n".join(verdict.false[:10])
    # What has no record any more is exactly what was deleted.
    assert len(verdict.lost) == deleted
    assert counters(database) == recounted(found)
    say(replace(verdict, lost=()), f"{deleted} deleted, {meanwhile} calls answered in the {seconds:.1f} s that it took")


async def test_the_record_of_a_call_under_way_stays(cluster: Cluster, database: Database, say: Say) -> None:
    server = await asyncio.to_thread(cluster.server, database, FLOWHUB_DRAIN_SECONDS="1")
    async with crowd() as calls:
        calls.send(server, lambda n: slow(n, 50), 4)
        await asyncio.gather(*calls.send(server, greet, 4))
        await until(lambda: pending(database) == 4)
        assert await prune(server, "--keep", "0") == 4
        assert [row.status for row in rows(database)] == ["pending"] * 4
        await asyncio.to_thread(cluster.stop)
    found = rows(database)
    assert [row.error_kind for row in found] == ["interrupted"] * 4
    assert counters(database) == recounted(found)
    say(
        replace(check(calls.truth, found), lost=()),
        "4 deleted; those under way were interrupted when the server stopped",
    )


async def test_two_that_prune_at_once_delete_each_execution_once(
    cluster: Cluster, database: Database, say: Say
) -> None:
    server = await asyncio.to_thread(cluster.server, database)
    async with crowd() as calls:
        busy(calls, server)
        await until(lambda: calls.truth.answered > CALLS // 2, 60)
        both = await asyncio.gather(*(prune(server, "--keep", "10", "--chunk", "40") for _ in range(2)))
        await asyncio.to_thread(cluster.stop)
    found = rows(database)
    verdict = check(calls.truth, found)
    assert len(verdict.lost) == sum(both)
    assert counters(database) == recounted(found)
    say(replace(verdict, lost=()), f"{both[0]} and {both[1]} deleted")
