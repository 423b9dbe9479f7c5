"""Pruning: what goes, what stays, what is shown, and that counters and versions follow."""

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from executions.ledger import counts, drafts, writer
from executions.models import Execution, ExecutionCount, KeptDraft
from executions.reading.history import History
from executions.record.status import Status
from executions.upkeep import retention, space
from executions.upkeep.retention import Criteria
from flows.models import Flow, FlowVersion
from flows.publishing import versions
from tests.factories import STARTED, make_execution, make_flow, make_server, make_user

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


@pytest.fixture
def prune(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Run the command and return what it prints."""

    def run(*arguments: str) -> str:
        call_command("prune_executions", *arguments)
        return capsys.readouterr().out

    return run


def history(flow: Flow, days: int = 5, **columns: Any) -> list[Execution]:
    """One execution a day, the last of them now; oldest first."""
    now = timezone.now()
    return [make_execution(flow, started_at=now - DAY * age, **columns) for age in reversed(range(days))]


def left() -> set[Execution]:
    return set(Execution.objects.all())


def counted() -> dict[tuple[int, str, int], int]:
    """The counters that are not zero, by flow, status and hour."""
    rows = ExecutionCount.objects.exclude(number=0).values_list("flow_key", "status", "hour", "number")
    return {(flow, status, hour): number for flow, status, hour, number in rows}


def assert_counters_fit() -> None:
    from_ledger = counted()
    counts.recount()
    assert from_ledger == counted()


@pytest.mark.parametrize(
    ("arguments", "kept"),
    [
        (["--older-than", "84h"], [1, 2, 3, 4]),
        (["--older-than", "2d"], [3, 4]),
        (["--older-than", "1w"], [0, 1, 2, 3, 4]),
        (["--older-than", "1m"], [0, 1, 2, 3, 4]),
        (["--keep", "2"], [3, 4]),
        (["--keep", "0"], []),
        (["--keep", "9"], [0, 1, 2, 3, 4]),
        (["--keep", "4", "--older-than", "2d"], [1, 2, 3, 4]),
        (["--keep", "1", "--older-than", "2d"], [3, 4]),
        (["--status", "fulfilled"], []),
        (["--status", "error"], [0, 1, 2, 3, 4]),
        (["--keep", "3", "--chunk", "1"], [2, 3, 4]),
    ],
)
def test_criteria_narrow_each_other_down(arguments: list[str], kept: list[int], prune: Callable[..., str]) -> None:
    made = history(make_flow())
    prune(*arguments)
    assert left() == {made[index] for index in kept}
    assert_counters_fit()


def test_the_newest_are_kept_of_each_flow_and_of_the_deleted_flows_together(prune: Callable[..., str]) -> None:
    busy, quiet, gone = make_flow(), make_flow(), make_flow()
    kept = {*history(busy, 4)[2:], *history(quiet, 1), *history(gone, 3)[1:]}
    versions.delete(gone)
    prune("--keep", "2")
    assert left() == kept


def test_executions_of_one_moment_are_kept_by_id(prune: Callable[..., str]) -> None:
    flow = make_flow()
    made = sorted((make_execution(flow) for _ in range(5)), key=lambda execution: execution.pk)
    prune("--keep", "2", "--chunk", "2")
    assert left() == set(made[3:])


def test_pending_and_pinned_executions_stay(prune: Callable[..., str]) -> None:
    flow = make_flow()
    pending, pinned = make_execution(flow, status=Status.PENDING), make_execution(flow, is_pinned=True)
    make_execution(flow)
    assert "1 executions" in prune("--keep", "0")
    assert left() == {pending, pinned}
    assert_counters_fit()


def test_an_execution_that_is_pinned_after_it_was_chosen_stays() -> None:
    chosen = [make_execution(), make_execution(is_pinned=True), make_execution(status=Status.PENDING)]
    assert writer.delete([execution.pk for execution in chosen] + [uuid.uuid4()]) == 1
    assert left() == set(chosen[1:])
    assert writer.delete([execution.pk for execution in chosen]) == 0


def test_a_parent_goes_and_its_child_stays(prune: Callable[..., str]) -> None:
    parent = make_execution()
    child = make_execution(parent=parent, started_at=timezone.now())
    prune("--older-than", "1d")
    child.refresh_from_db()
    assert (left(), child.parent_id) == ({child}, None)


@pytest.mark.parametrize("named", ["id", "tool", "tool and server"])
def test_one_flow_is_pruned_alone(named: str, prune: Callable[..., str]) -> None:
    flow, other = make_flow(tool_name="mine"), make_flow(tool_name="other")
    kept = make_execution(other)
    make_execution(flow)
    prune(
        "--flow",
        *{"id": [str(flow.pk)], "tool": ["mine"], "tool and server": ["mine", "--server", flow.server.slug]}[named],
    )
    assert left() == {kept}


def test_the_preview_tells_flow_rows_bytes_and_days_and_deletes_nothing(prune: Callable[..., str]) -> None:
    flow = make_flow(make_server(slug="shop"), tool_name="find_order")
    payload = {"texts": ["x" * 1000] * 100}
    made = [
        make_execution(flow, started_at=STARTED + DAY * day, initial_params=payload, result={"ü": 1}) for day in (0, 1)
    ]
    assert prune("--older-than", "1d", "--dry-run").splitlines() == [
        "FLOW             ROWS  BYTES     OLDEST            NEWEST",
        "shop/find_order  2     197.5 KB  2026-01-02 03:04  2026-01-03 03:04",
        "2 executions, about 197.5 KB.",
    ]
    assert left() == set(made)


def test_where_nothing_is_to_go_nothing_is_asked(prune: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    assert prune("--keep", "0").splitlines()[0] == "0 executions, about 0 bytes."


@pytest.mark.parametrize("options", [[], ["--yes"]])
def test_a_person_says_yes_or_has_said_so(
    options: list[str], prune: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    make_execution()
    asked: list[str] = []
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("builtins.input", lambda question: asked.append(question) or "y")
    prune("--keep", "0", *options)
    assert (left(), asked) == (set(), [] if options else ["Delete them? [y/N] "])


@pytest.mark.parametrize("answer", ["n", "", "yesterday"])
def test_anything_but_yes_deletes_nothing(answer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    execution = make_execution()
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("builtins.input", lambda question: answer)
    with pytest.raises(CommandError, match="Nothing was deleted"):
        call_command("prune_executions", "--keep", "0")
    assert left() == {execution}


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        ([], "Say what to delete: --older-than, --keep, --status or --flow."),
        (["--yes"], "Say what to delete: --older-than, --keep, --status or --flow."),
        (["--older-than", "90"], "write a number and h, d, w or m"),
        (["--keep", "-1"], "write a whole number"),
        (["--status", "pending"], "invalid choice: 'pending'"),
        (["--flow", "nowhere"], "There is no flow 'nowhere'."),
        (["--flow", "twice"], "Several servers have 'twice': say which with --server (one, two)."),
        (["--flow", "twice", "--server", "three"], "There is no flow 'twice' on server 'three'."),
        (["--server", "one"], "--server says which --flow is meant; give both."),
        (["--keep", "1", "--chunk", "0"], "--chunk is a number from 1 to 5000."),
    ],
)
def test_a_command_that_means_nothing_deletes_nothing(arguments: list[str], fault: str) -> None:
    for slug in ("one", "two"):
        make_execution(make_flow(make_server(slug=slug), tool_name="twice"))
    with pytest.raises(CommandError) as refusal:
        call_command("prune_executions", *arguments)
    assert fault in str(refusal.value)
    assert len(left()) == 2


def test_versions_of_deleted_flows_go_with_their_last_execution(prune: Callable[..., str]) -> None:
    gone, alive = make_flow(), make_flow()
    published = {name: versions.publish(flow) for name, flow in (("old", gone), ("used", gone), ("alive", alive))}
    make_execution(gone, flow_version=published["old"])
    kept = make_execution(gone, flow_version=published["used"], started_at=timezone.now())
    versions.delete(gone)
    assert "Removed 1 versions of deleted flows." in prune("--older-than", "1d")
    assert set(FlowVersion.objects.all()) == {published["used"], published["alive"]}
    kept.refresh_from_db()
    assert kept.flow_version_id == published["used"].pk


def test_a_chunk_is_a_transaction_and_memory_holds_one_chunk(django_assert_max_num_queries: Any) -> None:
    history(make_flow(), 7)
    assert list(retention.prune(Criteria(keep=1), chunk=3)) == [3, 3]


@pytest.mark.django_db(transaction=True)
class TestSpace:
    """Committed rows, because free pages appear only then."""

    @pytest.fixture
    def a_file_that_shrinks(self) -> None:
        """What a new database is; the test database is made from settings of one that is there already."""
        if connection.vendor == "sqlite":
            with connection.cursor() as cursor:
                cursor.execute("PRAGMA auto_vacuum = INCREMENTAL")
                cursor.execute("VACUUM")

    @pytest.mark.usefixtures("a_file_that_shrinks")
    def test_space_is_given_back(self, prune: Callable[..., str]) -> None:
        flow = make_flow()
        for _ in range(40):
            make_execution(flow, initial_params={"text": "x" * 50_000})
        before = space.space()
        told = prune("--keep", "0", "--vacuum")
        after = space.space()
        assert "The database takes" in told
        if connection.vendor == "sqlite":
            assert (after.free, before.size - after.size > 40 * 50_000) == (0, True)

    def test_drafts_that_ran_in_nothing_that_is_left_go_once_an_hour_is_over(self, prune: Callable[..., str]) -> None:
        kept, gone, fresh = (drafts.digest_of([number]) for number in range(3))
        for number, digest in enumerate((kept, gone, fresh)):
            drafts.keep(digest, [number])
        KeptDraft.objects.exclude(pk=fresh).update(kept_at=STARTED)
        make_execution(draft_digest=kept, source="test")
        make_execution(draft_digest=kept, source="test")
        old = make_execution(draft_digest=gone, source="test")
        assert "Removed" not in prune("--keep", "1")
        writer.delete([old.pk])
        assert "Removed 1 drafts that ran in nothing that is left." in prune("--keep", "1")
        assert set(KeptDraft.objects.values_list("pk", flat=True)) == {kept, fresh}

    def test_versions_go_while_foreign_keys_are_checked_afterwards_as_before(self) -> None:
        flow = make_flow()
        versions.publish(flow)
        versions.delete(flow)
        assert retention.remove_orphaned_versions() == 1
        if connection.vendor == "sqlite":
            with connection.cursor() as cursor:
                assert cursor.execute("PRAGMA foreign_keys").fetchone() == (1,)


class TestPage:
    """The admin's page about disk space."""

    PAGE = reverse("admin:executions_execution_space")

    def test_an_operator_sees_rows_and_bytes_of_each_flow(self, client: Client) -> None:
        busy, idle, gone = make_flow(tool_name="busy"), make_flow(tool_name="idle"), make_flow(tool_name="gone")
        for flow in (busy, busy, gone):
            make_execution(flow, initial_params="x" * 10_000)
        versions.delete(gone)
        client.force_login(make_user(is_superuser=True))
        page = client.get(self.PAGE)
        shown = [(share.name, share.rows, round(share.size, -4)) for share in page.context["shares"]]
        assert shown == [
            (f"{busy.server.slug}/busy", 2, 20_000),
            (f"{idle.server.slug}/idle", 0, 0),
            ("(deleted flows)", 1, 10_000),
        ]
        assert (page.context["rows"], page.context["space"].size > 0) == (3, True)
        assert "/busy" in page.content.decode()

    def test_the_list_of_executions_leads_there(self, client: Client) -> None:
        client.force_login(make_user(is_superuser=True))
        assert f'href="{self.PAGE}"' in client.get(reverse("admin:executions_execution_changelist")).content.decode()

    def test_its_cost_does_not_grow_with_the_rows(self, client: Client, django_assert_num_queries: Any) -> None:
        flow = make_flow()
        make_execution(flow)
        with django_assert_num_queries(6):
            space.shares()
        for _ in range(5):
            make_execution(flow)
        with django_assert_num_queries(6):
            space.shares()

    def test_staff_without_the_permission_is_refused(self, client: Client) -> None:
        client.force_login(make_user(is_staff=True))
        assert client.get(self.PAGE).status_code == 403


def test_the_history_of_a_flow_follows_what_was_pruned(prune: Callable[..., str]) -> None:
    flow = make_flow()
    history(flow, 3)
    history(flow, 2, status="error")
    prune("--status", "error")
    totals = History.of_flow(flow, flow.server.owner).totals()
    assert totals == {"all": 3, "pending": 0, "fulfilled": 3, "error": 0}
