"""Members of a server over REST and on its page: roles, leaving, transfer; nobody sees by a former ownership."""

from datetime import timedelta
from typing import Any

import pytest
from django.db.models import ProtectedError
from django.utils import timezone

from executions.ledger import owners
from executions.models import Execution, ExecutionCount, Handover
from flows.models import AuditEntry, Flow, Membership
from mcp_bridge.keys.principals import outdated, verify
from tests.executions.pages.test_views import browser_of
from tests.factories import make_execution, make_flow, make_key, make_user
from tests.flows.api.test_views import rest

pytestmark = pytest.mark.django_db


def again(person: Any) -> Any:
    """The person as a later request has them: in one request the roles are asked for once."""
    return type(person).objects.get(pk=person.pk)


def member_of(flow: Flow, role: str = "viewer", name: str = "") -> Any:
    """Somebody of that role."""
    return Membership.objects.create(server=flow.server, user=make_user(name), role=role).user


def people(flow: Flow, asking: Any) -> list[tuple[str, str]]:
    found = rest(again(asking)).get(f"/api/servers/{flow.server_id}/members/").json()["items"]
    return [(each["username"], each["role"]) for each in found]


def test_every_member_sees_who_belongs_to_the_server_and_the_owner_alone_changes_it() -> None:
    flow = make_flow()
    owner, ada, bob = flow.server.owner, member_of(flow, "publisher", "ada"), member_of(flow, "viewer", "bob")
    address = f"/api/servers/{flow.server_id}/members/"
    assert people(flow, bob) == [(owner.username, "owner"), ("ada", "publisher"), ("bob", "viewer")]
    refused = rest(ada).patch(f"{address}{bob.pk}/", {"role": "editor"}, format="json")
    assert (refused.status_code, refused.json()["detail"]) == (
        403,
        "You are a publisher of this server, and this takes its owner: ask its owner for that role.",
    )
    assert rest(ada).delete(f"{address}{bob.pk}/").status_code == 403
    changed = rest(owner).patch(f"{address}{bob.pk}/", {"role": "editor"}, format="json")
    assert (changed.status_code, changed.json()["role"]) == (200, "editor")
    assert rest(owner).patch(f"{address}{bob.pk}/", {"role": "king"}, format="json").status_code == 400
    assert rest(owner).delete(f"{address}{ada.pk}/").status_code == 204
    assert people(flow, owner) == [(owner.username, "owner"), ("bob", "editor")]
    assert rest(make_user()).get(address).status_code == 404
    assert rest(owner).delete(f"{address}{ada.pk}/").status_code == 404


def test_anybody_may_leave_but_for_the_owner_and_a_key_needs_its_scope_for_it() -> None:
    flow = make_flow()
    owner, ada = flow.server.owner, member_of(flow)
    address = f"/api/servers/{flow.server_id}/members/"
    with_key = rest(None)
    with_key.credentials(HTTP_AUTHORIZATION=f"Bearer {make_key(ada, scopes=['flows:read'])}")
    assert with_key.delete(f"{address}{ada.pk}/").status_code == 403
    principal = verify(make_key(ada))
    assert principal is not None
    assert rest(ada).delete(f"{address}{ada.pk}/").status_code == 204
    assert outdated([principal]) == {principal.id}
    assert rest(again(ada)).get(f"/api/flows/{flow.pk}/").status_code == 404
    refused = rest(owner).delete(f"{address}{owner.pk}/")
    assert (refused.status_code, refused.json()) == (
        409,
        {"detail": "This is the owner. Transfer the server to another member first."},
    )


@pytest.mark.django_db(transaction=True)
def test_a_transferred_server_takes_its_executions_along_and_who_had_it_sees_nothing_by_that(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(owners, "MAX_BATCH", 2)
    flow, other = make_flow(), make_flow()
    old = flow.server.owner
    other.server.owner = old
    other.server.save()
    heir = member_of(flow)
    moved = [make_execution(flow) for _ in range(4)] + [make_execution(flow, status="error")]
    gone = make_execution(make_flow(flow.server), started_at=timezone.now())
    gone.flow.delete()
    running, stays = make_execution(flow, status="pending"), make_execution(other, owner=old)
    answer = rest(old).patch(f"/api/servers/{flow.server_id}/members/{heir.pk}/", {"role": "owner"}, format="json")
    assert (answer.status_code, answer.json()["role"]) == (200, "owner")
    assert people(flow, old) == [(heir.username, "owner"), (old.username, "publisher")]
    assert set(Execution.objects.filter(owner=heir)) == {*moved, gone}
    assert set(Execution.objects.filter(owner=old)) == {running, stays}
    counted = ExecutionCount.objects.filter(hour=-1, number__gt=0).values_list("owner_key", "status", "number")
    assert set(counted) == {
        (heir.pk, "fulfilled", 4),
        (heir.pk, "fulfilled", 1),
        (heir.pk, "error", 1),
        (old.pk, "pending", 1),
        (old.pk, "fulfilled", 1),
    }
    assert rest(again(heir)).get("/api/executions/").json()["total"] == 6
    assert rest(again(heir)).get(f"/api/executions/{moved[0].pk}/").status_code == 200
    assert rest(again(heir)).delete(f"/api/servers/{flow.server_id}/members/{old.pk}/").status_code == 204
    assert [rest(again(old)).get(f"/api/executions/{each.pk}/").status_code for each in (moved[0], gone, stays)] == [
        404,
        404,
        200,
    ]
    # What was under way follows once it has ended, and then there is nothing left to do.
    Execution.objects.filter(pk=running.pk).update(status="fulfilled")
    ExecutionCount.objects.filter(owner_key=old.pk, status="pending").update(status="fulfilled", is_trial=True)
    Handover.objects.update(at=timezone.now() - timedelta(minutes=2))
    assert (owners.settle(), owners.settle(), owners.settle()) == (0, 1, 0)
    assert set(Execution.objects.filter(owner=old)) == {stays}
    assert not Handover.objects.exists()
    said = AuditEntry.objects.visible_to(again(heir)).filter(action="transferred")
    what = f"from {old.username} to {heir.username}"
    assert list(said.values_list("user_name", "door", "what")) == [(old.username, "rest", what)]
    assert not AuditEntry.objects.visible_to(again(old)).filter(server=flow.server).exists()


def test_who_owns_a_server_is_not_deleted_and_who_is_leaves_the_records_to_the_others() -> None:
    flow = make_flow()
    owner, ada = flow.server.owner, member_of(flow)
    execution, key = make_execution(flow), make_key(owner)
    with pytest.raises(ProtectedError):
        owner.delete()
    admin = browser_of(make_user(is_superuser=True))
    asked = admin.get(f"/admin/auth/user/{owner.pk}/delete/").content.decode()
    assert "would require deleting the following protected related objects" in asked
    form = admin.get(f"/admin/flows/server/{flow.server_id}/change/").context["adminform"].form.initial
    sent = {name: value for name, value in form.items() if value is not None} | {"owner": ada.pk}
    answer = admin.post(f"/admin/flows/server/{flow.server_id}/change/", sent)
    assert answer.status_code == 302, answer.context["adminform"].form.errors
    owners.settle()
    owner.delete()
    assert verify(key) is None
    assert people(flow, ada) == [(ada.username, "owner")]
    assert rest(again(ada)).get(f"/api/executions/{execution.pk}/").status_code == 200
    assert "transferred" in browser_of(ada).get("/audit/").content.decode()


def test_an_execution_opens_for_every_member_by_its_link() -> None:
    flow = make_flow()
    execution = make_execution(flow)
    address = f"/executions/{execution.pk}/"
    assert browser_of(member_of(flow)).get(address, follow=True).status_code == 200
    assert browser_of(make_user()).get(address).status_code == 404


class TestPages:
    def test_the_tab_shows_a_member_who_is_there_and_the_owner_what_can_be_done(self) -> None:
        flow = make_flow()
        ada = member_of(flow, "editor", "ada")
        tab = f"/servers/{flow.server_id}/members/"
        seen = browser_of(ada).get(tab).content.decode()
        assert ("Invite somebody" in seen, f"{tab}leave/" in seen, 'id="role">Editor' in seen) == (False, True, True)
        assert "/secrets/" not in seen
        owned = browser_of(flow.server.owner).get(tab).content.decode()
        assert ("Invite somebody" in owned, f"{tab}{ada.pk}/transfer/" in owned) == (True, True)
        assert browser_of(make_user()).get(tab).status_code == 404

    def test_the_owner_changes_a_role_and_hands_the_server_over_after_a_question(self) -> None:
        flow = make_flow()
        old, ada = flow.server.owner, member_of(flow, "viewer", "ada")
        browser, tab = browser_of(old), f"/servers/{flow.server_id}/members/"
        answer = browser.post(f"{tab}{ada.pk}/role/", {"role": "publisher"}, follow=True)
        assert "The role of ada is publisher now." in answer.content.decode()
        assert "Make ada the owner of" in browser.get(f"{tab}{ada.pk}/transfer/").content.decode()
        browser.post(f"{tab}{ada.pk}/transfer/")
        assert people(flow, ada) == [("ada", "owner"), (old.username, "publisher")]
        assert browser.get(f"{tab}{ada.pk}/remove/").status_code == 403
        assert "Leave" in browser.get(f"{tab}leave/").content.decode()
        assert browser.post(f"{tab}leave/")["Location"] == "/servers/"
        assert people(flow, ada) == [("ada", "owner")]

    def test_a_member_is_removed_after_a_question(self) -> None:
        flow = make_flow()
        ada, tab = member_of(flow, "viewer", "ada"), f"/servers/{flow.server_id}/members/"
        browser = browser_of(flow.server.owner)
        assert "Remove ada from" in browser.get(f"{tab}{ada.pk}/remove/").content.decode()
        assert (
            "The membership of ada has ended." in browser.post(f"{tab}{ada.pk}/remove/", follow=True).content.decode()
        )
        assert browser.post(f"{tab}{ada.pk}/role/", {"role": "viewer"}).status_code == 404
