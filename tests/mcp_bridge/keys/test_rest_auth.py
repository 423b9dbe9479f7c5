"""API keys at the REST door."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from flows.models import Flow, Prompt, Server
from flows.values.scopes import EVERYTHING
from mcp_bridge.models import ApiKey
from tests.factories import make_execution, make_flow, make_key, make_server, make_user

pytestmark = pytest.mark.django_db

REFUSED = {"detail": "The API key is unknown, revoked or expired."}
NO_KEY = (
    "The API key is unknown, revoked or expired. REST takes keys, fh_...; the access token of a client that signed in "
    "opens /mcp/ alone."
)


def asked(key: str, client: Client, scheme: str = "Bearer") -> Any:
    return client.get("/api/flows/", headers={"authorization": f"{scheme} {key}"})


def test_a_key_shows_what_its_owner_may_see(client: Client) -> None:
    flow = make_flow()
    make_flow()
    key = make_key(flow.server.owner)
    for scheme in ("Bearer", "bearer"):
        answer = asked(key, client, scheme)
        assert (answer.status_code, [found["id"] for found in answer.json()["items"]]) == (200, [flow.pk])


def test_a_key_writes_without_a_csrf_token() -> None:
    flow = make_flow()
    key = make_key(flow.server.owner)
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
    said = REFUSED if key.startswith("fh_") else {"detail": NO_KEY}
    assert (answer.status_code, answer["WWW-Authenticate"], answer.json()) == (401, "Bearer", said)


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
    key = make_key(expires_at=timezone.now() + timedelta(hours=1))
    assert asked(key, client).status_code == 200


READS = ("executions:read", "flows:read")


def seen(key: str, client: Client, path: str) -> list[Any]:
    """What a list of the API shows to a key, by what tells its rows apart."""
    answer = client.get(path, headers={"authorization": f"Bearer {key}"})
    assert answer.status_code == 200, answer.content
    rows = answer.json()["items"]
    assert answer.json()["total"] == len(rows)
    return [row.get("slug") or row.get("toolName") or row.get("flowToolName") or row["name"] for row in rows]


@pytest.fixture
def shop() -> Any:
    """A person with two servers, each with two flows, an execution of each, and a prompt."""
    owner = make_user()
    for name in ("first", "second"):
        server = make_server(owner, slug=name)
        for tool in ("one", "two"):
            make_execution(make_flow(server, tool_name=f"{name}_{tool}"))
        Prompt.objects.create(server=server, name=f"{name}_prompt", description="It asks.", messages=[])
    return owner


@pytest.mark.parametrize("is_superuser", [False, True])
def test_a_key_for_a_server_sees_what_belongs_to_that_server(shop: Any, client: Client, is_superuser: bool) -> None:
    shop.is_superuser = is_superuser
    shop.save()
    key = make_key(shop, scopes=[*READS, "flows:publish"], servers=Server.objects.filter(slug="first"))
    lists = ("servers", "flows", "prompts", "executions")
    assert {name: sorted(seen(key, client, f"/api/{name}/")) for name in lists} == {
        "servers": ["first"],
        "flows": ["first_one", "first_two"],
        "prompts": ["first_prompt"],
        "executions": ["first_one", "first_two"],
    }
    assert seen(key, client, "/api/executions/?tool=second_one") == []
    assert seen(key, client, "/api/executions/?status=fulfilled&search=first_one") == ["first_one"]
    other = Flow.objects.get(tool_name="second_one")
    paths = [f"flows/{other.pk}/", f"flows/{other.pk}/executions/", f"flows/{other.pk}/insights/"]
    paths += [f"executions/{other.executions.get().pk}/", f"servers/{other.server_id}/"]
    paths += [f"servers/{other.server_id}/export/", f"prompts/{other.server.prompts.get().pk}/"]
    found = {path: client.get(f"/api/{path}", headers={"authorization": f"Bearer {key}"}) for path in paths}
    assert {path: (answer.status_code, set(answer.json())) for path, answer in found.items()} == dict.fromkeys(
        paths, (404, {"detail"})
    )
    made = client.post(
        "/api/prompts/",
        {"server": "second", "name": "x", "description": "x"},
        content_type="application/json",
        headers={"authorization": f"Bearer {key}"},
    )
    unknown = {"server": ["Object with slug=second does not exist."]}
    assert (made.status_code, {"server": made.json()["server"]}) == (400, unknown)


def test_a_key_for_a_tool_sees_the_executions_of_that_tool_alone(shop: Any, client: Client) -> None:
    key = make_key(shop, scopes=EVERYTHING, tools=["first_one"])
    assert seen(key, client, "/api/executions/") == ["first_one"]
    one, two = (Flow.objects.get(tool_name=name) for name in ("first_one", "first_two"))
    found = [
        client.get(f"/api/flows/{flow.pk}/executions/", headers={"authorization": f"Bearer {key}"}).status_code
        for flow in (one, two)
    ]
    assert found == [200, 404]
    refused = client.get("/api/flows/", headers={"authorization": f"Bearer {key}"})
    assert (refused.status_code, refused.json()["scope"]) == (403, "flows:read")


def test_an_execution_of_a_deleted_flow_is_not_shown_to_a_limited_key(shop: Any, client: Client) -> None:
    Flow.objects.get(tool_name="first_one").delete()
    limited = make_key(shop, scopes=READS, servers=Server.objects.filter(slug="first"))
    assert seen(limited, client, "/api/executions/") == ["first_two"]
    assert "first_one" in seen(make_key(shop), client, "/api/executions/")


def test_the_last_use_is_noted_once_a_minute(client: Client, django_assert_num_queries: Any) -> None:
    key = make_key()
    stored = ApiKey.objects.get()
    before = timezone.now()
    asked(key, client)
    stored.refresh_from_db()
    first = stored.last_used_at
    assert first is not None
    assert before <= first <= timezone.now()
    with django_assert_num_queries(5):  # the key, its owner, twice what is shared with them, the count of flows
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
