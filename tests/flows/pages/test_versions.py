"""The pages of publishing and of versions: nothing typed is thrown away, and what was published comes back."""

import re
from html import unescape
from typing import Any

import pytest
from django.test import Client

from flows.models import Flow
from flows.revisions.writes import write
from tests.definitions import answer, chain
from tests.factories import make_flow, make_server, publish
from tests.flows.revisions.test_conflicts import browser_of, form_of, somebody_else_saves

pytestmark = pytest.mark.django_db


def words(html: str) -> str:
    return unescape(" ".join(re.sub(r"<[^>]+>", " ", html).split()))


def opened(flow: Flow) -> tuple[Client, dict[str, Any]]:
    """A browser on the Build tab, and what its form sends."""
    browser = browser_of(flow.server.owner)
    return browser, form_of(browser.get(f"/flows/{flow.pk}/build/").content.decode())


def test_what_is_typed_and_not_saved_is_saved_before_it_is_published() -> None:
    flow = make_flow(definition=chain(answer(1)))
    browser, sent = opened(flow)
    browser.post(f"/flows/{flow.pk}/publish/", sent | {"when_to_use": "Always.", "note": "Says when."})
    stored = Flow.objects.get(pk=flow.pk)
    assert stored.published_version is not None
    assert (stored.when_to_use, stored.published_version.note) == ("Always.", "Says when.")
    assert "WHEN TO USE: Always." in stored.published_version.contract["description"]


def test_a_fault_in_what_is_typed_keeps_it_in_the_form_and_publishes_nothing() -> None:
    flow = make_flow(definition=chain(answer(1)))
    browser, sent = opened(flow)
    html = browser.post(
        f"/flows/{flow.pk}/publish/", sent | {"when_to_use": "Typed.", "definition": "{"}
    ).content.decode()
    assert ("Neither saved nor published" in html, "Typed." in html) == (True, True)
    assert not flow.versions.exists()


def test_a_draft_that_somebody_changed_is_not_published_from_an_old_page() -> None:
    flow = make_flow(definition=chain(answer(1)))
    browser, sent = opened(flow)
    somebody_else_saves(flow, when_to_use="Theirs.")
    conflict = browser.post(f"/flows/{flow.pk}/publish/", sent | {"when_to_use": "Mine."})
    assert (conflict.status_code, f'action="/flows/{flow.pk}/build/"' in conflict.content.decode()) == (409, True)
    late = browser.post(f"/flows/{flow.pk}/publish/", {"revision": "1"})
    assert late.status_code == 412
    assert "Not published: somebody changed the draft after you had opened it." in words(late.content.decode())
    assert not flow.versions.exists()
    browser.post(f"/flows/{flow.pk}/publish/", form_of(late.content.decode()))
    assert flow.versions.count() == 1


def test_publishing_an_inactive_flow_says_so_and_offers_to_activate_it() -> None:
    flow = make_flow(definition=chain(answer(1)), is_active=False)
    browser, sent = opened(flow)
    page = browser.post(f"/flows/{flow.pk}/publish/", sent, follow=True).content.decode()
    said = words(page)
    assert "Published as v1, but the flow is inactive: clients see it once you activate it." in said
    assert "v1 is published, but the flow is inactive: clients do not see it. Activate" in said
    browser.post(f"/flows/{flow.pk}/publish/", sent | {"activate": "1"})
    assert Flow.objects.get(pk=flow.pk).is_active


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
    assert done.redirect_chain == [(f"/flows/{flow.pk}/versions/3/", 302)]
    assert "As v1 &lt;b&gt;." in done.content.decode()
    assert Flow.objects.get(pk=flow.pk).definition == chain(answer(2))
    assert flow.versions.get(number=3).definition == chain(answer(1))


@pytest.mark.parametrize("action", ["restore", "publish"])
def test_versions_of_others_and_such_as_are_not_there_are_not_found(action: str) -> None:
    flow = publish(make_server(), "orders", answer(1))
    assert browser_of(make_server().owner).post(f"/flows/{flow.pk}/versions/1/{action}/").status_code == 404
    assert browser_of(flow.server.owner).post(f"/flows/{flow.pk}/versions/2/{action}/").status_code == 404
