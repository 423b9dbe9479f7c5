"""What an operation answers: its output schema, and that what another system sends is given out by it."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from executions.acting.trials import caller_of, try_out
from executions.models import Execution
from executions.running.targets import draft_target
from flows.adapters.http_client import outbound_client
from flows.publishing import versions
from flows.transfer import openapi
from flows.transfer.openapi.answers import MAX_ANSWER_BYTES
from tests.factories import make_server
from tests.flows.transfer.test_openapi import AS_IT_COMES, imported, operations

JSON = "application/json"
ORDER = {
    "type": "object",
    "description": "An order.",
    "required": ["id", "state"],
    "additionalProperties": False,
    "properties": {
        "id": {"type": "string", "format": "uuid", "readOnly": True, "pattern": "^[0-9a-f-]+$"},
        "state": {"type": "string", "enum": ["open", "closed"], "description": "Where it is."},
        "price": {"type": "number", "minimum": 0, "multipleOf": 0.01},
        "buyer": {"type": "string", "nullable": True},
        "card": {"type": "string", "writeOnly": True},
        "parts": {"type": "array", "minItems": 1, "items": {"type": "object", "properties": {"name": {}}}},
        "labels": {"type": "object", "additionalProperties": {"type": "string"}},
        "placed": {"type": "string", "format": "date-time"},
    },
}
ORDER_ANSWER = {
    "type": "object",
    "description": "An order.",
    "properties": {
        "id": {"type": "string", "description": "Form: uuid."},
        "state": {"type": "string", "description": "Where it is. One of: open, closed."},
        "price": {"type": ["number", "null"]},
        "buyer": {"type": ["string", "null"]},
        "parts": {"type": ["array", "null"], "items": {"type": "object", "properties": {"name": {}}}},
        "labels": {"type": ["object", "null"], "additionalProperties": {"type": "string"}},
        "placed": {"type": ["string", "null"], "description": "Form: date-time."},
    },
}


def said(status: str, media_type: str = "", schema: Any = None, **more: Any) -> dict[str, Any]:
    """One response of an operation."""
    media = more | ({} if schema is None else {"schema": schema})
    return {status: {"description": "OK"} | ({"content": {media_type: media}} if media_type else {})}


def document(responses: Any, method: str = "get", version: str = "3.0.3", **schemas: Any) -> str:
    operation = {"operationId": "fetch_thing", "summary": "Fetch it", "responses": responses}
    whole = {"openapi": version, "paths": {"/thing": {method: operation}}, "components": {"schemas": schemas}}
    return json.dumps(whole)


def flow_of(text: str) -> dict[str, Any]:
    [operation] = operations(text).values()
    assert operation.flow is not None, operation.problem
    return operation.flow


def schema_of(schema: Any, version: str = "3.1.0", **schemas: Any) -> Any:
    """The output schema for one declared answer."""
    return flow_of(document(said("200", JSON, schema), version=version, **schemas))["outputSchema"]


@dataclass
class Api:
    """The other system: sends what it is told to, and remembers what it was asked."""

    port: int = 0
    sends: tuple[int, str | None, bytes] = (200, JSON, b"{}")
    seen: list[dict[str, str]] = field(default_factory=list)


@pytest.fixture
def api(settings: Any) -> Iterator[Api]:
    """A real HTTP server on 127.0.0.1, which flows may call."""
    api = Api()

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("content-length", 0)))
            api.seen.append({name.lower(): value for name, value in self.headers.items()})
            status, media_type, body = api.sends
            self.send_response(status)
            if media_type:
                self.send_header("content-type", media_type)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(b"" if self.command == "HEAD" else body)

        do_GET = do_HEAD = do_POST = do_DELETE = answer

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    served = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=served.serve_forever, daemon=True)
    thread.start()
    api.port = served.server_port
    settings.OUTBOUND_ALLOW = f"127.0.0.1:{api.port}"
    outbound_client.cache_clear()
    yield api
    outbound_client.cache_clear()
    served.shutdown()
    thread.join()
    served.server_close()


def called(api: Api, text: str, *sends: tuple[int, str | None, bytes]) -> list[Execution]:
    """Import the one operation of a document through the pages, and call it once for each thing to be sent back."""
    server = make_server()
    [operation] = operations(text)
    imported(server, f"http://127.0.0.1:{api.port}", operation, text=text)
    flow = server.flows.get()
    assert versions.draft_faults(flow) == []
    executions = []
    for answer in sends:
        api.sends = answer
        executions.append(try_out(draft_target(flow), {}, caller_of(server.owner)))
    return executions


def given(execution: Execution) -> Any:
    """The structured content of an answer, or its text where there is none."""
    assert execution.status == "fulfilled", execution.error_info
    [block] = execution.result["content"]
    return execution.result.get("structuredContent", block["text"])


@pytest.mark.django_db(transaction=True)
class TestCalling:
    @pytest.mark.parametrize(
        "responses", [said("200"), said("2XX", JSON), said("default", JSON, ORDER) | said("400", JSON, ORDER)]
    )
    def test_what_is_not_declared_is_given_out_as_it_comes(self, api: Api, responses: Any) -> None:
        executions = called(
            api,
            document(responses),
            (200, JSON, b'{"id": 7}'),
            (200, "application/vnd.a+json", b"[1]"),
            (200, JSON, b"0"),
            (200, "text/plain", b"hello"),
            (200, JSON, b'"hello"'),
            (202, None, b""),
            (204, JSON, b""),
        )
        done = "Done: the other system answered {}."
        assert [given(each) for each in executions] == [
            *({"id": 7}, [1], 0, "hello", "hello"),
            *(done.format(202), done.format(204)),
        ]
        assert ["structuredContent" in each.result for each in executions] == [True] * 3 + [False] * 4

    def test_real_answers_fit_the_output_schema_though_they_are_not_what_the_document_says(self, api: Api) -> None:
        answers = [
            {"id": "7", "state": "open"},
            {"id": "no uuid", "state": "new", "price": -1.999, "placed": "yesterday", "parts": []},
            {"state": "open", "buyer": None, "price": None, "parts": None, "more": [1]},
            {},
        ]
        sends = [(200, JSON, json.dumps(answer).encode()) for answer in answers]
        executions = called(api, document(said("200", JSON, ORDER)), *sends)
        assert [given(each) for each in executions] == answers
        assert api.seen[0]["accept"] == JSON

    def test_an_answer_without_a_body_or_with_another_type_fits_too(self, api: Api) -> None:
        executions = called(
            api,
            document(said("200", JSON, ORDER)),
            (204, None, b""),
            (200, JSON, b"null"),
            (200, "text/html", b'{"id": "7"}'),
        )
        assert [given(each) for each in executions] == [{}, {}, {"id": "7"}]

    def test_a_list_is_a_list_and_null_without_a_body(self, api: Api) -> None:
        text = document(said("200", JSON, {"type": "array", "items": ORDER}))
        executions = called(api, text, (200, JSON, b'[{"id": "7"}]'), (204, None, b""))
        assert [given(each) for each in executions] == [[{"id": "7"}], None]

    def test_what_is_no_success_is_an_error_with_status_and_body(self, api: Api) -> None:
        text = document(said("200", JSON, ORDER) | said("404", JSON, {"type": "object"}) | said("default", JSON, {}))
        [execution] = called(api, text, (404, JSON, b'{"error": "gone"}'))
        message = f'GET 127.0.0.1:{api.port}/thing answered 404 Not Found: {{"error": "gone"}}'
        assert (execution.status, execution.error_info["message"]) == ("error", message)

    def test_files_are_given_out_as_base64(self, api: Api) -> None:
        text = document(said("200", "image/png", {"type": "string"}))
        [execution] = called(api, text, (200, "image/png", b"\x89PNG"))
        assert given(execution) == {"contentType": "image/png", "base64": "iVBORw=="}
        assert api.seen[0]["accept"] == "image/png"

    def test_a_head_answers_with_headers(self, api: Api) -> None:
        [execution] = called(api, document(said("200", JSON, ORDER), "head"), (200, JSON, b"{}"))
        assert given(execution)["content-length"] == "2"


class TestOutputSchemas:
    def test_names_nesting_and_types_are_kept_and_what_servers_do_not_hold_to_is_not(self) -> None:
        flow = flow_of(document(said("200", JSON, ORDER)))
        assert flow["outputSchema"] == ORDER_ANSWER
        assert flow["toolDescription"] == (
            "Fetch it.\n\nCalls GET /thing.\n\n"
            "Answers with an object: id, state, price, buyer, parts (a list, each an object: name), labels, placed."
        )
        request, answer = flow["definition"]["nodes"][1:]
        assert request["parameters"] == {
            "method": "GET",
            "url": "https://api.test/thing",
            "headers": {"Accept": JSON},
            "responseAs": "json",
        }
        assert answer["parameters"] == {"json": "{{ request.body ?? {} }}"}

    @pytest.mark.parametrize(
        ("responses", "schema"),
        [
            (said("204") | said("200", JSON, ORDER), ORDER_ANSWER),
            (said("200", JSON, ORDER) | said("201", JSON, ORDER), ORDER_ANSWER),
            (said("200", "*/*", ORDER), ORDER_ANSWER),
            (
                said("200", JSON, {"properties": {"a": {"type": "integer"}}})
                | said("202", JSON, {"type": "object", "required": ["b"], "properties": {"b": {"type": "string"}}}),
                {
                    "type": "object",
                    "anyOf": [
                        {"type": "object", "properties": {"a": {"type": ["integer", "null"]}}},
                        {"type": "object", "properties": {"b": {"type": "string"}}},
                    ],
                },
            ),
            (said("200", JSON, ORDER) | said("201", "text/plain", {"type": "string"}), None),
            (said("200", "text/event-stream", {}) | said("201", JSON, ORDER), None),
            ({"200": {"content": {JSON: {"schema": ORDER}, "text/event-stream": {}}}}, None),
            ({"200": {"content": {JSON: {"schema": ORDER}, "application/xml": {}}}}, ORDER_ANSWER),
            (said("default", JSON, ORDER), None),
            (said("200", JSON, {"type": "object"}), None),
            (said("200", JSON, {"type": "string"}), None),
            (said("200", JSON, {"anyOf": [ORDER, {}]}), None),
            ({"200": {"$ref": "other.yaml"}}, None),
            ({"200": {"content": {JSON: {"schema": {"type": [{}], "properties": 7}}}}}, None),
            (7, None),
        ],
    )
    def test_there_is_one_where_every_success_is_json_of_which_something_is_known(
        self, responses: Any, schema: Any
    ) -> None:
        flow = flow_of(document(responses))
        assert flow["outputSchema"] == schema
        if schema is None:
            assert flow["definition"]["nodes"][2]["parameters"] == AS_IT_COMES

    @pytest.mark.parametrize(
        ("schema", "taken"),
        [
            (
                {"allOf": [{"$ref": "#/components/schemas/Base"}, {"properties": {"b": {"type": "integer"}}}]},
                {
                    "type": "object",
                    "properties": {"b": {"type": ["integer", "null"]}, "a": {"type": ["string", "null"]}},
                },
            ),
            (
                {"oneOf": [{"$ref": "#/components/schemas/Base"}, {"type": "array", "items": {"type": "string"}}]},
                {
                    "anyOf": [
                        {"type": "object", "properties": {"a": {"type": ["string", "null"]}}},
                        {"type": "array", "items": {"type": "string"}},
                        {"type": "null"},
                    ]
                },
            ),
            (
                {"type": ["object", "null"], "properties": {"a": {"type": ["string", "integer", "null"]}}},
                {"type": ["object", "null"], "properties": {"a": {"type": ["string", "integer", "null"]}}},
            ),
            (
                {
                    "properties": {
                        "kind": {"const": "cat"},
                        "at": {"$ref": "#/components/schemas/Base", "description": "B"},
                    }
                },
                {
                    "type": "object",
                    "properties": {
                        "kind": {"description": "One of: cat."},
                        "at": {
                            "type": ["object", "null"],
                            "properties": {"a": {"type": ["string", "null"]}},
                            "description": "B",
                        },
                    },
                },
            ),
        ],
    )
    def test_combined_schemas_are_written_out(self, schema: Any, taken: Any) -> None:
        base = {"type": "object", "properties": {"a": {"type": "string"}}}
        assert schema_of(schema, Base=base) == taken

    def test_what_holds_itself_ends(self) -> None:
        tree = {
            "type": "object",
            "required": ["below"],
            "properties": {"below": {"type": "array", "items": {"$ref": "#/components/schemas/Tree"}}},
        }
        # Five levels of a list of objects.
        taken: Any = {"type": "array"}
        for inner in ("object", "array", "object"):
            taken = (
                {"type": "object", "properties": {"below": taken}}
                if inner == "object"
                else {"type": "array", "items": taken}
            )
        assert schema_of({"$ref": "#/components/schemas/Tree"}, Tree=tree) == {
            "type": "object",
            "properties": {"below": {"type": "array", "items": taken}},
        }
        circle = {"allOf": [{"$ref": "#/components/schemas/Circle"}]}
        assert schema_of({"$ref": "#/components/schemas/Circle"}, Circle=circle) is None

    def test_a_large_one_is_cut_where_it_is_deepest_and_one_too_large_is_told_in_words_alone(self) -> None:
        def wide(count: int, child: Any) -> dict[str, Any]:
            return {
                "type": "object",
                "required": [f"p{n}" for n in range(count)],
                "properties": dict.fromkeys([f"p{n}" for n in range(count)], child),
            }

        text = {"type": "string"}
        assert schema_of(wide(9, wide(9, wide(9, text)))) == {
            "type": "object",
            "properties": {
                f"p{n}": {"type": "object", "properties": {f"p{m}": {"type": "object"} for m in range(9)}}
                for n in range(9)
            },
        }
        assert schema_of(wide(500, text)) is None
        long = text | {
            "description": "So much is said of this one that a hundred of them are more than there is room for."
        }
        assert len(json.dumps(wide(99, long))) > MAX_ANSWER_BYTES
        flow = flow_of(document(said("200", JSON, wide(99, long))))
        assert flow["outputSchema"] is None
        assert flow["toolDescription"].endswith(
            "Answers with an object: p0, p1, p2, p3, p4, p5, p6, p7, p8, p9, p10, p11."
        )

    def test_schemas_that_double_at_each_reference_take_no_time(self) -> None:
        schemas: dict[str, Any] = {"S0": {"type": "string"}}
        for number in range(1, 40):
            reference = {"$ref": f"#/components/schemas/S{number - 1}"}
            schemas[f"S{number}"] = {
                "type": "object",
                "properties": {f"p{n}": reference for n in range(30)},
                "allOf": [reference] * 30,
            }
        assert schema_of({"$ref": "#/components/schemas/S39"}, **schemas) is None

    @pytest.mark.parametrize(
        ("content", "words"),
        [
            ({JSON: {"example": {"id": 7}}}, 'Answers as this example: {"id": 7}'),
            ({JSON: {"examples": {"a": {"value": [1, 2]}}}}, "Answers as this example: [1, 2]"),
            ({JSON: {"example": "x" * 500}}, ""),
            ({"text/csv": {}}, "Answers with text/csv."),
            ({JSON: {"schema": {"type": "string"}}}, "Answers with a text."),
            (
                {JSON: {"schema": {"type": "array", "items": {"type": "integer"}}}},
                "Answers with a list, each a number.",
            ),
            ({}, ""),
        ],
    )
    def test_the_description_says_what_comes_back_where_it_is_known(self, content: Any, words: str) -> None:
        flow = flow_of(document({"200": {"description": "OK", "content": content}}))
        assert flow["toolDescription"] == f"Fetch it.\n\nCalls GET /thing.\n\n{words}".strip()

    def test_words_of_the_response_are_told_where_nothing_else_is(self) -> None:
        flow = flow_of(document({"200": {"description": "The <b>orders</b> of this week."}}))
        assert flow["toolDescription"].endswith("Answers: The orders of this week.")


class TestAccept:
    @pytest.mark.parametrize(
        ("names", "accept"),
        [
            (["application/xml", JSON], JSON),
            (["application/json; charset=utf-8"], "application/json; charset=utf-8"),
            (["application/hal+json", "text/plain"], "application/hal+json"),
            (["text/csv"], "text/csv"),
            (["*/*"], None),
            (["application/*"], None),
            (["application/json\r\nx: y"], None),
            (["application/{{ secrets.KEY }}+json"], None),
            ([], None),
        ],
    )
    def test_the_declared_media_type_is_asked_for_json_first(self, names: list[str], accept: str | None) -> None:
        flow = flow_of(document({"200": {"description": "OK", "content": {name: {} for name in names}}}))
        headers = flow["definition"]["nodes"][1]["parameters"].get("headers", {})
        assert headers == ({} if accept is None else {"Accept": accept})


def test_every_answer_makes_a_flow_that_can_be_published() -> None:
    for responses in (said("200", JSON, ORDER), said("200"), said("200", "image/png"), said("200", "text/plain")):
        for operation in openapi.Operations(openapi.read(document(responses)), "https://api.test").converted():
            assert operation.flow is not None
            versions.graph_of(operation.flow["definition"])
