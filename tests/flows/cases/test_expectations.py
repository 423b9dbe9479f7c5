"""Whether a result is what a saved case expects: pure values in, a verdict out."""

from typing import Any

import pytest

from flows.cases.expectations import MAX_DIFFERENCES, Expectation, Mismatch, Verdict


def answer(value: Any) -> dict[str, Any]:
    """The result of a flow that answered with JSON."""
    return {"content": [{"type": "text", "text": str(value)}], "isError": False, "structuredContent": value}


def text(said: str, *, is_error: bool = False) -> dict[str, Any]:
    """The result of a flow that answered with text, or failed."""
    return {"content": [{"type": "text", "text": said}], "isError": is_error}


ORDER = {"id": 1, "lines": [{"sku": "A", "n": 2}, {"sku": "B", "n": 1}], "paid": True}


@pytest.mark.parametrize(
    ("expected", "got"),
    [
        (ORDER, {"paid": True, "lines": ORDER["lines"], "id": 1.0}),
        (None, None),
        ([], []),
        (12345678901234567890123, 12345678901234567890123),
    ],
)
def test_equal_json_passes_whatever_the_order_of_its_keys(expected: Any, got: Any) -> None:
    assert Expectation("succeeds", "equals", expected).check(answer(got)) == Verdict(True)


@pytest.mark.parametrize(
    ("expected", "got", "differences"),
    [
        (1, True, [("", "1", "true")]),
        (1, "1", [("", "1", '"1"')]),
        (None, 0, [("", "null", "0")]),
        (12345678901234567890123, 1.2345678901234568e22, [("", "12345678901234567890123", "1.2345678901234568e+22")]),
        ({"a": {"b": [1, 2]}}, {"a": {"b": [1, 3]}}, [("a.b[1]", "2", "3")]),
        ({"a": 1, "b": 2}, {"a": 1, "c": 3}, [("b", "2", "nothing"), ("c", "nothing", "3")]),
        ([1], [1, 2], [("", "1 items", "2 items")]),
        ({}, [], [("", "{}", "[]")]),
    ],
)
def test_what_is_not_equal_is_named_at_its_place(expected: Any, got: Any, differences: list[Any]) -> None:
    verdict = Expectation("succeeds", "equals", expected).check(answer(got))
    assert (verdict.passed, list(verdict.differences)) == (False, [Mismatch(*each) for each in differences])


@pytest.mark.parametrize(
    "expected",
    [{}, {"id": 1}, {"lines": [{"sku": "B"}]}, {"lines": [{"n": 1}, {"sku": "A"}]}, {"lines": []}, {"paid": True}],
)
def test_contained_json_passes(expected: Any) -> None:
    assert Expectation("succeeds", "contains", expected).check(answer(ORDER)) == Verdict(True)


def test_what_is_not_contained_is_named_at_its_place() -> None:
    verdict = Expectation("succeeds", "contains", {"lines": [{"sku": "C"}], "note": 1}).check(answer(ORDER))
    assert verdict.reason == "The answer differs in 2 places."
    assert [(each.path, each.expected) for each in verdict.differences] == [
        ("lines", 'an item {"sku": "C"}'),
        ("note", "1"),
    ]


@pytest.mark.parametrize(
    ("expectation", "result", "reason"),
    [
        (Expectation(), text("fine"), ""),
        (Expectation(), text("no", is_error=True), "It failed, and should have succeeded."),
        (Expectation("fails"), text("no", is_error=True), ""),
        (Expectation("fails"), text("fine"), "It succeeded, and should have failed."),
        (Expectation("fails", error_contains="no order"), text("There is no order 7.", is_error=True), ""),
        (Expectation("fails", error_contains="timeout"), text("no", is_error=True), "The error has another text."),
        (Expectation("any"), text("no", is_error=True), ""),
        (Expectation("any"), text("fine"), ""),
        (Expectation("succeeds", "textContains", "Ada"), text("Hello, Ada!"), ""),
        (
            Expectation("succeeds", "textContains", "ada"),
            text("Hello, Ada!"),
            "The text of the answer does not contain what is expected.",
        ),
        (
            Expectation("succeeds", "equals", 1),
            text("1"),
            "The flow answered with text and not with one JSON value; compare the text instead.",
        ),
        (Expectation("any"), None, "The call has no result."),
    ],
)
def test_outcomes_and_texts(expectation: Expectation, result: Any, reason: str) -> None:
    verdict = expectation.check(result)
    assert (verdict.passed, verdict.reason) == (not reason, reason)


@pytest.mark.parametrize(
    ("expectation", "stored", "words"),
    [
        (Expectation(), {"outcome": "succeeds"}, "succeeds"),
        (Expectation("any"), {"outcome": "any"}, "ends, either way"),
        (
            Expectation("fails", error_contains="no"),
            {"outcome": "fails", "errorContains": "no"},
            "fails, error contains “no”",
        ),
        (
            Expectation("succeeds", "equals", None),
            {"outcome": "succeeds", "output": {"compare": "equals", "value": None}},
            "succeeds, answer equals null",
        ),
    ],
)
def test_an_expectation_is_stored_and_read_back_as_the_same(
    expectation: Expectation, stored: dict[str, Any], words: str
) -> None:
    assert (expectation.as_json(), Expectation.of(stored), expectation.words) == (stored, expectation, words)


def test_differences_are_few_and_short() -> None:
    verdict = Expectation("succeeds", "equals", {}).check(answer({f"k{n}": "x" * 5000 for n in range(50)}))
    assert len(verdict.differences) == MAX_DIFFERENCES
    assert max(len(each.got) for each in verdict.differences) < 300
    assert verdict.reason == "The answer differs in 10 or more places."


def test_a_comparison_that_takes_too_long_is_given_up() -> None:
    many: list[Any] = [[n] for n in range(2000)]
    verdict = Expectation("succeeds", "contains", many[::-1]).check(answer(many))
    assert verdict == Verdict(False, "Too much to compare; expect less of the answer.")
