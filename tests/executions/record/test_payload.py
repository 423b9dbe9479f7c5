"""One function turns any value into JSON text; each oddity has one outcome, on both databases."""

import json
import math
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from executions.record import payload

HUGE = 10**5000


def stored(value: Any) -> Any:
    return json.loads(payload.dump(value))


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        0,
        -1.5,
        "text with ünïcode and \u2028",
        [],
        {},
        {"a": [1, {"b": None}], "z": "", "á": 2**53 + 1},
        2**200,
        {"first": 1, "a": 2},
    ],
)
def test_plain_json_is_stored_as_it_is(value: Any) -> None:
    assert stored(value) == value


def test_the_order_of_keys_is_kept() -> None:
    assert payload.dump({"zebra": 1, "ant": 2}) == '{"zebra":1,"ant":2}'


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (math.nan, None),
        ([math.inf, -math.inf], [None, None]),
        ("a\x00b", "a\u2400b"),
        ({"k\x00": "\ud800x"}, {"k\u2400": "\ufffdx"}),
        ("😀\udfff", "😀\ufffd"),
        (b"\x00\xff", "AP8="),
        ({3, 1, 2}, [1, 2, 3]),
        ((1, (2,)), [1, [2]]),
        ({1: "a", "1": "b", None: "c", False: "d"}, {"1": "a", "1 (2)": "b", "null": "c", "false": "d"}),
        ({(1, 2): "tuple"}, {"(1, 2)": "tuple"}),
        (datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), "2026-01-02 03:04:05+00:00"),
        (Decimal("1.10"), "1.10"),
        (HUGE, "[integer of about 5000 digits]"),
    ],
    ids=lambda value: "huge" if value is HUGE else None,
)
def test_each_oddity_has_one_outcome(value: Any, expected: Any) -> None:
    assert stored(value) == expected


def test_a_cycle_ends_in_a_marker() -> None:
    value: dict[str, Any] = {"name": "loop"}
    value["self"] = value
    assert stored(value) == {"name": "loop", "self": "[cycle]"}


def test_the_same_object_twice_is_no_cycle() -> None:
    shared = {"a": math.nan}
    assert stored([shared, shared]) == [{"a": None}, {"a": None}]


def test_what_is_nested_too_deep_is_cut_without_recursing() -> None:
    value: Any = "bottom"
    for _ in range(100_000):
        value = [value]
    text = payload.dump(value)
    assert text == "[" * 64 + '"[nested deeper than 64 levels]"' + "]" * 64


def test_an_object_whose_text_fails_is_named_by_its_type() -> None:
    class Rude:
        def __str__(self) -> str:
            raise RuntimeError("no")

    assert stored({"x": Rude()}) == {"x": "[Rude]"}


def test_a_long_string_becomes_an_envelope_that_says_what_was_cut() -> None:
    text = "a" * 70_000 + "z" * 30_000
    envelope = stored({"body": text})["body"]
    assert envelope == {
        "$truncated": True,
        "bytes": 100_000,
        "sha256": "441bc0b9f0579154162c76a4b4b7bfdc684edf8c750aa0b2a11ee1b9fbc2396d",
        "head": "a" * 2000,
        "tail": "z" * 2000,
    }


def test_a_record_never_exceeds_its_cap_and_keeps_its_small_fields() -> None:
    entries = [{"nodeId": f"n{index}", "status": "completed", "outputData": ["x" * 60_000] * 10} for index in range(20)]
    text = payload.dump(entries)
    assert len(text.encode()) <= payload.MAX_RECORD
    assert [(entry["nodeId"], entry["status"]) for entry in json.loads(text)] == [
        (f"n{index}", "completed") for index in range(20)
    ]
    assert json.loads(text)[0]["outputData"]["$truncated"] is True


def test_a_huge_flat_list_is_cut_whole() -> None:
    text = payload.dump(["y" * 50] * 90_000)
    assert len(text.encode()) <= payload.MAX_RECORD
    assert json.loads(text)["$truncated"] is True


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({}, ""),
        (None, ""),
        ({"order_id": "A-1", "n": 2}, 'order_id: "A-1"'),
        ({"n": 17}, "n: 17"),
        ({"on": True}, "on: true"),
        ({"list": [1, 2, 3]}, "list: [3 items]"),
        ({"who": {"name": 1, "age": 2}}, "who: {name, age}"),
        ({"text": "two\nlines\x00"}, 'text: "two lines\u2400"'),
        ({"big": "x" * 500}, 'big: "' + "x" * 113 + "…"),
    ],
)
def test_the_preview_is_the_first_parameter_as_short_text(arguments: Any, expected: str) -> None:
    assert payload.preview(arguments) == expected
