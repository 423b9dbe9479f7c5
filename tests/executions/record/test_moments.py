"""Moments are written as the standard library writes them."""

from datetime import UTC, datetime

import pytest

from executions.record.moments import second_of, text_of


@pytest.mark.parametrize("fraction", [0, 1, 123, 123_000, 999_999])
@pytest.mark.parametrize("day", [(1, 1, 1), (1970, 1, 1), (2026, 12, 31)])
@pytest.mark.parametrize("time", [(0, 0, 0), (23, 59, 59)])
def test_a_moment_is_written_as_the_standard_library_writes_it(
    day: tuple[int, int, int], time: tuple[int, int, int], fraction: int
) -> None:
    moment = datetime(*day, *time, fraction, tzinfo=UTC)
    assert text_of(moment) + "+00:00" == moment.isoformat()
    assert text_of(moment, " ") == str(moment.replace(tzinfo=None))
    assert second_of(moment) + "+00:00" == moment.isoformat(timespec="seconds")
