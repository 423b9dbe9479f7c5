"""Dashboard and Insights in a real browser: charts by keyboard and mouse, live numbers, narrow windows."""

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browsing import calling
from tests.executions.pages.test_views_browser import page
from tests.live import LiveServer

__all__ = ["page"]

pytestmark = pytest.mark.browser


@pytest.fixture
def insights(page: Page, uvicorn_server: LiveServer) -> Page:
    """The Insights tab of `slow_report`, connected, after a quick call and a slower one."""
    for seconds in (0, 0.3):
        with calling(uvicorn_server, "slow_report", {"seconds": seconds}):
            pass
    page.goto(f"{uvicorn_server.url}/flows/{uvicorn_server.flow_ids()['slow_report']}/insights/")
    expect(page.locator("#live")).to_have_text("Live")
    page.evaluate("window.same = true")
    return page


def figure(page: Page, name: str) -> Any:
    """One of the headline figures."""
    return page.locator(".figures > div", has=page.locator("dt", has_text=name)).locator(".figure")


def test_the_numbers_count_along_and_an_open_table_stays_open(insights: Page, uvicorn_server: LiveServer) -> None:
    before = int(figure(insights, "Calls").inner_text())
    table = insights.locator(".as-table").first
    table.locator("summary").click()
    this_hour = table.locator("tbody tr").first.locator("td").first
    before_in_hour = int(this_hour.inner_text())
    with calling(uvicorn_server, "slow_report", {"seconds": 0}):
        pass
    expect(figure(insights, "Calls")).to_have_text(str(before + 1), timeout=8_000)
    expect(insights.locator("#last-day")).to_contain_text(f"{before + 1} calls")
    expect(this_hour).to_have_text(str(before_in_hour + 1))
    assert insights.evaluate("window.same === true")


def test_bars_are_reached_and_read_by_keyboard_and_lead_to_their_executions(insights: Page) -> None:
    bars = insights.locator("[data-chart]").nth(1).locator(".bars a")
    insights.locator(".as-table > summary").first.focus()
    last = bars.last
    for _ in range(3):  # Links to what failed and to what is pending may stand in between.
        insights.keyboard.press("Tab")
        if last.evaluate("bar => bar === document.activeElement"):
            break
    expect(last).to_be_focused()
    tip = insights.locator(".tip")
    expect(tip).to_have_text(str(last.get_attribute("aria-label")))
    insights.keyboard.press("Home")
    expect(bars.first).to_be_focused()
    insights.keyboard.press("ArrowRight")
    expect(bars.nth(1)).to_be_focused()
    insights.keyboard.press("ArrowLeft")
    expect(bars.first).to_be_focused()
    expect(tip).to_be_visible()
    insights.keyboard.press("Escape")
    expect(tip).to_be_hidden()
    newest = insights.locator("[data-chart]").first.locator(".bars a[tabindex='0']")
    number = re.findall(r"(\d+) calls?", str(newest.get_attribute("aria-label")))
    newest.focus()
    insights.keyboard.press("Enter")
    insights.wait_for_url("**/usage/?startedAfter=*")
    expect(insights.locator("#rows")).to_have_attribute("data-total", number[0])


def test_a_bar_is_a_target_as_high_as_the_chart(insights: Page) -> None:
    bar = insights.locator("[data-chart]").first.locator(".bars a[tabindex='0']")
    place = insights.locator("[data-chart]").first.locator(".bars").bounding_box()
    assert place is not None
    room = bar.locator(".room").bounding_box()
    assert room is not None
    expect(bar.locator("title")).to_contain_text("fulfilled")
    insights.mouse.click(room["x"] + room["width"] / 2, place["y"] + 2)
    insights.wait_for_url("**/usage/?startedAfter=*")


def test_the_dashboard_keeps_its_period_while_it_counts_along(page: Page, uvicorn_server: LiveServer) -> None:
    page.get_by_role("link", name="Last 7 days", exact=True).click()
    expect(page.locator("#live")).to_have_text("Live")
    before = int(figure(page, "Calls").inner_text())
    with calling(uvicorn_server, "greet", {"name": "Ada", "n": 1}):
        pass
    expect(figure(page, "Calls")).to_have_text(str(before + 1), timeout=8_000)
    expect(page.get_by_role("link", name="Last 7 days", exact=True)).to_have_attribute("aria-current", "true")
    expect(page.locator("[data-chart] .times text").last).to_be_visible()
    assert page.locator("[data-chart] .bars .room").count() == 7


def test_the_open_filter_of_a_list_stays_in_its_column(insights: Page) -> None:
    insights.locator(".overview .bars a").last.focus()
    insights.keyboard.press("Enter")
    insights.wait_for_url("**/usage/?startedAfter=*")
    expect(insights.locator(".chips")).to_contain_text("from ")
    insights.locator(".filter summary").click()
    place = insights.locator(".list").bounding_box()
    assert place is not None
    for field in insights.locator(".filter details :is(input, select)").all():
        box = field.bounding_box()
        assert box is not None
        assert box["x"] + box["width"] <= place["x"] + place["width"]


@pytest.mark.parametrize("width", [390, 1024])
def test_numbers_fit_a_narrow_window(insights: Page, uvicorn_server: LiveServer, width: int) -> None:
    insights.set_viewport_size({"width": width, "height": 800})
    for address in (insights.url, uvicorn_server.url + "/?period=30d"):
        insights.goto(address)
        assert insights.evaluate("document.documentElement.scrollWidth") <= width, address
