"""FlowHub without a mouse: from the login to an execution's nodes and back, the focus in sight at each step."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browsing import assert_focus_shows, call, tab_to, window
from tests.live import LiveServer

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    with window(browser, "status of 404") as context:
        yield context.new_page()


def test_from_the_login_to_an_execution_and_back_without_a_mouse(page: Page, uvicorn_server: LiveServer) -> None:
    server = uvicorn_server
    for number in range(21):
        call(server, "greet", {"name": "Ada", "n": number})
    page.goto(server.url + "/login/")
    expect(page.get_by_label("Username")).to_be_focused()
    page.keyboard.type(server.credentials["username"])
    page.keyboard.press("Tab")
    page.keyboard.type(server.credentials["password"])
    page.keyboard.press("Enter")
    page.wait_for_url(server.url + "/")

    tab_to(page, page.get_by_role("navigation", name="Main").get_by_role("link", name="Flows"))
    page.keyboard.press("Enter")
    tab_to(page, page.get_by_role("link", name="Greet", exact=True))
    page.keyboard.press("Enter")
    tab_to(page, page.get_by_role("navigation", name="Flow").get_by_role("link", name="Usage"))
    page.keyboard.press("Enter")
    page.wait_for_url("**/usage/")

    rows = page.locator("#rows .row")
    for key, row in (("j", 0), ("j", 1), ("j", 2), ("k", 1)):
        page.keyboard.press(key)
        expect(rows.nth(row)).to_be_focused()
        assert_focus_shows(page)
    page.keyboard.press("Enter")
    article = page.locator("article[data-execution]")
    expect(article).to_be_visible()
    first = article.get_attribute("data-execution")

    tab_to(page, page.locator(".sections a", has_text="Exchange"))
    page.keyboard.press("Enter")
    expect(page.locator(".sections a[aria-current]")).to_have_text("Exchange")
    expect(page.locator(".sections a[aria-current]")).to_be_focused()
    tab_to(page, page.locator(".sections a", has_text="Nodes"), "Shift+Tab")
    page.keyboard.press("Enter")
    card = page.locator("details.card").first
    tab_to(page, card.locator("summary").first)
    for is_open in (True, False):
        page.keyboard.press("Enter")
        assert card.evaluate("card => card.open") is is_open

    page.keyboard.press("Escape")
    expect(page.locator(".placeholder")).to_be_visible()
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    tab_to(page, page.get_by_role("button", name="Run again"))
    page.keyboard.press("Enter")
    expect(page.locator("article .meta")).to_contain_text("Replay of")
    assert page.locator("article").get_attribute("data-execution") != first

    page.keyboard.press("Escape")
    page.wait_for_url("**/usage/")
    tab_to(page, page.get_by_role("link", name="Next page"))
    page.keyboard.press("Enter")
    page.wait_for_url("**/usage/?page=2")
    expect(page.locator("#pages a[aria-current]")).to_have_text("2")


def test_the_first_tab_offers_to_skip_to_the_page_itself(page: Page, uvicorn_server: LiveServer) -> None:
    page.goto(uvicorn_server.url + "/nowhere/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to main content")).to_be_focused()
    assert_focus_shows(page)
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert_focus_shows(page)
    assert page.evaluate("document.activeElement.closest('main') !== null")


def test_a_menu_opens_by_key_and_escape_closes_it(page: Page, uvicorn_server: LiveServer) -> None:
    server = uvicorn_server
    execution = call(server, "greet", {"name": "Ada", "n": 1})
    page.goto(f"{server.url}/login/?next=/executions/{execution['id']}/")
    page.get_by_label("Username").fill(server.credentials["username"])
    page.get_by_label("Password").fill(server.credentials["password"])
    page.keyboard.press("Enter")
    menu = page.locator("article details.menu", has_text="Delete")
    tab_to(page, menu.locator("summary"))
    page.keyboard.press("Enter")
    expect(menu.get_by_role("link", name="Delete")).to_be_visible()
    page.keyboard.press("Escape")
    expect(menu.get_by_role("link", name="Delete")).to_be_hidden()
    expect(menu.locator("summary")).to_be_focused()
