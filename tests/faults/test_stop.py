"""A process is told to stop, is stopped for a while, or a flow takes longer than it may."""

import asyncio
import signal
import time
from collections import Counter
from datetime import timedelta
from typing import Any

import httpx2
import pytest

from tests.faults.conftest import Cluster, Say
from tests.faults.databases import Database, Row, Sqlite, pending, rows
from tests.faults.kit import Call, crowd, greet, prove, slow, until
from tests.mcp_client import LEGACY

pytestmark = [pytest.mark.faults, pytest.mark.anyio, pytest.mark.timeout(180)]

DRAIN_SECONDS = 4


async def test_sigterm_lets_short_calls_end_and_interrupts_long_ones_in_time(
    cluster: Cluster, database: Database, say: Say
) -> None:
    server = await asyncio.to_thread(cluster.server, database, FLOWHUB_DRAIN_SECONDS=str(DRAIN_SECONDS))
    process = server.process
    assert process is not None
    async with crowd() as calls:
        short = calls.send(server, lambda n: slow(n, 1), 10)
        long = calls.send(server, lambda n: slow(n, 30), 10)
        await until(lambda: pending(database) == 20)
        server.signal(signal.SIGTERM)
        began = time.monotonic()
        # What comes now is refused, or finds nobody listening any more.
        await until(lambda: "Shutting down" in server.log)
        late = await asyncio.gather(*calls.send(server, greet, 4))
        answers = await asyncio.gather(*short), await asyncio.gather(*long)
        status = await asyncio.to_thread(process.wait, 30)
        seconds = time.monotonic() - began
    assert [call.kind for call in answers[0]] == ["ok"] * 10
    assert [call.kind for call in answers[1]] == ["error"] * 10
    assert {said(call) for call in answers[1]} == {
        "The server stopped before the flow finished. Nodes shown as pending were under way: their outcome is unknown."
    }
    assert {(call.answer.status, call.answer.retry_after) for call in late if call.answer} <= {(503, "5")}
    assert status == 0
    assert seconds < DRAIN_SECONDS + 5
    assert Counter((row.status, row.error_kind) for row in rows(database)) == {
        ("fulfilled", ""): 10,
        ("error", "interrupted"): 10,
    }
    assert database.query("SELECT count(*) FROM executions_runner") == [(0,)]
    say(prove(calls.truth, database), f"ended after {seconds:.1f} s with status {status}")


async def test_a_process_that_runs_nothing_stops_at_once_although_clients_listen(
    cluster: Cluster, sqlite: Sqlite, say: Say
) -> None:
    server = await asyncio.to_thread(cluster.server, sqlite, FLOWHUB_DRAIN_SECONDS="60")
    process = server.process
    assert process is not None
    async with crowd() as calls:
        caller = calls.caller(server, LEGACY)
        await caller.call(greet(1))
        async with listening(calls.http, server.url, caller.headers()):
            server.signal(signal.SIGTERM)
            status = await asyncio.to_thread(process.wait, 20)
    assert status == 0
    say(prove(calls.truth, sqlite))


def listening(http: httpx2.AsyncClient, url: str, headers: dict[str, str]) -> Any:
    """The stream on which a legacy client waits for what the server has to say."""
    return http.stream("GET", f"{url}/mcp/demo", headers=headers | {"Accept": "text/event-stream"})


async def test_late_results_of_a_process_taken_for_dead_change_nothing(
    cluster: Cluster, database: Database, say: Say
) -> None:
    stopped, other = await asyncio.to_thread(cluster.several, 2, database, FLOWHUB_RUNNER_STALE_SECONDS="8")
    async with crowd() as calls:
        calls.send(stopped, lambda n: slow(n, 3), 10)
        await until(lambda: pending(database) == 10)
        stopped.signal(signal.SIGSTOP)
        await until(lambda: pending(database) == 0, 40)
        ended = rows(database)
        assert {row.error_kind for row in ended} == {"interrupted"}
        stopped.signal(signal.SIGCONT)
        answers = await asyncio.gather(*calls.tasks)
        assert {call.kind for call in answers} == {"error"}
        assert rows(database) == ended
        # It counts as alive again, and goes on.
        await until(lambda: database.query("SELECT count(*) FROM executions_runner") == [(2,)])
        after = await asyncio.gather(*calls.send(stopped, greet, 4), *calls.send(other, greet, 4))
    assert {call.kind for call in after} == {"ok"}
    say(prove(calls.truth, database), "10 interrupted, and 10 late results left out")


def failures(database: Database) -> set[tuple[str, str, str]]:
    return {(row.status, row.error_kind, row.error["nodeName"]) for row in rows(database) if row.error}


async def test_a_flow_past_its_timeout_ends_and_names_its_node(cluster: Cluster, sqlite: Sqlite, say: Say) -> None:
    server = await asyncio.to_thread(cluster.server, sqlite)
    async with crowd() as calls:
        answers = await asyncio.gather(*calls.send(server, lambda n: slow(n, 20, "hasty"), 4))
    assert {said(call) for call in answers} == {
        "The flow took longer than its timeout of 1 s and was stopped in 'Collect'. "
        "Ask for less at a time, or raise the timeout of the flow."
    }
    assert failures(sqlite) == {("error", "timeout", "Collect")}
    assert all(lasted(row) < timedelta(seconds=5) for row in rows(sqlite))
    say(prove(calls.truth, sqlite))


async def test_a_flow_whose_process_is_stuck_past_its_deadline_is_ended_by_another_process(
    cluster: Cluster, database: Database, say: Say
) -> None:
    stuck, _ = await asyncio.to_thread(cluster.several, 2, database)
    async with crowd() as calls:
        calls.send(stuck, lambda n: slow(n, 20, "hasty"), 4)
        await until(lambda: pending(database, "hasty", node="Collect") == 4)
        stuck.signal(signal.SIGSTOP)
        await until(lambda: pending(database, "hasty") == 0, 30)
        ended = rows(database)
        stuck.signal(signal.SIGCONT)
        answers = await asyncio.gather(*calls.tasks)
    assert {call.kind for call in answers} == {"error"}
    assert rows(database) == ended
    assert failures(database) == {("error", "timeout", "Collect")}
    # Deadline, grace and the reaper's period: invariant I2 allows ten seconds.
    assert all(lasted(row) < timedelta(seconds=1 + 10) for row in ended)
    say(prove(calls.truth, database), "4 timed out by the other process")


def lasted(row: Row) -> timedelta:
    assert row.ended_at is not None
    return row.ended_at - row.started_at


def said(call: Call) -> str | None:
    """What a failed call was answered, without the line that names its execution."""
    return call.answer and call.answer.text.partition("\nExecution ")[0]
