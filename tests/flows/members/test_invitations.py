"""Invitations by link: made once, used once, for a week; before a login the session remembers them."""

import logging
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from flows.members.invitations import invite
from flows.models import AuditEntry, Invitation, Membership
from tests.executions.pages.test_views import browser_of
from tests.factories import PASSWORD, make_server, make_user
from tests.flows.api.test_views import rest

pytestmark = pytest.mark.django_db
GONE = "It is unknown, was used already, has been revoked, or is older than a week."


def path_of(link: str) -> str:
    return "/" + link.split("/", 3)[3]


def test_who_is_signed_in_joins_by_a_link_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    server, ada, bob = make_server(), make_user("ada"), make_user("bob")
    made = rest(server.owner).post(f"/api/servers/{server.pk}/invitations/", {"role": "editor"}, format="json")
    assert (made.status_code, sorted(made.json())) == (201, ["createdAt", "email", "expiresAt", "id", "link", "role"])
    link = path_of(made.json()["link"])
    assert link.split("/")[2] not in str(Invitation.objects.values())
    opened = browser_of(ada).get(link)
    assert (opened.status_code, opened["Location"], opened["Referrer-Policy"]) == (302, "/invitation/", "no-referrer")
    browser = browser_of(ada)
    assert f"Join {server.name} as editor" in browser.get(link, follow=True).content.decode()
    assert not Membership.objects.exists()
    joined = browser.post("/invitation/", follow=True)
    assert joined.redirect_chain == [(f"/servers/{server.pk}/members/", 302)]
    assert [(each.user, each.role) for each in Membership.objects.all()] == [(ada, "editor")]
    again = browser_of(bob).get(link, follow=True)
    assert (again.status_code, GONE in again.content.decode()) == (404, True)
    assert link.split("/")[2] not in caplog.text
    told = AuditEntry.objects.order_by("id").values_list("action", "user_name", "what")
    assert list(told) == [("invited", server.owner.username, "as editor"), ("joined", "ada", "as editor")]


def test_who_is_not_signed_in_joins_by_the_login() -> None:
    server, ada = make_server(), make_user("ada")
    browser = Client()
    opened = browser.get(path_of(invite(server, "viewer")[1]))
    assert (opened.status_code, opened["Location"]) == (302, "/login/")
    browser.login(username="ada", password=PASSWORD)
    assert Membership.objects.get().user == ada
    assert "invitation" not in browser.session
    assert browser.get("/invitation/").status_code == 404


@pytest.mark.parametrize("how", ["unknown", "expired", "revoked"])
def test_a_link_that_is_not_good_any_more_says_so(how: str) -> None:
    server = make_server()
    made, link = invite(server, "viewer")
    if how == "expired":
        Invitation.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    if how == "revoked":
        assert rest(server.owner).delete(f"/api/servers/{server.pk}/invitations/{made.pk}/").status_code == 204
    address = "/invitations/guess/" if how == "unknown" else path_of(link)
    for browser in (Client(), browser_of(make_user())):
        answer = browser.get(address, follow=True)
        assert (answer.status_code, GONE in answer.content.decode()) == (404, True)


def test_an_invitation_takes_no_role_away_and_is_left_for_somebody_else() -> None:
    server, ada = make_server(), make_user()
    Membership.objects.create(server=server, user=ada, role="publisher")
    _, link = invite(server, "viewer")
    for person in (ada, server.owner):
        browser = browser_of(person)
        browser.get(path_of(link))
        browser.post("/invitation/")
    assert Membership.objects.get().role == "publisher"
    assert Invitation.objects.usable().count() == 1


def test_invitations_are_made_listed_and_revoked_by_the_owner_alone() -> None:
    server, publisher = make_server(), make_user()
    Membership.objects.create(server=server, user=publisher, role="publisher")
    address, tab = f"/api/servers/{server.pk}/invitations/", f"/servers/{server.pk}/members/"
    assert rest(publisher).get(address).status_code == 403
    assert browser_of(publisher).post(tab, {"role": "viewer"}).status_code == 403
    browser = browser_of(server.owner)
    shown = browser.post(tab, {"role": "viewer", "email": "grace@example.com"})
    link = shown.context["link"]
    assert (link in shown.content.decode(), link in browser.get(tab).content.decode()) == (True, False)
    listed = rest(server.owner).get(address).json()["items"]
    assert [(each["role"], each["email"]) for each in listed] == [("viewer", "grace@example.com")]
    browser.post(f"/servers/{server.pk}/invitations/{listed[0]['id']}/revoke/")
    assert rest(server.owner).get(address).json()["total"] == 0


def test_a_server_has_a_bounded_number_of_open_invitations(monkeypatch: Any) -> None:
    monkeypatch.setattr("flows.members.invitations.MAX_INVITATIONS", 1)
    server = make_server()
    invite(server, "viewer")
    answer = rest(server.owner).post(f"/api/servers/{server.pk}/invitations/", {"role": "viewer"}, format="json")
    assert (answer.status_code, answer.json()["detail"]) == (
        409,
        "This server has 1 open invitations: revoke some first.",
    )
