"""API keys in the admin."""

import re
from datetime import date
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from mcp_bridge.models import ApiKey, hash_key
from tests.factories import make_server, make_user

pytestmark = pytest.mark.django_db

LIST = reverse("admin:mcp_bridge_apikey_changelist")


@pytest.fixture
def operator(client: Client) -> Client:
    client.force_login(make_user("operator", is_superuser=True))
    return client


def form(owner: Any, **changed: Any) -> dict[str, Any]:
    values = {"owner": owner.pk, "name": "kitchen", "tools": '["bake"]', "scopes": ["mcp:call"]}
    return values | {"expires_at_0": "", "expires_at_1": ""} | changed


def test_a_new_key_is_shown_once_and_stored_as_a_hash(operator: Client) -> None:
    server = make_server()
    page = operator.post(
        reverse("admin:mcp_bridge_apikey_add"), form(server.owner, servers=[server.pk]), follow=True
    ).content.decode()
    shown = re.search(r"not shown again: (fh_[\w-]+)", page)
    assert shown is not None
    stored = ApiKey.objects.get()
    assert (stored.key_hash, stored.prefix) == (hash_key(shown[1]), shown[1][:11])
    assert (stored.owner, stored.name, stored.tools, [*stored.servers.all()], stored.all_servers, stored.scopes) == (
        server.owner,
        "kitchen",
        ["bake"],
        [server],
        False,
        ["mcp:call"],
    )
    assert shown[1] not in operator.get(LIST).content.decode()


def test_the_form_proposes_that_a_new_key_ends_after_90_days(operator: Client) -> None:
    page = operator.get(reverse("admin:mcp_bridge_apikey_add")).content.decode()
    proposed = re.search(r'name="expires_at_0" value="([0-9-]+)"', page)
    assert proposed is not None
    assert (date.fromisoformat(proposed[1]) - timezone.now().date()).days in {89, 90}


def test_a_key_opens_all_servers_or_those_it_names(operator: Client) -> None:
    server = make_server()
    values = form(server.owner, servers=[server.pk], all_servers="on")
    page = operator.post(reverse("admin:mcp_bridge_apikey_add"), values).content.decode()
    assert "The key opens all servers: take the tick off, or choose none here." in page


def test_a_key_for_single_tools_has_no_scope_over_whole_servers(operator: Client) -> None:
    values = form(make_user(), all_servers="on", scopes=["mcp:call", "flows:write"])
    page = operator.post(reverse("admin:mcp_bridge_apikey_add"), values).content.decode()
    assert "A key for single tools cannot have flows:write" in page
    operator.post(reverse("admin:mcp_bridge_apikey_add"), values | {"tools": ""})
    assert ApiKey.objects.get().scopes == ["mcp:call", "flows:write"]


@pytest.mark.parametrize("tools", ['{"a": 1}', "[1]", '"bake"'])
def test_tools_are_a_list_of_names(tools: str, operator: Client) -> None:
    page = operator.post(reverse("admin:mcp_bridge_apikey_add"), form(make_user(), tools=tools)).content.decode()
    assert "Write a JSON list of tool names" in page
    assert not ApiKey.objects.exists()


def test_changing_a_key_makes_no_new_one_and_keeps_its_owner(operator: Client) -> None:
    stored, _ = ApiKey.issue(make_user(), "old")
    address = reverse("admin:mcp_bridge_apikey_change", args=[stored.pk])
    answer = operator.post(address, form(make_user(), name="new", tools=""))
    kept = ApiKey.objects.get()
    assert (answer.status_code, kept.name, kept.tools) == (302, "new", [])
    assert (kept.owner, kept.key_hash) == (stored.owner, stored.key_hash)


def test_the_action_revokes_and_a_second_time_changes_nothing(operator: Client) -> None:
    stored, _ = ApiKey.issue(make_user(), "old")
    ended = []
    for _ in range(2):
        operator.post(LIST, {"action": "revoke", "_selected_action": [stored.pk]})
        stored.refresh_from_db()
        ended.append(stored.revoked_at)
    assert ended[0] is not None
    assert ended[0] == ended[1]
