"""Answers that clients draw, drawn in FlowHub's own pages: by the same protocol, and harmless whatever is in them."""

import re
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, FrameLocator, Page, expect

from tests.browsing import call, log_in, window
from tests.definitions import chain, node
from tests.live import LiveServer
from tests.published import published

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

ATTACK = "<img src=x onerror=\"document.title='drawn'\">"
ROWS = [
    {"id": 10, "name": "Ada", "total": 182.4},
    {"id": 9, "name": "grace", "total": None},
    {"id": 100, "name": ATTACK, "total": -3},
]
POSTS = [
    {"title": ATTACK, "text": "Tables\nand posts.", "author": "Ada", "url": "https://example.com/news?a=1&b=2"},
    {"title": "Bare"},
]
STATS = [{"label": "Orders", "value": 1204, "change": "+12%"}, {"label": "Gone", "value": None, "unit": "EUR"}]

# Everything that a page could try. What went wrong for it is counted, what went through is told.
HOSTILE = """
<form id="form" action="/logout/" method="post"><input name="a"></form><a id="top" href="/keys/" target="_top">x</a>
<p id="told">trying</p>
<script>
const through = [];
const attempt = async (name, work) => { try { const got = await work(); if (got) through.push(name); } catch {} };
(async () => {
  await attempt("parent", () => parent.document.title);
  await attempt("top", () => top.location.href);
  await attempt("cookie", () => document.cookie || "reachable");
  await attempt("storage", () => localStorage.length + 1);
  await attempt("fetch", () => fetch("/api/flows/"));
  await attempt("fetch-out", () => fetch("https://example.com/", { mode: "no-cors" }));
  await attempt("popup", () => window.open("/keys/"));
  await attempt("beacon", () => new Promise((yes) => {
    const image = new Image(); image.onload = () => yes(true); image.onerror = () => yes(false);
    image.src = "/static/brand.svg";
  }));
  await attempt("worker", () => new Promise((yes) => {
    const worker = new Worker(URL.createObjectURL(new Blob(["postMessage(1)"])));
    worker.onmessage = () => yes(true); worker.onerror = () => yes(false);
  }));
  await attempt("dialog", () => confirm("really?"));
  document.getElementById("form").requestSubmit();
  document.getElementById("top").click();
  try { top.location = "/keys/"; } catch {}
  const send = (message) => parent.postMessage({ jsonrpc: "2.0", ...message }, "*");
  send({ id: "x", method: "ui/open-link", params: { url: "javascript:alert(1)" } });
  send({ id: "y", method: "tools/call", params: { name: "greet" } });
  send({ id: "__proto__", method: "constructor" });
  send({ method: "ui/notifications/size-changed", params: { height: 1e9 } });
  top.postMessage({ jsonrpc: "2.0", method: "ui/notifications/size-changed", params: { height: 1e9 } }, "*");
  document.getElementById("told").textContent = "through: " + through.join(" ");
})();
</script>
"""
FLOWS: dict[str, dict[str, Any]] = {
    "draw_table": {
        "definition": chain(node("table", "ui_table", title="Orders", rows="{{ trigger.rows }}", columns=[
            {"key": "id", "title": "Order"}, {"key": "name", "title": "Name"}, {"key": "total", "title": "Total"},
        ]))
    },
    "draw_posts": {"definition": chain(node("posts", "ui_post_list", title="News", posts=POSTS))},
    "draw_stats": {"definition": chain(node("stats", "ui_stat_card", title="Today", stats=STATS))},
    "draw_own": {"definition": chain(node("own", "ui_html", title="Own", html=HOSTILE, text="Own in words."))},
    "draw_filled": {
        "definition": chain(node("filled", "ui_html", title="Filled", html="<b>Hi</b>{{ trigger.html }}", text="Hi."))
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def flows(uvicorn_server: LiveServer) -> Iterator[dict[str, int]]:
    with published(uvicorn_server, FLOWS) as ids:
        yield ids


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    with window(browser, color_scheme="light") as context:
        yield context


def opened(context: BrowserContext, server: LiveServer, tool: str, **arguments: Any) -> Page:
    """The exchange of a call of this tool."""
    execution = call(server, tool, arguments)
    page = log_in(context, server)
    page.goto(f"{server.url}/executions/{execution['id']}/?view=exchange")
    return page


def frame_of(page: Page) -> FrameLocator:
    return page.frame_locator(".ui-answer iframe")


def test_a_table_is_drawn_and_sorted_by_mouse_and_keyboard(
    context: BrowserContext, uvicorn_server: LiveServer, flows: Any
) -> None:
    page = opened(context, uvicorn_server, "draw_table", rows=ROWS)
    frame = frame_of(page)
    expect(page.locator(".ui-answer iframe")).to_have_attribute("title", "Orders, as a client draws it")
    ids, order = frame.locator("tbody td:first-child"), frame.get_by_role("columnheader", name="Order")
    expect(ids).to_have_text(["10", "9", "100"])
    expect(frame.locator("tbody tr").nth(2).locator("td")).to_have_text(["100", ATTACK, "-3"])
    frame.get_by_role("button", name="Order").click()
    expect(ids).to_have_text(["9", "10", "100"])
    expect(order).to_have_attribute("aria-sort", "ascending")
    page.keyboard.press("Enter")
    expect(ids).to_have_text(["100", "10", "9"])
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    expect(ids).to_have_text(["100", "10", "9"])
    expect(order).to_have_attribute("aria-sort", "none")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(ids).to_have_text(["100", "10", "9"])
    page.keyboard.press("Enter")
    expect(ids).to_have_text(["10", "100", "9"])  # what is missing stays last
    page.keyboard.press("Enter")
    expect(ids).to_have_text(["10", "9", "100"])
    page.get_by_text("As text", exact=True).click()
    expect(page.locator(".received pre").first).to_contain_text("| Order | Name | Total |")


def test_posts_and_figures_are_drawn_and_a_link_is_opened_by_the_reader_only(
    context: BrowserContext, uvicorn_server: LiveServer, flows: Any
) -> None:
    page = opened(context, uvicorn_server, "draw_stats")
    expect(frame_of(page).locator("dl > div")).to_have_text(["Orders1204+12%", "Goneunknown EUR"])
    page = opened(context, uvicorn_server, "draw_posts")
    posts = frame_of(page).get_by_role("listitem")
    expect(posts).to_have_text([f"{ATTACK}AdaTables\nand posts.", "Bare"], use_inner_text=False)
    frame_of(page).get_by_role("link").click()
    link = page.locator(".ui-link a")
    expect(link).to_have_attribute("href", "https://example.com/news?a=1&b=2")
    expect(link).to_have_attribute("rel", "noopener noreferrer nofollow")
    assert len(context.pages) == 2


def test_the_frame_follows_the_theme_and_its_height_is_bounded(
    context: BrowserContext, uvicorn_server: LiveServer, flows: Any
) -> None:
    page = opened(context, uvicorn_server, "draw_table", rows=[{"id": n, "name": "n", "total": n} for n in range(200)])
    body, place = frame_of(page).locator("body"), page.locator(".ui-answer iframe")
    expect(body.locator("tbody tr")).to_have_count(200)
    inside = page.frames[-1]
    assert Axe().run(inside).response["violations"] == []
    expect(body).to_have_css("background-color", "rgb(255, 255, 255)")
    expect(place).to_have_css("height", "640px")
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    expect(body).to_have_css("background-color", "rgb(22, 26, 32)")
    expect(body).to_have_css("color", "rgb(232, 235, 240)")
    assert Axe().run(inside, options={"runOnly": ["color-contrast"]}).response["violations"] == []
    page.evaluate("document.documentElement.dataset.theme = 'auto'")
    expect(body).to_have_css("background-color", "rgb(255, 255, 255)")
    page.emulate_media(color_scheme="dark")
    expect(body).to_have_css("background-color", "rgb(22, 26, 32)")


@pytest.mark.parametrize(("tool", "arguments"), [("draw_own", {}), ("draw_filled", {"html": HOSTILE})])
def test_a_hostile_page_reaches_nothing(
    browser: Browser, uvicorn_server: LiveServer, flows: Any, tool: str, arguments: dict[str, str]
) -> None:
    refused = ("Content Security Policy", "Blocked", "sandboxed", "Unsafe attempt", "Ignored call", "Failed to")
    asked: list[str] = []
    with window(browser, *refused) as context:
        page = opened(context, uvicorn_server, tool, **arguments)
        page.on("dialog", lambda dialog: asked.append(dialog.message))
        frame = frame_of(page)
        if tool == "draw_filled":
            frame = frame.frame_locator("iframe")
        expect(frame.locator("#told")).to_have_text("through: ", timeout=15_000)
        assert re.search("/executions/.*view=exchange", page.url)
        assert page.locator(".ui-answer iframe").evaluate("frame => frame.clientHeight") <= 640
        expect(page.locator(".ui-link")).to_have_count(0)
        assert (asked, len(context.pages)) == ([], 1)
        page.reload()
        expect(page.locator("article h2")).to_have_text("Fulfilled")


def test_the_test_tab_draws_the_answer_of_a_draft(
    context: BrowserContext, uvicorn_server: LiveServer, flows: dict[str, int]
) -> None:
    page = log_in(context, uvicorn_server)
    page.goto(f"{uvicorn_server.url}/flows/{flows['draw_stats']}/test/")
    page.locator("#call .is-main").click()
    expect(frame_of(page).locator(".value").first).to_have_text("1204")
    expect(page.locator(".ui-answer")).to_have_count(1)


def test_without_scripts_the_answer_is_there_as_text(browser: Browser, uvicorn_server: LiveServer, flows: Any) -> None:
    with window(browser, java_script_enabled=False) as context:
        page = opened(context, uvicorn_server, "draw_stats")
        expect(page.locator(".ui-answer")).to_have_text(
            "A client with MCP Apps draws this. Without scripts it is shown as text."
        )
        page.get_by_text("As text", exact=True).click()
        expect(page.locator(".received")).to_contain_text("Orders: **1204** (+12%)")


def test_the_frames_document_has_a_policy_of_its_own_and_no_data(
    context: BrowserContext, uvicorn_server: LiveServer, flows: Any
) -> None:
    page = opened(context, uvicorn_server, "draw_stats")
    address = uvicorn_server.url + str(page.locator(".ui-answer").get_attribute("data-ui"))
    answer = context.request.get(address, headers={"Sec-Fetch-Dest": "iframe"})
    assert answer.headers["x-frame-options"] == "SAMEORIGIN"
    assert answer.headers["content-security-policy"].startswith("sandbox allow-scripts; default-src 'none'; ")
    assert "1204" not in answer.text()
    unknown = address.replace(address.split("/")[-3], str(uuid.uuid4()))
    assert context.request.get(unknown).status == 404


def test_the_frames_document_does_not_open_by_itself(browser: Browser, uvicorn_server: LiveServer, flows: Any) -> None:
    server = uvicorn_server.url
    with window(browser, "status of 403") as context:
        page = opened(context, uvicorn_server, "draw_stats")
        address = server + str(page.locator(".ui-answer").get_attribute("data-ui"))
        page.goto(address)
        expect(page.get_by_role("heading", name="Only in its page")).to_be_visible()
        page.get_by_role("link", name="Open the execution").click()
        expect(page.locator("article h2")).to_have_text("Fulfilled")
        for headers, status in (
            ({"Sec-Fetch-Dest": "document", "Referer": server + "/"}, 403),
            ({"Sec-Fetch-Dest": "embed"}, 403),
            ({}, 403),
            ({"Referer": "https://example.com/"}, 403),
            ({"Referer": server.replace("http:", "https:") + "/"}, 403),
            ({"Referer": f"{server}/executions/"}, 200),
        ):
            assert context.request.get(address, headers=headers).status == status, headers
