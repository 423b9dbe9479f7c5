"""The requirements of the Usage tab, each in a real browser on a history of ten thousand executions."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browsing import call, log_in, window
from tests.factories import PASSWORD
from tests.looks import ADMIN, LOOKS, Look
from tests.world import SEEDED, World

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

COLOURS = {"fulfilled": "rgb(26, 143, 75)", "pending": "rgb(217, 119, 6)", "error": "rgb(200, 50, 43)"}
MEANINGS = {
    "fulfilled": "Fulfilled - Completed successfully",
    "pending": "Pending - Execution in progress",
    "error": "Error - Execution failed",
}


@pytest.fixture
def page(browser: Browser, world: World) -> Iterator[Page]:
    with window(browser, color_scheme="light") as context:
        yield log_in(context, world.server)


def rows_of(page: Page) -> Locator:
    return page.locator("#rows .row")


def open_page(page: Page, world: World, path: str) -> None:
    answer = page.goto(world.address(path))
    assert answer is not None
    assert answer.status == 200


def test_fr_009_the_list_stands_left_of_the_detail(page: Page, world: World) -> None:
    open_page(page, world, "/flows/{lookup_order}/usage/")
    expect(page.locator(".placeholder")).to_contain_text("Choose an execution")
    left, right = (page.locator(part).bounding_box() for part in (".list", "#detail"))
    assert left is not None
    assert right is not None
    assert left["x"] == 0
    assert left["x"] + left["width"] == right["x"]
    assert (left["y"], left["height"]) == (right["y"], right["height"])


def test_fr_010_a_click_shows_the_detail_and_its_address_can_be_opened_again(page: Page, world: World) -> None:
    open_page(page, world, "/flows/{lookup_order}/usage/")
    rows_of(page).nth(3).click()
    article = page.locator("article[data-execution]")
    expect(article).to_be_visible()
    name = article.get_attribute("data-execution")
    assert page.url == world.address(f"/flows/{{lookup_order}}/usage/{name}/")
    page.reload()
    expect(page.locator(f"article[data-execution='{name}']")).to_be_visible()
    expect(rows_of(page).nth(3)).to_have_attribute("aria-current", "true")


def test_fr_011_the_executions_of_a_deleted_flow_are_still_shown_with_its_graph(page: Page, world: World) -> None:
    open_page(page, world, "/executions/?tool=old_report")
    expect(rows_of(page)).to_have_count(3)
    rows_of(page).first.click()
    expect(page.locator("article header")).to_contain_text("Old report")
    expect(page.locator("article header")).to_contain_text("deleted")
    page.locator(".sections a", has_text="Graph").click()
    expect(page.locator(".graph .box")).to_have_count(3)


def test_fr_012_calls_at_the_same_time_keep_their_own_rows_and_data(page: Page, world: World) -> None:
    open_page(page, world, "/flows/{greet}/usage/")
    expect(page.locator("#live")).to_have_text("Live")
    made = {name: call(world.server, "greet", {"name": name, "n": len(name)})["id"] for name in ("Ada", "Barbara")}
    for name, execution in made.items():
        expect(page.locator(f"#row-{execution} .preview")).to_have_text(f'name: "{name}"')


@pytest.mark.parametrize("status", COLOURS)
def test_fr_013_and_fr_014_a_circle_has_its_colour_and_tells_its_meaning(page: Page, world: World, status: str) -> None:
    tool = "nightly_import" if status == "pending" else "lookup_order"
    open_page(page, world, f"/flows/{{{tool}}}/usage/?status={status}")
    dot = rows_of(page).first.locator(".dot")
    assert dot.evaluate("dot => getComputedStyle(dot).backgroundColor") == COLOURS[status]
    assert dot.get_attribute("title") == MEANINGS[status]
    expect(rows_of(page).first.get_by_role("img", name=MEANINGS[status])).to_be_visible()
    page.keyboard.press("j")
    assert dot.evaluate("dot => getComputedStyle(dot, '::after').content") == f'"{MEANINGS[status]}"'


def test_fr_015_a_row_holds_circle_start_duration_and_the_first_parameter(page: Page, world: World) -> None:
    open_page(page, world, "/flows/{lookup_order}/usage/{error}/")
    row = page.locator("#rows .row[aria-current]")
    expect(row.locator(".dot")).to_be_visible()
    expect(row.locator("time")).to_have_text(re.compile(r"^\d\d:\d\d:\d\d$|^\w{3} \d+, \d\d:\d\d$"))
    expect(row.locator(".duration")).to_have_text(re.compile(r"^\s*[\d.<]+ m?s\s*$"))
    expect(row.locator(".preview")).to_have_text('order_id: "A-99999"')
    expect(row.locator(".why")).to_contain_text("Unknown order")


def test_fr_016_and_fr_017_the_newest_stands_first_and_the_oldest_is_still_there(page: Page, world: World) -> None:
    open_page(page, world, "/flows/{lookup_order}/usage/")
    times = [str(row.get_attribute("datetime")) for row in page.locator("#rows time").all()]
    assert times == sorted(times, reverse=True)
    last = page.locator("#pages a", has_text=re.compile(r"^\d")).last
    last.click()
    expect(page.locator("#rows .preview").last).to_have_text('order_id: "A-10000"')


def test_fr_018_pages_of_ten_thousand_have_numbers_with_gaps_and_the_browsers_back_button(
    page: Page, world: World
) -> None:
    open_page(page, world, "/flows/{lookup_order}/usage/")
    pages, total = page.locator("#pages"), int(str(page.locator("#rows").get_attribute("data-total")))
    assert total > SEEDED
    count = -(-total // 20)
    assert pages.inner_text().split()[:-3] == ["\u2039", "1", "2", "3", "…", f"{count}", "\u203a"]
    pages.get_by_role("link", name="Page 3").click()
    expect(pages.locator("[aria-current]")).to_have_text("3")
    pages.get_by_role("link", name="Next page").click()
    expect(pages.locator(".range")).to_have_text(f"61–80 of {total:,}")
    pages.get_by_role("link", name=f"Page {count}").click()
    expect(pages.locator(".range")).to_have_text(f"{count * 20 - 19:,}–{total:,} of {total:,}")
    expect(pages.get_by_role("link", name="Next page")).to_have_count(0)
    for expected in ("4", "3", "1"):
        page.go_back()
        expect(pages.locator("[aria-current]")).to_have_text(expected)


def test_fr_018_a_filter_starts_at_its_first_page_and_a_page_keeps_the_filter(page: Page, world: World) -> None:
    open_page(page, world, "/flows/{lookup_order}/usage/?page=7")
    page.locator("#segments a", has_text="Error").click()
    expect(page.locator("#pages [aria-current]")).to_have_text("1")
    page.get_by_role("link", name="Next page").click()
    expect(page.locator("#pages [aria-current]")).to_have_text("2")
    expect(page.locator("#rows .dot.is-error")).to_have_count(20)
    rows_of(page).nth(4).click()
    expect(page.locator("article h2")).to_have_text("Error")
    assert page.url.endswith("?status=error&page=2")
    page.go_back()
    expect(page.locator(".placeholder")).to_be_visible()
    expect(page.locator("#pages [aria-current]")).to_have_text("2")


def test_a_socket_that_is_cut_comes_back_and_brings_what_was_missed(page: Page, world: World) -> None:
    sockets = []

    def keep(route: object) -> None:
        sockets.append(route)
        route.connect_to_server()  # type: ignore[attr-defined]

    page.route_web_socket("**/ws/**", keep)
    open_page(page, world, "/flows/{greet}/usage/")
    expect(page.locator("#live")).to_have_text("Live")
    page.evaluate("window.same = true")
    sockets[0].close()
    expect(page.locator("#live")).to_have_text("Reconnecting…")
    execution = call(world.server, "greet", {"name": "Missed", "n": 1})
    expect(page.locator("#live")).to_have_text("Live", timeout=10_000)
    expect(page.locator(f"#row-{execution['id']}")).to_be_visible()
    assert len(sockets) == 2
    assert page.evaluate("window.same") is True


@pytest.mark.parametrize(
    ("zone", "offset"), [("America/New_York", r"UTC-0[45]:00"), ("Asia/Kolkata", r"UTC\+05:30"), ("UTC", "UTC")]
)
def test_two_people_far_apart_see_the_same_execution_at_their_own_time(
    browser: Browser, world: World, zone: str, offset: str
) -> None:
    with window(browser, timezone_id=zone) as context:
        page = log_in(context, world.server)
        page.goto(world.address("/executions/{error}/"))
        expect(page.locator("#zone")).to_have_attribute("title", f"Times are in {zone}; choose another zone")
        expect(page.locator("#zone")).to_have_text(zone.rpartition("/")[2].replace("_", " "))
        moment = page.locator("article time").first
        local = moment.evaluate(
            "time => new Date(time.dateTime).toLocaleString('sv', { hour12: false })"  # 2026-11-22 14:02:57
        )
        name = "" if zone == "UTC" else f"{zone}, "
        expect(moment).to_have_attribute("title", re.compile(rf"^{local}\.\d{{3}} {name}{offset}$"))
        expect(moment).to_contain_text(local[11:])


READABLE = [look for look in LOOKS if look.person == ADMIN and look.status == 200 and not look.name.startswith("admin")]


@pytest.mark.timeout(400)
def test_every_page_can_be_read_without_scripts(browser: Browser, world: World) -> None:
    with window(browser, java_script_enabled=False) as context:
        page = log_in(context, world.server)
        assert [fault for look in READABLE for fault in unreadable(page, world, look)] == []


def unreadable(page: Page, world: World, look: Look) -> list[str]:
    """What is wrong with a page whose scripts do not run: no heading, nothing to read, or buttons that do nothing."""
    open_page(page, world, look.path)
    faults = []
    if not page.get_by_role("heading").first.is_visible() or len(page.locator("main").inner_text()) < 40:
        faults.append(f"{look.name}: nothing to read")
    if page.locator(".js:visible").count():
        faults.append(f"{look.name}: shows what needs a script")
    return faults


def test_somebody_without_rights_sees_no_execution_of_others(browser: Browser, world: World) -> None:
    with window(browser, "status of 404") as context:
        page = log_in(context, world.server, "ada", PASSWORD)
        open_page(page, world, "/executions/")
        expect(page.locator("#rows")).to_contain_text("Never called")
        answer = page.goto(world.address("/executions/{error}/"))
        assert answer is not None
        assert answer.status == 404
        expect(page.locator("main")).to_contain_text("Page not found")
