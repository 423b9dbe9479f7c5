"""Flows that call FlowHub by its own address: no deeper, and no more, than flows that call each other."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.definitions import answer, chain, node
from tests.live import LiveServer, rest
from tests.mcp_client import MODERN, connect
from tests.published import published

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120)]

AUTH = {"type": "bearer", "secret": "{{ secrets.OWN_KEY }}"}
SAID = "Flows call each other more than 10 deep: … > circle. Add a condition that ends the circle"


@pytest.fixture(scope="module")
def own_key(uvicorn_server: LiveServer) -> Iterator[None]:
    """A key of FlowHub among the secrets of its demo server."""
    (server,) = [row for row in uvicorn_server.get_json("/api/servers/")["items"] if row["slug"] == "demo"]
    path = f"/api/servers/{server['id']}/secrets/"
    rest(uvicorn_server, "POST", path, {"name": "OWN_KEY", "value": uvicorn_server.credentials["key"]})
    yield
    rest(uvicorn_server, "DELETE", f"{path}OWN_KEY/")


def calls(server: LiveServer) -> list[tuple[str, str]]:
    """The executions of the circle, the last to begin first, with the words of those that were refused."""
    rows = server.get_json("/api/executions/?tool=circle&limit=100")["items"]
    shown = [server.get_json(f"/api/executions/{row['id']}/") for row in rows]
    return [(row["status"], (row["errorInfo"] or {}).get("message", "")) for row in shown]


def forget(server: LiveServer) -> None:
    for row in server.get_json("/api/executions/?tool=circle&limit=100")["items"]:
        rest(server, "DELETE", f"/api/executions/{row['id']}/")


async def test_a_flow_that_calls_its_own_tool_is_stopped_ten_deep(uvicorn_server: LiveServer, own_key: None) -> None:
    call = node("again", "mcp_tool", url="{{ flowhub.url }}/mcp/demo", tool="circle", auth=AUTH)
    with published(uvicorn_server, {"circle": {"definition": chain(call, answer("Done"))}}):
        async with connect(uvicorn_server, MODERN) as client:
            result = await client.call_tool("circle", {})
    assert result.is_error is True
    found = calls(uvicorn_server)
    forget(uvicorn_server)
    assert [status for status, _ in found] == ["error"] * 11
    assert found[0][1].startswith(SAID)


async def test_a_flow_that_tests_itself_is_stopped_ten_deep(uvicorn_server: LiveServer, own_key: None) -> None:
    with published(uvicorn_server, {"circle": {}}) as ids:
        path = f"/api/flows/{ids['circle']}/"
        url, body = f"{{{{ flowhub.url }}}}{path}test/", {"arguments": {}}
        request: dict[str, Any] = {"method": "POST", "url": url, "auth": AUTH, "bodyJson": body}
        rest(uvicorn_server, "PATCH", path, {"definition": chain(node("again", "http_request", **request), answer(1))})
        rest(uvicorn_server, "POST", f"{path}test/", {"arguments": {}})
    found = calls(uvicorn_server)
    forget(uvicorn_server)
    assert [status for status, _ in found] == ["error", *["fulfilled"] * 10]
    assert found[0][1].startswith(SAID)
