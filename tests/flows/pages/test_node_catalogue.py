"""The catalogue of node types: every type has a page made from its class, and its example can be used as it stands."""

import html
import json
import re
from typing import Any

import pytest
from django.test import Client

from flows.engine.node import NodeContext, NodeResult
from flows.engine.registry import Registry
from flows.nodes import registry
from flows.pages import node_catalogue
from tests.factories import make_flow, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def page(client: Client) -> Any:
    client.force_login(make_user())

    def read(address: str) -> str:
        answer = client.get(address)
        assert answer.status_code == 200
        return answer.content.decode()

    return read


def types_on(text: str) -> list[str]:
    return re.findall(r'<a class="panel" href="/node-types/(\w+)/">', text)


def test_every_node_type_is_listed_under_its_group(page: Any) -> None:
    text = page("/node-types/")
    assert sorted(types_on(text)) == sorted(registry())
    groups = re.findall(r'<h2 id="group-\d+">(\w+)</h2>', text)
    assert groups[:3] == ["Start", "Data", "Logic"]
    assert types_on(text)[0] == "trigger"


def test_a_search_finds_what_says_every_word(page: Any) -> None:
    assert types_on(page("/node-types/?search=BASE64+audio")) == ["return_content"]
    assert types_on(page("/node-types/?search=retinue")) == []
    assert "No node type says all of “&lt;b&gt;”" in page("/node-types/?search=<b>")


@pytest.mark.parametrize("name", sorted(registry()))
def test_a_page_says_what_a_type_does_and_has_an_example_that_fits(page: Any, name: str) -> None:
    text = page(f"/node-types/{name}/")
    node_type = registry()[name].node_type
    assert html.escape(node_type.description) in text
    for parameter in node_type.parameters_schema["properties"]:
        assert f'<th scope="row"><code>{parameter}</code>' in text
    snippet = re.search(r'<pre id="snippet" tabindex="0">(.*?)</pre>', text, re.DOTALL)
    assert snippet is not None
    node = json.loads(html.unescape(snippet[1]))
    assert node["type"] == name
    assert registry()[name].faults(node["parameters"], "", before_filling=True) == []


def test_the_build_tab_leads_to_the_catalogue(client: Client) -> None:
    flow = make_flow()
    client.force_login(flow.server.owner)
    text = client.get(f"/flows/{flow.pk}/build/").content.decode()
    assert 'href="/node-types/"' in text
    assert 'href="/node-types/http_request/"' in text


def test_nothing_is_shown_to_strangers_and_an_unknown_type_is_not_there(client: Client) -> None:
    assert client.get("/node-types/").status_code == 302
    assert client.get("/node-types/code/").status_code == 302
    client.force_login(make_user())
    assert client.get("/node-types/telepathy/").status_code == 404


class Bare:
    """A plug-in that says only what it must."""

    type = "bare"
    title = "Bare"
    description = "Does <nothing>."
    icon = "unheard_of"
    parameters_schema: dict[str, Any] = {"type": "object", "properties": {"anything": True, "n": {"type": "integer"}}}
    handles = ("main",)
    has_effects = False

    async def execute(self, parameters: Any, context: NodeContext) -> NodeResult:
        return NodeResult(None)


def test_a_plug_in_that_says_only_what_it_must_has_its_page(page: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node_catalogue, "registry", lambda: Registry([Bare()]))
    assert types_on(page("/node-types/")) == ["bare"]
    text = page("/node-types/bare/")
    assert "Does &lt;nothing&gt;." in text
    assert "<code>n</code>" in text
    assert 'id="snippet"' not in text


def test_the_rows_of_a_parameter_are_followed_by_what_is_inside_it() -> None:
    entry = node_catalogue.entry("switch")
    assert entry is not None
    assert [(row.name, row.kind, row.is_required, row.is_literal) for row in entry.parameters] == [
        ("value", "any JSON value", False, False),
        ("cases", "list of objects", True, False),
        ("cases[].name", "text", True, True),
        (
            "cases[].operator",
            "equals | not_equals | greater | less | contains | exists | truthy",
            False,
            True,
        ),
        ("cases[].right", "any JSON value", False, False),
        ("cases[].expression", "text", False, True),
        ("inputs", "object", False, False),
    ]
    assert (entry.handles, entry.chooses_handles) == (("paid", "large", "default"), True)
