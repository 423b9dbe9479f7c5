"""Two executions side by side: what differs, in values and on the page."""

import re
from types import SimpleNamespace
from typing import Any

import pytest
from django.test import Client

from executions.models import Execution
from executions.reading.comparison import MAX_DIFFERENCES, DifferentPlace, compare, differences
from executions.record.status import Status
from flows.models import Flow
from flows.publishing import versions
from tests.executions.pages.test_views import browser_of, words
from tests.factories import STARTED, make_execution, make_flow, make_user

pytestmark = pytest.mark.django_db


def node(node_id: str, *, kind: str = "set_fields", status: str = "completed", **more: Any) -> dict[str, Any]:
    """One entry of `node_executions`."""
    values = {"nodeId": node_id, "nodeName": node_id.title(), "nodeType": kind, "status": status, "handle": "main"}
    return values | {"inputData": {}, "outputData": {}, "error": None, "durationMs": 2.0} | more


def skipped(node_id: str, why: str = "no branch led here") -> dict[str, Any]:
    """The entry of a node that did not run."""
    return node(node_id, status="skipped", error={"message": why}, durationMs=None, handle=None)


def ended(*nodes: Any, params: Any = None, result: Any = None) -> Any:
    """An execution as far as comparing goes."""
    return SimpleNamespace(initial_params=params or {}, node_executions=list(nodes), result=result)


def first_reason(left: Any, right: Any) -> tuple[str, str] | None:
    """The first node that differs, and in what."""
    first = compare(left, right).first
    return (first.name, first.reason) if first else None


@pytest.mark.parametrize(
    ("left", "right", "found"),
    [
        ({"a": [1, {"b": "x"}]}, {"a": [1, {"b": "x"}]}, []),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, []),
        ({"a": [1, {"b": "x"}]}, {"a": [1, {"b": "y"}]}, [("a[1].b", '"x"', '"y"')]),
        ({"a": 1}, {"b": None}, [("a", "1", None), ("b", None, "null")]),
        ([1], [1, [2]], [("[1]", None, "[2]")]),
        (True, 1, [("", "true", "1")]),
        (0, False, [("", "0", "false")]),
        (1, 1.0, []),
        (2**70, 2**70 + 1, [("", str(2**70), str(2**70 + 1))]),
        ({}, [], [("", "{}", "[]")]),
        ({"a": {}}, {"a": None}, [("a", "{}", "null")]),
        ("x" * 400, "y", [("", '"' + "x" * 299 + "…", '"y"')]),
    ],
)
def test_two_values_differ_at_their_paths(left: Any, right: Any, found: list[tuple[str, Any, Any]]) -> None:
    told = differences(left, right)
    assert (list(told.items), told.is_complete) == ([DifferentPlace(*each) for each in found], True)


def test_what_is_told_of_large_values_is_bounded_and_says_so() -> None:
    many = differences(list(range(500)), list(range(1, 501)))
    assert (len(many.items), many.is_complete) == (MAX_DIFFERENCES, False)
    far = differences([*range(60_000), "x"], [*range(60_000), "y"])
    assert (far.items, far.is_complete, bool(far)) == ((), False, True)
    nodes = [node(f"n{number}", outputData=list(range(60))) for number in range(30)]
    others = [node(f"n{number}", outputData=list(range(1, 61))) for number in range(30)]
    rows = compare(ended(*nodes), ended(*others)).rows
    assert sum(len(row.output.items) for row in rows) == 400
    assert all(row.aspects == ("output",) for row in rows)


def test_rows_are_in_the_left_order_with_what_only_the_right_has_where_it_ran() -> None:
    left = ended(node("a"), node("b"), node("d", durationMs=5.0))
    right = ended(node("a"), node("c"), node("d", durationMs=1.5), node("e"))
    rows = compare(left, right).rows
    assert [(row.node_id, row.left is not None, row.right is not None) for row in rows] == [
        ("a", True, True),
        ("c", False, True),
        ("b", True, False),
        ("d", True, True),
        ("e", False, True),
    ]


@pytest.mark.parametrize(
    ("left", "right", "reason"),
    [
        (node("b"), node("b", durationMs=99.0), None),
        (skipped("b"), skipped("b", "not reached: A failed"), None),
        (
            node("b", inputData={"u": 1}),
            node("b", inputData={"u": 2}, outputData=[1]),
            "its input differs at u; its output differs",
        ),
        (
            node("b", outputData={"at": 1}),
            node("b", outputData={"at": 2}),
            "from the same input, its output differs at at",
        ),
        (
            node("b"),
            node("b", status="error", error={"message": "404"}),
            "from the same input, it completed on the left and failed on the right",
        ),
        (
            node("b", status="error", error={"message": "500"}),
            node("b", status="error", error={"message": "404"}),
            "from the same input, it failed with another message",
        ),
        (
            node("b", handle="true"),
            node("b", handle="false"),
            "from the same input, it took “true” on the left and “false” on the right",
        ),
        (
            node("b"),
            skipped("b"),
            "it ran on the left only, and was skipped: no branch led here on the right",
        ),
        (None, node("b"), "it ran on the right only, and was not part of the path on the left"),
        (
            node("b", inputData={"u": 1}),
            node("b", inputData=None, reused=True),
            None,
        ),
    ],
)
def test_the_first_node_that_differs_is_named_with_the_reason(left: Any, right: Any, reason: str | None) -> None:
    sides = [ended(*filter(None, [node("a"), entry, node("z")])) for entry in (left, right)]
    assert first_reason(*sides) == (("B", reason) if reason else None)


def test_a_trigger_that_passes_other_parameters_on_is_not_the_first_difference() -> None:
    left = ended(node("t", kind="trigger", outputData={"n": 1}), node("b", inputData="1"), params={"n": 1})
    right = ended(node("t", kind="trigger", outputData={"n": 2}), node("b", inputData="2"), params={"n": 2})
    assert first_reason(left, right) == ("B", "its input differs")
    assert first_reason(ended(left.node_executions[0], params={"n": 1}), ended(right.node_executions[0])) is None
    right.initial_params = {"n": 1}
    assert first_reason(left, right) == ("T", "from the same input, its output differs at n")


@pytest.mark.parametrize("nodes", [{"$truncated": True}, None, [{"$truncated": True}, {"nodeId": {"$truncated": 1}}]])
def test_a_record_that_was_cut_has_no_rows(nodes: Any) -> None:
    cut = SimpleNamespace(initial_params={}, node_executions=nodes, result=None)
    assert compare(cut, cut).rows == ()


# --- The page ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def flow() -> Flow:
    """A published flow."""
    flow = make_flow(tool_name="tool", input_schema={"type": "object"})
    versions.publish(flow)
    return flow


@pytest.fixture
def browser(flow: Flow) -> Client:
    """The owner's browser."""
    return browser_of(flow.server.owner)


def called(flow: Flow, seconds: int, **values: Any) -> Execution:
    """A call so many seconds after the first."""
    return make_execution(flow, started_at=STARTED.replace(second=seconds), **values)


def test_the_page_names_the_first_difference_links_it_and_shows_both_sides(flow: Flow, browser: Client) -> None:
    trigger = node("t", kind="trigger")
    left = called(flow, 1, initial_params={"id": "<b>A"}, node_executions=[trigger, node("fetch", outputData={"s": 1})])
    right = called(
        flow,
        2,
        status=Status.ERROR,
        initial_params={"id": "B"},
        node_executions=[trigger, node("fetch", status="error", error={"message": "404 Not Found"})],
        error_info={"message": "404 Not Found", "nodeId": "fetch", "nodeName": "Fetch"},
        error_kind="node_failed",
        result={"content": [{"type": "text", "text": "No."}], "isError": True},
    )
    html = browser.get(f"/flows/{flow.pk}/compare/?left={left.pk}&right={right.pk}").content.decode()
    said = words(re.search(r'aria-label="What differs">(.*?)</section>', html, re.DOTALL)[1])  # type: ignore[index]
    assert said.strip().startswith(
        "The parameters differ at id . The first node that differs is Fetch : from the same input, it completed on the "
        "left and failed on the right."
    )
    assert '<a href="#node-fetch">Fetch</a>' in html
    assert f'href="{right.get_absolute_url()}#node-fetch"' in html
    assert "<code>&quot;&lt;b&gt;A&quot;</code>" in html
    rows = re.findall(r'class="card compared-row( is-different)?"( open)?', html)
    assert rows == [("", ""), (" is-different", " open")]


def test_the_page_says_in_order_what_differs_and_by_how_much_as_it_is_shown(flow: Flow, browser: Client) -> None:
    left, right = (
        called(
            flow,
            seconds,
            initial_params={"id": letter},
            node_executions=[
                node("order", kind="trigger", outputData={"id": letter}, durationMs=0.4),
                node("fetch", inputData={"url": letter}, durationMs=took),
            ],
        )
        for seconds, letter, took in ((1, "A", 26.4), (2, "B", 26.6))
    )
    html = browser.get(f"/flows/{flow.pk}/compare/?left={left.pk}&right={right.pk}").content.decode()
    said = words(re.search(r'aria-label="What differs">(.*?)</section>', html, re.DOTALL)[1])  # type: ignore[index]
    assert " ".join(said.split()).startswith(
        "The parameters differ at id , and so does what Order passes on. The next node that differs is Fetch : its "
        "input differs at url."
    )
    assert re.findall(r'<span class="delta">(.*?)</span>', html) == ["±0 ms", "+1 ms"]


def test_the_caller_is_named_as_on_the_page_of_the_execution(flow: Flow, browser: Client) -> None:
    caller = {"clientName": "", "clientVersion": "", "principal": "user ada"}
    by_rest = called(flow, 1, source="api", caller=caller, caller_name="api with user ada")
    client = {"clientName": "Assistant", "clientVersion": "2.1", "principal": "key support"}
    by_client = called(flow, 2, caller=client, caller_name="Assistant 2.1 with key support")
    text = words(browser.get(f"/flows/{flow.pk}/compare/?left={by_rest.pk}&right={by_client.pk}").content.decode())
    assert [" ".join(said.split()) for said in re.findall(r"Caller(.*?)[0-9a-f]{8}-", text, re.DOTALL)] == [
        "REST with user ada",
        "Assistant 2.1 with key support",
    ]


def test_executions_of_different_versions_and_replays_are_called_so(flow: Flow, browser: Client) -> None:
    old = called(flow, 1, flow_version=flow.published_version)
    new = called(flow, 2, flow_version=versions.publish(flow), replay_of=old)
    text = words(browser.get(f"/flows/{flow.pk}/compare/?left={old.pk}&right={new.pk}").content.decode())
    assert "They ran different versions: v1 on the left, v2 on the right." in text
    assert "The right one is a replay of the left one." in text
    swapped = words(browser.get(f"/flows/{flow.pk}/compare/?left={new.pk}&right={old.pk}").content.decode())
    assert "The left one is a replay of the right one." in swapped


def test_a_word_leads_to_the_execution_that_it_stands_for(flow: Flow, browser: Client) -> None:
    first = called(flow, 1)
    failed = called(flow, 2, status=Status.ERROR)
    chosen = called(flow, 3, status=Status.ERROR, replay_of=first)
    called(flow, 4)
    make_execution(started_at=STARTED.replace(second=3))
    for word, left in {"previous": failed, "fulfilled": first, "original": first}.items():
        answer = browser.get(f"/flows/{flow.pk}/compare/?left={word}&right={chosen.pk}")
        assert answer.headers["Location"] == f"/flows/{flow.pk}/compare/?left={left.pk}&right={chosen.pk}"
    detail = browser.get(chosen.get_absolute_url()).content.decode()
    for word in ("previous", "fulfilled", "original"):
        assert f'href="/flows/{flow.pk}/compare/?left={word}&amp;right={chosen.pk}"' in detail


def test_the_last_fulfilled_one_is_a_later_one_when_none_was_before(flow: Flow, browser: Client) -> None:
    chosen = called(flow, 1, status=Status.ERROR)
    later = called(flow, 2)
    answer = browser.get(f"/flows/{flow.pk}/compare/?left=fulfilled&right={chosen.pk}")
    assert answer.headers["Location"].endswith(f"?left={later.pk}&right={chosen.pk}")


def test_without_the_other_one_the_page_offers_what_there_is(flow: Flow, browser: Client) -> None:
    before, chosen = called(flow, 1, status=Status.ERROR), called(flow, 2)
    for query in (f"right={chosen.pk}", f"left={chosen.pk}"):
        page = browser.get(f"/flows/{flow.pk}/compare/?{query}").content.decode()
        assert f'href="/flows/{flow.pk}/compare/?left={before.pk}&amp;right={chosen.pk}"' in page
        assert words(page).count("there is none") == 2


@pytest.mark.parametrize("left", ["original", "nonsense", "00000000-0000-0000-0000-000000000000", "{foreign}"])
def test_what_cannot_be_found_is_said_where_another_can_be_chosen(flow: Flow, browser: Client, left: str) -> None:
    chosen = called(flow, 1)
    left = left.format(foreign=make_execution(make_flow(flow.server)).pk)
    answer = browser.get(f"/flows/{flow.pk}/compare/?left={left}&right={chosen.pk}")
    assert answer.status_code == 404
    assert 'role="alert"' in answer.content.decode()


def test_nobody_compares_what_belongs_to_somebody_else(flow: Flow, browser: Client) -> None:
    left, right = called(flow, 1), called(flow, 2)
    stranger = Client()
    stranger.force_login(make_user())
    query = f"?left={left.pk}&right={right.pk}"
    assert stranger.get(f"/flows/{flow.pk}/compare/{query}").status_code == 404
    assert browser.get(f"/flows/{make_flow().pk}/compare/{query}").status_code == 404
    assert browser.get(f"/flows/{flow.pk}/compare/").status_code == 404
