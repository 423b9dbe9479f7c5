"""Two windows on one draft, and a page that is left with unsaved changes."""

import os
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Dialog, Page, expect

from tests.browsing import log_in, window
from tests.live import LiveServer
from tests.published import published

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

PICTURES = os.environ.get("FLOWHUB_TEST_PICTURES", "")
ALLOWED = ("status of 409", "Applying inline style")


def check_looks(page: Page, name: str) -> None:
    """No rule of axe-core broken in either theme, wide and narrow; with FLOWHUB_TEST_PICTURES, pictures of each."""
    for width in (1440, 390):
        page.set_viewport_size({"width": width, "height": 900})
        for theme in ("light", "dark"):
            page.evaluate("theme => { document.documentElement.dataset.theme = theme; }", theme)
            found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
            assert [(rule["id"], rule["nodes"][0]["target"]) for rule in found] == []
            if PICTURES:
                page.screenshot(path=str(Path(PICTURES) / f"{name}-{width}-{theme}.png"), full_page=True)
    page.set_viewport_size({"width": 1440, "height": 900})


def test_whoever_saves_second_sees_both_sides_and_chooses(browser: Browser, uvicorn_server: LiveServer) -> None:
    with published(uvicorn_server, {"two_windows": {}}) as ids, window(browser, *ALLOWED) as context:
        first, second = (log_in(context, uvicorn_server) for _ in range(2))
        for page in (first, second):
            page.goto(f"{uvicorn_server.url}/flows/{ids['two_windows']}/build/?as=json")
        first.get_by_label("When to use").fill("From the first window.")
        first.get_by_label("Tool description").fill("From the first window, too.")
        first.get_by_role("button", name="Save draft").first.click()
        expect(first.locator(".messagelist")).to_contain_text("The draft is saved.")

        second.get_by_label("Tool description").fill("From the second window.")
        text = second.get_by_label("Definition").input_value()
        second.get_by_label("Definition").fill(text.replace('"Answer"', '"Second"'))
        second.get_by_role("button", name="Save draft").first.click()
        expect(second.get_by_role("alert")).to_contain_text("Not saved yet, and nothing is lost")
        expect(second.get_by_role("group", name="Tool description: Yours")).to_have_text("From the second window.")
        # Only the first window changed this: it is taken along without a question, and can be looked at.
        second.get_by_text("Only one of you changed").click()
        expect(second.get_by_role("group", name="When to use: Stored now")).to_have_text("From the first window.")
        check_looks(second, "conflict")
        second.get_by_role("button", name="Save what is chosen").click()
        expect(second.locator(".messagelist")).to_contain_text("The draft is saved.")
        second.goto(f"{uvicorn_server.url}/flows/{ids['two_windows']}/build/?as=json")
        expect(second.get_by_label("When to use")).to_have_value("From the first window.")
        expect(second.get_by_label("Tool description")).to_have_value("From the second window.")


def test_leaving_with_unsaved_changes_asks_and_saving_does_not(browser: Browser, uvicorn_server: LiveServer) -> None:
    asked: list[str] = []

    def stay(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.dismiss()

    with published(uvicorn_server, {"left_page": {}}) as ids, window(browser) as context:
        page = log_in(context, uvicorn_server)
        page.on("dialog", stay)
        build = f"{uvicorn_server.url}/flows/{ids['left_page']}/build/?as=json"
        page.goto(build)
        page.get_by_role("link", name="Test", exact=True).click()
        page.wait_for_url("**/test/")
        page.goto(build)
        page.get_by_label("When to use").fill("Not saved.")
        with page.expect_event("dialog"):
            page.get_by_role("link", name="Test", exact=True).click(no_wait_after=True)
        expect(page.get_by_label("When to use")).to_have_value("Not saved.")
        assert asked == ["beforeunload"]
        page.get_by_role("button", name="Save draft").first.click()
        expect(page.locator(".messagelist")).to_contain_text("The draft is saved.")
        assert asked == ["beforeunload"]
