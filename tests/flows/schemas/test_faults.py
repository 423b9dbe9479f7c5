"""Faults of values say where they are and what to change."""

import time
from typing import Any

import pytest

from tests.flows.schemas.test_compiled import faults_of

PERSON = {
    "type": "object",
    "required": ["name", "age"],
    "additionalProperties": False,
    "properties": {
        "name": {"type": "string", "minLength": 2},
        "age": {"type": "integer", "minimum": 0},
        "email": {"type": "string", "format": "email"},
        "role": {"enum": ["admin", "user"]},
        "nick": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        "friends": {"type": "array", "items": {"$ref": "#/$defs/friend"}, "maxItems": 3},
        "size": {"oneOf": [{"type": "integer"}, {"type": "number"}]},
    },
    "$defs": {"friend": {"type": "object", "required": ["id"], "properties": {"id": {"type": "integer"}}}},
}


def test_a_value_that_fits_has_no_faults() -> None:
    value = {"name": "Ada", "age": 36.0, "email": "ada@example.com", "role": "admin", "nick": None, "friends": []}
    assert faults_of(PERSON, value) == []


@pytest.mark.parametrize(
    ("value", "faults"),
    [
        (3, ['3 is not of type "object"']),
        ({}, ["name: is required", "age: is required"]),
        ({"name": "A", "age": -1}, ['name: "A" is shorter than 2 characters', "age: -1 is less than the minimum of 0"]),
        ({"nmae": "Ada", "age": 1}, ["name: is required", "nmae: there is no such property; did you mean 'name'?"]),
        (
            {"name": "Ada", "age": 1, "zzz": 1},
            ["zzz: there is no such property; there are: name, age, email, role, nick, friends, size"],
        ),
        ({"name": "Ada", "age": 1, "email": "ada"}, ['email: "ada" is not a "email"']),
        ({"name": "Ada", "age": 1, "role": "root"}, ['role: use one of: "admin", "user"']),
        ({"name": "Ada", "age": 1, "nick": 5}, ["nick: 5 is none of: string, null"]),
        ({"name": "Ada", "age": "36"}, ['age: "36" is not of type "integer"']),
        ({"name": "Ada", "age": 1, "friends": [{"id": 1}, {}]}, ["friends[1].id: is required"]),
        (
            {"name": "Ada", "age": 1, "friends": [{"id": "x"}] * 4},
            ["friends: the list of 4 has more than 3 items"]
            + [f'friends[{index}].id: "x" is not of type "integer"' for index in range(4)],
        ),
        (
            {"name": "Ada", "age": 1, "size": 3},
            ["size: fits 2 of the alternatives; it must fit exactly one of: integer, number"],
        ),
        ({"name": "x" * 200, "age": "y" * 200}, [f'age: "{"y" * 56}... is not of type "integer"']),
    ],
)
def test_each_fault_of_a_value_is_named_at_its_path(value: Any, faults: list[str]) -> None:
    assert faults_of(PERSON, value) == faults


@pytest.mark.parametrize(
    ("schema", "value", "faults"),
    [
        ({"not": {"type": "integer"}}, 1, ["must not be integer"]),
        ({"not": {"minimum": 1}}, 1, ["does not fit what the schema says under not"]),
        ({"not": {"required": ["id", "email"]}}, {"id": 1, "email": "x"}, ["id and email do not go together"]),
        ({"not": {"required": ["id"]}}, {"id": 1}, ["leave id out"]),
        ({"anyOf": [{"required": ["id"]}, {"required": ["email"]}]}, {}, ["give id, or email"]),
        ({"anyOf": [{"required": ["a", "b"]}, {"required": ["c"]}]}, {"a": 1}, ["give a and b, or c"]),
        ({"oneOf": [{"required": ["id"]}, {"required": ["email"]}]}, {"id": 1, "email": "x"},
         ["give only one of: id, email"]),
        ({"dependencies": {"card": ["cvc"]}}, {"card": 1}, ["cvc: is required where card is given"]),
        ({"format": "date-time"}, "2026-11-30T10:00:00",
         ['"2026-11-30T10:00:00" lacks the time zone: add Z or an offset, as in 2026-01-31T08:00:00Z']),
        ({"format": "date"}, "30.11.2026", ['"30.11.2026" is no date: write it as 2026-01-31']),
        ({"format": "email"}, "x", ['"x" is not a "email"']),
        ({"allOf": [{"minimum": 3}, {"maximum": 0}]}, 1,
         ["1 is less than the minimum of 3", "1 is greater than the maximum of 0"]),
        ({"if": {"const": 1}, "then": {"type": "string"}}, 1, ['1 is not of type "string"']),
        ({"if": {"const": 1}, "else": {"const": 2}}, 3, ["2 was expected"]),
        ({"prefixItems": [{"type": "integer"}], "items": False}, ["a", 2],
         ['[0]: "a" is not of type "integer"', "[1]: is not allowed"]),
        ({"patternProperties": {"^n_": {"type": "integer"}}, "additionalProperties": False},
         {"n_a": "x", "b": 1},
         ['n_a: "x" is not of type "integer"', "b: there is no such property; there are: none"]),
        ({"dependentSchemas": {"card": {"required": ["cvc"]}}}, {"card": 1}, ["cvc: is required"]),
        ({"dependentRequired": {"card": ["cvc"]}}, {"card": 1}, ["cvc: is required where card is given"]),
        ({"properties": {"a": {}}, "unevaluatedProperties": False}, {"b": 1},
         ["does not fit what the schema says under unevaluatedProperties"]),
        ({"contains": {"const": 1}}, [2], ["does not fit what the schema says under contains"]),
        ({"$defs": {"a/b c": {"type": "integer"}}, "properties": {"x": {"$ref": "#/$defs/a~1b%20c"}}}, {"x": "s"},
         ['x: "s" is not of type "integer"']),
    ],
)  # fmt: skip
def test_other_keywords_are_explained_as_far_as_they_can_be(schema: Any, value: Any, faults: list[str]) -> None:
    assert faults_of(schema, value) == faults


def test_a_union_is_explained_by_the_alternative_that_is_least_wrong() -> None:
    def shape(kind: str, field: str) -> dict[str, Any]:
        properties = {"kind": {"const": kind}, field: {"type": "integer"}}
        return {"type": "object", "required": ["kind", field], "properties": properties}

    schema = {"anyOf": [shape("circle", "radius"), shape("square", "side"), {"type": "null"}]}
    assert faults_of(schema, {"kind": "square", "side": "x"}) == ['side: "x" is not of type "integer"']
    assert faults_of(schema, {"kind": "line"}) == [
        "fits none of 3 alternatives; the first that is near needs:",
        "radius: is required",
        'kind: "circle" was expected',
    ]
    assert faults_of(schema, "circle") == ['"circle" is none of: object, object, null']


def test_a_recursive_schema_finds_the_fault_in_the_depth() -> None:
    schema = {
        "$defs": {"node": {"required": ["id"], "properties": {"kids": {"items": {"$ref": "#/$defs/node"}}}}},
        "$ref": "#/$defs/node",
    }
    assert faults_of(schema, {"id": 1, "kids": [{"id": 2, "kids": [{"id": 3}, {}]}]}) == [
        "kids[0].kids[1].id: is required"
    ]


def test_at_most_twenty_faults_are_listed_and_soon() -> None:
    """The library's own list of these errors takes seconds, in which nothing else runs."""
    json_value = {
        "anyOf": [
            {"type": "integer"},
            {"type": "array", "items": {"$ref": "#"}},
            {"type": "object", "additionalProperties": {"$ref": "#"}},
        ]
    }
    began = time.process_time()
    assert faults_of(json_value, [["s"] * 2000] * 50) == [
        f'[0][{index}]: "s" is none of: integer, array, object' for index in range(20)
    ]
    assert faults_of({"items": {"type": "integer"}}, [1] * 300_000 + ["s"]) == [
        '[300000]: "s" is not of type "integer"'
    ]
    assert time.process_time() - began < 3


@pytest.mark.parametrize("value", ["\ud800", {"a": {1, 2}}, {1: 2}])
def test_a_value_that_json_cannot_carry_is_a_fault(value: Any) -> None:
    schema = {
        "type": ["string", "object"],
        "minLength": 0,
        "additionalProperties": {"type": "string"},
        "format": "date",
    }
    [fault] = faults_of(schema, value)
    assert fault.startswith("the value is not JSON: ")


def test_a_slow_pattern_is_not_slow_here() -> None:
    began = time.process_time()
    assert len(faults_of({"pattern": "^(a+)+$"}, "a" * 50_000 + "b")) == 1
    assert time.process_time() - began < 1
