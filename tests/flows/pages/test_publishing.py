"""The pages of publishing and of versions: nothing typed is thrown away, and what was published comes back."""

import re
from html import unescape
from typing import Any

import pytest
from django.test import Client

from flows.models import Flow, SavedCase
from flows.revisions.writes import write
from tests.definitions import answer, chain, node
from tests.factories import make_flow, make_server, publish
from tests.flows.revisions.test_conflicts import browser_of, form_of, somebody_else_saves

pytestmark = pytest.mark.django_db


def words(html: str) -> str:
    return unescape(" ".join(re.sub(r"<[^>]+>", " ", html).split()))


def opened(flow: Flow) -> tuple[Client, dict[str, Any], str]:
    """A browser on the page that publishes, what its form sends, and the page in words."""
    browser = browser_of(flow.server.owner)
    html = browser.get(f"/flows/{flow.pk}/publish/").content.decode()
    return browser, form_of(html), words(html)


def changed(flow: Flow, **values: Any) -> Flow:
    for name, value in values.items():
        setattr(flow, name, value)
    write(flow, list(values))
    return flow


def test_what_publishing_means_is_seen_before_and_what_clients_see_after() -> None:
    flow = publish(make_server(), "orders", answer(1))
    changed(flow, definition=chain(answer(2)), when_to_use="Always.")
    browser, sent, page = opened(flow)
    for said in (
        "Publish Orders as v2",
        "Compatible description",
        "Changed Node answer parameters.json Before and after parameters.json 1 2",
        "No other flow of this server calls it",
        "tokens of a model's context now,",
    ):
        assert said in page
    done = browser.post(f"/flows/{flow.pk}/publish/", sent | {"note": "Says <b>when</b>."}, follow=True)
    assert done.redirect_chain == [(f"/flows/{flow.pk}/publish/?published=2", 302)]
    html = done.content.decode()
    for part in (
        "Live</span> Published as v2",
        "WHEN TO USE: Always.",
        f'href="/flows/{flow.pk}/connect/"',
        "Says &lt;b&gt;when&lt;/b&gt;.",
    ):
        assert part in html
    assert flow.versions.get(number=2).note == "Says <b>when</b>."


def test_the_build_tab_counts_the_changes_and_opens_them_as_a_part() -> None:
    flow = changed(publish(make_server(), "orders", answer(1)), definition=chain(answer(2)), when_to_use="Always.")
    browser = browser_of(flow.server.owner)
    html = browser.get(f"/flows/{flow.pk}/build/").content.decode()
    assert "Publish… 2 changes" in words(html)
    part = browser.get(f"/flows/{flow.pk}/publish/", HTTP_HX_REQUEST="true")
    assert (part.content.decode().lstrip()[:7], part["Vary"]) == ("<header", "HX-Request, Cookie")


@pytest.mark.parametrize(
    ("definition", "reason"),
    [
        (chain(answer(1)), "Clients see this draft already: there is nothing to publish."),
        (chain(node("ask", "delay")), "Mend the fault first."),
    ],
)
def test_what_cannot_be_published_has_a_button_that_says_why(definition: Any, reason: str) -> None:
    flow = changed(publish(make_server(), "orders", answer(1)), definition=definition)
    browser = browser_of(flow.server.owner)
    html = browser.get(f"/flows/{flow.pk}/publish/").content.decode()
    assert (reason in words(html), re.search(r"disabled>Publish v2", html) is not None) == (True, True)
    assert ("?node=ask" in html) == ("fault" in reason)


def test_a_draft_with_faults_stays_unpublished_and_each_fault_leads_to_where_it_is_mended() -> None:
    flow = make_flow(definition=chain(node("wait", "delay"), answer(1)), tool_description="")
    browser = browser_of(flow.server.owner)
    late = browser.post(f"/flows/{flow.pk}/publish/")
    html = late.content.decode()
    assert (late.status_code, f'href="/flows/{flow.pk}/build/?node=wait"' in html) == (409, True)
    assert "definition.nodes[1].parameters" in html
    assert f'<a href="/flows/{flow.pk}/build/?node=trigger">Trigger</a>' in html
    assert not flow.versions.exists()


def test_a_draft_that_somebody_changed_is_not_published_from_an_old_page() -> None:
    flow = make_flow(definition=chain(answer(1)))
    browser, sent, _ = opened(flow)
    somebody_else_saves(flow, when_to_use="Theirs.")
    late = browser.post(f"/flows/{flow.pk}/publish/", sent | {"note": "Kept."})
    assert late.status_code == 412
    assert "Not published: somebody changed the draft after you had opened it" in words(late.content.decode())
    assert not flow.versions.exists()
    again = form_of(late.content.decode())
    browser.post(f"/flows/{flow.pk}/publish/", again)
    assert [version.note for version in flow.versions.all()] == ["Kept."]


def test_an_inactive_flow_is_activated_with_it_unless_somebody_says_no() -> None:
    flow = make_flow(definition=chain(answer(1)), is_active=False)
    browser, sent, _ = opened(flow)
    assert sent.pop("activate") == "1"
    page = browser.post(f"/flows/{flow.pk}/publish/", sent, follow=True)
    assert "v1 is published, but the flow is inactive: clients see it once you activate it. Activate" in words(
        page.content.decode()
    )
    changed(flow, when_to_use="Always.")
    sent = opened(flow)[1]
    browser.post(f"/flows/{flow.pk}/publish/", sent)
    assert Flow.objects.get(pk=flow.pk).is_active


def test_cases_run_by_themselves_when_the_draft_changes_nothing_outside() -> None:
    flow = make_flow(definition=chain(answer(1)))
    SavedCase.objects.create(flow=flow, name="one")
    browser = browser_of(flow.server.owner)
    html = browser.get(f"/flows/{flow.pk}/publish/").content.decode()
    assert 'hx-trigger="submit, load"' in html
    changed(flow, definition=chain(node("send", "http_request", url="https://a.example", method="POST"), answer(1)))
    html = browser.get(f"/flows/{flow.pk}/publish/").content.decode()
    assert ('hx-trigger="submit"' in html, "Send may change something outside" in words(html)) == (True, True)


def test_an_earlier_version_is_restored_after_the_page_has_said_what_goes() -> None:
    flow = publish(make_server(), "orders", answer(1))
    flow.definition = chain(answer(2))
    write(flow, ["definition"])
    browser, address = browser_of(flow.server.owner), f"/flows/{flow.pk}/versions/1/restore/"
    assert address in browser.get(f"/flows/{flow.pk}/versions/1/").content.decode()
    page = browser.get(address).content.decode()
    assert "The draft as it is now was never published, and is gone then." in words(page)
    assert "Changed Node answer parameters.json" in words(page)
    assert Flow.objects.get(pk=flow.pk).definition == chain(answer(2))
    somebody_else_saves(flow, when_to_use="Theirs.")
    late = browser.post(address, form_of(page))
    assert (late.status_code, "It was changed meanwhile" in late.content.decode()) == (409, True)
    assert browser.post(address, form_of(late.content.decode()))["Location"] == f"/flows/{flow.pk}/build/"
    stored = Flow.objects.get(pk=flow.pk)
    assert (stored.definition, stored.when_to_use) == (chain(answer(1)), "")


def test_an_earlier_version_is_published_again_with_a_note() -> None:
    flow = publish(make_server(), "orders", answer(1))
    flow.definition = chain(answer(2))
    write(flow, ["definition"])
    browser = browser_of(flow.server.owner)
    browser.post(f"/flows/{flow.pk}/publish/")
    page = words(browser.get(f"/flows/{flow.pk}/versions/1/publish/").content.decode())
    assert "Changed Node answer parameters.json" in page
    done = browser.post(f"/flows/{flow.pk}/versions/1/publish/", {"note": "As v1 <b>."}, follow=True)
    assert done.redirect_chain == [(f"/flows/{flow.pk}/publish/?published=3", 302)]
    assert "As v1 &lt;b&gt;." in done.content.decode()
    assert Flow.objects.get(pk=flow.pk).definition == chain(answer(2))
    assert flow.versions.get(number=3).definition == chain(answer(1))


@pytest.mark.parametrize("action", ["restore", "publish"])
def test_versions_of_others_and_such_as_are_not_there_are_not_found(action: str) -> None:
    flow = publish(make_server(), "orders", answer(1))
    assert browser_of(make_server().owner).post(f"/flows/{flow.pk}/versions/1/{action}/").status_code == 404
    assert browser_of(flow.server.owner).post(f"/flows/{flow.pk}/versions/2/{action}/").status_code == 404


def test_two_versions_or_a_version_and_the_draft_are_compared_earlier_first() -> None:
    flow = publish(make_server(), "orders", answer(1))
    changed(flow, definition=chain(node("wait", "delay", seconds=1), answer(2)))
    browser = browser_of(flow.server.owner)
    browser.post(f"/flows/{flow.pk}/publish/", {"note": "Waits."})
    changed(flow, definition=chain(answer(2)), input_schema={"type": "object", "properties": {"n": {}}})
    for address, names, said in (
        ("versions/1/?with=2", {"before": "v1", "after": "v2"}, "v1 → v2 1 node added, 1 changed"),
        ("versions/2/?with=1", {"before": "v1", "after": "v2"}, "v1 → v2 1 node added, 1 changed"),
        ("versions/2/?with=draft", {"before": "v2", "after": "draft"}, "v2 → draft 1 node removed; parameter n added"),
    ):
        page = browser.get(f"/flows/{flow.pk}/{address}")
        assert page.context["canvas"]["compared"] == names
        assert re.search(r"<text[^>]*>delay · (added|removed)</text>", page.content.decode())
        assert said in words(page.content.decode())
    assert "compared" not in browser.get(f"/flows/{flow.pk}/versions/2/?with=2").context["canvas"]
    for wrong in ("9", "x", "0", "²", "9" * 5000):
        assert browser.get(f"/flows/{flow.pk}/versions/2/", {"with": wrong}).status_code == 404


def test_the_list_of_versions_says_what_each_one_changed() -> None:
    flow = publish(make_server(), "orders", answer(1))
    browser = browser_of(flow.server.owner)
    changed(flow, definition=chain(answer(2)), tool_name="find_orders")
    browser.post(f"/flows/{flow.pk}/publish/", {"note": "Waits."})
    browser.post(f"/flows/{flow.pk}/versions/2/publish/")
    rows = browser.get(f"/flows/{flow.pk}/versions/").context["rows"]
    assert [(str(version), words) for version, words in rows] == [
        ("v3", "nothing changed"),
        ("v2", "1 node changed; tool renamed"),
        ("v1", "the first version"),
    ]
