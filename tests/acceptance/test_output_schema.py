"""What a tool with an output schema answers to clients of both eras, and what its record says when it does not fit."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.definitions import answer, chain, node
from tests.live import LiveServer
from tests.mcp_client import ERAS, LEGACY, connect
from tests.published import published, send

pytestmark = pytest.mark.anyio

ORDER = {"type": "object", "properties": {"id": {"type": "integer"}}, "required": ["id"], "additionalProperties": False}
TREES = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "array",
    "items": {"$ref": "#/$defs/tree"},
    "$defs": {
        "tree": {
            "type": "object",
            "$anchor": "tree",
            "properties": {
                "name": {"type": "string"},
                "beside": {"$ref": "#tree"},
                "below": {"type": "array", "items": {"$ref": "#/$defs/tree"}},
            },
            "required": ["name"],
            "default": {"$ref": "#/left/alone"},
        }
    },
}
FLOWS: dict[str, dict[str, Any]] = {
    "give_order": {"outputSchema": ORDER, "definition": chain(answer("{{ trigger.value }}"))},
    "give_trees": {"outputSchema": TREES, "definition": chain(answer("{{ trigger.value }}"))},
    "say_order": {"outputSchema": ORDER, "definition": chain(node("say", "return", text="No order."))},
}
HINT = "Calling again with the same arguments is unlikely to help; the flow or its output schema has to be corrected."


@pytest.fixture(scope="module")
def flows(uvicorn_server: LiveServer) -> Iterator[dict[str, int]]:
    with published(uvicorn_server, FLOWS) as ids:
        yield ids


async def call(server: LiveServer, era: str, tool: str, value: Any) -> dict[str, Any]:
    """The whole result, as the SDK's client read and checked it, with the record in place of `_meta`."""
    async with connect(server, era) as client:
        await client.list_tools()
        result = await client.call_tool(tool, {"value": value})
    whole = result.model_dump(by_alias=True, exclude_none=True)
    whole.pop("resultType", None)
    return whole | {"_meta": server.get_json(f"/api/executions/{result.meta['flowhub/executionId']}/")}


@pytest.mark.parametrize("era", ERAS)
async def test_an_answer_that_fits_is_structured(uvicorn_server: LiveServer, flows: Any, era: str) -> None:
    result = await call(uvicorn_server, era, "give_order", {"id": 7})
    assert result.pop("_meta")["status"] == "fulfilled"
    assert result == {
        "content": [{"type": "text", "text": '{"id": 7}'}],
        "structuredContent": {"id": 7},
        "isError": False,
    }


@pytest.mark.parametrize("era", ERAS)
async def test_a_misfit_is_an_error_that_names_the_path_and_the_node(
    uvicorn_server: LiveServer, flows: Any, era: str
) -> None:
    result = await call(uvicorn_server, era, "give_order", {"id": "7", "extra": 1})
    record = result.pop("_meta")
    message = (
        'The answer does not fit the flow\'s output schema: id: "7" is not of type "integer"; '
        "extra: there is no such property; there are: id."
    )
    assert (result["content"][0]["text"], result["isError"]) == (f"Answer: {message} {HINT}", True)
    assert (record["status"], record["failedNodeName"]) == ("error", "Answer")
    assert record["errorInfo"] == {
        "message": message,
        "kind": "node_failed",
        "nodeId": "answer",
        "nodeName": "Answer",
        "causes": [],
    }
    assert [(entry["nodeId"], entry["status"]) for entry in record["nodeExecutions"]] == [
        ("trigger", "completed"),
        ("answer", "error"),
    ]


@pytest.mark.parametrize("era", ERAS)
async def test_text_alone_is_no_answer_of_a_tool_with_an_output_schema(
    uvicorn_server: LiveServer, flows: Any, era: str
) -> None:
    result = await call(uvicorn_server, era, "say_order", None)
    message = (
        "The flow has an output schema, so exactly one node has to answer with a JSON value; "
        "there were other answers only: 'Say'."
    )
    assert result["content"][0]["text"] == f"{message} {HINT}"
    assert (result["isError"], result["_meta"]["errorInfo"]["message"]) == (True, message)


@pytest.mark.parametrize("era", ERAS)
async def test_a_list_is_wrapped_for_handshake_clients_and_its_references_still_lead_somewhere(
    uvicorn_server: LiveServer, flows: Any, era: str
) -> None:
    async with connect(uvicorn_server, era) as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
    result = await call(uvicorn_server, era, "give_trees", [{"name": "oak", "below": [{"name": "acorn"}]}])
    trees = [{"name": "oak", "below": [{"name": "acorn"}]}]
    if era != LEGACY:
        assert (tools["give_trees"].output_schema, result["structuredContent"]) == (TREES, trees)
        return
    inside = {"$ref": "#/properties/result/$defs/tree"}
    tree = TREES["$defs"]["tree"]
    moved = {
        "type": "array",
        "items": inside,
        "$defs": {"tree": tree | {"properties": tree["properties"] | {"below": {"type": "array", "items": inside}}}},
    }
    assert tools["give_trees"].output_schema == {
        "$schema": TREES["$schema"],
        "type": "object",
        "properties": {"result": moved},
        "required": ["result"],
    }
    assert result["structuredContent"] == {"result": trees}


def test_a_draft_is_held_against_its_own_schema(uvicorn_server: LiveServer, flows: dict[str, int]) -> None:
    path = f"flows/{flows['give_order']}/"
    send(uvicorn_server, "PATCH", path, {"outputSchema": {"type": "array"}})
    try:
        record = uvicorn_server.post_json(f"/api/{path}test/", {"arguments": {"value": {"id": 7}}})
    finally:
        send(uvicorn_server, "PATCH", path, {"outputSchema": ORDER})
    assert record["errorInfo"]["message"] == (
        'The answer does not fit the flow\'s output schema: the object is not of type "array".'
    )
