"""HTML goes out as data beside its text, and FlowHub's own pages never draw it."""

from typing import Any

import pytest
from django.test import Client

from flows.engine.node import NodeResult, Reply
from flows.nodes import registry
from tests.definitions import node
from tests.factories import call, make_server, publish
from tests.flows.nodes.conftest import Execute

HTML = "<h1 class=drawn>Berlin</h1><script>steal()</script>"
PAGE = {"html": HTML, "text": "Berlin: sunny."}


@pytest.mark.anyio
async def test_text_is_the_answer_and_html_stands_beside_it(execute: Execute) -> None:
    output = {"ui": "html", "title": "", **PAGE}
    assert await execute("ui_html", PAGE) == NodeResult(output, reply=Reply("Berlin: sunny.", output, True))


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("view", ["nodes", "exchange"])
def test_an_executions_page_shows_the_source_only(client: Client, view: str) -> None:
    server = make_server()
    execution = call(publish(server, "page", node("page", "ui_html", **PAGE)))
    client.force_login(server.owner)
    html = client.get(f"{execution.get_absolute_url()}?view={view}").content.decode()
    assert "steal()" in html
    assert "<script>steal" not in html
    assert "<h1 class=drawn" not in html


@pytest.mark.parametrize(
    ("parameters", "places"),
    [
        ({"html": HTML}, ['"text" is a required property']),
        ({"html": "", "text": "x"}, ["html"]),
        ({"html": "x" * 500_001, "text": "x"}, ["html"]),
        ({"html": "{{ a.b }}", "text": "{{ a.c }}"}, []),
    ],
)
def test_wrong_parameters_are_named(parameters: Any, places: list[str]) -> None:
    found = registry()["ui_html"].faults(parameters, "", before_filling=True)
    assert [str(fault).partition(":")[0] for fault in found] == places
