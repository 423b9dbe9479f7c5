"""What template tags make of values: times, durations, JSON, bars, and what executions add up to."""

import re
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.utils import timezone

from executions.models import Execution
from executions.reading.periods import Period, span_of
from executions.reading.statistics import Calls, Tally, calls_of, status_counts
from executions.record.status import Status
from executions.templatetags.json_tree import LONGEST_TEXT, MOST_VALUES, json_tree
from executions.templatetags.moments import duration, percent, short_time
from executions.templatetags.waterfall import waterfall
from tests.factories import make_execution, make_flow


def shown(value: Any) -> str:
    return unescape(re.sub(r"<[^>]*>", "", json_tree(value)))


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


def test_json_keeps_integers_exact_and_is_escaped() -> None:
    assert shown({"n": 12345678901234567890123, "t": '<b>"&'}) == '{ "n": 12345678901234567890123, "t": "<b>\\"&" }'
    assert "<b>" not in json_tree({"<b>": ["<b>"]})


def test_a_long_string_is_cut_and_whole_behind_show_all() -> None:
    text = "x" * (LONGEST_TEXT * 3)
    assert f"show all {len(text):,} characters" in shown([text])
    assert f'"{text}"' in shown([text])


def test_a_huge_list_is_drawn_up_to_a_limit_that_says_how_much_is_left() -> None:
    assert f"… {10_000 - MOST_VALUES:,} more, see raw" in shown(list(range(10_000)))


def test_bars_lie_on_one_axis_and_a_node_at_work_reaches_its_end() -> None:
    entries = [
        {"nodeId": "a", "nodeName": "A", "status": "completed", "startOffsetMs": 0, "durationMs": 50},
        {"nodeId": "b", "nodeName": "B", "status": "pending", "startOffsetMs": 50, "durationMs": None},
        {"nodeId": "c", "nodeName": "C", "status": "skipped", "startOffsetMs": 50, "durationMs": None},
    ]
    chart = waterfall(Execution(node_executions=entries, duration_ms=None), 200)
    assert [(bar.start, bar.width) for bar in chart.bars] == [(0, 25), (25, 75), (25, 0)]
    assert [tick.milliseconds for tick in chart.ticks] == [0, 50, 100, 150, 200]


@pytest.mark.parametrize("whole", [0, 0.3, 1, 7, 318, 4200, 300_000, 86_400_000])
def test_an_axis_never_has_more_marks_than_fit(whole: float) -> None:
    chart = waterfall(Execution(node_executions=[], duration_ms=whole), 0)
    assert 1 <= len(chart.ticks) <= 9
    assert all(0 <= tick.place <= 100 for tick in chart.ticks)


@pytest.mark.django_db
def test_the_calls_of_a_flow_are_counted_by_hour_and_status() -> None:
    flow, other = make_flow(), make_flow()
    now = timezone.now()
    make_execution(flow, started_at=now, duration_ms=10.0)
    make_execution(flow, started_at=now, duration_ms=30.0, status=Status.ERROR)
    make_execution(flow, started_at=now - timedelta(hours=2), duration_ms=20.0)
    make_execution(flow, started_at=now - timedelta(hours=25))
    make_execution(flow, started_at=now, status=Status.PENDING)
    calls = calls_of([flow.pk, other.pk], span_of(Period.DAY, now))
    none = [Tally()] * 24
    assert calls == {
        flow.pk: Calls([*none[3:], Tally(fulfilled=1), Tally(), Tally(1, 1, 1)], 30.0),
        other.pk: Calls(none, None),
    }
    assert (calls[flow.pk].total, calls[flow.pk].success_rate) == (4, 2 / 3)
    assert (calls[other.pk].total, calls[other.pk].success_rate) == (0, None)


@pytest.mark.django_db
def test_executions_are_counted_by_status() -> None:
    flow = make_flow()
    make_execution(flow)
    make_execution(flow, status=Status.PENDING)
    assert status_counts(Execution.objects.all()) == {"all": 2, "pending": 1, "fulfilled": 1, "error": 0}
