"""The detail of an execution in a real browser: finding in JSON, notes, comparing, running again, by keyboard too."""

import re
import threading
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.executions.pages.test_views_browser import call, log_in
from tests.live import LiveServer, wait_until

pytestmark = pytest.mark.browser


@pytest.fixture
def page(browser: Browser, uvicorn_server: LiveServer) -> Iterator[Page]:
    """A logged-in page; what its console complains about fails the test."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    complaints: list[str] = []
    context.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    context.on("weberror", lambda error: complaints.append(str(error.error)))
    yield log_in(context, uvicorn_server)
    context.close()
    assert complaints == []


def open_execution(page: Page, server: LiveServer, order: str, view: str = "nodes") -> str:
    """Call `lookup_order` and open the execution; returns the flow's address."""
    execution = call(server, "lookup_order", {"order_id": order})
    flow = f"{server.url}/flows/{execution['flowId']}/"
    page.goto(f"{flow}usage/{execution['id']}/?view={view}")
    return flow


def marked(page: Page, name: str) -> list[str]:
    """The texts that a highlight marks, in order."""
    return page.evaluate("name => [...CSS.highlights.get(name)].map(String)", name)


def contract(page: Page) -> Locator:
    """The panel with the tool's contract, large enough to look for something in it."""
    return page.locator("section.panel", has_text="Result").filter(has=page.get_by_text("structuredContent"))


def test_find_opens_and_marks_what_matches_and_moves_between_matches(page: Page, uvicorn_server: LiveServer) -> None:
    open_execution(page, uvicorn_server, "A-10481", "exchange")
    panel = contract(page)
    panel.get_by_role("button", name="Find in result").click()
    field = panel.get_by_role("searchbox", name="Find in result")
    expect(field).to_be_focused()
    panel.get_by_role("button", name="Fold all of it").click()
    expect(panel.get_by_text('"structuredContent"')).to_be_visible()
    expect(panel.get_by_text('"customer"', exact=True)).to_be_hidden()
    field.fill("LOVELACE")
    expect(panel.locator("output")).to_have_text("1 of 2")
    expect(panel.get_by_text('"customer"', exact=True)).to_be_visible()
    assert (marked(page, "json-current"), marked(page, "json-found")) == (["Lovelace"], ["Lovelace"])
    field.press("Enter")
    expect(panel.locator("output")).to_have_text("2 of 2")
    field.press("Enter")
    expect(panel.locator("output")).to_have_text("1 of 2")
    field.press("Shift+Enter")
    expect(panel.locator("output")).to_have_text("2 of 2")
    field.fill("(nowhere")
    expect(panel.locator("output")).to_have_text("not found")
    field.press("Escape")
    expect(panel.locator("output")).to_have_text("")
    field.press("Escape")
    expect(field).to_be_hidden()
    expect(panel.get_by_role("button", name="Find in result")).to_be_focused()
    assert marked(page, "json-found") == []


def test_lines_of_json_are_wrapped_or_not(page: Page, uvicorn_server: LiveServer) -> None:
    open_execution(page, uvicorn_server, "A-10481", "exchange")
    panel = contract(page)
    panel.get_by_role("button", name="Find in result").click()
    wrap = panel.get_by_role("button", name="Wrap long lines")
    expect(wrap).to_have_attribute("aria-pressed", "true")
    wrap.click()
    expect(wrap).to_have_attribute("aria-pressed", "false")
    expect(panel.locator(".json")).to_have_css("white-space-collapse", "preserve")
    expect(panel.locator(".json")).to_have_css("text-wrap-mode", "nowrap")


def test_find_stays_open_while_a_pending_execution_is_renewed(page: Page, uvicorn_server: LiveServer) -> None:
    caller = threading.Thread(target=call, args=(uvicorn_server, "slow_report", {"seconds": 4}))
    caller.start()
    pending = "/api/executions/?tool=slow_report&status=pending"
    wait_until(lambda: uvicorn_server.get_json(pending)["items"], 10, "the call did not start")
    try:
        page.goto(f"{uvicorn_server.url}/executions/?tool=slow_report")
        page.locator("#rows .row", has=page.locator(".dot.is-pending")).first.click(timeout=10_000)
        card = page.locator("details.card").first
        card.locator("summary").first.click()
        find = card.get_by_role("button", name="Find in input")
        find.click()
        card.get_by_role("searchbox").fill("seconds")
        expect(page.locator("article h2")).to_have_text("Fulfilled", timeout=20_000)
        expect(card.get_by_role("searchbox")).to_have_value("seconds")
        expect(find).to_have_attribute("aria-expanded", "true")
        assert marked(page, "json-current") == ["seconds"]
    finally:
        caller.join()


def test_a_note_is_added_by_keyboard(page: Page, uvicorn_server: LiveServer) -> None:
    open_execution(page, uvicorn_server, "A-99999")
    menu = page.locator("#detail").get_by_label("More actions")
    menu.focus()
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Add a note…").focus()
    page.keyboard.press("Enter")
    field = page.get_by_role("textbox", name="Note, up to 2,000 characters")
    expect(field).to_be_focused()
    page.keyboard.type("The customer read it from a screenshot.")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator(".execution-note > p")).to_have_text("The customer read it from a screenshot.")
    expect(page.locator("#rows .row[aria-current]").get_by_label("Has a note")).to_be_visible()


def test_compare_with_the_last_fulfilled_one_by_keyboard(page: Page, uvicorn_server: LiveServer) -> None:
    open_execution(page, uvicorn_server, "A-10481")
    open_execution(page, uvicorn_server, "A-99999")
    page.locator("summary", has_text="Compare with…").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="The last fulfilled one")).to_be_focused()
    page.keyboard.press("Enter")
    said = page.get_by_role("region", name="What differs")
    expect(said).to_contain_text("The next node that differs is Fetch order: its input differs at url")
    said.get_by_role("link", name="Fetch order").click()
    expect(page.locator("#node-fetch")).to_be_in_viewport()


@pytest.mark.parametrize("width", [390, 1440])
def test_two_executions_stand_side_by_side_or_stacked(page: Page, uvicorn_server: LiveServer, width: int) -> None:
    open_execution(page, uvicorn_server, "A-10481")
    flow = open_execution(page, uvicorn_server, "A-99999")
    page.set_viewport_size({"width": width, "height": 800})
    chosen = page.url.split("/")[-2]
    page.goto(f"{flow}compare/?left=previous&right={chosen}")
    assert re.search(r"left=[0-9a-f-]{36}&right=", page.url)
    boxes = [page.get_by_role("region", name=name).first.bounding_box() for name in ("Left", "Right")]
    assert boxes[0] is not None
    assert boxes[1] is not None
    is_stacked = boxes[1]["y"] >= boxes[0]["y"] + boxes[0]["height"]
    assert is_stacked == (width == 390)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_run_again_with_an_edited_parameter(page: Page, uvicorn_server: LiveServer) -> None:
    open_execution(page, uvicorn_server, "A-99999")
    page.locator("#detail").get_by_label("More actions").click()
    page.get_by_role("link", name="Edit parameters…").click()
    page.get_by_label("Parameters as JSON").fill('{"order_id": "A-10481"}')
    page.get_by_role("button", name="Run again").click()
    expect(page.locator("article h2")).to_have_text("Fulfilled")
    expect(page.locator("article")).to_contain_text("Replay of an earlier execution")
