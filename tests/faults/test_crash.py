"""A process dies without a word: what it had under way is ended, what it had answered is kept."""

import asyncio
import json
import random
from collections import Counter

import pytest

from tests.acceptance.test_children import post
from tests.definitions import answer, chain, node
from tests.faults.conftest import Cluster, Say
from tests.faults.databases import Database, Row, pending, rows
from tests.faults.kit import Crowd, crowd, greet, prove, slow, until
from tests.live import LiveServer
from tests.mcp_client import LEGACY, MODERN

pytestmark = [pytest.mark.faults, pytest.mark.anyio, pytest.mark.timeout(180)]


async def under_way(calls: Crowd, server: LiveServer, database: Database, number: int, seconds: float) -> list[str]:
    """Have `number` more slow calls under way; returns the ids of all that are."""
    before = pending(database)
    calls.send(server, lambda n: slow(n, seconds), number)
    await until(lambda: pending(database) == before + number, what=lambda: f"{pending(database)} are pending")
    return [row.id for row in rows(database) if row.status == "pending"]


async def test_fifty_calls_of_a_killed_process_are_interrupted_and_none_is_missing(
    cluster: Cluster, database: Database, say: Say
) -> None:
    server = await asyncio.to_thread(cluster.server, database)
    async with crowd() as calls:
        ids = await under_way(calls, server, database, 50, 30)
        # What nodes do is stored within a quarter of a second, unless they can touch the outside world.
        await until(lambda: pending(database, node="Collect") == 50)
        server.kill()
        await asyncio.gather(*calls.tasks)
    dry_run = server.manage("recover", "--dry-run").stdout
    assert dry_run.startswith("Would end 50 interrupted and 0 overdue executions.")
    assert pending(database) == 50
    await asyncio.to_thread(cluster.again, server)
    verdict = prove(calls.truth, database)
    found = rows(database)
    assert [(row.id, row.error_kind, row.error["nodeName"]) for row in found] == [
        (id_, "interrupted", "Collect") for id_ in ids
    ]
    assert len(found) == 50
    say(verdict, "50 interrupted")


async def test_every_call_answered_before_a_kill_at_any_instant_is_recorded_with_its_own_data(
    cluster: Cluster, database: Database, say: Say
) -> None:
    server = await asyncio.to_thread(cluster.server, database)
    chance = random.Random(5)
    rounds = 3
    async with crowd() as calls:
        for place in range(8):
            calls.stream(calls.caller(server, (MODERN, LEGACY)[place % 2]), greet)
        for _ in range(rounds):
            wanted = calls.truth.answered + chance.randint(20, 200)
            await until(lambda wanted=wanted: calls.truth.answered >= wanted)
            server.kill()
            await asyncio.to_thread(cluster.again, server)
    await asyncio.to_thread(cluster.stop)
    verdict = prove(calls.truth, database)
    assert verdict.answered > rounds * 20
    say(verdict, f"{rounds} kills")


async def test_a_starting_process_ends_what_a_dead_one_ran_and_leaves_a_living_one_alone(
    cluster: Cluster, database: Database, say: Say
) -> None:
    living, dying = await asyncio.to_thread(cluster.several, 2, database)
    async with crowd() as calls:
        await under_way(calls, living, database, 10, 8)
        kept = list(calls.tasks)
        await under_way(calls, dying, database, 10, 30)
        dying.kill()
        await asyncio.to_thread(cluster.server, database)
        states = Counter((row.status, row.error_kind) for row in rows(database))
        assert states == {("pending", ""): 10, ("error", "interrupted"): 10}
        answers = await asyncio.gather(*kept)
        await asyncio.gather(*calls.tasks)
    assert [call.kind for call in answers] == ["ok"] * 10
    verdict = prove(calls.truth, database)
    assert Counter(row.status for row in rows(database)) == {"fulfilled": 10, "error": 10}
    say(verdict, "10 of the dead process interrupted, 10 of the living one fulfilled")


async def test_items_that_a_killed_process_had_finished_are_in_the_record(cluster: Cluster, database: Database) -> None:
    server = await asyncio.to_thread(cluster.server, database)
    wait = node("wait", "delay", seconds="{{ trigger.n }}")
    each = {"items": [0, 0, 60, 0], "flow": "waiter", "arguments": {"n": "{{ item }}"}, "concurrency": 1}
    flows = {
        "waiter": chain(wait, answer("{{ trigger.n }}")),
        "waiters": chain(node("each", "for_each", **each), answer("{{ each.results }}")),
    }
    for tool_name, definition in flows.items():
        fields = {"server": "demo", "name": tool_name.title(), "toolName": tool_name, "toolDescription": "Waits."}
        made = post(server, "flows/", **fields, inputSchema={"type": "object"}, definition=definition)
        post(server, f"flows/{made['id']}/publish/")
    async with crowd() as calls:
        calls.send(server, lambda _: ("waiters", {}), 1)
        await until(lambda: '"index": 1, ' in json.dumps(outer(database).nodes if rows(database) else None))
        server.kill()
        await asyncio.gather(*calls.tasks)
    await asyncio.to_thread(cluster.again, server)
    found = outer(database)
    kept = [(item["index"], item["output"]) for item in found.nodes[1]["finished"]]
    assert (found.error_kind, kept) == ("interrupted", [(0, 0), (1, 0)])
    again = post(server, f"executions/{found.id}/replay/", fromNode="each")
    assert [item["reused"] for item in again["nodeExecutions"][1]["finished"]] == [True, True]


def outer(database: Database) -> Row:
    """The execution of the flow that calls the other."""
    return next(row for row in rows(database) if row.tool == "waiters")
