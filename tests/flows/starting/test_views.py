"""Ways to begin a flow, on pages."""

import pytest
from django.test import Client

from flows.models import Flow
from flows.publishing import versions
from flows.starting.templates import TEMPLATES
from tests.executions.pages.test_views import browser_of, words
from tests.factories import make_flow, make_server, make_user

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("name", "tool_name"),
    [
        ("Look up an order", "look_up_an_order"),
        ("getOrderByID", "get_order_by_id"),
        ("Größe prüfen!", "groe_prufen"),
        ("42 things", "call_42_things"),
        ("注文", "call"),
        ("get result", "my_get_result"),
        ("a " * 99, ("a_" * 29)[:-1]),
    ],
)
def test_a_tool_name_is_made_from_the_name(name: str, tool_name: str) -> None:
    server = make_server()
    answer = browser_of(server.owner).post("/flows/new/", {"name": name, "server": server.pk})
    flow = Flow.objects.get()
    assert (answer.headers["Location"], flow.tool_name) == (f"/flows/{flow.pk}/build/", tool_name)


def test_a_made_tool_name_that_is_taken_gets_a_number_and_a_written_one_is_refused() -> None:
    flow = make_flow(tool_name="fetch", name="Fetch")
    renamed = make_flow(flow.server, tool_name="fetch_2")
    versions.publish(renamed)
    Flow.objects.filter(pk=renamed.pk).update(tool_name="other")
    browser = browser_of(flow.server.owner)
    browser.post("/flows/new/", {"name": "Fetch", "server": flow.server_id})
    assert Flow.objects.filter(tool_name="fetch_3").exists()
    refused = browser.post("/flows/new/", {"name": "More", "tool_name": "fetch", "server": flow.server_id})
    assert "Another flow of this server has that tool name." in refused.content.decode()


def test_nobody_begins_a_flow_in_somebody_elses_server() -> None:
    server = make_server()
    browser = browser_of(make_server().owner)
    for path in ("/flows/new/", "/flows/new/template/loop/"):
        assert "Select a valid choice" in browser.post(path, {"name": "Mine", "server": server.pk}).content.decode()
    assert browser.get(f"/flows/new/file/?server={server.pk}").status_code == 404
    assert not Flow.objects.exists()


def test_the_page_leads_to_each_template_and_each_server_s_import() -> None:
    server = make_server()
    browser = browser_of(server.owner)
    page = browser.get("/flows/new/").content.decode()
    assert [f'href="/flows/new/template/{each.key}/"' in page for each in TEMPLATES] == [True] * 5
    led = browser.get(f"/flows/new/file/?server={server.pk}")
    assert led.headers["Location"] == f"/servers/{server.pk}/import/"
    assert browser.get("/flows/new/template/nothing/").status_code == 404


def test_a_template_says_that_flows_may_not_reach_the_demo_here() -> None:
    browser = browser_of(make_user())
    page = words(browser.get("/flows/new/template/model/").content.decode())
    assert "Here flows may not reach the demo, so the saved case fails until you do:" in page
    assert "is private; an operator can allow it with FLOWHUB_OUTBOUND_ALLOW=" in page
    assert "may not reach" not in words(browser.get("/flows/new/template/branch/").content.decode())


def test_what_a_template_calls_is_made_along_and_published_under_names_that_are_free() -> None:
    taken = make_flow(tool_name="find_order")
    browser, values = browser_of(taken.server.owner), {"name": "Sum", "server": taken.server_id}
    for _ in range(2):
        browser.post("/flows/new/template/loop/", values)
    rows = Flow.objects.exclude(pk=taken.pk).order_by("pk")
    assert [(row.tool_name, row.published_version is not None) for row in rows] == [
        ("find_order_2", True),
        ("sum", False),
        ("find_order_3", True),
        ("sum_2", False),
    ]
    called = [row.definition["nodes"][1]["parameters"]["flow"] for row in rows if row.tool_name.startswith("sum")]
    assert called == ["find_order_2", "find_order_3"]


def test_the_demo_plays_a_model_and_says_what_it_takes() -> None:
    client = Client()

    def ask(**body: object) -> tuple[int, object]:
        answer = client.post("/demo/v1/chat/completions", body, content_type="application/json")
        return answer.status_code, answer.json()

    messages = [{"role": "user", "content": "Hello there. I am Ada."}]
    assert ask(model="any", messages=messages) == (
        200,
        {
            "model": "demo",
            "choices": [
                {"index": 0, "message": {"role": "assistant", "content": "Hello there."}, "finish_reason": "stop"}
            ],
            "usage": {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7},
        },
    )
    counted = {"json_schema": {"schema": {"properties": {"count": {"type": "integer"}, "hello": {"type": "boolean"}}}}}
    played = ask(messages=messages, response_format=counted)[1]
    assert played["choices"][0]["message"]["content"] == '{"count": 5, "hello": true}'  # type: ignore[index]
    for wrong in ({}, {"messages": []}, {"messages": "x"}, {"messages": messages, "response_format": []}):
        assert ask(**wrong)[0] == 400
    assert client.get("/demo/v1/chat/completions").status_code == 405


def test_a_flow_is_found_and_its_draft_copied_into_a_server_of_choice() -> None:
    flow = make_flow(name="Look up", tool_name="look_up")
    other = make_server(flow.server.owner)
    browser = browser_of(flow.server.owner)
    page = words(browser.get("/flows/new/copy/?search=LOOK").content.decode())
    assert "look_up" in page
    assert "Nothing matches" in browser.get("/flows/new/copy/?search=nothing").content.decode()
    for server in (other, other, flow.server):
        browser.post("/flows/new/copy/", {"flow": flow.pk, "server": server.pk})
    rows = Flow.objects.exclude(pk=flow.pk).order_by("pk")
    assert [(row.server, row.name, row.tool_name, row.is_active) for row in rows] == [
        (other, "Look up", "look_up", False),
        (other, "Look up (2)", "look_up_2", False),
        (flow.server, "Look up (2)", "look_up_2", False),
    ]


def test_nobody_copies_somebody_elses_flow_or_into_somebody_elses_server() -> None:
    flow, mine = make_flow(), make_flow()
    browser = browser_of(mine.server.owner)
    for values in ({"flow": flow.pk, "server": mine.server_id}, {"flow": mine.pk, "server": flow.server_id}, {}):
        assert browser.post("/flows/new/copy/", values).status_code == 404
    assert flow.tool_name not in browser.get("/flows/new/copy/").content.decode()
    assert Flow.objects.count() == 2
