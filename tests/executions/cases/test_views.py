"""Saved cases through the Test tab, the Build tab and REST."""

import json
import re
from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from executions.admission.doors import Doors
from executions.admission.refusals import refusals
from executions.admission.sharing import Sharing
from executions.models import Execution, RefusedCalls
from flows.models import Flow, SavedCase
from flows.publishing import versions
from tests.executions.pages.test_test_tab import sent_fields
from tests.executions.pages.test_views import browser_of, words
from tests.factories import make_execution, make_flow, make_key, make_user

pytestmark = pytest.mark.django_db(transaction=True)

SCHEMA = {
    "type": "object",
    "properties": {"text": {"type": "string"}, "n": {"type": "integer"}, "pin": {"type": "string", "writeOnly": True}},
    "required": ["text"],
}


def answering(value: Any) -> dict[str, Any]:
    """A definition that answers with JSON."""
    return {
        "nodes": [
            {"id": "t", "type": "trigger", "name": "Call", "slug": "trigger", "parameters": {}},
            {"id": "r", "type": "return", "name": "Answer", "slug": "answer", "parameters": {"json": value}},
        ],
        "connections": [{"id": "c", "sourceNodeId": "t", "targetNodeId": "r"}],
    }


@pytest.fixture
def flow() -> Flow:
    """A flow that gives its parameters back."""
    value = {"text": "{{ trigger.text }}", "kind": "echo"}
    return make_flow(definition=answering(value), input_schema=SCHEMA)


@pytest.fixture
def owner(flow: Flow) -> Client:
    """The flow's owner at a browser."""
    return browser_of(flow.server.owner)


@pytest.fixture
def api(flow: Flow) -> APIClient:
    """The flow's owner at the API."""
    client = APIClient()
    client.force_authenticate(flow.server.owner)
    return client


def keep(flow: Flow, name: str, text: str = "hi", **expectation: Any) -> SavedCase:
    """A saved case, past the doors."""
    return SavedCase.objects.create(flow=flow, name=name, arguments={"text": text}, expectation=expectation)


def output(compare: str, value: Any) -> dict[str, Any]:
    """What a case expects of an answer."""
    return {"outcome": "succeeds", "output": {"compare": compare, "value": value}}


def typed(name: str, **more: str) -> dict[str, str]:
    """What the Test tab sends to save a case."""
    return {"arg-text": "hi", "case-name": name, "case-outcome": "succeeds", "do": "save"} | more


def table(owner: Client, flow: Flow, query: str = "") -> str:
    """The words of the table of cases."""
    html = owner.get(f"/flows/{flow.pk}/test/{query}").content.decode()
    return words(html[html.index('id="cases"') :])


# --- Storing ----------------------------------------------------------------------------------------------------------


def test_what_is_typed_is_saved_as_a_case_without_its_secrets(flow: Flow, owner: Client) -> None:
    expected = {"case-compare": "contains", "case-value": '{"kind":\r\n "echo"}'}
    answer = owner.post(f"/flows/{flow.pk}/test/", typed("First", **expected, **{"arg-pin": "4711"}), follow=True)
    case = SavedCase.objects.get()
    assert (case.flow, case.name, case.arguments, case.omitted) == (flow, "First", {"text": "hi"}, ["pin"])
    assert case.expectation == output("contains", {"kind": "echo"})
    assert "Not stored, to be typed anew: pin." in words(answer.content.decode())
    assert "4711" not in answer.content.decode()
    assert not Execution.objects.exists()


def test_an_open_case_shows_what_it_holds_and_is_changed_in_place(flow: Flow, owner: Client) -> None:
    case = keep(flow, "First", outcome="fails", errorContains="gone")
    html = owner.get(f"/flows/{flow.pk}/test/?case={case.pk}").content.decode()
    form = sent_fields(html)
    assert (form["case"], form["arg-text"], form["case-name"], form["case-error_contains"]) == (
        str(case.pk),
        "hi",
        "First",
        "gone",
    )
    assert re.search(r'value="fails"[^>]*checked', html)
    owner.post(f"/flows/{flow.pk}/test/", typed("Renamed", case=str(case.pk), **{"arg-n": "3"}))
    owner.post(f"/flows/{flow.pk}/test/", typed("Another", case=str(case.pk), do="save-new"))
    found = SavedCase.objects.values_list("name", "arguments", "expectation")
    assert list(found) == [
        ("Another", {"text": "hi"}, {"outcome": "succeeds"}),
        ("Renamed", {"text": "hi", "n": 3}, {"outcome": "succeeds"}),
    ]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"case-name": "First"}, "This flow has a case of that name."),
        ({"case-name": ""}, "This field is required."),
        ({"case-compare": "equals", "case-value": "{"}, "Not JSON, line 1, column 2"),
        ({"case-compare": "textContains", "case-value": " "}, "Write what is expected"),
        ({"arg-n": "many"}, "Write a whole number"),
    ],
)  # fmt: skip
def test_a_faulty_case_is_not_saved_and_what_was_typed_stays(
    more: dict[str, str], message: str, flow: Flow, owner: Client
) -> None:
    keep(flow, "First")
    html = owner.post(f"/flows/{flow.pk}/test/", typed("Second", **more)).content.decode()
    assert message in words(html)
    assert 'value="hi"' in html
    assert SavedCase.objects.count() == 1


def test_a_flow_has_a_hundred_cases_at_most(flow: Flow, owner: Client) -> None:
    SavedCase.objects.bulk_create(
        SavedCase(flow=flow, name=f"case {number}") for number in range(SavedCase.MAX_OF_A_FLOW)
    )
    html = owner.post(f"/flows/{flow.pk}/test/", typed("one more")).content.decode()
    assert "Not saved: a flow has at most 100 cases. Delete one first." in words(html)


def test_a_case_is_deleted_and_another_persons_case_is_not_there(flow: Flow, owner: Client) -> None:
    case = keep(flow, "First")
    address = f"/flows/{flow.pk}/test/cases/{case.pk}/delete/"
    assert browser_of(make_user()).post(address).status_code == 404
    assert owner.get(address).status_code == 405
    owner.post(address)
    assert not SavedCase.objects.exists()


def test_after_a_call_its_answer_is_proposed_as_what_is_expected(flow: Flow, owner: Client) -> None:
    called = owner.post(f"/flows/{flow.pk}/test/", {"arg-text": "hi", "do": "call"})
    sent = sent_fields(owner.get(called["Location"]).content.decode())
    assert (sent["case-outcome"], json.loads(sent["case-value"])) == ("succeeds", {"text": "hi", "kind": "echo"})


# --- Calling from the page --------------------------------------------------------------------------------------------


def test_all_cases_are_called_and_those_that_fail_show_the_difference(flow: Flow, owner: Client) -> None:
    keep(flow, "1 equal", **output("equals", {"text": "hi", "kind": "echo"}))
    keep(flow, "2 other", **output("contains", {"kind": "reply"}))
    keep(flow, "3 refused", text=7, outcome="fails", errorContains="is not of type")  # type: ignore[arg-type]
    keep(flow, "4 unfit", text=8)  # type: ignore[arg-type]
    assert "4 cases not run since the last change" in table(owner, flow)
    answer = owner.post(f"/flows/{flow.pk}/test/cases/", {"version": "draft"})
    assert answer["Location"] == f"/flows/{flow.pk}/test/#cases"
    text = table(owner, flow)
    assert "2 of 4 cases passed" in text
    assert re.search(r"1 equal succeeds, answer equals \S+ \S+ \S+ \S+ Passed", text)
    assert 'The answer differs in one place. kind expected "reply" got "echo"' in text
    assert re.search(r"3 refused fails, error contains “is not of type” Passed", text)
    assert "The arguments do not fit the input schema. text expected arguments that fit the schema got 8 is not" in text
    assert set(Execution.objects.values_list("source", "flow_version")) == {("test", None)}
    linked = SavedCase.objects.get(name="1 equal").last_execution_id
    page = owner.get(f"/flows/{flow.pk}/test/").content.decode()
    assert f"execution={linked}#detail" in page


def test_a_case_whose_execution_was_interrupted_has_not_passed_whatever_it_expects(flow: Flow, owner: Client) -> None:
    case = keep(flow, "First", outcome="fails")
    execution = make_execution(flow, status="pending")
    SavedCase.objects.filter(pk=case.pk).update(last_execution_id=execution.pk, last_at=execution.started_at)
    assert "Pending" in table(owner, flow)
    result = {"content": [], "isError": True}
    Execution.objects.filter(pk=execution.pk).update(status="error", error_kind="interrupted", result=result)
    assert re.search("Failed .* The execution was interrupted.", table(owner, flow))


def test_one_case_is_called_on_the_published_version(flow: Flow, owner: Client) -> None:
    versions.publish(flow)
    Flow.objects.filter(pk=flow.pk).update(definition=answering({"kind": "changed"}))
    case, other = keep(flow, "First", **output("contains", {"kind": "echo"})), keep(flow, "Second")
    answer = owner.post(f"/flows/{flow.pk}/test/cases/", {"version": "published", "case": str(case.pk)})
    assert answer["Location"] == f"/flows/{flow.pk}/test/?cases=published#cases"
    case.refresh_from_db()
    other.refresh_from_db()
    assert (case.last_passed, other.last_passed, other.last_execution_id) == (True, None, None)
    assert Execution.objects.get().flow_version == flow.published_version
    assert "Passed" in (text := table(owner, flow))
    assert "before the last change" in text


def test_a_case_with_a_secret_is_called_from_its_form(flow: Flow, owner: Client) -> None:
    case = keep(flow, "First")
    SavedCase.objects.update(omitted=["pin"])
    owner.post(f"/flows/{flow.pk}/test/cases/", {"version": "draft"})
    assert "pin is not stored. Open the case, type it, and call it from there." in table(owner, flow)
    assert not Execution.objects.exists()
    called = {"arg-text": "hi", "arg-pin": "4711", "case": str(case.pk), "do": "call"}
    answer = owner.post(f"/flows/{flow.pk}/test/", called)
    execution = Execution.objects.get()
    assert answer["Location"] == f"/flows/{flow.pk}/test/?case={case.pk}&execution={execution.pk}#detail"
    assert "1 of 1 case passed" in table(owner, flow)
    case.refresh_from_db()
    assert (case.last_passed, case.last_execution_id) == (True, execution.pk)


def test_a_call_with_other_parameters_does_not_count_for_the_case(flow: Flow, owner: Client) -> None:
    case = keep(flow, "First")
    owner.post(f"/flows/{flow.pk}/test/", {"arg-text": "other", "case": str(case.pk), "do": "call"})
    case.refresh_from_db()
    assert (Execution.objects.count(), case.last_at) == (1, None)


def test_the_build_tab_says_how_the_cases_stand_and_publishing_is_not_blocked(flow: Flow, owner: Client) -> None:
    build = f"/flows/{flow.pk}/build/"
    assert "#cases" not in owner.get(build).content.decode()
    keep(flow, "First")
    keep(flow, "Second", outcome="fails")
    assert "2 cases not run since the last change" in words(owner.get(build).content.decode())
    owner.post(f"/flows/{flow.pk}/test/cases/", {"version": "draft"})
    html = owner.get(build).content.decode()
    assert f'href="/flows/{flow.pk}/test/#cases">1 of 2 cases passed</a>' in html
    owner.post(f"/flows/{flow.pk}/publish/")
    assert "1 of 2 cases passed" in owner.get(build).content.decode()
    Flow.objects.filter(pk=flow.pk).update(timeout_seconds=7)
    assert "2 cases not run since the last change" in words(owner.get(build).content.decode())


def test_the_cases_of_a_draft_that_is_no_graph_are_not_called(flow: Flow, owner: Client) -> None:
    keep(flow, "First")
    Flow.objects.filter(pk=flow.pk).update(definition={"nodes": [], "connections": []})
    answer = owner.post(f"/flows/{flow.pk}/test/cases/", {"version": "draft"}, follow=True)
    assert "Not called: the draft has faults." in words(answer.content.decode())


def test_the_dialog_that_publishes_calls_every_case_on_the_draft_and_says_how_each_one_went(
    flow: Flow, owner: Client
) -> None:
    address = f"/flows/{flow.pk}/publish/cases/"
    keep(flow, "First")
    keep(flow, "Second", outcome="fails")
    assert "2 cases not run since the last change Not run First Not run Second" in words(
        owner.get(address).content.decode()
    )
    ran = owner.post(address).content.decode()
    assert "1 of 2 cases passed Passed First Failed Second It succeeded, and should have failed." in words(ran)
    assert "hx-get" not in ran  # nothing runs any more, so nothing is asked for again
    assert Execution.objects.count() == 2
    Flow.objects.filter(pk=flow.pk).update(definition={"nodes": [], "connections": []})
    assert "Not called:" in owner.post(address).content.decode()
    assert browser_of(make_user()).post(address).status_code == 404


# --- REST -------------------------------------------------------------------------------------------------------------


def test_cases_are_kept_read_changed_and_deleted_over_rest(flow: Flow, api: APIClient) -> None:
    address = f"/api/flows/{flow.pk}/cases/"
    arguments = {"text": "hi", "pin": "4711", "api_key": "sk-1234567890"}
    body = {"name": "First", "arguments": arguments, "expectation": output("equals", {"a": 1})}
    created = api.post(address, body, format="json")
    case = SavedCase.objects.get()
    never = {
        "passed": None,
        "reason": "",
        "differences": [],
        "executionId": None,
        "calledAt": None,
        "isCurrent": False,
    }
    expected = {
        "id": case.pk,
        "name": "First",
        "arguments": {"text": "hi"},
        "omitted": ["api_key", "pin"],
        "expectation": output("equals", {"a": 1}),
        "lastCall": never,
    }
    assert (created.status_code, created.json()) == (201, expected)
    assert api.get(address).json()["items"] == [expected]
    changed = api.patch(f"{address}{case.pk}/", {"expectation": {"outcome": "fails"}}, format="json")
    assert changed.json() == expected | {"expectation": {"outcome": "fails"}}
    assert api.delete(f"{address}{case.pk}/").status_code == 204
    assert api.get(address).json()["total"] == 0


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ({"name": "First"}, {"name": ["This flow has a case of that name."]}),
        ({"name": "x", "arguments": []}, {"arguments": ["Write a JSON object."]}),
        (
            {"name": "x", "expectation": output("textContains", 1)},
            {"expectation": {"output": {"value": ["Write a text."]}}},
        ),
        (
            {"name": "x", "expectation": output("equals", 1) | {"outcome": "fails"}},
            {"expectation": {"output": ['Only with the outcome "succeeds".']}},
        ),
    ],
)
def test_a_faulty_case_is_refused_over_rest(
    body: dict[str, Any], fault: dict[str, Any], flow: Flow, api: APIClient
) -> None:
    keep(flow, "First")
    answer = api.post(f"/api/flows/{flow.pk}/cases/", body, format="json")
    assert (answer.status_code, answer.json()) == (400, fault)


def test_cases_are_run_together_over_rest(flow: Flow, api: APIClient) -> None:
    keep(flow, "1 good", **output("contains", {"kind": "echo"}))
    keep(flow, "2 bad", **output("textContains", "bye"))
    answer = api.post(f"/api/flows/{flow.pk}/cases/run/", {"version": "draft"}, format="json").json()
    verdicts = [(item["name"], item["passed"], item["reason"]) for item in answer["items"]]
    assert (answer["passed"], answer["total"]) == (1, 2)
    assert verdicts == [
        ("1 good", True, ""),
        ("2 bad", False, "The text of the answer does not contain what is expected."),
    ]
    made = {str(pk) for pk in Execution.objects.values_list("pk", flat=True)}
    assert {item["executionId"] for item in answer["items"]} == made
    refused = api.post(f"/api/flows/{flow.pk}/cases/run/", {"version": "published"}, format="json")
    assert (refused.status_code, refused.json()) == (400, {"version": ["The flow is not published yet."]})


def test_four_cases_are_called_at_a_time(flow: Flow, api: APIClient) -> None:
    pause = {"id": "d", "type": "delay", "name": "Pause", "slug": "pause", "parameters": {"seconds": 0.1}}
    definition = answering("done")
    definition["nodes"].append(pause)
    definition["connections"] = [
        {"id": "1", "sourceNodeId": "t", "targetNodeId": "d"},
        {"id": "2", "sourceNodeId": "d", "targetNodeId": "r"},
    ]
    Flow.objects.filter(pk=flow.pk).update(definition=definition)
    for number in range(10):
        keep(flow, f"case {number}")
    assert api.post(f"/api/flows/{flow.pk}/cases/run/", {}, format="json").json()["passed"] == 10
    spans = list(Execution.objects.values_list("started_at", "ended_at"))
    assert max(sum(start <= moment < end for start, end in spans) for moment, _ in spans) == 4


def test_each_case_is_a_call_within_the_limits_of_the_key(flow: Flow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("executions.cases.calls.doors", Doors("", Sharing()))
    key = make_key(flow.server.owner, calls_per_minute=3, calls_at_once=1)
    api, path = APIClient(headers={"authorization": f"Bearer {key}"}), f"/api/flows/{flow.pk}/cases/run/"
    for number in range(5):
        keep(flow, f"case {number}")
    answer = api.post(path, {}, format="json").json()
    said = "This call was not made: the limit is 3 calls a minute with this API key. Call again in 20 seconds."
    reasons = [item["reason"] for item in answer["items"]]
    assert (answer["passed"], answer["total"], reasons) == (3, 5, ["", "", "", said, said])
    assert Execution.objects.count() == 3
    refused = api.post(path, {}, format="json")
    assert (refused.status_code, refused.headers["Retry-After"], refused.json()) == (429, "20", {"detail": said})
    assert said in table(browser_of(flow.server.owner), flow)
    refusals.write()
    assert sum(RefusedCalls.objects.values_list("number", flat=True)) == 2 + 5


@pytest.mark.parametrize("address", ["", "run/", "{case}/"])
def test_the_cases_of_somebody_elses_flow_are_not_there_over_rest(address: str, flow: Flow) -> None:
    case = keep(flow, "First")
    stranger = APIClient()
    stranger.force_authenticate(make_user())
    path = f"/api/flows/{flow.pk}/cases/{address.format(case=case.pk)}"
    for method in (stranger.get, stranger.post, stranger.patch, stranger.delete):
        assert method(path, {}, format="json").status_code in (404, 405)
    assert stranger.post(f"/api/flows/{flow.pk}/cases/run/", {}, format="json").status_code == 404
