"""The form of a node in a browser: filled in without a line of JSON, and nothing is written that was not touched."""

import json
import re
import urllib.request
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browsing import call, log_in, window
from tests.live import LiveServer
from tests.published import published

pytestmark = [pytest.mark.browser, pytest.mark.canvas]

ASKED = {"type": "object", "properties": {"order_id": {"type": "string", "minLength": 1}}, "required": ["order_id"]}


@pytest.fixture
def page(browser: Browser, uvicorn_server: LiveServer) -> Iterator[Page]:
    """A logged-in page; what its console complains about fails the test, except for what axe measures with."""
    with window(browser, "Applying inline style", reduced_motion="reduce") as context:
        yield log_in(context, uvicorn_server)


def rest(server: LiveServer, method: str, address: str, body: dict[str, Any]) -> Any:
    request = urllib.request.Request(
        f"{server.url}/api/{address}",
        method=method,
        data=json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {server.credentials['key']}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def node(slug: str, node_type: str, x: int) -> dict[str, Any]:
    return {"id": slug, "type": node_type, "name": slug.title(), "slug": slug, "position": {"x": x, "y": 0}}


def line(source: str, way: str, target: str) -> dict[str, Any]:
    return {"id": f"{source}-{target}", "sourceNodeId": source, "sourceHandle": way, "targetNodeId": target}


def make_flow(server: LiveServer, tool: str, *types: str) -> int:
    """A draft of a chain of nodes without parameters, with the type and a number for a slug."""
    chain = [node("trigger", "trigger", 0)]
    chain += [node(each, each if each != "answer" else "return", 264 * (n + 1)) for n, each in enumerate(types)]
    lines = [
        line(one["slug"], "true" if one["type"] == "condition" else "main", other["slug"])
        for one, other in pairwise(chain)
    ]
    named = {"server": "demo", "name": tool, "toolName": tool, "toolDescription": "Tries."}
    made = rest(server, "POST", "flows/", named)
    draft = {"definition": {"nodes": chain, "connections": lines}, "inputSchema": ASKED}
    rest(server, "PUT", f"flows/{made['id']}/draft/", draft)
    return int(made["id"])


def opened(page: Page, name: str) -> Locator:
    page.locator(f"[data-node={name.lower()}]").click()
    form = page.get_by_role("complementary", name=name, exact=True)
    expect(form).to_be_visible()
    return form


def saved(page: Page, server: LiveServer, flow: int) -> dict[str, Any]:
    """What the stored draft has of each node, by slug, once the page says that it is stored."""
    expect(page.locator(".save-state")).to_contain_text("Saved")
    nodes = server.get_json(f"/api/flows/{flow}/")["definition"]["nodes"]
    return {each["slug"]: {key: each[key] for key in ("parameters", "settings") if key in each} for each in nodes}


def test_a_flow_is_filled_in_without_json_and_only_what_was_touched_is_written(
    page: Page, uvicorn_server: LiveServer
) -> None:
    flow = make_flow(uvicorn_server, "filled_in", "http_request", "condition", "answer")
    page.goto(f"{uvicorn_server.url}/flows/{flow}/build/")

    form = opened(page, "Http_Request")
    url = form.get_by_label("URL")
    url.press_sequentially("{{ flowhub")
    expect(form.get_by_role("option", name="flowhub.url")).to_be_visible()
    url.press("Enter")
    url.press_sequentially("/demo/orders/{order}")
    form.get_by_role("group", name="Path").get_by_role("button", name="Add").click()
    page.keyboard.type("order")
    page.keyboard.press("Tab")
    page.keyboard.type("{{ order")
    page.keyboard.press("Enter")
    form.get_by_role("switch", name="Fail on another status").click()
    form.get_by_role("group", name="Authentication").get_by_label("Add to").select_option("Kind")
    form.get_by_label("Kind", exact=True).select_option("bearer")
    form.get_by_label("Secret", exact=True).fill("{{ secrets.SHOP_KEY }}")
    expect(form.get_by_role("link", name="Add the secret SHOP_KEY to the server")).to_be_visible()
    form.get_by_role("button", name="Remove Authentication").click()
    form.get_by_role("tab", name="Settings").click()
    form.get_by_label("When it fails").select_option("handle")
    assert saved(page, uvicorn_server, flow)["http_request"] == {
        "parameters": {
            "url": "{{ flowhub.url }}/demo/orders/{order}",
            "path": {"order": "{{ trigger.order_id }}"},
            "failOnStatus": False,
        },
        "settings": {"onError": "handle"},
    }

    form = opened(page, "Condition")
    known = form.locator("details", has_text="What is known here")
    known.locator("summary").click()
    known.get_by_text("http_request.status").drag_to(form.get_by_role("textbox", name="Left"))
    form.get_by_label("Operator", exact=True).select_option("equals")
    form.get_by_label("Type of Right").select_option("Number")
    form.get_by_role("combobox", name="Right", exact=True).fill("200")
    expect(form.get_by_role("group", name="Expression")).to_be_visible()

    form = opened(page, "Answer")
    form.get_by_label("Type of JSON").select_option("Names and values")
    form.get_by_role("group", name="JSON").get_by_role("button", name="Add").click()
    page.keyboard.type("order")
    page.keyboard.press("Tab")
    page.keyboard.type("{{ trigger.order_id }} is known")
    expect(form.get_by_label("Text", exact=True)).to_be_hidden()
    assert saved(page, uvicorn_server, flow) == {
        "trigger": {},
        "http_request": saved(page, uvicorn_server, flow)["http_request"],
        "condition": {"parameters": {"left": "{{ http_request.status }}", "operator": "equals", "right": 200}},
        "answer": {"parameters": {"json": {"order": "{{ trigger.order_id }} is known"}}},
    }

    call(uvicorn_server, "filled_in", {"order_id": "A-10481"})
    form.get_by_role("button", name="Close").click()
    form = opened(page, "Answer")
    expect(form.locator(".gives")).to_have_text('Gives "A-10481 is known"')
    assert Axe().run(page, context=".inspector").response["violations"] == []


def test_the_tool_is_written_in_rows_and_a_model_reads_it(page: Page, uvicorn_server: LiveServer) -> None:
    flow = make_flow(uvicorn_server, "find_order", "answer")
    page.goto(f"{uvicorn_server.url}/flows/{flow}/build/")
    form = opened(page, "Trigger")
    form.get_by_label("Name", exact=True).nth(1).fill("Look up")
    form.get_by_label("Name of order_id").fill("id")
    form.get_by_label("Description of order_id").fill("As A-10481.")
    form.get_by_role("button", name="Add a parameter").click()
    page.keyboard.type("limit")
    page.keyboard.press("Tab")
    form.get_by_label("Type of limit").select_option("Whole number")
    form.get_by_role("switch", name="Only reads").click()
    expect(page.locator(".save-state")).to_contain_text("Saved")
    stored = uvicorn_server.get_json(f"/api/flows/{flow}/")
    assert {key: stored[key] for key in ("name", "toolName", "inputSchema", "annotations")} == {
        "name": "Look up",
        "toolName": "look_up",
        "inputSchema": ASKED
        | {
            "properties": {
                "id": {"type": "string", "minLength": 1, "description": "As A-10481."},
                "limit": {"type": "integer"},
            },
            "required": ["id"],
        },
        "annotations": {"readOnlyHint": True},
    }
    form.get_by_role("tab", name="What a model reads").click()
    expect(form.get_by_label("The definition")).to_contain_text('"description": "As A-10481."')
    assert Axe().run(page, context=".inspector").response["violations"] == []


def test_code_and_json_have_an_editor_and_a_slug_is_renamed_everywhere(page: Page, uvicorn_server: LiveServer) -> None:
    flow = make_flow(uvicorn_server, "with_code", "code", "answer")
    page.goto(f"{uvicorn_server.url}/flows/{flow}/build/")
    form = opened(page, "Answer")
    form.get_by_role("textbox", name="Text", exact=True).fill("{{ code.x }} of {{ code }}")
    form = opened(page, "Code")
    form.get_by_role("button", name="Write: Source").click()
    expect(form.get_by_role("textbox", name="Source")).to_be_focused()
    page.keyboard.type("return {'x': 1}")
    expect(form.locator(".cm-scroller")).to_have_css("display", "flex")
    form.get_by_label("Slug").fill("sum")
    form.get_by_label("Slug").press("Enter")
    assert saved(page, uvicorn_server, flow) == {
        "trigger": {},
        "sum": {"parameters": {"source": "return {'x': 1}"}},
        "answer": {"parameters": {"text": "{{ sum.x }} of {{ sum }}"}},
    }


def test_a_tool_of_another_server_is_chosen_from_its_list_and_said_to_be_another_one_later(
    page: Page, uvicorn_server: LiveServer
) -> None:
    server = uvicorn_server
    demo = next(each for each in server.get_json("/api/servers/")["items"] if each["slug"] == "demo")
    secret = {"name": "UPSTREAM_KEY", "value": server.credentials["key"]}
    rest(server, "POST", f"servers/{demo['id']}/secrets/", secret)
    with published(server, {"quoted": {"toolDescription": "Says a price."}}) as ids:
        flow = make_flow(server, "quotes", "mcp_tool", "answer")
        definition = server.get_json(f"/api/flows/{flow}/draft/")["definition"]
        auth = {"type": "bearer", "secret": "{{ secrets.UPSTREAM_KEY }}"}
        definition["nodes"][1]["parameters"] = {"url": f"{server.url}/mcp/demo", "auth": auth}
        definition["nodes"][2]["parameters"] = {"json": "{{ mcp_tool.text }}"}
        rest(server, "PUT", f"flows/{flow}/draft/", {"definition": definition})
        page.goto(f"{server.url}/flows/{flow}/build/?node=mcp_tool")
        group = page.get_by_role("group", name="Tools of the server")
        expect(group).to_contain_text("Not pinned")
        group.get_by_role("button", name="Choose from the server's tools").click()
        group.get_by_role("button", name="quoted").click()
        expect(group).to_contain_text("Pinned: “quoted” is as it was when it was chosen.")
        expect(page.locator(".save-state")).to_have_text(re.compile(r"Saved \d"))
        found = Axe().run(page, context=".inspector", options={"resultTypes": ["violations"]}).response["violations"]
        assert [(rule["id"], rule["nodes"]) for rule in found] == []
        tried = rest(server, "POST", f"flows/{flow}/test/", {"arguments": {"order_id": "A"}})
        assert (tried["status"], tried["nodeExecutions"][1]["outputData"]["text"]) == ("fulfilled", '"Done"')
        rest(server, "PATCH", f"flows/{ids['quoted']}/", {"toolDescription": "Pays a price."})
        rest(server, "POST", f"flows/{ids['quoted']}/publish/", {})
        group.get_by_role("button", name="Ask again").click()
        expect(group).to_contain_text("“quoted” is not the one that was chosen: its description changed.")
        tried = rest(server, "POST", f"flows/{flow}/test/", {"arguments": {"order_id": "A"}})
        assert tried["status"] == "error"
        assert "is not the one that was chosen: its description changed. Nothing was called." in str(tried["errorInfo"])
        page.goto(f"{server.url}/flows/{flow}/publish/")
        expect(page.locator("#publish-tools")).to_contain_text("its description changed. Calls fail.")
