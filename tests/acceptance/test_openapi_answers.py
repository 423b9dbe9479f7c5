"""FlowHub's own document made into tools: what its REST API answers fits the output schemas, as clients read them."""

from collections.abc import Iterator
from typing import Any

import pytest

from flows.transfer import openapi
from tests.live import LiveServer, rest
from tests.mcp_client import ERAS, LEGACY, connect
from tests.published import published, send

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120)]

WANTED = ("node-types/", "prompts/", "resources/", "servers/", "flows/{flowId}/", "flows/{flowId}/versions/")


@pytest.fixture(scope="module")
def tools(uvicorn_server: LiveServer) -> Iterator[dict[str, str]]:
    """The path of each tool by its name; the server calls itself by them."""
    document = openapi.read(send(uvicorn_server, "GET", "schema/?format=json").decode())
    made = {
        each.path: each for each in openapi.Operations(document, uvicorn_server.url).converted() if each.method == "get"
    }
    flows: dict[str, dict[str, Any]] = {}
    paths: dict[str, str] = {}
    for path in WANTED:
        operation = made[f"/api/{path}"]
        assert operation.flow is not None, operation.problem
        name = f"own_{operation.tool_name}"
        flows[name], paths[name] = operation.flow | {"toolName": name}, operation.path
    (server,) = [row for row in uvicorn_server.get_json("/api/servers/")["items"] if row["slug"] == "demo"]
    secrets = f"/api/servers/{server['id']}/secrets/"
    rest(uvicorn_server, "POST", secrets, {"name": "API_KEY", "value": uvicorn_server.credentials["key"]})
    with published(uvicorn_server, flows):
        yield paths
    rest(uvicorn_server, "DELETE", f"{secrets}API_KEY/")


@pytest.mark.parametrize("era", ERAS)
async def test_what_the_api_answers_is_structured_content_that_fits(
    uvicorn_server: LiveServer, tools: dict[str, str], era: str
) -> None:
    flow_id = uvicorn_server.get_json("/api/flows/")["items"][-1]["id"]
    async with connect(uvicorn_server, era) as client:
        offered = {tool.name: tool.output_schema for tool in (await client.list_tools()).tools}
        # The client holds each answer to the output schema too, and raises when it does not fit.
        results = {
            name: await client.call_tool(name, {"flowId": flow_id} if "{flowId}" in path else {})
            for name, path in tools.items()
        }
    answers = {name: uvicorn_server.get_json(path.replace("{flowId}", str(flow_id))) for name, path in tools.items()}
    if era == LEGACY:  # in which structured content is always an object
        answers["own_node_types_list"] = {"result": answers["own_node_types_list"]}
    assert {name: result.structured_content for name, result in results.items()} == answers
    assert None not in [offered[name] for name in tools]
