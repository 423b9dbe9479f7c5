"""The draft as a list of forms, for browsers without scripts."""

from typing import Any

import pytest
from django.test import Client

from flows.models import Flow
from tests.definitions import chain, node
from tests.factories import make_flow, make_user

pytestmark = pytest.mark.django_db

FETCH = {"url": "https://example.org/{{ trigger.id }}", "headers": {"X-A": "b"}, "method": "GET"}


@pytest.fixture
def flow() -> Flow:
    """A trigger, a request and an answer."""
    return make_flow(definition=chain(node("fetch", "http_request", **FETCH), node("answer", "return", text="Done")))


@pytest.fixture
def owner(client: Client, flow: Flow) -> Client:
    """Its owner, logged in."""
    client.force_login(flow.server.owner)
    return client


def address(flow: Flow) -> str:
    return f"/flows/{flow.pk}/outline/"


def sent(page: Any, **changed: Any) -> dict[str, Any]:
    """What a browser sends for the page's forms; line ends as browsers write them."""
    values: dict[str, Any] = {"revision": page.context["revision"]}
    for row in page.context["rows"]:
        for field in row.form:
            value = field.value()
            if isinstance(value, bool):
                values |= {field.html_name: "on"} if value else {}
            else:
                values[field.html_name] = str(value or "").replace("\n", "\r\n")
    return values | changed


def nodes_of(flow: Flow) -> list[Any]:
    flow.refresh_from_db()
    return [each for each in flow.definition["nodes"] if each["type"] != "trigger"]


def test_it_lists_the_nodes_in_their_order_with_where_they_lead_and_saving_it_untouched_writes_nothing_new(
    flow: Flow, owner: Client
) -> None:
    flow.definition["nodes"].reverse()
    flow.save()
    page, before = owner.get(address(flow)), flow.definition
    rows = page.context["rows"]
    assert [(row.form.node["slug"], list(row.ways)) for row in rows] == [
        ("trigger", [("main", "Fetch")]),
        ("fetch", [("main", "Answer")]),
        ("answer", []),
    ]
    assert owner.post(address(flow), sent(page)).status_code == 302
    flow.refresh_from_db()
    assert flow.definition == before


def test_texts_choices_json_and_expressions_are_written_as_they_are_meant(flow: Flow, owner: Client) -> None:
    page = owner.get(address(flow))
    changed = {
        "fetch-name": "Get it",
        "fetch-disabled": "on",
        "fetch-parameter-url": "https://example.org/all",
        "fetch-parameter-method": "",
        "fetch-parameter-timeout": "5",
        "fetch-parameter-headers": "{{ trigger.headers }}",
        "fetch-parameter-query": '{"q": "a"}',
        "answer-parameter-text": "Line 1\r\nLine 2",
    }
    assert owner.post(address(flow), sent(page, **changed)).status_code == 302
    fetch, answer = nodes_of(flow)
    assert (fetch["name"], fetch["disabled"], fetch["parameters"]) == (
        "Get it",
        True,
        {"url": "https://example.org/all", "headers": "{{ trigger.headers }}", "timeout": 5, "query": {"q": "a"}},
    )
    assert answer["parameters"] == {"text": "Line 1\nLine 2"}
    owner.post(address(flow), sent(owner.get(address(flow)), **{"answer-parameter-text": "{{ fetch.body }}"}))
    row = owner.get(address(flow)).context["rows"][-1]
    # What is wrong is stored too, and said at its node.
    assert (nodes_of(flow)[1]["parameters"], len(row.faults)) == ({"text": "{{ fetch.body }}"}, 1)
    assert "disabled" in row.faults[0].message


def test_what_is_neither_json_nor_an_expression_is_said_at_its_field_and_nothing_is_stored(
    flow: Flow, owner: Client
) -> None:
    before = nodes_of(flow)
    page = owner.post(address(flow), sent(owner.get(address(flow)), **{"fetch-parameter-query": "q=a"}))
    assert page.context["rows"][1].form.errors == {"parameter-query": ["Write JSON, or an expression in {{ }}."]}
    assert "q=a" in page.content.decode()
    assert nodes_of(flow) == before


def test_who_saves_second_is_told_keeps_the_entries_and_may_save_again(flow: Flow, owner: Client) -> None:
    first, second = owner.get(address(flow)), owner.get(address(flow))
    owner.post(address(flow), sent(first, **{"fetch-name": "First"}))
    late = owner.post(address(flow), sent(second, **{"answer-name": "Second"}))
    assert (late.status_code, [each["name"] for each in nodes_of(flow)]) == (412, ["First", "Answer"])
    assert "somebody changed the draft" in late.content.decode()
    assert owner.post(address(flow), sent(late)).status_code == 302
    assert nodes_of(flow)[1]["name"] == "Second"


def test_a_draft_without_parts_leads_to_the_json_and_a_foreign_one_is_not_found(flow: Flow, owner: Client) -> None:
    other = Client()
    other.force_login(make_user("eve"))
    assert other.get(address(flow)).status_code == 404
    Flow.objects.filter(pk=flow.pk).update(definition={"nodes": [{}], "connections": []})
    answer = owner.get(address(flow))
    assert (answer.status_code, answer.headers["Location"]) == (302, f"/flows/{flow.pk}/build/?as=json")
