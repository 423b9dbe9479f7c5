"""Calls over a limit leave a number and nothing else."""

from datetime import UTC, datetime, timedelta

import pytest

from executions.admission.refusals import KEPT, Refusals, minute_of
from executions.models import RefusedCalls

pytestmark = pytest.mark.django_db


def stored() -> list[tuple[str, int, int, int]]:
    rows = RefusedCalls.objects.order_by("principal_id", "flow_key")
    return list(rows.values_list("principal_id", "flow_key", "server_key", "number"))


def test_two_processes_add_up_in_one_row_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("executions.admission.refusals.minute_of", lambda moment: 1_000)
    one, other = Refusals(), Refusals()
    for refusals, times in ((one, 3), (other, 2)):
        for _ in range(times):
            refusals.count("anonymous", 7, 1)
        refusals.count("key:3", 7, 1)
        refusals.write()
    one.write()
    assert stored() == [("anonymous", 7, 1, 5), ("key:3", 7, 1, 2)]


def test_what_is_older_than_a_week_goes_when_something_is_written() -> None:
    minute = minute_of(datetime.now(UTC) - KEPT - timedelta(minutes=2))
    RefusedCalls.objects.create(minute=minute, principal_id="key:3", flow_key=7, server_key=1, number=9)
    refusals = Refusals()
    refusals.count("anonymous", 0, 1)
    refusals.write()
    assert stored() == [("anonymous", 0, 1, 1)]
