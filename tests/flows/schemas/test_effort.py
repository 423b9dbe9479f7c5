"""What it takes to check a value is at most linear in its size, and bounded: what would take more is refused."""

import asyncio
import json
import threading
from collections.abc import Callable
from typing import Any

import pytest

from flows.schemas.compiled import MAX_EXPANDED, CompiledSchema, compile_schema
from flows.schemas.effort import MAX_MET, MAX_STEPS, Effort, Efforts
from flows.schemas.reading import MAX_FILLED_VALUES
from flows.schemas.subschemas import MAX_SECONDS
from tests.executions.privacy.test_growth import grows

TOO_MUCH = (
    f"checking this by the schema would take more than {MAX_STEPS:,} steps. Send fewer values or less text in one "
    "call; if that is not possible, the schema has to be simplified"
)
Make = Callable[[int], Any]


def nested(value: Any, levels: int) -> Any:
    for _ in range(levels):
        value = [value]
    return value


def unevaluated(levels: int) -> dict[str, Any]:
    schema: dict[str, Any] = {"properties": {"a": {"type": "integer"}}}
    for _ in range(levels):
        schema = {"allOf": [schema], "unevaluatedProperties": {"type": "integer"}}
    return schema


def alternatives(count: int) -> dict[str, Any]:
    return {"anyOf": [{"properties": {"k": {"const": at}}, "required": ["k"]} for at in range(count)]}


TREE = {
    "$defs": {"node": {"anyOf": [{"type": "array", "items": {"$ref": "#/$defs/node"}}, {"type": "integer"}]}},
    "$ref": "#/$defs/node",
}
FAMILIES: dict[str, tuple[dict[str, Any], int, Make]] = {
    "patterns of names": (
        {"patternProperties": {f"^x{at}_[a-z]+$": {"type": "integer"} for at in range(400)}},
        400,
        lambda n: {f"x399_{at}": at for at in range(n)},
    ),
    "names by alternatives": (
        {"propertyNames": {"anyOf": [*({"pattern": f"^x{at}_[a-z]+$"} for at in range(49)), {}]}},
        4_000,
        lambda n: {f"key{at}": at for at in range(n)},
    ),
    "alternatives": ({"items": alternatives(49)}, 4_000, lambda n: [{"k": 48}] * n),
    "none of the alternatives": ({"items": alternatives(49)}, 4_000, lambda n: [{"k": 0}] * n + [{"k": "x"}]),
    "long numbers that differ": ({"uniqueItems": True}, 10_000, lambda n: [10**30 + at for at in range(n)]),
    "objects that differ": ({"uniqueItems": True}, 8_000, lambda n: [{"a": at, "b": [{}]} for at in range(n)]),
    "numbers with one hash": ({"uniqueItems": True}, 8_000, lambda n: [at * (2**61 - 1) for at in range(n)]),
    "options that are objects": (
        {"items": {"enum": [{"a": at} for at in range(2_000)]}},
        60,
        lambda n: [{"a": 1_999}] * n,
    ),
    "long numbers": ({"items": {"maximum": 10**4_001}}, 200, lambda n: [10**4_000 + at for at in range(n)]),
    "a pattern of many states": ({"pattern": "[ab]*a[ab]{300}c"}, 50_000, lambda n: "ab" * n),
    "rules for names that are not there": (
        {"items": {"dependentRequired": {f"p{at}": ["a"] for at in range(2_000)}}},
        1_500,
        lambda n: [{}] * n,
    ),
    "what is evaluated again": (unevaluated(8), 40, lambda n: {f"k{at}": at for at in range(n)}),
    "a wrong value deep inside": (TREE, 5_000, lambda n: nested([*range(n), "x"], 30)),
    "names that are not known": (
        {"properties": {f"name{at}": {} for at in range(400)}, "additionalProperties": False},
        20_000,
        lambda n: {f"nome{at}": at for at in range(n)},
    ),
    "nulls in alternatives": (
        {"items": {"anyOf": [*alternatives(20)["anyOf"], {"type": "object", "properties": {"z": {"type": "string"}}}]}},
        1_000,
        lambda n: [{"k": 30, "z": None}] * n,
    ),
    "defaults": (
        {"items": {"properties": {f"p{at}": {"default": [at]} for at in range(20)}}},
        4_000,
        lambda n: [{"p1": []}] * n,
    ),
    "values that fit": ({"items": {"type": "integer"}}, 20_000, lambda n: [float(at) for at in range(n)]),
}


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("times", [1, 6], ids=["as it is", "and much more of it"])
def test_a_value_twice_as_large_takes_about_twice_as_long(name: str, times: int) -> None:
    schema, size, make = FAMILIES[name]
    compiled = compile_schema(schema)
    compiled.accept(make(2 * size))  # what is made once, as validators of parts
    assert not grows(compiled.accept, make(times * size), make(2 * times * size))


@pytest.mark.parametrize("name", FAMILIES)
def test_the_event_loop_does_not_compute_what_takes_long(name: str) -> None:
    schema, size, make = FAMILIES[name]
    compiled, there = compile_schema(schema), []
    faults = compiled.faults

    class Watched(CompiledSchema):
        def faults(self, value: Any) -> Any:
            there.append(threading.get_ident())
            return faults(value)

    watched = Watched(compiled.schema, compiled.subschemas, compiled.validator)
    asyncio.run(watched.faults_aside(make(8 * size)))
    assert there != [threading.get_ident()]
    asyncio.run(watched.faults_aside([]))
    assert there[1:] == [threading.get_ident()]


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("patterns of names", 100_000),
        ("names by alternatives", 100_000),
        ("alternatives", 50_000),
        ("options that are objects", 10_000),
        ("long numbers", 2_000),
        ("a pattern of many states", 2_000_000),
        ("rules for names that are not there", 100_000),
        ("what is evaluated again", 10_000),
    ],
)
def test_what_would_take_too_long_is_refused_in_words(name: str, size: int) -> None:
    schema, _, make = FAMILIES[name]
    value = make(size)
    read, faults = compile_schema(schema).accept(value)
    assert read is value
    assert list(map(str, faults)) == [TOO_MUCH]
    assert list(map(str, compile_schema(schema).faults(value))) == [TOO_MUCH]


ORDER = {
    "type": "object",
    "required": ["id", "lines"],
    "additionalProperties": False,
    "properties": {
        "id": {"type": "string", "pattern": "^[0-9a-f]{8}-[0-9a-f]{4}$"},
        "at": {"type": "string", "format": "date-time"},
        "lines": {"type": "array", "items": {"oneOf": [{"$ref": f"#/$defs/line{at}"} for at in range(8)]}},
    },
}
LINES = {
    f"line{at}": {"type": "object", "properties": {"kind": {"const": at}, "count": {"type": "integer"}}}
    for at in range(8)
}


def test_large_messages_by_usual_schemas_are_taken() -> None:
    schema = compile_schema({"$defs": LINES, "items": ORDER, "type": "array"})
    order = {"id": "0123abcd-0123", "at": "2026-01-31T08:00:00Z", "lines": [{"kind": 7, "count": 2.0}]}
    read, faults = schema.accept([order] * 15_000)
    assert faults == []
    assert json.dumps(read[-1]["lines"]) == '[{"kind": 7, "count": 2}]'
    assert compile_schema({"pattern": "^[A-Za-z0-9+/]*={0,2}$"}).faults("ab" * 3_500_000) == []
    assert compile_schema({"items": {"enum": [str(at) for at in range(5_000)]}}).faults(["4999"] * 90_000) == []
    assert compile_schema({"uniqueItems": True}).faults(list(range(90_000))) == []


@pytest.mark.parametrize(
    ("items", "fits"),
    [
        ([1, 1.0], False),
        ([1, True, "1", "true", None, "null", [1], [True], {"a": 1}, {"a": True}], True),
        ([{"a": 1, "b": 2}, {"b": 2.0, "a": 1}], False),
        ([[1, 2], [2, 1]], True),
        (['"', "", "\\"], True),
        ([0.1, 0.1], False),
        ([2**64, 2**64 + 1], True),
        ([2**64, 2.0**64], False),
    ],
)
def test_items_are_the_same_as_json_schema_says(items: list[Any], fits: bool) -> None:
    schema = compile_schema({"uniqueItems": True})
    assert schema.validator.is_valid(items) is fits
    message = [] if fits else [f"the list of {len(items)} has non-unique elements"]
    assert list(map(str, schema.faults(items))) == message
    assert compile_schema({"uniqueItems": False}).faults(items) == []


def test_to_work_out_what_a_check_takes_is_bounded_too(monkeypatch: pytest.MonkeyPatch) -> None:
    met, own = [], Efforts.own

    def counted(efforts: Efforts, at: str) -> Effort:
        met.append(at)
        return own(efforts, at)

    monkeypatch.setattr(Efforts, "own", counted)
    # Each way through the tree is held against a subset of its own.
    begin = {"properties": {"a": {"allOf": [{"$ref": "#/$defs/0"}, {"$ref": "#/$defs/1"}]}, "b": {"$ref": "#/$defs/0"}}}
    after = {str(at): {"additionalProperties": {"$ref": f"#/$defs/{at + 1}"}} for at in range(1, 20)}
    schema = compile_schema({"$defs": {"0": begin, **after, "20": {}}, "$ref": "#/$defs/0"})
    tree: dict[str, Any] = {}
    for _ in range(15):
        tree = {"a": tree, "b": tree}
    for _ in range(2):
        assert [fault.message for fault in schema.faults(tree)] == [TOO_MUCH]
        assert schema.faults({"a": {"b": {"a": {}}}}) == []
    assert MAX_MET < len(met) < MAX_MET + MAX_EXPANDED


@pytest.mark.parametrize("schema", [{}, {"items": {"type": "number"}}, {"uniqueItems": True}], ids=str)
def test_a_number_that_no_double_holds_fits_no_schema(schema: dict[str, Any]) -> None:
    value = json.loads('[1.5, 1e308, {"a": -1e999}]')
    found = compile_schema(schema).faults(value)
    assert [(fault.path, fault.message) for fault in found] == [
        ("[2].a", "is too large for a number, which ends at 1.8e308; send it as a text")
    ]
    assert compile_schema({}).faults(value[:2]) == []


def test_defaults_fill_in_so_much_and_no_more() -> None:
    schema = compile_schema({"items": {"properties": {"a": {"default": [1] * 999}}}})
    assert schema.accept([{}] * 50) == ([{"a": [1] * 999}] * 50, [])
    assert list(map(str, schema.accept([{}] * 51)[1])) == [
        f"filling in what was left out would add more than {MAX_FILLED_VALUES:,} values. Send less in one call, or "
        "have the defaults of the schema shortened"
    ]


def test_what_takes_longer_than_it_may_is_refused_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flows.schemas.subschemas.MAX_SECONDS", -1.0)
    read, faults = compile_schema(TREE).accept([1.0])
    assert read == [1.0]
    assert list(map(str, faults)) == [
        "checking this took longer than -1 s. Send less in one call, or have the schema simplified"
    ]
    assert MAX_SECONDS > 0
