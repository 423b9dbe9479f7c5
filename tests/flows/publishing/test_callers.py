"""A flow that others call does not change under them unsaid: they are named first, and a rename takes drafts along."""

import re
from html import unescape
from typing import Any

import pytest
from rest_framework.test import APIClient

from flows.engine.errors import DefinitionError
from flows.models import Flow, Prompt, Server
from flows.offers.changes import save_offer
from flows.publishing import versions
from flows.publishing.callers import Callers, callers_of
from flows.revisions.writes import write
from tests.definitions import answer, chain, node
from tests.factories import make_flow, make_server, make_user, publish
from tests.flows.revisions.test_conflicts import browser_of, form_of

pytestmark = pytest.mark.django_db

ASK = node("ask", "ask_roots")
OPEN = {"type": "object"}


def rest(user: Any) -> APIClient:
    client = APIClient()
    client.force_authenticate(user)
    return client


def words(html: str) -> str:
    return unescape(" ".join(re.sub(r"<[^>]+>", " ", html).split()))


def calling(name: str, node_type: str = "call_flow") -> dict[str, Any]:
    more = {"items": [1], "arguments": {}} if node_type == "for_each" else {}
    return node("call", node_type, flow=name, **more)


def called_flow() -> Flow:
    """A published flow that two flows and a prompt depend on, and a draft alone."""
    flow = publish(make_server(), "lookup", answer(1))
    publish(flow.server, "caller", calling("lookup"), answer(1))
    publish(flow.server, "looper", calling("lookup", "for_each"), answer(1), is_active=False)
    make_flow(flow.server, tool_name="drafted", definition=chain(calling("lookup"), answer(1)))
    publish(flow.server, "stranger", node("say", "log", message="lookup"), answer("lookup"))
    save_offer(Prompt(server=flow.server, name="hello", description="Greets.", flow=flow))
    return flow


def change(flow: Flow, **values: Any) -> None:
    for name, value in values.items():
        setattr(flow, name, value)
    write(flow, values)


def entry(kind: str, row: Any, key: str, is_live: bool, in_draft: bool, version: int | None) -> dict[str, Any]:
    return {
        "kind": kind,
        "id": row.pk,
        "key": key,
        "name": row.name,
        "isLive": is_live,
        "inDraft": in_draft,
        "version": version,
    }


def test_callers_are_listed_with_where_they_call_from() -> None:
    flow = called_flow()
    caller, drafted, looper = (Flow.objects.get(tool_name=name) for name in ("caller", "drafted", "looper"))
    change(caller, definition=chain(answer(1)))
    assert rest(flow.server.owner).get(f"/api/flows/{flow.pk}/callers/").json() == {
        "items": [
            entry("flow", caller, "caller", True, False, 1),
            entry("flow", drafted, "drafted", False, True, None),
            entry("flow", looper, "looper", False, True, 1),
            entry("prompt", Prompt.objects.get(), "hello", True, True, None),
        ],
        "total": 4,
        "hidden": 0,
    }
    page = words(browser_of(flow.server.owner).get(f"/flows/{flow.pk}/build/").content.decode())
    assert "Called by (4) caller Caller v1 drafted Drafted draft looper Looper v1 draft Prompt hello" in page
    assert rest(make_user()).get(f"/api/flows/{flow.pk}/callers/").status_code == 404


def test_whom_somebody_may_not_see_is_counted_without_a_name() -> None:
    flow = called_flow()
    Server.objects.filter(pk=flow.server_id).update(owner=make_user())
    assert callers_of(flow, flow.server.owner) == Callers([], 4, 2)


@pytest.mark.parametrize(
    ("method", "path", "body", "reason"),
    [
        ("delete", "", None, "it is deleted"),
        ("patch", "", {"isActive": False}, "it is switched off"),
        ("post", "publish/", None, "name: renamed from lookup"),
    ],
)
def test_a_script_is_told_who_calls_before_anything_is_broken(method: str, path: str, body: Any, reason: str) -> None:
    flow = called_flow()
    if path:
        change(flow, tool_name="find")
    send = getattr(rest(flow.server.owner), method)
    told = send(f"/api/flows/{flow.pk}/{path}", body, format="json")
    said = told.json()
    assert (told.status_code, [each["key"] for each in said["callers"]["items"]]) == (409, ["caller", "hello"])
    assert len(said["reasons"]) == 1
    assert reason in said["reasons"][0] or path
    assert said["detail"].startswith("Nothing was done")
    assert Flow.objects.callable().filter(published_version__tool_name="lookup").exists()
    done = send(f"/api/flows/{flow.pk}/{path}?confirm=true", body, format="json")
    assert done.status_code in {200, 201, 204}
    assert not Flow.objects.callable().filter(published_version__tool_name="lookup").exists()


def test_what_breaks_nobody_is_not_asked() -> None:
    flow = called_flow()
    client = rest(flow.server.owner)
    change(flow, when_to_use="Always.")
    assert client.post(f"/api/flows/{flow.pk}/publish/").status_code == 201
    stranger = Flow.objects.get(tool_name="stranger")
    assert client.delete(f"/api/flows/{stranger.pk}/").status_code == 204


def test_a_page_names_the_callers_and_goes_on_when_it_is_confirmed() -> None:
    flow = called_flow()
    browser = browser_of(flow.server.owner)
    off = browser.post(f"/flows/{flow.pk}/toggle/", {"active": "0", "next": "/flows/"})
    text = words(off.content.decode())
    assert (off.status_code, "it is switched off" in text, "caller Caller v1" in text) == (409, True, True)
    assert "drafted" not in text
    assert (
        browser.post(f"/flows/{flow.pk}/toggle/", {"active": "0", "next": "/flows/", "confirm": "1"}).status_code == 302
    )
    assert not Flow.objects.get(pk=flow.pk).is_active
    assert "drafted Drafted draft" in words(browser.get(f"/flows/{flow.pk}/delete/").content.decode())


def test_the_page_that_publishes_names_who_is_broken_and_its_button_is_the_confirmation() -> None:
    flow = called_flow()
    change(flow, tool_name="find")
    browser = browser_of(flow.server.owner)
    asked = browser.post(f"/flows/{flow.pk}/publish/", {"note": "Renamed."})
    html = asked.content.decode()
    assert (asked.status_code, "Calls of 2 that clients meet now may fail" in words(html)) == (409, True)
    assert flow.versions.count() == 1
    done = browser.post(f"/flows/{flow.pk}/publish/", form_of(html), follow=True)
    assert "publish them too: caller, drafted, looper." in words(done.content.decode())
    version = flow.versions.get(number=2)
    assert (version.tool_name, version.note) == ("find", "Renamed.")


def test_a_rename_takes_drafts_along_when_it_is_published_and_versions_never() -> None:
    flow = called_flow()
    change(flow, tool_name="find")
    drafted = Flow.objects.get(tool_name="drafted")
    assert drafted.definition["nodes"][1]["parameters"]["flow"] == "lookup"
    done = rest(flow.server.owner).post(f"/api/flows/{flow.pk}/publish/?confirm=true")
    assert done.json()["takenAlong"] == ["caller", "drafted", "looper"]
    for name in ("caller", "drafted", "looper"):
        row = Flow.objects.get(tool_name=name)
        assert (row.definition["nodes"][1]["parameters"]["flow"], row.revision) == ("find", 2)
        for version in row.versions.all():
            assert version.definition["nodes"][1]["parameters"]["flow"] == "lookup"
    assert Flow.objects.get(tool_name="stranger").revision == 1


def test_a_flow_that_is_not_published_takes_drafts_along_when_its_draft_is_renamed() -> None:
    flow = make_flow(tool_name="lookup", definition=chain(answer(1)))
    caller = make_flow(flow.server, definition=chain(calling("lookup"), answer(1)))
    rest(flow.server.owner).patch(f"/api/flows/{flow.pk}/", {"toolName": "find"}, format="json")
    browser = browser_of(flow.server.owner)
    sent = form_of(browser.get(f"/flows/{flow.pk}/build/").content.decode()) | {"tool_name": "seek"}
    said = words(browser.post(f"/flows/{flow.pk}/build/", sent, follow=True).content.decode())
    assert f"These drafts call it by its new name now; publish them too: {caller.tool_name}." in said
    stored = Flow.objects.get(pk=caller.pk)
    assert (stored.definition["nodes"][1]["parameters"]["flow"], stored.revision) == ("seek", 3)


@pytest.mark.parametrize("node_type", ["call_flow", "for_each"])
def test_a_flow_that_calls_one_that_asks_is_not_published(node_type: str) -> None:
    server = make_server()
    publish(server, "asker", ASK, answer(1))
    make_flow(server, tool_name="between", definition=chain(calling("asker"), answer(1)))
    for name, way in (("asker", "'asker'"), ("between", "'between' calls 'asker', which")):
        flow = make_flow(server, definition=chain(calling(name, node_type), answer(1)), input_schema=OPEN)
        refused = rest(server.owner).post(f"/api/flows/{flow.pk}/publish/")
        message = (
            f"{way} asks its client for its roots (its node 'Ask'), and a flow that is called cannot ask: "
            "ask in this flow, and hand over the answer"
        )
        assert (refused.status_code, refused.json()) == (
            400,
            {"definition": [{"path": "nodes[1].parameters.flow", "key": "", "message": message}]},
        )
        assert message in words(browser_of(server.owner).get(f"/flows/{flow.pk}/build/").content.decode())


def test_what_is_called_in_a_circle_or_shown_to_clients_alone_is_no_call_that_asks() -> None:
    server = make_server()
    publish(server, "asker", ASK, answer(1))
    publish(server, "circle", calling("circle"), answer(1))
    publish(server, "switch", node("show", "offer", flow="asker", state="on"), answer(1))
    with pytest.raises(DefinitionError, match="'asking_circle' asks its client"):
        publish(server, "asking_circle", ASK, calling("asking_circle"), answer(1))


def test_a_called_flow_that_begins_to_ask_names_its_callers_first() -> None:
    flow = called_flow()
    change(flow, definition=chain(ASK, answer(1)))
    told = rest(flow.server.owner).post(f"/api/flows/{flow.pk}/publish/")
    reasons = ["it asks its caller now, and a flow that is called cannot ask"]
    assert (told.status_code, told.json()["reasons"]) == (409, reasons)
    assert versions.has_unpublished_changes(Flow.objects.get(pk=flow.pk))
