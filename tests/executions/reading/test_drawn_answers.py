"""Which answers an execution's page draws, with which document, and what it says when the record holds too little."""

from typing import Any

import pytest
from django.test import Client

from executions.models import Execution
from executions.reading.drawn_answers import CUT, HIDDEN_IN, DrawnAnswer, document_of, drawn_answer_of
from flows import mcp_apps
from flows.publishing import versions
from tests.definitions import beside, chain, node
from tests.factories import make_execution, make_flow, make_user

pytestmark = pytest.mark.django_db

ENVELOPE = {"$truncated": True, "bytes": 90_000, "sha256": "0", "head": "A", "tail": "A"}
TABLE = chain(node("table", "ui_table", rows=[]))
PAGE = {"ui": "html", "title": "", "html": "<h1>Own</h1>", "text": "Own"}


def answered(structured: Any, definition: Any = TABLE, **fields: Any) -> Execution:
    """An execution of the published version of such a flow."""
    flow = make_flow(definition=definition)
    version = versions.publish(flow)
    return make_execution(flow, flow_version=version, result={"content": [], "structuredContent": structured} | fields)


@pytest.mark.parametrize(
    ("structured", "answer"),
    [
        ({"ui": "table", "title": "T", "rows": []}, ("T", "")),
        ({"ui": "table", "title": 5}, ("", "")),
        ({"ui": "table", "title": "", "rows": [{"a": [ENVELOPE]}]}, ("", CUT)),
        (ENVELOPE, ("", CUT)),
        ({"ui": "table", "rows": [{"key": "***"}]}, ("", HIDDEN_IN)),
        ({"ui": "table", "rows": [{"a ***": 1}]}, ("", HIDDEN_IN)),
        ({"ui": "gauge"}, None),
        ({"ui": ["table"]}, None),
        ({"rows": []}, None),
        (["table"], None),
        (None, None),
    ],
)
def test_what_is_drawn_is_known_by_its_kind_and_whole(structured: Any, answer: tuple[str, str] | None) -> None:
    expected = answer and DrawnAnswer(answer[0], structured, answer[1])
    assert drawn_answer_of(answered(structured)) == expected


def test_an_error_and_a_cut_answer_of_another_flow_have_no_picture() -> None:
    assert drawn_answer_of(answered({"ui": "table"}, isError=True)) is None
    assert drawn_answer_of(answered(ENVELOPE, chain(node("end", "return", text="x")))) is None
    assert drawn_answer_of(make_execution(result=None)) is None


@pytest.mark.parametrize(
    ("definition", "html"),
    [
        (
            chain(node("page", "ui_html", html="<h1>Own</h1>", text="Own")),
            mcp_apps.own_document("<h1>Own</h1>", "Page"),
        ),
        (chain(node("page", "ui_html", html="<h1>Changed since</h1>", text="Own")), mcp_apps.document()),
        (chain(node("page", "ui_html", html="<h1>{{ trigger }}</h1>", text="Own")), mcp_apps.document()),
        (
            beside(node("page", "ui_html", html="<h1>Own</h1>", text="Own"), node("b", "ui_table", rows=[])),
            mcp_apps.document(),
        ),
        ({"nodes": "none"}, mcp_apps.document()),
    ],
)
def test_a_page_of_its_own_is_the_document_as_long_as_it_is_what_was_answered(definition: Any, html: str) -> None:
    flow = make_flow(definition=definition)
    execution = make_execution(flow, result={"content": [], "structuredContent": PAGE})
    answer = drawn_answer_of(execution)
    assert answer is not None
    assert document_of(execution, answer) == html


def test_the_record_of_a_deleted_flow_is_still_drawn(client: Client) -> None:
    execution = answered({"ui": "stat_card", "stats": []})
    owner = execution.owner
    versions.delete(execution.flow)
    client.force_login(owner)
    drawn = client.get(f"/executions/{execution.pk}/ui/", headers={"sec-fetch-dest": "iframe"})
    assert drawn.content.decode() == mcp_apps.document()


def test_the_page_says_why_it_draws_nothing_and_shows_the_text(client: Client) -> None:
    execution = answered({"ui": "table", "rows": ENVELOPE}, content=[{"type": "text", "text": "| id |"}])
    client.force_login(execution.owner)
    html = client.get(f"/executions/{execution.pk}/?view=exchange").content.decode()
    assert f'<p class="note">{CUT}</p>' in html
    assert '<details class="as-text" open>' in html
    assert "data-ui=" not in html
    assert client.get(f"/executions/{execution.pk}/ui/").status_code == 404


def test_the_exchange_shows_the_tool_with_the_page_that_it_named(client: Client) -> None:
    execution = answered({"ui": "table"})
    client.force_login(execution.owner)
    assert client.get(f"/executions/{execution.pk}/raw/contract/").json() == execution.flow_version.contract | {
        "_meta": {"ui": {"resourceUri": f"ui://{execution.server_slug}/{execution.flow_tool_name}/table"}}
    }
    assert "resourceUri" in client.get(f"/executions/{execution.pk}/?view=exchange").content.decode()


def test_nobody_else_gets_the_document(client: Client) -> None:
    execution = answered({"ui": "table"})
    client.force_login(make_user())
    assert client.get(f"/executions/{execution.pk}/ui/").status_code == 404
    client.logout()
    assert client.get(f"/executions/{execution.pk}/ui/").status_code == 302


@pytest.mark.parametrize(
    ("html", "begins", "has_bridge", "has_style"),
    [
        ("<h1>Part</h1>", "<!doctype html>\n<html lang", True, True),
        ("<!DOCTYPE html><p>x", "<!DOCTYPE html><p>x", True, False),
        ("<!-- a --> <html><body>x", "<!doctype html>\n<!-- a --> <html>", True, False),
        ("<body onload='start()'>x", "<!doctype html>\n<body", True, False),
        ("<!doctype html><script>send('ui/initialize')</script>", "<!doctype html><script>send", False, False),
    ],
)
def test_html_becomes_a_whole_document_that_talks_to_its_host(
    html: str, begins: str, has_bridge: bool, has_style: bool
) -> None:
    document = mcp_apps.own_document(html, "<T>")
    assert document.startswith(begins)
    assert html in document
    assert ("2026-01-26" in document, "--color-background-primary" in document) == (has_bridge, has_style)
    assert "<title><T>" not in document
