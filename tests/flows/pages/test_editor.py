"""What the Build tab hands to its editor, and when it hands it nothing."""

import json
import re
from typing import Any

import pytest
from django.test import Client

from flows.models import Flow
from flows.pages.editor import can_be_edited
from tests.executions.pages.test_views import browser_of
from tests.factories import make_flow

pytestmark = pytest.mark.django_db
built = pytest.mark.canvas

NODE = {"id": "a", "type": "nothing_like_it", "name": "A", "slug": "Not a slug", "parameters": 4, "position": "here"}


@pytest.fixture
def flow() -> Flow:
    return make_flow()


@pytest.fixture
def browser(flow: Flow) -> Client:
    return browser_of(flow.server.owner)


def editor_in(page: str) -> Any:
    found = re.search(r'<script id="editor" type="application/json">(.*?)</script>', page, re.DOTALL)
    return json.loads(found[1]) if found else None


@built
def test_the_page_hands_over_the_draft_its_revision_and_all_node_types(browser: Client, flow: Flow) -> None:
    answer = browser.get(f"/flows/{flow.pk}/build/")
    given = editor_in(answer.content.decode())
    assert given["draft"]["definition"] == flow.definition
    assert (given["flowId"], given["revision"], given["faults"]) == (flow.pk, flow.revision, [])
    assert {"trigger", "http_request", "return"} <= {each["type"] for each in given["nodeTypes"]}
    assert "no-store" in answer["Cache-Control"]


@built
def test_without_scripts_the_same_page_has_the_form(browser: Client, flow: Flow) -> None:
    page = browser.get(f"/flows/{flow.pk}/build/").content.decode()
    form = page.partition('id="draft"')[2].partition("</form>")[0]
    plain = form.partition("<noscript>")[2].partition("</noscript>")[0]
    assert '<textarea name="definition"' in plain
    assert "<textarea" not in form.replace(plain, "")


@built
def test_the_form_alone_is_there_for_who_writes_json_and_after_what_could_not_be_saved(
    browser: Client, flow: Flow
) -> None:
    address = f"/flows/{flow.pk}/build/?as=json"
    written = browser.get(address).content.decode()
    refused = browser.post(address, {"definition": "{"}).content.decode()
    assert [(editor_in(page), "<noscript>" in page) for page in (written, refused)] == [(None, False)] * 2
    assert all(f'action="{address}"' in page for page in (written, refused))


def test_a_draft_is_edited_whatever_faults_it_has_as_long_as_its_parts_can_be_told_apart() -> None:
    line = {"id": "l", "sourceNodeId": "a", "targetNodeId": "gone"}
    whole = {"nodes": [NODE], "connections": [line], "notes": [{"id": "n", "text": ""}], "other": 1}
    assert can_be_edited(whole)
    broken: list[Any] = [
        None,
        [],
        {"nodes": []},
        whole | {"nodes": {}},
        whole | {"nodes": [NODE, NODE]},
        whole | {"nodes": [NODE | {"id": 4}]},
        whole | {"nodes": [None]},
        whole | {"connections": [{"id": "l"}]},
        whole | {"groups": [{"id": "g"}]},
    ]
    assert [can_be_edited(each) for each in broken] == [False] * len(broken)
