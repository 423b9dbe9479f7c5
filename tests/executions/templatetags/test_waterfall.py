"""The bars of an execution's nodes on one axis."""

import pytest

from executions.models import Execution
from executions.templatetags.waterfall import waterfall


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
