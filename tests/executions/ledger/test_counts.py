"""The counters that the ledger keeps are what counting anew finds."""

import random

import pytest

from executions.ledger import counts, writer
from executions.models import Execution
from executions.reading.history import History
from executions.record.status import Status
from tests.executions.reading.test_history import HOUR
from tests.factories import STARTED, make_execution, make_flow

pytestmark = pytest.mark.django_db


def test_counting_anew_finds_what_the_ledger_counted() -> None:
    chance = random.Random(3)
    flows = [make_flow(), make_flow()]
    made = [
        make_execution(
            chance.choice(flows),
            status=chance.choice(list(Status)),
            started_at=STARTED + HOUR * chance.uniform(-9, 9),
            source=chance.choice(list(Execution.Source)),
        )
        for _ in range(40)
    ]
    writer.delete([execution.pk for execution in made[::3]])
    kept = [History.of_flow(flow, flow.server.owner).totals() for flow in flows]
    columns = ("flow_key", "hour", "status", "is_trial", "number")
    hours = set(counts.ExecutionCount.objects.exclude(number=0).values_list(*columns))
    counts.recount()
    assert kept == [History.of_flow(flow, flow.server.owner).totals() for flow in flows]
    assert hours == set(counts.ExecutionCount.objects.values_list(*columns))
