"""What an imported operation sends is what its document means: read off the request that the other system receives."""

import base64
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import message_from_bytes
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from executions.acting.trials import caller_of, try_out
from executions.running.targets import draft_target
from flows.adapters.http_client import outbound_client
from flows.transfer import openapi
from tests.factories import make_server
from tests.flows.transfer.test_openapi import imported

STRINGS = {"type": "array", "items": {"type": "string"}}
OBJECT = {"type": "object", "additionalProperties": {"type": "string"}}
FORM = "application/x-www-form-urlencoded"
CHOOSE = ", unless you choose another one"


@dataclass
class Other:
    """The other system: remembers what it was sent."""

    port: int = 0
    seen: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)


@pytest.fixture
def other(settings: Any) -> Iterator[Other]:
    """A real HTTP server on 127.0.0.1, which flows may call."""
    other = Other()

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            other.seen.append((self.path, {name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        do_GET = do_POST = do_PUT = do_PATCH = answer

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    served = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=served.serve_forever, daemon=True)
    thread.start()
    other.port = served.server_port
    settings.OUTBOUND_ALLOW = f"127.0.0.1:{other.port}"
    outbound_client.cache_clear()
    yield other
    outbound_client.cache_clear()
    served.shutdown()
    thread.join()
    served.server_close()


def parameter(name: str, place: str, schema: Any = STRINGS, **more: Any) -> dict[str, Any]:
    return {"name": name, "in": place, "required": place == "path", "schema": schema} | more


def body(kind: str, schema: Any, **more: Any) -> dict[str, Any]:
    return {"requestBody": {"required": True, "content": {kind: {"schema": schema} | more}}}


def document(paths: dict[str, Any], version: str = "3.1.0") -> str:
    return json.dumps({"openapi": version, "info": {"title": "t", "version": "1"}, "paths": paths})


def sent(other: Other, paths: dict[str, Any], calls: dict[str, dict[str, Any]]) -> list[tuple[str, Any, bytes]]:
    """Import the operations through the page, call each with arguments, and give what arrived, in the calls' order."""
    server = make_server()
    page = imported(server, f"http://127.0.0.1:{other.port}", *calls, text=document(paths))
    assert page.status_code == 200
    by_name = {
        operation.key: operation.tool_name
        for operation in openapi.Operations(openapi.read(document(paths))).converted()
    }
    for key, arguments in calls.items():
        flow = server.flows.get(tool_name=by_name[key])
        execution = try_out(draft_target(flow), arguments, caller_of(server.owner))
        assert execution.status == "fulfilled", execution.error_info
    return other.seen


def notes(paths: dict[str, Any], version: str = "3.1.0") -> list[list[str]]:
    return [
        each.notes for each in openapi.Operations(openapi.read(document(paths, version)), "https://a.test").converted()
    ]


@pytest.mark.django_db(transaction=True)
class TestParameters:
    def test_a_header_that_the_connection_writes_is_no_argument(self, other: Other) -> None:
        length = parameter("Content-Length", "header", {"type": "integer"}, required=True)
        paths = {"/a": {"post": {"parameters": [length]} | body("application/json", OBJECT)}}
        [(_, headers, content)] = sent(other, paths, {"post /a": {"body": {"x": "1"}}})
        assert (headers["content-length"], json.loads(content)) == (str(len(content)), {"x": "1"})

    def test_a_parameter_without_a_name_is_left_out(self) -> None:
        paths = {"/a": {"get": {"parameters": [parameter("", "header", required=True), parameter("b", "query")]}}}
        assert notes(paths) == [["a parameter without a name is left out, which would go into the header"]]

    def test_a_path_is_written_by_its_style(self, other: Other) -> None:
        scalar = {"type": "string"}
        described: dict[str, tuple[dict[str, Any], Any]] = {
            "/simple/{id}": (parameter("id", "path"), ["a,b", "c"]),
            "/members/{id}": (parameter("id", "path", OBJECT, explode=True), {"a": "1", "b": "2"}),
            "/label/{id}": (parameter("id", "path", style="label", explode=True), ["a", "b"]),
            "/matrix/{id}": (parameter("id", "path", scalar, style="matrix"), "5"),
            "/lists/{id}": (parameter("id", "path", style="matrix"), ["a", "b"]),
            "/json/{id}": (
                {"name": "id", "in": "path", "content": {"application/json": {"schema": OBJECT}}},
                {"a": "1"},
            ),
            "/fixed/{id}?x=1&y=a,b": (parameter("id", "path", scalar), "7"),
        }
        paths = {path: {"get": {"parameters": [each]}} for path, (each, _) in described.items()}
        seen = sent(other, paths, {f"get {path}": {"id": value} for path, (_, value) in described.items()})
        assert [target for target, _, _ in seen] == [
            "/simple/a%2Cb,c",
            "/members/a=1,b=2",
            "/label/.a.b",
            "/matrix/;id=5",
            "/lists/;id=a,b",
            "/json/%7B%22a%22%3A%221%22%7D",
            "/fixed/7?x=1&y=a,b",
        ]

    def test_a_query_is_written_by_its_style(self, other: Other) -> None:
        either = {"anyOf": [{"type": "object", "properties": {"gt": {"type": "integer"}}}, {"type": "integer"}]}
        paths = {
            "/q?fixed=1": {
                "get": {
                    "parameters": [
                        parameter("plain", "query"),
                        parameter("commas", "query", explode=False),
                        parameter("spaces", "query", style="spaceDelimited", explode=False),
                        parameter("pipes", "query", style="pipeDelimited"),
                        parameter("many", "query", {"anyOf": [STRINGS, {"type": "string"}]}, explode=False),
                        parameter("one", "query", {"anyOf": [STRINGS, {"type": "string"}]}, explode=False),
                        parameter("created", "query", either, style="deepObject", explode=True),
                        parameter("at", "query", either, style="deepObject", explode=True),
                        parameter("members", "query", {"allOf": [OBJECT]}),
                        parameter("pairs", "query", OBJECT, explode=False),
                        parameter("url", "query", {"type": "string"}, allowReserved=True),
                        parameter("rows", "query", {"type": "array", "items": OBJECT}),
                        {"name": "filter", "in": "query", "content": {"application/json": {"schema": OBJECT}}},
                        parameter("none", "query", explode=False),
                    ]
                }
            }
        }
        arguments = {
            "plain": ["a b", "c"],
            "commas": ["x,y", "z"],
            "spaces": ["a", "b"],
            "pipes": ["a", "b"],
            "many": ["a", "b"],
            "one": "a",
            "created": {"gt": 5},
            "at": 5,
            "members": {"m": "1", "n": "2"},
            "pairs": {"p": "1"},
            "url": "https://a.test/?b",
            "rows": [{"r": "1"}, {"r": "2"}],
            "filter": {"f": "1"},
            "none": [],
        }
        [(target, _, _)] = sent(other, paths, {"get /q?fixed=1": arguments})
        assert target.split("&") == [
            *(
                "/q?fixed=1",
                "plain=a+b",
                "plain=c",
                "commas=x%2Cy,z",
                "spaces=a%20b",
                "pipes=a%7Cb",
                "many=a,b",
                "one=a",
            ),
            *("created%5Bgt%5D=5", "at=5", "m=1", "n=2", "pairs=p,1", "url=https://a.test/?b"),
            *("rows%5B0%5D%5Br%5D=1", "rows%5B1%5D%5Br%5D=2", "filter=%7B%22f%22%3A%221%22%7D"),
        ]

    def test_a_whole_query_is_a_form_of_its_members(self, other: Other) -> None:
        schema = {"type": "object", "properties": {"a": STRINGS, "b": {"type": "integer"}}}

        def whole(kind: str, schema: Any) -> dict[str, Any]:
            return {"get": {"parameters": [{"name": "q", "in": "querystring", "content": {kind: {"schema": schema}}}]}}

        paths = {"/a": whole(FORM, schema)}
        [(path, _, _)] = sent(other, paths, {"get /a": {"q": {"a": ["x y", "z"], "b": 7}}})
        assert path == "/a?a=x%20y&a=z&b=7"
        left_out = "the optional parameter 'q' is left out: it is the whole query"
        assert notes({"/b": whole("application/json", schema), "/c": whole(FORM, {"type": "string"})}, "3.2.0") == [
            [f"{left_out} as application/json, which requests of flows do not write"],
            [f"{left_out}, and the document describes no names in it"],
        ]

    def test_an_address_of_its_own_counts_from_that_of_the_document(self) -> None:
        answer = {"responses": {}}
        paths = {
            path: {"get": {"servers": [{"url": url}]} | answer}
            for path, url in (("/a", "/v2"), ("/b", "//up.test/x/"), ("/c", "https://own.test"))
        }
        made = openapi.Operations(openapi.read(document(paths)), "https://a.test/v1").converted()
        assert [each.flow and each.flow["definition"]["nodes"][1]["parameters"]["url"] for each in made] == [
            "https://a.test/v2/a",
            "https://up.test/x/b",
            "https://own.test/c",
        ]
        own = "it has an address of its own, '/v2', which is taken for https://a.test/v2"
        assert [each.notes for each in made] == [[own], [], []]

    def test_headers_and_cookies_are_written_by_their_style(self, other: Other) -> None:
        paths = {
            "/a": {
                "get": {
                    "parameters": [
                        parameter("X-List", "header"),
                        parameter("X-Members", "header", OBJECT, explode=True),
                        parameter("X-Json", "header", content={"application/json": {"schema": OBJECT}}),
                        parameter("sid", "cookie", {"type": "string"}),
                        parameter("ids", "cookie", explode=False),
                        parameter("left", "cookie", {"type": "string"}),
                    ]
                }
            }
        }
        arguments = {
            "X-List": ["a", "b"],
            "X-Members": {"a": "1", "b": "2"},
            "X-Json": {"a": "1"},
            "sid": "x=; y",
            "ids": ["1", "2"],
        }
        [(_, headers, _)] = sent(other, paths, {"get /a": arguments})
        assert {name: headers[name] for name in ("x-list", "x-members", "x-json", "cookie")} == {
            "x-list": "a,b",
            "x-members": "a=1,b=2",
            "x-json": '{"a":"1"}',
            "cookie": "sid=x=%3B%20y; ids=1,2",
        }


@pytest.mark.django_db(transaction=True)
class TestBodies:
    def test_a_form_is_written_by_its_encoding(self, other: Other) -> None:
        schema = {
            "type": "object",
            "required": ["tags"],
            "properties": {
                "tags": STRINGS,
                "ids": STRINGS,
                "card": OBJECT,
                "meta": OBJECT,
                "json": OBJECT,
                "rows": {"type": "array", "items": OBJECT},
                "url": {"type": "string"},
            },
        }
        encoding = {
            "ids": {"style": "pipeDelimited", "explode": False},
            "card": {"style": "deepObject", "explode": True},
            "json": {"contentType": "application/json"},
            "url": {"allowReserved": True},
        }
        paths = {"/a": {"post": body(FORM, schema, encoding=encoding)}}
        arguments = {
            "tags": ["a b", "c"],
            "ids": ["1", "2"],
            "card": {"number": "1"},
            "meta": {"m": "1"},
            "json": {"j": "1"},
            "rows": [{"r": "1"}],
            "url": "a:/b",
        }
        [(_, headers, content)] = sent(other, paths, {"post /a": {"body": arguments}})
        assert headers["content-type"] == FORM
        assert content.decode().split("&") == [
            *("tags=a+b", "tags=c", "ids=1%7C2", "card%5Bnumber%5D=1", "meta=%7B%22m%22%3A%221%22%7D"),
            *("json=%7B%22j%22%3A%221%22%7D", "rows=%5B%7B%22r%22%3A%221%22%7D%5D", "url=a:/b"),
        ]
        assert notes(paths) == [
            [
                "the document does not say how the object 'meta' is written in the form; it is sent as JSON",
                "the document does not say how the object 'rows' is written in the form; it is sent as JSON",
            ]
        ]

    def test_a_multipart_body_has_files_and_fields(self, other: Other) -> None:
        schema = {
            "type": "object",
            "required": ["photo"],
            "properties": {
                "photo": {"type": "string", "format": "binary", "description": "A picture."},
                "more": {"type": "array", "items": {"type": "string", "contentMediaType": "image/png"}},
                "about": OBJECT,
                "tags": STRINGS,
                "note": {"type": "string"},
            },
        }
        encoding = {"photo": {"contentType": "image/png, image/jpeg"}, "more": {"contentType": "image/png"}}
        paths = {"/a": {"post": body("multipart/form-data", schema, encoding=encoding)}}
        data = base64.b64encode(b"\x89PNG").decode()
        arguments = {
            "photo": {"filename": "p.jpg", "contentType": "image/jpeg", "base64": data},
            "more": [{"base64": data}],
            "about": {"a": "1"},
            "tags": ["x", "y"],
            "note": "n",
        }
        [(_, headers, content)] = sent(other, paths, {"post /a": {"body": arguments}})
        message = message_from_bytes(f"Content-Type: {headers['content-type']}\r\n\r\n".encode() + content)
        parts: Any = message.get_payload()
        assert [
            (part["Content-Disposition"], part["Content-Type"], part.get_payload(decode=True)) for part in parts
        ] == [
            ('form-data; name="photo"; filename="p.jpg"', "image/jpeg", b"\x89PNG"),
            ('form-data; name="more"; filename="file"', "image/png", b"\x89PNG"),
            ('form-data; name="about"', "application/json", b'{"a": "1"}'),
            ('form-data; name="tags"', None, b"x"),
            ('form-data; name="tags"', None, b"y"),
            ('form-data; name="note"', None, b"n"),
        ]
        [operation] = openapi.Operations(openapi.read(document(paths)), "https://a.test").converted()
        assert operation.flow is not None
        fields = operation.flow["inputSchema"]["properties"]["body"]["properties"]
        assert fields["photo"] == {
            "description": "A picture.",
            "type": "object",
            "properties": {
                "filename": {"type": "string", "description": "Its name, as photo.png."},
                "contentType": {
                    "type": "string",
                    "description": "Its media type, as image/png.",
                    "enum": ["image/png", "image/jpeg"],
                },
                "base64": {"type": "string", "contentEncoding": "base64", "description": "Its bytes as base64."},
            },
            "required": ["base64"],
            "additionalProperties": False,
        }

    def test_texts_and_bytes_are_sent_with_their_media_type(self, other: Other) -> None:
        text, data = {"type": "string"}, {"type": "string", "format": "binary"}
        described = {
            "/plain": (body("text/plain", text), "é\n"),
            "/xml": (body("application/xml", OBJECT), "<a/>"),
            "/jwt": (body("application/x-token", text), "a.b.c"),
            "/bytes": (body("application/octet-stream", data), "iVBORw=="),
            "/image": (body("image/png", {}), "iVBORw=="),
            "/any": (body("*/*", data), "iVBORw=="),
            "/left": ({"requestBody": {"content": {"text/plain": {"schema": text}}}}, None),
        }
        paths = {path: {"put": each} for path, (each, _) in described.items()}
        calls = {f"put {path}": {"body": value} if value else {} for path, (_, value) in described.items()}
        assert [(headers.get("content-type"), content) for _, headers, content in sent(other, paths, calls)] == [
            ("text/plain", "é\n".encode()),
            ("application/xml", b"<a/>"),
            ("application/x-token", b"a.b.c"),
            ("application/octet-stream", b"\x89PNG"),
            ("image/png", b"\x89PNG"),
            ("application/octet-stream", b"\x89PNG"),
            ("text/plain", b""),
        ]
        assert notes(paths) == [
            *([], ["the body is application/xml: it is given as the text that is sent"], [], [], []),
            ["the body may be any */*; it is sent as application/octet-stream"],
            [],
        ]


class TestChoices:
    def test_of_several_media_types_json_is_sent_and_the_others_are_named(self) -> None:
        kinds = ("application/xml", "*/*", FORM, "application/vnd.a+json")
        content = {kind: {"schema": {"type": "object"}} for kind in kinds}
        paths: dict[str, Any] = {
            f"/{number}": {"post": {"requestBody": {"required": True, "content": dict(list(content.items())[:number])}}}
            for number in (1, 2, 3, 4)
        }
        assert notes(paths) == [
            ["the body is application/xml: it is given as the text that is sent"],
            [f"the body may also be application/xml; this tool sends */*{CHOOSE}"],
            [f"the body may also be application/xml, */*; this tool sends {FORM}{CHOOSE}"],
            [f"the body may also be application/xml, */*, {FORM}; this tool sends application/vnd.a+json{CHOOSE}"],
        ]

    def test_another_media_type_can_be_chosen_where_it_is_offered(self) -> None:
        content = {"application/json": {"schema": OBJECT}, f"{FORM}; charset=utf-8": {"schema": OBJECT}}
        paths = {
            "/both": {"post": {"requestBody": {"content": content, "required": True}}},
            "/one": {"post": body("text/plain", {"type": "string"})},
            "/any": {"post": {"requestBody": {"content": {"*/*": {}, "application/json": {}}}}},
        }
        found = openapi.Operations(openapi.read(document(paths)), "https://a.test", media_type=FORM)
        assert found.media_types == [("application/json", 1), (FORM, 1)]
        made = [each.flow["definition"]["nodes"][1]["parameters"] for each in found.converted() if each.flow]
        kinds = [[name for name in parameters if name.startswith("body")] for parameters in made]
        assert kinds == [["bodyForm"], ["bodyText"], ["bodyJson"]]

    def test_a_form_without_fields_is_not_chosen(self) -> None:
        content = {"multipart/form-data": {"schema": STRINGS}, "*/*": {"schema": STRINGS}}
        both = {"/a": {"post": {"requestBody": {"required": True, "content": content}}}}
        alone = {"/a": {"post": body("multipart/form-data", STRINGS)}}
        [one] = openapi.Operations(openapi.read(document(both)), "https://a.test").converted()
        [other] = openapi.Operations(openapi.read(document(alone)), "https://a.test").converted()
        assert one.notes == [f"the body may also be multipart/form-data; this tool sends */*{CHOOSE}"]
        assert other.problem == "its body is multipart/form-data, and the document describes no fields"

    def test_a_note_names_the_files_that_go_in_a_form_alone(self) -> None:
        binary = {"type": "string", "format": "binary"}
        fields = {"name": {"type": "string"}, "photo": binary, "more": {"type": "array", "items": binary}}
        content = {kind: {"schema": {"properties": fields}} for kind in ("application/json", "multipart/form-data")}
        assert notes({"/a": {"post": {"requestBody": {"content": content}}}}) == [
            [
                f"the body may also be multipart/form-data; this tool sends application/json{CHOOSE}",
                "files for 'photo', 'more' go as multipart/form-data alone: to send them, give the request a multipart "
                "body",
            ]
        ]

    @pytest.mark.django_db(transaction=True)
    def test_json_that_may_be_left_out_is_no_body_then(self, other: Other) -> None:
        schema = {"type": "object", "required": ["a"], "properties": {"a": {"type": "string"}}}
        kind = "application/vnd.a+json"
        paths = {"/a": {"post": {"requestBody": {"content": {kind: {"schema": schema}}}}}}
        assert notes(paths) == [[]]
        sent(other, paths, {"post /a": {}})
        sent(other, paths, {"post /a": {"body": {"a": "1"}}})
        assert [(headers.get("content-type"), content) for _, headers, content in other.seen] == [
            (None, b""),
            (kind, b'{"a": "1"}'),
        ]

    @pytest.mark.parametrize(("required", "default"), [([], {}), (["a"], None)])
    def test_a_form_that_may_be_left_out_is_empty_where_that_fits(self, required: list[str], default: Any) -> None:
        content = {FORM: {"schema": {"type": "object", "properties": {"a": {}}, "required": required}}}
        paths = {"/a": {"post": {"requestBody": {"content": content}}}}
        [operation] = openapi.Operations(openapi.read(document(paths)), "https://a.test").converted()
        assert operation.flow is not None
        given = operation.flow["inputSchema"]
        assert given["properties"]["body"].get("default") == default
        assert given.get("required", []) == ([] if default is not None else ["body"])
        told = ["the body may be left out there; this tool always asks for it"]
        assert operation.notes == ([] if default is not None else told)

    @pytest.mark.django_db(transaction=True)
    def test_what_changes_a_part_sends_no_defaults(self, other: Other) -> None:
        inner = {"type": "object", "properties": {"size": {"type": "integer", "default": 3}}}
        fields = {"events": STRINGS | {"default": ["push"]}, "inner": inner, "active": {"type": "boolean"}}
        described = body("application/json", {"type": "object", "properties": fields})
        paths = {"/a": {"patch": described, "put": described}}
        given = {"body": {"active": True, "inner": {}}}
        sent(other, paths, {"patch /a": given, "put /a": given})
        assert [json.loads(content) for _, _, content in other.seen] == [
            {"active": True, "inner": {}},
            {"active": True, "inner": {"size": 3}, "events": ["push"]},
        ]

    @pytest.mark.parametrize(
        ("part", "told"),
        [
            (
                {"parameters": [parameter("a", "query", {"type": "array", "items": OBJECT}, explode=False)]},
                "the optional parameter 'a' is left out: it is a list of lists or objects, for which the style form "
                "has no form",
            ),
            (
                {"parameters": [parameter("a", "query", {"type": "array", "items": OBJECT})]},
                "'a' is a list of lists or objects, for which no style has a form; it is sent as a[0][...]=...",
            ),
            (
                {"parameters": [parameter("a", "query", style="deepObject")]},
                "'a' may be a list, for which the style deepObject has no form; it is sent as a[0]=...",
            ),
            (
                {"parameters": [parameter("a", "query", {"properties": {"b": STRINGS}}, style="deepObject")]},
                "'a' has members that are lists or objects, for which the style deepObject has no form; they are "
                "sent as a[b][...]=...",
            ),
            (
                {"parameters": [parameter("a", "query", {"properties": {"b": STRINGS}})]},
                "'a' has members that are lists or objects, for which the style form has no form; they are sent under "
                "names of their own",
            ),
            (
                {"parameters": [parameter("a", "query", {"properties": {"b": STRINGS}}, explode=False)]},
                "'a' has members that are lists or objects, for which the style form has no form; leave them out",
            ),
            (
                body(
                    "multipart/form-data",
                    {"type": "object", "properties": {"f": {"type": "array", "items": OBJECT}}},
                    encoding={"f": {"style": "form"}},
                ),
                "'f' is a list of lists or objects, for which no style has a form; each is sent as JSON",
            ),
            (
                {"parameters": [parameter("a", "query", style="matrix")]},
                "'a' has the style 'matrix', which is none of its place; it is written as form",
            ),
            (
                {"parameters": [{"name": "a", "in": "query", "content": {"text/csv": {"schema": OBJECT}}}]},
                "the optional parameter 'a' is left out: it is a list or an object as text/csv, which requests of "
                "flows do not write",
            ),
            (
                {"parameters": [parameter("a", "path")]},
                "the parameter 'a' is left out: the path does not say where it stands",
            ),
            (
                body("multipart/form-data", OBJECT | {"properties": {"f": {}}}, encoding={"f": {"headers": {"X": {}}}}),
                "the headers of the part 'f' are not sent",
            ),
            (
                body(
                    FORM,
                    {"type": "object", "properties": {"f": {"anyOf": [OBJECT, {"type": "string"}]}}},
                ),
                "the document does not say how the object 'f' is written in the form; it is sent as f[a]=1",
            ),
            (
                body(
                    FORM,
                    {"type": "object", "properties": {"f": {"type": "array", "items": OBJECT}}},
                    encoding={"f": {"style": "pipeDelimited"}},
                ),
                "the field 'f': it is a list of lists or objects, for which the style pipeDelimited has no form; it is "
                "sent as f[0][...]=...",
            ),
            (
                body(
                    FORM,
                    {
                        "type": "object",
                        "properties": {
                            "f": {"type": "object", "properties": {"b": {"anyOf": [OBJECT, {"type": "string"}]}}}
                        },
                    },
                    encoding={"f": {"style": "deepObject"}},
                ),
                "'f' has members that are lists or objects, for which the style deepObject has no form; they are sent "
                "as f[b][...]=...",
            ),
            (
                body(
                    FORM,
                    {"type": "object", "properties": {"f": {"type": "object", "additionalProperties": OBJECT}}},
                    encoding={"f": {"style": "deepObject"}},
                ),
                "'f' has members that are lists or objects, for which the style deepObject has no form; they are sent "
                "as f[b][...]=...",
            ),
        ],
    )
    def test_what_a_document_leaves_open_is_told(self, part: dict[str, Any], told: str) -> None:
        assert notes({"/x": {"post": part}}) == [[told]]

    def test_what_needs_no_style_has_none(self) -> None:
        parameters = [
            parameter("id", "path", {"type": "string"}),
            parameter("ids", "path"),
            parameter("q", "query", {"type": "integer"}, explode=False, allowReserved=True),
            parameter("list", "query", {"anyOf": [STRINGS, {"type": "null"}]}),
            parameter("deep", "query", {"type": "string"}, style="deepObject"),
            parameter("X-A", "header"),
            parameter("c", "cookie", OBJECT),
        ]
        paths = {"/{id}/{ids}": {"get": {"parameters": parameters}}}
        [operation] = openapi.Operations(openapi.read(document(paths)), "https://a.test").converted()
        assert operation.flow is not None
        assert "styles" not in operation.flow["definition"]["nodes"][1]["parameters"]

    def test_a_media_type_cannot_smuggle_an_expression_into_a_flow(self) -> None:
        hostile = "application/{{secrets.OTHER}}"
        content = {"name": "a", "in": "query", "content": {hostile: {"schema": {"type": "string"}}}}
        paths = {"/a": {"post": body(hostile, {})}, "/b": {"post": {"parameters": [content]}}}
        first, second = openapi.Operations(openapi.read(document(paths)), "https://a.test").converted()
        assert first.flow is None
        assert second.flow is not None
        # What stands in `styles` is taken as it is written.
        styles = second.flow["definition"]["nodes"][1]["parameters"]["styles"]
        assert styles == {"query": {"a": {"contentType": hostile}}}
