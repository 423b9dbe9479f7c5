"""A draft that ran is shown as it was, whatever became of it."""

import re
from typing import Any

import pytest
from rest_framework.test import APIClient

from executions.models import Execution, KeptDraft
from flows.models import Flow
from tests.definitions import chain
from tests.executions.pages.test_views import browser_of, words
from tests.factories import call, make_flow, make_server, make_user, publish

pytestmark = pytest.mark.django_db(transaction=True)


def answer(text: str) -> dict[str, Any]:
    """A return node of this name."""
    return {"id": "answer", "type": "return", "name": text, "slug": "answer", "parameters": {"text": text}}


def save(flow: Flow, definition: Any) -> None:
    flow.definition = definition
    flow.save()


def test_the_graph_of_a_test_is_that_of_the_draft_that_ran_and_each_draft_is_kept_once() -> None:
    flow = make_flow(definition=chain(answer("First")), input_schema={"type": "object"})
    script, browser = APIClient(), browser_of(flow.server.owner)
    script.force_authenticate(flow.server.owner)

    def called() -> Execution:
        made = script.post(f"/api/flows/{flow.pk}/test/", {"arguments": {}}, format="json")
        assert made.status_code == 201, made.json()
        return Execution.objects.get(pk=made.json()["id"])

    one, same = called(), called()
    save(flow, chain(answer("Second")))
    other = called()
    save(flow, {"nodes": [], "connections": []})
    assert one.draft_digest == same.draft_digest != other.draft_digest
    assert {kept.pk: kept.definition for kept in KeptDraft.objects.all()} == {
        one.draft_digest: chain(answer("First")),
        other.draft_digest: chain(answer("Second")),
    }
    for execution, name in ((one, "First"), (same, "First"), (other, "Second")):
        html = browser.get(f"/executions/{execution.pk}/?view=graph").content.decode()
        assert re.findall(r'class="box is-(\w+)"', html) == ["completed", "completed"]
        assert name in words(html)
        assert "draft of today" not in html
    page = f"/flows/{flow.pk}/compare/?left={one.pk}&right="
    assert "Both ran the same draft." in browser.get(page + str(same.pk)).content.decode()
    assert "Both ran a draft, which changed in between." in browser.get(page + str(other.pk)).content.decode()
    assert browser_of(make_user()).get(f"/executions/{one.pk}/?view=graph").status_code == 404


def test_nothing_is_kept_of_a_call_of_a_version() -> None:
    flow = publish(make_server(), "tool", answer("Done"))
    assert (call(flow).draft_digest, KeptDraft.objects.count()) == (None, 0)
