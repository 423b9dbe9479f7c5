"""Each kind of error that an execution can end with, and what it means to those who read about it."""

from typing import get_args

from executions.record.error_kinds import ERROR_KINDS, KindOfError, kind_of_error
from flows.engine.errors import ErrorKind


def test_each_kind_that_the_code_can_set_has_its_row() -> None:
    assert tuple(ERROR_KINDS) == get_args(ErrorKind)


def test_no_two_kinds_are_said_in_the_same_words() -> None:
    assert len({kind.words for kind in ERROR_KINDS.values()}) == len(ERROR_KINDS)


def test_a_kind_of_another_version_is_a_failure_whose_message_is_kept_back() -> None:
    assert [kind_of_error(stored) for stored in ("", "out_of_luck")] == [KindOfError("failed")] * 2
