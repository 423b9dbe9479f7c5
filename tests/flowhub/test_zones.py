"""Times in the zone of the person who looks: the browser's, a chosen one, or the installation's."""

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client

from tests.executions.pages.test_views import browser_of, rows_of
from tests.factories import make_execution, make_flow

pytestmark = pytest.mark.django_db

SUMMER = datetime(2026, 7, 4, 3, 59, 30, 250_000, tzinfo=UTC)


def shown(browser: Client, flow: Any, query: str = "") -> list[tuple[str, str]]:
    """What the Usage tab's rows say of their start: the tooltip and the text."""
    html = browser.get(f"/flows/{flow.pk}/usage/{query}").content.decode()
    return re.findall(r'<time datetime="[^"]*" title="([^"]*)">([^<]*)</time>', html)


def follows(browser: Client, zone: str) -> Client:
    """What flowhub.js does on the first page."""
    browser.cookies["flowhub_browser_zone"] = zone
    return browser


@pytest.mark.parametrize(
    ("zone", "exact", "short"),
    [
        ("America/New_York", "2026-07-03 23:59:30.250 America/New_York, UTC-04:00", "Jul 3, 23:59"),
        ("Asia/Kolkata", "2026-07-04 09:29:30.250 Asia/Kolkata, UTC+05:30", "Jul 4, 09:29"),
        ("Asia/Calcutta", "2026-07-04 09:29:30.250 Asia/Kolkata, UTC+05:30", "Jul 4, 09:29"),
        ("UTC", "2026-07-04 03:59:30.250 UTC", "Jul 4, 03:59"),
        ("Mars/Olympus", "2026-07-04 03:59:30.250 UTC", "Jul 4, 03:59"),
        ("../../etc/passwd", "2026-07-04 03:59:30.250 UTC", "Jul 4, 03:59"),
        ("", "2026-07-04 03:59:30.250 UTC", "Jul 4, 03:59"),
    ],
)
def test_a_page_shows_times_in_the_browsers_zone_and_in_the_installations_when_it_is_not_known(
    zone: str, exact: str, short: str
) -> None:
    flow = make_flow()
    make_execution(flow, started_at=SUMMER)
    # A page of another year would name the year; the tooltip always does.
    [(tooltip, text)] = shown(follows(browser_of(flow.server.owner), zone), flow)
    assert (tooltip, text.replace(" 2026", "")) == (exact, short)


@pytest.mark.parametrize(
    ("started_at", "exact"),
    [
        (datetime(2026, 3, 8, 6, 59, tzinfo=UTC), "2026-03-08 01:59:00.000 America/New_York, UTC-05:00"),
        (datetime(2026, 3, 8, 7, 0, tzinfo=UTC), "2026-03-08 03:00:00.000 America/New_York, UTC-04:00"),
        (datetime(2026, 11, 1, 5, 30, tzinfo=UTC), "2026-11-01 01:30:00.000 America/New_York, UTC-04:00"),
        (datetime(2026, 11, 1, 6, 30, tzinfo=UTC), "2026-11-01 01:30:00.000 America/New_York, UTC-05:00"),
    ],
)
def test_on_the_days_when_clocks_are_changed_the_offset_tells_the_hours_apart(started_at: datetime, exact: str) -> None:
    flow = make_flow()
    make_execution(flow, started_at=started_at)
    [(tooltip, _)] = shown(follows(browser_of(flow.server.owner), "America/New_York"), flow)
    assert tooltip == exact


@pytest.mark.parametrize(
    ("query", "found"),
    [
        # The first hour after midnight, that clocks show twice, and the hour that they leave out.
        ("?startedAfter=2026-11-01T01:00&startedBefore=2026-11-01T02:00", ["01:30", "01:30"]),
        ("?startedAfter=2026-11-01T02:00&startedBefore=2026-11-02T00:00", ["12:00"]),
        ("?startedAfter=2026-03-08T02:30&startedBefore=2026-03-08T04:00", ["03:30"]),
        # Addresses made by scripts say their zone.
        ("?startedAfter=2026-11-01T06:00:00Z&startedBefore=2026-11-01T07:00:00Z", ["01:30"]),
    ],
)
def test_a_time_range_is_read_in_the_persons_zone(query: str, found: list[str]) -> None:
    flow = make_flow()
    for hour in (5.5, 6.5, 17):
        make_execution(flow, started_at=datetime(2026, 11, 1, int(hour), int(hour % 1 * 60), tzinfo=UTC))
    make_execution(flow, started_at=datetime(2026, 3, 8, 7, 30, tzinfo=UTC))
    rows = shown(follows(browser_of(flow.server.owner), "America/New_York"), flow, query)
    assert [tooltip[11:16] for tooltip, _ in rows] == found


def test_the_range_that_an_address_names_stands_in_the_filter_in_the_persons_zone() -> None:
    flow = make_flow()
    browser = follows(browser_of(flow.server.owner), "Asia/Kolkata")
    html = browser.get(f"/flows/{flow.pk}/usage/?startedAfter=2026-07-04T04:00:00Z&startedBefore=2026-07-05T10:00:07")
    assert re.findall(r'type="datetime-local" name="\w+" step="any" value="([^"]*)"', html.content.decode()) == [
        "2026-07-04T09:30",
        "2026-07-05T10:00:07",
    ]


def test_a_person_may_choose_another_zone_and_go_back_to_the_browsers() -> None:
    flow = make_flow()
    make_execution(flow, started_at=SUMMER)
    browser = follows(browser_of(flow.server.owner), "Asia/Kolkata")
    usage = f"/flows/{flow.pk}/usage/"
    answer = browser.post("/zone/", {"zone": "America/New_York", "next": usage})
    assert answer.headers["Location"] == usage
    assert shown(browser, flow)[0][0].endswith("America/New_York, UTC-04:00")
    assert "data-follows-browser" not in browser.get(usage).content.decode()
    assert '<option value="America/New_York" selected>' in browser.get("/zone/").content.decode()
    assert "Browser&#x27;s zone (Asia/Kolkata)" in browser.get("/zone/").content.decode()
    browser.post("/zone/", {"zone": "", "next": usage})
    assert shown(browser, flow)[0][0].endswith("Asia/Kolkata, UTC+05:30")


def test_a_zone_that_does_not_exist_is_refused_and_nothing_leads_to_another_site() -> None:
    browser = browser_of(make_flow().server.owner)
    answer = browser.post("/zone/", {"zone": "Mars/Olympus", "next": "/"})
    assert "Select a valid choice" in answer.content.decode()
    answer = browser.post("/zone/", {"zone": "UTC", "next": "https://elsewhere.example/"})
    assert answer.headers["Location"] == "/"


def test_the_api_stays_in_utc_whatever_a_browser_says() -> None:
    flow = make_flow()
    execution = make_execution(flow, started_at=SUMMER)
    browser = follows(browser_of(flow.server.owner), "Asia/Kolkata")
    assert browser.get(f"/api/executions/{execution.pk}/").json()["startedAt"] == "2026-07-04T03:59:30.250000Z"
    found = browser.get("/api/executions/?startedAfter=2026-07-04T03:00:00&startedBefore=2026-07-04T04:00:00").json()
    assert [item["id"] for item in found["items"]] == [str(execution.pk)]


def test_rows_of_today_are_those_of_the_persons_day(monkeypatch: pytest.MonkeyPatch) -> None:
    flow = make_flow()
    make_execution(flow, started_at=datetime(2026, 7, 3, 20, 0, tzinfo=UTC))
    monkeypatch.setattr("django.utils.timezone.now", lambda: SUMMER)
    assert (
        rows_of(
            follows(browser_of(flow.server.owner), "Asia/Kolkata").get(f"/flows/{flow.pk}/usage/").content.decode()
        )[0].split()[0]
        == "01:30:00"
    )
