"""The dialog that publishes, and two states of a flow on one canvas, in a browser."""

import json
from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.browsing import log_in, window
from tests.definitions import answer, chain, node
from tests.live import LiveServer
from tests.published import published, send

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

BEFORE = chain(node("wait", "delay", seconds=0), answer("Done"))
AFTER = chain(node("set", "set_fields", fields={"n": 1}), answer("{{ set.n }}"))


@pytest.fixture
def page(browser: Browser, uvicorn_server: LiveServer) -> Iterator[Page]:
    with window(browser, "Applying inline style", reduced_motion="reduce") as context:
        yield log_in(context, uvicorn_server)


def broken_rules(page: Page) -> list[tuple[str, str]]:
    """What axe-core finds, in both themes, wide and narrow."""
    found = []
    for width in (1440, 390):
        page.set_viewport_size({"width": width, "height": 900})
        for theme in ("light", "dark"):
            page.evaluate("theme => { document.documentElement.dataset.theme = theme; }", theme)
            broken = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
            found += [(rule["id"], str(rule["nodes"][0]["target"])) for rule in broken]
    page.set_viewport_size({"width": 1440, "height": 900})
    return found


def test_a_draft_is_published_with_a_note_from_the_dialog_that_has_run_its_cases(
    page: Page, uvicorn_server: LiveServer
) -> None:
    with published(uvicorn_server, {"dialog": {"definition": BEFORE}}) as ids:
        flow = ids["dialog"]
        send(uvicorn_server, "PATCH", f"flows/{flow}/", {"definition": AFTER})
        for name, value in (("right", 1), ("wrong", 2)):
            expectation = {"outcome": "succeeds", "output": {"compare": "equals", "value": value}}
            send(uvicorn_server, "POST", f"flows/{flow}/cases/", {"name": name, "expectation": expectation})
        page.goto(f"{uvicorn_server.url}/flows/{flow}/build/")
        page.get_by_role("link", name="Publish…").press("Enter")
        dialog = page.get_by_role("dialog", name="Publish Dialog as v2")
        expect(dialog.get_by_role("status")).to_contain_text("1 of 2 cases passed")
        expect(dialog).to_contain_text("The answer differs in one place.")
        expect(dialog).to_contain_text("Set, a node of type set_fields")
        assert broken_rules(page) == []
        page.keyboard.press("Escape")
        expect(dialog).to_have_count(0)

        link = page.get_by_role("link", name="Publish…")
        expect(link).to_contain_text("7 changes")
        send(uvicorn_server, "PATCH", f"flows/{flow}/", {"whenToUse": "Always."})
        page.evaluate("document.body.dispatchEvent(new Event('draft-saved'))")
        expect(link).to_contain_text("8 changes")
        page.get_by_role("link", name="Publish…").click()
        dialog.get_by_label("Note").fill("Sets a number.")
        dialog.get_by_role("button", name="Publish v2").click()
        expect(page.get_by_role("heading", name="Live Published as v2")).to_be_visible()
        version = json.loads(send(uvicorn_server, "GET", f"flows/{flow}/versions/"))["items"][0]
        assert (version["version"], version["note"]) == (2, "Sets a number.")


@pytest.mark.canvas
def test_two_versions_are_compared_on_the_canvas_by_keyboard(page: Page, uvicorn_server: LiveServer) -> None:
    with published(uvicorn_server, {"compared": {"definition": BEFORE}}) as ids:
        flow = ids["compared"]
        send(uvicorn_server, "PATCH", f"flows/{flow}/", {"definition": AFTER})
        send(uvicorn_server, "POST", f"flows/{flow}/publish/")
        page.goto(f"{uvicorn_server.url}/flows/{flow}/versions/2/")
        page.get_by_label("Compare with").select_option("v1")
        page.get_by_role("button", name="Compare", exact=True).click()
        boxes = page.locator("flow-canvas [data-node]")
        expect(boxes).to_have_count(4)
        said = {box.get_attribute("data-node"): box.get_attribute("aria-label") for box in boxes.all()}
        assert {key: str(name).split(", ")[2:] for key, name in said.items()} == {
            "trigger": [],
            "wait": ["− removed"],
            "set": ["+ added"],
            "answer": ["~ changed"],
        }
        page.locator('[data-node="trigger"]').focus()
        for _ in range(3):
            page.keyboard.press("n")
        panel = page.get_by_role("complementary", name="Answer")
        expect(panel.get_by_role("columnheader")).to_have_text(["v1", "v2"])
        expect(panel.locator("del")).to_have_text("Done")
        expect(panel.locator("ins")).to_have_text("{{ set.n }}")
        assert broken_rules(page) == []
