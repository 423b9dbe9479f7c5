"""New flow in a browser: the tool name follows the name, and a curl command is read, by keyboard, in both themes."""

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.browsing import log_in, window
from tests.live import LiveServer

pytestmark = pytest.mark.browser

COMMAND = """curl 'https://shop.example/orders/17?token=s3cret' -H "X-Api-Key: $KEY" -d '{"note": "<b>&", "n": 3}'"""
HOSTILE = """curl 'https://<img src=x onerror=alert(1)>.example/' -H 'a: <script>alert(1)</script>'"""


@pytest.fixture
def page(browser: Browser, uvicorn_server: LiveServer) -> Iterator[Page]:
    """A logged-in page; what its console complains about fails the test, except for what axe measures with."""
    with window(browser, "Applying inline style", reduced_motion="reduce") as context:
        page = log_in(context, uvicorn_server)
        page.goto(uvicorn_server.url + "/flows/new/")
        yield page


def test_the_tool_name_that_the_server_would_make_stands_in_its_empty_field(page: Page) -> None:
    name, tool_name = page.get_by_label("Name").first, page.get_by_label("Tool name")
    for typed, made in (("getOrderByID", "get_order_by_id"), ("Größe!", "groe"), ("42", "call_42"), ("注文", "call")):
        name.fill(typed)
        expect(tool_name).to_have_attribute("placeholder", made)
    name.fill("")
    expect(tool_name).to_have_attribute("placeholder", "")
    expect(tool_name).to_have_value("")


def test_a_curl_command_is_read_by_keyboard_and_its_preview_breaks_no_rule_of_axe(page: Page) -> None:
    page.get_by_role("link", name="A curl command").press("Enter")
    page.get_by_label("curl command").fill(HOSTILE)
    page.get_by_label("curl command").press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator(".errorlist")).to_contain_text("is not filled in. Write yours.")
    expect(page.locator("main img, main script:not([src])")).to_have_count(0)
    page.get_by_label("curl command").fill(COMMAND)
    page.get_by_label("curl command").press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Name of order_id in the path")).to_have_value("order_id")
    expect(page.get_by_label("n in the body is a parameter")).to_be_checked()
    expect(page.get_by_label("Secret for the header x-api-key")).to_have_value("KEY")
    expect(page.get_by_label("Store the command's value, encrypted")).not_to_be_checked()
    for width, theme in ((1440, "light"), (1440, "dark"), (390, "light")):
        page.set_viewport_size({"width": width, "height": 900})
        page.evaluate("theme => { document.documentElement.dataset.theme = theme; }", theme)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
        assert [(rule["id"], [node["target"] for node in rule["nodes"]]) for rule in found] == []
