"""What the record calls the request and the answer is what went over the wire, in both eras."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.definitions import answer, chain, node
from tests.live import LiveServer, rest
from tests.mcp_client import ERAS, LEGACY, MODERN, connect
from tests.wire import ENVELOPE, Wire

pytestmark = pytest.mark.timeout(120)

OBJECT_OR_NULL = {"type": ["object", "null"]}
FLOWS: dict[str, dict[str, Any]] = {
    "nothing": {"definition": chain(answer("{{ trigger.v }}")), "outputSchema": OBJECT_OR_NULL},
    "blank": {"definition": chain(node("end", "return", text=" \n"))},
    "blank_and_picture": {
        "definition": chain(
            node(
                "end",
                "return_content",
                content=[
                    {"type": "text", "text": ""},
                    {"type": "image", "data": "iVBORw0KGgo=", "mimeType": "image/png"},
                ],
            )
        )
    },
    "breaks": {"definition": chain(node("end", "fail", message="No order {{ trigger.v }}."))},
    "plain": {"definition": chain(node("end", "return", text="Hello"))},
}


@pytest.fixture(scope="module")
def flows(uvicorn_server: LiveServer) -> Iterator[LiveServer]:
    """The server, with the flows published; other tests share it, and find it as it was."""
    made = []
    for name, fields in FLOWS.items():
        more = {"server": "demo", "name": name, "toolName": name, "toolDescription": "Test.", "isActive": True}
        flow = rest(uvicorn_server, "POST", "/api/flows/", {**more, "inputSchema": {"type": "object"}, **fields})
        made.append(flow["id"])
        rest(uvicorn_server, "POST", f"/api/flows/{flow['id']}/publish/")
    yield uvicorn_server
    for flow_id in made:
        rest(uvicorn_server, "DELETE", f"/api/flows/{flow_id}/")


def call(server: LiveServer, era: str, tool: str, arguments: Any, **meta: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """The result as it came over the wire, and the execution."""
    wire = Wire(server, era)
    message = wire.call(
        params={"name": tool, "arguments": arguments, "_meta": meta | (ENVELOPE if era == MODERN else {})}
    )
    more = [("Mcp-Name", tool)] if era == MODERN else []
    reply = wire.send(wire.encode(message), without="Mcp-Name", more=more)
    result = reply.message["result"]
    return result, server.get_json(f"/api/executions/{result['_meta']['flowhub/executionId']}/")


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("plain", {}),
        ("nothing", {"v": None}),
        ("nothing", {"v": {"a": 1}}),
        ("blank", {}),
        ("blank_and_picture", {}),
        ("breaks", {"v": 7}),
        ("greet", {"name": "Ada", "n": "many"}),
    ],
)
def test_the_record_holds_the_result_that_was_sent(flows: LiveServer, era: str, tool: str, arguments: Any) -> None:
    result, execution = call(flows, era, tool, arguments)
    assert (execution["result"], result["isError"]) == (result, tool in ("breaks", "greet"))


@pytest.mark.anyio
@pytest.mark.parametrize("era", ERAS)
async def test_an_answer_that_is_null_arrives_as_null(flows: LiveServer, era: str) -> None:
    async with connect(flows, era) as client:
        result = await client.call_tool("nothing", {"v": None})
    assert (result.is_error, result.structured_content) == (False, None if era == MODERN else {"result": None})
    sent, _ = call(flows, era, "nothing", {"v": None})
    assert sent["structuredContent"] == (None if era == MODERN else {"result": None})


def test_an_empty_text_never_goes_out_as_an_empty_block(flows: LiveServer) -> None:
    blank, _ = call(flows, MODERN, "blank", {})
    assert blank["content"] == [{"type": "text", "text": "(The answer is an empty text.)"}]
    beside, _ = call(flows, MODERN, "blank_and_picture", {})
    assert [block["type"] for block in beside["content"]] == ["image"]


@pytest.mark.parametrize("era", ERAS)
def test_the_record_holds_the_request_with_its_meta_and_without_its_secrets(flows: LiveServer, era: str) -> None:
    own = {"progressToken": 7, "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
    arguments = {"name": "Ada", "n": 1}
    _, execution = call(flows, era, "greet", arguments, **own, **{"example.com/apiToken": "hunter2-hunter2"})
    meta = own | {"example.com/apiToken": "***"} | (ENVELOPE if era == MODERN else {})
    assert execution["request"] == {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "tools/call",
        "params": {"name": "greet", "arguments": arguments, "_meta": meta},
    }


def test_a_tool_that_is_not_there_is_recorded_with_the_error_that_was_sent(flows: LiveServer) -> None:
    wire = Wire(flows, LEGACY)
    error = wire.send(wire.encode(wire.call(params={"name": "gret", "arguments": {}}))).message["error"]
    assert "get_result" not in error["message"]
    execution = flows.get_json(f"/api/executions/{error['data']['flowhub/executionId']}/")
    assert execution["result"] == {"error": error}


def test_a_server_says_whether_failures_end_with_an_address(flows: LiveServer) -> None:
    servers = flows.get_json("/api/servers/")["items"]
    address = f"/api/servers/{next(each['id'] for each in servers if each['slug'] == 'demo')}/"
    linked, execution = call(flows, MODERN, "breaks", {"v": 7})
    where = f"{flows.url}/executions/{execution['id']}/"
    assert [block["text"] for block in linked["content"]] == ["No order 7.", f"Execution {execution['id']}: {where}"]
    rest(flows, "PATCH", address, {"linksFailures": False})
    try:
        bare, execution = call(flows, MODERN, "breaks", {"v": 7})
        assert [block["text"] for block in bare["content"]] == ["No order 7."]
        assert execution["result"] == bare
        assert bare["_meta"]["flowhub/executionUrl"] == f"{flows.url}/executions/{execution['id']}/"
    finally:
        rest(flows, "PATCH", address, {"linksFailures": True})


def ask(server: LiveServer, era: str, method: str, **params: Any) -> dict[str, Any]:
    """The answer to another request than `tools/call`, as it came over the wire."""
    wire = Wire(server, era)
    meta = {"_meta": ENVELOPE} if era == MODERN else {}
    body = wire.encode({"jsonrpc": "2.0", "id": 9, "method": method, "params": params | meta})
    if era == LEGACY:
        return wire.send(body).message
    named = str(params.get("uri", params.get("name")))
    wire.head = lambda method="POST": [  # type: ignore[method-assign]
        line for line in Wire.head(wire, method) if line[0] not in ("Mcp-Method", "Mcp-Name")
    ]
    return wire.send(body, more=[("Mcp-Method", method), ("Mcp-Name", named)]).message


@pytest.mark.parametrize("era", ERAS)
def test_a_resource_that_a_flow_answers_is_recorded_as_it_was_sent(flows: LiveServer, era: str) -> None:
    result = ask(flows, era, "resources/read", uri="demo:orders/A-10481")["result"]
    execution = flows.get_json(f"/api/executions/{result['_meta']['flowhub/executionId']}/")
    assert execution["result"] == result
    assert (execution["request"]["id"], execution["request"]["params"]["uri"]) == (9, "demo:orders/{order_id}")
    error = ask(flows, era, "resources/read", uri="demo:orders/A-00017")["error"]
    execution = flows.get_json(f"/api/executions/{error['data']['flowhub/executionId']}/")
    assert execution["result"] == {"error": error}


@pytest.mark.parametrize("era", ERAS)
def test_a_prompt_that_a_flow_answers_is_recorded_as_it_was_sent(flows: LiveServer, era: str) -> None:
    name = "said_now" if era == MODERN else "said_then"
    fields = {"server": "demo", "name": name, "description": "Test.", "flow": "plain"}
    prompt = rest(flows, "POST", "/api/prompts/", fields)
    try:
        result = ask(flows, era, "prompts/get", name=name)["result"]
        execution = flows.get_json(f"/api/executions/{result['_meta']['flowhub/executionId']}/")
        assert (execution["result"], result["messages"][0]["content"]["text"]) == (result, "Hello")
    finally:
        rest(flows, "DELETE", f"/api/prompts/{prompt['id']}/")
