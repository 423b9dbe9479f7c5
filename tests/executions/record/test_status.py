"""The statuses of an execution, and every place that spells them out."""

from dataclasses import fields

import pytest
from django.conf import settings

from executions.admin import COLOURS
from executions.api.insights import TallySerializer
from executions.pages.charts import STACK
from executions.reading.statistics import Tally
from executions.record.status import COUNTED, MEANINGS, SHOWN, TERMINAL, TRANSITIONS, Status


def test_whatever_lists_the_statuses_lists_all_of_them() -> None:
    lists = [SHOWN, MEANINGS, COUNTED, TRANSITIONS, COLOURS, STACK, [field.name for field in fields(Tally)]]
    assert [sorted(found) for found in lists] == [sorted(Status)] * len(lists)
    # On the wire they are written out, because a name there is a promise.
    assert list(TallySerializer().fields) == ["total", *SHOWN, "successRate"]


@pytest.mark.parametrize("status", Status)
@pytest.mark.parametrize("place", [".dot", ".key", ":is(.bars, .small-chart, .share-bar)"])
def test_each_status_has_its_colour_in_each_place(status: Status, place: str) -> None:
    css = "\n".join(path.read_text() for path in (settings.BASE_DIR / "static/css").glob("*.css"))
    rules = [line for line in css.splitlines() if line.startswith(place) and f".is-{status}" in line]
    assert len(rules) == 1


def test_a_status_that_nothing_follows_is_terminal() -> None:
    assert {Status.FULFILLED, Status.ERROR} == TERMINAL


def test_tallies_are_added_status_by_status() -> None:
    both = Tally(fulfilled=3, error=1, pending=2) + Tally(fulfilled=1, pending=1)
    assert both == Tally(fulfilled=4, error=1, pending=3)
    assert (both.total, both.ended, both.success_rate) == (8, 5, 0.8)
    assert (Tally().total, Tally().success_rate) == (0, None)
