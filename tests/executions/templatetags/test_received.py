"""The page shows what the client received: pictures and sounds of known kinds, everything else as text."""

import base64
import re
from typing import Any

import pytest
from django.test import Client

from executions.models import Execution
from tests.factories import make_execution, make_flow

pytestmark = pytest.mark.django_db

SVG = base64.b64encode(b"<svg onload=alert(1)></svg>").decode()
CUT = {"$truncated": True, "bytes": 90_000, "sha256": "0", "head": "AAAA", "tail": "AAAA"}


@pytest.fixture
def page(client: Client) -> Any:
    def shown(content: Any) -> str:
        execution = make_execution(result={"content": content, "isError": False})
        client.force_login(Execution.objects.get(pk=execution.pk).owner)
        answer = client.get(f"/executions/{execution.pk}/?view=exchange")
        assert "media-src 'self' data:" in answer["Content-Security-Policy"]
        html = answer.content.decode()
        found = re.search(r'<ol class="received">(.*?)</ol>', html, re.DOTALL)
        return " ".join(found[1].split()) if found else ""

    return shown


@pytest.mark.parametrize(
    ("block", "shown"),
    [
        ({"type": "text", "text": "<b>hi</b>"}, '<pre tabindex="0">&lt;b&gt;hi&lt;/b&gt;</pre>'),
        (
            {"type": "image", "data": "AAAA", "mimeType": "image/png"},
            '<img src="data:image/png;base64,AAAA" alt="Image 1 of the answer">',
        ),
        (
            {"type": "audio", "data": "AAAA", "mimeType": "audio/wav"},
            '<audio controls src="data:audio/wav;base64,AAAA" aria-label="Sound 1 of the answer"></audio>',
        ),
        (
            {"type": "image", "data": SVG, "mimeType": "image/svg+xml"},
            '<pre tabindex="0">&lt;svg onload=alert(1)&gt;&lt;/svg&gt;</pre>',
        ),
        ({"type": "image", "data": CUT, "mimeType": "image/png"}, "Cut from the record: 90,000 bytes."),
        ({"type": "image", "data": '"><script>', "mimeType": "image/png"}, "Not base64."),
        ({"type": "image", "data": "AAAA", "mimeType": "image/heic"}, "4 characters of base64; see the raw result."),
        (
            {"type": "resource", "resource": {"uri": "a:b", "mimeType": "image/png", "blob": "AAAA"}},
            '<img src="data:image/png;base64,AAAA"',
        ),
        ({"type": "resource", "resource": {"uri": "report:7", "text": "a,b"}}, '<pre tabindex="0">a,b</pre>'),
        ({"type": "resource_link", "uri": "javascript:alert(1)", "name": "r"}, "r · javascript:alert(1)</div>"),
        ({"type": "resource_link", "uri": "https://a b", "name": "r"}, "A link; the client may fetch it."),
        (
            {"type": "text", "text": "t", "annotations": {"audience": 3, "priority": "<b>"}},
            ">priority &lt;b&gt;</span>",
        ),
        (
            {"type": "text", "text": "t", "annotations": {"audience": ["user", "assistant"], "lastModified": "2026"}},
            ">for user and assistant, last modified 2026</span>",
        ),
    ],
)
def test_each_kind_of_block_is_shown_safely(page: Any, block: Any, shown: str) -> None:
    html = page([block])
    assert shown in html
    assert "<script" not in html
    assert "href" not in html


def test_a_link_to_the_web_can_be_followed_without_telling_where_from(page: Any) -> None:
    html = page([{"type": "resource_link", "uri": 'https://example.com/?a="b"&c', "name": "r"}])
    assert (
        '<a href="https://example.com/?a=&quot;b&quot;&amp;c" rel="noopener noreferrer nofollow" target="_blank">'
        in html
    )


@pytest.mark.parametrize("content", [None, 5, [], ["text"], "text"])
def test_a_result_of_another_form_shows_nothing(page: Any, content: Any) -> None:
    assert page(content) == ""


@pytest.mark.parametrize("block", [{}, {"type": "image"}, {"type": "resource", "resource": 3}, {"type": "text"}])
def test_a_block_of_another_form_breaks_nothing(page: Any, block: Any) -> None:
    assert "<li>" in page([block])


@pytest.mark.parametrize(
    ("asked", "call"),
    [
        ("", {"method": "tools/call", "params": {"name": "greet", "arguments": {"name": "Ada"}}}),
        ("prompts/get hello", {"method": "prompts/get", "params": {"name": "hello", "arguments": {"name": "Ada"}}}),
        ("resources/read who:{name}", {"method": "resources/read", "params": {"uri": "who:{name}"}}),
    ],
)
def test_the_exchange_shows_the_request_that_the_client_made(client: Client, asked: str, call: Any) -> None:
    flow = make_flow(tool_name="greet")
    execution = make_execution(flow, initial_params={"name": "Ada"}, caller={"request": asked} if asked else {})
    client.force_login(Execution.objects.get(pk=execution.pk).owner)
    assert client.get(f"/executions/{execution.pk}/raw/request/").json() == {"jsonrpc": "2.0", "id": 1} | call
    assert f"Request: {call['method']}" in client.get(f"/executions/{execution.pk}/?view=exchange").content.decode()
