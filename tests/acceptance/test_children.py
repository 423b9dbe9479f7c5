"""A client calls a tool whose flow calls another one for each item of a list; the REST API shows who called whom."""

import json
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from tests.definitions import answer, chain, node
from tests.live import LiveServer
from tests.mcp_client import ERAS, connect

pytestmark = pytest.mark.anyio

INNER = chain(answer({"square": "{{ trigger.n }}"}))
PICKY = chain(
    node("small", "code", source="assert n != 3, 'no threes'\nreturn n", inputs={"n": "{{ trigger.n }}"}),
    answer("{{ small }}"),
)
CAREFUL = chain(
    node("each", "for_each", items="{{ trigger.list }}", flow="picky", arguments={"n": "{{ item }}"}, concurrency=1),
    answer("{{ each.results }}"),
)
OUTER = chain(
    node("each", "for_each", items="{{ trigger.list }}", flow="inner", arguments={"n": "{{ item }}"}, concurrency=10),
    answer("{{ each.results }}"),
)


def post(live: LiveServer, path: str, **body: Any) -> Any:
    """POST to the REST API with the demo's key."""
    return json.loads(send(live, "POST", path, body))


def send(live: LiveServer, method: str, path: str, body: Any = None) -> bytes:
    """What the REST API answers to a request."""
    headers = {"Authorization": f"Bearer {live.credentials['key']}", "Content-Type": "application/json"}
    request = urllib.request.Request(f"{live.url}/api/{path}", json.dumps(body).encode(), headers, method=method)
    with urllib.request.urlopen(request, timeout=20) as answered:
        return answered.read()


@pytest.fixture(scope="module")
def flows(uvicorn_server: LiveServer) -> Iterator[LiveServer]:
    """The server, with the flows published; other tests share it, and find it as it was."""
    made = []
    named = {"inner": INNER, "outer": OUTER, "picky": PICKY, "careful": CAREFUL}
    for tool_name, definition in named.items():
        fields = {"server": "demo", "name": tool_name.capitalize(), "toolName": tool_name, "toolDescription": "Test."}
        flow = post(uvicorn_server, "flows/", **fields, inputSchema={"type": "object"}, definition=definition)
        made.append(flow["id"])
        post(uvicorn_server, f"flows/{flow['id']}/publish/")
    yield uvicorn_server
    for flow_id in made:
        send(uvicorn_server, "DELETE", f"flows/{flow_id}/?confirm=true")


@pytest.mark.parametrize("era", ERAS)
async def test_each_call_of_a_flow_is_an_execution_below_the_clients(flows: LiveServer, era: str) -> None:
    async with connect(flows, era) as client:
        result = await client.call_tool("outer", {"list": list(range(30))})
    expected = [{"square": number} for number in range(30)]
    assert json.loads(result.content[0].text) == expected
    parent = flows.get_json(f"/api/executions/{result.meta['flowhub/executionId']}/")
    assert (parent["status"], parent["parent"], len(parent["children"])) == ("fulfilled", None, 30)
    assert {child["flowToolName"] for child in parent["children"]} == {"inner"}
    ids = [child["id"] for child in parent["children"]]
    assert sorted(parent["nodeExecutions"][1]["childExecutions"]) == sorted(ids)
    child = flows.get_json(f"/api/executions/{ids[0]}/")
    assert (child["parent"], child["caller"]) == (parent["id"], parent["caller"])


@pytest.mark.parametrize("era", ERAS)
async def test_a_client_reads_which_item_failed_and_the_record_keeps_those_before_it(
    flows: LiveServer, era: str
) -> None:
    async with connect(flows, era) as client:
        result = await client.call_tool("careful", {"list": [1, 2, 3, 4]})
    assert result.is_error
    message = "The item at index 2 (3) failed after 2 of 4 were finished: Small: The code failed at line 1: "
    assert result.content[0].text.startswith(message)
    parent = flows.get_json(f"/api/executions/{result.meta['flowhub/executionId']}/")
    finished = parent["nodeExecutions"][1]["finished"]
    assert [(item["index"], item["output"]) for item in finished] == [(0, 1), (1, 2)]
    inner = flows.get_json(f"/api/executions/{finished[1]['executionId']}/")
    assert (inner["parent"], inner["initialParams"]) == (parent["id"], {"n": 2})
    again = post(flows, f"executions/{parent['id']}/replay/", fromNode="each")
    assert [item.get("reused") for item in again["nodeExecutions"][1]["finished"]] == [True, True]
    children = flows.get_json(f"/api/executions/{again['id']}/")["children"]
    assert [child["flowToolName"] for child in children] == ["picky"]
