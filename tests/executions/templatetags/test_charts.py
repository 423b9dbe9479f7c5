"""The words beside charts: short numbers, changes that matter, moments for addresses."""

import re
from datetime import UTC, datetime

from django.utils import timezone

from executions.reading.insights import Bin
from executions.reading.statistics import Tally
from executions.templatetags.charts import bin_name, bound, change, compact, edge, rate_change, tally_words
from tests.executions.pages.test_views import words


def test_numbers_beside_charts_are_short() -> None:
    assert [compact(number) for number in (0, 500, 1_500, 20_000, 2_000_000)] == ["0", "500", "1.5k", "20k", "2M"]
    assert [edge(value) for value in (5, 1_000, 30_000, 300_000)] == ["5 ms", "1 s", "30 s", "5 min"]
    assert [bin_name(Bin(*ends, 1)) for ends in ((0, 1), (20, 50), (300_000, None))] == [
        "under 1 ms",
        "20 ms to 50 ms",
        "5 min or more",
    ]
    assert [tally_words(each) for each in (Tally(), Tally(1), Tally(1_000, 2, 1))] == [
        "no calls",
        "1 call: 1 fulfilled",
        "1,003 calls: 1,000 fulfilled, 2 failed, 1 pending",
    ]


def test_a_change_is_marked_when_it_is_large() -> None:
    assert [words(change(*pair)).strip() for pair in ((110, 100), (50, 100), (1, 0), (None, 1), (100, 100))] == [
        "+10%",
        "−50%",
        "",
        "",
        "unchanged,",
    ]
    assert [re.findall("is-(good|bad)", change(now, 100, "less")) for now in (95, 50, 150)] == [[], ["good"], ["bad"]]
    assert [re.findall("is-(good|bad)", rate_change(now, 0.9)) for now in (0.895, 0.5, 1)] == [[], ["bad"], ["good"]]


def test_a_moment_in_an_address_is_local_and_clear_when_the_clock_shows_it_twice() -> None:
    with timezone.override("Europe/Berlin"):
        moments = [datetime(2026, 10, 25, hour, tzinfo=UTC) for hour in (0, 1, 2)]
        assert [bound(moment) for moment in moments] == [
            "2026-10-25T02:00+02:00",
            "2026-10-25T02:00+01:00",
            "2026-10-25T03:00",
        ]
