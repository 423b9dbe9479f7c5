"""An HTTP request sends what its parameters say and gives out the answer, or says what came back instead."""

from typing import Any

import pytest

from flows.engine.errors import NodeFailed
from flows.engine.node import HttpResponse, NodeContext, NodeResult
from flows.nodes import registry
from flows.nodes.http_request import HttpRequest
from tests.flows.nodes.conftest import Execute, FakeHttp

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
        "query": {"q": "a b", "n": 3, "ok": True, "none": None, "tag": ["a", 2], "no": []},
        "headers": {"X-Count": 2, "X-Name": "n", "X-None": None},
        "bodyJson": {"a": [1, None, "é"]},
        "timeout": 2,
    }
    await execute("http_request", parameters)
    assert http.requests == [
        {
            "method": "POST",
            "url": URL,
            "headers": {"X-Count": "2", "X-Name": "n", "content-type": "application/json"},
            "query": {"q": "a b", "n": "3", "ok": "true", "tag": ["a", "2"], "no": []},
            "content": b'{"a": [1, null, "\\u00e9"]}',
            "timeout": 2.0,
        }
    ]


async def test_the_path_is_filled_in_and_escaped(execute: Execute, http: FakeHttp) -> None:
    parameters = {"url": "http://api.test/{shop}/orders/{id}", "path": {"id": "a/../b?c#d é{shop}", "shop": 7}}
    await execute("http_request", parameters)
    assert http.requests[0]["url"] == "http://api.test/7/orders/a%2F..%2Fb%3Fc%23d%20%C3%A9%7Bshop%7D"


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ({"id": ""}, "Path: id is '', which leads to another address. Give it a value."),
        ({"id": ".."}, "Path: id is '..', which leads to another address. Give it a value."),
        ({"id": "7", "no": "x"}, "Path: the URL does not say {no}. Write it there, or remove no."),
    ],
)
async def test_a_path_that_would_lead_elsewhere_is_not_asked(
    execute: Execute, http: FakeHttp, path: dict[str, str], message: str
) -> None:
    with pytest.raises(NodeFailed) as failed:
        await execute("http_request", {"url": "http://api.test/orders/{id}", "path": path})
    assert failed.value.message == message
    assert http.requests == []


@pytest.mark.parametrize(
    ("parameters", "content", "headers"),
    [
        ({"bodyText": "é"}, "é".encode(), {"content-type": "text/plain; charset=utf-8"}),
        ({"bodyText": "<a/>", "headers": {"Content-Type": "text/xml"}}, b"<a/>", {"Content-Type": "text/xml"}),
        (
            {"bodyForm": {"a b": "ü&", "n": 2, "ok": True, "none": None}},
            b"a+b=%C3%BC%26&n=2&ok=true",
            {"content-type": "application/x-www-form-urlencoded"},
        ),
        ({"bodyJson": None}, b"null", {"content-type": "application/json"}),
        ({"bodyJson": {}, "omitNullBody": True}, b"{}", {"content-type": "application/json"}),
        ({"bodyJson": None, "omitNullBody": True, "headers": {"Content-Type": "a/b"}}, None, {}),
        ({"bodyJson": "\ud800"}, b'"\\ud800"', {"content-type": "application/json"}),
        ({"bodyText": "\ud800"}, b"?", {"content-type": "text/plain; charset=utf-8"}),
    ],
)
async def test_a_body_gets_its_media_type(http: FakeHttp, parameters: Any, content: Any, headers: Any) -> None:
    await HttpRequest().execute({"url": URL, "method": "PUT", **parameters}, NodeContext("e1", "Node", http))
    assert [(asked["content"], asked["headers"]) for asked in http.requests] == [(content, headers)]


@pytest.mark.parametrize(
    ("media_type", "raw", "body"),
    [
        ("application/json", b'{"a": 1}', {"a": 1}),
        ("application/problem+json; charset=utf-8", b"[1]", [1]),
        ("application/json; charset=iso-8859-1", b'{"name": "M\xfcller"}', {"name": "Müller"}),
        ('application/json; charset="UTF-16"', '{"name": "Müller"}'.encode("utf-16"), {"name": "Müller"}),
        ("application/json; charset=nonsense", '["é"]'.encode(), ["é"]),
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


@pytest.mark.parametrize(
    ("auth", "headers", "query"),
    [
        ({"type": "none"}, {}, {}),
        ({"type": "bearer", "secret": "s3cr3t"}, {"authorization": "Bearer s3cr3t"}, {}),
        ({"type": "basic", "username": "ada", "secret": "pä"}, {"authorization": "Basic YWRhOnDDpA=="}, {}),
        ({"type": "header", "name": "X-Api-Key", "secret": "s3cr3t"}, {"x-api-key": "s3cr3t"}, {}),
        ({"type": "query", "name": "key", "secret": "s3cr3t"}, {}, {"key": "s3cr3t"}),
        ({"type": "basic", "username": "sk_1", "secret": ""}, {"authorization": "Basic c2tfMTo="}, {}),
        ({"type": "cookie", "name": "sid", "secret": "a=b c"}, {"cookie": "sid=a=b c"}, {}),
    ],
)
async def test_a_credential_goes_where_it_is_looked_for(
    execute: Execute, http: FakeHttp, auth: Any, headers: Any, query: Any
) -> None:
    await execute("http_request", {"url": URL, "auth": auth})
    assert [(asked["headers"], asked["query"]) for asked in http.requests] == [(headers, query)]


@pytest.mark.parametrize(
    ("auth", "fault"),
    [
        ({"type": "bearer"}, 'auth: "secret" is a required property'),
        ({"type": "basic", "secret": "s"}, 'auth: "username" is a required property'),
        ({"type": "query", "secret": "s"}, 'auth: "name" is a required property'),
        ({"type": "cookie", "secret": "s"}, 'auth: "name" is a required property'),
        ({"type": "bearer", "secret": ""}, 'auth.secret: "" is shorter than 1 character'),
        (
            {"type": "oauth2ClientCredentials", "secret": "s", "clientId": "c"},
            'auth: "tokenUrl" is a required property',
        ),
        ({"type": "bearer", "secret": "s", "scopes": "read"}, 'auth.scopes: False schema does not allow "read"'),
        (
            {"type": "digest", "secret": "s"},
            'auth.type: use one of: "none", "bearer", "basic", "header", "query", "cookie", "oauth2ClientCredentials"',
        ),
    ],
)
def test_what_a_credential_lacks_is_named(auth: Any, fault: str) -> None:
    found = registry()["http_request"].faults({"url": URL, "auth": auth}, "", before_filling=True)
    assert fault in [str(each) for each in found]


class TestSeveralCredentials:
    async def test_they_are_all_sent_and_cookies_stand_together(self, execute: Execute, http: FakeHttp) -> None:
        more = [
            {"type": "header", "name": "X-App", "secret": "a"},
            {"type": "query", "name": "key", "secret": "k"},
            {"type": "cookie", "name": "sid", "secret": "c1"},
            {"type": "cookie", "name": "csrf", "secret": "c2"},
        ]
        auth = {"type": "bearer", "secret": "t"}
        headers = {"Cookie": "lang=en", "X-Page": 2}
        await execute("http_request", {"url": URL, "headers": headers, "auth": auth, "moreAuth": more})
        assert http.requests[0]["headers"] == {
            "X-Page": "2",
            "authorization": "Bearer t",
            "x-app": "a",
            "cookie": "lang=en; sid=c1; csrf=c2",
        }
        assert http.requests[0]["query"] == {"key": "k"}

    @pytest.mark.parametrize(
        ("first", "second", "fault"),
        [
            (
                {"type": "bearer", "secret": "a"},
                {"type": "header", "name": "Authorization", "secret": "b"},
                "moreAuth[0]: the header 'authorization' is written by auth too; keep one of the two",
            ),
            (
                {"type": "query", "name": "key", "secret": "a"},
                {"type": "query", "name": "key", "secret": "b"},
                "moreAuth[0]: the query parameter 'key' is written by auth too; keep one of the two",
            ),
            (
                {"type": "cookie", "name": "sid", "secret": "a"},
                {"type": "cookie", "name": "sid", "secret": "b"},
                "moreAuth[0]: the cookie 'sid' is written by auth too; keep one of the two",
            ),
            ({"type": "query", "name": "key", "secret": "a"}, {"type": "query", "name": "Key", "secret": "b"}, None),
            ({"type": "query", "name": "key", "secret": "a"}, {"type": "header", "name": "key", "secret": "b"}, None),
            ({"type": "none"}, {"type": "bearer", "secret": "b"}, None),
        ],
    )
    async def test_two_in_one_place_are_refused_before_and_when_a_flow_runs(
        self, execute: Execute, http: FakeHttp, first: Any, second: Any, fault: str | None
    ) -> None:
        given = {"url": URL, "auth": first, "moreAuth": [second]}
        found = registry()["http_request"].faults(given, "", before_filling=True)
        assert [str(each) for each in found] == [fault or ""] * bool(fault)
        if fault is None:
            await execute("http_request", given)
            return
        named = {"url": URL, "auth": first, "moreAuth": [second | {"type": "{{ trigger.kind }}"}]}
        assert registry()["http_request"].faults(named, "", before_filling=True) == []
        with pytest.raises(NodeFailed) as failed:
            await execute("http_request", given)
        assert (failed.value.message, http.requests) == (f"{fault}.", [])

    @pytest.mark.parametrize(
        ("url", "token_url", "faults"),
        [
            (URL, "https://login.test/token", []),
            ("https://api.test/{{ trigger.id }}", "https://login.test/{{ trigger.tenant }}/token", []),
            ("{{ flowhub.url }}/mcp/demo", "https://login.test/token?a={{ trigger.a }}", []),
            ("{{ trigger.url }}", "https://login.test/token", ["url the access token"]),
            ("https://api.{{ trigger.a }}/", "https://login.test/token", ["url the access token"]),
            ("https://api.test{{ trigger.a }}", "https://login.test/token", ["url the access token"]),
            ("https://api.test@{{ trigger.a }}/", "https://login.test/token", ["url the access token"]),
            ("{{ flowhub.url }}.{{ trigger.a }}", "https://login.test/token", ["url the access token"]),
            (URL, "https://{{ trigger.tenant }}.login.test/token", ["moreAuth[0].tokenUrl the client secret"]),
            (URL, "{{ set.flowhub }}", ["moreAuth[0].tokenUrl the client secret"]),
        ],
    )
    @pytest.mark.parametrize("node_type", ["http_request", "mcp_tool"])
    def test_a_caller_does_not_choose_where_a_client_secret_or_a_token_goes(
        self, node_type: str, url: str, token_url: str, faults: list[str]
    ) -> None:
        auth = {"type": "oauth2ClientCredentials", "tokenUrl": token_url, "clientId": "c", "secret": "s"}
        given = {"url": url, "moreAuth": [auth]} if node_type == "http_request" else {"url": url, "auth": auth}
        given |= {"tool": "t"} if node_type == "mcp_tool" else {}
        found = registry()[node_type].faults(given, "", before_filling=True)
        why = "whoever calls this flow would choose where {} goes: write scheme and host of the address out"
        expected = [(path, why.format(what)) for path, _, what in (fault.partition(" ") for fault in faults)]
        place = "auth" if node_type == "mcp_tool" else "moreAuth[0]"
        assert [(each.path.replace(place, "moreAuth[0]"), each.message) for each in found] == expected

    def test_a_request_carries_five_at_most(self) -> None:
        more = [{"type": "header", "name": f"X-{number}", "secret": "s"} for number in range(5)]
        found = registry()["http_request"].faults({"url": URL, "moreAuth": more}, "", before_filling=True)
        assert [str(each).endswith("has more than 4 items") for each in found] == [True]

    @pytest.mark.parametrize(("name", "value"), [("sid", "a; admin=1"), ("a b", "x"), ("a=b", "x"), ("a;b", "x")])
    async def test_a_cookie_is_one_cookie(self, execute: Execute, http: FakeHttp, name: str, value: str) -> None:
        with pytest.raises(NodeFailed) as failed:
            await execute("http_request", {"url": URL, "auth": {"type": "cookie", "name": name, "secret": value}})
        message = "A cookie's name is letters, digits and marks as in a-b_c, and its value holds no ';'."
        assert (failed.value.message, http.requests) == (message, [])


@pytest.mark.parametrize(
    ("read_as", "media_type", "raw", "body"),
    [
        ("json", "text/plain", b'{"a": 1}', {"a": 1}),
        ("json", "", b" ", None),
        ("text", "application/json", b'{"a": 1}', '{"a": 1}'),
        ("text", "text/plain; charset=iso-8859-1", b"caf\xe9", "café"),
        ("base64", "image/png", b"\x89PNG", "iVBORw=="),
    ],
)
async def test_how_the_answer_is_read_can_be_said(
    execute: Execute, http: FakeHttp, read_as: str, media_type: str, raw: bytes, body: Any
) -> None:
    http.answers(200, "OK", media_type, raw)
    result = await execute("http_request", {"url": URL, "responseAs": read_as})
    assert result.output["body"] == body


async def test_a_failure_is_read_as_what_it_says_it_is(execute: Execute, http: FakeHttp) -> None:
    http.answers(404, "Not Found", "application/json", b'{"error": "gone"}')
    with pytest.raises(NodeFailed, match=r'answered 404 Not Found: {"error": "gone"}'):
        await execute("http_request", {"url": URL, "responseAs": "base64"})


class TestRedirects:
    """Steps by a script: what each request is answered with, in turn."""

    @staticmethod
    def hops(http: FakeHttp, *steps: tuple[int, str]) -> None:
        http.script = [
            HttpResponse(status, "", "", {"location": location} if location else {}, b"") for status, location in steps
        ]

    async def test_they_are_followed_only_when_the_node_says_so(self, execute: Execute, http: FakeHttp) -> None:
        http.answer = HttpResponse(302, "Found", URL, {"location": "https://other.test/b?token=x"}, b"")
        message = "GET api.test/orders answered 302 Found, a redirect to other.test/b that was not followed"
        with pytest.raises(NodeFailed, match=message):
            await execute("http_request", {"url": URL})
        assert len(http.requests) == 1

    @pytest.mark.parametrize(
        ("location", "goes_along"),
        [
            ("/b", True),
            ("http://api.test:80/b", True),
            ("https://api.test/b", False),
            ("http://api.test:81/b", False),
            ("http://api.test.evil.test/b", False),
            ("//other.test/b", False),
        ],
    )
    async def test_a_credential_stays_with_its_origin(
        self, execute: Execute, http: FakeHttp, location: str, goes_along: bool
    ) -> None:
        self.hops(http, (302, location), (200, ""))
        headers = {"Accept": "text/csv", "X-Custom": "maybe a key", "Cookie": "id=1"}
        auth = {"type": "query", "name": "key", "secret": "s3cr3t"}
        await execute("http_request", {"url": URL, "redirects": 1, "headers": headers, "auth": auth})
        sent = http.requests[1]
        assert sent["headers"] == (headers if goes_along else {"Accept": "text/csv"})
        assert sent["query"] == ({"key": "s3cr3t"} if goes_along else {})

    async def test_a_credential_that_was_dropped_does_not_come_back(self, execute: Execute, http: FakeHttp) -> None:
        self.hops(http, (302, "http://other.test/b"), (302, URL), (200, ""))
        await execute("http_request", {"url": URL, "redirects": 3, "auth": {"type": "bearer", "secret": "s3cr3t"}})
        assert [asked["headers"] for asked in http.requests] == [{"authorization": "Bearer s3cr3t"}, {}, {}]

    @pytest.mark.parametrize(
        ("method", "status", "following"),
        [("POST", 301, "GET"), ("POST", 303, "GET"), ("PUT", 303, "GET"), ("PUT", 302, "PUT"), ("POST", 308, "POST")],
    )
    async def test_the_method_follows_the_status(
        self, execute: Execute, http: FakeHttp, method: str, status: int, following: str
    ) -> None:
        self.hops(http, (status, "/b"), (200, ""))
        await execute("http_request", {"url": URL, "method": method, "bodyText": "a", "redirects": 1})
        sent = http.requests[1]
        expected = ("GET", None, []) if following == "GET" else (method, b"a", ["content-type"])
        assert (sent["method"], sent["content"], list(sent["headers"])) == expected

    @pytest.mark.parametrize(
        ("url", "method", "location", "message"),
        [
            (URL, "POST", "http://other.test/b", "redirected to other.test/b, to which its body is not sent"),
            ("https://api.test/a", "GET", "http://api.test/b", "api.test/a redirects from https to http"),
        ],
    )
    async def test_what_would_give_something_away_is_not_followed(
        self, execute: Execute, http: FakeHttp, url: str, method: str, location: str, message: str
    ) -> None:
        self.hops(http, (307, location), (200, ""))
        with pytest.raises(NodeFailed, match=message):
            await execute("http_request", {"url": url, "method": method, "bodyText": "a", "redirects": 1})
        assert len(http.requests) == 1

    async def test_there_are_never_more_than_were_allowed(self, execute: Execute, http: FakeHttp) -> None:
        self.hops(http, *[(302, f"/{step}") for step in range(9)])
        with pytest.raises(NodeFailed, match=r"answered 302, a redirect to api\.test/2 that was not followed"):
            await execute("http_request", {"url": URL, "redirects": 2})
        assert len(http.requests) == 3

    async def test_a_redirect_that_is_expected_is_an_answer(self, execute: Execute, http: FakeHttp) -> None:
        self.hops(http, (302, "/b"))
        result = await execute("http_request", {"url": URL, "redirects": 3, "expect": [302]})
        assert result.output["status"] == 302


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
        ({"url": URL, "bodyText": "a", "bodyForm": {}}, ["bodyForm: False schema does not allow {}"]),
        ({"url": URL, "redirects": 4}, ["redirects: 4 is greater than the maximum of 3"]),
        ({"url": URL, "timeout": 0}, ["timeout: 0 is less than or equal to the minimum of 0"]),
        ({"url": URL, "expect": [99]}, ["expect[0]: 99 is less than the minimum of 100"]),
        (
            {"url": URL, "path": {"a": None}},
            ['path.a: null is not of types "boolean", "number", "string", "array", "object"'],
        ),
        ({"url": URL, "bodyForm": {}, "bodyMultipart": {}}, ["bodyMultipart: False schema does not allow {}"]),
        ({"url": URL, "bodyMultipart": {}, "bodyBase64": ""}, ['bodyBase64: False schema does not allow ""']),
        ({"url": "{{ trigger.url }}", "timeout": "{{ trigger.t }}"}, []),
    ],
)
def test_wrong_parameters_are_named(parameters: Any, faults: list[str]) -> None:
    found = registry()["http_request"].faults(parameters, "", before_filling=True)
    assert [str(fault) for fault in found] == faults


@pytest.mark.parametrize(
    ("status", "is_final"), [(301, True), (404, True), (408, False), (429, False), (500, False), (503, False)]
)
async def test_a_failure_says_whether_another_attempt_is_worth_it(
    execute: Execute, http: FakeHttp, status: int, is_final: bool
) -> None:
    http.answers(status, "Reason", "", b"")
    with pytest.raises(NodeFailed) as raised:
        await execute("http_request", {"url": URL})
    assert (raised.value.is_final, raised.value.retry_after) == (is_final, None)


@pytest.mark.parametrize(
    ("header", "least", "most"),
    [
        ("120", 120, 120),
        (" 5 ", 5, 5),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0, 0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 1e11, 1e12),
        ("soon", None, None),
        ("-1", None, None),
        ("", None, None),
    ],
)
async def test_the_wait_that_an_answer_asks_for_is_passed_on(
    execute: Execute, http: FakeHttp, header: str, least: float | None, most: float | None
) -> None:
    http.answer = HttpResponse(429, "Too Many Requests", URL, {"retry-after": header}, b"")
    with pytest.raises(NodeFailed) as raised:
        await execute("http_request", {"url": URL})
    found = raised.value.retry_after
    assert found is None if least is None or most is None else found is not None and least <= found <= most
