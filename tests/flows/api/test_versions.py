"""Versions over REST: one revision of a draft is published, and what was published comes back."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from flows.models import MAX_NOTE, Flow
from flows.publishing import versions
from flows.revisions.writes import write
from tests.definitions import answer, chain
from tests.factories import make_flow, make_server, make_user, publish

pytestmark = pytest.mark.django_db


def rest(user: Any) -> APIClient:
    client = APIClient()
    client.force_authenticate(user)
    return client


def two_versions() -> Flow:
    """A flow with two versions, and another draft than either."""
    flow = publish(
        make_server(make_user("ada")),
        "orders",
        answer(1),
        name="Orders",
        tool_description="Finds.",
        when_to_use="Often.",
        when_not_to_use="Late.\n\nOr early.",
        output_schema={"type": "integer"},
        annotations={"readOnlyHint": True},
        answer_seconds=5,
    )
    changed = {
        "name": "Sales",
        "tool_name": "sales",
        "tool_description": "Sells.",
        "when_to_use": "",
        "when_not_to_use": "",
        "output_schema": None,
        "annotations": {},
        "definition": chain(answer(2)),
        "answer_seconds": None,
        "timeout_seconds": 9,
    }
    change(flow, **changed)
    versions.publish(flow, flow.server.owner, note="Sells now.")
    change(flow, definition=chain(answer(3)))
    return flow


def change(flow: Flow, **values: Any) -> None:
    for name, value in values.items():
        setattr(flow, name, value)
    write(flow, values)


def test_a_revision_is_published_or_said_to_be_no_more() -> None:
    flow = make_flow(definition=chain(answer(1)))
    client, address = rest(flow.server.owner), f"/api/flows/{flow.pk}/publish/"
    change(flow, when_to_use="Later.")
    for late in (
        client.post(address, {"revision": 1, "note": "Mine."}, format="json"),
        client.post(address, {"note": "Mine."}, format="json", headers={"If-Match": '"r1"'}),
        client.post(address, {"revision": 1, "note": "Mine."}, format="json", headers={"If-Match": '"r2"'}),
    ):
        body = late.json()
        assert (late.status_code, body["revision"], body["yours"]["note"]) == (412, 2, "Mine.")
        assert body["current"] == client.get(f"/api/flows/{flow.pk}/").json()
    assert not flow.versions.exists()
    answered = client.post(address, {"revision": 2, "note": "Says when.\nAt last."}, format="json")
    assert (answered.status_code, answered.json()["note"]) == (201, "Says when.\nAt last.")
    assert Flow.objects.get(pk=flow.pk).revision == 2


@pytest.mark.parametrize("body", [{"revision": "one"}, {"note": "x" * (MAX_NOTE + 1)}, {"activate": "perhaps"}, ["x"]])
def test_a_body_that_means_nothing_is_refused(body: Any) -> None:
    flow = make_flow(definition=chain(answer(1)))
    assert rest(flow.server.owner).post(f"/api/flows/{flow.pk}/publish/", body, format="json").status_code == 400
    assert not flow.versions.exists()


def test_publishing_an_inactive_flow_says_so_and_can_switch_it_on() -> None:
    flow = make_flow(definition=chain(answer(1)), is_active=False)
    client, address = rest(flow.server.owner), f"/api/flows/{flow.pk}/publish/"
    first, second = client.post(address), client.post(address, {"activate": True}, format="json")
    assert [each.json()["isActive"] for each in (first, second)] == [False, True]
    assert Flow.objects.callable().get() == flow


def test_the_versions_are_listed_newest_first() -> None:
    flow = two_versions()
    listed = rest(flow.server.owner).get(f"/api/flows/{flow.pk}/versions/?limit=5").json()
    times = [listed["items"][index].pop("createdAt") for index in (0, 1)]
    assert times == sorted(times, reverse=True)
    assert listed == {
        "items": [
            {"version": 2, "toolName": "sales", "note": "Sells now.", "isCurrent": True, "createdBy": "ada"},
            {"version": 1, "toolName": "orders", "note": "", "isCurrent": False, "createdBy": None},
        ],
        "total": 2,
        "page": 1,
        "limit": 5,
        "totalPages": 1,
    }


def test_a_version_becomes_the_draft_and_the_answer_holds_what_it_replaced() -> None:
    flow = two_versions()
    client = rest(flow.server.owner)
    before = client.get(f"/api/flows/{flow.pk}/").json()
    late = client.post(f"/api/flows/{flow.pk}/versions/1/restore/", headers={"If-Match": '"r1"'})
    assert (late.status_code, late.json()["yours"], late.json()["current"]) == (412, None, before)
    answered = client.post(f"/api/flows/{flow.pk}/versions/1/restore/", headers={"If-Match": f'"r{flow.revision}"'})
    body = answered.json()
    replaced = body.pop("replaced")
    assert (answered.status_code, answered["ETag"], replaced) == (200, '"r4"', before)
    assert body == client.get(f"/api/flows/{flow.pk}/").json()
    assert (body["name"], body["toolDescription"], body["whenToUse"], body["whenNotToUse"]) == (
        "Orders",
        "Finds.",
        "Often.",
        "Late.\n\nOr early.",
    )
    stored = Flow.objects.get(pk=flow.pk)
    first = flow.versions.get(number=1)
    assert (versions.contract_of(stored), stored.definition) == (first.contract, first.definition)
    assert (stored.timeout_seconds, stored.answer_seconds) == (300, 5)


def test_a_tool_name_that_another_flow_has_taken_keeps_a_version_from_being_restored() -> None:
    flow = two_versions()
    make_flow(flow.server, tool_name="orders")
    answered = rest(flow.server.owner).post(f"/api/flows/{flow.pk}/versions/1/restore/")
    message = "another flow of this server is called 'orders' now; rename that one first"
    assert (answered.status_code, answered.json()) == (400, {"toolName": [{"path": "", "key": "", "message": message}]})
    assert Flow.objects.get(pk=flow.pk).revision == flow.revision


def test_a_version_is_published_again_as_a_new_one_and_the_draft_stays() -> None:
    flow = two_versions()
    client = rest(flow.server.owner)
    before = client.get(f"/api/flows/{flow.pk}/").json()
    answered = client.post(f"/api/flows/{flow.pk}/versions/1/publish/", {"note": "Back."}, format="json")
    first, third = (flow.versions.get(number=number) for number in (1, 3))
    assert (answered.status_code, answered.json()["version"], third.note) == (201, 3, "Back.")
    assert (third.definition, third.contract, third.answer_seconds) == (first.definition, first.contract, 5)
    after = client.get(f"/api/flows/{flow.pk}/").json()
    assert after == before | {"publishedVersion": 3, "updatedAt": after["updatedAt"]}


@pytest.mark.parametrize("number", ["9", "x", "9" * 40, "0"])
@pytest.mark.parametrize("action", ["restore", "publish"])
def test_a_version_that_is_not_there_is_not_found_and_neither_is_somebody_elses(action: str, number: str) -> None:
    flow = two_versions()
    assert rest(flow.server.owner).post(f"/api/flows/{flow.pk}/versions/{number}/{action}/").status_code == 404
    assert rest(make_user()).post(f"/api/flows/{flow.pk}/versions/1/{action}/").status_code == 404
    assert rest(make_user()).get(f"/api/flows/{flow.pk}/versions/").status_code == 404
