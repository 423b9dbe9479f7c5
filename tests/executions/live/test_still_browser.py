"""Live pages stand still: what changes by itself moves nothing that somebody looks at."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browsing import call, log_in, window
from tests.live import LiveServer

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

WATCH = """() => {
  window.shifts = [];
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      const moved = entry.sources.map(({ node, previousRect: from, currentRect: to }) =>
        `${node?.nodeName}.${node?.className} ${from.x},${from.y} -> ${to.x},${to.y}`);
      window.shifts.push({ value: entry.value, moved });
    }
  }).observe({ type: "layout-shift" });
}"""


@pytest.fixture
def page(browser: Browser, uvicorn_server: LiveServer) -> Iterator[Page]:
    with window(browser) as context:
        yield log_in(context, uvicorn_server)


def watch(page: Page, address: str) -> None:
    """Open a page, and note each layout shift from now on (https://wicg.github.io/layout-instability/)."""
    page.goto(address)
    expect(page.locator("#live")).to_have_text("Live")
    page.evaluate("document.fonts.ready")
    page.evaluate(WATCH)


def assert_nothing_moved(page: Page) -> None:
    """Two frames later, so that the last change was painted."""
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    shifts = page.evaluate("window.shifts")
    assert sum(shift["value"] for shift in shifts) < 0.01, shifts


def test_an_open_detail_and_its_list_stand_still_while_calls_come_in_and_end(
    page: Page, uvicorn_server: LiveServer
) -> None:
    server = uvicorn_server
    execution = call(server, "slow_report", {"seconds": 0})
    watch(page, f"{server.url}{address_of(server, execution['id'])}")
    page.evaluate("window.same = true")
    for seconds in (0, 0.3):
        call(server, "slow_report", {"seconds": seconds, "fail": seconds == 0})
    expect(page.locator("#news")).to_have_text("2 new calls")
    assert_nothing_moved(page)
    assert page.evaluate("window.same") is True


def address_of(server: LiveServer, execution: str) -> str:
    return f"/flows/{server.flow_ids()['slow_report']}/usage/{execution}/"


def test_a_list_takes_in_new_calls_and_their_end_without_a_jump(page: Page, uvicorn_server: LiveServer) -> None:
    server = uvicorn_server
    call(server, "slow_report", {"seconds": 0})
    watch(page, f"{server.url}/flows/{server.flow_ids()['slow_report']}/usage/")
    for number in range(3):
        execution = call(server, "slow_report", {"seconds": 0.2, "fail": number == 1})
        row = page.locator(f"#row-{execution['id']}")
        expect(row.locator(".dot")).to_have_class(re.compile("is-(fulfilled|error)"))
    assert_nothing_moved(page)


def test_the_detail_of_a_pending_execution_stands_still_while_it_runs_and_ends(
    page: Page, uvicorn_server: LiveServer
) -> None:
    server = uvicorn_server
    done = call(server, "slow_report", {"seconds": 0.7})
    page.goto(f"{server.url}{address_of(server, done['id'])}")
    page.get_by_role("button", name="Run again").click()
    expect(page.locator("article h2")).to_have_text("Pending")
    page.evaluate(WATCH)
    expect(page.locator("article h2")).to_have_text("Fulfilled", timeout=15_000)
    assert_nothing_moved(page)


def test_the_dashboard_counts_without_a_jump(page: Page, uvicorn_server: LiveServer) -> None:
    server = uvicorn_server
    call(server, "lookup_order", {"order_id": "A-99999"})
    watch(page, f"{server.url}/")
    before = page.locator(".failures li").first.inner_text()
    call(server, "lookup_order", {"order_id": "A-99998"})
    expect(page.locator(".failures li").first).not_to_have_text(before, timeout=8_000)
    assert_nothing_moved(page)
