"""The same idempotency key with the same call leads to the same execution: side effects happen once."""

import asyncio
import uuid
from typing import Any

import pytest
from mcp import Client

from tests.gated import fresh, id_of, key_of, nobody, record
from tests.live import LiveServer
from tests.mcp_client import ERAS, LEGACY, MODERN, connect
from tests.servers import Pair

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120)]


def keyed(client: Client, key: Any, name: str, tool: str = "pass") -> Any:
    """Call a tool with an idempotency key."""
    return client.call_tool(tool, {"name": name}, meta={"flowhub/idempotencyKey": key})


def new_key() -> str:
    return str(uuid.uuid4())


def executions_of(server: LiveServer, name: str) -> list[dict[str, Any]]:
    listed = server.get_json(f"/api/executions/?search={name}&limit=50")["items"]
    return [item for item in listed if name in item["initialParamsPreview"]]


async def until(condition: Any, seconds: float = 20.0) -> None:
    async with asyncio.timeout(seconds):
        while not await asyncio.to_thread(condition):
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("era", ERAS)
async def test_a_second_call_joins_the_one_under_way_and_a_third_gets_its_result(pair: Pair, era: str) -> None:
    key, name = new_key(), fresh()
    async with connect(pair.one, era, slug="gated") as client, connect(pair.other, era, slug="gated") as elsewhere:
        first = asyncio.create_task(keyed(client, key, name))
        await asyncio.to_thread(pair.gates.wait_for, name)
        second = asyncio.create_task(keyed(client, key, name))
        third = asyncio.create_task(keyed(elsewhere, key, name))
        pair.gates.open(name)
        results = list(await asyncio.gather(first, second, third))
        results += [await keyed(client, key, name), await keyed(elsewhere, key, name)]
    assert [result.structured_content for result in results] == [{"name": name, "said": f"{name} may pass"}] * 5
    assert [result.content for result in results] == [results[0].content] * 5
    assert {id_of(result) for result in results} == {id_of(results[0])}
    assert [result.meta.get("flowhub/joined") for result in results] == [None, True, True, True, True]
    assert pair.gates.visits[name] == 1
    assert len(executions_of(pair.one, name)) == 1


async def test_of_two_processes_that_get_the_same_key_at_once_one_runs_the_flow(pair: Pair) -> None:
    async with connect(pair.one, MODERN, slug="gated") as one, connect(pair.other, MODERN, slug="gated") as other:
        for _ in range(10):
            key, name = new_key(), fresh()
            pair.gates.open(name)
            results = await asyncio.gather(*(keyed(client, key, name) for client in (one, other) * 4))
            assert {id_of(result) for result in results} == {id_of(results[0])}
            assert [result.is_error for result in results] == [False] * 8
            assert sorted(bool(result.meta.get("flowhub/joined")) for result in results) == [False] + [True] * 7
            assert pair.gates.visits[name] == 1
            assert len(executions_of(pair.one, name)) == 1


@pytest.mark.parametrize("era", ERAS)
async def test_the_call_goes_on_when_the_first_caller_leaves_and_a_second_waits(pair: Pair, era: str) -> None:
    key, name = new_key(), fresh()
    async with connect(pair.one, era, slug="gated") as client, connect(pair.other, era, slug="gated") as elsewhere:
        first = asyncio.create_task(keyed(client, key, name))
        await asyncio.to_thread(pair.gates.wait_for, name)
        second = asyncio.create_task(keyed(elsewhere, key, name))
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        pair.gates.open(name)
        result = await second
    assert (result.is_error, result.meta["flowhub/joined"]) == (False, True)
    assert pair.gates.visits[name] == 1


async def test_a_call_that_nobody_waits_for_is_cancelled_and_not_made_again(pair: Pair) -> None:
    key, name = new_key(), fresh()
    async with connect(pair.one, MODERN, slug="gated") as client:
        first = asyncio.create_task(keyed(client, key, name))
        await asyncio.to_thread(pair.gates.wait_for, name)
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        await until(lambda: executions_of(pair.one, name)[0]["status"] == "error")
        late = await keyed(client, key, name)
    pair.gates.open(name)
    assert late.is_error
    assert late.content[0].text.startswith("The execution was cancelled before the flow finished.")
    assert pair.gates.visits[name] == 1


async def test_a_client_that_lost_its_connection_joins_its_own_call(pair: Pair) -> None:
    key, name = new_key(), fresh()
    async with connect(pair.one, MODERN, slug="gated") as client:
        first = asyncio.create_task(keyed(client, key, name))
        await asyncio.to_thread(pair.gates.wait_for, name)
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        again = asyncio.create_task(keyed(client, key, name))
        pair.gates.open(name)
        result = await again
    assert (result.is_error, result.meta["flowhub/joined"]) == (False, True)
    assert pair.gates.visits[name] == 1


async def test_the_same_key_with_another_call_is_refused(pair: Pair) -> None:
    key, name = new_key(), fresh()
    pair.gates.open(name)
    message = (
        "This idempotency key was sent before with another tool or other arguments. "
        "Send the call that it was first sent with, or a new key for a new call."
    )
    async with connect(pair.one, MODERN, slug="gated") as client:
        await keyed(client, key, name)
        for result in (await keyed(client, key, fresh()), await keyed(client, key, name, "pass_soon")):
            assert (result.is_error, result.content[0].text) == (True, message)
            assert record(pair.one, result)["errorInfo"]["kind"] == "rejected"
        # The key is one of this caller, on this server.
    async with connect(pair.one, MODERN, slug="gated", key=key_of(pair.one, "twin")) as twin:
        assert "flowhub/joined" not in (await keyed(twin, key, name)).meta
    async with connect(pair.one, MODERN, slug="plain") as plain:
        assert "flowhub/joined" not in (await keyed(plain, key, name)).meta
    assert pair.gates.visits[name] == 3


@pytest.mark.parametrize("key", ["", "x" * 201, 7, ["a"], True])
async def test_a_key_that_is_none_is_refused_and_nothing_runs(pair: Pair, key: Any) -> None:
    name = fresh()
    async with connect(pair.one, LEGACY, slug="gated") as client:
        result = await keyed(client, key, name)
    assert result.is_error
    assert result.content[0].text == (
        "_meta['flowhub/idempotencyKey'] must be a text of 1 to 200 characters, a UUID for example."
    )
    assert pair.gates.visits[name] == 0


async def test_strangers_share_no_answers(pair: Pair) -> None:
    name = fresh()
    async with nobody(pair.one) as client:
        result = await keyed(client, "key", name)
    assert (result.is_error, pair.gates.visits[name]) == (True, 0)
    assert result.content[0].text.startswith("_meta['flowhub/idempotencyKey'] needs an API key")


@pytest.mark.parametrize("era", ERAS)
async def test_who_joins_is_told_in_time_too_and_then_nobody_has_to_wait(pair: Pair, era: str) -> None:
    key, name = new_key(), fresh()
    async with connect(pair.one, era, slug="gated") as client:
        first = await keyed(client, key, name, "pass_soon")
        second = await keyed(client, key, name, "pass_soon")
    async with connect(pair.other, era, slug="gated") as client:
        third = await keyed(client, key, name, "pass_soon")
        assert [told.meta["flowhub/pending"] for told in (first, second, third)] == [True] * 3
        pair.gates.open(name)
        fetched = await client.call_tool("get_result", {"executionId": id_of(first)})
        joined = await keyed(client, key, name, "pass_soon")
    assert fetched.structured_content == joined.structured_content == {"name": name, "said": f"{name} may pass"}
    assert {id_of(result) for result in (first, second, third, fetched, joined)} == {id_of(first)}
    assert pair.gates.visits[name] == 1
