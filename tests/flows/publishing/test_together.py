"""Many drafts published at once, by page and over REST: what became of each, and clients hear of it once."""

from typing import Any

import pytest
from django.db import transaction

from flows.models import Flow, Server
from flows.publishing import versions
from flows.publishing.together import MAX_TOGETHER, publish_together
from tests.definitions import answer, chain
from tests.executions.pages.test_views import browser_of, words
from tests.factories import announcements, make_flow, make_server, make_user, publish
from tests.flows.publishing.test_callers import calling, change, rest

pytestmark = pytest.mark.django_db


def a_server() -> tuple[Server, dict[str, Flow]]:
    """A server with a draft, one that is off, one with a missing secret, one as published, one whose change breaks."""
    server = make_server()
    flows = {
        "fresh": make_flow(server, tool_name="fresh"),
        "off": make_flow(server, tool_name="off", is_active=False),
        "faulty": make_flow(server, tool_name="faulty", definition=chain(answer("{{ secrets.API_KEY }}"))),
        "same": publish(server, "same", answer(1)),
        "called": publish(server, "called", answer(1)),
    }
    publish(server, "caller", calling("called"), answer(1))
    schema = {"type": "object", "properties": {"id": {"type": "string"}}, "required": ["id"]}
    change(flows["called"], input_schema=schema)
    return server, flows


def outcome(flow: Flow, what: str, version: int | None = None, **more: Any) -> dict[str, Any]:
    flow.refresh_from_db()
    named = {"flowId": flow.pk, "toolName": flow.tool_name, "outcome": what, "version": version}
    return named | {"isActive": flow.is_active, "faults": [], "reasons": []} | more


@pytest.mark.django_db(transaction=True)
def test_over_rest_each_flow_is_published_or_says_why_not_and_it_is_announced_once() -> None:
    server, flows = a_server()
    elsewhere = make_flow()
    asked = {"flows": [flow.pk for flow in flows.values()] + [elsewhere.pk], "note": "First.", "activate": True}
    with announcements() as heard:
        answered = rest(server.owner).post(f"/api/servers/{server.pk}/publish/", asked, format="json")
    why = "the server has no secret 'API_KEY'; add it under Secrets. It has: none"
    fault = {"path": "definition.nodes[1].parameters.json", "key": "", "message": why}
    breaks = "inputSchema.properties.id: 'id' is new and required"
    assert (answered.status_code, answered.json()) == (
        200,
        {
            "items": [
                outcome(flows["fresh"], "published", 1),
                outcome(flows["off"], "published", 1, isActive=True),
                outcome(flows["faulty"], "faulty", faults=[fault]),
                outcome(flows["same"], "unchanged", 1),
                outcome(flows["called"], "breaking", reasons=[breaks]),
            ],
            "published": 2,
            "notFound": [elsewhere.pk],
        },
    )
    assert heard == [server.slug]
    version = flows["off"].versions.get()
    assert (version.note, version.created_by, flows["off"].published_version) == ("First.", server.owner, version)
    assert not elsewhere.versions.exists()

    confirmed = rest(server.owner).post(f"/api/servers/{server.pk}/publish/?confirm=true", asked, format="json")
    assert [item["outcome"] for item in confirmed.json()["items"]] == [
        *("unchanged", "unchanged", "faulty", "unchanged", "published"),
    ]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"flows": []}, "Name at least one flow by its id."),
        ({}, "This field is required."),
        ({"flows": list(range(MAX_TOGETHER + 1))}, f"Name at most {MAX_TOGETHER} flows at once."),
    ],
)
def test_a_body_that_names_no_flows_or_too_many_is_refused(body: Any, message: str) -> None:
    server = make_server()
    answered = rest(server.owner).post(f"/api/servers/{server.pk}/publish/", body, format="json")
    assert (answered.status_code, answered.json()) == (400, {"flows": [message]})


def test_a_draft_that_changes_in_the_same_moment_is_left_as_it_is() -> None:
    flow = make_flow()
    seen = Flow.objects.get(pk=flow.pk)
    change(flow, definition=chain(answer(2)))
    [late] = publish_together([seen], flow.server.owner)
    assert (late.what, flow.versions.exists()) == ("stale", False)


def test_a_batch_that_cannot_be_stored_stores_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    server = make_server()
    flows = [make_flow(server), make_flow(server)]
    usual = versions.insert_version

    def full(flow: Flow, *args: Any, **kwargs: Any) -> Any:
        if flow is flows[1]:
            raise OSError("the disk is full")
        return usual(flow, *args, **kwargs)

    monkeypatch.setattr(versions, "insert_version", full)
    with pytest.raises(OSError, match="full"), transaction.atomic():
        publish_together(flows, server.owner)
    assert not Flow.objects.filter(published_version__isnull=False).exists()


class TestPage:
    def test_drafts_are_chosen_checked_and_published(self) -> None:
        server, flows = a_server()
        browser, address = browser_of(server.owner), f"/servers/{server.pk}/publish/"
        page = browser.get(f"{address}?flow={flows['fresh'].pk}")
        assert "4 drafts to publish" in words(page.content.decode())
        assert page.content.decode().count(" checked>") == 1
        assert browser.get(f"{address}?tick=all").content.decode().count(" checked>") == 4

        chosen = {"flow": [flow.pk for flow in flows.values()]}
        question = words(browser.post(address, chosen).content.decode())
        assert "2 of 5 flows can be published 1 with faults 1 would break calls 1 published as it is" in question
        assert "the server has no secret 'API_KEY'" in question
        assert "Add API_KEY" in question
        assert "Publish 2, leave out 1" in question
        assert server.flows.filter(published_version__isnull=True).count() == 3

        done = words(browser.post(address, chosen | {"publish": "1", "activate": "1"}).content.decode())
        assert "Published: 2 of 5 flows" in done
        assert "Fresh fresh Published as v1" in done
        assert server.flows.get(tool_name="off").is_active
        assert server.flows.get(tool_name="called").published_version.number == 1

        assert "2 drafts to publish" in words(browser.get(address).content.decode())

    def test_nothing_chosen_and_nothing_to_publish_are_said(self) -> None:
        server = make_server()
        browser, address = browser_of(server.owner), f"/servers/{server.pk}/publish/"
        assert "Clients call every draft of this server as it is." in words(browser.get(address).content.decode())
        make_flow(server)
        answered = browser.post(address, {"flow": ["x", "9999999999"]})
        assert (answered.status_code, "Choose at least one flow." in words(answered.content.decode())) == (400, True)
        many = browser.post(address, {"flow": range(MAX_TOGETHER + 1)})
        assert "Choose at most 500 flows at once; 501 are chosen." in words(many.content.decode())

    def test_a_strangers_flows_are_neither_shown_nor_published(self) -> None:
        server, other = make_server(), make_server()
        flow = make_flow(server)
        address = f"/servers/{server.pk}/publish/"
        assert browser_of(other.owner).get(address).status_code == 404
        sent = {"flow": [flow.pk], "publish": "1"}
        assert browser_of(other.owner).post(address, sent).status_code == 404
        browser_of(other.owner).post(f"/servers/{other.pk}/publish/", sent)
        assert not flow.versions.exists()
        assert rest(make_user()).post(f"/api/servers/{server.pk}/publish/", {"flows": [flow.pk]}).status_code == 404
