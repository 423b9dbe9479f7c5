"""A person who tries a flow out is asked on the page of the execution, and answers there."""

import re
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from executions.acting import replays, trials
from executions.cases import calls
from executions.models import Execution, Suspension
from executions.questions import answers_of_people
from flows.cases.expectations import Expectation
from flows.models import Flow, SavedCase
from flows.publishing import versions
from tests.definitions import beside, chain, node
from tests.factories import make_flow, make_server, make_user

pytestmark = pytest.mark.django_db(transaction=True)

FORM = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "title": "Your name", "description": "As in the passport", "minLength": 2},
        "tone": {"type": "string", "enum": ["w", "c"], "enumNames": ["Warm", "Cold"], "default": "c"},
        "age": {"type": "integer", "minimum": 18},
        "likes": {
            "type": "array",
            "items": {"anyOf": [{"const": "a", "title": "Apples"}, {"const": "b", "title": "Bread"}]},
            "default": ["b"],
            "minItems": 1,
        },
    },
    "required": ["name"],
}


def asks(slug: str = "ask", **parameters: Any) -> dict[str, Any]:
    return node(slug, "ask_user", **{"message": f"Who is {slug}?", "schema": FORM} | parameters)


def make(*nodes: dict[str, Any]) -> Flow:
    """A published flow that answers with what was accepted, or with the way that was taken."""
    definition = chain(*nodes, node("answer", "return", json=f"{{{{ {nodes[-1]['slug']} }}}}"))
    for line in list(definition["connections"]):
        if next(each["type"] for each in definition["nodes"] if each["id"] == line["sourceNodeId"]) == "ask_user":
            line["sourceHandle"] = "accept"
            for handle in ("decline", "cancel"):
                other = {"id": f"{line['id']}-{handle}", "sourceHandle": handle, "targetNodeId": "answer"}
                definition["connections"].append(line | other)
    return make_flow(make_server(), definition=definition, input_schema={"type": "object"})


@pytest.fixture
def flow() -> Flow:
    return make(asks())


@pytest.fixture
def browser(flow: Flow) -> Client:
    return browser_of(flow.server.owner)


def browser_of(user: Any) -> Client:
    browser = Client()
    browser.force_login(user)
    return browser


def call(browser: Client, flow: Flow) -> Execution:
    """Press Call on the Test tab."""
    answer = browser.post(f"/flows/{flow.pk}/test/", {"do": "call"})
    assert answer.status_code == 302
    return Execution.objects.latest("started_at")


def page_of(browser: Client, execution: Execution) -> str:
    page: str = browser.get(f"/flows/{execution.flow_id}/test/?execution={execution.pk}").content.decode()
    return page


def answer(browser: Client, execution: Execution, do: str = "accept", **fields: str) -> Any:
    """Press a button of the form, as it is on the page."""
    sent = {"slug": "ask", "step": "0", "next": "/flows/", "do": do} | fields
    return browser.post(f"/executions/{execution.pk}/answer/", sent)


def field(slug: str, name: str) -> str:
    return f"arg-answer:{slug}/{name}"


def said(answer: Any) -> list[str]:
    """The newest message of the next page."""
    return [str(message) for message in get_messages(answer.wsgi_request)][-1:]


def test_the_test_tab_asks_whoever_called_and_goes_on_with_the_answer(flow: Flow, browser: Client) -> None:
    execution = call(browser, flow)
    assert (execution.status, execution.runner_id) == ("pending", None)
    page = page_of(browser, execution)
    assert "Waiting for your answer since" in page
    shown = re.search(r'<section class="panel question".*?</section>', page, re.DOTALL)
    assert shown is not None
    for words in ("The flow asks you", "Who is ask?", "Your name", "As in the passport", "Warm", "Apples", "until"):
        assert words in shown[0]
    assert re.search(r'value="&quot;c&quot;" selected>Cold', shown[0])
    assert re.search(r'name="arg-answer:ask/likes:1" checked> Bread', shown[0])
    given = {field("ask", "name"): "Ada", field("ask", "tone"): '"w"', field("ask", "age"): "36"}
    left = answer(browser, execution, **given, **{field("ask", "likes:0"): "on"})
    assert (left.status_code, left["Location"]) == (302, "/flows/")
    execution.refresh_from_db()
    content = {"name": "Ada", "tone": "w", "age": 36, "likes": ["a"]}
    assert execution.status == "fulfilled"
    assert execution.result["structuredContent"] == {"action": "accept", "content": content}
    assert "question" not in page_of(browser, execution)


def test_no_two_elements_of_the_page_share_an_id(flow: Flow, browser: Client) -> None:
    Flow.objects.filter(pk=flow.pk).update(input_schema=FORM | {"required": []})
    page = page_of(browser, call(browser, flow))
    ids = re.findall(r'\sid="([^"]+)"', page)
    assert sorted(ids) == sorted(set(ids))


@pytest.mark.parametrize("way", ["decline", "cancel"])
def test_who_does_not_answer_takes_the_other_way_out(flow: Flow, browser: Client, way: str) -> None:
    execution = call(browser, flow)
    assert answer(browser, execution, way, **{field("ask", "age"): "no number"}).status_code == 302
    execution.refresh_from_db()
    assert execution.result["structuredContent"] == {"action": way, "content": {}}


def test_what_does_not_fit_is_said_at_its_field_and_nothing_typed_is_lost(flow: Flow, browser: Client) -> None:
    execution = call(browser, flow)
    given = {field("ask", "name"): "A", field("ask", "age"): "17", field("ask", "tone"): '"w"'}
    page = answer(browser, execution, **given).content.decode()
    for name, fault in (("name", "shorter than 2 characters"), ("age", "less than the minimum of 18")):
        place = re.search(rf'id="id_arg-answer:ask/{name}_error">(.*?)</ul>', page, re.DOTALL)
        assert place is not None
        assert fault in place[1]
    assert 'value="A"' in page
    assert 'value="17"' in page
    assert re.search(r'value="&quot;w&quot;" selected>Warm', page)
    assert 'name="next" value="/flows/"' in page
    page = answer(browser, execution, **given | {field("ask", "age"): "many"}).content.decode()
    assert "Write a whole number" in page
    execution.refresh_from_db()
    assert execution.status == "pending"


def test_an_execution_can_be_answered_once(flow: Flow, browser: Client) -> None:
    execution = call(browser, flow)
    assert said(answer(browser, execution, step="7")) == [answers_of_people.ASKS_SOMETHING_ELSE]
    answer(browser, execution, "decline")
    assert said(answer(browser, execution, "decline")) == [
        "This execution does not wait for an answer (any more): it has ended."
    ]
    assert browser.get(f"/executions/{execution.pk}/answer/").status_code == 302


def test_nobody_can_answer_when_the_time_is_over(flow: Flow, browser: Client) -> None:
    execution = call(browser, flow)
    Suspension.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert "is answered" not in page_of(browser, execution)
    assert said(answer(browser, execution, "decline")) == [answers_of_people.ANSWERED_BEFORE]


def test_others_see_that_it_waits_and_cannot_answer(flow: Flow, browser: Client) -> None:
    execution = call(browser, flow)
    operator = browser_of(make_user("operator", is_superuser=True))
    page = page_of(operator, execution)
    assert f"Waiting for user {flow.server.owner.username}\u2019s answer since" in page
    assert 'class="panel question"' not in page
    assert said(answer(operator, execution, "decline")) == [answers_of_people.NOT_YOURS]
    assert answer(browser_of(make_user()), execution, "decline").status_code == 404
    execution.refresh_from_db()
    assert execution.status == "pending"


def test_the_questions_have_a_page_of_their_own(flow: Flow, browser: Client) -> None:
    execution = call(browser, flow)
    page = browser.get(f"/executions/{execution.pk}/answer/").content.decode()
    assert "Who is ask?" in page


def test_a_model_is_asked_by_showing_the_conversation() -> None:
    flow = make(node("ask", "ask_model", prompt="Sum <up>: x", systemPrompt="Be plain."))
    browser = browser_of(flow.server.owner)
    execution = call(browser, flow)
    page = unescape(page_of(browser, execution))
    for words in (
        "The flow asks the client\u2019s model",
        "Be plain.",
        "Sum <up>: x",
        "Answer in place of the client\u2019s model",
    ):
        assert words in page
    assert "Cancel<span" not in page
    assert "arg-answer:ask/text_error" in answer(browser, execution).content.decode()
    answer(browser, execution, **{field("ask", "text"): "two\r\nlines"})
    execution.refresh_from_db()
    assert execution.result["structuredContent"] == {
        "text": "two\nlines",
        "content": {"type": "text", "text": "two\nlines"},
        "model": f"user {flow.server.owner.username}",
        "stopReason": "endTurn",
    }


def test_declining_in_place_of_a_model_fails_the_node() -> None:
    flow = make(node("ask", "ask_model", prompt="x"))
    browser = browser_of(flow.server.owner)
    execution = call(browser, flow)
    answer(browser, execution, "decline")
    execution.refresh_from_db()
    assert execution.error_preview == "The client refused to answer: the person who tried the flow out declined."


def test_roots_are_typed_one_a_line() -> None:
    flow = make(node("ask", "ask_roots"))
    browser = browser_of(flow.server.owner)
    execution = call(browser, flow)
    page = answer(browser, execution, **{field("ask", "roots"): "file:///a\r\nhttp://b"}).content.decode()
    assert "Line 2: " in page
    answer(browser, execution, **{field("ask", "roots"): "file:///a\r\n\r\nfile:///b"})
    execution.refresh_from_db()
    assert execution.result["structuredContent"] == {
        "roots": [{"uri": "file:///a", "name": None}, {"uri": "file:///b", "name": None}]
    }


def test_several_questions_are_answered_one_after_the_other_in_any_order() -> None:
    definition = beside(asks("one"), asks("two"))
    flow = make_flow(make_server(), definition=definition, input_schema={"type": "object"})
    browser = browser_of(flow.server.owner)
    execution = call(browser, flow)
    page = page_of(browser, execution)
    assert "Who is one?" in page
    assert "Who is two?" in page
    answer(browser, execution, slug="two", **{field("two", "name"): "Bob"})
    page = page_of(browser, execution)
    assert "Who is one?" in page
    assert "Who is two?" not in re.sub(r"(?s)<nav class=\"sections\".*", "", page)
    answer(browser, execution, slug="one", step="1", **{field("one", "name"): "Ada"})
    execution.refresh_from_db()
    assert execution.status == "fulfilled"


def test_running_again_asks_again(flow: Flow, browser: Client) -> None:
    first = call(browser, flow)
    answer(browser, first, **{field("ask", "name"): "Ada"})
    first.refresh_from_db()
    replay = replays.replay(first, flow.server.owner)
    assert replay.status == "pending"
    assert "Waiting for your answer" in browser.get(replay.get_absolute_url()).content.decode()
    answer(browser, replay, **{field("ask", "name"): "Bob"})
    replay.refresh_from_db()
    assert replay.result["structuredContent"]["content"]["name"] == "Bob"
    assert (replay.source, replay.replay_of_id) == ("replay", first.pk)


def test_running_again_from_a_node_asks_what_comes_behind_it() -> None:
    server = make_server()
    definition = make(asks()).definition
    flow = make_flow(server, tool_name="asks", input_schema={"type": "object"})
    flow.definition = definition
    flow.save()
    versions.publish(flow)
    browser = browser_of(server.owner)
    browser.post(f"/flows/{flow.pk}/test/", {"do": "call", "version": "published"})
    first = Execution.objects.latest("started_at")
    answer(browser, first, **{field("ask", "name"): "Ada"})
    browser.post(f"/executions/{first.pk}/replay/from/", {"node": "ask"})
    replay = Execution.objects.latest("started_at")
    assert (replay.replay_of_id, replay.status) == (first.pk, "pending")
    answer(browser, replay, **{field("ask", "name"): "Bob"})
    replay.refresh_from_db()
    assert replay.result["structuredContent"]["content"]["name"] == "Bob"


def test_a_saved_case_of_a_flow_that_asks_fails_with_a_sentence(flow: Flow) -> None:
    case = SavedCase(flow=flow)
    owner = flow.server.owner
    calls.save(case, trials.target_of(flow, is_published=False), "asks", {}, Expectation.of({}))
    calls.call_all([case], flow, owner, None, is_published=False)
    case.refresh_from_db()
    assert case.last_passed is False
    assert "nobody is there to answer a saved case" in case.last_differences[0]["got"]


def rest(user: Any) -> APIClient:
    client = APIClient()
    client.force_authenticate(user)
    return client


def test_a_script_calls_the_draft_is_asked_and_answers(flow: Flow) -> None:
    script = rest(flow.server.owner)
    called = script.post(f"/api/flows/{flow.pk}/test/", {"arguments": {}}, format="json")
    assert called.status_code == 201
    body = called.json()
    assert (body["status"], body["waitingFor"]) == (
        "pending",
        {"ask": {"kind": "user", "parameters": {"message": "Who is ask?"}, "schema": FORM, "isYours": True}},
    )
    address = f"/api/executions/{body['id']}/"
    assert script.get(address).json()["waitingFor"] == body["waitingFor"]
    assert Suspension.objects.get().nonce_hash not in called.content.decode()
    reply = {"action": "accept", "content": {"name": "Ada"}}
    answered = script.post(f"{address}answer/", {"answers": {"ask": reply}}, format="json")
    assert answered.status_code == 200
    ended = answered.json()
    assert (ended["status"], ended["waitingFor"]) == ("fulfilled", None)
    content = {"name": "Ada", "tone": "c", "likes": ["b"]}
    assert ended["result"]["structuredContent"] == {"action": "accept", "content": content}
    late = script.post(f"{address}answer/", {"answers": {"ask": reply}}, format="json")
    why = "This execution does not wait for an answer (any more): it has ended."
    assert (late.status_code, late.json()) == (409, {"detail": why})


@pytest.mark.parametrize(
    ("answers", "faults"),
    [
        ({}, {"answers": ["This dictionary may not be empty."]}),
        ({"ask": {"action": "maybe"}}, {"answers": {"ask": {"action": ['"maybe" is not a valid choice.']}}}),
        (
            {"who": {"action": "decline"}},
            {
                "answers": {
                    "who": [{"path": "", "key": "", "message": "nothing was asked under this name; what waits: ask"}]
                }
            },
        ),
        (
            {"ask": {"action": "accept", "content": {"name": 7, "age": 3}}},
            {
                "answers": {
                    "ask": [
                        {"path": "name", "key": "", "message": '7 is not of type "string"'},
                        {"path": "age", "key": "", "message": "3 is less than the minimum of 18"},
                    ]
                }
            },
        ),
    ],
)
def test_a_wrong_answer_over_rest_says_what_to_change_and_the_execution_waits_on(
    flow: Flow, answers: Any, faults: Any
) -> None:
    script = rest(flow.server.owner)
    body = script.post(f"/api/flows/{flow.pk}/test/", {}, format="json").json()
    answer = script.post(f"/api/executions/{body['id']}/answer/", {"answers": answers}, format="json")
    assert (answer.status_code, answer.json()) == (400, faults)
    assert script.get(f"/api/executions/{body['id']}/").json()["waitingFor"] == body["waitingFor"]


def test_only_whoever_called_may_answer_over_rest(flow: Flow) -> None:
    body = rest(flow.server.owner).post(f"/api/flows/{flow.pk}/test/", {}, format="json").json()
    address = f"/api/executions/{body['id']}/"
    operator, stranger = rest(make_user(is_superuser=True)), rest(make_user())
    sent = {"answers": {"ask": {"action": "decline"}}}
    assert operator.get(address).json()["waitingFor"]["ask"]["isYours"] is False
    refused = operator.post(f"{address}answer/", sent, format="json")
    assert (refused.status_code, refused.json()) == (403, {"detail": answers_of_people.NOT_YOURS})
    assert stranger.post(f"{address}answer/", sent, format="json").status_code == 404
    assert rest(None).post(f"{address}answer/", sent, format="json").status_code in (401, 403)


def test_a_model_and_roots_are_answered_over_rest_by_their_schemas() -> None:
    flow = make_flow(
        make_server(),
        definition=beside(node("model", "ask_model", prompt="Sum up"), node("roots", "ask_roots")),
        input_schema={"type": "object"},
    )
    script = rest(flow.server.owner)
    body = script.post(f"/api/flows/{flow.pk}/test/", {}, format="json").json()
    waiting = body["waitingFor"]
    messages = [{"role": "user", "content": {"type": "text", "text": "Sum up"}}]
    assert waiting["model"]["parameters"] == {"messages": messages, "maxTokens": 1000}
    assert (list(waiting["model"]["schema"]["properties"]), waiting["roots"]["parameters"]) == (["text"], {})
    answers = {
        "model": {"action": "accept", "content": {"text": "Done."}},
        "roots": {"action": "accept", "content": {"roots": [{"uri": "file:///a", "name": "A"}]}},
    }
    ended = script.post(f"/api/executions/{body['id']}/answer/", {"answers": answers}, format="json").json()
    given = {entry["nodeId"]: entry["outputData"] for entry in ended["nodeExecutions"]}
    assert ended["status"] == "fulfilled"
    assert (given["model"]["text"], given["roots"]) == ("Done.", {"roots": [{"uri": "file:///a", "name": "A"}]})
