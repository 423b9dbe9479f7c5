"""The Test tab in a real browser: calls that are watched while they run, lists that grow, and no script at all."""

import json
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.acceptance.test_pages_browser import log_in
from tests.live import LiveServer

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A browser; what its console complains about fails the test."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    complaints: list[str] = []
    context.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    context.on("weberror", lambda error: complaints.append(str(error.error)))
    yield context
    context.close()
    assert complaints == []


def open_tab(context: BrowserContext, server: LiveServer, tool: str) -> Page:
    """The Test tab of a demo flow."""
    page = log_in(context, server)
    flows = {flow["toolName"]: flow["id"] for flow in server.get_json("/api/flows/")["items"]}
    page.goto(f"{server.url}/flows/{flows[tool]}/test/")
    return page


def press_call(page: Page) -> None:
    page.locator("#call .is-main").click()


def test_nodes_appear_while_the_call_runs_and_the_result_at_its_end(
    context: BrowserContext, uvicorn_server: LiveServer
) -> None:
    page = open_tab(context, uvicorn_server, "slow_report")
    page.get_by_label("seconds").fill("1.5")
    press_call(page)
    article = page.locator("article[data-execution]")
    expect(article.locator("h2")).to_have_text("Pending")
    page.evaluate("window.same = true")
    cards = article.locator("details.card")
    expect(cards.filter(has_text="Read sales").locator(".dot.is-pending")).to_be_visible(timeout=5_000)
    expect(cards.filter(has_text="Collect").locator(".dot.is-completed")).to_be_visible()
    expect(article.locator("h2")).to_have_text("Fulfilled", timeout=10_000)
    expect(article).to_contain_text("What a client receives")
    expect(article).to_contain_text("1204")
    assert page.evaluate("window.same === true")
    assert page.url.partition("#")[0].endswith(f"?execution={article.get_attribute('data-execution')}")
    page.reload()
    expect(page.locator("article h2")).to_have_text("Fulfilled")
    expect(page.get_by_label("seconds")).to_have_value("1.5")
    page.go_back()
    expect(page.locator("#detail")).to_contain_text("No result yet")


def test_a_call_is_cancelled_without_leaving_the_tab(context: BrowserContext, uvicorn_server: LiveServer) -> None:
    page = open_tab(context, uvicorn_server, "slow_report")
    page.get_by_label("seconds").fill("30")
    press_call(page)
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator("article h2")).to_have_text("Error", timeout=10_000)
    expect(page.locator("article")).to_contain_text("cancelled")
    assert "/test/?execution=" in page.url


def test_enter_calls_and_faults_are_told_beside_the_form(context: BrowserContext, uvicorn_server: LiveServer) -> None:
    page = open_tab(context, uvicorn_server, "slow_report")
    page.get_by_label("seconds").fill("61")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("Not called: 1 fault")
    expect(page.get_by_label("seconds")).to_have_attribute("aria-invalid", "true")


def test_switching_to_json_and_back_keeps_page_and_values(context: BrowserContext, uvicorn_server: LiveServer) -> None:
    page = open_tab(context, uvicorn_server, "slow_report")
    page.evaluate("window.same = true")
    page.get_by_label("seconds").fill("0.25")
    page.get_by_role("button", name="JSON", exact=True).click()
    area = page.get_by_label("Parameters as JSON")
    expect(area).to_have_value(re.compile(r'"seconds": 0\.25,\s+"fail": false'))
    area.fill('{"seconds": 0, "fail": true}')
    page.get_by_role("button", name="Form", exact=True).click()
    expect(page.locator("#id_arg-fail")).to_have_value("true")
    page.get_by_role("button", name="Published v1").click()
    expect(page.locator("[name=version]")).to_have_value("published")
    expect(page.get_by_label("seconds")).to_have_value("0")
    assert page.evaluate("window.same === true")
    press_call(page)
    expect(page.locator("article")).to_contain_text("The totals do not add up")
    expect(page.locator("article .meta")).to_contain_text("Version v1")


def test_cases_are_called_together_and_their_verdicts_come_in_by_themselves(
    context: BrowserContext, uvicorn_server: LiveServer
) -> None:
    page = open_tab(context, uvicorn_server, "slow_report")
    for name, compare, value in (("good", "contains", '{"stock": 87}'), ("bad", "equals", '{"stock": 88}')):
        page.goto(page.url.partition("?")[0])
        page.get_by_label("seconds").fill("1.5")
        page.locator("summary", has_text="Save as case").click()
        page.get_by_label("Case name").fill(name)
        expect(page.get_by_label("Expected", exact=True)).to_be_hidden()
        page.get_by_label("Expected answer").select_option(compare)
        page.get_by_label("Expected", exact=True).fill(value)
        page.get_by_role("button", name="Save case").click()
        expect(page.locator("#cases")).to_contain_text(name)
    page.get_by_role("button", name="Run all").click()
    rows = page.locator("#cases tbody tr")
    expect(rows.locator(".pill", has_text="Pending")).to_have_count(2)
    page.evaluate("window.same = true")
    expect(rows.filter(has_text="good").locator(".pill")).to_have_text("Passed", timeout=15_000)
    expect(rows.filter(has_text="bad").locator(".differences")).to_contain_text(
        re.compile(r"stock\s*expected\s*88\s*got\s*87")
    )
    expect(page.locator("#cases .panel-head .pill")).to_have_text("1 of 2 cases passed")
    expect(page.get_by_role("button", name="Run all")).to_be_enabled(timeout=15_000)
    assert page.evaluate("window.same === true")


def test_an_item_is_added_without_a_reload_and_has_the_focus(
    context: BrowserContext, uvicorn_server: LiveServer
) -> None:
    greet = next(flow for flow in uvicorn_server.get_json("/api/flows/")["items"] if flow["toolName"] == "greet")
    page = open_tab(context, uvicorn_server, "greet")
    tags = {"type": "array", "items": {"type": "string"}}
    schema = {"type": "object", "properties": {"name": {"type": "string"}, "tags": tags}}
    page.goto(f"{uvicorn_server.url}/flows/{greet['id']}/build/")
    page.get_by_label("Input schema").fill(json.dumps(schema))
    page.get_by_role("button", name="Save draft").first.click()
    page.goto(f"{uvicorn_server.url}/flows/{greet['id']}/test/")
    page.evaluate("window.same = true")
    page.locator("#id_arg-name").fill("Ada")
    for number in (1, 2):
        page.get_by_role("button", name="Add item to tags").click()
        expect(page.get_by_label(f"Item {number}", exact=False)).to_be_focused()
        page.keyboard.type(f"tag {number}")
    page.get_by_role("button", name="Remove Item 1").click()
    expect(page.get_by_label("Item 1", exact=False)).to_have_value("tag 2")
    expect(page.locator("#id_arg-name")).to_have_value("Ada")
    assert page.evaluate("window.same === true")


def test_without_scripts_a_slow_call_offers_to_look_again(browser: Browser, uvicorn_server: LiveServer) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = open_tab(context, uvicorn_server, "slow_report")
    page.get_by_label("seconds").fill("1")
    press_call(page)
    expect(page.locator("article h2")).to_have_text("Pending")
    again = page.get_by_role("link", name="Look again")
    while again.is_visible():
        again.click()
    expect(page.locator("article h2")).to_have_text("Fulfilled")
    context.close()
