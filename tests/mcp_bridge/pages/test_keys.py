"""API keys on their pages and over REST: made, changed, rotated, revoked, and what each answer shows of them."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from executions.admission.refusals import minute_of
from executions.models import RefusedCalls
from flows.values.scopes import EVERYTHING
from mcp_bridge.keys.principals import verify
from mcp_bridge.models import ApiKey, hash_key
from tests.definitions import node
from tests.factories import make_key, make_server, make_user, publish

pytestmark = pytest.mark.django_db

JSON: dict[str, Any] = {"content_type": "application/json"}


@pytest.fixture
def owner() -> Any:
    """A person with two servers; the first has two tools, and those for looking at executions."""
    owner = make_user()
    first = make_server(owner, slug="first", name="First", agent_tools=True)
    for tool in ("bake", "fry"):
        publish(first, tool, node("answer", "return", text="Done"))
    make_server(owner, slug="second", name="Second")
    return owner


@pytest.fixture
def person(owner: Any) -> Client:
    client = Client()
    client.force_login(owner)
    return client


def chosen(person: Client, **changed: Any) -> dict[str, Any]:
    """What the form of a new key sends when one server and one tool are ticked."""
    first = make_form(person)["First (first)"]
    return {"name": "laptop", "lifetime": "30", "servers": [first], "tools": ["bake"], "scopes": ["mcp:call"]} | changed


def make_form(person: Client, path: str = "/keys/") -> dict[str, str]:
    """The check boxes of a page by their words, with what they send."""
    page = person.get(path).content.decode()
    found = re.findall(r'<label><input type="checkbox" name="\w+" value="([^"]+)"[^>]*> ([^<]+)</label>', page)
    return {words: value for value, words in found}


def shown_text(answer: Any) -> str:
    found = re.search(r'id="new-text">([^<]+)<', answer.content.decode())
    assert found is not None, answer.content.decode()
    assert "no-store" in answer.headers["Cache-Control"]
    return found[1]


def test_a_key_is_shown_once_and_opens_what_was_ticked(person: Client, owner: Any) -> None:
    text = shown_text(person.post("/keys/", chosen(person)))
    key = ApiKey.objects.get()
    assert (key.owner, key.key_hash, key.name) == (owner, hash_key(text), "laptop")
    assert ([server.slug for server in key.servers.all()], key.all_servers) == (["first"], False)
    assert (key.tools, key.scopes) == (["bake"], ["mcp:call"])
    assert key.expires_at is not None
    assert abs(key.expires_at - timezone.now() - timedelta(days=30)) < timedelta(minutes=1)
    assert text not in person.get("/keys/").content.decode()


def test_the_boxes_are_the_servers_and_the_tools_that_clients_meet(person: Client) -> None:
    make_server(slug="foreign")
    boxes = list(make_form(person))
    assert boxes[:9] == [
        "Every server that you may see, also later ones",
        "First (first)",
        "Second (second)",
        "Every tool, also later ones",
        "bake (first)",
        "fry (first)",
        "flowhub_list_executions (first)",
        "flowhub_get_execution (first)",
        "Call tools, and use prompts and resources (mcp:call)",
    ]
    page = person.get("/keys/?server=second").content.decode()
    assert re.search(r"checked> Second", page)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"servers": []}, "Tick what the key opens."),
        ({"servers": ["*", "1"]}, ""),
        ({"tools": ["*", "bake"]}, "Take the tick off every tool, or off the single ones."),
        ({"scopes": []}, "Tick what the key may do."),
        (
            {"scopes": ["flows:read", "secrets:write"]},
            "A key for single tools cannot have flows:read, secrets:write: take that off, or let it call every tool.",
        ),
    ],
)
def test_a_choice_that_says_two_things_is_no_key(person: Client, changed: Any, said: str) -> None:
    page = person.post("/keys/", chosen(person, **changed)).content.decode()
    assert said in page
    assert not ApiKey.objects.exists()


def test_a_key_is_changed_and_keeps_what_is_left_as_it_is(person: Client, owner: Any) -> None:
    text = make_key(owner, scopes=["mcp:call"], tools=["bake", "gone"], servers=owner.servers.filter(slug="first"))
    key = ApiKey.objects.get()
    path = f"/keys/{key.pk}/"
    assert "gone (not published now)" in make_form(person, path)
    both = list(map(str, owner.servers.values_list("pk", flat=True)))
    values = {"name": "other", "lifetime": "as-it-is", "servers": both, "tools": ["*"]}
    answer = person.post(path, values | {"scopes": ["mcp:call", "flows:write"]})
    assert (answer.status_code, answer.headers["Location"]) == (302, "/keys/")
    principal = verify(text)
    assert principal is not None
    assert (principal.name, principal.limits.tools) == ("key other", None)
    assert principal.limits.server_ids == set(map(int, both))
    assert principal.scopes == {"mcp:call", "flows:write", "flows:read"}


def test_a_key_of_before_is_marked_and_one_click_narrows_it(person: Client, owner: Any) -> None:
    text = make_key(owner, name="of before")
    page = person.get("/keys/").content.decode()
    assert "May do everything its owner may" in page
    key = ApiKey.objects.get()
    person.post(f"/keys/{key.pk}/narrow/")
    principal = verify(text)
    assert principal is not None
    assert principal.scopes == {"mcp:call"}
    assert "May do everything" not in person.get("/keys/").content.decode()


def test_a_rotated_key_works_with_both_texts_until_the_overlap_ends(person: Client, owner: Any) -> None:
    before = make_key(owner)
    key = ApiKey.objects.get()
    text = shown_text(person.post(f"/keys/{key.pk}/rotate/", {"overlap": "3600"}))
    assert [verify(each) is not None for each in (before, text)] == [True, True]
    assert {verify(each).id for each in (before, text)} == {f"key:{key.pk}"}  # type: ignore[union-attr]
    ApiKey.objects.update(former_until=timezone.now())
    assert [verify(each) is not None for each in (before, text)] == [False, True]
    again = shown_text(person.post(f"/keys/{key.pk}/rotate/", {"overlap": "0"}))
    assert [verify(each) is not None for each in (before, text, again)] == [False, False, True]
    refused = person.post(f"/keys/{key.pk}/rotate/", {"overlap": "99999999"})
    assert "Select a valid choice" in refused.content.decode()


def test_a_revoked_key_lets_nobody_in_with_either_text(person: Client, owner: Any) -> None:
    before = make_key(owner)
    key = ApiKey.objects.get()
    text = key.rotate(timedelta(hours=1))
    asked = person.get(f"/keys/{key.pk}/revoke/").content.decode()
    assert f"Revoke {key.name}?" in asked
    assert verify(text) is not None
    person.post(f"/keys/{key.pk}/revoke/")
    assert [verify(each) for each in (before, text)] == [None, None]
    assert [person.get(f"/keys/{key.pk}/{page}").status_code for page in ("", "revoke/")] == [404, 404]


def test_somebody_else_s_key_is_not_there(person: Client) -> None:
    make_key()
    key = ApiKey.objects.get()
    for page in ("", "rotate/", "narrow/", "revoke/"):
        assert person.post(f"/keys/{key.pk}/{page}", {"overlap": "0"}).status_code == 404
    for method, page in (("get", ""), ("patch", ""), ("delete", ""), ("post", "rotate/")):
        assert getattr(person, method)(f"/api/keys/{key.pk}/{page}", {}, **JSON).status_code == 404
    assert ApiKey.objects.get().revoked_at is None


def test_the_connect_tab_makes_a_key_for_its_server_and_puts_it_into_the_texts(person: Client, owner: Any) -> None:
    flow = owner.servers.get(slug="first").flows.get(tool_name="bake")
    answer = person.post(f"/flows/{flow.pk}/connect/", {"name": "Claude"})
    text = shown_text(answer)
    page = answer.content.decode()
    assert page.count(text) > 8
    assert "YOUR_KEY" not in page
    key = ApiKey.objects.get()
    assert (key.name, [server.slug for server in key.servers.all()]) == ("Claude", ["first"])
    assert (key.tools, key.scopes, key.all_servers) == ([], ["mcp:call"], False)
    assert "This field is required" in person.post(f"/flows/{flow.pk}/connect/", {"name": ""}).content.decode()


def test_keys_over_rest_are_made_changed_rotated_and_revoked(person: Client, owner: Any) -> None:
    made = person.post("/api/keys/", {"name": "script", "servers": ["first"]}, **JSON)
    text = made.json()["key"]
    key = ApiKey.objects.get()
    row = {
        "id": key.pk,
        "owner": owner.username,
        "name": "script",
        "prefix": text[:11],
        "scopes": ["mcp:call"],
        "servers": ["first"],
        "tools": [],
        "callsPerMinute": None,
        "callsAtOnce": None,
        "expiresAt": None,
        "lastUsedAt": None,
        "revokedAt": None,
        "createdAt": made.json()["createdAt"],
        "overlapUntil": None,
        "refusedLastDay": 0,
    }
    assert (made.status_code, made.json()) == (201, row | {"key": text})
    assert made.headers["Cache-Control"] == "no-store"
    assert person.get("/api/keys/").json()["items"] == [row]
    path = f"/api/keys/{key.pk}/"
    changes = {"scopes": ["flows:read", "mcp:call"], "servers": None, "callsPerMinute": 30, "callsAtOnce": 4}
    changed = row | changes | {"scopes": ["mcp:call", "flows:read"]}
    assert person.patch(path, changes, **JSON).json() == changed
    said = {"callsPerMinute": ["Ensure this value is greater than or equal to 1."]}
    assert person.patch(path, {"callsPerMinute": 0}, **JSON).json() == said
    refused = person.patch(path, {"tools": ["bake"]}, **JSON)
    said = "A key for single tools cannot have flows:read: take that off, or let it call every tool."
    assert (refused.status_code, refused.json()) == (400, {"scopes": [said]})
    rotated = person.post(f"{path}rotate/", {"overlapSeconds": 60}, **JSON).json()
    assert rotated["overlapUntil"] is not None
    assert [verify(each) is not None for each in (text, rotated["key"])] == [True, True]
    assert person.delete(path).status_code == 204
    assert person.get(path).json()["revokedAt"] is not None
    gone = {"detail": "The key is revoked, and cannot be brought back; make another one."}
    for answer in (person.patch(path, {"name": "x"}, **JSON), person.post(f"{path}rotate/", {}, **JSON)):
        assert (answer.status_code, answer.json()) == (409, gone)


def test_a_list_of_keys_counts_what_their_limits_refused_in_one_query(person: Client, owner: Any) -> None:
    for number in range(4):
        make_key(owner, name=str(number))
    keys = list(ApiKey.objects.order_by("pk"))
    now = minute_of(timezone.now())
    RefusedCalls.objects.create(minute=now, principal_id=keys[1].principal_id, flow_key=0, server_key=0, number=3)
    with CaptureQueriesContext(connection) as asked:
        items = person.get("/api/keys/").json()["items"]
    assert {item["name"]: item["refusedLastDay"] for item in items} == {"0": 0, "1": 3, "2": 0, "3": 0}
    assert len([query for query in asked if RefusedCalls._meta.db_table in query["sql"]]) == 1
    assert person.get(f"/api/keys/{keys[1].pk}/").json()["refusedLastDay"] == 3


def test_a_key_neither_sees_nor_makes_keys(owner: Any, client: Client) -> None:
    headers = {"authorization": f"Bearer {make_key(owner, scopes=EVERYTHING)}"}
    refused = {"detail": "No API key opens this address: log in, and use it as a person."}
    listed = client.get("/api/keys/", headers=headers)
    made = client.post("/api/keys/", {"name": "x", "servers": None}, headers=headers, **JSON)
    assert [(answer.status_code, answer.json()) for answer in (listed, made)] == [(403, refused)] * 2


def test_a_server_that_is_not_yours_is_no_server_of_your_key(person: Client) -> None:
    make_server(slug="foreign")
    answer = person.post("/api/keys/", {"name": "x", "servers": ["foreign"]}, **JSON)
    assert (answer.status_code, answer.json()) == (
        400,
        {"servers": {"0": ["Object with slug=foreign does not exist."]}},
    )
