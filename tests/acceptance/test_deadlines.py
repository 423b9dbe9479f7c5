"""Calls that take longer than their client waits: it is told that they go on, and comes back for the end."""

import asyncio
import json

import pytest

from tests.gated import LARGE, fresh, id_of, key_of, nobody, record
from tests.mcp_client import ERAS, LEGACY, MODERN, connect
from tests.servers import Pair

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120)]


@pytest.mark.parametrize("era", ERAS)
async def test_a_client_is_told_in_time_and_fetches_the_whole_answer(pair: Pair, era: str) -> None:
    name = f"large{fresh()}"
    async with connect(pair.one, era, slug="gated") as client:
        told = await client.call_tool("pass_soon", {"name": name})
        execution_id = id_of(told)
        assert (told.is_error, told.meta["flowhub/pending"]) == (False, True)
        seconds = told.structured_content["seconds"]
        assert told.structured_content == {
            "executionId": execution_id,
            "status": "pending",
            "tool": "pass_soon",
            "seconds": seconds,
            "nodesDone": 1,
            "nodesUnderWay": ["Gate"],
            "fetchWith": "get_result",
        }
        asked = json.dumps({"executionId": execution_id})
        assert told.content[0].text == (
            f"pass_soon is still under way after {seconds:g} s (nodes done: 1, under way: Gate).\n"
            f"This is not its result. Call get_result with {asked} to wait for it and fetch it; "
            "calling pass_soon again would start it a second time."
        )
        assert record(pair.one, told)["status"] == "pending"
        still = await client.call_tool("get_result", {"executionId": execution_id, "waitSeconds": 0})
        assert (still.meta["flowhub/pending"], still.structured_content["status"]) == (True, "pending")
        fetching = asyncio.create_task(client.call_tool("get_result", {"executionId": execution_id}))
        pair.gates.open(name)
        answer = {"name": name, "said": "x" * LARGE}
        result = await fetching
        assert result.structured_content == answer
        assert (result.is_error, id_of(result), "flowhub/pending" in result.meta) == (False, execution_id, False)
        again = await client.call_tool("get_result", {"executionId": execution_id})
    assert (again.structured_content, again.content) == (answer, result.content)
    async with connect(pair.other, era, slug="gated") as client:
        elsewhere = await client.call_tool("get_result", {"executionId": execution_id})
    assert elsewhere.structured_content == answer
    stored = record(pair.one, told)
    assert stored["status"] == "fulfilled"
    assert stored["result"]["structuredContent"]["said"]["$truncated"] is True
    assert pair.gates.visits[name] == 1


@pytest.mark.parametrize("era", ERAS)
async def test_a_call_that_ends_in_time_is_answered_as_ever(pair: Pair, era: str) -> None:
    name = fresh()
    pair.gates.open(name)
    async with connect(pair.one, era, slug="gated") as client:
        result = await client.call_tool("pass_soon", {"name": name})
        assert result.structured_content == {"name": name, "said": f"{name} may pass"}
        ours = {key: value for key, value in result.meta.items() if key.startswith("flowhub/")}
        assert ours == {
            "flowhub/executionId": id_of(result),
            "flowhub/executionUrl": f"{pair.one.url}/executions/{id_of(result)}/",
        }
        late = await client.call_tool("get_result", {"executionId": id_of(result)})
    assert late.is_error
    assert late.content[0].text.startswith("The execution has ended, but its answer is not kept")


@pytest.mark.parametrize("era", ERAS)
async def test_a_list_as_answer_keeps_its_form_in_both_eras(pair: Pair, era: str) -> None:
    name = fresh()
    async with connect(pair.one, era, slug="gated") as client:
        told = await client.call_tool("list_soon", {"name": name})
        pair.gates.open(name)
        result = await client.call_tool("get_result", {"executionId": id_of(told)})
    if era == LEGACY:
        assert told.structured_content["result"]["status"] == "pending"
        assert result.structured_content == {"result": [name]}
    else:
        assert told.structured_content["status"] == "pending"
        assert result.structured_content == [name]


@pytest.mark.parametrize("era", ERAS)
async def test_who_was_told_to_come_back_may_hang_up(pair: Pair, era: str) -> None:
    name = fresh()
    async with connect(pair.one, era, slug="gated") as client:
        told = await client.call_tool("pass_soon", {"name": name})
        waiting = asyncio.create_task(client.call_tool("get_result", {"executionId": id_of(told)}))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
    pair.gates.open(name)
    async with connect(pair.other, era, slug="gated") as client:
        result = await client.call_tool("get_result", {"executionId": id_of(told)})
    assert result.structured_content == {"name": name, "said": f"{name} may pass"}


async def test_a_failure_is_fetched_in_the_words_for_the_client(pair: Pair) -> None:
    name = f"broken{fresh()}"
    async with connect(pair.one, MODERN, slug="plain") as client:
        told = await client.call_tool("pass_soon", {"name": name})
        pair.gates.open(name)
        result = await client.call_tool("get_result", {"executionId": id_of(told)})
        elsewhere = await client.call_tool("get_result", {"executionId": id_of(told)})
    assert result.is_error
    assert "500" in result.content[0].text
    assert result.content[1].text == f"Execution {id_of(told)}: {pair.one.url}/executions/{id_of(told)}/"
    assert elsewhere.content == result.content


async def test_nobody_else_fetches_an_answer(pair: Pair) -> None:
    name = fresh()
    async with connect(pair.one, MODERN, slug="gated") as client:
        told = await client.call_tool("pass_soon", {"name": name})
        pair.gates.open(name)
        await client.call_tool("get_result", {"executionId": id_of(told)})
    nothing = f"There is no execution {id_of(told)} that you started on this server. Use the id that the call gave you."
    asked = {"executionId": id_of(told)}
    async with connect(pair.one, MODERN, slug="gated", key=key_of(pair.one, "twin")) as stranger:
        assert [block.text for block in (await stranger.call_tool("get_result", asked)).content] == [nothing]
    async with connect(pair.one, MODERN, slug="plain") as client:
        assert [block.text for block in (await client.call_tool("get_result", asked)).content] == [nothing]
    async with nobody(pair.one) as client:
        assert [block.text for block in (await client.call_tool("get_result", asked)).content] == [nothing]


async def test_without_a_key_the_id_fetches_the_answer(pair: Pair) -> None:
    name = fresh()
    async with nobody(pair.one) as client:
        told = await client.call_tool("pass_soon", {"name": name})
    pair.gates.open(name)
    async with nobody(pair.other) as client:
        result = await client.call_tool("get_result", {"executionId": id_of(told)})
    assert result.structured_content == {"name": name, "said": f"{name} may pass"}


@pytest.mark.parametrize("era", ERAS)
async def test_get_result_is_listed_where_a_flow_answers_in_time(pair: Pair, era: str) -> None:
    async with connect(pair.one, era, slug="plain") as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        assert list(tools) == ["ask_pass", "list_soon", "pass", "pass_soon", "get_result"]
        assert tools["get_result"].annotations.read_only_hint is True
        refused = await client.call_tool("get_result", {"executionId": "7", "wait": 1})
    assert refused.is_error
    assert refused.content[0].text.startswith("The arguments do not fit the input schema of get_result:\n- ")
    async with connect(pair.one, era) as client:
        assert "get_result" not in [tool.name for tool in (await client.list_tools()).tools]


async def test_a_key_for_some_tools_has_get_result_for_those_that_answer_in_time(pair: Pair) -> None:
    async with connect(pair.one, MODERN, slug="gated", key=key_of(pair.one, "soon")) as client:
        assert [tool.name for tool in (await client.list_tools()).tools] == ["pass_soon", "get_result"]
    async with connect(pair.one, MODERN, slug="gated", key=key_of(pair.one, "plain")) as client:
        assert [tool.name for tool in (await client.list_tools()).tools] == ["pass"]
