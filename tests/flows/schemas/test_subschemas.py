"""Which schemas apply to a part of a value: one set of rules for reading what fits and for saying what does not."""

from typing import Any

import pytest

from flows.engine.errors import Fault
from flows.schemas.compiled import compile_schema

COUNT: dict[str, Any] = {"type": "integer"}
OBJECT: dict[str, Any] = {"type": "object"}


@pytest.mark.parametrize(
    ("schema", "at", "place"),
    [
        ({"properties": {"n": COUNT}}, ("n",), "n"),
        ({"patternProperties": {"^n": COUNT}, "additionalProperties": False}, ("nn",), "nn"),
        ({"properties": {"m": {}}, "additionalProperties": COUNT}, ("n",), "n"),
        ({"allOf": [{}, {"properties": {"n": COUNT}}]}, ("n",), "n"),
        ({"$ref": "#/$defs/n", "$defs": {"n": {"properties": {"n": COUNT}}}}, ("n",), "n"),
        ({"if": {"required": ["n"]}, "then": {"properties": {"n": COUNT}}}, ("n",), "n"),
        ({"if": {"required": ["m"]}, "else": {"properties": {"n": COUNT}}}, ("n",), "n"),
        ({"dependentSchemas": {"n": {"properties": {"n": COUNT}}}}, ("n",), "n"),
        ({"properties": {"n": {"items": COUNT}}}, ("n", 0), "n[0]"),
        ({"properties": {"n": {"prefixItems": [COUNT], "items": False}}}, ("n", 0), "n[0]"),
        ({"properties": {"n": {"prefixItems": [{}], "items": COUNT}}}, ("n", 1), "n[1]"),
    ],
)
def test_a_part_is_read_and_refused_by_the_same_schema(schema: dict[str, Any], at: tuple[Any, ...], place: str) -> None:
    def holding(part: Any) -> dict[str, Any]:
        name, *index = at
        return {name: [0] * index[0] + [part] if index else part}

    compiled = compile_schema(OBJECT | schema)
    read, faults = compiled.accept(holding(5.0))
    assert (repr(read), faults) == (repr(holding(5)), [])
    assert compiled.accept(holding(5.5))[1] == [Fault(place, '5.5 is not of type "integer"')]


def test_a_name_that_is_described_is_not_an_additional_one() -> None:
    compiled = compile_schema({"properties": {"n": {}}, "patternProperties": {"^x": {}}, "additionalProperties": COUNT})
    read, _ = compiled.accept({"n": 5.0, "x1": 5.0, "m": 5.0})
    assert repr(read) == "{'n': 5.0, 'x1': 5.0, 'm': 5}"
