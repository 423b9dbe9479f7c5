"""Flows from OpenAPI documents: what each operation becomes, and that it sends what the operation wants."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from executions.acting.trials import caller_of, try_out
from executions.running.targets import draft_target
from flows.adapters.http_client import outbound_client
from flows.engine.errors import DefinitionError
from flows.models import Flow, Server
from flows.publishing import versions
from flows.transfer import openapi
from tests.executions.pages.test_views import browser_of
from tests.factories import make_server

NULL = {"type": "null"}
AS_IT_COMES = {
    "asItComes": {
        "value": "{{ request.body }}",
        "ifEmpty": "Done: the other system answered {{ request.status }}.",
    }
}
ORDERS = """
openapi: 3.0.3
info: {title: Orders, version: 1.2.0}
servers:
  - url: https://{region}.shop.test/{version}/
    variables:
      region: {default: eu, enum: [eu, us]}
      version: {default: v1}
security: [{apiKey: []}]
paths:
  /orders/{id}:
    parameters:
      - {name: id, in: path, required: true, schema: {type: string}, description: "The order's id."}
    get:
      operationId: getOrderById
      summary: Look up an order
      description: Returns one order.
      parameters:
        - {name: fields, in: query, schema: {type: array, items: {type: string}}}
        - {name: page, in: query, schema: {type: integer, minimum: 0, exclusiveMinimum: true}}
        - {name: sort, in: query, schema: {type: string, enum: [NO, "yes"], default: NO}}
        - {name: X-Trace, in: header, schema: {type: string, nullable: true}}
        - {name: session, in: cookie, schema: {type: string}}
      responses:
        200: {description: ok, content: {application/json: {schema: {type: object}}}}
    delete:
      summary: Cancel
      security: []
      responses: {204: {description: gone}}
  /orders:
    post:
      operationId: create_order
      security: [{login: []}]
      requestBody:
        required: true
        content: {application/vnd.shop+json: {schema: {$ref: '#/components/schemas/Order'}}}
      responses: {201: {description: made, content: {text/plain: {}}}}
    patch:
      operationId: patchOrder
      deprecated: true
      security: [{token: [write]}]
      requestBody: {content: {application/x-www-form-urlencoded: {schema: {type: object, properties: {a: {}}}}}}
      responses: {200: {description: ok}}
    put:
      operationId: upload
      requestBody: {required: true, content: {multipart/mixed: {}}}
      responses: {200: {description: ok}}
components:
  schemas:
    Order:
      type: object
      required: [id, item]
      x-internal: true
      properties:
        id: {type: string, readOnly: true}
        item: {type: string, pattern: '^(?!no)', example: pen}
        placed: {type: string, format: date, example: 2026-01-02}
        parts: {type: array, items: {$ref: '#/components/schemas/Order'}}
  securitySchemes:
    apiKey: {type: apiKey, in: header, name: X-Api-Key}
    login: {type: http, scheme: Basic}
    token: {type: oauth2, flows: {}}
"""


def operations(text: str = ORDERS, address: str = "https://api.test") -> dict[str, openapi.Operation]:
    return {operation.key: operation for operation in openapi.Operations(openapi.read(text), address).converted()}


def or_null(schema: dict[str, Any]) -> dict[str, Any]:
    """An optional parameter, as every framework reads it."""
    return {"anyOf": [schema, {"type": "null"}], "default": None}


def request_in(operation: openapi.Operation) -> dict[str, Any]:
    assert operation.flow is not None, operation.problem
    return dict(operation.flow["definition"]["nodes"][1]["parameters"])


class TestOperations:
    def test_the_address_is_that_of_the_first_server_with_its_variables_filled_in(self) -> None:
        assert openapi.address_of(openapi.read(ORDERS)) == "https://eu.shop.test/v1"

    def test_a_read_becomes_a_tool_with_typed_parameters(self) -> None:
        operation = operations()["get /orders/{id}"]
        assert operation.flow is not None
        definition = operation.flow.pop("definition")
        assert operation.flow == {
            "name": "Look up an order",
            "toolName": "get_order_by_id",
            "toolDescription": (
                "Look up an order.\n\nReturns one order.\n\nCalls GET /orders/{id}.\n\nAnswers with an object."
            ),
            "whenToUse": "",
            "whenNotToUse": "",
            "inputSchema": {
                "type": "object",
                "properties": {
                    "id": {"type": "string", "description": "The order's id."},
                    "fields": or_null({"type": "array", "items": {"type": "string"}}),
                    "page": or_null({"type": "integer", "exclusiveMinimum": 0}),
                    "sort": {"type": "string", "enum": ["NO", "yes"], "default": "NO"},
                    "X-Trace": or_null({"type": "string"}),
                    "session": or_null({"type": "string"}),
                },
                "required": ["id"],
                "additionalProperties": False,
            },
            "outputSchema": None,
            "annotations": {
                "readOnlyHint": True,
                "destructiveHint": False,
                "idempotentHint": True,
                "openWorldHint": True,
            },
            "timeoutSeconds": 300,
            "answerSeconds": None,
        }
        assert [(node["type"], node["parameters"]) for node in definition["nodes"]] == [
            ("trigger", {}),
            (
                "http_request",
                {
                    "method": "GET",
                    "url": "https://api.test/orders/{id}",
                    "path": {"id": "{{ trigger.id }}"},
                    "query": {
                        "fields": "{{ trigger.fields }}",
                        "page": "{{ trigger.page }}",
                        "sort": "{{ trigger.sort }}",
                    },
                    "headers": {"Accept": "application/json", "X-Trace": "{{ trigger.X-Trace }}"},
                    "cookies": {"session": "{{ trigger.session }}"},
                    "auth": {"type": "header", "name": "X-Api-Key", "secret": "{{ secrets.API_KEY }}"},
                },
            ),
            ("return", AS_IT_COMES),
        ]
        assert operation.notes == []

    def test_a_body_is_one_parameter_without_what_only_answers_hold(self) -> None:
        operation = operations()["post /orders"]
        request = request_in(operation)
        assert request["bodyJson"] == "{{ trigger.body }}"
        assert request["headers"] == {"Content-Type": "application/vnd.shop+json", "Accept": "text/plain"}
        assert request["auth"] == {
            "type": "basic",
            "username": "{{ secrets.LOGIN_USER }}",
            "secret": "{{ secrets.LOGIN_PASSWORD }}",
        }
        assert operation.flow is not None
        assert operation.flow["inputSchema"]["properties"]["body"] == {
            "type": "object",
            "required": ["item"],
            "properties": {
                "item": {"type": "string", "description": "For example: pen."},
                "placed": {"type": "string", "format": "date", "description": "For example: 2026-01-02."},
                "parts": {"type": "array", "items": {}},
            },
            "description": "Order, the body of the request.",
        }
        assert operation.flow["definition"]["nodes"][2]["parameters"] == AS_IT_COMES
        assert (operation.flow["name"], operation.flow["toolDescription"]) == (
            "Create order",
            "Create order.\n\nCalls POST /orders.\n\nAnswers with text/plain.",
        )
        assert operation.notes == [
            "the pattern '^(?!no)' cannot be checked here; the other system checks it",
            "Order holds itself; inside itself any value is taken",
        ]

    def test_other_methods_say_what_they_do_and_what_cannot_be_sent_says_why(self) -> None:
        found = operations()
        delete, patch, put = found["delete /orders/{id}"], found["patch /orders"], found["put /orders"]
        assert delete.flow is not None
        assert delete.flow["annotations"] == {
            "readOnlyHint": False,
            "destructiveHint": True,
            "idempotentHint": True,
            "openWorldHint": True,
        }
        assert delete.tool_name == "delete_orders_id"
        assert "auth" not in request_in(delete)
        assert delete.flow["definition"]["nodes"][2]["parameters"] == AS_IT_COMES
        assert patch.is_deprecated
        assert request_in(patch)["bodyForm"] == "{{ trigger.body }}"
        assert request_in(patch)["auth"] == {"type": "bearer", "secret": "{{ secrets.TOKEN }}"}
        assert patch.notes == ["TOKEN is an access token that you get yourself; it is not renewed"]
        assert (put.flow, put.problem) == (None, "its body is multipart/mixed, which requests of flows do not send")

    def test_every_flow_is_one_that_can_be_published(self) -> None:
        for operation in operations().values():
            if operation.flow:
                versions.graph_of(operation.flow["definition"])

    @pytest.mark.parametrize(
        ("part", "problem"),
        [
            (
                {"parameters": [{"name": "f", "in": "body", "required": True, "content": {}}]},
                "into a body",
            ),
            (
                {"parameters": [{"name": "f", "in": "query", "required": True, "content": {}}]},
                "says nothing of its value",
            ),
            ({"parameters": [{"$ref": "other.yaml#/x"}]}, "is outside this document, and nothing is fetched"),
            ({"parameters": [{"$ref": "#/nowhere"}]}, "leads to nothing"),
            ({"parameters": [{"$ref": "#/paths/~1a/get/parameters/0"}]}, "a reference leads back to itself"),
            ({"parameters": [7]}, "an object is expected"),
            ({"parameters": 7}, "in a form that is not OpenAPI"),
            (
                {"requestBody": {"content": {"application/json": {"schema": {"type": "strange"}}}}},
                "its parameters cannot be described here: properties.body.anyOf[0].type: use array",
            ),
        ],
    )
    def test_what_cannot_be_made_says_why(self, part: dict[str, Any], problem: str) -> None:
        document = {"openapi": "3.1.0", "paths": {"/a": {"get": {"responses": {}} | part}}}
        operation = operations(json.dumps(document))["get /a"]
        assert operation.flow is None
        assert problem in operation.problem

    @pytest.mark.parametrize(
        "document",
        [
            {"paths": {"/{{ secrets.OTHER }}": {"get": {}}}},
            {"paths": {"/a": {"get": {"security": [{"k": []}]}}}},
            {
                "paths": {
                    "/a": {"post": {"requestBody": {"content": {"application/a{{secrets.OTHER}}+json": {}}}}},
                }
            },
        ],
    )
    def test_a_document_cannot_smuggle_an_expression_into_a_flow(self, document: dict[str, Any]) -> None:
        scheme = {"type": "apiKey", "in": "header", "name": "X-{{ secrets.OTHER }}"}
        whole = document | {"openapi": "3.1.0", "components": {"securitySchemes": {"k": scheme}}}
        [operation] = operations(json.dumps(whole)).values()
        assert operation.flow is None

    def test_a_schema_of_3_1_keeps_what_stands_beside_a_reference(self) -> None:
        schema = {"$ref": "#/components/schemas/Size", "maximum": 5, "description": "How many."}
        body = {"required": True, "content": {"application/json": {"schema": schema}}}
        document = {
            "openapi": "3.1.0",
            "paths": {"/a": {"post": {"requestBody": body}}},
            "components": {"schemas": {"Size": {"type": ["integer", "null"], "minimum": 1}}},
        }
        flow = operations(json.dumps(document))["post /a"].flow
        assert flow is not None
        assert flow["inputSchema"]["properties"]["body"] == {
            "anyOf": [{"type": "integer", "minimum": 1}, {"type": "null"}],
            "maximum": 5,
            "description": "How many.",
        }

    @pytest.mark.parametrize(
        ("schema", "taken"),
        [
            ({"type": ["string", "null"], "maxLength": 3}, {"anyOf": [{"type": "string", "maxLength": 3}, NULL]}),
            ({"type": ["string", "integer"]}, {"anyOf": [{"type": "string"}, {"type": "integer"}]}),
            ({"type": ["string", "null"], "enum": ["a", None]}, {"anyOf": [{"type": "string", "enum": ["a"]}, NULL]}),
            ({"type": ["string", "null"], "enum": ["a"]}, {"type": "string", "enum": ["a"]}),
            ({"type": ["string"]}, {"type": "string"}),
            ({"type": ["null"]}, NULL),
            ({"type": "string", "nullable": True}, {"anyOf": [{"type": "string"}, NULL]}),
            ({"anyOf": [{"type": "string"}], "nullable": True}, {"anyOf": [{"type": "string"}, NULL]}),
        ],
    )
    def test_a_value_of_several_types_is_one_of_alternatives(self, schema: Any, taken: Any) -> None:
        body = {"required": True, "content": {"application/json": {"schema": schema}}}
        document = {
            "openapi": "3.0.3" if "nullable" in schema else "3.1.0",
            "paths": {"/a": {"put": {"requestBody": body}}},
        }
        flow = operations(json.dumps(document))["put /a"].flow
        assert flow is not None
        assert flow["inputSchema"]["properties"]["body"] == taken

    def test_a_default_that_its_own_schema_refuses_is_left_out_and_told(self) -> None:
        count = {"name": "count", "in": "query", "schema": {"type": "integer", "default": "ten"}}
        size = {"name": "size", "in": "query", "schema": {"type": "integer", "default": 10}}
        properties = {"a": {"type": "array", "items": {"type": "string", "default": None}}, "b": {"default": 1}}
        body = {"required": True, "content": {"application/json": {"schema": {"properties": properties}}}}
        document = {"openapi": "3.1.0", "paths": {"/a": {"put": {"parameters": [count, size], "requestBody": body}}}}
        operation = operations(json.dumps(document))["put /a"]
        assert operation.flow is not None, operation.problem
        assert operation.flow["inputSchema"]["properties"] == {
            "count": or_null({"type": "integer"}),
            "size": {"type": "integer", "default": 10},
            "body": {"properties": {"a": {"type": "array", "items": {"type": "string"}}, "b": {"default": 1}}},
        }
        assert operation.notes == [
            'the default "ten" is left out: it does not fit its own schema',
            "the default null of properties.a.items is left out: it does not fit its own schema",
        ]

    def test_schemas_that_grow_without_end_are_cut(self) -> None:
        schemas: dict[str, Any] = {"S0": {"type": "string"}}
        for number in range(1, 30):
            reference = {"$ref": f"#/components/schemas/S{number - 1}"}
            schemas[f"S{number}"] = {"type": "object", "properties": {"a": reference, "b": reference}}
        body = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/S29"}}}}
        document = {
            "openapi": "3.1.0",
            "paths": {"/a": {"post": {"requestBody": body}}},
            "components": {"schemas": schemas},
        }
        made = operations(json.dumps(document))["post /a"]
        assert (made.problem, made.flow is not None) == ("", True)
        said = "any value is taken: the schemas are more than 20,000 when all are written out"
        assert [note for note in made.notes if said in note] == [f"of S23 {said}"]

    def test_a_long_chain_of_references_is_refused(self) -> None:
        schemas: dict[str, Any] = {
            f"S{n}": {"properties": {"a": {"$ref": f"#/components/schemas/S{n + 1}"}}} for n in range(2000)
        }
        body = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/S0"}}}}
        document = {
            "openapi": "3.1.0",
            "paths": {"/a": {"post": {"requestBody": body}}},
            "components": {"schemas": schemas},
        }
        problem = "its schemas are nested too deep when references are written out"
        assert operations(json.dumps(document))["post /a"].problem == problem


class TestDocuments:
    @pytest.mark.parametrize(
        ("text", "fault"),
        [
            ("swagger: '1.2'\npaths: {}", "openapi: the versions 2.0, 3.0, 3.1 and 3.2 of OpenAPI can be read"),
            ("openapi: 4.0.0", "openapi: the versions 2.0, 3.0, 3.1 and 3.2 of OpenAPI can be read"),
            ("openapi: 3.1.0", "paths: the document describes no operations"),
            (
                "openapi: 3.1.0\nwebhooks: {a: {post: {}}}",
                "paths: the document describes no operations but webhooks, which the other system calls",
            ),
            ("openapi: 3.1.0\n  x: [", "Not YAML, line 2, column 4: mapping values are not allowed in this context."),
            ('{"openapi": ', "Not JSON, line 1, column 13: Expecting value."),
            (
                "openapi: !!python/object/apply:os.system [ls]",
                "Not YAML, line 1, column 10: JSON has nothing",
            ),
            ("openapi: 3.1.0\nx: &a [*a]", "Not YAML, line 2, column 8: *a leads to nothing, or to what it stands in."),
            ("openapi: 3.1.0\nx: !!binary aGk=", "Not YAML, line 2, column 4: JSON has nothing for the tag"),
            ("- openapi: x", "an OpenAPI document is an object"),
            ('{"openapi": "3.1.0", "info": {"title": "\\ud800"}}', "Holds half of a surrogate pair"),
            ("openapi: 3.1.0\nx: 1.0e999", "Holds a number too large for JSON."),
            (f"openapi: 3.1.0\nx: {'9' * 5000}", "Not YAML: Exceeds the limit"),
        ],
    )
    def test_what_is_no_document_says_why(self, text: str, fault: str) -> None:
        assert openapi.is_openapi(text) or text.startswith("-")
        with pytest.raises(DefinitionError) as refused:
            openapi.read(text)
        assert str(refused.value.faults[0]).startswith(fault)

    def test_a_bomb_of_aliases_is_refused(self) -> None:
        lines = ["openapi: 3.1.0", "a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
        lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
        with pytest.raises(DefinitionError, match="more than 1,500,000 values"):
            openapi.read("\n".join(lines))

    def test_deep_nesting_is_refused(self) -> None:
        for opening in ("[", "{a: ", "- "):
            with pytest.raises(DefinitionError, match="nested too deep"):
                openapi.read("openapi: 3.1.0\nx:\n  " + opening * 50_000)

    def test_scalars_are_those_of_json(self) -> None:
        values = "NO, on, 010, 12:30:45, 2026-01-02, 1_000, 0x1F, 1.5, 1e3, -7, ~, true"
        assert openapi.read(f"openapi: 3.1.0\npaths: {{/a: {{}}}}\nx: [{values}]").root["x"] == [
            *("NO", "on", "010", "12:30:45", "2026-01-02", "1_000", "0x1F"),
            *(1.5, 1000.0, -7, None, True),
        ]

    def test_an_exported_file_is_not_taken_for_openapi(self) -> None:
        assert not openapi.is_openapi('{\n  "format": "flowhub.flows",\n  "x": {"openapi": 1}}')
        assert openapi.is_openapi('{"info": {}, "openapi": "3.1.0"}')


@dataclass
class Shop:
    """The other system: answers with what it was asked, and remembers it."""

    port: int = 0
    seen: list[tuple[str, str, dict[str, str], str]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@pytest.fixture
def shop(settings: Any) -> Iterator[Shop]:
    """A real HTTP server on 127.0.0.1, which flows may call."""
    shop = Shop()

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0))).decode()
            shop.seen.append((self.command, self.path, {k.lower(): v for k, v in self.headers.items()}, body))
            status = 204 if self.command == "DELETE" else 200
            data = b"" if status == 204 else json.dumps({"path": self.path}).encode()
            self.send_response(status)
            if data:
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PATCH = do_DELETE = answer

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    served = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=served.serve_forever, daemon=True)
    thread.start()
    shop.port = served.server_port
    settings.OUTBOUND_ALLOW = f"127.0.0.1:{shop.port}"
    outbound_client.cache_clear()
    yield shop
    outbound_client.cache_clear()
    served.shutdown()
    thread.join()
    served.server_close()


def imported(server: Server, address: str, *chosen: str, text: str = ORDERS) -> Any:
    """Import operations of a document through the pages."""
    browser = browser_of(server.owner)
    place = browser.post(f"/servers/{server.pk}/import/", {"text": text}).headers["location"]
    listed = browser.get(place).context["choice"].operations
    numbers = [number for number, operation in enumerate(listed) if operation.key in chosen]
    every = ",".join(str(number) for number in range(len(listed)))
    preview = browser.post(place, {"address": address, "shown": every, "operation": numbers, "go": "preview"})
    return browser.post(preview.headers["location"], follow=True)


@pytest.mark.django_db(transaction=True)
class TestCalling:
    def called(self, flow: Flow, arguments: dict[str, Any]) -> Any:
        execution = try_out(draft_target(flow), arguments, caller_of(flow.server.owner))
        assert execution.status == "fulfilled", execution.error_info
        return execution.result

    def test_arguments_arrive_where_the_operation_wants_them(self, shop: Shop) -> None:
        server = make_server()
        versions.set_secret(server, "API_KEY", "key-1f0c9d")
        imported(server, shop.url + "/v1", "get /orders/{id}")
        [flow] = server.flows.all()
        given = {"id": "a/b ?é", "fields": ["x", "y&z"], "page": 2, "sort": "yes", "X-Trace": "t-1"}
        result = self.called(flow, given)
        asked = "/v1/orders/a%2Fb%20%3F%C3%A9?fields=x&fields=y%26z&page=2&sort=yes"
        [(method, path, headers, body)] = shop.seen
        assert (method, path, body) == ("GET", asked, "")
        assert (headers["x-api-key"], headers["x-trace"]) == ("key-1f0c9d", "t-1")
        assert result["structuredContent"] == {"path": asked}

    @pytest.mark.parametrize("given", [{}, {"fields": None, "page": None, "X-Trace": None}])
    def test_what_is_left_out_is_not_sent(self, shop: Shop, given: dict[str, Any]) -> None:
        server = make_server()
        versions.set_secret(server, "API_KEY", "key-1f0c9d")
        imported(server, shop.url, "get /orders/{id}")
        self.called(server.flows.get(), {"id": "7"} | given)
        [(_, path, headers, _)] = shop.seen
        assert path == "/orders/7?sort=NO"
        assert "x-trace" not in headers

    def test_bodies_are_sent_as_given_and_an_empty_answer_is_an_answer(self, shop: Shop) -> None:
        server = make_server()
        for name in ("LOGIN_USER", "LOGIN_PASSWORD", "TOKEN"):
            versions.set_secret(server, name, f"value-of-{name.lower()}")
        imported(server, shop.url, "post /orders", "patch /orders", "delete /orders/{id}")
        self.called(server.flows.get(tool_name="create_order"), {"body": {"item": "pen", "parts": [{"item": "ink"}]}})
        self.called(server.flows.get(tool_name="patch_order"), {"body": {"a": "b c"}})
        self.called(server.flows.get(tool_name="patch_order"), {})
        gone = self.called(server.flows.get(tool_name="delete_orders_id"), {"id": "7"})
        posted, patched, empty, deleted = shop.seen
        assert json.loads(posted[3]) == {"item": "pen", "parts": [{"item": "ink"}]}
        assert posted[2]["content-type"] == "application/vnd.shop+json"
        assert posted[2]["authorization"].startswith("Basic ")
        assert (patched[3], patched[2]["content-type"]) == ("a=b+c", "application/x-www-form-urlencoded")
        assert patched[2]["authorization"] == "Bearer value-of-token"
        assert empty[3] == ""
        assert deleted[:2] == ("DELETE", "/orders/7")
        assert gone["content"] == [{"type": "text", "text": "Done: the other system answered 204."}]
