"""What a person does from an execution's page: run again, pin, delete, download."""

from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.test import Client

from executions.ledger import writer
from executions.models import Execution
from executions.record.status import Status
from flows.models import Flow
from flows.publishing import versions
from tests.definitions import node
from tests.factories import make_execution, make_server, make_user, publish

pytestmark = pytest.mark.django_db(transaction=True)

SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"], "additionalProperties": False}


@pytest.fixture
def flow() -> Flow:
    """A published flow that answers with the number it was given."""
    return publish(make_server(), "tool", node("answer", "return", text="{{ trigger.n }}"), input_schema=SCHEMA)


def called(flow: Flow, **values: Any) -> Execution:
    """An earlier call of the published version."""
    return make_execution(flow, **({"flow_version": flow.published_version, "initial_params": {"n": 7}} | values))


def act(browser: Client, execution: Execution, action: str, **data: str) -> tuple[str, list[str]]:
    """Where an action leads, and what the next page says."""
    answer = browser.post(f"/executions/{execution.pk}/{action}/", data)
    assert answer.status_code == 302
    return answer.headers["Location"], [str(message) for message in get_messages(answer.wsgi_request)]


def test_run_again_makes_a_new_execution_with_the_same_parameters(flow: Flow, browser: Client) -> None:
    original = called(flow)
    address, _ = act(browser, original, "replay")
    replay = Execution.objects.exclude(pk=original.pk).get()
    assert address == replay.get_absolute_url()
    assert (replay.source, replay.replay_of_id, replay.parent_id) == ("replay", original.pk, None)
    assert (replay.status, replay.initial_params) == (Status.FULFILLED, {"n": 7})
    assert replay.result["content"] == [{"type": "text", "text": "7"}]
    assert replay.caller["principal"] == f"user {flow.server.owner}"
    assert f'href="{original.get_absolute_url()}">an earlier execution' in browser.get(address).content.decode()


def test_run_again_calls_what_clients_call_now_and_a_draft_as_it_is_saved_now(flow: Flow, browser: Client) -> None:
    of_version, of_draft = called(flow), called(flow, flow_version=None, source="test")
    versions.publish(flow)
    act(browser, of_version, "replay")
    act(browser, of_draft, "replay")
    assert of_version.replays.get().flow_version_id == flow.published_version_id
    assert of_draft.replays.get().flow_version_id is None


@pytest.mark.parametrize(
    ("params", "reason"),
    [
        ({"n": "***"}, "some parameters were hidden"),
        ({"n": [{"$truncated": True, "bytes": 9}]}, "some parameters were hidden or shortened"),
        ({"n": "seven"}, "n"),
    ],
)
def test_run_again_never_sends_other_parameters(flow: Flow, browser: Client, params: Any, reason: str) -> None:
    original = called(flow, initial_params=params)
    address, texts = act(browser, original, "replay")
    assert address == original.get_absolute_url()
    assert texts[0].startswith("Not called: ")
    assert reason in texts[0]
    assert Execution.objects.count() == 1


def test_an_execution_of_a_deleted_flow_cannot_run_again(flow: Flow, browser: Client) -> None:
    original = called(flow)
    versions.delete(flow)
    assert act(browser, original, "replay")[1] == ["Not called: the flow is deleted."]


def test_pinning_keeps_an_execution_until_it_is_unpinned(flow: Flow, browser: Client) -> None:
    execution = called(flow)
    act(browser, execution, "pin", pinned="1")
    assert writer.delete([execution.pk]) == 0
    assert ">Pinned</span>" in browser.get(execution.get_absolute_url()).content.decode()
    act(browser, execution, "pin", pinned="0")
    assert writer.delete([execution.pk]) == 1


def test_delete_asks_first_and_then_deletes(flow: Flow, browser: Client) -> None:
    execution = called(flow)
    replay = called(flow, replay_of=execution)
    page = browser.get(f"/executions/{execution.pk}/delete/").content.decode()
    assert "Delete this execution" in page
    assert Execution.objects.count() == 2
    address, texts = act(browser, execution, "delete")
    assert (address, texts) == (f"/flows/{flow.pk}/usage/", [f"The execution {execution.pk} was deleted."])
    assert list(Execution.objects.values_list("pk", "replay_of")) == [(replay.pk, None)]


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"is_pinned": True}, "the execution is pinned."),
        ({"status": Status.PENDING}, "the execution is still pending."),
    ],
)
def test_pinned_and_pending_executions_are_not_deleted(
    flow: Flow, browser: Client, values: dict[str, Any], reason: str
) -> None:
    execution = called(flow, **values)
    assert browser.get(f"/executions/{execution.pk}/delete/").status_code == 302
    assert reason in act(browser, execution, "delete")[1][0]
    assert Execution.objects.filter(pk=execution.pk).exists()


def test_download_is_the_rest_body(flow: Flow, browser: Client) -> None:
    execution = called(flow)
    page = browser.get(execution.get_absolute_url()).content.decode()
    address = f"/api/executions/{execution.pk}/?format=json"
    assert f'href="{address}" download="execution-{execution.pk}.json"' in page
    body = browser.get(address)
    assert body.headers["Content-Type"] == "application/json"
    assert (body.json()["id"], body.json()["initialParams"]) == (str(execution.pk), {"n": 7})


@pytest.mark.parametrize("action", ["replay", "pin", "note", "cancel", "delete"])
def test_nobody_acts_on_what_belongs_to_somebody_else(flow: Flow, action: str) -> None:
    execution = called(flow)
    stranger = Client()
    stranger.force_login(make_user())
    assert stranger.post(f"/executions/{execution.pk}/{action}/", {"pinned": "1", "note": "x"}).status_code == 404
    assert Client().post(f"/executions/{execution.pk}/{action}/").headers["Location"].startswith("/login/")
    assert list(Execution.objects.values_list("pk", "is_pinned", "note")) == [(execution.pk, False, "")]


@pytest.mark.parametrize(("action", "status"), [("replay", 200), ("pin", 405), ("note", 405), ("cancel", 405)])
def test_a_link_alone_does_nothing(flow: Flow, browser: Client, action: str, status: int) -> None:
    execution = called(flow)
    assert browser.get(f"/executions/{execution.pk}/{action}/").status_code == status
    assert Execution.objects.get() == execution


def test_a_note_is_shown_with_the_execution_marked_in_lists_and_found_by_search(flow: Flow, browser: Client) -> None:
    execution, other = called(flow), called(flow)
    address, texts = act(browser, execution, "note", note="  Ada asked why.\r\nSee <b>ticket 7</b>.  ")
    assert (address, texts) == (execution.get_absolute_url(), [])
    execution.refresh_from_db()
    assert execution.note == "Ada asked why.\nSee <b>ticket 7</b>."
    page = browser.get(address).content.decode()
    assert "<p>Ada asked why.\nSee &lt;b&gt;ticket 7&lt;/b&gt;.</p>" in page
    listed = browser.get(f"/flows/{flow.pk}/usage/").content.decode()
    assert (listed.count('aria-label="Has a note"'), str(other.pk) in listed) == (1, True)
    found = browser.get(f"/flows/{flow.pk}/usage/?search=TICKET").content.decode()
    assert (str(execution.pk) in found, str(other.pk) in found) == (True, False)
    act(browser, execution, "note", note="")
    assert "Has a note" not in browser.get(f"/flows/{flow.pk}/usage/").content.decode()


def test_a_note_that_is_too_long_is_refused_and_the_old_one_stays(flow: Flow, browser: Client) -> None:
    execution = called(flow, note="old")
    act(browser, execution, "note", note="x\r\n" * 1000)
    execution.refresh_from_db()
    assert len(execution.note) == 1999
    texts = act(browser, execution, "note", note="x" * 2001)[1]
    assert "at most 2000 characters" in texts[0]
    execution.refresh_from_db()
    assert len(execution.note) == 1999
