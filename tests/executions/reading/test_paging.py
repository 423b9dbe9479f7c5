"""Classic pagination as a value, and the query parameters that pages and API share."""

import pytest

from executions.ledger import counts
from executions.models import Execution
from executions.reading.filters import ExecutionFilter, id_range
from executions.reading.history import History
from executions.reading.paging import Page
from tests.factories import make_execution, make_flow


@pytest.mark.parametrize(
    ("number", "total_pages", "numbers"),
    [
        (1, 0, []),
        (1, 1, [1]),
        (1, 2, [1, 2]),
        (1, 20, [1, 2, 3, None, 20]),
        (4, 20, [1, 2, 3, 4, 5, 6, None, 20]),
        (5, 20, [1, 2, 3, 4, 5, 6, 7, None, 20]),
        (10, 20, [1, None, 8, 9, 10, 11, 12, None, 20]),
        (20, 20, [1, None, 18, 19, 20]),
    ],
)
def test_page_numbers_have_gaps_that_hide_more_than_one_page(
    number: int, total_pages: int, numbers: list[int | None]
) -> None:
    page: Page[Execution] = Page([], total_pages * 10, number, 10)
    assert (page.total_pages, page.numbers) == (total_pages, numbers)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("asked", "number", "first", "last", "previous", "following"),
    [
        (1, 1, 1, 2, None, 2),
        ("2", 2, 3, 4, 1, 3),
        ("3", 3, 5, 5, 2, None),
        ("99999999999999999999", 3, 5, 5, 2, None),
        ("0", 1, 1, 2, None, 2),
        ("-1", 1, 1, 2, None, 2),
        ("nonsense", 1, 1, 2, None, 2),
        (None, 1, 1, 2, None, 2),
    ],
)
def test_any_page_number_leads_to_a_page_with_rows(
    asked: object, number: int, first: int, last: int, previous: int | None, following: int | None
) -> None:
    flow = make_flow()
    for _ in range(5):
        make_execution(flow)
    counts.recount()
    page = History.of_flow(flow, flow.server.owner).page(asked, 2)
    shown = (page.number, page.first_index, page.last_index, page.previous, page.next, page.total, len(page.items))
    assert shown == (number, first, last, previous, following, 5, last - first + 1)


@pytest.mark.django_db
def test_an_empty_list_is_one_page_without_numbers() -> None:
    flow = make_flow()
    page = History.of_flow(flow, flow.server.owner).page(3, 20)
    assert (page.items, page.number, page.first_index, page.last_index, page.numbers) == ([], 1, 0, 0, [])


@pytest.mark.parametrize("text", ["", "added", "019abcd", "not-hex-at-all", "0" * 33, "ünïcode12"])
def test_words_are_not_taken_for_ids(text: str) -> None:
    assert id_range(text) is None


@pytest.mark.django_db
def test_a_faulty_filter_says_what_may_be_written_and_the_others_still_apply() -> None:
    flow = make_flow()
    make_execution(flow)
    make_execution(flow, params_preview="wanted")
    filtered = ExecutionFilter({"status": "nonsense", "search": "wanted"}, queryset=Execution.objects.all())
    assert filtered.errors == {"status": ["nonsense is not one of the choices: pending, fulfilled, error."]}
    assert [execution.params_preview for execution in filtered.qs] == ["wanted"]
