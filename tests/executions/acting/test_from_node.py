"""Run an execution again from one of its nodes: what runs, what is reused, and what is refused."""

import re
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.contrib.messages import get_messages
from django.test import Client
from rest_framework.test import APIClient

from executions.models import Execution
from executions.record.status import Status
from executions.running.calls import Call, Caller
from executions.running.deliveries import state_of
from executions.running.targets import published_target
from flows.models import Flow
from flows.publishing import versions
from tests.executions.acting.conftest import World
from tests.factories import make_execution, make_flow, make_user

pytestmark = pytest.mark.django_db(transaction=True)


def node(node_id: str, kind: str, **parameters: Any) -> dict[str, Any]:
    """A node whose name and slug are its id."""
    return {"id": node_id, "type": kind, "name": node_id.title(), "slug": node_id, "parameters": parameters}


def definition(*nodes: dict[str, Any], lines: str) -> dict[str, Any]:
    """A definition; `lines` are words such as `a>b` or `a:true>b`."""
    connections = []
    for number, line in enumerate(lines.split()):
        source, target = line.split(">")
        source, _, handle = source.partition(":")
        ends = {"id": f"c{number}", "sourceNodeId": source, "targetNodeId": target}
        connections.append(ends | ({"sourceHandle": handle} if handle else {}))
    return {"nodes": list(nodes), "connections": connections}


@pytest.fixture
def flow(world: World) -> Flow:
    """Two requests one after the other, and an answer that holds what both gave."""
    flow = make_flow(
        definition=definition(
            node("trigger", "trigger"),
            node("before", "http_request", method="POST", url=f"{world.url}/before"),
            node("after", "http_request", method="POST", url=f"{world.url}/after", failOnStatus=True),
            node("answer", "return", text="{{ trigger.n }}: {{ before.status }} {{ after.status }}"),
            lines="trigger>before before>after after>answer",
        ),
        input_schema={"type": "object", "properties": {"n": {}}},
    )
    versions.publish(flow)
    return flow


def called(flow: Flow, **arguments: Any) -> Execution:
    """A call of what is published, to its end."""
    caller = Caller(principal="key of a test", source="mcp")
    answer = async_to_sync(state_of)(Call(published_target(flow), arguments, caller))
    return Execution.objects.get(pk=answer.execution_id)


def rest(flow: Flow) -> APIClient:
    """A script of the owner."""
    client = APIClient()
    client.force_authenticate(flow.server.owner)
    return client


def browser_of(flow: Flow) -> Client:
    """The owner's browser."""
    client = Client()
    client.force_login(flow.server.owner)
    return client


def again(flow: Flow, execution: Execution, node_id: str) -> Any:
    """The answer of REST to running it again from a node."""
    return rest(flow).post(f"/api/executions/{execution.pk}/replay/", {"fromNode": node_id}, format="json")


def states(body: Any) -> list[tuple[str, str, bool]]:
    """Node by node: id, status, whether it was reused."""
    return [(entry["nodeId"], entry["status"], entry.get("reused", False)) for entry in body["nodeExecutions"]]


def test_an_effect_before_the_node_happens_once_and_one_after_it_twice(flow: Flow, world: World) -> None:
    world.broken = {"/after"}
    original = called(flow, n=7)
    assert (original.status, original.failed_node_name) == (Status.ERROR, "After")
    world.broken.clear()
    answer = again(flow, original, "after")
    assert answer.status_code == 201
    assert world.requests == ["/before", "/after", "/after"]
    body = answer.json()
    assert (body["status"], body["replayOf"], body["initialParams"]) == ("fulfilled", str(original.pk), {"n": 7})
    assert body["result"]["content"] == [{"type": "text", "text": "7: 200 200"}]
    assert states(body) == [
        ("trigger", "completed", True),
        ("before", "completed", True),
        ("after", "completed", False),
        ("answer", "completed", False),
    ]
    reused = body["nodeExecutions"][1]
    assert (reused["durationMs"], reused["attempts"], reused["handle"]) == (0.0, 0, "main")
    assert reused["outputData"] == original.node_executions[1]["outputData"]


def test_the_version_that_ran_runs_again_whatever_clients_call_now(flow: Flow, world: World) -> None:
    original = called(flow, n=1)
    flow.definition["nodes"][3]["parameters"]["text"] = "something else"
    flow.save()
    versions.publish(flow)
    body = again(flow, original, "answer").json()
    assert (body["version"], body["result"]["content"][0]["text"]) == (1, "1: 200 200")
    assert world.requests == ["/before", "/after"]


def test_a_replay_can_itself_run_again_from_a_node(flow: Flow, world: World) -> None:
    original = called(flow, n=1)
    replay = Execution.objects.get(pk=again(flow, original, "after").json()["id"])
    body = again(flow, replay, "answer").json()
    assert (body["status"], body["replayOf"]) == ("fulfilled", str(replay.pk))
    assert world.requests == ["/before", "/after", "/after"]


def test_a_parallel_branch_is_reused_with_the_answer_that_it_gave(world: World) -> None:
    flow = make_flow(
        definition=definition(
            node("trigger", "trigger"),
            node("check", "condition", left="{{ trigger.n }}", operator="equals", right=1),
            node("never", "fail", message="not reached"),
            node("left", "http_request", method="POST", url=f"{world.url}/left"),
            node("right", "http_request", method="POST", url=f"{world.url}/right"),
            node("said", "return", text="left {{ left.status }}"),
            node("told", "return", text="right {{ right.status }}"),
            lines="trigger>check check:true>left check:false>never check:true>right left>said right>told",
        ),
        input_schema={"type": "object", "properties": {"n": {}}},
    )
    versions.publish(flow)
    original = called(flow, n=1)
    assert sorted(world.requests) == ["/left", "/right"]
    world.requests.clear()
    body = again(flow, original, "right").json()
    assert world.requests == ["/right"]
    texts = sorted(block["text"] for block in body["result"]["content"])
    assert texts == ["left 200", "right 200"]
    assert {found for found in states(body) if not found[2]} == {
        ("never", "skipped", False),
        ("right", "completed", False),
        ("told", "completed", False),
    }
    refused = again(flow, original, "never")
    assert (refused.status_code, refused.json()["detail"]) == (409, "No branch led to 'Never' in that execution.")


def test_the_page_says_what_runs_what_is_reused_and_what_may_happen_twice(flow: Flow, world: World) -> None:
    world.broken = {"/after"}
    original = called(flow, n=1)
    browser = browser_of(flow)
    detail = browser.get(original.get_absolute_url()).content.decode()
    assert re.findall(r'/replay/from/\?node=(\w+)"', detail) == ["trigger", "before", "after"]
    page = browser.get(f"/executions/{original.pk}/replay/from/?node=after").content.decode()
    runs = re.findall(
        r'<b>(\w+)</b> <span class="faint">\w+</span> <span class="actions">(.*?)</span> </li>', " ".join(page.split())
    )
    assert [(name, re.sub("<[^>]*>", " ", said).split()) for name, said in runs] == [
        ("After", ["may", "repeat", "side", "effects"]),
        ("Answer", ["did", "not", "run", "before"]),
    ]
    assert "Trigger, Before: not executed" in page
    assert "May repeat side effects." in page
    answer = browser.post(f"/executions/{original.pk}/replay/from/", {"node": "after"})
    replay = original.replays.get()
    assert answer.headers["Location"] == replay.get_absolute_url()
    shown = browser.get(replay.get_absolute_url()).content.decode()
    assert shown.count('<span class="pill">reused</span>') == 2
    assert "May repeat" not in browser.get(f"/executions/{original.pk}/replay/from/?node=answer").content.decode()


@pytest.mark.parametrize(
    ("change", "node_id", "reason"),
    [
        ({}, "gone", "The version that ran has no node with the id 'gone'."),
        ({}, "answer", "'After', which comes before 'Answer', did not end well. Choose that one."),
        (
            {"outputData": {"status": {"of": [1, "***"]}}},
            "after",
            "The output of 'Before' is not whole in the record: status.of[1] was hidden or cut.",
        ),
        (
            {"outputData": {"$truncated": True, "bytes": 9}},
            "after",
            "The output of 'Before' is not whole in the record: all of it was hidden or cut.",
        ),
        ({"handle": "other"}, "after", "No branch led to 'After' in that execution."),
    ],
)
def test_what_cannot_be_reused_is_refused_with_the_reason(
    flow: Flow, world: World, change: dict[str, Any], node_id: str, reason: str
) -> None:
    world.broken = {"/after"}
    original = called(flow, n=1)
    entries = original.node_executions
    Execution.objects.update(node_executions=[entries[0], entries[1] | change, *entries[2:]])
    answer = again(flow, original, node_id)
    assert (answer.status_code, answer.json()["detail"]) == (409, reason)
    page = browser_of(flow).get(f"/executions/{original.pk}/replay/from/?node={node_id}")
    assert page.headers["Location"] == original.get_absolute_url()
    said = [str(message) for message in get_messages(page.wsgi_request)]
    assert said == [f"Not called: {reason[0].lower()}{reason[1:]}"]
    assert world.requests == ["/before", "/after"]


def test_only_what_later_nodes_name_has_to_be_whole_in_the_record(flow: Flow, world: World) -> None:
    original = called(flow, n=1)
    hidden = {"status": 200, "headers": {"set-cookie": "***"}, "body": {"$truncated": True, "bytes": 9}}
    entries = original.node_executions
    Execution.objects.update(
        node_executions=[entries[0], entries[1] | {"outputData": hidden}, *entries[2:]],
        initial_params={"n": 1, "password": "***"},
    )
    body = again(flow, original, "after").json()
    assert (body["status"], body["result"]["content"][0]["text"]) == ("fulfilled", "1: 200 200")
    assert (body["nodeExecutions"][1]["outputData"], body["initialParams"]) == (hidden, {"n": 1, "password": "***"})
    assert again(flow, original, "before").status_code == 201
    assert again(flow, original, "trigger").json()["detail"] == (
        "Some parameters were hidden or shortened in the record. Choose “Edit parameters” instead."
    )


def test_a_merge_takes_what_arrives_so_all_of_it_has_to_be_whole(world: World) -> None:
    flow = make_flow(
        definition=definition(
            node("trigger", "trigger"),
            node("before", "http_request", method="POST", url=f"{world.url}/before"),
            node("both", "merge"),
            node("answer", "return", text="done"),
            lines="trigger>before before>both trigger>both both>answer",
        ),
        input_schema={"type": "object"},
    )
    versions.publish(flow)
    original = called(flow)
    entries = original.node_executions
    entries[1]["outputData"]["body"] = "***"
    Execution.objects.update(node_executions=entries)
    reason = "The output of 'Before' is not whole in the record: body was hidden or cut."
    assert again(flow, original, "both").json()["detail"] == reason
    assert again(flow, original, "answer").status_code == 201


def test_drafts_pending_executions_and_records_without_parameters_are_refused(flow: Flow, world: World) -> None:
    version = flow.published_version
    draft = make_execution(flow)
    pending = make_execution(flow, flow_version=version, status=Status.PENDING)
    hidden = make_execution(flow, flow_version=version, initial_params={"n": "***"})
    cut = make_execution(flow, flow_version=version, node_executions={"$truncated": True})
    details = [again(flow, execution, "trigger").json()["detail"] for execution in (draft, pending, hidden, cut)]
    assert details == [
        "It ran a draft, and drafts are not kept. Choose “Run again” instead.",
        "The execution is still pending. Wait for its end.",
        "Some parameters were hidden or shortened in the record. Choose “Edit parameters” instead.",
        "The record of its nodes was too large to be kept.",
    ]
    assert world.requests == []


def test_a_node_and_other_arguments_exclude_each_other(flow: Flow) -> None:
    execution = make_execution(flow)
    body = {"fromNode": "after", "arguments": {}}
    answer = rest(flow).post(f"/api/executions/{execution.pk}/replay/", body, format="json")
    assert (answer.status_code, answer.json()) == (400, {"fromNode": ["Give arguments or fromNode, not both."]})


def test_nobody_runs_a_foreign_execution_again_from_a_node(flow: Flow, world: World) -> None:
    execution = make_execution(flow, flow_version=flow.published_version)
    stranger = Client()
    stranger.force_login(make_user())
    for ask in (stranger.get, stranger.post):
        assert ask(f"/executions/{execution.pk}/replay/from/", {"node": "trigger"}).status_code == 404
    assert world.requests == []
