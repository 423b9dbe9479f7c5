"""The Usage tab and the Executions page, through the browser's HTTP door."""

import re
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from executions.models import HEAVY_FIELDS, Execution
from executions.reading.filters import ExecutionFilter
from executions.record.status import Status
from flows.models import Flow
from flows.publishing import versions
from tests.factories import make_execution, make_flow, make_user

pytestmark = pytest.mark.django_db


def node_execution(node_id: str, name: str, node_type: str, status: str, **more: Any) -> dict[str, Any]:
    """One entry of `node_executions` with everything that the contract asks for."""
    values = {"startOffsetMs": 0.0, "durationMs": 1.0, "attempts": 1, "handle": "main", "error": None}
    at = "2026-01-02T03:04:05+00:00"
    found = {"nodeId": node_id, "nodeName": name, "nodeType": node_type, "status": status, "executedAt": at}
    return found | values | {"inputData": None, "outputData": None} | more


NODES = [
    node_execution(
        "trigger",
        "Order id",
        "trigger",
        "completed",
        inputData={"order_id": 12345678901234567890123},
        outputData={"ok": True},
    ),
    node_execution(
        "fetch",
        "Fetch order",
        "http_request",
        "error",
        startOffsetMs=1.0,
        durationMs=300.0,
        attempts=3,
        inputData={"url": "https://orders.internal/"},
        outputData={"status": 404},
        error={"message": "404 Not Found", "kind": "node_failed", "causes": ["HTTPError: 404"]},
    ),
    node_execution(
        "answer",
        "Answer",
        "return",
        "skipped",
        startOffsetMs=301.0,
        durationMs=None,
        attempts=0,
        handle=None,
        error={"message": "not reached"},
    ),
]
DEFINITION = {
    "nodes": [
        {"id": "trigger", "type": "trigger", "name": "Order id", "slug": "trigger"},
        {"id": "answer", "type": "return", "name": "Answer", "slug": "answer", "parameters": {"text": "x"}},
    ],
    "connections": [{"id": "c", "sourceNodeId": "trigger", "targetNodeId": "answer"}],
}


def browser_of(user: Any) -> Client:
    """A logged-in browser."""
    client = Client()
    client.force_login(user)
    return client


def failed_execution(flow: Flow, **kwargs: Any) -> Execution:
    """A call whose second node failed."""
    values: dict[str, Any] = {
        "status": Status.ERROR,
        "duration_ms": 318.0,
        "params_preview": 'order_id: "A-00017"',
        "initial_params": {"order_id": "A-00017"},
        "node_executions": NODES,
        "error_kind": "node_failed",
        "failed_node_name": "Fetch order",
        "error_preview": "404 Not Found",
        "error_info": {
            "message": "The order service answered 404.",
            "kind": "node_failed",
            "nodeId": "fetch",
            "nodeName": "Fetch order",
            "causes": ["HTTPError: 404"],
        },
        "result": {"content": [{"type": "text", "text": "No order A-00017."}], "isError": True},
        "caller": {"clientName": "Claude Desktop", "clientVersion": "1.9", "principal": "key support-team"},
    }
    return make_execution(flow, **(values | kwargs))


def words(html: str) -> str:
    """What a person reads: the page without its tags."""
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]*>", " ", html)))


def rows_of(html: str) -> list[str]:
    """The list's rows as text."""
    return [words(row) for row in re.findall(r'<a class="row".*?</a>', html, re.DOTALL)]


def test_fr_009_a_flows_page_has_its_executions_at_the_left_and_a_placeholder_at_the_right() -> None:
    flow = make_flow()
    make_execution(flow, params_preview='order_id: "A-1"')
    html = browser_of(flow.server.owner).get(f"/flows/{flow.pk}/usage/").content.decode()
    assert len(rows_of(html)) == 1
    assert "Choose an execution" in html


def test_a_flow_opens_on_its_usage_tab() -> None:
    flow = make_flow()
    answer = browser_of(flow.server.owner).get(f"/flows/{flow.pk}/")
    assert (answer.status_code, answer.headers["Location"]) == (302, f"/flows/{flow.pk}/usage/")


def test_fr_010_an_executions_address_shows_it_at_the_right_and_marks_its_row() -> None:
    flow = make_flow()
    execution = failed_execution(flow)
    html = browser_of(flow.server.owner).get(f"/flows/{flow.pk}/usage/{execution.pk}/").content.decode()
    assert f'data-execution="{execution.pk}"' in html
    assert re.search(rf'id="row-{execution.pk}"[^>]*aria-current="true"', html)


@pytest.mark.parametrize(
    ("status", "meaning"),
    [
        ("fulfilled", "Fulfilled - Completed successfully"),
        ("pending", "Pending - Execution in progress"),
        ("error", "Error - Execution failed"),
    ],
)
def test_fr_013_and_fr_014_a_circle_has_its_colour_and_says_what_it_means(status: str, meaning: str) -> None:
    flow = make_flow()
    make_execution(flow, status=status)
    html = browser_of(flow.server.owner).get(f"/flows/{flow.pk}/usage/").content.decode()
    assert f'class="dot is-{status}" role="img" aria-label="{meaning}" title="{meaning}"' in html


def test_fr_015_a_row_shows_start_duration_preview_and_why_it_failed() -> None:
    flow = make_flow()
    now = timezone.now().replace(microsecond=104_000)
    failed_execution(flow, started_at=now)
    html = browser_of(flow.server.owner).get(f"/flows/{flow.pk}/usage/").content.decode()
    assert rows_of(html) == [f' {now:%H:%M:%S} 318 ms order_id: "A-00017" Client failed at Fetch order: 404 Not Found ']
    assert f'title="{now:%Y-%m-%d %H:%M:%S}.104 UTC"' in html


def test_a_row_says_through_which_door_the_call_came_and_what_ran() -> None:
    flow = make_flow()
    parent = make_execution(flow, flow_version=versions.publish(flow))
    for source in ("api", "test", "replay"):
        make_execution(flow, source=source, flow_version=flow.published_version if source == "api" else None)
    make_execution(flow, parent=parent, flow_version=flow.published_version)
    html = browser_of(flow.server.owner).get(f"/flows/{flow.pk}/usage/").content.decode()
    origins = [" ".join(words(row).split()) for row in re.findall(r'<span class="origin">(.*?)</a>', html, re.DOTALL)]
    assert sorted(origins) == ["Client v1", "Flow v1", "REST v1", "Replay draft", "Test draft"]


def test_a_refused_call_says_so_in_its_row() -> None:
    flow = make_flow()
    make_execution(flow, status=Status.ERROR, error_kind="rejected", error_preview="order_id must be a string")
    html = browser_of(flow.server.owner).get(f"/flows/{flow.pk}/usage/").content.decode()
    assert "refused: order_id must be a string" in rows_of(html)[0]


def test_fr_016_the_newest_execution_stands_first() -> None:
    flow = make_flow()
    now = timezone.now()
    for hours in (3, 1, 2):
        make_execution(flow, started_at=now - timedelta(hours=hours), params_preview=f"n: {hours}")
    html = browser_of(flow.server.owner).get(f"/flows/{flow.pk}/usage/").content.decode()
    assert [re.search(r"n: (\d)", row)[1] for row in rows_of(html)] == ["1", "2", "3"]  # type: ignore[index]


def test_fr_018_pages_have_numbers_previous_next_and_say_which_rows_they_hold() -> None:
    flow = make_flow()
    for number in range(45):
        make_execution(flow, params_preview=f"n: {number}")
    html = browser_of(flow.server.owner).get(f"/flows/{flow.pk}/usage/?page=2").content.decode()
    pages = re.search(r'<nav class="pages".*?</nav>', html, re.DOTALL)
    assert pages is not None
    assert words(pages[0]).split() == ["\u2039", "1", "2", "3", "\u203a", "21–40", "of", "45"]
    assert f'href="/flows/{flow.pk}/usage/?page=3" rel="next"' in html


def test_status_toggles_count_and_narrow_the_list() -> None:
    flow = make_flow()
    make_execution(flow)
    make_execution(flow)
    failed_execution(flow)
    html = browser_of(flow.server.owner).get(f"/flows/{flow.pk}/usage/?status=error").content.decode()
    segments = re.search(r'<nav class="segments" id="segments".*?</nav>', html, re.DOTALL)
    assert segments is not None
    assert words(segments[0]).strip() == "All 3 Fulfilled 2 Error 1 Pending 0"
    assert len(rows_of(html)) == 1


def test_an_unknown_status_in_the_address_is_answered_with_a_message_and_a_way_out() -> None:
    flow = make_flow()
    make_execution(flow)
    answer = browser_of(flow.server.owner).get(f"/flows/{flow.pk}/usage/?status=done")
    assert answer.status_code == 200
    assert "done is not one of the choices: pending, fulfilled, error." in words(answer.content.decode())
    assert "Clear filters" in answer.content.decode()


def test_a_filter_that_leaves_nothing_offers_to_be_cleared() -> None:
    flow = make_flow()
    make_execution(flow)
    html = browser_of(flow.server.owner).get(f"/flows/{flow.pk}/usage/?search=nowhere").content.decode()
    assert "Nothing matches" in html
    assert f'<a class="button" href="/flows/{flow.pk}/usage/">Clear filters</a>' in html


def chips_of(html: str) -> list[tuple[str, str]]:
    """The active filters: what each says, and the address without it."""
    found = re.findall(r'<li><a class="chip" href="(.*?)".*?<span class="words">(.*?)</span>', html)
    return [(unescape(said), unescape(href)) for href, said in found]


def test_filters_in_the_address_are_told_and_each_can_be_removed() -> None:
    flow = make_flow()
    address = f"/flows/{flow.pk}/usage/"
    browser = browser_of(flow.server.owner)
    html = browser.get(f"{address}?status=error&minDuration=0&node=A+%26+<b>&page=2&view=graph").content.decode()
    assert chips_of(html) == [
        ("at least 0 ms", f"{address}?status=error&node=A+%26+%3Cb%3E"),
        ("failed at A & <b>", f"{address}?status=error&minDuration=0"),
    ]
    assert f'<a class="link" href="{address}">Clear filters</a>' in html
    assert "<details>\n      <summary>Filters" in html
    assert chips_of(browser.get(f"{address}?status=error&search=x").content.decode()) == []


def test_all_filters_but_those_in_view_have_words() -> None:
    query = (
        "startedAfter=2020-01-02T03:04&startedBefore=2021-01-02T03:04:05Z&minDuration=1.5&maxDuration=2000"
        "&errorKind=timeout&node=N&caller=C&tool=T&flow=7&source=api&version=3"
    )
    html = browser_of(make_user()).get(f"/executions/?{query}").content.decode()
    assert [said for said, _ in chips_of(html)] == [
        "from Jan 2 2020, 03:04",
        "before Jan 2 2021, 03:04",
        "source REST",
        "version 3",
        "at least 2 ms",
        "at most 2.0 s",
        "timed out (timeout)",
        "failed at N",
        "caller C",
        "tool T",
        "flow 7",
    ]
    unseen = set(ExecutionFilter.base_filters) - {"status", "search"}
    assert unseen == {part.partition("=")[0] for part in query.split("&")}


def test_a_filter_that_cannot_be_understood_has_its_form_open() -> None:
    html = browser_of(make_user()).get("/executions/?minDuration=long&tool=T").content.decode()
    assert [said for said, _ in chips_of(html)] == ["tool T"]
    assert "<details open>\n      <summary>Filters" in html


def test_a_flow_that_was_never_called_shows_a_client_configuration_to_copy() -> None:
    flow = make_flow()
    html = browser_of(flow.server.owner).get(f"/flows/{flow.pk}/usage/").content.decode()
    assert f"/mcp/{flow.server.slug}" in html
    assert 'data-copy="#first-client"' in html


def test_a_failed_execution_says_which_node_failed_and_why() -> None:
    flow = make_flow()
    execution = failed_execution(flow)
    html = browser_of(flow.server.owner).get(f"/flows/{flow.pk}/usage/{execution.pk}/").content.decode()
    panel = re.search(r'<section class="bad-panel".*?</section>', html, re.DOTALL)
    assert panel is not None
    assert words(panel[0]).strip() == (
        "Fetch order failed The order service answered 404. "
        "Failing node Fetch order (http_request) , after 3 attempts".replace(" ,", ",")
        + " Kind node_failed Caused by HTTPError: 404"
    )
    assert html.index("first-look") < html.index("bad-panel") < html.index('class="waterfall"')


def first_look(execution: Execution) -> str:
    """What stands above everything else on both pages of an execution, without a click."""
    browser = browser_of(execution.owner)
    htmls = [
        browser.get(page).content.decode() for page in (execution.get_absolute_url(), f"/executions/{execution.pk}/")
    ]
    shown = [re.search(r'<div class="first-look">(.*?)\n</div>', html, re.DOTALL) for html in htmls]
    one, other = (" ".join(words(each[1]).split()) for each in shown if each)
    assert one == other
    return one.replace(" copy raw", "").replace(" find", "")


def test_the_first_look_shows_parameters_and_answer_as_the_client_got_them() -> None:
    fulfilled = make_execution(
        initial_params={"order_id": 12345678901234567890123, "note": None},
        result={"content": [{"type": "text", "text": "Paid."}], "structuredContent": {"paid": True}, "isError": False},
    )
    assert first_look(fulfilled) == (
        'Parameters { "order_id" : 12345678901234567890123 , "note" : null } Answer text Paid. '
        'structuredContent { "paid" : true }'
    )
    failed = make_execution(
        status=Status.ERROR,
        initial_params={"order_id": "A"},
        result={"content": [{"type": "text", "text": "No order A."}], "isError": True},
    )
    assert first_look(failed) == 'Parameters { "order_id" : "A" } Answer isError text No order A.'
    assert first_look(make_execution(status=Status.ERROR)).endswith("Answer None: the client received nothing.")
    assert first_look(make_execution(status=Status.PENDING)).endswith("Answer None yet: it is still running.")
    nothing = {"content": [], "structuredContent": None, "isError": False}
    assert first_look(make_execution(result=nothing)).endswith("structuredContent null")


def test_a_node_that_was_tried_again_lists_its_attempts() -> None:
    flow = make_flow()
    failed = {"message": "503 <b>Busy</b>", "kind": "node_failed"}
    log = [
        {"number": 1, "startedAt": "x", "startOffsetMs": 1.0, "durationMs": 40.0, "error": failed},
        {"number": 2, "startedAt": "x", "startOffsetMs": 241.0, "durationMs": 60.0, "error": None},
    ]
    execution = make_execution(flow, node_executions=[NODES[0], NODES[0] | {"attempts": 2, "attemptLog": log}])
    html = browser_of(flow.server.owner).get(execution.get_absolute_url()).content.decode()
    attempts = re.findall(r'<ol class="attempts".*?</ol>', html, re.DOTALL)
    assert [words(each).strip() for each in attempts] == [
        "failed after 40 ms, begun at 1 ms: 503 <b>Busy</b> succeeded after 60 ms, begun at 241 ms"
    ]


def told(fraction: float | None, message: str, offset: float) -> dict[str, Any]:
    """What a node told of how far it is."""
    return {"progress": {"fraction": fraction, "message": message, "offsetMs": offset}}


def bars_of(flow: Flow, status: str, *entries: dict[str, Any]) -> list[str]:
    """The progress bars of an execution with those nodes, each with its words."""
    execution = make_execution(flow, status=status, node_executions=entries)
    html = browser_of(flow.server.owner).get(execution.get_absolute_url()).content.decode()
    return [re.sub(r"\s+", " ", bar) for bar in re.findall(r'<span class="told">(.*?)</summary>', html, re.DOTALL)]


def test_a_node_under_way_shows_how_far_it_is_and_so_does_the_last_that_told() -> None:
    flow, ended = make_flow(), node_execution("a", "Ask", "progress", "completed")
    under_way = node_execution("b", "Read", "for_each", "pending", durationMs=None)
    assert bars_of(flow, Status.PENDING, ended | told(0.2, "old", 1.0), ended | told(0.5, "<b>Half</b>", 2.0)) == [
        '<progress max="1" value="0.5" aria-label="Progress of Ask"></progress><span>50%</span>'
        '<span class="soft">&lt;b&gt;Half&lt;/b&gt;</span></span> '
    ]
    assert bars_of(flow, Status.PENDING, ended | told(0.2, "old", 1.0), under_way | told(None, "Page 2", 2.0)) == [
        '<progress max="1" aria-label="Progress of Read"></progress><span class="soft">Page 2</span></span> '
    ]
    assert bars_of(flow, Status.FULFILLED, ended | told(1.0, "Done", 2.0)) == []


def test_a_node_that_failed_says_how_far_it_had_come() -> None:
    flow = make_flow()
    execution = make_execution(flow, status=Status.ERROR, node_executions=[NODES[1] | told(0.25, "Page 1", 90.0)])
    html = browser_of(flow.server.owner).get(execution.get_absolute_url()).content.decode()
    assert "404 Not Found It had told 25% “Page 1” at 90 ms." in words(html)


def test_what_a_node_logged_stands_in_its_card() -> None:
    flow = make_flow()
    log = [
        {"offsetMs": 1.2, "level": "info", "message": "Began"},
        {"offsetMs": 1204.0, "level": "warning", "message": "<b>Low</b>", "data": {"stock": 12345678901234567890}},
    ]
    execution = make_execution(flow, node_executions=[NODES[0] | {"log": log, "logLeftOut": 1300}])
    browser = browser_of(flow.server.owner)
    html = browser.get(execution.get_absolute_url()).content.decode()
    drawn = re.search(r'<section class="log".*?</section>', html, re.DOTALL)
    assert drawn is not None
    assert words(drawn[0]).strip() == (
        'Log copy raw 1 ms info Began 1.2 s warning <b>Low</b> { "stock" : 12345678901234567890 } '
        "1,300 more left out: a record keeps the first 2 lines of a node."
    )
    assert "2+ in the log" in words(html)
    assert browser.get(f"/executions/{execution.pk}/raw/log-0/").json() == log


def test_an_execution_and_those_that_its_nodes_called_are_linked_both_ways() -> None:
    flow, other = make_flow(), make_flow()
    parent = make_execution(flow, node_executions=NODES[:1])
    child = make_execution(make_flow(flow.server, name="Child"), parent=parent, params_preview="n: 1")
    make_execution(other, parent=parent)
    browser = browser_of(flow.server.owner)
    html = browser.get(parent.get_absolute_url()).content.decode()
    listed = re.findall(r'<a class="choice" href="(.*?)">(.*?)</a>', html, re.DOTALL)
    assert [(address, words(text).strip()) for address, text in listed] == [
        (child.get_absolute_url(), "Child n: 1 12 ms")
    ]
    assert (
        f'href="/executions/{parent.pk}/">another execution' in browser.get(child.get_absolute_url()).content.decode()
    )


def test_only_the_failing_node_is_open_and_its_data_is_exact() -> None:
    flow = make_flow()
    execution = failed_execution(flow)
    html = browser_of(flow.server.owner).get(f"/flows/{flow.pk}/usage/{execution.pk}/").content.decode()
    assert re.findall(r'data-card="(\w+)"( open)?', html) == [("trigger", ""), ("fetch", " open"), ("answer", "")]
    assert "12345678901234567890123" in html


def test_what_a_caller_sent_reaches_the_page_as_text_only() -> None:
    flow = make_flow()
    attack = "</script><script>alert(1)</script><img src=x onerror=alert(2)>"
    nodes = [NODES[0] | {"nodeName": attack, "inputData": {attack: attack}, "outputData": [attack]}]
    execution = failed_execution(
        flow,
        node_executions=nodes,
        params_preview=attack,
        error_preview=attack,
        failed_node_name=attack,
        initial_params={attack: attack},
        error_info={"message": attack, "nodeName": attack, "causes": [attack]},
        result={"content": [{"type": "text", "text": attack}], "isError": True},
        caller={"clientName": attack, "principal": attack},
    )
    browser = browser_of(flow.server.owner)
    for view in ("nodes", "graph", "parameters", "exchange"):
        html = browser.get(f"/flows/{flow.pk}/usage/{execution.pk}/?view={view}").content.decode()
        assert "alert(1)" in html
        assert "<script>alert" not in html
        assert "<img" not in html


def test_the_graph_is_that_of_the_version_that_ran_coloured_by_status() -> None:
    flow = make_flow(definition=DEFINITION)
    version = versions.publish(flow)
    execution = failed_execution(flow, flow_version=version)
    flow.definition = {"nodes": [], "connections": []}
    flow.save()
    page = f"/flows/{flow.pk}/usage/{execution.pk}/?view=graph"
    html = browser_of(flow.server.owner).get(page).content.decode()
    assert re.findall(r'class="box is-(\w+)"', html) == ["completed", "skipped"]
    assert "style=" not in html


def test_the_exchange_shows_request_result_and_the_tool_as_the_client_saw_it() -> None:
    flow = make_flow(definition=DEFINITION, tool_name="lookup_order")
    execution = failed_execution(flow, flow_version=versions.publish(flow))
    page = f"/flows/{flow.pk}/usage/{execution.pk}/?view=exchange"
    text = words(browser_of(flow.server.owner).get(page).content.decode())
    for part in ("tools/call", "No order A-00017.", "Does what lookup_order says."):
        assert part in text


def test_htmx_gets_the_detail_alone_and_the_list_alone_at_the_same_address() -> None:
    flow = make_flow()
    execution = failed_execution(flow)
    browser, page = browser_of(flow.server.owner), f"/flows/{flow.pk}/usage/{execution.pk}/"
    detail = browser.get(page, headers={"HX-Request": "true", "HX-Target": "detail"})
    rows = browser.get(page, headers={"HX-Request": "true", "HX-Target": "rows"})
    assert detail.content.decode().lstrip().startswith("<article")
    assert "<html" not in rows.content.decode()
    assert len(rows_of(rows.content.decode())) == 1
    assert "HX-Target" in detail.headers["Vary"]


def test_a_list_names_the_socket_that_tells_of_its_changes_and_a_pending_execution_has_a_clock() -> None:
    flow = make_flow()
    pending = make_execution(flow, status=Status.PENDING)
    browser = browser_of(flow.server.owner)
    usage = browser.get(f"/flows/{flow.pk}/usage/{pending.pk}/").content.decode()
    assert f'data-live="/ws/flows/{flow.pk}/"' in usage
    assert usage.count("data-elapsed") == 2
    assert 'data-live="/ws/executions/"' in browser.get("/executions/").content.decode()
    assert 'data-live="/ws/executions/"' in browser.get("/").content.decode()


@pytest.mark.parametrize("page", ["/flows/{flow}/usage/", "/executions/", "/"])
def test_a_list_never_reads_the_json_columns(page: str) -> None:
    flow = make_flow()
    failed_execution(flow, started_at=timezone.now())
    browser = browser_of(flow.server.owner)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert browser.get(page.format(flow=flow.pk)).status_code == 200
    text = " ".join(query["sql"] for query in queries)
    assert [name for name in HEAVY_FIELDS if f'"{name}"' in text] == []


def test_a_list_of_twenty_rows_takes_as_many_queries_as_a_list_of_one() -> None:
    flow = make_flow()
    browser = browser_of(flow.server.owner)
    counts = []
    for rows in (1, 19):
        for _ in range(rows):
            failed_execution(flow)
        with CaptureQueriesContext(connection) as queries:
            browser.get("/executions/")
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_fr_011_the_executions_of_a_deleted_flow_stay_with_name_and_graph() -> None:
    flow = make_flow(definition=DEFINITION, name="Old reports", tool_name="old_reports")
    owner = flow.server.owner
    execution = failed_execution(flow, flow_version=versions.publish(flow))
    versions.delete(flow)
    browser = browser_of(owner)
    html = browser.get("/executions/").content.decode()
    assert re.search(r"old_reports .* Old reports, deleted", rows_of(html)[0])
    detail = browser.get(f"/executions/{execution.pk}/?view=graph").content.decode()
    assert re.findall(r'class="box is-(\w+)"', detail) == ["completed", "skipped"]


def test_a_call_of_a_tool_that_never_was_is_not_called_deleted() -> None:
    owner = make_flow().server.owner
    make_execution(status=Status.ERROR, flow_name="nope", flow_tool_name="nope", error_kind="rejected", owner=owner)
    Execution.objects.update(flow=None)
    assert "deleted" not in rows_of(browser_of(owner).get("/executions/").content.decode())[0]


def test_raw_parts_are_the_stored_json() -> None:
    flow = make_flow()
    execution = failed_execution(flow)
    browser = browser_of(flow.server.owner)
    assert browser.get(f"/executions/{execution.pk}/raw/params/").json() == {"order_id": "A-00017"}
    assert browser.get(f"/executions/{execution.pk}/raw/output-1/").json() == {"status": 404}
    assert [
        browser.get(f"/executions/{execution.pk}/raw/{part}/").status_code for part in ("input-9", "other", "input-x")
    ] == [404] * 3


@pytest.mark.parametrize(
    "page",
    [
        "/flows/{flow}/usage/",
        "/flows/{flow}/usage/{execution}/",
        "/flows/{flow}/test/",
        "/executions/{execution}/",
        "/executions/{execution}/raw/params/",
    ],
)
def test_what_belongs_to_somebody_else_is_not_found(page: str) -> None:
    flow = make_flow()
    execution = make_execution(flow)
    address = page.format(flow=flow.pk, execution=execution.pk)
    assert browser_of(make_user()).get(address).status_code == 404
    assert browser_of(make_user(is_superuser=True)).get(address).status_code == 200


def test_an_execution_is_not_found_under_another_flow() -> None:
    flow = make_flow()
    other = make_flow(flow.server)
    execution = make_execution(flow)
    assert browser_of(flow.server.owner).get(f"/flows/{other.pk}/usage/{execution.pk}/").status_code == 404


def test_a_stranger_is_led_to_the_login_page() -> None:
    answer = Client().get("/executions/")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/login/?next=/executions/")


def test_tests_and_replays_stand_beside_the_figures_of_a_flow_and_are_in_none_of_them() -> None:
    flow = make_flow()
    now = timezone.now()
    make_execution(flow, started_at=now, duration_ms=20.0, flow_version=versions.publish(flow))
    make_execution(flow, started_at=now, duration_ms=9e5, status=Status.ERROR, error_kind="timeout", source="test")
    make_execution(flow, started_at=now, duration_ms=9e5, source="replay")
    browser = browser_of(flow.server.owner)
    pages = {name: browser.get(address).content.decode() for name, address in {
        "usage": f"/flows/{flow.pk}/usage/", "insights": f"/flows/{flow.pk}/insights/", "dashboard": "/",
    }.items()}  # fmt: skip
    said = " ".join(words(pages["usage"]).split()).replace(" ,", ",")
    assert "1 call, 100% fulfilled, p95 20 ms in the last 24 h + 2 tests" in said
    assert "All 3 Fulfilled 2 Error 1" in said
    for page in (pages["insights"], pages["dashboard"]):
        figures = " ".join(words(re.findall(r'<dl class="figures">.*?</dl>', page, re.DOTALL)[0]).split())
        assert figures == "Calls 1 none before + 2 tests Success rate 100% p50 20 ms p95 20 ms"
    row = re.findall(r"<tbody>(.*?)</tbody>", pages["dashboard"], re.DOTALL)[1]
    assert "1 + 2 tests" in " ".join(words(row).split())


def test_a_flow_that_was_only_tested_was_not_called() -> None:
    flow = make_flow()
    make_execution(flow, started_at=timezone.now(), source="test")
    said = " ".join(words(browser_of(flow.server.owner).get(f"/flows/{flow.pk}/build/").content.decode()).split())
    assert "no calls in the last 24 h + 1 test" in said
