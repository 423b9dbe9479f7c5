"""Values arrive as their style says: the expansions of RFC 6570, read off the bytes that a server receives."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from executions.privacy.names import is_sensitive
from flows.adapters.addresses import AllowList
from flows.adapters.http_client import GuardedClient
from flows.engine.errors import NodeFailed
from flows.engine.node import NodeContext
from flows.nodes import registry
from flows.nodes.styles import STYLES
from tests.flows.adapters.test_http_client import Server, server

__all__ = ["server"]
pytestmark = pytest.mark.anyio

Send = Callable[..., Awaitable[tuple[str, dict[str, str], bytes]]]

LIST = ["blue", "black", "brown"]
OBJECT = {"R": 100, "G": 200, "B": 150}
ODD = ["a,b", "c d|e", "é&"]


@pytest.fixture
async def send(server: Server) -> AsyncIterator[Send]:
    """Have an `http_request` node call a real server; gives the target, the headers and the body that arrived."""
    client = GuardedClient(AllowList.parse(f"127.0.0.1:{server.port}"))

    async def sent(at: str = "/", **parameters: Any) -> tuple[str, dict[str, str], bytes]:
        node_type, whole = registry()["http_request"], {"url": f"http://127.0.0.1:{server.port}{at}", **parameters}
        assert node_type.faults(whole, "", before_filling=False) == []
        await node_type.node_type.execute(whole, NodeContext("e1", "Node", client))
        head, _, body = server.requests.pop().partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        return first.split(" ")[1], dict(line.split(": ", 1) for line in lines), body

    yield sent
    await client.aclose()


def style(kind: str, *, explode: bool | None = None, **more: Any) -> dict[str, Any]:
    return {"style": kind} | ({} if explode is None else {"explode": explode}) | more


@pytest.mark.parametrize(
    ("written", "value", "target"),
    [
        (None, "blue", "/a/blue/b"),
        (None, LIST, "/a/blue,black,brown/b"),
        (None, OBJECT, "/a/R,100,G,200,B,150/b"),
        (None, ODD, "/a/a%2Cb,c%20d%7Ce,%C3%A9%26/b"),
        (style("simple"), LIST, "/a/blue,black,brown/b"),
        (style("simple", explode=True), LIST, "/a/blue,black,brown/b"),
        (style("simple"), OBJECT, "/a/R,100,G,200,B,150/b"),
        (style("simple", explode=True), OBJECT, "/a/R=100,G=200,B=150/b"),
        (style("label"), "blue", "/a/.blue/b"),
        (style("label"), LIST, "/a/.blue,black,brown/b"),
        (style("label", explode=True), LIST, "/a/.blue.black.brown/b"),
        (style("label"), OBJECT, "/a/.R,100,G,200,B,150/b"),
        (style("label", explode=True), OBJECT, "/a/.R=100.G=200.B=150/b"),
        (style("matrix"), "blue", "/a/;color=blue/b"),
        (style("matrix"), "", "/a/;color/b"),
        (style("matrix"), 5, "/a/;color=5/b"),
        (style("matrix"), LIST, "/a/;color=blue,black,brown/b"),
        (style("matrix", explode=True), LIST, "/a/;color=blue;color=black;color=brown/b"),
        (style("matrix"), OBJECT, "/a/;color=R,100,G,200,B,150/b"),
        (style("matrix", explode=True), OBJECT, "/a/;R=100;G=200;B=150/b"),
        (style("matrix", explode=True), ["x", None, True], "/a/;color=x;color=true/b"),
        (style("simple", allowReserved=True), "a@b:c/d?e#f%20", "/a/a@b:c%2Fd%3Fe%23f%20/b"),
        ({"contentType": "application/json"}, {"a": [1]}, "/a/%7B%22a%22%3A%5B1%5D%7D/b"),
    ],
)
async def test_a_path_holds_the_value_as_its_style_writes_it(send: Send, written: Any, value: Any, target: str) -> None:
    styles = {"styles": {"path": {"color": written}}} if written else {}
    assert (await send("/a/{color}/b", path={"color": value}, **styles))[0] == target


@pytest.mark.parametrize(
    ("written", "value", "query"),
    [
        (None, LIST, "color=blue&color=black&color=brown"),
        (None, ["a b", "ü&"], "color=a+b&color=%C3%BC%26"),
        (None, OBJECT, "color%5BR%5D=100&color%5BG%5D=200&color%5BB%5D=150"),
        (None, {"a": {"b": [1, {"c": "d e"}]}}, "color%5Ba%5D%5Bb%5D%5B0%5D=1&color%5Ba%5D%5Bb%5D%5B1%5D%5Bc%5D=d+e"),
        (None, [{"b": 1}, None, {"b": 2}], "color%5B0%5D%5Bb%5D=1&color%5B1%5D%5Bb%5D=2"),
        (None, ["x", None, "y"], "color=x&color=y"),
        (style("form"), "blue", "color=blue"),
        (style("form"), "", "color="),
        (style("form"), False, "color=false"),
        (style("form"), 0, "color=0"),
        (style("form"), 1.5, "color=1.5"),
        (style("form"), "a b+é/?", "color=a%20b%2B%C3%A9%2F%3F"),
        (style("form"), LIST, "color=blue&color=black&color=brown"),
        (style("form", explode=False), LIST, "color=blue,black,brown"),
        (style("form", explode=False), ODD, "color=a%2Cb,c%20d%7Ce,%C3%A9%26"),
        (style("form", explode=False), "blue", "color=blue"),
        (style("form"), OBJECT, "R=100&G=200&B=150"),
        (style("form"), {"a": [1, 2], "b": {"c": 3}, "d": None}, "a=1&a=2&b%5Bc%5D=3"),
        (style("form", explode=False), OBJECT, "color=R,100,G,200,B,150"),
        (style("form", explode=False), ["x", None, 1], "color=x,1"),
        (style("spaceDelimited"), LIST, "color=blue%20black%20brown"),
        (style("spaceDelimited"), OBJECT, "color=R%20100%20G%20200%20B%20150"),
        (style("spaceDelimited", explode=True), LIST, "color=blue&color=black&color=brown"),
        (style("pipeDelimited"), LIST, "color=blue%7Cblack%7Cbrown"),
        (style("pipeDelimited"), OBJECT, "color=R%7C100%7CG%7C200%7CB%7C150"),
        (style("pipeDelimited", explode=True), OBJECT, "R=100&G=200&B=150"),
        (style("deepObject", explode=True), OBJECT, "color%5BR%5D=100&color%5BG%5D=200&color%5BB%5D=150"),
        (
            style("deepObject"),
            {"a b": {"c": [1, 2]}},
            "color%5Ba%20b%5D%5Bc%5D%5B0%5D=1&color%5Ba%20b%5D%5Bc%5D%5B1%5D=2",
        ),
        (style("deepObject"), LIST, "color%5B0%5D=blue&color%5B1%5D=black&color%5B2%5D=brown"),
        (style("deepObject"), 5, "color=5"),
        (style("form", allowReserved=True), "a/b?c=d&e+f#g[h]%2F 1", "color=a/b?c=d%26e%2Bf%23g%5Bh%5D%2F%201"),
        (style("form", explode=False, allowReserved=True), ["a:b", "c/d"], "color=a:b,c/d"),
        ({"contentType": "application/json"}, {"a": [1, "é b"]}, "color=%7B%22a%22%3A%5B1%2C%22%C3%A9%20b%22%5D%7D"),
        ({"contentType": "application/json"}, "text", "color=%22text%22"),
        ({"contentType": "text/plain"}, "a b", "color=a%20b"),
    ],
)
async def test_a_query_holds_the_value_as_its_style_writes_it(send: Send, written: Any, value: Any, query: str) -> None:
    styles = {"styles": {"query": {"color": written}}} if written else {}
    assert (await send("/q?x=1,2", query={"color": value}, **styles))[0].replace("1%2C2", "1,2") == f"/q?x=1,2&{query}"


@pytest.mark.parametrize(
    ("written", "values"),
    [
        (None, [None, {}, [None], {"a": None}, {"a": []}, [[], {}]]),
        (style("form"), [None, [], {}, [None], {"a": None}, {"a": []}, [[], {}]]),
        (style("deepObject"), [None, [], {}, [None], {"a": None}, {"a": []}, [[], {}]]),
        (style("form", explode=False), [None, [], {}, [None], {"a": None}]),
        (style("pipeDelimited"), [None, [], {}, [None], {"a": None}]),
        ({"contentType": "application/json"}, [None]),
    ],
)
async def test_null_and_what_is_empty_is_left_out_of_a_query(send: Send, written: Any, values: list[Any]) -> None:
    styles = {"styles": {"query": {"color": written}}} if written else {}
    targets = [(await send("/q", query={"color": value}, **styles))[0] for value in values]
    assert targets == ["/q"] * len(values)


async def test_parameters_with_a_style_stand_beside_those_without_and_a_credential(send: Send) -> None:
    parameters = {
        "query": {"q": "a b", "ids": [1, 2], "tag": ["x", "y"], "none": None},
        "styles": {"query": {"ids": style("form", explode=False)}},
        "auth": {"type": "query", "name": "key", "secret": "s&t"},
    }
    target, _, _ = await send("/q?fixed=1#part", **parameters)
    assert target == "/q?fixed=1&q=a+b&ids=1,2&tag=x&tag=y&key=s%26t"


@pytest.mark.parametrize(
    ("written", "value", "header"),
    [
        (None, LIST, "blue,black,brown"),
        (None, OBJECT, "R,100,G,200,B,150"),
        (style("simple"), "a b/é", "a b/é"),
        (style("simple", explode=True), OBJECT, "R=100,G=200,B=150"),
        ({"contentType": "application/json"}, {"a": [1, None]}, '{"a":[1,null]}'),
        (None, [], None),
        (None, [None], None),
        (None, {}, None),
    ],
)
async def test_a_header_holds_the_value_as_its_style_writes_it(
    send: Send, written: Any, value: Any, header: str | None
) -> None:
    styles = {"styles": {"headers": {"X-Color": written}}} if written else {}
    assert (await send(headers={"X-Color": value}, **styles))[1].get("x-color") == header


@pytest.mark.parametrize(
    ("written", "value", "cookie"),
    [
        (None, "abc/==", "color=abc/=="),
        (None, 'a;b="c d",\r\né\\', "color=a%3Bb=%22c%20d%22%2C%0D%0A%C3%A9%5C"),
        (None, LIST, "color=blue; color=black; color=brown"),
        (None, OBJECT, "R=100; G=200; B=150"),
        (style("form", explode=False), LIST, "color=blue,black,brown"),
        (style("form", explode=False), OBJECT, "color=R,100,G,200,B,150"),
        ({"contentType": "application/json"}, {"a": 1}, "color={%22a%22:1}"),
        (None, None, None),
        (None, [], None),
    ],
)
async def test_cookies_hold_the_value_as_its_style_writes_it(
    send: Send, written: Any, value: Any, cookie: str | None
) -> None:
    styles = {"styles": {"cookieParameters": {"color": written}}} if written else {}
    assert (await send(cookies={"color": value}, **styles))[1].get("cookie") == cookie


async def test_cookies_go_on_with_a_header_that_is_there(send: Send) -> None:
    assert (await send(headers={"Cookie": "a=1"}, cookies={"b": 2, "c": None}))[1]["cookie"] == "a=1; b=2"


@pytest.mark.parametrize(
    ("written", "value", "body"),
    [
        (None, {"tags": ["a b", 2], "n": None}, "tags=a+b&tags=2"),
        (None, {"card": {"number": 1, "of": {"a": "ü"}}}, "card%5Bnumber%5D=1&card%5Bof%5D%5Ba%5D=%C3%BC"),
        (None, {"items": [{"id": 1}, {"id": 2}]}, "items%5B0%5D%5Bid%5D=1&items%5B1%5D%5Bid%5D=2"),
        ({"tags": style("form", explode=False)}, {"tags": ["a,b", 2], "z": 1}, "tags=a%2Cb,2&z=1"),
        ({"tags": style("spaceDelimited")}, {"tags": ["a", "b"]}, "tags=a%20b"),
        ({"card": style("deepObject")}, {"card": {"ids": [1]}}, "card%5Bids%5D%5B0%5D=1"),
        ({"card": {"contentType": "application/json"}}, {"card": {"a": [1]}}, "card=%7B%22a%22%3A%5B1%5D%7D"),
        ({"u": style("form", allowReserved=True)}, {"u": "a:/b&c"}, "u=a:/b%26c"),
        ({"tags": style("form")}, {"tags": [], "a": {}}, ""),
    ],
)
async def test_a_form_holds_the_values_as_their_styles_write_them(
    send: Send, written: Any, value: Any, body: str
) -> None:
    styles = {"styles": {"body": written}} if written else {}
    _, headers, content = await send(method="POST", bodyForm=value, **styles)
    assert (headers["content-type"], content.decode()) == ("application/x-www-form-urlencoded", body)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        (
            {"path": {"id": [["x"]]}},
            "Path: id[0] is a list, which the style simple does not write there. Give a text or a number, or set "
            "another style.",
        ),
        (
            {"query": {"ids": [1, {"a": 1}]}, "styles": {"query": {"ids": style("pipeDelimited")}}},
            "Query: ids[1] is an object, which the style pipeDelimited does not write there. Give a text or a "
            "number, or set another style.",
        ),
        (
            {"headers": {"X-A": {"b": {"c": 1}}}},
            "Headers: X-A.b is an object, which the style simple does not write there. Give a text or a number, or set "
            "another style.",
        ),
        (
            {"query": {"a": {"b": 1}}, "styles": {"query": {"a": {"contentType": "text/csv"}}}},
            "Query: a is to be text/csv. Give it as the text that is sent.",
        ),
        ({"path": {"id": []}}, "Path: id is '[]', which leads to another address. Give it a value."),
        (
            {"path": {"id": "%2e."}, "styles": {"path": {"id": style("simple", allowReserved=True)}}},
            "Path: id is '%2e.', which leads to another address. Give it a value.",
        ),
        ({"path": {"id": "x" * 65_536}}, "Path: with id the URL has more than 65,536 characters."),
        (
            {"path": {"id": ["x"] * 40_000}, "styles": {"path": {"id": style("matrix", explode=True)}}},
            "Path: with id the URL has more than 65,536 characters.",
        ),
        (
            {"query": {"n" * 10_000: list(range(10))}},
            "Query: written out this has more than 65,536 characters. Send less, or shorter names.",
        ),
        (
            {"bodyForm": {"n" * 1_000_000: {str(number): 1 for number in range(1000)}}},
            "Form body: written out this has more than 33,554,432 characters. Send less, or shorter names.",
        ),
    ],
)
async def test_what_a_place_cannot_hold_says_what_to_change(
    send: Send,
    server: Server,
    parameters: Any,
    message: str,
) -> None:
    path = "/{id}" if "path" in parameters else "/"
    with pytest.raises(NodeFailed) as failed:
        await send(path, **parameters)
    assert failed.value.message == message
    assert server.requests == []


def test_a_style_that_a_place_has_not_is_a_fault_of_the_draft() -> None:
    parameters = {"url": "https://a.example", "styles": {"query": {"a": {"style": "matrix"}}, "answer": {}}}
    assert sorted(map(str, registry()["http_request"].faults(parameters, "", before_filling=True))) == [
        'styles.query.a.style: use one of: "form", "spaceDelimited", "pipeDelimited", "deepObject"',
        "styles: Additional properties are not allowed ('answer' was unexpected)",
    ]


def test_no_place_has_a_name_under_which_records_hide_what_stands() -> None:
    assert [name for name in STYLES["properties"] if is_sensitive(name)] == []
