"""The pages in a real browser: htmx, the keyboard, live changes, both themes, narrow windows, and no script at all."""

import json
import re
import threading
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browsing import call, log_in, window
from tests.live import LiveServer, wait_until

pytestmark = pytest.mark.browser


@pytest.fixture
def page(browser: Browser, uvicorn_server: LiveServer) -> Iterator[Page]:
    """A logged-in page; what its console complains about fails the test."""
    with window(browser) as context:
        yield log_in(context, uvicorn_server)


@pytest.fixture
def usage(page: Page, uvicorn_server: LiveServer) -> str:
    """The Usage tab of `greet`, with three executions in it."""
    for number in range(3):
        execution = call(uvicorn_server, "greet", {"name": "Ada", "n": number})
    address = f"{uvicorn_server.url}/flows/{execution['flowId']}/usage/"
    page.goto(address)
    return address


def test_a_click_shows_the_detail_without_a_reload_and_the_address_names_it(page: Page, usage: str) -> None:
    page.evaluate("window.same = true")
    page.locator("#rows .row").nth(1).click()
    expect(page.locator("article[data-execution]")).to_contain_text("Fulfilled")
    execution = page.locator("article").get_attribute("data-execution")
    assert page.url == f"{usage}{execution}/"
    assert page.evaluate("window.same") is True
    expect(page.locator("#rows .row[aria-current]")).to_have_attribute("id", f"row-{execution}")


def test_back_closes_the_detail_again(page: Page, usage: str) -> None:
    page.locator("#rows .row").first.click()
    expect(page.locator("article")).to_be_visible()
    page.go_back()
    expect(page.locator(".placeholder")).to_be_visible()
    assert page.url == usage


def test_j_and_k_move_enter_opens_escape_closes(page: Page, usage: str) -> None:
    rows = page.locator("#rows .row")
    page.keyboard.press("j")
    expect(rows.nth(0)).to_be_focused()
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("k")
    expect(rows.nth(1)).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("article")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator(".placeholder")).to_be_visible()
    assert page.url == usage


def test_a_pending_execution_counts_up_and_ends_by_itself(page: Page, uvicorn_server: LiveServer) -> None:
    caller = threading.Thread(target=call, args=(uvicorn_server, "slow_report", {"seconds": 3}))
    caller.start()
    pending = "/api/executions/?tool=slow_report&status=pending"
    wait_until(lambda: uvicorn_server.get_json(pending)["items"], 10, "the call did not start")
    try:
        page.goto(f"{uvicorn_server.url}/executions/?tool=slow_report")
        page.evaluate("window.same = true")
        page.locator("#rows .row", has=page.locator(".dot.is-pending")).first.click(timeout=10_000)
        expect(page.locator("article h2")).to_have_text("Pending")
        page.locator("details.card").first.locator("summary").first.click()
        expect(page.locator("#rows .row").first.locator("[data-elapsed]")).to_have_text(re.compile(r"[1-9]\.\d s"))
        expect(page.locator("article h2")).to_have_text("Fulfilled", timeout=20_000)
        expect(page.locator("#rows .row").first.locator(".dot")).to_have_class(
            re.compile("is-fulfilled"), timeout=8_000
        )
        expect(page.locator("details.card").first).to_have_attribute("open", "")
        assert page.evaluate("window.same") is True
    finally:
        caller.join()


def test_copy_puts_the_exact_json_into_the_clipboard(page: Page, usage: str) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.locator("#rows .row").first.click()
    button = page.get_by_role("button", name="Copy parameters")
    button.click()
    expect(button).to_have_text("copied")
    assert json.loads(page.evaluate("navigator.clipboard.readText()")) == {"name": "Ada", "n": 2}


@pytest.mark.parametrize("width", [390, 1024, 1440])
def test_no_page_is_wider_than_its_window(page: Page, usage: str, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    flow = usage.removesuffix("usage/")
    for address in (
        usage,
        f"{flow}build/",
        f"{flow}test/",
        f"{flow}connect/",
        f"{flow}versions/1/",
        flow + "../..",
        f"{flow}../../node-types/switch/",
    ):
        page.goto(address)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, address


def test_a_narrow_window_shows_the_list_then_the_detail_with_a_way_back(page: Page, usage: str) -> None:
    page.set_viewport_size({"width": 390, "height": 800})
    page.goto(usage)
    expect(page.locator("#detail")).to_be_hidden()
    page.locator("#rows .row").first.click()
    expect(page.locator("article")).to_be_visible()
    expect(page.locator("#rows")).to_be_hidden()
    page.get_by_role("link", name="All executions").click()
    expect(page.locator("#rows")).to_be_visible()


def test_the_theme_follows_the_toggle_on_dashboard_and_admin_alike(page: Page, uvicorn_server: LiveServer) -> None:
    page.emulate_media(color_scheme="light")
    page.goto(uvicorn_server.url + "/")
    light = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.locator(".theme-toggle").click()
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.goto(uvicorn_server.url + "/admin/")
    assert (light, dark) == ("rgb(246, 247, 249)", "rgb(15, 18, 22)")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == dark


def test_without_scripts_rows_are_links_to_whole_pages(browser: Browser, uvicorn_server: LiveServer) -> None:
    execution = call(uvicorn_server, "greet", {"name": "Ada", "n": 1})
    context = browser.new_context(java_script_enabled=False)
    page = log_in(context, uvicorn_server)
    page.goto(f"{uvicorn_server.url}/flows/{execution['flowId']}/usage/")
    page.locator("#rows .row").first.click()
    expect(page.locator("article h2")).to_have_text("Fulfilled")
    expect(page.locator(".js").first).to_be_hidden()
    context.close()
