"""What a stored value lacks: the same holes, asked about in three ways."""

from typing import Any

import pytest

from executions.record.holes import holes, whole_parts, without_cuts
from executions.record.payload import envelope

CUT = envelope('"x"')
STORED = {
    "name": "Ada",
    "token": "***",
    "text": "Bearer *** and more",
    "orders": [{"id": 1, "page": CUT}, CUT, "***", [2, CUT]],
    "a *** b": {"deep": "***"},
}
WHOLE = {"name": "Ada", "orders": [{"id": 1}, [2]]}
PLACES = ["token", "text", "a *** b", "orders[1]", "orders[2]", "orders[0].page", "orders[3][1]"]


def test_what_is_hidden_or_cut_is_named_by_its_path_and_left_out() -> None:
    assert whole_parts(STORED) == (WHOLE, PLACES)
    assert holes(STORED) == set(PLACES)


def test_without_what_was_cut_the_hidden_parts_are_as_they_are_shown() -> None:
    assert without_cuts(STORED) == {
        "name": "Ada",
        "token": "***",
        "text": "Bearer *** and more",
        "orders": [{"id": 1}, "***", [2]],
        "a *** b": {"deep": "***"},
    }


@pytest.mark.parametrize("stored", [CUT, "***"])
def test_of_a_value_that_is_missing_altogether_nothing_is_left(stored: Any) -> None:
    assert (whole_parts(stored), holes(stored)) == (({}, [""]), {""})


@pytest.mark.parametrize("stored", [None, 7, "text", [], {}, {"a": [1, {"b": None}]}])
def test_a_whole_value_stays_as_it_is(stored: Any) -> None:
    assert (whole_parts(stored), holes(stored), without_cuts(stored)) == ((stored, []), set(), stored)


def test_a_value_of_any_depth_is_looked_through() -> None:
    deep: Any = "***"
    for _ in range(5_000):
        deep = [deep]
    assert holes(deep) == {"[0]" * 5_000}
