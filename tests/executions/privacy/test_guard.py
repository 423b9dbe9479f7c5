"""What a schema marks as write-only, or as a password, is replaced, and no fault quotes it."""

from typing import Any

import pytest

from executions.privacy.guard import Guard, masked
from flows.schemas.compiled import compile_schema
from tests.executions.privacy.test_redactor import PLAIN, flow_of

SCHEMA = {
    "type": "object",
    "properties": {
        "user": {"type": "string"},
        "pin": {"type": "string", "writeOnly": True},
        "login": {"type": "object", "properties": {"phrase": {"type": "string", "format": "password"}}},
        "many": {"type": "array", "items": {"$ref": "#/$defs/hidden"}},
        "either": {"anyOf": [{"type": "integer"}, {"properties": {"inner": {"writeOnly": True}}}]},
    },
    "patternProperties": {"^x_": {"writeOnly": True}},
    "additionalProperties": {"$ref": "#/$defs/tree"},
    "$defs": {
        "hidden": {"properties": {"value": {"writeOnly": True}}},
        "tree": {"properties": {"leaf": {"writeOnly": True}, "tree": {"$ref": "#/$defs/tree"}}},
    },
}
ARGUMENTS = {
    "user": "ada",
    "pin": "12",
    "login": {"phrase": PLAIN, "x": 1},
    "many": [{"value": 1}, {"value": {"a": "b"}, "name": "n"}],
    "either": {"inner": None},
    "x_a": 3,
    "other": {"tree": {"tree": {"leaf": "l", "k": "k"}}},
}


class TestBySchema:
    def test_marks_are_found_through_everything_that_a_schema_is_made_of(self) -> None:
        shown, _ = masked(compile_schema(SCHEMA), ARGUMENTS)
        assert shown == {
            "user": "ada",
            "pin": "***",
            "login": {"phrase": "***", "x": 1},
            "many": [{"value": "***"}, {"value": "***", "name": "n"}],
            "either": {"inner": "***"},
            "x_a": "***",
            "other": {"tree": {"tree": {"leaf": "***", "k": "k"}}},
        }
        assert ARGUMENTS["pin"] == "12"

    def test_a_value_too_large_to_search_is_hidden_whole(self) -> None:
        schema = compile_schema({"type": "array", "items": {"properties": {"a": {"writeOnly": True}}}})
        value = [{"b": 1}] * 60_000
        assert masked(schema, value) == ("***", {(): value})

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"pin": 4711}, "*** is not of type"),
            ({"pin": "abcd"}, "*** does not match"),
            ({"login": PLAIN}, '*** is not of type "object"'),
            ({"password": "hunter22"}, '"***" is not of type "integer"'),
        ],
    )
    def test_a_fault_does_not_quote_what_is_hidden(self, arguments: Any, message: str) -> None:
        schema = compile_schema(
            {
                "type": "object",
                "properties": {
                    "pin": {"type": "string", "pattern": "^\\d+$", "writeOnly": True},
                    "login": {"type": "object", "writeOnly": True},
                    "password": {"type": "integer"},
                },
            }
        )
        guard = Guard.of(flow_of().graph(), schema)
        [fault] = guard.unquoted(schema.faults(arguments), arguments)
        assert message in fault.message
