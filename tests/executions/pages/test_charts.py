"""The geometry of charts: columns, their parts, the lines behind them."""

import pytest

from executions.pages.charts import ColumnPart, ScaleLine, histogram, place, stacked
from executions.reading.insights import Bin
from executions.reading.statistics import Tally


def test_columns_share_the_width_and_their_parts_stand_on_each_other() -> None:
    chart = stacked([Tally(), Tally(fulfilled=60, error=20, pending=20)], 100)
    assert [(column.left, column.room, column.middle) for column in chart.columns] == [(0, 50, 25), (50, 50, 75)]
    assert chart.columns[0].parts == []
    assert chart.columns[1].parts == [
        ColumnPart("error", 80, 20),
        ColumnPart("fulfilled", 20, 60),
        ColumnPart("pending", 0, 20),
    ]
    assert chart.lines == [ScaleLine(0, 100), ScaleLine(50, 50), ScaleLine(100, 0)]


def test_one_call_among_thousands_is_seen_and_no_column_outgrows_the_chart() -> None:
    (column,) = stacked([Tally(fulfilled=9_998, error=1, pending=1)], 100).columns
    assert column.parts == [ColumnPart("error", 98, 2), ColumnPart("fulfilled", 2, 96), ColumnPart("pending", 0, 2)]


@pytest.mark.parametrize(
    ("most", "values"),
    [
        (0, [0]),
        (1, [0, 1]),
        (3, [0, 1, 2, 3]),
        (5, [0, 2, 4, 6]),
        (93, [0, 50, 100]),
        (104, [0, 50, 100, 150]),
        (40_000, [0, 10_000, 20_000, 30_000, 40_000]),
    ],
)
def test_lines_stand_at_round_numbers_that_reach_the_highest_column(most: int, values: list[int]) -> None:
    assert [line.value for line in stacked([Tally(fulfilled=most)], 100).lines] == values


def test_a_duration_lies_inside_its_bin() -> None:
    bins = [Bin(10, 20, 3), Bin(20, 50, 1), Bin(50, None, 0)]
    places = [place(value, bins) for value in (5, 10, 15, 49.99, 9_000)]
    assert places == [None, 0, 16.67, 66.66, 83.33]
    assert [len(column.parts) for column in histogram(bins, 100).columns] == [1, 1, 0]
