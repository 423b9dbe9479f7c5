"""The history: its pages are exact at any depth, and an index gives each of its lists in order."""

import random
import re
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from executions.ledger import counts, statements, writer
from executions.models import HEAVY_FIELDS, Execution
from executions.reading import filters, for_agents, history
from executions.reading.filters import ExecutionFilter
from executions.reading.for_agents import Owned
from executions.reading.history import History, Listing
from executions.record.moments import new_id
from executions.record.status import Status
from flows.models import Flow
from tests.factories import STARTED, make_execution, make_flow, make_server, make_user, release

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)


def write(flow: Flow, starts: list[datetime], status: Callable[[int], str], **columns: Any) -> None:
    """Executions as the ledger leaves them, without running anything."""
    rows = [_row(flow, started_at, status(number)) | columns for number, started_at in enumerate(starts)]
    for first in range(0, len(rows), 100):
        statements.insert(rows[first : first + 100])
    counts.recount()


def _row(flow: Flow, started_at: datetime, status: str) -> dict[str, Any]:
    return {
        "id": new_id(started_at),
        "flow_id": flow.pk,
        "owner_id": flow.server.owner_id,
        "flow_name": flow.name,
        "flow_tool_name": flow.tool_name,
        "server_slug": flow.server.slug,
        "status": status,
        "started_at": started_at,
        "updated_at": started_at,
        "initial_params": "{}",
        "params_preview": "",
        "node_executions": "[]",
        "error_kind": "",
        "failed_node_name": "",
        "error_preview": "",
        "caller": "{}",
        "caller_name": "",
        "source": "mcp",
        "is_pinned": False,
        "note": "",
    }


def pages_of(listing: History, limit: int) -> list[list[Execution]]:
    """Every page, read one by one."""
    total = listing.page(1, limit).total_pages
    return [list(listing.page(number, limit).items) for number in range(1, total + 1)]


def sliced(executions: Any, limit: int) -> list[list[Execution]]:
    """The same from one naive list."""
    rows = sorted(executions, key=lambda row: (row.started_at, row.pk), reverse=True)
    return [rows[first : first + limit] for first in range(0, len(rows), limit)]


@pytest.fixture
def far(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few rows are far enough to go through the counters."""
    monkeypatch.setattr(history, "NEAR", 4)


SPREADS: dict[str, Callable[[random.Random], datetime]] = {
    "many hours": lambda chance: STARTED + HOUR * chance.uniform(0, 300),
    "few hours": lambda chance: STARTED + HOUR * chance.uniform(0, 3),
    "one hour": lambda chance: STARTED.replace(minute=0) + HOUR * chance.uniform(0, 0.99),
    "equal moments": lambda chance: STARTED + timedelta(minutes=25) * chance.randrange(5),
    "one busy hour": lambda chance: STARTED + (HOUR * 9 if chance.random() < 0.8 else HOUR * chance.uniform(0, 30)),
}


@pytest.mark.usefixtures("far")
@pytest.mark.parametrize("spread", SPREADS)
@pytest.mark.parametrize("limit", [1, 3, 7])
def test_every_page_of_every_status_is_exact_and_stays_so_after_deletes(spread: str, limit: int) -> None:
    chance = random.Random(f"{spread} {limit}")
    flow, other = make_flow(), make_flow()
    for filled in (flow, other):
        starts = [SPREADS[spread](chance) for _ in range(60)]
        write(filled, starts, lambda _: chance.choice(list(Status)).value)
    for _ in range(2):
        for status in (None, *Status):
            listing = History.of_flow(flow, flow.server.owner).in_status(status)
            rows = Execution.objects.filter(flow=flow, **({"status": status} if status else {}))
            assert pages_of(listing, limit) == sliced(rows, limit)
        writer.delete([pk for pk in Execution.objects.values_list("pk", flat=True) if chance.random() < 0.4])


@pytest.mark.usefixtures("far")
def test_the_lists_of_an_owner_and_of_everybody_are_exact_too() -> None:
    chance = random.Random(7)
    owner, operator = make_user(), make_user(is_superuser=True)
    for server in (make_server(owner), make_server(owner), make_server()):
        starts = [SPREADS["many hours"](chance) for _ in range(30)]
        write(make_flow(server), starts, lambda _: chance.choice(list(Status)).value)
    for user, count in ((owner, 60), (operator, 90)):
        for status in (None, *Status):
            listing = History.visible_to(user).in_status(status)
            rows = Execution.objects.visible_to(user).filter(**({"status": status} if status else {}))
            assert pages_of(listing, 7) == sliced(rows, 7)
        assert History.visible_to(user).totals()["all"] == count


@pytest.mark.usefixtures("far")
def test_a_deleted_flow_stays_in_its_owners_list_also_while_it_is_pruned() -> None:
    flow = make_flow()
    write(flow, [STARTED + HOUR * number for number in range(20)], lambda number: "fulfilled")
    owner = flow.server.owner
    flow.delete()
    writer.delete(list(Execution.objects.values_list("pk", flat=True)[:8]))
    listing = History.visible_to(owner)
    assert listing.totals()["all"] == 12
    assert pages_of(listing, 5) == sliced(Execution.objects.all(), 5)


def test_a_page_beyond_the_end_is_the_last_one_and_an_empty_history_has_none() -> None:
    flow = make_flow()
    mine = History.of_flow(flow, flow.server.owner)
    empty = mine.page(3, 20)
    assert (empty.items, empty.total, empty.number) == ([], 0, 1)
    made = [make_execution(flow) for _ in range(3)]
    page = mine.page(10**30, 2)
    assert (len(page.items), page.number, page.total) == (1, 2, len(made))


def test_what_one_may_not_see_is_in_no_list() -> None:
    execution = make_execution()
    stranger = make_user()
    assert History.visible_to(stranger).page(1, 20).items == []
    assert History.of_flow(execution.flow, stranger).rows(0, 20) == []


def test_ids_sort_as_the_starts_do_to_the_microsecond() -> None:
    starts = [STARTED + timedelta(microseconds=number * 7) for number in range(1_000)]
    made = [new_id(start) for start in starts]
    assert made == sorted(made)
    assert {(made_at.version, made_at.variant) for made_at in made} == {(7, uuid.RFC_4122)}


def test_an_execution_with_an_older_id_is_found_by_its_start_and_listed_by_its_id() -> None:
    flow = make_flow()
    first = make_execution(flow, started_at=STARTED)
    late = make_execution(flow, id=new_id(STARTED + timedelta(seconds=1)), started_at=STARTED + timedelta(seconds=40))
    last = make_execution(flow, started_at=STARTED + timedelta(seconds=20))
    edge = STARTED + timedelta(seconds=30)
    assert list(flow.executions.started(since=edge)) == [late]
    assert set(flow.executions.started(before=edge)) == {first, last}
    assert list(flow.executions.started(STARTED, edge + HOUR).newest_first()) == [last, late, first]


# --- Search -----------------------------------------------------------------------------------------------------------


class TestSearch:
    """Filters that no index serves look at the newest executions only, and say so."""

    @pytest.fixture(autouse=True)
    def short(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(filters, "SEARCH_LIMIT", 10)

    def found(self, flow: Flow, **asked: Any) -> tuple[list[str], int | None]:
        """Previews of what is found, and how many were searched when that was not all."""
        mine = History.of_flow(flow, flow.server.owner)
        chosen = ExecutionFilter(asked, queryset=mine.executions)
        assert chosen.is_valid()
        listing = Listing.of(mine, chosen)
        rows = listing.rows(0, 100)
        assert len(rows) == listing.total(listing.counts())
        return [row.params_preview for row in rows], listing.searched

    @pytest.fixture
    def flow(self) -> Flow:
        """15 executions, an hour apart; every third failed."""
        flow = make_flow()
        for number in range(15):
            make_execution(
                flow,
                status="error" if number % 3 == 0 else "fulfilled",
                started_at=STARTED + HOUR * number,
                params_preview=f"n: {number}",
                duration_ms=number,
                error_kind={0: "timeout", 12: "timeout"}.get(number, ""),
                failed_node_name={3: "Fetch", 9: "Fetch"}.get(number, ""),
            )
        return flow

    @pytest.mark.parametrize(
        ("asked", "numbers", "searched"),
        [
            ({"search": "n: "}, range(14, 4, -1), 10),
            ({"search": "n: 14"}, [14], 10),
            ({"search": "n: 4"}, [], 10),
            ({"minDuration": 3}, range(14, 4, -1), 10),
            ({"maxDuration": 7}, [7, 6, 5], 10),
            ({"caller": "nobody"}, [], 10),
            ({"search": "n: ", "status": "error"}, [12, 9, 6], 10),
            # Failed are 12, 9, 6, 3, 0: they are searched among themselves, so the newest ten of all do not bound them.
            ({"errorKind": "timeout"}, [12, 0], None),
            ({"node": "Fetch"}, [9, 3], None),
            ({"node": "fetch"}, [], None),
            ({"node": "Fetch", "status": "fulfilled"}, [], None),
            ({"search": "n: ", "startedAfter": STARTED + HOUR * 12}, [14, 13, 12], None),
            ({"search": "n: ", "startedBefore": STARTED + HOUR * 8}, range(7, -1, -1), None),
            ({"search": "n: ", "startedBefore": STARTED + HOUR * 12}, range(11, 1, -1), 10),
            ({"startedBefore": STARTED + HOUR * 12}, range(11, -1, -1), None),
            ({"status": "error"}, [12, 9, 6, 3, 0], None),
            ({}, range(14, -1, -1), None),
        ],
    )
    def test_it_is_bounded_within_list_and_time_range(
        self, flow: Flow, asked: dict[str, Any], numbers: Any, searched: int | None
    ) -> None:
        assert self.found(flow, **asked) == ([f"n: {number}" for number in numbers], searched)

    def test_an_id_is_found_however_old(self, flow: Flow) -> None:
        oldest = Execution.objects.order_by("started_at")[0]
        assert self.found(flow, search=str(oldest.pk)) == (["n: 0"], None)

    def test_text_that_looks_like_the_start_of_an_id_but_is_none_is_text(self, flow: Flow) -> None:
        make_execution(flow, params_preview="order: 12345678", started_at=STARTED + HOUR * 20)
        assert self.found(flow, search="12345678") == (["order: 12345678"], 10)

    def test_the_api_says_it_in_a_header(self, flow: Flow, client: Any) -> None:
        client.force_login(flow.server.owner)
        address = f"/api/flows/{flow.pk}/executions/"
        said = [client.get(address + query).get("X-FlowHub-Searched") for query in ("", "?status=error", "?search=n")]
        assert said == [None, None, "newest 10"]
        found = client.get(address + "?search=n&status=error&limit=1&page=2").json()
        assert (found["total"], [item["initialParamsPreview"] for item in found["items"]]) == (3, ["n: 9"])


# --- Query plans ------------------------------------------------------------------------------------------------------


def plans(action: Callable[[], Any], table: str = "executions_execution") -> list[tuple[str, str]]:
    """Each query on a table that `action` makes, and the database's plan for it."""
    with CaptureQueriesContext(connection) as queries:
        action()
    statements = [query["sql"] for query in queries if f'FROM "{table}"' in query["sql"]]
    explain = "EXPLAIN QUERY PLAN" if connection.vendor == "sqlite" else "EXPLAIN"
    found = []
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(f"{explain} {statement}")
            found.append((statement, "\n".join(str(row[-1]) for row in cursor.fetchall())))
    return found


def plan(action: Callable[[], Any]) -> tuple[str, str]:
    """The one query on executions that `action` makes, and the database's plan for it."""
    (found,) = plans(action)
    return found


@pytest.fixture
def busy_flow() -> Flow:
    """Enough executions, of two flows, for PostgreSQL to find its indexes worth using; a few failed, fewer pending."""
    flow = release(make_flow())
    for filled in (flow, make_flow()):
        starts = [STARTED + timedelta(minutes=number) for number in range(2500)]
        write(filled, starts, lambda n: "pending" if n % 500 == 0 else "error" if n % 30 == 0 else "fulfilled")
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("ANALYZE executions_execution")
            cursor.execute("SET LOCAL enable_sort = off")  # so few rows are quicker put in order than read in order
    return flow


BY_ID = "sqlite_autoindex_executions_execution_1|executions_execution_pkey"

# What PostgreSQL may choose between, it chooses by its statistics; each way is an index in the order of the list.
LISTS: dict[str, tuple[str, Callable[[History, History, History], Any]]] = {
    "a flow": ("execution_of_flow", lambda flow, owner, all_: flow.rows(0, 20)),
    "a flow, far back": ("execution_of_flow", lambda flow, owner, all_: flow.rows(2100, 20)),
    "a flow by status": (
        "execution_errors_of_flow",
        lambda flow, owner, all_: flow.in_status(Status.ERROR).rows(0, 20),
    ),
    "a flow by status, far back": (
        f"execution_of_flow|{BY_ID}",
        lambda flow, owner, all_: flow.in_status(Status.FULFILLED).rows(2100, 20),
    ),
    "an owner": ("execution_of_owner", lambda flow, owner, all_: owner.rows(0, 20)),
    "an owner's errors": (
        "execution_errors|execution_of_owner",
        lambda flow, owner, all_: owner.in_status(Status.ERROR).rows(0, 20),
    ),
    "everything": (BY_ID, lambda flow, owner, all_: all_.rows(0, 20)),
    "every error": ("execution_errors", lambda flow, owner, all_: all_.in_status(Status.ERROR).rows(0, 20)),
    "everything pending": ("execution_pending", lambda flow, owner, all_: all_.in_status(Status.PENDING).rows(0, 20)),
    "what an owner has pending": (
        "execution_pending",
        lambda flow, owner, all_: owner.in_status(Status.PENDING).rows(0, 20),
    ),
}


@pytest.mark.parametrize("name", LISTS)
def test_a_list_comes_in_order_from_its_index_and_reads_no_json(name: str, busy_flow: Flow) -> None:
    index, read = LISTS[name]
    index = index if connection.vendor == "postgresql" else index.split("|")[0]
    owner = busy_flow.server.owner
    lists = (
        History.of_flow(busy_flow, owner),
        History.visible_to(owner),
        History.visible_to(make_user(is_superuser=True)),
    )
    statement, found = plan(lambda: read(*lists))
    assert not [column for column in HEAVY_FIELDS if f'"{column}"' in statement]
    assert re.search(rf"(USING INDEX|using|on) ({index})\b", found), found
    assert_no_sort_and_no_full_scan(found, "pending" in name)


def assert_no_sort_and_no_full_scan(found: str, is_pending: bool) -> None:
    assert "Seq Scan" not in found
    if is_pending:
        # A handful of rows, which PostgreSQL may as well put in order itself.
        return
    assert "Sort" not in found
    assert "TEMP B-TREE" not in found


@pytest.mark.parametrize(
    "asked",
    [
        {"search": "nothing"},
        {"search": "n:21"},
        {"source": "test"},
        {"version": "1"},
        {"version": "draft"},
        {"minDuration": 5},
        {"caller": "nobody", "status": "error"},
        {"errorKind": "timeout"},
        {"node": "Fetch", "startedAfter": STARTED + HOUR},
    ],
)
def test_a_search_reads_a_range_of_its_lists_index(
    asked: dict[str, Any], busy_flow: Flow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filters, "SEARCH_LIMIT", 200)
    mine = History.of_flow(busy_flow, busy_flow.server.owner)
    chosen = ExecutionFilter(asked, queryset=mine.executions)
    assert chosen.is_valid()
    listing = Listing.of(mine, chosen)
    statement, found = plan(lambda: listing.rows(0, 20))
    assert re.search("execution_(errors_)?of_flow", found), found
    # A search looks through payloads where they are; nothing brings them here.
    assert not [column for column in HEAVY_FIELDS if f'"{column}"' in statement.partition(" FROM ")[0]]
    assert_no_sort_and_no_full_scan(found, False)


def test_an_owners_errors_are_searched_through_the_index_of_errors(busy_flow: Flow) -> None:
    mine = History.visible_to(busy_flow.server.owner)
    chosen = ExecutionFilter({"node": "Fetch"}, queryset=mine.executions)
    assert chosen.is_valid()
    listing = Listing.of(mine, chosen)
    statement, found = plan(lambda: listing.rows(0, 20))
    index = "execution_errors" if connection.vendor == "sqlite" else "execution_errors(_of_flow)?|execution_of_owner"
    assert re.search(rf"(USING INDEX|using|on) ({index})\b", found), found
    assert not [column for column in HEAVY_FIELDS if f'"{column}"' in statement]


@pytest.mark.parametrize("asked", [{}, {"tool": "other"}, {"status": "error"}, {"since": STARTED}])
def test_the_executions_of_an_api_key_come_from_its_index_and_read_no_json(
    asked: dict[str, Any], busy_flow: Flow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(for_agents, "SEARCHED", 200)
    starts = [STARTED + timedelta(minutes=number) for number in range(2500)]
    write(busy_flow, starts, lambda _: "fulfilled", principal_id="key:1")
    owned = Owned("key:1", busy_flow.server.slug, lambda tool: True)
    found = plans(lambda: owned.find(**asked))
    assert len(found) == 2
    for statement, way in found:
        assert re.search(r"(USING( COVERING)? INDEX|using|on) execution_of_principal\b", way), way
        assert not [column for column in HEAVY_FIELDS if f'"{column}"' in statement]
        assert_no_sort_and_no_full_scan(way, False)
    rows, has_more = owned.find(limit=20)
    newest = Execution.objects.filter(principal_id="key:1").newest_first()[:20]
    assert (rows, has_more) == (list(newest), True)
    assert Owned("key:2", busy_flow.server.slug, lambda tool: True).find() == ([], False)


def test_a_detail_is_found_by_its_key(busy_flow: Flow) -> None:
    execution_id = Execution.objects.filter(flow=busy_flow)[5].pk
    _, found = plan(lambda: Execution.objects.of_flow(busy_flow, busy_flow.server.owner).get(pk=execution_id))
    assert re.search(f"{BY_ID}|execution_of_flow", found), found


def test_the_cost_of_a_far_page_is_one_more_query(busy_flow: Flow, django_assert_num_queries: Any) -> None:
    mine = History.of_flow(busy_flow, busy_flow.server.owner)
    with django_assert_num_queries(2):
        mine.page(1, 20)
    with django_assert_num_queries(3):
        mine.page(110, 20)
