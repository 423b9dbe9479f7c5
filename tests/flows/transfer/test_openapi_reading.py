"""How documents are read: Swagger 2.0, references, what is elsewhere, YAML, and thousands of operations."""

import gc
import json
from typing import Any

import pytest

from flows.engine.errors import DefinitionError
from flows.transfer import choosing, openapi
from flows.transfer.openapi import document as reading
from flows.transfer.openapi.schemas import Converter
from tests.factories import make_server

SHOP_2 = """
swagger: '2.0'
info: {title: Shop, version: 1.0.0}
host: shop.test
basePath: /v1/
schemes: [http, https]
consumes: [application/json]
produces: [application/json, text/csv]
securityDefinitions:
  login: {type: basic}
  apiKey: {type: apiKey, in: header, name: X-Key}
  app: {type: oauth2, flow: application, tokenUrl: 'https://shop.test/token', scopes: {read: Reads}}
security: [{apiKey: []}]
parameters:
  Page: {name: page, in: query, type: integer, minimum: 1, default: 1}
responses:
  Found: {description: found, headers: {X-Left: {type: integer}}, schema: {$ref: '#/definitions/Pen'}}
definitions:
  Pen:
    type: object
    required: [kind]
    discriminator: kind
    properties:
      kind: {type: string}
      size: {type: integer, x-nullable: true}
      discriminator: {type: string}
paths:
  /pens/{id}:
    parameters:
      - {name: id, in: path, required: true, type: string, description: Which pen.}
      - {name: body, in: body, required: true, schema: {$ref: '#/definitions/Pen'}}
    put:
      summary: Change a pen
      consumes: [application/vnd.pen+json]
      responses: {200: {$ref: '#/responses/Found'}, default: {description: error}}
    post:
      operationId: notePen
      parameters:
        - {name: body, in: body, description: A note., schema: {type: object, properties: {note: {type: string}}}}
      responses: {204: {description: noted}}
  /pens:
    get:
      operationId: listPens
      schemes: [http]
      security: [{login: []}]
      parameters:
        - $ref: '#/parameters/Page'
        - {name: colours, in: query, type: array, items: {type: string}, collectionFormat: multi}
      responses: {200: {description: all, schema: {type: array, items: {$ref: '#/definitions/Pen'}}}}
    post:
      operationId: makePen
      security: [{app: [read]}]
      parameters:
        - {name: kind, in: formData, type: string, required: true, description: What it is.}
        - {name: tags, in: formData, type: array, items: {type: string}, collectionFormat: multi}
      responses: {201: {description: made, schema: {type: file}}}
"""

SHOP_3 = """
openapi: 3.0.3
info: {title: Shop, version: 1.0.0}
servers: [{url: https://shop.test/v1/}]
security: [{apiKey: []}]
paths:
  /pens/{id}:
    parameters:
      - {name: id, in: path, required: true, schema: {type: string}, description: Which pen.}
    put:
      summary: Change a pen
      requestBody:
        required: true
        content: {application/vnd.pen+json: {schema: {$ref: '#/components/schemas/Pen'}}}
      responses:
        200:
          description: found
          content:
            application/json: {schema: {$ref: '#/components/schemas/Pen'}}
            text/csv: {schema: {$ref: '#/components/schemas/Pen'}}
        default: {description: error}
    post:
      operationId: notePen
      requestBody:
        description: A note.
        content: {application/json: {schema: {type: object, properties: {note: {type: string}}}}}
      responses: {204: {description: noted}}
  /pens:
    get:
      operationId: listPens
      servers: [{url: http://shop.test/v1/}]
      security: [{login: []}]
      parameters:
        - {name: page, in: query, schema: {type: integer, minimum: 1, default: 1}}
        - {name: colours, in: query, schema: {type: array, items: {type: string}}}
      responses:
        200:
          description: all
          content:
            application/json: {schema: {type: array, items: {$ref: '#/components/schemas/Pen'}}}
            text/csv: {schema: {type: array, items: {$ref: '#/components/schemas/Pen'}}}
    post:
      operationId: makePen
      security: [{app: [read]}]
      requestBody:
        required: true
        content:
          application/x-www-form-urlencoded:
            schema:
              type: object
              required: [kind]
              properties:
                kind: {type: string, description: What it is.}
                tags: {type: array, items: {type: string}}
            encoding: {tags: {style: form, explode: true}}
      responses:
        201:
          description: made
          content:
            application/json: {schema: {type: string, format: binary}}
            text/csv: {schema: {type: string, format: binary}}
components:
  securitySchemes:
    login: {type: http, scheme: basic}
    apiKey: {type: apiKey, in: header, name: X-Key}
    app:
      type: oauth2
      flows: {clientCredentials: {tokenUrl: 'https://shop.test/token', scopes: {read: Reads}}}
  schemas:
    Pen:
      type: object
      required: [kind]
      discriminator: {propertyName: kind}
      properties:
        kind: {type: string}
        size: {type: integer, nullable: true}
        discriminator: {type: string}
"""


def counted(made: list[Any]) -> Any:
    """The converter, with a note of each operation that it begins."""

    class Counted(Converter):
        def __init__(self, document: Any) -> None:
            super().__init__(document)
            made.clear()

        def begin(self) -> None:
            super().begin()
            made.append(self)

    return Counted


def converted(text: str, only: list[str] | None = None) -> list[openapi.Operation]:
    return openapi.Operations(openapi.read(text), "https://api.test").converted(only)


def problems(text: str) -> dict[str, str]:
    return {operation.key: operation.problem for operation in converted(text)}


def with_paths(paths: Any, version: str = "3.1.0", **more: Any) -> str:
    return json.dumps({"openapi": version, "paths": paths} | more)


class TestSwagger2:
    def test_a_document_becomes_the_flows_of_its_twin_in_3_0(self) -> None:
        old, new = openapi.read(SHOP_2), openapi.read(SHOP_3)
        assert openapi.address_of(old) == openapi.address_of(new) == "https://shop.test/v1"
        assert converted(SHOP_2) == converted(SHOP_3)
        assert [operation.problem for operation in converted(SHOP_2)] == [""] * 4

    def test_what_it_says_stands_in_the_places_of_3_0(self) -> None:
        root, pen = openapi.read(SHOP_2).root, {"schema": {"$ref": "#/definitions/Pen"}}
        assert root["paths"]["/pens/{id}"]["put"] == {
            "summary": "Change a pen",
            "parameters": [
                {
                    "name": "id",
                    "in": "path",
                    "required": True,
                    "description": "Which pen.",
                    "schema": {"type": "string"},
                }
            ],
            "requestBody": {"required": True, "content": {"application/vnd.pen+json": pen}},
            "responses": {
                "200": {
                    "description": "found",
                    "content": {"application/json": pen, "text/csv": pen},
                },
                "default": {"description": "error"},
            },
        }
        assert root["definitions"] == {
            "Pen": {
                "type": "object",
                "required": ["kind"],
                "discriminator": {"propertyName": "kind"},
                "properties": {
                    "kind": {"type": "string"},
                    "size": {"type": "integer", "x-nullable": True, "nullable": True},
                    "discriminator": {"type": "string"},
                },
            }
        }
        flows = {"clientCredentials": {"tokenUrl": "https://shop.test/token", "scopes": {"read": "Reads"}}}
        assert root["components"]["securitySchemes"] == {
            "login": {"type": "http", "scheme": "basic"},
            "apiKey": {"type": "apiKey", "in": "header", "name": "X-Key"},
            "app": {"type": "oauth2", "flows": flows},
        }

    def test_what_is_wrong_is_named_where_the_document_has_it(self) -> None:
        body = {"name": "b", "in": "body", "schema": {"$ref": "#/definitions/Gone"}}
        elsewhere = {"$ref": "other.yaml#/parameters/A"}
        document = {
            "swagger": "2.0",
            "host": "a.test",
            "paths": {"/a": {"post": {"parameters": [body]}, "get": {"parameters": [elsewhere]}}},
        }
        assert problems(json.dumps(document)) == {
            "post /a": "'#/definitions/Gone' leads to nothing in this document",
            "get /a": "'other.yaml#/parameters/A' is outside this document, and nothing is fetched",
        }

    @pytest.mark.parametrize(
        ("given", "written"),
        [
            ({"in": "query"}, {"style": "form", "explode": False}),
            ({"in": "query", "collectionFormat": "csv"}, {"style": "form", "explode": False}),
            ({"in": "query", "collectionFormat": "multi"}, {"style": "form", "explode": True}),
            ({"in": "query", "collectionFormat": "ssv"}, {"style": "spaceDelimited", "explode": False}),
            ({"in": "query", "collectionFormat": "pipes"}, {"style": "pipeDelimited", "explode": False}),
            ({"in": "query", "collectionFormat": "tsv"}, {"style": "tabDelimited", "explode": False}),
            ({"in": "path", "required": True}, {"style": "simple", "explode": False}),
            ({"in": "header"}, {"style": "simple", "explode": False}),
        ],
    )
    def test_how_a_list_is_written_is_said_in_the_words_of_3_0(self, given: Any, written: Any) -> None:
        items = {"type": "array", "items": {"type": "string"}}
        document = {"swagger": "2.0", "paths": {"/a": {"get": {"parameters": [{"name": "x"} | given | items]}}}}
        place = {name: value for name, value in given.items() if name != "collectionFormat"}
        [parameter] = openapi.read(json.dumps(document)).root["paths"]["/a"]["get"]["parameters"]
        assert parameter == {"name": "x"} | place | written | {"schema": items}

    def test_a_file_among_the_fields_makes_a_body_of_parts(self) -> None:
        fields = [{"name": "note", "in": "formData", "type": "string"}, {"name": "f", "in": "formData", "type": "file"}]
        document = {"swagger": "2.0", "paths": {"/a": {"post": {"parameters": fields}}}}
        assert openapi.read(json.dumps(document)).root["paths"]["/a"]["post"]["requestBody"] == {
            "required": False,
            "content": {
                "multipart/form-data": {
                    "schema": {
                        "type": "object",
                        "properties": {"note": {"type": "string"}, "f": {"type": "string", "format": "binary"}},
                    }
                }
            },
        }

    def test_an_example_alone_says_in_which_form_an_answer_comes(self) -> None:
        response = {"description": "ok", "examples": {"text/plain": "hello"}, "headers": {}}
        document = {"swagger": "2.0", "paths": {"/a": {"get": {"responses": {200: response}}}}}
        assert openapi.read(json.dumps(document)).root["paths"]["/a"]["get"]["responses"] == {
            "200": {"description": "ok", "content": {"text/plain": {"example": "hello"}}}
        }

    def test_a_document_of_nonsense_is_read_as_far_as_it_goes(self) -> None:
        document = {
            "swagger": "2.0",
            "host": 5,
            "schemes": {"a": 1},
            "securityDefinitions": [1],
            "consumes": "x",
            "definitions": [],
            "paths": {"/a": [], "/b": {"get": 7, "put": {"parameters": 3, "responses": [], "schemes": "x"}}},
        }
        assert problems(json.dumps(document)) == {
            "/a": "an object is expected where the document has another value",
            "get /b": "an object is expected where the document has another value",
            "put /b": "",
        }


class TestPlaces:
    def test_what_is_in_another_document_is_listed_and_named(self) -> None:
        paths = {
            "/a": {"$ref": "paths/a.yaml#/item"},
            "/b": {"get": {"$ref": "https://else.test/b.json"}},
            "/c": {"$ref": "#/gone"},
            "/d": {"$ref": "#/paths/~1d"},
        }
        found = openapi.Operations(openapi.read(with_paths(paths))).listed
        assert [(operation.key, operation.title, operation.problem) for operation in found] == [
            ("/a", "/a", "it is in paths/a.yaml, which is not part of this document"),
            ("get /b", "GET /b", "it is in https://else.test/b.json, which is not part of this document"),
            ("/c", "/c", "'#/gone' leads to nothing in this document"),
            ("/d", "/d", "a reference leads back to itself"),
        ]

    def test_a_path_item_may_stand_in_another_part_of_the_document(self) -> None:
        item = {"summary": "There", "get": {"operationId": "there"}, "put": {"operationId": "putThere"}}
        paths = {
            "/a": {"$ref": "#/components/pathItems/There", "summary": "Here", "put": {"operationId": "putHere"}},
            "/b": {"$ref": "#/paths/~1a"},
            "/c": {"get": {"$ref": "#/components/pathItems/There/get"}},
        }
        document = openapi.read(with_paths(paths, components={"pathItems": {"There": item}}))
        assert [(each.key, each.title, each.tool_name) for each in openapi.Operations(document).listed] == [
            ("get /a", "Here", "there"),
            ("put /a", "Here", "put_here"),
            ("get /b", "There", "there_2"),
            ("put /b", "There", "put_there"),
            ("get /c", "There", "there_3"),
        ]
        assert all(operation.flow for operation in openapi.Operations(document, "https://a.test").converted())

    def test_a_document_of_3_2_may_refer_to_itself_by_its_address(self) -> None:
        schema = {"$ref": "https://a.test/api.json#/components/schemas/Id"}
        relative = {"$ref": "api.json#/components/schemas/Id"}
        other = {"$ref": "other.json#/components/schemas/Id"}
        parameters = [
            {"name": name, "in": "query", "schema": each}
            for name, each in (("a", schema), ("b", relative), ("c", other))
        ]
        document = with_paths(
            {"/a": {"get": {"parameters": parameters}}},
            "3.2.0",
            components={"schemas": {"Id": {"type": "integer"}}},
            **{"$self": "https://a.test/api.json"},
        )
        [operation] = converted(document)
        assert operation.notes == [
            "the optional parameter 'c' is left out: 'other.json#/components/schemas/Id' is outside this document, "
            "and nothing is fetched"
        ]
        assert operation.flow is not None
        assert operation.flow["inputSchema"]["properties"].keys() == {"a", "b"}

    def test_methods_that_flows_do_not_send_are_listed_with_a_sentence(self) -> None:
        item = {"trace": {"summary": "Echo"}, "query": {}, "additionalOperations": {"COPY": {"tags": ["x"]}}, "get": {}}
        found = openapi.Operations(openapi.read(with_paths({"/a": item, "x-note": {"get": {}}}, "3.2.0"))).listed
        assert {(each.key, each.title, each.tags, each.problem) for each in found} == {
            ("get /a", "GET /a", (), ""),
            ("trace /a", "Echo", (), "requests of flows are not sent as TRACE"),
            ("query /a", "QUERY /a", (), "requests of flows are not sent as QUERY"),
            ("COPY /a", "COPY /a", ("x",), "requests of flows are not sent as COPY"),
        }


class TestThousands:
    def test_a_large_document_is_listed_without_converting_anything(self, monkeypatch: pytest.MonkeyPatch) -> None:
        pen = {"type": "object", "properties": {f"p{number}": {"type": "string"} for number in range(20)}}
        schemas, at = {f"S{number}": pen for number in range(3000)}, "#/components/schemas/S"
        paths = {
            f"/things/{number}": {
                "get": {"operationId": "same", "tags": ["all"]},
                "post": {"requestBody": {"content": {"application/json": {"schema": {"$ref": f"{at}{number}"}}}}},
            }
            for number in range(2000)
        }
        text = with_paths(paths, components={"schemas": schemas}, info={"description": "é" * 3_000_000})
        source = json.dumps(json.loads(text), ensure_ascii=False).encode()
        assert 5_000_000 < len(source) < openapi.MAX_DOCUMENT_BYTES
        document = openapi.read(source)
        made: list[Any] = []
        monkeypatch.setattr("flows.transfer.openapi.operations.Converter", counted(made))
        found = openapi.Operations(document).listed
        assert (len(found), len({operation.tool_name for operation in found}), made) == (4000, 4000, [])
        assert [(each.key, each.tool_name, each.tags) for each in found[2:4]] == [
            ("get /things/1", "same_2", ("all",)),
            ("post /things/1", "post_things_1", ()),
        ]
        chosen = openapi.Operations(document, "https://a.test").converted(
            ["post /things/7", "get /things/1999", "get /none"]
        )
        assert [(each.key, each.tool_name, each.flow is not None) for each in chosen] == [
            ("post /things/7", "post_things_7", True),
            ("get /things/1999", "same_2000", True),
        ]
        assert len(made) == 2

    @pytest.mark.django_db
    def test_nothing_is_looked_through_for_garbage_as_a_whole_while_a_document_is_brought(self) -> None:
        server, source = make_server(), with_paths({f"/{number}": {"get": {}} for number in range(300)}).encode()
        looked: list[int] = []
        usual = gc.get_threshold()
        # Without what was there before, whatever comes is enough to look through all again.
        gc.collect()
        gc.freeze()
        gc.collect()
        gc.callbacks.append(lambda phase, info: looked.append(info["generation"]))
        try:
            gc.set_threshold(50, 2, 1)
            choosing.begin(server.owner, server, source)
            assert (gc.get_threshold(), set(looked)) == ((50, 2, 1), {0, 1})
        finally:
            gc.callbacks.pop()
            gc.set_threshold(*usual)
            gc.unfreeze()

    def test_more_operations_than_are_offered_are_refused_and_none_vanishes(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(reading, "MAX_OPERATIONS", 3)
        item = {"get": {}, "put": {}}
        assert len(openapi.Operations(openapi.read(with_paths({"/a": item, "/b": {"get": {}}}))).listed) == 3
        with pytest.raises(DefinitionError, match="paths: the document describes more than 3 operations; take out"):
            openapi.read(with_paths({"/a": item, "/b": {"$ref": "#/paths/~1a"}}))

    def test_what_thousands_of_paths_refer_to_is_not_gone_through_for_each(self) -> None:
        wide = {f"k{number}": 1 for number in range(1001)}
        paths = {"/a": {"$ref": "#/x-wide"}, "/b": {"get": {"parameters": [{}] * 501}}}
        assert problems(with_paths(paths, **{"x-wide": wide})) == {
            "/a": "it has 1,001 entries, where a path has a few operations",
            "get /b": "it has more than 500 parameters",
        }

    def test_too_much_at_once_is_said_of_what_is_left(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("flows.transfer.openapi.operations.MAX_CONVERTED", 1)
        parameter = {"name": "a", "in": "query", "schema": {"type": "string"}}
        item = {"get": {"parameters": [parameter]}, "put": {}}
        assert problems(with_paths({"/a": item})) == {
            "get /a": "",
            "put /a": "this is too much at once; choose fewer operations",
        }


class TestSources:
    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
    @pytest.mark.parametrize("text", [with_paths({"/é": {"get": {}}}), "openapi: 3.1.0\npaths: {/é: {get: {}}}"])
    def test_bytes_are_read_in_the_encoding_that_they_are_in(self, text: str, encoding: str) -> None:
        assert [each.key for each in openapi.Operations(openapi.read(text.encode(encoding))).listed] == ["get /é"]
        assert [each.key for each in openapi.Operations(openapi.read("\ufeff" + text)).listed] == ["get /é"]

    def test_bytes_that_are_no_text_and_too_many_are_refused(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with pytest.raises(DefinitionError, match="The document is not text in UTF-8"):
            openapi.read(b'{"openapi": "\xff"}')
        monkeypatch.setattr(reading, "MAX_DOCUMENT_BYTES", 2048)
        with pytest.raises(DefinitionError, match="The document has more than 2 KiB"):
            openapi.read(" " * 2049)

    @pytest.mark.parametrize(
        "text", ["[[]" + ", []" * 1000 + "]", '{"a": [[]' + ", []" * 2000 + "]}", "a: [[]" + ", []" * 1000]
    )
    def test_more_values_than_a_document_may_have_are_refused(self, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(reading, "MAX_VALUES", 1000)
        with pytest.raises(DefinitionError, match="The document holds more than 1,000 values"):
            openapi.read(text)

    def test_blank_lines_are_looked_through_once(self) -> None:
        assert openapi.is_openapi("\n" * 5_000_000 + "openapi: 3.1.0")
        assert not openapi.is_openapi("\n" * 5_000_000)


class TestYaml:
    def value(self, text: str) -> Any:
        return openapi.read(f"openapi: 3.1.0\npaths: {{/a: {{}}}}\n{text}").root["x"]

    @pytest.mark.parametrize(
        ("text", "value"),
        [
            ("x: {200: a, 010: b, true: c, ~: d}", {"200": "a", "010": "b", "true": "c", "~": "d"}),
            ("x: [~, null, 'null', \"1\", !!str 1, !!int 1, !!float 1.5]", [None, None, "null", "1", "1", 1, 1.5]),
            ("x:\ny: 1", None),
            ("x: [-0, +7, 1., 1e3, -1.5E-2, e5, +e5, '', .5]", [0, 7, "1.", 1000.0, -0.015, "e5", "+e5", "", 0.5]),
            ("x: |\n  a\n  b\ny: >-\n  c\n  d", "a\nb\n"),
            ("y: &k name\nx: {*k : 1, b: *k}", {"name": 1, "b": "name"}),
            ("y: &a {p: 1, q: 2}\nx: {<<: *a, q: 3}", {"p": 1, "q": 3}),
            ("y: &a {p: 1}\nz: &b {p: 2, r: 4}\nx: {q: 3, <<: [*a, *b]}", {"q": 3, "p": 1, "r": 4}),
            ("x: {'<<': 1}", {"<<": 1}),
            ("x: {a: 1, a: 2}", {"a": 2}),
            ("y: &a [1]\nx: [*a, *a, &a 5, *a]", [[1], [1], 5, 5]),
        ],
    )  # fmt: skip
    def test_values_are_those_that_the_text_says(self, text: str, value: Any) -> None:
        assert self.value(text) == value

    @pytest.mark.parametrize(
        ("text", "fault"),
        [
            ("x: {[a]: 1}", "Not YAML, line 3, column 5: a key is a text."),
            ("y: &a [1]\nx: {*a : 1}", "Not YAML, line 4, column 5: a key is a text."),
            ("x: *gone", "Not YAML, line 3, column 4: *gone leads to nothing, or to what it stands in."),
            ("x: {<<: 5}", "Not YAML, line 3, column 9: what is merged (<<) is an object, or a list of objects."),
            ("x: !!set {a}", "Not YAML, line 3, column 4: JSON has nothing for the tag 'tag:yaml.org,2002:set'."),
            ("x: 1\n---\ny: 2", "Not YAML, line 4, column 1: a second document begins, and one is read."),
            ("x: \0", "Not YAML: unacceptable character"),
            ("x: 1\n# " + "%TAG" * 101, "Not YAML: %TAG stands in it more than 100 times."),
            ('x: "\\0"', "Holds a null character, which PostgreSQL cannot store."),
        ],
    )
    def test_what_json_has_nothing_for_is_refused_with_its_place(self, text: str, fault: str) -> None:
        with pytest.raises(DefinitionError) as refused:
            self.value(text)
        assert str(refused.value.faults[0]).startswith(fault)

    def test_merge_keys_and_aliases_that_multiply_are_refused(self) -> None:
        wide = ", ".join(f"k{number}: 1" for number in range(2000))
        merged = "\n".join(f"m{number}: {{<<: *wide}}" for number in range(1000))
        with pytest.raises(DefinitionError, match="more than 1,500,000 values"):
            self.value(f"wide: &wide {{{wide}}}\n{merged}\nx: 1")
        nested = "\n".join(f"a{number}: &a{number} [*a{number - 1}]" for number in range(1, 100))
        with pytest.raises(DefinitionError, match="nested too deep"):
            self.value(f"a0: &a0 []\n{nested}\nx: 1")
