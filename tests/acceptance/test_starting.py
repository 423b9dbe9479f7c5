"""What a person begins works on a fresh installation: made on a page, tried, published, called by a client."""

from collections.abc import Iterator
from typing import Any

import pytest
from mcp.types import ElicitResult

from tests.live import LiveServer, live_server, rest
from tests.mcp_client import MODERN, connect
from tests.people import person

pytestmark = pytest.mark.anyio

MADE: dict[str, tuple[str, dict[str, Any], Any]] = {
    "look-up": (
        "find_an_order",
        {"order_id": "A-10482"},
        {"id": "A-10482", "customer": "Grace Hopper", "status": "packed", "total": 49.9},
    ),
    "branch": ("say_what_delivery_costs", {"country": "PL"}, {"price": 9.9, "days": 4}),
    "loop": (
        "add_up_orders",
        {"order_ids": ["A-10481", "A-7"]},
        {"count": 1, "total": 182.4, "unknown": ["A-7"]},
    ),
    "ask": ("cancel_an_order", {"order_id": "A-10481"}, {"status": "cancelled", "changed": True}),
    "model": (
        "sort_a_message",
        {"message": "Where is my payment? I paid twice."},
        {"topic": "payment", "urgent": False, "summary": "Where is my payment?"},
    ),
}
"""Of each template: the tool name that its own name gives, a call, and what that answers."""


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    with live_server(tmp_path_factory.mktemp("templates")) as server:
        yield server


async def agrees(*_: Any) -> ElicitResult:
    return ElicitResult(action="accept", content={"reason": "too late"})


@pytest.mark.parametrize("key", MADE)
async def test_a_template_makes_a_draft_whose_cases_pass_and_that_a_client_can_call(live: LiveServer, key: str) -> None:
    tool_name, arguments, answer = MADE[key]
    with person(live) as somebody:
        page = f"/flows/new/template/{key}/"
        assert "may not reach the demo" not in somebody.get(page)
        server = live.get_json("/api/servers/")["items"][0]["id"]
        built = somebody.post(page, name=name_of(somebody.get(page)), tool_name="", server=str(server))
    flow = f"/api/flows/{built.split('/')[2]}"
    draft = live.get_json(f"{flow}/")
    assert (draft["toolName"], draft["publishedVersion"]) == (tool_name, None)
    cases = live.post_json(f"{flow}/cases/run/", {})["items"]
    assert [(case["name"], case["passed"], case["reason"]) for case in cases if not case["passed"]] == []
    assert cases
    findings = live.get_json(f"{flow}/tool/")["draft"]["findings"]
    assert [finding for finding in findings if finding["level"] != "hint"] == []
    rest(live, "POST", f"{flow}/publish/")
    async with connect(live, MODERN, elicitation_callback=agrees) as client:
        result = await client.call_tool(tool_name, arguments)
    assert (result.is_error, result.structured_content) == (False, answer)


async def test_a_pasted_command_becomes_a_tool_that_a_client_can_call(live: LiveServer) -> None:
    command = f"curl -sS '{live.url}/demo/orders/A-10481' \\\n  -H 'Accept: application/json' -u ada:s3cret"
    with person(live) as somebody:
        page = somebody.post("/flows/new/curl/", command=command, read="1")
        assert page == "/flows/new/curl/"
        server = str(live.get_json("/api/servers/")["items"][0]["id"])
        values = {"use_v0": "on", "name_v0": "order_id", "type_v0": "string", "description_v0": "The order's id."}
        secret = {"secret_c0": "SHOP_PASSWORD", "store_c0": "on"}
        where = {"name": "Get order", "tool_name": "", "server": server, "tool_description": "Returns one order."}
        built = somebody.post("/flows/new/curl/", command=command, make="1", **values, **secret, **where)
    flow = f"/api/flows/{built.split('/')[2]}"
    assert [case["passed"] for case in live.post_json(f"{flow}/cases/run/", {})["items"]] == [True]
    rest(live, "POST", f"{flow}/publish/")
    async with connect(live, MODERN) as client:
        result = await client.call_tool("get_order", {"order_id": "A-10483"})
    assert (result.is_error, result.structured_content["customer"]) == (False, "Alan Turing")
    kept = live.get_json("/api/executions/?limit=1&tool=get_order")["items"][0]["id"]
    assert "s3cret" not in str(live.get_json(f"/api/executions/{kept}/")) + str(live.get_json(f"{flow}/"))


def name_of(page: str) -> str:
    """What the form has in its first field."""
    return page.split('name="name" value="')[1].partition('"')[0]
