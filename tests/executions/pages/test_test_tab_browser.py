"""The Test tab in a real browser: calls that are watched while they run, lists that grow, and no script at all."""

import json
import re
import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.definitions import chain, node
from tests.executions.pages.test_views_browser import log_in
from tests.live import LiveServer
from tests.published import published

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
    page.goto(f"{server.url}/flows/{server.flow_ids()[tool]}/test/")
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
    expect(article).to_contain_text("structuredContent")
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
    greet = uvicorn_server.flow_ids()["greet"]
    page = open_tab(context, uvicorn_server, "greet")
    tags = {"type": "array", "items": {"type": "string"}}
    schema = {"type": "object", "properties": {"name": {"type": "string"}, "tags": tags}}
    page.goto(f"{uvicorn_server.url}/flows/{greet}/build/?as=json")
    page.get_by_label("Input schema").fill(json.dumps(schema))
    page.get_by_role("button", name="Save draft").first.click()
    page.goto(f"{uvicorn_server.url}/flows/{greet}/test/")
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
    heading = page.locator("article h2")
    expect(heading).to_have_text("Pending")
    deadline = time.monotonic() + 30
    while heading.inner_text() == "Pending" and time.monotonic() < deadline:
        page.get_by_role("link", name="Look again").click()
    expect(heading).to_have_text("Fulfilled")
    context.close()


NAME = {"type": "string", "title": "Your name", "minLength": 2}
ASKING = chain(
    node("before", "delay", seconds=1.5),
    node("ask", "ask_user", message="Who are you?", schema={"type": "object", "properties": {"name": NAME}}),
    node("after", "delay", seconds=1.5),
    node("answer", "return", text="Hello {{ ask.content.name }}"),
)
for line in ASKING["connections"]:
    line["sourceHandle"] = "accept" if line["sourceNodeId"] == "ask" else "main"


@pytest.fixture
def asks(uvicorn_server: LiveServer) -> Iterator[int]:
    """A flow that takes a while, asks, and takes a while again."""
    schema = {"type": "object", "properties": {"name": {"type": "string"}}}
    with published(uvicorn_server, {"asks": {"definition": ASKING, "inputSchema": schema}}) as ids:
        yield ids["asks"]


def call_what_asks(context: BrowserContext, server: LiveServer, flow_id: int) -> Page:
    """Its Test tab, just after a call."""
    page = log_in(context, server)
    page.goto(f"{server.url}/flows/{flow_id}/test/")
    press_call(page)
    return page


def test_the_form_comes_in_when_the_flow_asks_and_the_page_goes_on_live_after_the_answer(
    context: BrowserContext, uvicorn_server: LiveServer, asks: int
) -> None:
    page = call_what_asks(context, uvicorn_server, asks)
    expect(page.locator("article h2").first).to_have_text("Pending")
    page.evaluate("window.same = true")
    question = page.locator(".question")
    expect(question).to_contain_text("Who are you?", timeout=8_000)
    assert page.evaluate("window.same === true")
    question.get_by_label("Your name").fill("A")
    page.keyboard.press("Enter")
    expect(question.locator(".errorlist")).to_contain_text("shorter than 2 characters")
    expect(question.get_by_label("Your name")).to_have_value("A")
    question.get_by_label("Your name").fill("Ada")
    question.get_by_role("button", name="Answer").click()
    expect(page).to_have_url(re.compile(r"/test/\?execution="))
    expect(question).to_have_count(0)
    page.evaluate("window.same = true")
    expect(page.locator("article h2").first).to_have_text("Fulfilled", timeout=10_000)
    expect(page.locator("article .received")).to_contain_text("Hello Ada")
    assert page.evaluate("window.same === true")


def test_what_is_typed_into_an_answer_stays_while_the_page_goes_on_live(
    context: BrowserContext, uvicorn_server: LiveServer, asks: int
) -> None:
    page = call_what_asks(context, uvicorn_server, asks)
    field = page.locator(".question").get_by_label("Your name")
    field.fill("Ada", timeout=8_000)
    with page.expect_response(lambda response: response.request.headers.get("hx-target") == "detail"):
        execution = page.locator("article").get_attribute("data-execution")
        csrf = page.locator("[name=csrfmiddlewaretoken]").first.input_value()
        page.request.post(
            f"{uvicorn_server.url}/executions/{execution}/pin/",
            form={"pinned": "1", "csrfmiddlewaretoken": csrf},
            headers={"Referer": page.url},
        )
    expect(page.locator("article .pill", has_text="Pinned")).to_be_visible()
    expect(field).to_have_value("Ada")
    expect(field).to_be_focused()


def test_without_scripts_a_flow_that_asks_is_answered_too(
    browser: Browser, uvicorn_server: LiveServer, asks: int
) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = call_what_asks(context, uvicorn_server, asks)
    again = page.get_by_role("link", name="Look again")
    while again.is_visible():
        again.click()
    page.get_by_label("Your name").fill("Ada")
    page.get_by_role("button", name="Answer").click()
    while again.is_visible():
        again.click()
    expect(page.locator("article h2").first).to_have_text("Fulfilled")
    expect(page.locator("article .received")).to_contain_text("Hello Ada")
    context.close()
