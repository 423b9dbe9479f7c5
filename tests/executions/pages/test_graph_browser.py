"""The graph of an execution in a browser: the failing node, its card, steps in the order of time, and live changes."""

import re
import threading
from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browsing import call, log_in, window
from tests.live import LiveServer, wait_until

pytestmark = [pytest.mark.browser, pytest.mark.canvas]


@pytest.fixture
def page(browser: Browser, uvicorn_server: LiveServer) -> Iterator[Page]:
    """A logged-in page; what its console complains about fails the test, except for what axe measures with."""
    with window(browser, "Applying inline style", reduced_motion="reduce") as context:
        yield log_in(context, uvicorn_server)


def box(page: Page, key: str) -> Locator:
    return page.locator(f'flow-canvas [data-node="{key}"]')


def open_graph(page: Page, server: LiveServer, order: str) -> None:
    execution = call(server, "lookup_order", {"order_id": order})
    page.goto(f"{server.url}/flows/{execution['flowId']}/usage/{execution['id']}/?view=graph")
    expect(box(page, "found")).to_be_visible()


def test_the_failing_node_is_open_at_first_with_its_card(page: Page, uvicorn_server: LiveServer) -> None:
    open_graph(page, uvicorn_server, "A-00017")
    expect(box(page, "unknown")).to_have_attribute("aria-expanded", "true")
    card = page.get_by_role("complementary", name="Unknown order")
    expect(card.locator(".card")).to_contain_text("There is no order A-00017")
    words = [re.sub(r"[<\d.]+ m?s", "N", text) for text in page.locator("flow-canvas .says").all_text_contents()]
    assert words == ["completed · N", "completed · N", "completed · N", "skipped", "failed · N"]
    expect(page.locator("flow-canvas .way.is-taken")).to_have_text(["false"])
    expect(page.locator("flow-canvas .react-flow__edge.is-taken")).to_have_count(3)
    expect(page.get_by_role("button", name=re.compile("^Unknown order, Fail, failed"))).to_be_visible()
    for theme in ("light", "dark"):
        page.evaluate("theme => { document.documentElement.dataset.theme = theme; }", theme)
        broken = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
        assert [(rule["id"], rule["nodes"]) for rule in broken] == []


def test_it_is_stepped_through_in_the_order_of_time_by_buttons_and_keys(page: Page, uvicorn_server: LiveServer) -> None:
    open_graph(page, uvicorn_server, "A-10481")
    steps = page.locator("flow-canvas .steps span")
    expect(steps).to_have_text("4 ran")
    page.get_by_role("button", name="Next in time").click()
    expect(steps).to_have_text("1 of 4")
    expect(page.get_by_role("complementary", name="Order id")).to_contain_text("A-10481")
    expect(page.get_by_role("button", name="Previous in time")).to_be_disabled()
    expect(page.get_by_role("button", name="Next in time")).to_be_focused()
    box(page, "trigger").focus()
    walk = []
    for key in "nnnnp":
        page.keyboard.press(key)
        walk.append(page.evaluate("document.activeElement.dataset.node"))
    assert walk == ["fetch", "found", "answer", "answer", "found"]
    expect(page.get_by_role("complementary", name="Found?").locator(".card[open]")).to_contain_text("Found?")
    page.keyboard.press("Escape")
    expect(page.get_by_role("complementary")).to_have_count(0)
    expect(page.locator("article[data-execution]")).to_be_visible()


def test_a_part_that_htmx_brings_in_is_drawn_and_one_that_it_takes_away_is_gone(
    page: Page, uvicorn_server: LiveServer
) -> None:
    open_graph(page, uvicorn_server, "A-10481")
    page.evaluate("window.same = true")
    page.locator(".sections").get_by_text("Nodes").click()
    expect(page.locator("details.card")).to_have_count(5)
    expect(page.locator("flow-canvas")).to_have_count(0)
    page.locator(".sections").get_by_text("Graph").click()
    expect(box(page, "found")).to_contain_text("completed")
    page.go_back()
    expect(page.locator("details.card")).to_have_count(5)
    page.go_forward()
    expect(box(page, "found")).to_contain_text("completed")


def test_while_it_runs_the_same_canvas_goes_on(page: Page, uvicorn_server: LiveServer) -> None:
    caller = threading.Thread(target=call, args=(uvicorn_server, "slow_report", {"seconds": 4, "fail": True}))
    caller.start()
    pending = "/api/executions/?tool=slow_report&status=pending"
    try:
        wait_until(lambda: uvicorn_server.get_json(pending)["items"], 10, "the call did not start")
        execution = uvicorn_server.get_json(pending)["items"][0]["id"]
        page.goto(f"{uvicorn_server.url}/executions/{execution}/?view=graph")
        expect(box(page, "collect")).to_have_class(re.compile("is-pending|is-completed"))
        box(page, "trigger").evaluate("element => { window.same = element; }")
        box(page, "trigger").click()
        expect(page.locator("article h2")).to_have_text("Error", timeout=20_000)
        expect(box(page, "broken")).to_contain_text("failed")
        expect(box(page, "broken")).to_have_attribute("aria-expanded", "true")
        expect(page.get_by_role("complementary", name="Check totals").locator(".card")).to_contain_text("do not add up")
        expect(box(page, "report")).to_contain_text("skipped")
        assert box(page, "trigger").evaluate("element => element === window.same")
    finally:
        caller.join()
