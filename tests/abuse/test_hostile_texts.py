"""Whatever people and clients write is shown as text: no page makes elements of it, and no script runs."""

from collections.abc import Iterator
from string import Formatter

import pytest
from playwright.sync_api import Browser, Dialog, Page

from tests.browsing import log_in, window
from tests.hostile import PART, hostile_world_of
from tests.live import live_server
from tests.looks import ADMIN, LOOKS, Look
from tests.world import World

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

IDS = {"server", "internal", "key", "user", "lookup_order", "version", "fulfilled", "error", "rejected", "unknown"}
IDS |= {"prompt", "prompt_mixed", "prompt_of_flow", "resource", "image", "template"}
WITHOUT_IDS = {"dashboard", "flows", "executions", "servers", "keys", "flow-new", "flow-from-template", "usage"}
WITHOUT_IDS |= {"flow-from-example", "flow-from-flow"}
LISTS = {
    f"admin-{name}"
    for name in (
        "users",
        "servers",
        "flows",
        "versions",
        "secrets",
        "prompts",
        "resources",
        "executions",
        "keys",
        "space",
    )
}


def names_in(path: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(path) if name}


SHOWING = [
    look
    for look in LOOKS
    if look.person == ADMIN
    and look.status == 200
    and names_in(look.path) <= IDS
    and (names_in(look.path) or look.name in WITHOUT_IDS | LISTS)
]
SILENT = {
    "admin-secrets": "names of secrets are letters, digits and underscores",
    "admin-space": "flows go by their tool names there",
    "usage-filtered-to-nothing": "no execution is found",
}
"""Pages that hold none of these texts."""


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with live_server(tmp_path_factory.mktemp("hostile")) as server:
        yield hostile_world_of(server)


@pytest.fixture(scope="module")
def page(browser: Browser, hostile: World) -> Iterator[Page]:
    """A browser that does not keep to the policy: only escaping stands between the attack and the reader."""
    with window(browser, "status of 404", bypass_csp=True) as context:
        yield log_in(context, hostile.server)


@pytest.mark.parametrize("look", SHOWING, ids=[look.name for look in SHOWING])
def test_an_attack_is_shown_as_text(page: Page, hostile: World, look: Look) -> None:
    dialogs: list[str] = []

    def note(dialog: Dialog) -> None:
        dialogs.append(dialog.message)
        dialog.dismiss()

    page.on("dialog", note)
    # The failed and the refused call are those of other flows.
    path = look.path.replace("/flows/{lookup_order}/usage/{error", "/executions/{error")
    path = path.replace("/flows/{lookup_order}/usage/{rej", "/executions/{rej")
    if "/compare/" in path:
        path = path.replace("{error}", "{fulfilled}")
    answer = page.goto(
        hostile.address(path.replace("node=found", "node=middle").replace("/nodes/found/", "/nodes/answer/"))
    )
    page.remove_listener("dialog", note)
    assert answer is not None
    assert answer.status == 200
    assert (page.evaluate("window.xss"), dialogs) == (None, [])
    assert page.locator("[data-attack]").count() == 0
    if look.name not in SILENT:
        values = "[...document.querySelectorAll('input, textarea')].map((field) => field.value).join()"
        assert PART in page.evaluate(f"document.body.textContent + {values}")


def test_a_live_page_takes_an_attack_in_as_text(page: Page, hostile: World) -> None:
    server = hostile.server
    page.goto(hostile.address("/flows/{lookup_order}/usage/"))
    before = page.locator("#rows .row").count()
    page.locator("#live:has-text('Live')").wait_for()
    body = {"arguments": {"text": "<img src=x data-attack onerror=window.xss=1>"}}
    assert page.request.post(
        hostile.address("/api/flows/{lookup_order}/test/"),
        data=body,
        headers={"Authorization": f"Bearer {server.credentials['key']}"},
    ).ok
    page.wait_for_function("count => document.querySelectorAll('#rows .row').length > count", arg=before)
    page.locator("#rows .row").first.click()
    page.locator("article[data-execution]").wait_for()
    assert page.evaluate("window.xss") is None
    assert page.locator("[data-attack]").count() == 0
    assert PART in page.locator("#rows .row").first.inner_text()
