"""Dashboard, flows, servers, Connect and keys, through the browser's HTTP door."""

import json
import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from executions.record.status import Status
from flows.models import Flow, Server
from flows.publishing import versions
from tests.executions.pages.test_views import browser_of, words
from tests.factories import PASSWORD, make_execution, make_flow, make_server, make_user

pytestmark = pytest.mark.django_db

ECHO = {
    "nodes": [
        {"id": "t", "type": "trigger", "name": "Call", "slug": "trigger", "parameters": {}},
        {"id": "r", "type": "return", "name": "Answer", "slug": "answer", "parameters": {"text": "{{ trigger.text }}"}},
    ],
    "connections": [{"id": "c", "sourceNodeId": "t", "targetNodeId": "r"}],
}
SCHEMA = {
    "type": "object",
    "properties": {
        "text": {"type": "string", "description": "What is repeated."},
        "times": {"type": "integer"},
        "loud": {"type": "boolean"},
        "tone": {"enum": ["warm", 1]},
        "extra": {"type": "object"},
    },
    "required": ["text"],
}


def build_form(flow: Flow, **changed: Any) -> dict[str, Any]:
    """What the Build tab sends."""
    values = {
        "name": flow.name,
        "tool_name": flow.tool_name,
        "tool_description": flow.tool_description,
        "when_to_use": "",
        "when_not_to_use": "",
        "timeout_seconds": "300",
        "input_schema": json.dumps(flow.input_schema),
        "output_schema": "",
        "annotations": "",
        "definition": json.dumps(flow.definition),
    }
    return values | changed


def test_a_person_logs_in_and_lands_on_the_dashboard() -> None:
    make_user("ada")
    answer = Client().post("/login/", {"username": "ada", "password": PASSWORD})
    assert (answer.status_code, answer.headers["Location"]) == (302, "/")


def test_a_wrong_password_is_answered_in_the_form() -> None:
    make_user("ada")
    answer = Client().post("/login/", {"username": "ada", "password": "guess"})
    assert 'role="alert"' in answer.content.decode()


def test_the_admins_login_is_the_dashboards() -> None:
    answer = Client().get("/admin/login/?next=/admin/")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/login/?next=/admin/")


def test_the_dashboard_adds_up_the_last_24_hours() -> None:
    flow = make_flow(name="Look up", tool_name="look_up")
    now = timezone.now()
    for number in range(4):
        make_execution(flow, started_at=now, duration_ms=100.0 + number)
    make_execution(flow, started_at=now, status=Status.ERROR, error_kind="timeout", error_preview="too slow")
    make_execution(flow, started_at=now - timedelta(hours=30))
    text = words(browser_of(flow.server.owner).get("/").content.decode())
    assert re.search(r"Look up Not published look_up \S+ 5 5 calls: 4 fulfilled, 1 failed 80\.0% 103 ms", text)
    assert "timed out: too slow" in text


def test_a_new_persons_dashboard_says_what_to_do_first() -> None:
    text = words(browser_of(make_user()).get("/").content.decode())
    assert "Make a server first" in text


def test_a_flow_is_created_built_published_and_seen_in_its_versions() -> None:
    server = make_server()
    browser = browser_of(server.owner)
    values = {"server": server.pk, "name": "Echo", "tool_name": "echo", "tool_description": "Repeats a text."}
    created = browser.post("/flows/new/", values)
    flow = Flow.objects.get(tool_name="echo")
    assert created.headers["Location"] == f"/flows/{flow.pk}/build/"
    form = build_form(flow, definition=json.dumps(ECHO), input_schema=json.dumps(SCHEMA))
    assert browser.post(f"/flows/{flow.pk}/build/", form).status_code == 302
    assert "Unpublished changes" not in browser.get(f"/flows/{flow.pk}/build/").content.decode()
    browser.post(f"/flows/{flow.pk}/publish/")
    flow.refresh_from_db()
    assert (flow.definition, str(flow.published_version)) == (ECHO, "v1")
    assert "What clients call now" in browser.get(f"/flows/{flow.pk}/versions/1/").content.decode()


def test_a_changed_draft_is_marked_as_unpublished() -> None:
    flow = make_flow(definition=ECHO, input_schema=SCHEMA)
    versions.publish(flow)
    browser = browser_of(flow.server.owner)
    browser.post(f"/flows/{flow.pk}/build/", build_form(flow, when_to_use="Always."))
    assert "Unpublished changes" in browser.get(f"/flows/{flow.pk}/build/").content.decode()


def test_a_faulty_draft_is_not_stored_each_fault_has_its_path_and_nothing_typed_is_lost() -> None:
    flow = make_flow(definition=ECHO, name="Kept name")
    broken = json.dumps({"nodes": [ECHO["nodes"][1] | {"type": "retrun"}], "connections": []})
    form = build_form(flow, definition=broken, input_schema="{", name="Typed name")
    html = browser_of(flow.server.owner).post(f"/flows/{flow.pk}/build/", form).content.decode()
    text = words(html)
    assert "definition.nodes[0].type" in text
    assert "definition.nodes a flow needs one node of type" in text
    assert "Not JSON, line 1, column 2" in text
    assert "retrun" in html
    assert 'value="Typed name"' in html
    flow.refresh_from_db()
    assert (flow.definition, flow.name) == (ECHO, "Kept name")


def test_a_tool_name_of_another_flow_is_refused_in_the_form() -> None:
    flow = make_flow(definition=ECHO, input_schema=SCHEMA)
    other = make_flow(flow.server)
    form = build_form(flow, tool_name=other.tool_name)
    answer = browser_of(flow.server.owner).post(f"/flows/{flow.pk}/build/", form)
    assert "Another flow of this server has that tool name." in words(answer.content.decode())


def test_a_flow_is_duplicated_switched_and_deleted() -> None:
    flow = make_flow(definition=ECHO, tool_name="echo")
    browser = browser_of(flow.server.owner)
    browser.post(f"/flows/{flow.pk}/duplicate/")
    assert Flow.objects.filter(tool_name="echo_2", is_active=False).exists()
    assert browser.post(f"/flows/{flow.pk}/toggle/", {"next": f"/flows/{flow.pk}/build/"}).headers["Location"] == (
        f"/flows/{flow.pk}/build/"
    )
    assert not Flow.objects.get(pk=flow.pk).is_active
    assert "Delete Echo" in browser.get(f"/flows/{flow.pk}/delete/").content.decode()
    assert Flow.objects.filter(pk=flow.pk).exists()
    browser.post(f"/flows/{flow.pk}/delete/")
    assert not Flow.objects.filter(pk=flow.pk).exists()


def test_a_switch_never_leads_to_another_site() -> None:
    flow = make_flow()
    answer = browser_of(flow.server.owner).post(f"/flows/{flow.pk}/toggle/", {"next": "//evil.example/"})
    assert answer.headers["Location"] == "/"


@pytest.mark.parametrize("action", ["duplicate", "toggle"])
def test_what_changes_a_flow_wants_a_post(action: str) -> None:
    flow = make_flow()
    assert browser_of(flow.server.owner).get(f"/flows/{flow.pk}/{action}/").status_code == 405


@pytest.mark.parametrize("action", ["build", "publish", "duplicate", "toggle", "delete"])
def test_somebody_elses_flow_can_be_neither_seen_nor_changed(action: str) -> None:
    flow = make_flow()
    assert browser_of(make_user()).post(f"/flows/{flow.pk}/{action}/").status_code == 404


def test_a_server_is_made_for_its_maker_and_changed() -> None:
    user = make_user()
    browser = browser_of(user)
    values = {"name": "Support", "slug": "support", "description": "", "access": "key", "is_published": "on"}
    browser.post("/servers/new/", values)
    server = Server.objects.get(slug="support")
    assert server.owner == user
    browser.post(f"/servers/{server.pk}/", values | {"access": "public", "is_published": ""})
    server.refresh_from_db()
    assert (server.access, server.is_published) == ("public", False)
    assert "/mcp/support" in browser.get("/servers/").content.decode()
    assert browser_of(make_user()).get(f"/servers/{server.pk}/").status_code == 404


# --- Connect and keys -------------------------------------------------------------------------------------------------


def test_the_connect_tab_has_a_text_for_every_client() -> None:
    flow = make_flow(server=make_server(slug="demo"))
    text = words(browser_of(flow.server.owner).get(f"/flows/{flow.pk}/connect/").content.decode())
    for client in (
        "Claude Code",
        "Claude Desktop",
        "ChatGPT",
        "VS Code",
        "Cursor",
        "Python SDK",
        "TypeScript SDK",
        "curl",
    ):
        assert client in text
    assert (
        text.count("/mcp/demo") == 15
    )  # the address itself, and each text but that of a program of FlowHub, four of them twice


def test_a_missing_page_has_the_same_look() -> None:
    answer = browser_of(make_user()).get("/nowhere/")
    assert answer.status_code == 404
    assert 'class="top"' in answer.content.decode()


@pytest.mark.parametrize("page", ["/", "/flows/", "/executions/", "/servers/", "/keys/", "/flows/new/", "/admin/"])
def test_every_page_carries_the_policy_and_nothing_that_it_forbids(page: str) -> None:
    make_flow()
    answer = browser_of(make_user(is_superuser=True)).get(page)
    html = answer.content.decode()
    assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
    assert re.findall(r"<style|\sstyle=|\son\w+=", html) == []
    assert re.findall(r"<script(?![^>]*src=)", html) == []
