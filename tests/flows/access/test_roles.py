"""What the members of a server may do with it, through REST, pages and with their keys: by role, and default deny."""

from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from executions.models import Execution
from flows.access.acting import SAFE
from flows.models import Flow, Membership, Secret
from flows.publishing import versions
from mcp_bridge.keys.principals import outdated, verify
from tests.executions.pages.test_views import browser_of
from tests.factories import make_execution, make_flow, make_key, make_user
from tests.flows.api.test_views import rest

ROLES = ("viewer", "editor", "publisher", "owner", "stranger")


def person(flow: Flow, role: str) -> Any:
    """Somebody who is that to the flow's server."""
    if role == "owner":
        return flow.server.owner
    user = make_user()
    if role != "stranger":
        Membership.objects.create(server=flow.server, user=user, role=role)
    return user


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("method", "address", "body", "answers"),
    [
        ("get", "/api/flows/{flow}/", None, (200, 200, 200, 200, 404)),
        ("get", "/api/servers/{server}/", None, (200, 200, 200, 200, 404)),
        ("get", "/api/executions/{execution}/", None, (200, 200, 200, 200, 404)),
        ("get", "/api/flows/{flow}/executions/", None, (200, 200, 200, 200, 404)),
        ("patch", "/api/executions/{execution}/", {"note": "seen"}, (403, 200, 200, 200, 404)),
        ("patch", "/api/flows/{flow}/", {"name": "New"}, (403, 200, 200, 200, 404)),
        ("post", "/api/flows/", {"toolName": "new"}, (400, 201, 201, 201, 400)),
        ("post", "/api/flows/{flow}/publish/", {}, (403, 403, 201, 201, 404)),
        ("patch", "/api/flows/{flow}/", {"isActive": False}, (403, 403, 200, 200, 404)),
        ("patch", "/api/servers/{server}/", {"name": "New"}, (403, 403, 200, 200, 404)),
        ("delete", "/api/flows/{flow}/", None, (403, 403, 204, 204, 404)),
        ("get", "/api/servers/{server}/secrets/", None, (403, 403, 403, 200, 404)),
        ("put", "/api/servers/{server}/secrets/KEY/", {"value": "other"}, (403, 403, 403, 200, 404)),
    ],
)
def test_a_role_is_what_it_may_do_over_rest(method: str, address: str, body: Any, answers: tuple[int, ...]) -> None:
    seen = []
    for role in ROLES:
        flow = make_flow()
        versions.set_secret(flow.server, "KEY", "value")
        named = {"flow": flow.pk, "server": flow.server_id, "execution": make_execution(flow).pk}
        if address == "/api/flows/":
            body |= {"server": flow.server.slug, "name": "New", "toolDescription": "New."}
        answer = getattr(rest(person(flow, role)), method)(address.format(**named), body, format="json")
        seen.append(answer.status_code)
        if answer.status_code == 403:
            assert answer.json()["detail"].startswith(f"You are a {role} of this server, and this takes its ")
    assert tuple(seen) == answers


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("address", "form", "answers"),
    [
        ("/flows/{flow}/build/", {}, (403, 200, 200, 200, 404)),
        ("/flows/{flow}/toggle/", {}, (403, 403, 302, 302, 404)),
        ("/flows/{flow}/publish/", {}, (403, 403, 302, 302, 404)),
        ("/executions/{execution}/pin/", {}, (403, 302, 302, 302, 404)),
        ("/servers/{server}/secrets/", {"name": "NEW", "value": "x"}, (403, 403, 403, 302, 404)),
    ],
)
def test_a_role_is_what_it_may_do_on_pages(address: str, form: Any, answers: tuple[int, ...]) -> None:
    seen = []
    for role in ROLES:
        flow = make_flow()
        named = {"flow": flow.pk, "server": flow.server_id, "execution": make_execution(flow).pk}
        browser = browser_of(person(flow, role))
        assert browser.get("/flows/").content.decode().count(f"/flows/{flow.pk}/") == 0 or role != "stranger"
        seen.append(browser.post(address.format(**named), form).status_code)
    assert tuple(seen) == answers


@pytest.mark.django_db
def test_a_member_sees_the_executions_of_shared_servers_beside_the_own_ones() -> None:
    mine, theirs, foreign = make_flow(), make_flow(), make_flow()
    member = mine.server.owner
    Membership.objects.create(server=theirs.server, user=member, role="viewer")
    rows = [make_execution(flow) for flow in (mine, theirs, foreign)]
    found = rest(member).get("/api/executions/").json()
    assert {row["id"] for row in found["items"]} == {str(row.pk) for row in rows[:2]}
    assert found["total"] == 2
    assert set(Execution.objects.visible_to(theirs.server.owner)) == {rows[1]}


@pytest.mark.django_db
def test_a_members_key_opens_the_server_until_the_membership_ends() -> None:
    flow = make_flow()
    membership = Membership.objects.create(server=flow.server, user=make_user(), role="viewer")
    principal = verify(make_key(membership.user))
    assert principal is not None
    assert principal.may_use(flow.server_id, flow.server.owner_id)
    assert outdated([principal]) == set()
    membership.delete()
    assert outdated([principal]) == {principal.key_id}
    again = verify(make_key(membership.user))
    assert again is not None
    assert not again.may_use(flow.server_id, flow.server.owner_id)


@pytest.mark.django_db
def test_names_of_secrets_are_seen_by_members_and_values_by_nobody() -> None:
    flow = make_flow()
    versions.set_secret(flow.server, "KEY", "value")
    assert [secret.name for secret in Secret.objects.visible_to(person(flow, "editor"))] == ["KEY"]
    assert not Secret.objects.visible_to(person(flow, "stranger"))


def views_of(resolver: Any) -> list[Any]:
    found = []
    for each in resolver.url_patterns:
        found += views_of(each) if isinstance(each, URLResolver) else [each] if isinstance(each, URLPattern) else []
    return found


def test_every_page_that_takes_a_post_says_what_it_does() -> None:
    pages = [
        pattern.callback
        for pattern in views_of(get_resolver())
        if pattern.callback.__module__.startswith(("flows.", "executions.", "mcp_bridge.", "flowhub."))
        and not hasattr(pattern.callback, "cls")
        and ".admin" not in pattern.callback.__module__
    ]
    silent = [page.__qualname__ for page in pages if not hasattr(page, "acts") and takes_a_post(page)]
    assert (len(pages) > 50, silent) == (True, [])


def takes_a_post(page: Any) -> bool:
    """Whether a POST gets further than the decorator that names the methods."""
    if hasattr(page, "view_class"):
        return hasattr(page.view_class, "post")
    from django.test import RequestFactory

    try:
        return bool(page(RequestFactory().post("/")).status_code != 405)
    except Exception:  # it asked for more than a request: it was let in
        return True


@pytest.mark.django_db
def test_the_methods_that_change_nothing_are_let_through() -> None:
    assert Client().get("/healthz").status_code == 200
    assert {"GET", "HEAD", "OPTIONS", "TRACE"} == SAFE
