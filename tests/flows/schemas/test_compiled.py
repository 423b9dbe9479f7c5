"""Users' schemas: limits and references are checked before use."""

import json
from decimal import Decimal
from typing import Any

import pytest

from flows.engine.errors import DefinitionError
from flows.schemas.compiled import (
    MAX_BYTES,
    MAX_COMBINATORS,
    MAX_DEPTH,
    MAX_SUBSCHEMAS,
    SchemaError,
    check_tool_input_schema,
    compile_schema,
)


def faults_of(schema: Any, value: Any) -> list[str]:
    return [str(fault) for fault in compile_schema(schema).faults(value)]


def refusals_of(schema: Any) -> list[str]:
    with pytest.raises(SchemaError) as caught:
        compile_schema(schema)
    return [str(fault) for fault in caught.value.faults]


@pytest.mark.parametrize(
    ("schema", "faults"),
    [
        (None, ["a schema is a JSON object"]),
        (True, ["a schema is a JSON object"]),
        ({"type": "strin"}, ["type: use array, boolean, integer, null, number, object or string, or a list of them"]),
        ({"properties": {"a": 3}}, ['properties.a: 3 is not of types "boolean", "object"']),
        ({"required": "a"}, ['required: "a" is not of type "array"']),
        (
            {"properties": {"a": {"pattern": "(?=a)"}}},
            ["properties.a.pattern: is not a pattern that can be used here; look-around and backreferences are not"],
        ),
        ({"default": {1}}, ["the schema is not JSON: Object of type set is not JSON serializable"]),
        ({"$ref": "#/$defs/ghost"}, ["$ref: '#/$defs/ghost' leads to no schema in this document"]),
        (
            {"default": {"type": "integer"}, "$ref": "#/default"},
            ["$ref: '#/default' leads to no schema in this document"],
        ),
        ({"allOf": [{"$id": "http://x.test/"}]}, ["allOf[0].$id: only the root of a schema may have an $id"]),
        ({"$dynamicRef": "#x"}, ['$dynamicRef: is not supported; use "$ref": "#/$defs/name"']),
        ({"items": {"$dynamicAnchor": "x"}}, ['items.$dynamicAnchor: is not supported; use "$ref": "#/$defs/name"']),
        ({"items": {"$anchor": "1 x"}}, ['items.$anchor: "1 x" does not match "^[A-Za-z_][-A-Za-z0-9._]*$"']),
        (
            {"$defs": {"one": {"$anchor": "x"}, "two": {"$anchor": "x"}}},
            ["$defs.two.$anchor: another schema of this document has the same name"],
        ),
        ({"items": {"$ref": "#x"}}, ["items.$ref: '#x' leads to no schema in this document"]),
    ],
)
def test_a_schema_that_cannot_be_used_is_refused_at_its_path(schema: Any, faults: list[str]) -> None:
    assert refusals_of(schema) == faults


def test_a_reference_to_an_anchor_leads_to_the_schema_of_that_name() -> None:
    street = {"$anchor": "place", "type": "object", "properties": {"street": {"type": "string"}}}
    schema = {"$defs": {"address": street}, "properties": {"home": {"$ref": "#place"}, "work": {"$ref": "#place"}}}
    compiled = compile_schema(schema)
    assert compiled.faults({"home": {"street": "Lane 1"}}) == []
    assert [str(fault) for fault in compiled.faults({"work": {"street": 1}})] == [
        'work.street: 1 is not of type "string"'
    ]


@pytest.mark.parametrize(
    "reference",
    ["http://127.0.0.1:9/s.json", "file:///etc/passwd", "other.json", "https://json-schema.org/draft/2020-12/schema"],
)
def test_a_reference_to_the_outside_is_refused_and_never_fetched(reference: str) -> None:
    message = f"{reference!r} is outside this document, and nothing is fetched; copy it under $defs"
    assert refusals_of({"properties": {"a": {"$ref": reference}}}) == [f"properties.a.$ref: {message}"]


def test_the_dialect_that_a_schema_names_is_not_fetched_either() -> None:
    assert faults_of({"$schema": "http://127.0.0.1:9/meta", "type": "string"}, 3) == ['3 is not of type "string"']


def nested(depth: int) -> dict[str, Any]:
    schema: dict[str, Any] = {}
    for _ in range(depth):
        schema = {"items": schema}
    return schema


def test_the_caps_hold_at_their_edges() -> None:
    compile_schema(nested(MAX_DEPTH))
    assert refusals_of(nested(MAX_DEPTH + 1)) == [f"the schema is nested deeper than {MAX_DEPTH} levels"]
    compile_schema({"properties": {f"p{index}": {} for index in range(MAX_SUBSCHEMAS - 1)}})
    assert refusals_of({"properties": {f"p{index}": {} for index in range(MAX_SUBSCHEMAS)}}) == [
        f"the schema holds {MAX_SUBSCHEMAS + 1} schemas; {MAX_SUBSCHEMAS} are allowed"
    ]
    compile_schema({"prefixItems": [{"not": {}}] * MAX_COMBINATORS})
    assert refusals_of({"prefixItems": [{"not": {}}] * (MAX_COMBINATORS + 1)}) == [
        f"the schema uses {MAX_COMBINATORS + 1} combinators (allOf, anyOf, dependentSchemas, if, not, oneOf);"
        f" {MAX_COMBINATORS} are allowed"
    ]
    room = MAX_BYTES - len(json.dumps({"title": ""}))
    compile_schema({"title": "x" * room})
    assert refusals_of({"title": "é" + "x" * (room - 1)}) == ["the schema has 65,537 bytes; 65,536 are allowed"]


@pytest.mark.parametrize("keyword", ["anyOf", "oneOf", "allOf"])
def test_references_that_double_at_every_step_are_refused(keyword: str) -> None:
    """Twenty steps are a schema of 1 kB whose errors took the library 86 s to list."""
    steps = {f"s{index}": {keyword: [{"$ref": f"#/$defs/s{index + 1}"}] * 2} for index in range(20)}
    schema = {"$defs": {**steps, "s20": {"type": "integer"}}, "$ref": "#/$defs/s0"}
    assert refusals_of(schema) == ["following its references meets more than 10,000 schemas; simplify it"]


@pytest.mark.parametrize("schema", [{"$ref": "#"}, {"allOf": [{"$ref": "#"}]}])
def test_a_schema_that_refers_to_itself_ends(schema: Any) -> None:
    assert faults_of(schema, 1) == []


def test_the_schema_of_arguments_is_that_of_an_object() -> None:
    assert check_tool_input_schema({"type": "object"}).faults({}) == []
    for schema in ({}, {"type": "array"}, {"type": ["object", "null"]}):
        with pytest.raises(DefinitionError) as caught:
            check_tool_input_schema(schema)
        assert [str(fault) for fault in caught.value.faults] == [
            'type: the root must say "type": "object", because a tool\'s arguments are an object'
        ]


def test_the_users_schema_is_not_changed() -> None:
    schema = {"type": "object", "properties": {"a": {"$ref": "#/$defs/b"}}, "$defs": {"b": {}}}
    before = json.dumps(schema)
    compile_schema(schema).faults(3)
    assert json.dumps(schema) == before


NAMED = {"type": "string", "x-mcp-header": "Region"}
ELSEWHERE = "stands only on a property, or on a property of one: not at the root, in items, allOf or $defs"
NO_NAME = "write a name of letters, digits and hyphens, such as Region: clients send it as Mcp-Param-Region"
ONE_TYPE = 'stands only on a property of one type, "string", "integer" or "boolean"'
SECRET = "a secret does not belong in a header, which proxies log; remove this, or what marks it as secret"


@pytest.mark.parametrize(
    ("properties", "faults"),
    [
        ({"region": NAMED, "place": {"type": "object", "properties": {"no": NAMED | {"x-mcp-header": "No"}}}}, []),
        ({"region": {"type": "array", "items": NAMED}}, [f"region.items.x-mcp-header: {ELSEWHERE}"]),
        ({"region": {"allOf": [NAMED]}}, [f"region.allOf[0].x-mcp-header: {ELSEWHERE}"]),
        ({"region": NAMED | {"x-mcp-header": "My region"}}, [f"region.x-mcp-header: {NO_NAME}"]),
        ({"region": NAMED | {"x-mcp-header": ""}}, [f"region.x-mcp-header: {NO_NAME}"]),
        ({"region": NAMED | {"x-mcp-header": 1}}, [f"region.x-mcp-header: {NO_NAME}"]),
        ({"region": NAMED | {"type": "number"}}, [f"region.x-mcp-header: {ONE_TYPE}"]),
        ({"region": NAMED | {"type": ["string", "null"]}}, [f"region.x-mcp-header: {ONE_TYPE}"]),
        ({"region": {"x-mcp-header": "Region"}}, [f"region.x-mcp-header: {ONE_TYPE}"]),
        ({"region": NAMED | {"writeOnly": True}}, [f"region.x-mcp-header: {SECRET}"]),
        (
            {"region": NAMED, "other": NAMED | {"x-mcp-header": "region"}},
            [
                "other.x-mcp-header: properties.region.x-mcp-header gives the same name; "
                "headers do not tell upper and lower case apart"
            ],
        ),
    ],
)
def test_a_header_that_clients_would_refuse_is_refused(properties: dict[str, Any], faults: list[str]) -> None:
    found: list[str] = []
    try:
        check_tool_input_schema({"type": "object", "properties": properties})
    except SchemaError as error:
        found = [str(fault) for fault in error.faults]
    assert found == [f"properties.{fault}" for fault in faults]


def test_a_header_at_the_root_is_refused() -> None:
    with pytest.raises(SchemaError) as caught:
        check_tool_input_schema({"type": "object", "x-mcp-header": "All"})
    assert [str(fault) for fault in caught.value.faults] == [f"x-mcp-header: {ELSEWHERE}"]


@pytest.mark.parametrize("step", [0.01, 0.05, 0.1, 0.25, 1])
def test_amounts_are_multiples_as_decimals_are(step: float) -> None:
    """Other validators compute in binary: for the one of Python's clients 1,363 of these prices are no whole cents."""
    schema = compile_schema({"type": "number", "multipleOf": step})
    amounts = [thousandths / 1000 for thousandths in range(0, 100_000, 5)]
    taken = [amount for amount in amounts if not schema.faults(amount)]
    assert taken == [amount for amount in amounts if Decimal(str(amount)) % Decimal(str(step)) == 0]
