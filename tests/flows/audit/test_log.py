"""The audit log: every change with who made it and through which door, seen by the owner, and never a secret."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone
from rest_framework.test import APIClient

from executions.models import Suspension
from flows.models import AuditEntry, Membership
from flows.publishing import versions
from mcp_bridge.models import ApiKey
from tests.executions.pages.test_views import browser_of
from tests.factories import make_execution, make_flow, make_key, make_server, make_user
from tests.flows.api.test_views import rest

pytestmark = pytest.mark.django_db


def told() -> list[tuple[str, ...]]:
    """Everything in the log, in order: door, who, what was done, to what, and what of it."""
    return list(AuditEntry.objects.order_by("id").values_list("door", "user_name", "action", "object_name", "what"))


def test_what_pages_rest_admin_and_commands_change_is_told_by_the_door_that_it_came_through() -> None:
    flow = make_flow(name="Greet", tool_name="greet")
    owner, admin = flow.server.owner, make_user("root", is_superuser=True)
    name = owner.username
    browser_of(owner).post(f"/flows/{flow.pk}/publish/")
    browser_of(owner).post(f"/flows/{flow.pk}/toggle/", {"active": "0", "confirm": "1"})
    with_key = APIClient()
    with_key.credentials(HTTP_AUTHORIZATION=f"Bearer {make_key(owner, name='CI')}")
    with_key.patch(f"/api/flows/{flow.pk}/", {"name": "Hello", "isActive": True}, format="json")
    browser_of(admin).post("/admin/flows/flow/", {"action": "deactivate", "_selected_action": [flow.pk]})
    versions.set_active(flow, True)
    rest(owner).delete(f"/api/flows/{flow.pk}/")
    assert told() == [
        ("page", name, "published", "Greet", "v1, greet"),
        ("page", name, "deactivated", "Greet", ""),
        ("command", "", "made", str(ApiKey.objects.get()), ", ".join(ApiKey.objects.get().scopes)),
        ("rest", name, "edited", "Hello", "name"),
        ("rest", name, "activated", "Hello", ""),
        ("admin", "root", "deactivated", "Hello", ""),
        ("command", "", "activated", "Greet", ""),
        ("rest", name, "deleted", "Hello", "greet"),
    ]
    by_key = AuditEntry.objects.filter(key_name="CI").values_list("action", flat=True)
    assert sorted(by_key) == ["activated", "edited"]


def test_a_secret_is_told_by_its_name_and_never_by_its_value() -> None:
    server = make_server()
    browser, tab = browser_of(server.owner), f"/servers/{server.pk}/secrets/"
    browser.post(tab, {"name": "KEY", "value": "canary-1", "origins": "https://api.test"})
    browser.post(f"{tab}KEY/", {"value": "canary-2"})
    browser.post(f"{tab}KEY/", {"origins": ""})
    browser.post(f"{tab}KEY/remove/")
    assert [each[2:] for each in told()] == [
        ("added secret", "KEY", "origins: https://api.test"),
        ("set secret", "KEY", ""),
        ("set origins", "KEY", "any"),
        ("removed secret", "KEY", ""),
    ]
    assert "canary" not in str(AuditEntry.objects.values())


def test_keys_are_told_to_whose_they_are_and_servers_by_what_changed() -> None:
    server = make_server(name="Shop")
    owner = server.owner
    key = ApiKey.issue(owner, "CI")[0]
    key.change(scopes=["flows:read"])
    text = key.rotate(timedelta(0))
    key.revoke()
    key.revoke()
    rest(owner).patch(f"/api/servers/{server.pk}/", {"name": "Market", "access": "public"}, format="json")
    assert [each[2:] for each in told()] == [
        ("made", told()[0][3], "mcp:call"),
        ("changed", told()[0][3], "scopes; may: flows:read"),
        ("rotated", str(key), ""),
        ("revoked", str(key), ""),
        ("changed settings", "Market", "name, access"),
    ]
    assert text not in str(AuditEntry.objects.values())
    assert AuditEntry.objects.visible_to(owner).count() == 5
    assert AuditEntry.objects.visible_to(make_user()).count() == 0


def test_a_draft_that_somebody_stores_over_and_over_is_one_entry() -> None:
    flow = make_flow()
    owner, editor = flow.server.owner, make_user()
    Membership.objects.create(server=flow.server, user=editor, role="editor")
    for person, name in ((owner, "a"), (owner, "b"), (editor, "c"), (editor, "c")):
        rest(person).patch(f"/api/flows/{flow.pk}/", {"name": name}, format="json")
    rest(editor).patch(f"/api/flows/{flow.pk}/", {"whenToUse": "now"}, format="json")
    assert [each[1:] for each in told()] == [
        (owner.username, "edited", "a", "name"),
        (editor.username, "edited", "c", "name"),
        (editor.username, "edited", "c", "when_to_use"),
    ]


def test_a_change_that_is_rolled_back_is_not_told_and_an_entry_stays_as_it_is() -> None:
    flow = make_flow()
    with transaction.atomic():
        versions.set_active(flow, False)
        transaction.set_rollback(True)
    assert told() == []
    versions.set_active(flow, False)
    entry = AuditEntry.objects.get()
    for change in (entry.save, entry.delete, AuditEntry.objects.all().delete):
        with pytest.raises(TypeError):
            change()
    with pytest.raises(TypeError):
        AuditEntry.objects.update(what="nothing")
    versions.delete_server(flow.server)
    assert [each[2] for each in told()] == ["deactivated", "deleted", "deleted"]
    assert AuditEntry.objects.visible_to(flow.server.owner).count() == 3


def test_a_deleted_execution_is_told() -> None:
    flow = make_flow()
    execution = make_execution(flow)
    rest(flow.server.owner).delete(f"/api/executions/{execution.pk}/")
    assert [each[2:] for each in told()] == [("deleted", str(execution), flow.tool_name)]


def test_what_people_do_to_executions_is_told_once_and_never_what_a_note_says() -> None:
    flow = make_flow()
    execution = make_execution(flow)
    waiting = make_execution(flow, status="pending")
    owner, page = flow.server.owner, f"/executions/{execution.pk}/"
    times = {"suspended_at": timezone.now(), "expires_at": timezone.now() + timedelta(hours=1)}
    Suspension.objects.create(execution_id=waiting.pk, step=1, state="sealed", **times)
    for pinned in ("1", "1", "0"):
        browser_of(owner).post(f"{page}pin/", {"pinned": pinned})
    rest(owner).post(f"/api{page}pin/", {"isPinned": True}, format="json")
    for note in ("canary", "canary", ""):
        browser_of(owner).post(f"{page}note/", {"note": note})
    rest(owner).patch(f"/api{page}", {"note": "canary again"}, format="json")
    assert rest(owner).post(f"/api/executions/{waiting.pk}/cancel/").status_code == 202
    assert rest(owner).post(f"/api/executions/{waiting.pk}/cancel/").status_code == 409
    assert told() == [
        (door, owner.username, action, str(row), flow.tool_name)
        for door, action, row in (
            ("page", "pinned", execution),
            ("page", "unpinned", execution),
            ("rest", "pinned", execution),
            ("page", "wrote note", execution),
            ("page", "removed note", execution),
            ("rest", "wrote note", execution),
            ("rest", "cancelled", waiting),
        )
    ]
    assert "canary" not in str(AuditEntry.objects.values())
    assert AuditEntry.objects.visible_to(owner).count() == 7


def test_saved_cases_are_told_by_their_names_and_what_changed() -> None:
    flow = make_flow()
    owner, cases = flow.server.owner, f"/api/flows/{flow.pk}/cases/"
    made = rest(owner).post(cases, {"name": "First", "arguments": {"name": "canary"}}, format="json").json()
    for change in ({"name": "One"}, {"name": "One"}, {"expectation": {"outcome": "fails"}}):
        assert rest(owner).patch(f"{cases}{made['id']}/", change, format="json").status_code == 200
    assert rest(owner).delete(f"{cases}{made['id']}/").status_code == 204
    again = rest(owner).post(cases, {"name": "Second"}, format="json").json()
    browser_of(owner).post(f"/flows/{flow.pk}/test/cases/{again['id']}/delete/")
    assert [(each[0], *each[2:]) for each in told()] == [
        ("rest", "made", "First", ""),
        ("rest", "changed", "One", "name"),
        ("rest", "changed", "One", "expectation"),
        ("rest", "deleted", "One", ""),
        ("rest", "made", "Second", ""),
        ("page", "deleted", "Second", ""),
    ]
    assert "canary" not in str(AuditEntry.objects.values())


def test_who_owns_a_server_reads_its_log_and_others_do_not() -> None:
    flow, other = make_flow(), make_flow()
    for each in (flow, other):
        versions.set_active(each, False)
    publisher = make_user()
    Membership.objects.create(server=flow.server, user=publisher, role="publisher")

    def read(person: Any, query: str = "") -> tuple[int, str]:
        found = rest(person).get(f"/api/audit/{query}").json()
        shown = browser_of(person).get(f"/audit/{query}").content.decode()
        return found["total"], ("deactivated <span" in shown and "yes") or "no"

    assert read(flow.server.owner) == (1, "yes")
    assert read(publisher) == (0, "no")
    root = make_user(is_superuser=True)
    assert read(root) == (2, "yes")
    assert read(root, f"?server={flow.server.slug}&action=deactivated") == (1, "yes")
    assert read(root, "?person=nobody") == (0, "no")
    assert read(root, "?before=2026-01-01T00:00:00Z") == (0, "no")
    assert rest(root).get("/api/audit/?since=yesterday").status_code == 400
    without = APIClient()
    without.credentials(HTTP_AUTHORIZATION=f"Bearer {make_key(flow.server.owner, scopes=['flows:read'])}")
    assert without.get("/api/audit/").json()["scope"] == "audit:read"


def test_filters_that_nothing_fits_can_be_cleared() -> None:
    owner = make_flow().server.owner
    pages = [browser_of(owner).get(f"/audit/{query}").content.decode() for query in ("", "?person=nobody")]
    assert ["Clear the filters" in page for page in pages] == [False, True]
    assert ["Changes of servers that you own" in page for page in pages] == [True, False]
