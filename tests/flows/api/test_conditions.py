"""Revisions over HTTP: what a script that started from an older one is told, and that it loses nothing."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from flows.models import Flow, Prompt, Resource, Server
from flows.offers.changes import save_offer
from tests.factories import make_flow, make_server, make_user

pytestmark = pytest.mark.django_db


def rest(user: Any) -> APIClient:
    client = APIClient()
    client.force_authenticate(user)
    return client


def rows(server: Server) -> dict[str, Any]:
    """One row of each kind that has revisions, by its address."""
    flow = make_flow(server)
    prompt = Prompt(
        server=server,
        name="hello",
        description="Greets.",
        messages=[{"role": "user", "content": {"type": "text", "text": "Hi"}}],
    )
    resource = Resource(server=server, uri="notes:1", name="Notes", text="x")
    for offer in (prompt, resource):
        save_offer(offer)
    return {
        f"/api/flows/{flow.pk}/": flow,
        f"/api/prompts/{prompt.pk}/": prompt,
        f"/api/resources/{resource.pk}/": resource,
        f"/api/servers/{server.pk}/": server,
    }


def test_every_answer_has_its_revision_and_a_write_from_an_older_one_is_refused_with_both_sides() -> None:
    server = make_server()
    client = rest(server.owner)
    for address, row in rows(server).items():
        read = client.get(address)
        assert (read["ETag"], read.json()["revision"]) == ('"r1"', 1)
        first = client.patch(address, {"name": "first"}, format="json", headers={"If-Match": read["ETag"]})
        assert (first.status_code, first["ETag"], first.json()["revision"]) == (200, '"r2"', 2)
        late = client.patch(address, {"name": "second"}, format="json", headers={"If-Match": read["ETag"]})
        assert (late.status_code, late["ETag"], late.json()) == (
            412,
            '"r2"',
            {
                "detail": 'It was changed meanwhile: the stored one is "r2". Look at both sides, and send yours again '
                'with If-Match: "r2" to store it over that one.',
                "revision": 2,
                "yours": {"name": "second"},
                "current": client.get(address).json(),
            },
        )
        row.refresh_from_db()
        assert (row.name, row.revision) == ("first", 2)
        over = client.patch(address, {"name": "second"}, format="json", headers={"If-Match": late["ETag"]})
        assert (over.status_code, over["ETag"]) == (200, '"r3"')


def test_a_write_without_the_header_is_taken_and_counts() -> None:
    server = make_server()
    client = rest(server.owner)
    for address in rows(server):
        for condition in ({}, {"If-Match": "*"}, {"If-Match": '"r9", "r3"'}):
            answer = client.patch(address, {"name": "again"}, format="json", headers=condition)
            assert answer.status_code == 200
        assert answer["ETag"] == '"r4"'


@pytest.mark.parametrize(
    ("header", "status"),
    [
        ('"r1"', 204),
        ('"r7" , "r1"', 204),
        (', "r1",', 204),
        ("*", 204),
        ('"r2"', 412),
        ('W/"r1"', 412),
        ('"1"', 412),
        ('"r01"', 412),
        ('""', 412),
        (f'"r{"9" * 30}"', 412),
        ("r1", 400),
        ("'r1'", 400),
        ('"r1', 400),
        ('"r1" "r2"', 400),
        ('*, "r1"', 400),
        ("", 400),
        (",", 400),
        ("1", 400),
    ],
)
def test_the_header_means_what_http_says(header: str, status: int) -> None:
    flow = make_flow()
    client = rest(flow.server.owner)
    answer = client.delete(f"/api/flows/{flow.pk}/", headers={"If-Match": header})
    assert (answer.status_code, Flow.objects.exists()) == (status, status != 204)
    if status == 400:
        assert answer.json() == {
            "detail": 'If-Match is malformed: send the ETag as it came, with its quotation marks: "r3"; or send *.'
        }
    if status == 412:
        assert (answer.json()["yours"], answer.json()["current"]) == (None, client.get(f"/api/flows/{flow.pk}/").json())


def test_what_nobody_may_see_is_not_found_whatever_it_started_from() -> None:
    flow = make_flow()
    answer = rest(make_user()).patch(f"/api/flows/{flow.pk}/", {}, format="json", headers={"If-Match": '"r5"'})
    assert answer.status_code == 404


def test_a_late_body_that_is_no_json_is_said_to_be_none() -> None:
    flow = make_flow()
    client = rest(flow.server.owner)
    answer = client.patch(f"/api/flows/{flow.pk}/", "{", content_type="application/json", headers={"If-Match": '"r5"'})
    assert answer.status_code == 400


def test_a_server_is_changed_by_script_and_keeps_what_is_not_named() -> None:
    server = make_server(description="Orders.")
    answer = rest(server.owner).patch(f"/api/servers/{server.pk}/", {"access": "public"}, format="json")
    assert answer.json() == {
        "id": server.pk,
        "slug": server.slug,
        "name": server.name,
        "description": "Orders.",
        "access": "public",
        "isPublished": True,
        "agentTools": False,
        "linksFailures": True,
        "callsPerMinute": None,
        "callsAtOnce": None,
        "strangerCallsPerMinute": None,
        "strangerCallsAtOnce": None,
        "revision": 2,
    }
    assert rest(make_user()).get(f"/api/servers/{server.pk}/").status_code == 404
