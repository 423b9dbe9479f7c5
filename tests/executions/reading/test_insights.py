"""The numbers over many executions: exact counts, bounded samples that say so, and where each of them leads."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from executions.models import HEAVY_FIELDS, Execution
from executions.reading import statistics
from executions.reading.history import History
from executions.reading.insights import insights_of, overview_of
from executions.reading.periods import Period, span_of
from executions.reading.statistics import calls_of
from executions.record.status import Status
from flows.models import Flow
from tests.executions.pages.test_views import browser_of, words
from tests.executions.reading.test_history import HOUR, assert_no_sort_and_no_full_scan, busy_flow, plans
from tests.factories import STARTED, make_execution, make_flow, make_user

__all__ = ["busy_flow"]

NOW = datetime(2026, 3, 4, 12, 30, tzinfo=UTC)
DAY = timedelta(days=1)
BY_ID = "executions_execution_pkey|sqlite_autoindex_executions_execution_1"


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is NOW."""
    monkeypatch.setattr(timezone, "now", lambda: NOW)


def rest(user: Any) -> APIClient:
    """A script that `user` runs."""
    client = APIClient()
    client.force_authenticate(user)
    return client


def page_of(flow: Flow, query: str = "") -> str:
    """The HTML of the Insights tab, for who owns the flow."""
    answer = browser_of(flow.server.owner).get(f"/flows/{flow.pk}/insights/{query}")
    assert answer.status_code == 200
    return answer.content.decode()


def links_of(html: str, part: str) -> dict[str, str]:
    """The addresses of the links that hold `part`, by their text or label, without those of the "As a table" parts."""
    html = re.sub(r'<details class="as-table">.*?</details>', "", html, flags=re.DOTALL)
    found = {}
    for attributes, text in re.findall(r"<a\s([^>]*)>(.*?)</a>", html, re.DOTALL):
        address, label = re.search(r'href="([^"]*)"', attributes), re.search(r'aria-label="([^"]*)"', attributes)
        if address and part in address[1]:
            found[label[1] if label else words(text).strip()] = unescape(address[1])
    return found


def total_at(client: Client, address: str) -> int:
    """How many executions the list at an address holds."""
    shown = re.search(r'data-total="(\d+)"', client.get(address).content.decode())
    assert shown is not None
    return int(shown[1])


# --- The whole answer -------------------------------------------------------------------------------------------------


def tally(fulfilled: int = 0, error: int = 0, pending: int = 0, rate: float | None = None) -> dict[str, Any]:
    total = fulfilled + error + pending
    return {"total": total, "fulfilled": fulfilled, "error": error, "pending": pending, "successRate": rate}


@pytest.mark.django_db
@pytest.mark.usefixtures("clock")
def test_the_api_gives_every_number_of_a_flow() -> None:
    flow = make_flow()
    make_execution(make_flow(flow.server), started_at=NOW, status="error", error_kind="timeout")
    quick = make_execution(flow, started_at=NOW, duration_ms=4.0, caller_name="Cursor")
    slow = make_execution(flow, started_at=NOW - HOUR * 2, duration_ms=70.0, caller_name="Claude")
    failed = make_execution(
        flow, started_at=NOW, status="error", duration_ms=9.0, error_kind="node_failed", failed_node_name="Fetch"
    )
    refused = make_execution(flow, started_at=NOW, status="error", duration_ms=1.0, error_kind="rejected")
    make_execution(flow, started_at=NOW, status="pending", caller_name="Claude")
    make_execution(flow, started_at=NOW - DAY, duration_ms=20.0)
    make_execution(flow, started_at=NOW - DAY * 3)
    make_execution(flow, started_at=NOW, status="error", duration_ms=9e5, error_kind="timeout", source="test")
    make_execution(flow, started_at=NOW - HOUR, duration_ms=1.0, source="replay", caller_name="replay with user eve")
    make_execution(flow, started_at=NOW - DAY, duration_ms=9e5, source="test")
    found = rest(flow.server.owner).get(f"/api/flows/{flow.pk}/insights/").json()
    buckets, slowest = found.pop("buckets"), found.pop("slowest")
    assert found == {
        "period": "24h",
        "start": "2026-03-03T13:00:00Z",
        "end": "2026-03-04T13:00:00Z",
        "now": {"calls": tally(2, 2, 1, 0.5), "tests": tally(1, 1, rate=0.5), "p50": 4.0, "p95": 70.0, "sampled": 4},
        "refused": {"strangers": 0, "others": 0},
        "before": {"calls": tally(1, rate=1.0), "tests": tally(1, rate=1.0), "p50": 20.0, "p95": 20.0, "sampled": 1},
        "sampledCalls": 5,
        "durations": [
            {"from": 1.0, "to": 2.0, "calls": 1},
            {"from": 2.0, "to": 5.0, "calls": 1},
            {"from": 5.0, "to": 10.0, "calls": 1},
            {"from": 10.0, "to": 20.0, "calls": 0},
            {"from": 20.0, "to": 50.0, "calls": 0},
            {"from": 50.0, "to": 100.0, "calls": 1},
        ],
        "callers": [
            {"caller": "", "calls": tally(0, 2, rate=0.0), "p95": 9.0},
            {"caller": "Claude", "calls": tally(1, 0, 1, 1.0), "p95": 70.0},
            {"caller": "Cursor", "calls": tally(1, rate=1.0), "p95": 4.0},
        ],
        "sampledErrors": 2,
        "errorsByKind": found["errorsByKind"],
        "errorsByNode": found["errorsByNode"],
    }
    assert sorted(found["errorsByKind"], key=str) == [
        {"kind": "node_failed", "count": 1},
        {"kind": "rejected", "count": 1},
    ]
    assert sorted(found["errorsByNode"], key=str) == [
        {"nodeName": "Fetch", "count": 1},
        {"nodeName": None, "count": 1},
    ]
    assert [row["id"] for row in slowest] == [str(row.pk) for row in (slow, failed, quick, refused)]
    empty = [bucket["calls"]["total"] for bucket in buckets]
    assert empty == [0] * 21 + [1, 0, 4]
    last = {"start": "2026-03-04T12:00:00Z", "end": "2026-03-04T13:00:00Z", "calls": tally(1, 2, 1, 1 / 3)}
    assert buckets[-1] == last


@pytest.mark.django_db
@pytest.mark.usefixtures("clock")
def test_days_are_counted_up_to_30_back() -> None:
    flow = make_flow()
    for days in (0, 1, 6, 7, 29, 30):
        make_execution(flow, started_at=NOW - DAY * days)
    client = rest(flow.server.owner)
    week, month = (client.get(f"/api/flows/{flow.pk}/insights/?period={period}").json() for period in ("7d", "30d"))
    assert [bucket["calls"]["total"] for bucket in week["buckets"]] == [1, 0, 0, 0, 0, 1, 1]
    assert week["before"]["calls"]["total"] == 1
    assert [i for i, bucket in enumerate(month["buckets"]) if bucket["calls"]["total"]] == [0, 22, 23, 28, 29]


@pytest.mark.django_db
def test_another_period_is_refused_by_the_api_and_means_24_hours_on_the_page() -> None:
    flow = make_flow()
    make_execution(flow, started_at=timezone.now())
    answer = rest(flow.server.owner).get(f"/api/flows/{flow.pk}/insights/?period=1y")
    assert (answer.status_code, answer.json()) == (400, {"period": ["1y is not one of the choices: 24h, 7d, 30d."]})
    assert "last 24 hours" in page_of(flow, "?period=1y")


@pytest.mark.django_db
@pytest.mark.parametrize("address", ["/flows/{}/insights/", "/api/flows/{}/insights/"])
def test_the_numbers_of_a_foreign_flow_are_not_found(address: str) -> None:
    assert browser_of(make_user()).get(address.format(make_flow().pk)).status_code == 404


# --- Bounds -----------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_what_a_number_leads_to_leaves_tests_out_as_the_number_does() -> None:
    flow = make_flow()
    failed = {"started_at": timezone.now(), "status": "error", "error_kind": "timeout", "failed_node_name": "Fetch"}
    for source in ("mcp", "mcp", "test", "replay", "api"):
        make_execution(flow, source=source, **failed)
    client, html = browser_of(flow.server.owner), page_of(flow)
    addresses = {unescape(found) for found in re.findall(r'href="([^"]*/usage/[^"]*startedAfter[^"]*)"', html)}
    assert {total_at(client, address) for address in addresses} == {2}
    assert len(addresses) > 3  # bars, the failed ones, an error's kind, a node


@pytest.mark.django_db
def test_a_sample_is_bounded_and_the_page_says_from_how_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statistics, "SAMPLE", 3)
    flow, now = make_flow(), timezone.now()
    for number in range(5):
        make_execution(flow, started_at=now - timedelta(seconds=number), duration_ms=10.0 + number)
        make_execution(flow, started_at=now - timedelta(seconds=number + 9), status="error", error_kind="timeout")
    text = words(page_of(flow))
    assert "5 failed . p50 and p95 are from the newest 3 of 10 calls that ended." in text
    assert text.count("from the newest 3 of 10 calls ") == 4
    assert text.count("from the newest 3 of 5 errors ") == 2
    found = insights_of(History.of_flow(flow, flow.server.owner), Period.DAY)
    assert (found.overview.now.p50_ms, found.overview.now.p95_ms) == (11.0, 12.0)
    assert (found.kinds, found.sampled, found.errors_sampled) == ([("timeout", 3)], 3, 3)


@pytest.fixture
def busy(busy_flow: Flow, monkeypatch: pytest.MonkeyPatch) -> Flow:
    """The busy flow when it was called last; its calls took 5 ms."""
    monkeypatch.setattr(timezone, "now", lambda: STARTED + timedelta(minutes=2500))
    Execution.objects.update(duration_ms=5)
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE executions_execution")
    return busy_flow


@pytest.mark.django_db
def test_each_number_reads_a_range_of_an_index_and_no_json(busy: Flow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statistics, "SAMPLE", 200)
    owner = busy.server.owner
    flow, everything = History.of_flow(busy, owner), History.visible_to(make_user(is_superuser=True))
    asked: list[tuple[Callable[[], Any], list[str]]] = [
        (
            lambda: insights_of(flow, Period.DAY),
            ["execution_of_flow", "execution_errors_of_flow", "execution_of_flow", BY_ID],
        ),
        (lambda: overview_of(History.visible_to(owner), Period.DAY), ["execution_of_owner"] * 2),
        (lambda: overview_of(everything, Period.DAY), [BY_ID] * 2),
        (lambda: calls_of([busy.pk], span_of(Period.DAY)), ["execution_of_flow"]),
    ]
    for action, indexes in asked:
        for (statement, text), index in zip(plans(action), indexes, strict=True):
            assert re.search(rf"(USING (COVERING )?INDEX|using|on) ({index})\b", text), text
            assert not [column for column in HEAVY_FIELDS if f'"{column}"' in statement]
            assert_no_sort_and_no_full_scan(text, False)


@pytest.mark.django_db
def test_the_counters_are_read_by_their_indexes(busy: Flow) -> None:
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off")  # so few counters are quicker read whole
    owner = busy.server.owner
    for action in (
        lambda: overview_of(History.of_flow(busy, owner), Period.DAY),
        lambda: overview_of(History.visible_to(owner), Period.DAY),
        lambda: calls_of([busy.pk], span_of(Period.MONTH)),
    ):
        for _, text in plans(action, "executions_executioncount"):
            assert re.search(r"execution_count_(unique|by_owner)|sqlite_autoindex_executions_executioncount", text), (
                text
            )


@pytest.mark.django_db
def test_the_number_of_queries_does_not_grow(busy_flow: Flow, django_assert_num_queries: Any) -> None:
    make_execution(busy_flow, started_at=timezone.now())
    mine = History.of_flow(busy_flow, busy_flow.server.owner)
    with django_assert_num_queries(5):
        insights_of(mine, Period.MONTH)
    with django_assert_num_queries(3):
        overview_of(mine, Period.MONTH)


# --- Pages ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def called(clock: None) -> Flow:
    """A flow with 6 calls in 24 hours: 3 fulfilled, 2 failed at Fetch and one refused; and an older one."""
    flow = make_flow(name="Look up", tool_name="look_up")
    for number in range(3):
        started = NOW - HOUR * number
        make_execution(flow, started_at=started, duration_ms=30.0 + number, caller_name="Cursor 2.1 with key dev")
    for kind in ("node_failed", "timeout"):
        place = {"failed_node_name": "Fetch & <go>", "error_kind": kind, "duration_ms": 600.0}
        make_execution(flow, started_at=NOW, status="error", caller_name="Claude", **place)
    make_execution(flow, started_at=NOW - HOUR, status="error", error_kind="rejected", duration_ms=0.5)
    make_execution(flow, started_at=NOW - DAY * 2, caller_name="Claude")
    return flow


@pytest.mark.django_db
def test_every_number_leads_to_its_executions(called: Flow) -> None:
    browser, html = browser_of(called.server.owner), page_of(called)
    totals = {name: total_at(browser, address) for name, address in links_of(html, "/usage/?").items()}
    assert totals == {
        "3 failed": 3,
        "Mar 4, 10:00–11:00: 1 call: 1 fulfilled": 1,
        "Mar 4, 11:00–12:00: 2 calls: 1 fulfilled, 1 failed": 2,
        "Mar 4, 12:00–13:00: 3 calls: 1 fulfilled, 2 failed": 3,
        "under 1 ms: 1 call": 1,
        "20 ms to 50 ms: 3 calls": 3,
        "500 ms to 1 s: 2 calls": 2,
        "Failed node_failed": 1,
        "Timed out timeout": 1,
        "Refused rejected": 1,
        "Fetch & <go>": 2,
        "Cursor 2.1 with key dev": 3,
        "Claude": 2,
    }


@pytest.mark.django_db
def test_a_chart_has_the_same_numbers_as_a_table(called: Flow) -> None:
    tables = re.findall(r'<details class="as-table">(.*?)</details>', page_of(called, "?period=7d"), re.DOTALL)
    rows = [words(row).split() for row in re.findall(r"<tr>(.*?)</tr>", tables[0], re.DOTALL)]
    assert rows[:5] == [
        ["Day", "Calls", "Fulfilled", "Error", "Pending"],
        ["Wed,", "Mar", "4", "6", "3", "3", "0"],
        ["Tue,", "Mar", "3", "0", "0", "0", "0"],
        ["Mon,", "Mar", "2", "1", "1", "0", "0"],
        ["Sun,", "Mar", "1", "0", "0", "0", "0"],
    ]
    assert "500 ms to 1 s 2" in words(tables[1])


@pytest.mark.django_db
def test_figures_stand_beside_those_of_the_period_before(called: Flow) -> None:
    for number in range(3):
        make_execution(called, started_at=NOW - DAY - HOUR * number, duration_ms=300.0)
    text = words(page_of(called))
    assert "Calls 6 +100% was 3" in text
    assert "Success rate 50.0% −50.0 points was 100%" in text
    assert "p50 31 ms −90% was 300 ms" in text
    assert "p95 600 ms +100% was 300 ms" in text


@pytest.mark.django_db
def test_a_flow_that_was_never_called_says_what_to_do() -> None:
    text = words(page_of(make_flow(name="Look up")))
    assert "Look up was never called" in text
    assert "Success rate" not in text


@pytest.mark.django_db
@pytest.mark.usefixtures("clock")
def test_a_flow_without_calls_in_the_period_leads_to_a_longer_one() -> None:
    flow = make_flow()
    make_execution(flow, started_at=NOW - DAY * 3)
    html = page_of(flow)
    assert "No calls in the last 24 hours." in html
    assert f'<a href="/flows/{flow.pk}/insights/?period=30d">Look at the last 30 days</a>' in html
    assert "Slowest executions" not in html


@pytest.mark.django_db
@pytest.mark.usefixtures("clock")
def test_one_call_that_failed_is_a_page_of_its_own() -> None:
    flow = make_flow()
    make_execution(flow, started_at=NOW, status="error", error_kind="timeout", failed_node_name="Fetch")
    text = words(page_of(flow))
    for part in ("Success rate 0%", "p95 12 ms", "the one call that ended", "from 1 error", "Fetch 1 100%"):
        assert part in text


@pytest.mark.django_db
@pytest.mark.usefixtures("clock")
def test_only_pending_calls_have_neither_rate_nor_duration() -> None:
    flow = make_flow()
    make_execution(flow, started_at=NOW, status=Status.PENDING)
    text = words(page_of(flow))
    for part in ("Calls 1", "Success rate –", "p50 –", "1 pending", "No call has ended yet."):
        assert part in text


@pytest.mark.django_db
def test_the_dashboard_adds_up_what_a_person_may_see_in_the_period(called: Flow) -> None:
    mine, operator = called.server.owner, make_user(is_superuser=True)
    make_execution(make_flow(), started_at=NOW)
    shown = {}
    for who, query in ((mine, ""), (mine, "?period=7d"), (operator, "?period=30d")):
        answer = browser_of(who).get("/" + query)
        text = words(answer.content.decode())
        (calls,) = re.findall(r"All calls last (\w+ \w+) Calls (\d+)", text)
        shown[who.pk, query] = calls, re.findall(r"look_up \S+ (\d+)", text)
    assert shown == {
        (mine.pk, ""): (("24 hours", "6"), ["6"]),
        (mine.pk, "?period=7d"): (("7 days", "7"), ["7"]),
        (operator.pk, "?period=30d"): (("30 days", "8"), ["7"]),
    }


@pytest.mark.django_db
def test_the_newest_failures_are_of_the_last_week_and_ones_own(called: Flow) -> None:
    make_execution(make_flow(), started_at=NOW, status="error", error_preview="foreign")
    make_execution(called, started_at=NOW - DAY * 8, status="error", error_preview="old")
    html = browser_of(called.server.owner).get("/").content.decode()
    failures = html[html.index('<ol class="failures">') :]
    assert failures.count("<li>") == 3
    assert "old" not in words(failures)
    assert "foreign" not in html
