"""An HTTP request sends what its parameters say and gives out the answer, or says what came back instead."""

from typing import Any

import pytest

from flows.engine.errors import NodeFailed
from flows.engine.node import NodeContext, NodeResult
from flows.nodes import registry
from flows.nodes.http_request import HttpRequest
from tests.nodes.conftest import Execute, FakeHttp

pytestmark = pytest.mark.anyio

URL = "http://api.test/orders?key=hidden"


async def test_a_get_needs_only_its_url(execute: Execute, http: FakeHttp) -> None:
    await execute("http_request", {"url": URL})
    assert http.requests == [
        {"method": "GET", "url": URL, "headers": {}, "query": {}, "content": None, "timeout": 30.0}
    ]


async def test_everything_else_is_passed_on(execute: Execute, http: FakeHttp) -> None:
    parameters = {
        "method": "POST",
        "url": URL,
        "query": {"q": "a b", "n": 3, "ok": True, "none": None},
        "headers": {"X-Count": 2, "X-Name": "n"},
        "bodyJson": {"a": [1, None, "é"]},
        "timeout": 2,
    }
    await execute("http_request", parameters)
    assert http.requests == [
        {
            "method": "POST",
            "url": URL,
            "headers": {"X-Count": "2", "X-Name": "n", "content-type": "application/json"},
            "query": {"q": "a b", "n": "3", "ok": "true"},
            "content": b'{"a": [1, null, "\\u00e9"]}',
            "timeout": 2.0,
        }
    ]


@pytest.mark.parametrize(
    ("parameters", "content", "headers"),
    [
        ({"bodyText": "é"}, "é".encode(), {"content-type": "text/plain; charset=utf-8"}),
        ({"bodyText": "<a/>", "headers": {"Content-Type": "text/xml"}}, b"<a/>", {"Content-Type": "text/xml"}),
        ({"bodyJson": None}, b"null", {"content-type": "application/json"}),
        ({"bodyJson": "\ud800"}, b'"\\ud800"', {"content-type": "application/json"}),
        ({"bodyText": "\ud800"}, b"?", {"content-type": "text/plain; charset=utf-8"}),
    ],
)
async def test_a_body_gets_its_media_type(http: FakeHttp, parameters: Any, content: bytes, headers: Any) -> None:
    await HttpRequest().execute({"url": URL, "method": "PUT", **parameters}, NodeContext("e1", "Node", http))
    assert [(asked["content"], asked["headers"]) for asked in http.requests] == [(content, headers)]


@pytest.mark.parametrize(
    ("media_type", "raw", "body"),
    [
        ("application/json", b'{"a": 1}', {"a": 1}),
        ("application/problem+json; charset=utf-8", b"[1]", [1]),
        ("Application/JSON", b"null", None),
        ("application/json", b"  ", None),
        ("application/jsonp", b"{}", "{}"),
        ("text/plain; charset=iso-8859-1", b"caf\xe9", "café"),
        ('text/plain; charset="utf-8"', "é".encode(), "é"),
        ("text/plain; charset=unicode_escape", b"\\u0041", "\\u0041"),
        ("text/plain; charset=nonsense", b"ok", "ok"),
        ("", b"\xff", "\ufffd"),
        ("text/html", b'{"a": 1}', '{"a": 1}'),
    ],
)
async def test_the_body_is_read_by_its_media_type(
    execute: Execute, http: FakeHttp, media_type: str, raw: bytes, body: Any
) -> None:
    http.answers(200, "OK", media_type, raw)
    headers = {"content-type": media_type} if media_type else {}
    expected = NodeResult({"status": 200, "headers": headers, "body": body})
    assert await execute("http_request", {"url": URL}) == expected


@pytest.mark.parametrize("raw", [b"{", b'{"a": NaN}', b"\xff", b"[" * 100_000, b"1" * 5000])
async def test_json_that_cannot_be_read_is_a_failure_that_keeps_the_text(
    execute: Execute, http: FakeHttp, raw: bytes
) -> None:
    http.answers(200, "OK", "application/json", raw)
    with pytest.raises(NodeFailed, match=r"^GET api\.test/orders answered JSON that cannot be read: ") as caught:
        await execute("http_request", {"url": URL})
    headers = {"content-type": "application/json"}
    assert caught.value.detail == {"status": 200, "headers": headers, "body": raw.decode(errors="replace")}


async def test_an_unexpected_status_fails_with_what_came_back(execute: Execute, http: FakeHttp) -> None:
    http.answers(404, "Not Found", "application/json", b'{"error": "no such order"}')
    with pytest.raises(NodeFailed) as caught:
        await execute("http_request", {"url": URL, "method": "DELETE"})
    assert caught.value.message == 'DELETE api.test/orders answered 404 Not Found: {"error": "no such order"}'
    assert caught.value.detail == {
        "status": 404,
        "headers": {"content-type": "application/json"},
        "body": {"error": "no such order"},
    }


async def test_the_body_in_the_message_is_cut_and_the_detail_is_whole(execute: Execute, http: FakeHttp) -> None:
    http.answers(500, "", "text/plain", b"line\n" * 1000)
    with pytest.raises(NodeFailed) as caught:
        await execute("http_request", {"url": "https://ada:secret@api.test/x?token=hidden"})
    assert caught.value.message == f"GET api.test/x answered 500: {'line ' * 60}..."
    assert caught.value.detail == {
        "status": 500,
        "headers": {"content-type": "text/plain"},
        "body": "line\n" * 1000,
    }


async def test_an_unexpected_status_comes_before_a_body_that_cannot_be_read(execute: Execute, http: FakeHttp) -> None:
    http.answers(502, "Bad Gateway", "application/json", b"<html>")
    with pytest.raises(NodeFailed) as caught:
        await execute("http_request", {"url": URL})
    assert caught.value.message == "GET api.test/orders answered 502 Bad Gateway: <html>"


async def test_an_empty_answer_is_not_quoted(execute: Execute, http: FakeHttp) -> None:
    http.answers(503, "Service Unavailable", "", b"")
    with pytest.raises(NodeFailed) as caught:
        await execute("http_request", {"url": URL})
    assert caught.value.message == "GET api.test/orders answered 503 Service Unavailable."


@pytest.mark.parametrize(
    ("parameters", "status", "fails"),
    [
        ({}, 204, False),
        ({}, 301, True),
        ({"expect": [404]}, 404, False),
        ({"expect": [404]}, 200, True),
        ({"failOnStatus": False}, 500, False),
        ({"failOnStatus": False, "expect": [200]}, 500, False),
    ],
)
async def test_what_counts_as_success_can_be_said(
    execute: Execute, http: FakeHttp, parameters: Any, status: int, fails: bool
) -> None:
    http.answers(status, "", "", b"")
    if fails:
        with pytest.raises(NodeFailed, match=f"answered {status}"):
            await execute("http_request", {"url": URL, **parameters})
    else:
        result = await execute("http_request", {"url": URL, **parameters})
        assert result == NodeResult({"status": status, "headers": {}, "body": ""})


async def test_without_a_client_it_says_so() -> None:
    with pytest.raises(NodeFailed, match="No HTTP client"):
        await HttpRequest().execute({"url": URL}, NodeContext("e1", "Node"))


@pytest.mark.parametrize(
    ("parameters", "faults"),
    [
        ({}, ['"url" is a required property']),
        (
            {"url": URL, "method": "get"},
            ['method: use one of: "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"'],
        ),
        ({"url": URL, "bodyJson": 1, "bodyText": "a"}, ['bodyText: False schema does not allow "a"']),
        ({"url": URL, "timeout": 0}, ["timeout: 0 is less than or equal to the minimum of 0"]),
        ({"url": URL, "expect": [99]}, ["expect[0]: 99 is less than the minimum of 100"]),
        ({"url": URL, "headers": {"a": None}}, ['headers.a: null is not of types "boolean", "number", "string"']),
        ({"url": "{{ trigger.url }}", "timeout": "{{ trigger.t }}"}, []),
    ],
)
def test_wrong_parameters_are_named(parameters: Any, faults: list[str]) -> None:
    found = registry()["http_request"].faults(parameters, "", before_filling=True)
    assert [str(fault) for fault in found] == faults
