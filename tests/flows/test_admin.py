"""Servers, flows and versions in the admin."""

import json
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from flows.models import Flow, FlowVersion, Prompt, Resource, Server
from flows.offers.changes import save_offer
from flows.publishing import versions
from tests.factories import announcements, make_execution, make_flow, make_server, make_user

pytestmark = pytest.mark.django_db

FLOWS = reverse("admin:flows_flow_changelist")
SERVERS = reverse("admin:flows_server_changelist")


@pytest.fixture
def operator(client: Client) -> Client:
    client.force_login(make_user("operator", is_superuser=True))
    return client


def change(flow: Flow) -> str:
    return reverse("admin:flows_flow_change", args=[flow.pk])


def form(flow: Flow, **changed: Any) -> dict[str, Any]:
    """What a browser sends for the flow's form."""
    return {
        "name": flow.name,
        "tool_name": flow.tool_name,
        "tool_description": flow.tool_description,
        "input_schema": json.dumps(flow.input_schema),
        "output_schema": "",
        "annotations": "",
        "definition": json.dumps(flow.definition),
        "timeout_seconds": flow.timeout_seconds,
        "is_active": "on",
    } | changed


def told(page: Any) -> list[str]:
    """The messages on a page."""
    return [str(message) for message in page.context["messages"]]


def test_saving_a_draft_changes_nothing_for_clients(operator: Client, django_capture_on_commit_callbacks: Any) -> None:
    flow = make_flow()
    versions.publish(flow)
    with announcements() as heard, django_capture_on_commit_callbacks(execute=True):
        answer = operator.post(change(flow), form(flow, name="New"))
    flow.refresh_from_db()
    assert (answer.status_code, flow.name, flow.annotations, flow.output_schema) == (302, "New", {}, None)
    assert heard == []


@pytest.mark.parametrize("kind", ["flow", "server", "prompt", "resource"])
def test_who_saves_second_is_told_and_may_save_once_more(operator: Client, kind: str) -> None:
    row: Any = make_server() if kind == "server" else make_flow()
    if kind in ("prompt", "resource"):
        message = {"role": "user", "content": {"type": "text", "text": "Hello"}}
        row = {
            "prompt": Prompt(server=row.server, name="welcome", description="Greets.", messages=[message]),
            "resource": Resource(server=row.server, uri="file:///a", name="a", description="A text.", text="a"),
        }[kind]
        save_offer(row)
    address = reverse(f"admin:flows_{kind}_change", args=[row.pk])
    form = operator.get(address).context["adminform"].form
    opened = {name: form[name].value() for name in form.fields}
    sent = {name: value for name, value in opened.items() if value not in (None, False)}
    assert operator.post(address, sent | {"name": "first"}).status_code == 302
    late = operator.post(address, sent | {"name": "second"})
    assert late.context["adminform"].form.non_field_errors() == [
        "Not saved: somebody changed this after you had opened it. Look at what is stored in another tab; "
        "to store what stands here over it, save again."
    ]
    row.refresh_from_db()
    assert row.name == "first"
    now = late.context["adminform"].form["began_from"].value()
    assert operator.post(address, sent | {"name": "second", "began_from": now}).status_code == 302
    row.refresh_from_db()
    assert (row.name, row.revision) == ("second", 3)


def test_switching_a_flow_off_in_its_form_is_announced(
    operator: Client, django_capture_on_commit_callbacks: Any
) -> None:
    flow = make_flow()
    with announcements() as heard, django_capture_on_commit_callbacks(execute=True):
        operator.post(change(flow), form(flow, is_active=""))
    flow.refresh_from_db()
    assert (flow.is_active, heard) == (False, [flow.server.slug])


def test_every_fault_of_a_definition_is_an_error_of_the_form(operator: Client) -> None:
    flow = make_flow()
    faulty = {"nodes": [{"id": "x", "type": "teleport", "name": "Away", "slug": "secrets"}], "connections": []}
    page = operator.post(change(flow), form(flow, definition=json.dumps(faulty), input_schema='{"type": "array"}'))
    errors = page.context["adminform"].form.errors
    assert [error.split(":")[0] for error in errors["definition"]] == ["nodes[0].slug", "nodes[0].type", "nodes"]
    assert sorted(errors) == ["definition", "input_schema"]
    assert not operator.get(change(flow)).context["adminform"].form.errors


@pytest.mark.parametrize("field", ["definition", "input_schema", "output_schema", "annotations"])
def test_json_that_is_a_text_is_an_error_of_its_field(operator: Client, field: str) -> None:
    page = operator.post(change(flow := make_flow()), form(flow, **{field: '"a text"'}))
    assert (page.status_code, list(page.context["adminform"].form.errors)) == (200, [field])


def test_a_tool_name_that_is_taken_is_an_error_of_the_form(operator: Client) -> None:
    flow = make_flow()
    other = make_flow(flow.server)
    page = operator.post(change(other), form(other, tool_name=flow.tool_name))
    assert page.context["adminform"].form.errors == {
        "tool_name": ["Another flow of this server has that tool name."],
    }


def test_json_is_indented_for_the_person_who_edits_it(operator: Client) -> None:
    page = operator.get(change(make_flow(input_schema={"type": "object"}))).content.decode()
    assert "{\n  &quot;type&quot;: &quot;object&quot;\n}" in page


def test_the_actions_publish_and_switch(operator: Client, django_capture_on_commit_callbacks: Any) -> None:
    good = make_flow(name="Good")
    bad = make_flow(name="Bad", definition={"nodes": [], "connections": []})
    selected = {"_selected_action": [good.pk, bad.pk]}
    with announcements() as heard, django_capture_on_commit_callbacks(execute=True):
        published = operator.post(FLOWS, selected | {"action": "publish"}, follow=True)
    assert told(published) == [
        "Bad was not published. definition.nodes: a flow needs one node of type 'trigger', where calls come in",
        "Good is published as v1.",
    ]
    assert heard == [good.server.slug]
    for action, active in (("deactivate", False), ("activate", True)):
        with announcements() as heard, django_capture_on_commit_callbacks(execute=True):
            switched = operator.post(FLOWS, selected | {"action": action}, follow=True)
        assert told(switched) == [f"Flows {action}d: 2."]
        assert set(Flow.objects.values_list("is_active", flat=True)) == {active}
        assert sorted(heard) == sorted([good.server.slug, bad.server.slug])


def test_deleting_flows_is_announced_and_their_executions_stay(
    operator: Client, django_capture_on_commit_callbacks: Any
) -> None:
    one, two = make_flow(), make_flow()
    execution = make_execution(one)
    with announcements() as heard, django_capture_on_commit_callbacks(execute=True):
        operator.post(reverse("admin:flows_flow_delete", args=[one.pk]), {"post": "yes"})
        operator.post(FLOWS, {"action": "delete_selected", "_selected_action": [two.pk], "post": "yes"})
    execution.refresh_from_db()
    assert (Flow.objects.count(), execution.flow) == (0, None)
    assert heard == [one.server.slug, two.server.slug]


def test_saving_and_deleting_a_server_is_announced(operator: Client, django_capture_on_commit_callbacks: Any) -> None:
    server = make_server(slug="here")
    make_flow(server)
    change = reverse("admin:flows_server_change", args=[server.pk])
    changed = {"name": "There", "slug": "there", "description": "", "access": "public", "owner": ""}
    with announcements() as heard, django_capture_on_commit_callbacks(execute=True):
        operator.post(change, changed)
    server.refresh_from_db()
    assert (server.name, server.slug, server.access, heard) == ("There", "here", "public", ["here"])
    with announcements() as heard, django_capture_on_commit_callbacks(execute=True):
        operator.post(SERVERS, {"action": "delete_selected", "_selected_action": [server.pk], "post": "yes"})
    assert (Server.objects.exists(), Flow.objects.exists(), set(heard)) == (False, False, {"here"})


def test_a_list_of_any_length_takes_the_same_queries(operator: Client, django_assert_max_num_queries: Any) -> None:
    for _ in range(6):
        versions.publish(make_flow())
    for name in ("flow", "server", "flowversion"):
        with django_assert_max_num_queries(8):
            assert operator.get(reverse(f"admin:flows_{name}_changelist")).status_code == 200


def test_a_version_can_be_read_and_never_changed(operator: Client) -> None:
    version = versions.publish(make_flow())
    address = reverse("admin:flows_flowversion_change", args=[version.pk])
    assert operator.get(address).status_code == 200
    assert operator.post(address, {"number": 9}).status_code == 403
    assert (
        operator.post(reverse("admin:flows_flowversion_delete", args=[version.pk]), {"post": "yes"}).status_code == 403
    )
    assert operator.get(reverse("admin:flows_flowversion_add")).status_code == 403
    assert FlowVersion.objects.get() == version


def test_staff_without_permissions_see_nothing(client: Client) -> None:
    client.force_login(make_user(is_staff=True))
    for address in (FLOWS, SERVERS, reverse("admin:executions_execution_changelist")):
        assert client.get(address).status_code == 403
