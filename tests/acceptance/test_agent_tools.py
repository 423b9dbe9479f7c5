"""Agents look at the executions of their own key, where a person lets them."""

from typing import Any

import pytest
from mcp_types import Tool

from tests.gated import LARGE, fresh, id_of, key_of, nobody, record
from tests.mcp_client import ERAS, LEGACY, MODERN, connect
from tests.servers import Pair

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120)]

LIST, LOOK = "flowhub_list_executions", "flowhub_get_execution"


@pytest.mark.parametrize("era", ERAS)
async def test_they_are_listed_where_they_are_switched_on(pair: Pair, era: str) -> None:
    async with connect(pair.one, era, slug="gated") as client:
        tools: dict[str, Tool] = {tool.name: tool for tool in (await client.list_tools()).tools}
    assert list(tools) == ["ask_pass", "list_soon", "pass", "pass_soon", "get_result", LIST, LOOK]
    for name in (LIST, LOOK):
        annotations = tools[name].annotations
        assert annotations is not None
        assert annotations.read_only_hint is True
        assert tools[name].output_schema is not None
        assert "WHEN TO USE" in (tools[name].description or "")
    async with connect(pair.one, era, slug="plain") as client:
        assert LIST not in [tool.name for tool in (await client.list_tools()).tools]
    async with connect(pair.one, era, slug="gated", key=key_of(pair.one, "looking")) as client:
        assert [tool.name for tool in (await client.list_tools()).tools] == ["pass", LOOK]


@pytest.mark.parametrize("era", ERAS)
async def test_an_agent_finds_out_why_its_call_failed(pair: Pair, era: str) -> None:
    name, password = f"broken{fresh()}", fresh() * 3
    pair.gates.open(name)
    async with connect(pair.one, era, slug="gated") as client:
        failed = await client.call_tool("pass", {"name": name, "password": password})
        execution_id = id_of(failed)
        assert failed.is_error
        assert failed.content[-1].text == (
            f'Call flowhub_get_execution with {{"executionId": "{execution_id}"}} to see what each node did.'
        )
        listed = await client.call_tool(LIST, {"status": "error", "tool": "pass", "limit": 1})
        (row,) = listed.structured_content["executions"]
        looked = (await client.call_tool(LOOK, {"executionId": execution_id})).structured_content
        node = (await client.call_tool(LOOK, {"executionId": execution_id, "node": "trigger"})).structured_content
        unknown = await client.call_tool(LOOK, {"executionId": execution_id, "node": "Door"})
    stored = record(pair.one, failed)
    head = {
        "executionId": execution_id,
        "tool": "pass",
        "status": "error",
        "startedAt": row["startedAt"],
        "durationMs": stored["duration"],
        "arguments": f'name: "{name}"',
    }
    message = stored["errorInfo"]["message"]
    assert row == head | {"error": message[:200], "failedNode": "Gate"}
    nodes = looked.pop("nodes")
    assert looked == head | {
        "url": f"{pair.one.url}/executions/{execution_id}/",
        "error": {
            "message": message,
            "kind": "node_failed",
            "nodeName": "Gate",
            "causes": stored["errorInfo"]["causes"],
        },
    }
    assert [(node["name"], node["type"], node["status"]) for node in nodes] == [
        ("Trigger", "trigger", "completed"),
        ("Gate", "http_request", "error"),
        ("Answer", "return", "skipped"),
    ]
    assert nodes[1]["error"] == message
    assert node["node"]["output"] == {"name": name, "password": "***"}
    assert password not in str(node)
    assert unknown.content[0].text == (
        f"Execution {execution_id} has no node 'Door'. Its nodes are: Trigger, Gate, Answer."
    )


async def test_large_values_are_cut_and_say_so(pair: Pair) -> None:
    name = f"large{fresh()}"
    pair.gates.open(name)
    async with connect(pair.one, MODERN, slug="gated") as client:
        result = await client.call_tool("pass", {"name": name})
        looked = await client.call_tool(LOOK, {"executionId": id_of(result), "node": "gate"})
    said = looked.structured_content["node"]["output"]["body"]["said"]
    assert (said["$truncated"], said["bytes"]) == (True, LARGE)
    assert len(looked.content[0].text) < 20_000


async def test_a_key_sees_its_own_calls_alone(pair: Pair) -> None:
    name = fresh()
    pair.gates.open(name)
    async with connect(pair.one, MODERN, slug="gated") as client:
        mine = await client.call_tool("ask_pass", {"name": name})
        elsewhere_id = ""
        async with connect(pair.one, MODERN, slug="plain") as plain:
            elsewhere_id = id_of(await plain.call_tool("pass", {"name": name}))
        found = await seen(client)
        assert id_of(mine) in found
        assert elsewhere_id not in found
        (child,) = record(pair.one, mine)["children"]
        assert child["id"] not in found
        looked = await client.call_tool(LOOK, {"executionId": child["id"]})
        assert looked.structured_content["tool"] == "pass"
        assert (await client.call_tool(LOOK, {"executionId": elsewhere_id})).is_error
    async with connect(pair.other, LEGACY, slug="gated", key=key_of(pair.one, "twin")) as twin:
        assert not {id_of(mine), elsewhere_id} & set(await seen(twin))
        refused = await twin.call_tool(LOOK, {"executionId": id_of(mine)})
    assert refused.content[0].text == (
        f"There is no execution {id_of(mine)} that your API key started on this server. "
        "flowhub_list_executions shows those."
    )
    # A key for some tools sees the calls of those.
    async with connect(pair.one, MODERN, slug="gated", key=key_of(pair.one, "looking")) as client:
        own = await client.call_tool("pass", {"name": name})
        assert (await client.call_tool(LOOK, {"executionId": id_of(own)})).is_error is False


async def seen(client: Any) -> list[str]:
    result = await client.call_tool(LIST, {"limit": 50})
    return [row["executionId"] for row in result.structured_content["executions"]]


async def test_without_a_key_there_is_one_clear_sentence(pair: Pair) -> None:
    async with nobody(pair.one) as client:
        for name, arguments in ((LIST, {}), (LOOK, {"executionId": "01a20735-41c1-7554-b35a-ac21ef891280"})):
            result = await client.call_tool(name, arguments)
            assert [block.text for block in result.content] == [
                "This tool shows the executions of the API key that calls it, and this call came without one. "
                "Send a key: Authorization: Bearer fh_..."
            ]
            assert (result.is_error, result.structured_content) == (True, None)


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        ({"limit": 51}, "- limit: "),
        ({"status": "done"}, "- status: "),
        ({"since": "yesterday"}, "- since: "),
        ({"since": "2026-01-01T00:00:00"}, "- since: "),
        ({"since": "2016-12-31T23:59:60Z"}, "since: second must be in 0..59"),
        ({"since": "0001-01-01T00:00:00+23:59"}, "since: The year 1 is too far away: write one from 2 to 9998."),
        ({"page": 2}, "- page: "),
    ],
)
async def test_arguments_that_mean_nothing_are_refused_with_what_to_change(
    pair: Pair, arguments: dict[str, Any], fault: str
) -> None:
    async with connect(pair.one, MODERN, slug="gated") as client:
        result = await client.call_tool(LIST, arguments)
        assert result.is_error
        assert fault in result.content[0].text
        later = await client.call_tool(LIST, {"since": "2199-01-01T00:00:00Z"})
    assert later.structured_content == {"executions": [], "hasMore": False}
