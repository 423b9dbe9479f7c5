"""What template tags make of times, durations and shares."""

import pytest
from django.utils import timezone

from executions.templatetags.moments import duration, percent, short_time


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [
        (None, ""),
        (0, "0 ms"),
        (0.4, "<1 ms"),
        (812.2, "812 ms"),
        (999.6, "1.0 s"),
        (4210, "4.2 s"),
        (59_980, "1 min 0 s"),
        (185_000, "3 min 5 s"),
        (7_800_000, "2 h 10 min"),
    ],
)
def test_a_duration_is_as_short_as_it_can_be_said(milliseconds: float | None, text: str) -> None:
    assert duration(milliseconds) == text


def test_a_time_of_another_day_has_its_date_and_of_another_year_the_year() -> None:
    now = timezone.now()
    assert short_time(now) == f"{now:%H:%M:%S}"
    old = now.replace(year=now.year - 1, month=11, day=21, hour=14, minute=3)
    assert short_time(old) == f"Nov 21 {old.year}, 14:03"


def test_a_share_is_never_rounded_up_to_all() -> None:
    assert [percent(share) for share in (None, 0, 0.961, 0.99999, 1)] == ["–", "0%", "96.1%", "99.9%", "100%"]
