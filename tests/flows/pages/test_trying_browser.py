"""A draft is called in place: as a whole, as far as a node, with outputs that are held, and for a call that failed."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browsing import log_in, window
from tests.definitions import answer, chain, node
from tests.live import LiveServer

pytestmark = [pytest.mark.browser, pytest.mark.canvas]

SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "times": {"type": "integer", "minimum": 1}, "loud": {"type": "boolean"}},
    "required": ["name"],
    "additionalProperties": False,
}


@pytest.fixture
def page(browser: Browser, uvicorn_server: LiveServer) -> Iterator[Page]:
    """A logged-in page; its console complains about refused calls alone."""
    with window(browser, "the server responded with a status of 400", reduced_motion="reduce") as context:
        yield log_in(context, uvicorn_server)


def made(server: LiveServer, tool_name: str, definition: Any) -> int:
    """The id of a flow of the demo's server, not published."""
    words = {"server": "demo", "name": "Trial", "toolName": tool_name, "toolDescription": "Tries."}
    body = words | {"inputSchema": SCHEMA, "definition": definition, "isActive": False}
    found: int = server.post_json("/api/flows/", body)["id"]
    return found


def test_a_draft_is_called_as_far_as_a_node_and_with_an_output_that_is_held(
    page: Page, uvicorn_server: LiveServer
) -> None:
    greet = node("greet", "template", text="{{ trigger.name }}, {{ execution.id }}")
    flow = made(
        uvicorn_server, "tried_in_place", chain(greet, node("check", "delay", seconds=0), answer("{{ greet }}"))
    )
    page.goto(f"{uvicorn_server.url}/flows/{flow}/build/")
    says = page.locator(".box .says")
    expect(says).to_have_count(4)

    page.get_by_role("button", name="Test call").click()
    form = page.get_by_role("form", name="Test call")
    form.get_by_role("button", name="Call the draft").click()
    expect(form.locator(".row", has_text="name").locator(".wrong")).to_be_visible()
    form.get_by_role("textbox", name="name").fill("Ada")
    form.get_by_label("times").fill("many")
    page.keyboard.press("Control+Enter")
    expect(form.locator(".row", has_text="times").locator(".wrong")).to_have_text("Write a number.")
    form.get_by_label("times").fill("2")
    form.get_by_label("loud").select_option("true")
    page.keyboard.press("Control+Enter")

    bar = page.locator(".trial-bar")
    expect(bar.locator(".what")).to_contain_text(re.compile('name: "Ada".*"Ada, [0-9a-f-]{36}"', re.DOTALL))
    expect(page.locator(".box.is-completed")).to_have_count(4)
    expect(page.locator(".react-flow__edge.is-taken")).to_have_count(3)
    first = bar.locator("small").text_content()

    page.locator("[data-node=greet]").click()
    gave = page.get_by_role("region", name="What Greet gave")
    expect(gave.locator("pre").last).to_contain_text("Ada, ")
    gave.get_by_role("button", name="Hold this output").click()
    bar.get_by_role("button", name="Again").click()
    expect(says.nth(1)).to_have_text("given")
    expect(bar.locator("small")).to_have_text(first or "")
    gave.get_by_role("button", name="Let go of the held output").click()

    page.locator("[data-node=check]").click(button="right")
    page.get_by_role("menuitem", name="Run to here").click()
    expect(bar.locator("small")).to_contain_text("Executed as far as 'Check'")
    expect(says.nth(1)).to_have_text(re.compile("completed"))
    expect(says.nth(3)).to_have_text("not reached")
    bar.get_by_role("button", name="Hide").click()
    expect(page.locator(".box.is-completed")).to_have_count(0)
    called = uvicorn_server.get_json(f"/api/flows/{flow}/executions/")["items"]
    assert [each["status"] for each in called] == ["fulfilled"] * 3
    assert uvicorn_server.get_json(f"/api/executions/{called[-1]['id']}/")["initialParams"] == {
        "name": "Ada",
        "times": 2,
        "loud": True,
    }


def test_a_call_that_failed_is_tried_on_the_draft_and_compared(page: Page, uvicorn_server: LiveServer) -> None:
    definition = chain(node("greet", "template", text="{{ trigger.times }}"), answer("{{ greet }}"))
    flow = made(uvicorn_server, "tried_again", definition)
    failed = uvicorn_server.post_json(f"/api/flows/{flow}/test/", {"arguments": {"name": "Ada", "loud": False}})
    assert failed["status"] == "error"
    page.goto(f"{uvicorn_server.url}/flows/{flow}/usage/{failed['id']}/")
    page.get_by_role("link", name="Try on draft").first.click()
    form = page.get_by_role("form", name="Test call")
    expect(form.get_by_role("textbox", name="name")).to_have_value("Ada")
    expect(form.get_by_label("loud")).to_have_value("false")
    expect(page.get_by_role("region", name="What Greet gave")).to_contain_text("times")
    expect(page.locator(".box.is-error b")).to_have_text("Greet")
    form.get_by_label("times").fill("3")
    form.get_by_role("button", name="Call the draft").click()
    bar = page.locator(".trial-bar.is-fulfilled")
    expect(bar).to_be_visible()
    bar.get_by_role("link", name="Compare with").click()
    expect(page.locator("h1, h2").first).to_be_visible()
    assert f"left={failed['id']}&right=" in page.url
