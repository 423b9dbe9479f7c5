"""A draft as JSON text beside its canvas, in a browser: each follows the other, and faults lead to their lines."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browsing import log_in, window
from tests.definitions import answer, chain
from tests.live import LiveServer
from tests.published import published

pytestmark = [pytest.mark.browser, pytest.mark.canvas]


@pytest.fixture
def page(browser: Browser, uvicorn_server: LiveServer) -> Iterator[Page]:
    """A logged-in page; what its console complains about fails the test."""
    with window(browser, reduced_motion="reduce") as context:
        yield log_in(context, uvicorn_server)


def test_what_is_written_as_json_is_drawn_and_faults_lead_to_their_lines(
    page: Page, uvicorn_server: LiveServer
) -> None:
    with published(uvicorn_server, {"as_text": {"definition": chain(answer("Soon"))}}) as ids:
        page.goto(f"{uvicorn_server.url}/flows/{ids['as_text']}/build/")
        page.locator('flow-editor .box[title="Answer"]').click(button="right")
        page.get_by_role("menuitem", name=re.compile(r"Line \d+ of the JSON")).click()
        text = page.get_by_role("textbox", name="Definition")
        expect(text).to_be_focused()
        state, line = page.locator(".save-state"), page.locator(".cm-activeLine")

        # From the brace of the node into what it answers.
        page.keyboard.press("Control+f")
        page.keyboard.type("Soon")
        page.keyboard.press("Enter")
        page.keyboard.press("Escape")
        expect(line).to_contain_text('"Soon"')
        page.keyboard.insert_text("Later")
        expect(line).to_contain_text('"Later"')
        expect(state).to_have_text(re.compile("Saved .+"))
        page.keyboard.insert_text('"')
        expect(state).to_have_text(re.compile(r"Not saved: line \d+ cannot be read"))
        expect(page.locator(".unread")).to_contain_text("Until it can be read, the flow stays as it was.")
        page.keyboard.press("Control+z")
        expect(state).to_have_text(re.compile("Saved"))

        # What can be written there is offered.
        page.keyboard.press("Control+Home")
        for key in ("ArrowDown", "ArrowDown", "End", "Enter"):
            page.keyboard.press(key)
        page.keyboard.type('"')
        offers = page.locator(".cm-tooltip-autocomplete li")
        expect(offers).to_have_text(["settings", "disabled", "heldOutput"])
        offers.nth(1).click()
        expect(line).to_have_text('"disabled": ')
        page.get_by_role("button", name="Show the flow as it is").click()
        expect(state).to_have_text(re.compile("Saved"))

        # A fault of the flow leads to its line.
        text.press("Control+f")
        page.keyboard.type("Later")
        page.keyboard.press("Enter")
        page.keyboard.press("Escape")
        page.keyboard.insert_text("{{ nobody.name }}")
        checks = page.locator(".checks summary")
        expect(checks).to_contain_text("1")
        expect(page.locator(".cm-lint-marker-error")).to_have_count(1)
        page.keyboard.press("Control+Home")
        expect(line).to_have_text("{")
        checks.click()
        page.locator(".checks button").click()
        expect(line).to_contain_text("nobody")

        page.keyboard.press("Control+z")
        expect(line).to_contain_text('"Later"')
        page.get_by_role("button", name="Canvas").click()
        expect(page.locator('flow-editor .box[title="Answer"]')).to_contain_text("Later")
        expect(state).to_have_text(re.compile("Saved"))
        expect(checks).to_contain_text("0")
        draft = uvicorn_server.get_json(f"/api/flows/{ids['as_text']}/draft/")["definition"]
        assert draft["nodes"][-1]["parameters"] == {"json": "Later"}
