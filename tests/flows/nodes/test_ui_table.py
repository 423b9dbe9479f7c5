"""A table is answered as Markdown for readers and as rows for clients that draw it."""

from typing import Any

import pytest

from flows.engine.node import NodeResult, Reply
from flows.nodes import registry
from flows.nodes.ui_table import MAX_ROWS
from tests.flows.nodes.conftest import Execute

pytestmark = pytest.mark.anyio


async def test_the_chosen_columns_are_shown_and_all_of_the_rows_are_sent(execute: Execute) -> None:
    rows = [{"id": 7, "note": "a|b\n*c*", "x": 1}, {"id": None, "note": {"deep": [1]}}, {}]
    columns = [{"key": "note", "title": "Note"}, {"key": "id"}]
    output = {
        "ui": "table",
        "title": "Open",
        "columns": [{"key": "note", "title": "Note"}, {"key": "id", "title": "id"}],
        "rows": rows,
    }
    text = '**Open**\n\n| Note | id |\n| --- | --- |\n| a\\|b \\*c\\* | 7 |\n| {"deep": \\[1\\]} |  |\n|  |  |'
    assert await execute("ui_table", {"title": "Open", "columns": columns, "rows": rows}) == NodeResult(
        output, reply=Reply(text, structured=output, is_structured=True)
    )


async def test_without_columns_every_key_of_the_rows_is_one(execute: Execute) -> None:
    reply = (await execute("ui_table", {"rows": [{"a": True}, {"b": "<i>", "a": 0.5}]})).reply
    assert reply is not None
    assert reply.text == "| a | b |\n| --- | --- |\n| true |  |\n| 0.5 | \\<i> |"


@pytest.mark.parametrize("rows", [[], [{}]])
async def test_a_table_of_nothing_says_so(execute: Execute, rows: Any) -> None:
    reply = (await execute("ui_table", {"rows": rows})).reply
    assert reply == Reply("No rows.", {"ui": "table", "title": "", "columns": [], "rows": rows}, True)


@pytest.mark.parametrize(
    ("parameters", "places"),
    [
        ({}, ['"rows" is a required property']),
        ({"rows": [1]}, ["rows[0]"]),
        ({"rows": [{}] * (MAX_ROWS + 1)}, ["rows"]),
        ({"rows": [], "columns": [{"title": "A"}]}, ["columns[0]"]),
        ({"rows": "{{ fetch.body }}"}, []),
    ],
)
def test_wrong_parameters_are_named(parameters: Any, places: list[str]) -> None:
    found = registry()["ui_table"].faults(parameters, "", before_filling=True)
    assert [str(fault).partition(":")[0] for fault in found] == places
