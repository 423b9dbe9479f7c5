"""API keys at the REST door."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from mcp_bridge.models import ApiKey
from tests.factories import make_flow, make_server, make_user

pytestmark = pytest.mark.django_db

REFUSED = {"detail": "The API key is unknown, revoked or expired."}


def asked(key: str, client: Client, scheme: str = "Bearer") -> Any:
    return client.get("/api/flows/", headers={"authorization": f"{scheme} {key}"})


def test_a_key_shows_what_its_owner_may_see(client: Client) -> None:
    flow = make_flow()
    make_flow()
    _, key = ApiKey.issue(flow.server.owner, "script")
    for scheme in ("Bearer", "bearer"):
        answer = asked(key, client, scheme)
        assert (answer.status_code, [found["id"] for found in answer.json()["items"]]) == (200, [flow.pk])


def test_a_key_writes_without_a_csrf_token() -> None:
    flow = make_flow()
    _, key = ApiKey.issue(flow.server.owner, "script")
    answer = Client(enforce_csrf_checks=True).patch(
        f"/api/flows/{flow.pk}/",
        {"name": "New"},
        content_type="application/json",
        headers={"authorization": f"Bearer {key}"},
    )
    assert (answer.status_code, answer.json()["name"]) == (200, "New")


@pytest.mark.parametrize("key", ["", "fh_unknown", "fh_a b", "not-a-key", "ünï"])
def test_a_token_that_is_no_key_is_refused(key: str, client: Client) -> None:
    answer = asked(key, client)
    assert (answer.status_code, answer["WWW-Authenticate"], answer.json()) == (401, "Bearer", REFUSED)


def test_a_refused_key_does_not_fall_back_to_the_session(client: Client) -> None:
    client.force_login(make_user())
    assert asked("fh_unknown", client).status_code == 401


def test_a_revoked_an_expired_and_a_key_of_a_former_colleague_are_refused(client: Client) -> None:
    revoked, revoked_key = ApiKey.issue(make_user(), "revoked")
    revoked.revoke()
    _, expired_key = ApiKey.issue(make_user(), "expired", expires_at=timezone.now())
    _, gone_key = ApiKey.issue(make_user(is_active=False), "gone")
    for key in (revoked_key, expired_key, gone_key):
        answer = asked(key, client)
        assert (answer.status_code, answer["WWW-Authenticate"], answer.json()) == (401, "Bearer", REFUSED)


def test_a_key_with_an_expiry_ahead_works(client: Client) -> None:
    _, key = ApiKey.issue(make_user(), "script", expires_at=timezone.now() + timedelta(hours=1))
    assert asked(key, client).status_code == 200


def test_a_key_that_is_restricted_to_servers_or_tools_does_not_open_this_door(client: Client) -> None:
    server = make_server()
    _, server_key = ApiKey.issue(server.owner, "one server", servers=[server])
    for_tool, tool_key = ApiKey.issue(server.owner, "one tool")
    for_tool.tools = ["find_order"]
    for_tool.save()
    refused = {"detail": "This key is restricted to servers or tools: it works over MCP only."}
    for key in (server_key, tool_key):
        answer = asked(key, client)
        assert (answer.status_code, answer.json()) == (403, refused)


def test_the_last_use_is_noted_once_a_minute(client: Client, django_assert_num_queries: Any) -> None:
    stored, key = ApiKey.issue(make_user(), "script")
    before = timezone.now()
    asked(key, client)
    stored.refresh_from_db()
    first = stored.last_used_at
    assert first is not None
    assert before <= first <= timezone.now()
    with django_assert_num_queries(3):  # the key, its owner, the count of flows
        asked(key, client)
    ApiKey.objects.update(last_used_at=first - timedelta(minutes=2))
    asked(key, client)
    stored.refresh_from_db()
    assert stored.last_used_at is not None
    assert stored.last_used_at >= first


def test_a_refused_key_leaves_no_mark(client: Client) -> None:
    stored, key = ApiKey.issue(make_user(), "script")
    stored.revoke()
    asked(key, client)
    stored.refresh_from_db()
    assert stored.last_used_at is None
