"""Run an execution again with edited parameters: from its page and over REST."""

import json
from html import unescape
from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from executions.models import Execution
from executions.record.status import Status
from flows.models import Flow
from flows.publishing import versions
from tests.definitions import node
from tests.factories import make_execution, make_server, publish

pytestmark = pytest.mark.django_db(transaction=True)

SCHEMA = {
    "type": "object",
    "properties": {"n": {"type": "integer"}, "password": {"type": "string"}, "tags": {"type": "array"}},
    "required": ["n"],
    "additionalProperties": False,
}


@pytest.fixture
def flow() -> Flow:
    """A published flow that answers with the number it was given."""
    return publish(make_server(), "tool", node("answer", "return", text="{{ trigger.n }}"), input_schema=SCHEMA)


def called(flow: Flow, **params: Any) -> Execution:
    """An earlier call of the published version."""
    return make_execution(flow, flow_version=flow.published_version, initial_params=params)


def rest(flow: Flow) -> APIClient:
    """A script of the owner."""
    client = APIClient()
    client.force_authenticate(flow.server.owner)
    return client


def edited(browser: Client, execution: Execution, arguments: Any) -> Any:
    """The answer to the edited form."""
    text = arguments if isinstance(arguments, str) else json.dumps(arguments)
    return browser.post(f"/executions/{execution.pk}/replay/", {"arguments": text})


def test_edited_parameters_are_called_as_a_replay_of_the_execution(flow: Flow, browser: Client) -> None:
    original = called(flow, n=12345678901234567890123)
    form = unescape(browser.get(f"/executions/{original.pk}/replay/").content.decode())
    assert '{\n  "n": 12345678901234567890123\n}</textarea>' in form
    assert "the version that clients call now" in form
    answer = edited(browser, original, {"n": 8})
    replay = original.replays.get()
    assert answer.headers["Location"] == replay.get_absolute_url()
    assert (replay.source, replay.status, replay.initial_params) == ("replay", Status.FULFILLED, {"n": 8})
    assert replay.result["content"] == [{"type": "text", "text": "8"}]


def test_the_form_names_what_the_record_does_not_hold_and_asks_for_it(flow: Flow, browser: Client) -> None:
    cut = {"$truncated": True, "bytes": 9, "head": "a", "tail": "b"}
    original = called(flow, n=1, password="***", tags=["x", cut])
    form = browser.get(f"/executions/{original.pk}/replay/").content.decode()
    assert "<code>password</code>, <code>tags[1]</code>" in form
    page = edited(browser, original, {"n": 1, "password": "***", "tags": ["x"]}).content.decode()
    assert "<code>password</code><br>fill this in anew: the record does not hold it" in page
    assert "<code>tags[1]</code><br>" not in page
    assert not original.replays.exists()
    edited(browser, original, {"n": 1, "password": "open sesame", "tags": ["x"]})
    replay = original.replays.get()
    assert (replay.status, replay.initial_params) == (
        Status.FULFILLED,
        {"n": 1, "password": "***", "tags": ["x"]},
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "Not JSON, line 1"),
        ("[1]", "Write a JSON object."),
        ("", "This field is required."),
        ('{"n": "eight"}', "<code>n</code>"),
        ('{"n": 1, "m": 2}', "Not called: 1 fault"),
    ],
)
def test_what_cannot_be_called_comes_back_as_it_was_typed(flow: Flow, browser: Client, text: str, said: str) -> None:
    original = called(flow, n=1)
    page = edited(browser, original, text)
    assert page.status_code == 200
    assert said in page.content.decode()
    assert f">\n{text}</textarea>" in unescape(page.content.decode())
    assert Execution.objects.count() == 1


def test_there_is_no_form_for_a_deleted_flow(flow: Flow, browser: Client) -> None:
    original = called(flow, n=1)
    versions.delete(flow)
    answer = browser.get(f"/executions/{original.pk}/replay/")
    assert (answer.status_code, answer.headers["Location"]) == (302, f"/executions/{original.pk}/")


def test_rest_runs_an_execution_again_with_the_same_or_with_other_arguments(flow: Flow) -> None:
    original, client = called(flow, n=7), rest(flow)
    same = client.post(f"/api/executions/{original.pk}/replay/", {}, format="json")
    other = client.post(f"/api/executions/{original.pk}/replay/", {"arguments": {"n": 9}}, format="json")
    assert (same.status_code, other.status_code) == (201, 201)
    shown = [(body["status"], body["initialParams"], body["replayOf"]) for body in (same.json(), other.json())]
    assert shown == [("fulfilled", {"n": 7}, str(original.pk)), ("fulfilled", {"n": 9}, str(original.pk))]
    assert client.get(f"/api/executions/{other.json()['id']}/").json() == other.json()


def test_rest_refuses_a_replay_with_the_reason(flow: Flow) -> None:
    hidden, client = called(flow, n=7, password="***"), rest(flow)
    address = f"/api/executions/{hidden.pk}/replay/"
    unknown = client.post(address, {}, format="json")
    broken = client.post(address, {"arguments": {"n": "x"}}, format="json")
    kept = client.post(address, {"arguments": {"n": 1, "password": "***"}}, format="json")
    assert unknown.status_code == 409
    assert unknown.json()["detail"].startswith("Some parameters were hidden or shortened in the record.")
    assert (broken.status_code, [fault["path"] for fault in broken.json()["arguments"]]) == (400, ["n"])
    message = "fill this in anew: the record does not hold it"
    assert (kept.status_code, kept.json()) == (
        400,
        {"arguments": [{"path": "password", "key": "", "message": message}]},
    )
    assert Execution.objects.count() == 1
