"""What executions add up to: by hour and status, and at which share of them a duration lies."""

from datetime import timedelta

import pytest
from django.utils import timezone

from executions.models import Execution
from executions.reading.periods import Period, span_of
from executions.reading.statistics import Calls, Tally, calls_of, percentile, status_counts
from executions.record.status import Status
from tests.factories import make_execution, make_flow


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
        flow.pk: Calls([*none[3:], Tally(fulfilled=1), Tally(), Tally(1, 1, 1)], p95_ms=30.0),
        other.pk: Calls(none),
    }
    assert (calls[flow.pk].total, calls[flow.pk].success_rate) == (4, 2 / 3)
    assert (calls[other.pk].total, calls[other.pk].success_rate) == (0, None)


@pytest.mark.django_db
def test_executions_are_counted_by_status() -> None:
    flow = make_flow()
    make_execution(flow)
    make_execution(flow, status=Status.PENDING)
    assert status_counts(Execution.objects.all()) == {"all": 2, "pending": 1, "fulfilled": 1, "error": 0}


@pytest.mark.parametrize(
    ("values", "share", "found"),
    [([], 0.5, None), ([7], 0.95, 7), ([1, 2], 0.5, 1), ([1, 2, 3], 0.5, 2), (list(range(1, 101)), 0.95, 95)],
)
def test_a_percentile_is_a_value_that_occurred(values: list[float], share: float, found: float | None) -> None:
    assert percentile(values, share) == found
