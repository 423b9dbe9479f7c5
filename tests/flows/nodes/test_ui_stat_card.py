"""Figures are answered as Markdown for readers and as values for clients that draw them."""

from typing import Any

import pytest

from flows.engine.node import NodeResult, Reply
from flows.nodes import registry
from tests.flows.nodes.conftest import Execute

pytestmark = pytest.mark.anyio


async def test_each_figure_stands_on_a_line(execute: Execute) -> None:
    stats = [
        {"label": "Orders", "value": 12345678901234567890, "change": "+12% since May"},
        {"label": "Revenue", "value": 1.5, "unit": "EUR"},
        {"label": "Open*", "value": "a lot"},
        {"label": "Known", "value": None},
    ]
    output = {"ui": "stat_card", "title": "Today", "stats": stats}
    text = (
        "**Today**\n\n- Orders: **12345678901234567890** (+12% since May)\n- Revenue: **1.5** EUR\n"
        "- Open\\*: **a lot**\n- Known: **unknown**"
    )
    assert await execute("ui_stat_card", {"title": "Today", "stats": stats}) == NodeResult(
        output, reply=Reply(text, structured=output, is_structured=True)
    )


@pytest.mark.parametrize(
    ("parameters", "places"),
    [
        ({"stats": []}, ["stats"]),
        ({"stats": [{"label": "a"}]}, ["stats[0]"]),
        ({"stats": [{"label": "a", "value": [1]}]}, ["stats[0].value"]),
        ({"stats": [{"label": "a", "value": "{{ b.c }}"}]}, []),
    ],
)
def test_wrong_parameters_are_named(parameters: Any, places: list[str]) -> None:
    found = registry()["ui_stat_card"].faults(parameters, "", before_filling=True)
    assert [str(fault).partition(":")[0] for fault in found] == places
