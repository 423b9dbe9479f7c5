"""Live pages in a real browser: calls that clients make appear by themselves, and stay out of the reader's way."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from tests.browsing import call, calling, log_in, window
from tests.live import RUNSERVER, LiveServer, live_server, wait_until

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

WHILE_AWAY = ("ERR_CONNECTION_REFUSED", "ERR_CONNECTION_RESET", "WebSocket connection to")
"""What the console says of a server that is gone for a while."""


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A browser; what its console complains about, other than a server that is away, fails the test."""
    with window(browser, *WHILE_AWAY) as context:
        yield context


def open_usage(context: BrowserContext, server: LiveServer, tool: str) -> Page:
    """The Usage tab of a demo flow, connected."""
    page = log_in(context, server)
    page.goto(f"{server.url}/flows/{server.flow_ids()[tool]}/usage/")
    expect(page.locator("#live")).to_have_text("Live")
    page.evaluate("window.same = true")
    return page


def is_the_same_page(page: Page) -> bool:
    """Whether it was not loaded anew since it was opened."""
    return bool(page.evaluate("window.same === true"))


def rows_of(page: Page) -> Locator:
    """The rows of the list."""
    return page.locator("#rows .row")


@pytest.mark.parametrize("command", ["uvicorn", "daphne"])
def test_a_call_by_mcp_appears_and_ends_without_a_reload(
    command: str, request: pytest.FixtureRequest, context: BrowserContext
) -> None:
    server = request.getfixturevalue(f"{command}_server")
    page = open_usage(context, server, "slow_report")
    first = rows_of(page).first
    with calling(server, "slow_report", {"seconds": 1}):
        expect(first.locator(".dot")).to_have_class(re.compile("is-pending"), timeout=5_000)
        expect(first.locator("[data-elapsed]")).to_have_text(re.compile(r"[1-9]\.\d s"))
        expect(first.locator(".dot")).to_have_class(re.compile("is-fulfilled"), timeout=8_000)
        expect(first.locator(".duration")).to_have_text(re.compile(r"^\s*\d\.\d s\s*$"))
    assert is_the_same_page(page)


def test_the_first_call_of_a_flow_takes_the_place_of_the_empty_state(context: BrowserContext, tmp_path: Path) -> None:
    with live_server(tmp_path) as server:
        page = open_usage(context, server, "greet")
        expect(page.locator("#detail")).to_contain_text("was never called")
        call(server, "greet", {"name": "Ada", "n": 1})
        expect(rows_of(page)).to_have_count(1)
        expect(page.locator("#detail")).to_contain_text("Choose an execution")
        expect(page.locator("#segments")).to_contain_text("All 1")


def test_two_people_watch_the_same_execution_end(browser: Browser, uvicorn_server: LiveServer) -> None:
    contexts = [browser.new_context(), browser.new_context()]
    pages = [open_usage(context, uvicorn_server, "slow_report") for context in contexts]
    with calling(uvicorn_server, "slow_report", {"seconds": 1}):
        for page in pages:
            expect(rows_of(page).first.locator(".dot")).to_have_class(re.compile("is-pending"), timeout=5_000)
        for page in pages:
            expect(rows_of(page).first.locator(".dot")).to_have_class(re.compile("is-fulfilled"), timeout=5_000)
    for context in contexts:
        context.close()


def test_open_cards_focus_and_scroll_survive_what_happens(context: BrowserContext, uvicorn_server: LiveServer) -> None:
    page = open_usage(context, uvicorn_server, "slow_report")
    with calling(uvicorn_server, "slow_report", {"seconds": 3}):
        rows_of(page).locator("nth=0").filter(has=page.locator(".is-pending")).click(timeout=5_000)
        expect(page.locator("article h2")).to_have_text("Pending")
        summary = page.locator("details.card > summary").first
        summary.click()
        summary.evaluate("element => { window.card = element; }")
        expect(page.locator("article h2")).to_have_text("Fulfilled", timeout=10_000)
    expect(page.locator("details.card").first).to_have_attribute("open", "")
    assert page.evaluate("document.activeElement === window.card") is True
    assert is_the_same_page(page)


def test_new_calls_announce_themselves_to_who_reads_and_come_on_request(
    context: BrowserContext, uvicorn_server: LiveServer
) -> None:
    call(uvicorn_server, "greet", {"name": "Ada", "n": 0})
    page = open_usage(context, uvicorn_server, "greet")
    before = rows_of(page).count()
    rows_of(page).first.click()
    expect(page.locator("article")).to_be_visible()
    top = rows_of(page).first.evaluate("row => row.getBoundingClientRect().top")
    name = rows_of(page).first.get_attribute("id")
    for number in (1, 2):
        call(uvicorn_server, "greet", {"name": "Grace", "n": number})
    expect(page.locator("#news")).to_have_text("2 new calls")
    assert rows_of(page).count() == before
    assert page.locator(f"#{name}").evaluate("row => row.getBoundingClientRect().top") == top
    page.locator("#news").click()
    expect(page.locator("#news")).to_be_hidden()
    expect(rows_of(page).nth(2)).to_have_attribute("id", str(name))
    expect(page.locator(f"#{name}")).to_have_attribute("aria-current", "true")
    assert is_the_same_page(page)


def test_run_again_leads_to_the_new_execution_while_it_runs(
    context: BrowserContext, uvicorn_server: LiveServer
) -> None:
    original = call(uvicorn_server, "slow_report", {"seconds": 1})
    page = open_usage(context, uvicorn_server, "slow_report")
    page.goto(f"{page.url}{original['id']}/")
    page.get_by_role("button", name="Run again").click()
    expect(page.locator("article h2")).to_have_text("Pending")
    expect(page.locator("article .meta")).to_contain_text("Replay of an earlier execution")
    expect(page.locator("article h2")).to_have_text("Fulfilled", timeout=10_000)
    assert page.locator("article").get_attribute("data-execution") != original["id"]


def test_the_figures_under_the_name_of_a_flow_count_along(context: BrowserContext, uvicorn_server: LiveServer) -> None:
    """Calls of clients and tests, each in its place."""
    page = open_usage(context, uvicorn_server, "greet")
    day = page.locator("#last-day")
    numbers = re.compile(r"(no|\d+) calls?.*?(?:\+ (\d+) tests?)?$", re.DOTALL)

    def counted() -> tuple[int, int]:
        found = numbers.search(day.inner_text().strip())
        assert found is not None
        return int(found[1].replace("no", "0")), int(found[2] or 0)

    calls, tests = counted()
    with calling(uvicorn_server, "greet", {"name": "Ada", "n": 1}):
        wait_until(lambda: counted() == (calls + 1, tests), 8, "the header does not count along")
    call(uvicorn_server, "greet", {"name": "Ada", "n": 1})
    wait_until(lambda: counted() == (calls + 1, tests + 1), 8, "the header does not count along")
    page.goto(page.url.replace("usage", "test"))
    expect(page.locator("#live")).to_have_text("Live")
    with calling(uvicorn_server, "greet", {"name": "Ada", "n": 1}):
        wait_until(lambda: counted() == (calls + 2, tests + 1), 8, "the header does not count along")


def test_the_dashboard_counts_along(context: BrowserContext, uvicorn_server: LiveServer) -> None:
    page = log_in(context, uvicorn_server)
    expect(page.locator("#live")).to_have_text("Live")
    page.evaluate("window.same = true")
    calls = page.locator("tr", has=page.get_by_text("lookup_order", exact=True)).locator("td").nth(3)
    before = int(calls.inner_text().split("+")[0])
    with calling(uvicorn_server, "lookup_order", {"order_id": "A-99999"}):
        expect(calls).to_have_text(re.compile(rf"^{before + 1}\b"), timeout=20_000)
        expect(page.locator(".failures li").first).to_contain_text("lookup_order", timeout=20_000)
    assert is_the_same_page(page)


def test_a_page_survives_a_restart_of_the_server(context: BrowserContext, tmp_path: Path) -> None:
    with live_server(tmp_path) as server:
        page = open_usage(context, server, "greet")
        assert server.stop() == 0
        expect(page.locator("#live")).to_have_text("Reconnecting…")
        server.start("serve", "--port", str(server.port))
        call(server, "greet", {"name": "Ada", "n": 1})
        expect(page.locator("#live")).to_have_text("Live", timeout=20_000)
        expect(rows_of(page)).to_have_count(1)
        call(server, "greet", {"name": "Ada", "n": 2})
        expect(rows_of(page)).to_have_count(2)
        assert is_the_same_page(page)


def test_without_a_socket_the_page_asks_while_something_is_pending(
    context: BrowserContext, uvicorn_server: LiveServer
) -> None:
    with calling(uvicorn_server, "slow_report", {"seconds": 3}):
        pending = "/api/executions/?tool=slow_report&status=pending"
        wait_until(lambda: uvicorn_server.get_json(pending)["items"], 10, "the call did not start")
        context.route_web_socket("**/ws/**", lambda socket: socket.close())
        page = log_in(context, uvicorn_server)
        page.goto(uvicorn_server.url + "/executions/?tool=slow_report")
        expect(page.locator("#live")).to_have_text("Reconnecting…")
        dot = rows_of(page).first.locator(".dot")
        expect(dot).to_have_class(re.compile("is-pending"))
        expect(dot).to_have_class(re.compile("is-fulfilled"), timeout=12_000)


def test_a_page_without_a_login_leads_to_the_login_page(context: BrowserContext, uvicorn_server: LiveServer) -> None:
    page = open_usage(context, uvicorn_server, "greet")
    context.clear_cookies()
    call(uvicorn_server, "greet", {"name": "Ada", "n": 1})
    page.wait_for_url("**/login/**")


@pytest.mark.redis
def test_with_redis_a_page_of_one_process_shows_what_another_records(
    context: BrowserContext, tmp_path: Path, redis_url: str
) -> None:
    with (
        live_server(tmp_path, FLOWHUB_REDIS_URL=redis_url) as one,
        live_server(tmp_path, RUNSERVER, FLOWHUB_REDIS_URL=redis_url) as other,
    ):
        page = open_usage(context, one, "greet")
        call(other, "greet", {"name": "Ada", "n": 1})
        expect(rows_of(page)).to_have_count(1)
        other.manage("prune_executions", "--older-than", "0h", "--yes")
        expect(rows_of(page)).to_have_count(0)
        assert is_the_same_page(page)
