"""What a client comes back for survives a crash, and an idempotency key means one execution whatever dies."""

import asyncio
import uuid
from typing import Any

import pytest
from mcp import Client

from tests.faults.conftest import Cluster
from tests.faults.databases import Database, pending, rows
from tests.faults.kit import until
from tests.live import LiveServer
from tests.mcp_client import LEGACY, MODERN, connect

pytestmark = [pytest.mark.faults, pytest.mark.anyio, pytest.mark.timeout(180)]


def keyed(client: Client, key: str, tool: str, **arguments: Any) -> Any:
    return client.call_tool(tool, arguments, meta={"flowhub/idempotencyKey": key})


def id_of(result: Any) -> str:
    return str(result.meta["flowhub/executionId"])


async def test_of_processes_that_get_the_same_key_at_once_one_runs_the_flow(
    cluster: Cluster, database: Database
) -> None:
    one, other = await asyncio.to_thread(cluster.several, 2, database)
    async with connect(one, MODERN) as here, connect(other, MODERN) as there:
        for number in range(10):
            key = str(uuid.uuid4())
            calls = [keyed(client, key, "greet", name=key, n=number) for client in (here, there) * 4]
            results = await asyncio.gather(*calls)
            assert [result.content[0].text for result in results] == [f"Hello, {key}! {number}"] * 8
            assert len({id_of(result) for result in results}) == 1
    assert [(row.status, row.arguments["n"]) for row in rows(database)] == [("fulfilled", n) for n in range(10)]


async def test_after_a_kill_the_kept_answer_is_there_and_what_was_under_way_is_not_run_again(
    cluster: Cluster, database: Database
) -> None:
    server = await asyncio.to_thread(cluster.server, database)
    ended, lost = str(uuid.uuid4()), str(uuid.uuid4())
    async with connect(server, MODERN) as client:
        before = await keyed(client, ended, "greet", name="Ada", n=1)
        told = await client.call_tool("patient", {"seconds": 0.7})
        result = await client.call_tool("get_result", {"executionId": id_of(told)})
        gone = await client.call_tool("patient", {"seconds": 20})
    under_way = asyncio.create_task(doomed(server, lost))
    await until(lambda: pending(database) == 1)
    server.kill()
    await asyncio.gather(under_way, return_exceptions=True)
    await asyncio.to_thread(cluster.again, server)
    async with connect(server, LEGACY) as client:
        after = await keyed(client, ended, "greet", name="Ada", n=1)
        fetched = await client.call_tool("get_result", {"executionId": id_of(told)})
        interrupted = await client.call_tool("get_result", {"executionId": id_of(gone)})
        missing = await keyed(client, lost, "slow_report", seconds=20)
    assert (after.content, id_of(after), after.meta["flowhub/joined"]) == (before.content, id_of(before), True)
    assert fetched.structured_content == result.structured_content == {"sales": 1204, "stock": 87, "seconds": 0.7}
    assert (interrupted.is_error, missing.is_error) == (True, True)
    stopped = (
        "The server stopped before the flow finished. Nodes shown as pending were under way: their outcome is unknown."
    )
    assert interrupted.content[0].text == stopped
    assert missing.content[0].text == (
        f"{stopped} It is not called again under the same idempotency key; send a new key to call it anew."
    )
    assert [(row.tool, row.status, row.error_kind) for row in rows(database)] == [
        ("greet", "fulfilled", ""),
        ("patient", "fulfilled", ""),
        ("patient", "error", "interrupted"),
        ("slow_report", "error", "interrupted"),
    ]


async def doomed(server: LiveServer, key: str) -> None:
    """A call whose server dies."""
    async with connect(server, MODERN) as client:
        await keyed(client, key, "slow_report", seconds=20)
