"""Flows called by the SDK's own client, in both eras, under uvicorn and under daphne, and what is recorded of it."""

import asyncio
import urllib.request
from typing import Any

import httpx2
import pytest
from mcp import MCPError
from mcp_types import INVALID_PARAMS

from tests.live import LiveServer
from tests.mcp_client import ERAS, LEGACY, MODERN, connect

pytestmark = pytest.mark.anyio

EXECUTION_ID = "flowhub/executionId"
VERSIONS = {MODERN: "2026-07-28", LEGACY: "2025-11-25"}


def detail(server: LiveServer, result: Any) -> dict[str, Any]:
    return server.get_json(f"/api/executions/{result.meta[EXECUTION_ID]}/")


@pytest.mark.parametrize("era", ERAS)
async def test_a_client_lists_the_demo_tools(server: LiveServer, era: str) -> None:
    async with connect(server, era) as client:
        assert client.session.protocol_version == VERSIONS[era]
        tools = (await client.list_tools()).tools
    assert [tool.name for tool in tools] == ["greet", "lookup_order", "order_report", "slow_report"]
    assert tools[0].title == "Greet"
    assert tools[0].description == (
        "Greets a person by name and repeats the number that was sent.\n\n"
        "WHEN TO USE: To check that this server answers."
    )
    assert tools[0].input_schema == {
        "type": "object",
        "properties": {
            "name": {"type": "string", "description": "Who is greeted."},
            "n": {"type": "integer", "description": "Any whole number."},
        },
        "required": ["name", "n"],
        "additionalProperties": False,
    }


@pytest.mark.parametrize("era", ERAS)
async def test_fr_001_a_call_is_answered_and_leaves_a_whole_record(server: LiveServer, era: str) -> None:
    async with connect(server, era) as client:
        result = await client.call_tool("greet", {"name": "Ada", "n": 21})
    assert [block.text for block in result.content] == ["Hello, Ada! 21"]
    assert result.is_error is False
    record = detail(server, result)
    assert result.meta["flowhub/executionUrl"] == f"{server.url}/executions/{record['id']}/"
    assert record["status"] == "fulfilled"
    assert record["initialParams"] == {"name": "Ada", "n": 21}
    assert record["initialParamsPreview"] == 'name: "Ada"'
    assert record["result"]["content"] == [{"type": "text", "text": "Hello, Ada! 21"}]
    assert record["errorInfo"] is None
    assert record["endedAt"] >= record["startedAt"]
    assert record["duration"] > 0
    assert record["caller"] == {
        "clientName": "mcp",
        "clientVersion": record["caller"]["clientVersion"],
        "protocolVersion": VERSIONS[era],
        "principal": "key demo",
        "source": "mcp",
    }
    nodes = record["nodeExecutions"]
    assert [(node["nodeName"], node["status"], node["outputData"]) for node in nodes] == [
        ("Call", "completed", {"name": "Ada", "n": 21}),
        ("Make the greeting", "completed", {"text": "Hello, Ada! 21", "number": 21}),
        ("Answer", "completed", nodes[2]["outputData"]),
    ]
    assert nodes[1]["inputData"] == {"fields": {"text": "Hello, Ada! 21", "number": 21}}


@pytest.mark.parametrize("era", ERAS)
async def test_a_json_answer_is_structured_and_text(server: LiveServer, era: str) -> None:
    async with connect(server, era) as client:
        result = await client.call_tool("lookup_order", {"order_id": "A-10481"})
    order = {"id": "A-10481", "customer": "Ada Lovelace", "status": "shipped", "total": 182.4, "items": 3}
    assert result.structured_content == order
    assert result.is_error is False
    assert len(result.content) == 1


@pytest.mark.parametrize("era", ERAS)
async def test_a_report_adds_up_the_orders_that_it_found_and_names_the_others(server: LiveServer, era: str) -> None:
    async with connect(server, era) as client:
        usual = await client.call_tool("order_report", {})
        partly = await client.call_tool("order_report", {"order_ids": ["A-10482", "A-00017"]})
        nothing = await client.call_tool("order_report", {"order_ids": ["A-00017"]})
    assert usual.structured_content == {"text": "Orders: 3, worth 232.3.", "total": 232.3, "unknown": []}
    assert partly.structured_content == {"text": "Orders: 1, worth 49.9.", "total": 49.9, "unknown": ["A-00017"]}
    assert nothing.is_error is True
    assert nothing.content[0].text == 'None of these orders exists: ["A-00017"]. Check the ids: they look like A-10481.'
    assert len(detail(server, usual)["children"]) == 3


@pytest.mark.parametrize("era", ERAS)
async def test_fr_007_a_failure_is_an_error_result_and_names_the_failing_node(server: LiveServer, era: str) -> None:
    async with connect(server, era) as client:
        result = await client.call_tool("lookup_order", {"order_id": "A-00017"})
    message = "There is no order A-00017. Check the id: it looks like A-10481."
    assert result.is_error is True
    record = detail(server, result)
    where = f"Execution {record['id']}: {server.url}/executions/{record['id']}/"
    assert [block.text for block in result.content] == [message, where]
    assert record["result"]["content"][0] == {"type": "text", "text": message}
    assert record["result"]["isError"] is True
    assert record["status"] == "error"
    assert record["failedNodeName"] == "Unknown order"
    assert record["errorInfo"] == {
        "message": message,
        "kind": "node_failed",
        "nodeId": "unknown",
        "nodeName": "Unknown order",
        "causes": [],
    }
    assert [(node["nodeName"], node["status"]) for node in record["nodeExecutions"]] == [
        ("Order id", "completed"),
        ("Fetch order", "completed"),
        ("Found?", "completed"),
        ("Answer", "skipped"),
        ("Unknown order", "error"),
    ]


@pytest.mark.parametrize("era", ERAS)
async def test_arguments_that_break_the_schema_are_refused_with_what_to_repair(server: LiveServer, era: str) -> None:
    async with connect(server, era) as client:
        result = await client.call_tool("greet", {"name": 7, "n": "x"})
    assert result.is_error is True
    assert result.content[0].text == (
        "The arguments do not fit the input schema of greet:\n"
        '- name: 7 is not of type "string"\n'
        '- n: "x" is not of type "integer"\n'
        "Correct them and call again."
    )
    record = detail(server, result)
    assert (record["status"], record["errorInfo"]["kind"]) == ("error", "rejected")
    assert record["initialParams"] == {"name": 7, "n": "x"}
    assert record["nodeExecutions"] == []
    assert record["flowToolName"] == "greet"


@pytest.mark.parametrize("era", ERAS)
async def test_an_unknown_tool_is_a_protocol_error_and_leaves_a_rejected_record(server: LiveServer, era: str) -> None:
    async with connect(server, era) as client:
        with pytest.raises(MCPError) as raised:
            await client.call_tool("gret", {"name": "Ada"})
    assert raised.value.error.code == INVALID_PARAMS
    assert raised.value.error.message == (
        "There is no tool 'gret' on this server. Its tools are: greet, lookup_order, order_report, slow_report."
    )
    record = server.get_json(f"/api/executions/{raised.value.error.data[EXECUTION_ID]}/")
    assert (record["flowId"], record["flowToolName"], record["errorInfo"]["kind"]) == (None, "gret", "rejected")


async def test_parallel_branches_overlap_and_a_default_is_filled_in(uvicorn_server: LiveServer) -> None:
    async with connect(uvicorn_server, MODERN) as client:
        result = await client.call_tool("slow_report", {"seconds": 0.2})
    assert result.structured_content == {"sales": 1204, "stock": 87, "seconds": 0.2}
    record = detail(uvicorn_server, result)
    assert record["initialParams"] == {"seconds": 0.2}
    nodes = {node["nodeName"]: node for node in record["nodeExecutions"]}
    assert nodes["Call"]["outputData"] == {"fail": False, "seconds": 0.2}
    sales, stock = nodes["Read sales"], nodes["Read stock"]
    assert stock["startOffsetMs"] < sales["startOffsetMs"] + sales["durationMs"]
    assert nodes["Check totals"]["status"] == "skipped"


async def test_fr_012_two_hundred_concurrent_calls_each_keep_their_own_parameters(uvicorn_server: LiveServer) -> None:
    async with connect(uvicorn_server, MODERN) as client:
        calls = (client.call_tool("greet", {"name": f"caller {n}", "n": n}) for n in range(200))
        results = await asyncio.gather(*calls)
    assert [result.content[0].text for result in results] == [f"Hello, caller {n}! {n}" for n in range(200)]
    ids = {result.meta[EXECUTION_ID]: n for n, result in enumerate(results)}
    found: dict[int, tuple[str, Any]] = {}
    for page in range(1, 5):
        listing = uvicorn_server.get_json(f"/api/executions/?tool=greet&search=caller&limit=100&page={page}")
        for item in listing["items"]:
            if item["id"] in ids:
                found[ids[item["id"]]] = item["status"], item["initialParamsPreview"]
        if page >= listing["totalPages"]:
            break
    assert found == {n: ("fulfilled", f'name: "caller {n}"') for n in range(200)}


async def test_a_modern_client_that_hangs_up_cancels_its_execution(server: LiveServer) -> None:
    before = server.get_json("/api/executions/?tool=slow_report&limit=1")["total"]
    async with connect(server, MODERN) as client:
        call = asyncio.ensure_future(client.call_tool("slow_report", {"seconds": 30}))
        await until(lambda: server.get_json("/api/executions/?tool=slow_report&limit=1")["total"] > before)
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)
    await until(lambda: newest(server)["status"] != "pending")
    record = server.get_json(f"/api/executions/{newest(server)['id']}/")
    assert (record["status"], record["errorInfo"]["kind"]) == ("error", "cancelled")
    entry = next(node for node in record["nodeExecutions"] if node["nodeName"] == "Collect")
    assert (entry["status"], entry["error"]["kind"]) == ("error", "cancelled")


async def test_a_legacy_client_cancels_with_a_notification(server: LiveServer) -> None:
    before = server.get_json("/api/executions/?tool=slow_report&limit=1")["total"]
    async with connect(server, LEGACY) as client:
        call = asyncio.ensure_future(client.call_tool("slow_report", {"seconds": 30}))
        await until(lambda: server.get_json("/api/executions/?tool=slow_report&limit=1")["total"] > before)
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)
        await until(lambda: newest(server)["status"] != "pending")
    record = server.get_json(f"/api/executions/{newest(server)['id']}/")
    assert (record["status"], record["errorInfo"]["kind"]) == ("error", "cancelled")


async def test_fr_006_the_record_can_be_read_while_the_flow_runs(uvicorn_server: LiveServer) -> None:
    async with connect(uvicorn_server, MODERN) as client:
        call = asyncio.ensure_future(client.call_tool("slow_report", {"seconds": 1.5}))
        await until(lambda: newest(uvicorn_server)["status"] == "pending")
        address = f"/api/executions/{newest(uvicorn_server)['id']}/"
        await until(lambda: len(uvicorn_server.get_json(address)["nodeExecutions"]) == 2)
        record = uvicorn_server.get_json(address)
        result = await call
    assert result.is_error is False
    assert [(node["nodeName"], node["status"]) for node in record["nodeExecutions"]] == [
        ("Call", "completed"),
        ("Collect", "pending"),
    ]
    assert (record["endedAt"], record["duration"]) == (None, None)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"Authorization": "Bearer fh_nonsense"}, 401),
        ({"Authorization": "Basic YTpi"}, 401),
        ({"Host": "evil.example"}, 421),
        ({"Origin": "http://evil.example"}, 403),
        ({"Content-Type": "application/jsonxyz"}, 415),
    ],
)
async def test_a_request_that_may_not_pass_is_stopped_at_the_door(
    server: LiveServer, headers: dict[str, str], status: int
) -> None:
    total = server.get_json("/api/executions/?limit=1")["total"]
    body = b'{"jsonrpc":"2.0","id":1,"method":"tools/list"}'
    base = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
    async with httpx2.AsyncClient() as http:
        answer = await http.post(f"{server.url}/mcp/demo", content=body, headers=base | headers)
    assert answer.status_code == status
    assert set(answer.json()) == {"jsonrpc", "id", "error"}
    assert server.get_json("/api/executions/?limit=1")["total"] == total


async def test_fr_011_deleting_a_flow_keeps_its_executions(uvicorn_server: LiveServer) -> None:
    script = (
        "from flows.models import Flow, Server; from flows.publishing import versions; from flowhub import demo; "
        "values = demo.GREET | {'tool_name': 'leaving'}; "
        "flow = Flow.objects.create(server=Server.objects.get(slug='demo'), **values); "
        "versions.publish(flow); print(flow.pk)"
    )
    flow_id = int(uvicorn_server.manage("shell", "-v", "0", "-c", script).stdout.split()[-1])
    async with connect(uvicorn_server, MODERN) as client:
        await until_async(lambda: has_tool(client, "leaving"))
        result = await client.call_tool("leaving", {"name": "Ada", "n": 1})
        delete(uvicorn_server, f"/api/flows/{flow_id}/")
        with pytest.raises(MCPError):
            await client.call_tool("leaving", {"name": "Ada", "n": 2})
    record = detail(uvicorn_server, result)
    assert (record["flowId"], record["flowName"], record["flowToolName"]) == (None, "Greet", "leaving")
    assert record["version"] == 1
    assert record["status"] == "fulfilled"


async def has_tool(client: Any, name: str) -> bool:
    return name in [tool.name for tool in (await client.list_tools()).tools]


def delete(server: LiveServer, path: str) -> None:
    request = urllib.request.Request(
        server.url + path, method="DELETE", headers={"Authorization": f"Bearer {server.credentials['key']}"}
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert answer.status == 204


def newest(server: LiveServer) -> dict[str, Any]:
    return server.get_json("/api/executions/?limit=1")["items"][0]


async def until(condition: Any, seconds: float = 15.0) -> None:
    async with asyncio.timeout(seconds):
        while not await asyncio.to_thread(condition):
            await asyncio.sleep(0.05)


async def until_async(condition: Any, seconds: float = 15.0) -> None:
    async with asyncio.timeout(seconds):
        while not await condition():
            await asyncio.sleep(0.05)
