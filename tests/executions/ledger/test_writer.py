"""The ledger: what was awaited is durable, one transaction serves many, a terminal row never changes."""

import asyncio
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import OperationalError, connection

from executions.ledger.write_ahead_log import LAID_OUT, STEP
from executions.ledger.writer import ExecutionChange, Ledger, LedgerUnavailable, listeners
from executions.models import Execution
from executions.record.moments import new_id
from flows.models import Flow, Server

pytestmark = [pytest.mark.anyio, pytest.mark.django_db(transaction=True)]

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.fixture
def ledger() -> Iterator[Ledger]:
    one = Ledger()
    yield one
    one.stop()


def pending(execution_id: uuid.UUID, **columns: Any) -> dict[str, Any]:
    return {
        "id": execution_id,
        "flow_name": "Flow",
        "flow_tool_name": "flow",
        "server_slug": "s",
        "status": "pending",
        "started_at": NOW,
        "updated_at": NOW,
        "initial_params": "{}",
        "params_preview": "",
        "node_executions": "[]",
        "error_kind": "",
        "failed_node_name": "",
        "error_preview": "",
        "caller": "{}",
        "caller_name": "",
        "source": "test",
        "is_pinned": False,
        "note": "",
    } | columns


def fulfilled(**columns: Any) -> dict[str, Any]:
    return {"status": "fulfilled", "ended_at": NOW, "updated_at": NOW, "duration_ms": 1.5, "result": '"ok"'} | columns


@sync_to_async
def row(execution_id: uuid.UUID) -> tuple[str, Any, Any] | None:
    found = Execution.objects.filter(pk=execution_id).first()
    return found and (found.status, found.result, found.node_executions)


async def test_a_committed_row_is_in_the_database(ledger: Ledger) -> None:
    execution_id = new_id()
    ledger.open(pending(execution_id))
    await ledger.commit(execution_id)
    assert await row(execution_id) == ("pending", None, [])


async def test_an_execution_opened_and_closed_at_once_is_one_insert(ledger: Ledger) -> None:
    execution_id = new_id()
    ledger.open(pending(execution_id))
    assert await ledger.commit(execution_id, fulfilled()) is True
    assert await row(execution_id) == ("fulfilled", "ok", [])


async def test_an_execution_that_has_ended_is_recorded_as_one_row_and_told_of(ledger: Ledger) -> None:
    told: list[ExecutionChange] = []
    listeners.append(told.extend)
    execution_id = new_id()
    try:
        assert await ledger.record(pending(execution_id) | fulfilled()) is True
    finally:
        listeners.remove(told.extend)
    assert await row(execution_id) == ("fulfilled", "ok", [])
    assert [(change.execution_id, change.status) for change in told] == [(execution_id, "fulfilled")]
    assert await ledger.commit(execution_id, fulfilled(status="error")) is False


async def test_a_row_that_nobody_waits_for_is_written_soon(ledger: Ledger) -> None:
    execution_id = new_id()
    ledger.open(pending(execution_id))
    async with asyncio.timeout(5):
        while await row(execution_id) is None:
            await asyncio.sleep(0.01)


async def test_progress_shows_the_newest_node_executions(ledger: Ledger) -> None:
    execution_id = new_id()
    ledger.open(pending(execution_id))
    await ledger.commit(execution_id)
    ledger.progress(execution_id, "[1]", NOW)
    ledger.progress(execution_id, "[1,2]", NOW)
    await ledger.commit(execution_id)
    assert await row(execution_id) == ("pending", None, [1, 2])


async def test_a_terminal_row_never_changes(ledger: Ledger) -> None:
    execution_id = new_id()
    ledger.open(pending(execution_id))
    assert await ledger.commit(execution_id, fulfilled()) is True
    assert await ledger.commit(execution_id, fulfilled(status="error", result='"late"')) is False
    ledger.progress(execution_id, "[9]", NOW)
    await ledger.commit(execution_id)
    assert await row(execution_id) == ("fulfilled", "ok", [])


async def test_many_executions_share_transactions(ledger: Ledger) -> None:
    ids = [new_id() for _ in range(500)]

    async def one(execution_id: uuid.UUID) -> bool:
        ledger.open(pending(execution_id))
        return await ledger.commit(execution_id, fulfilled())

    assert await asyncio.gather(*map(one, ids)) == [True] * 500
    assert await sync_to_async(Execution.objects.filter(pk__in=ids, status="fulfilled").count)() == 500


async def test_fr_011_a_flow_deleted_before_the_insert_leaves_the_record(ledger: Ledger) -> None:
    flow_id = await sync_to_async(deleted_flow_id)()
    lost, kept = new_id(), new_id()
    ledger.open(pending(lost, flow_id=flow_id))
    ledger.open(pending(kept))
    results = await asyncio.gather(ledger.commit(lost, fulfilled()), ledger.commit(kept, fulfilled()))
    assert results == [True, True]
    assert await row(lost) == ("fulfilled", "ok", [])
    assert (await sync_to_async(Execution.objects.get)(pk=lost)).flow_id is None


def deleted_flow_id() -> int:
    server = Server.objects.create(slug="gone", name="Gone")
    flow = Flow.objects.create(server=server, name="Gone", tool_name="gone", tool_description="Gone.")
    flow_id = flow.pk
    flow.delete()
    return flow_id


async def test_a_row_that_no_database_takes_is_refused_alone(ledger: Ledger) -> None:
    bad, good = new_id(), new_id()
    ledger.open(pending(bad, flow_name=None))
    ledger.open(pending(good))
    refused, written = await asyncio.gather(
        ledger.commit(bad, fulfilled()), ledger.commit(good, fulfilled()), return_exceptions=True
    )
    assert isinstance(refused, LedgerUnavailable)
    assert written is True
    assert await row(bad) is None


async def test_text_that_no_driver_encodes_is_refused_alone_and_the_writer_goes_on(ledger: Ledger) -> None:
    bad, good = new_id(), new_id()
    ledger.open(pending(bad, flow_name="\ud800"))
    ledger.open(pending(good))
    refused, written = await asyncio.gather(
        ledger.commit(bad, fulfilled()), ledger.commit(good, fulfilled()), return_exceptions=True
    )
    assert isinstance(refused, LedgerUnavailable)
    assert written is True


async def test_who_was_refused_while_the_database_was_away_is_recorded_as_that_once_it_is_back(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(rows: object) -> None:
        raise OperationalError("the database is away")

    execution_id = new_id()
    with monkeypatch.context() as patch:
        patch.setattr("executions.ledger.writer.PATIENCE_SECONDS", 0.0)
        patch.setattr("executions.ledger.statements.insert", away)
        ledger.open(pending(execution_id))
        with pytest.raises(LedgerUnavailable):
            await ledger.commit(execution_id)
    async with asyncio.timeout(10):
        while await row(execution_id) is None:
            await asyncio.sleep(0.02)
    assert await row(execution_id) == ("error", None, [])
    assert (await sync_to_async(Execution.objects.get)(pk=execution_id)).error_kind == "record_error"


async def test_the_ledger_starts_again_after_a_stop(ledger: Ledger) -> None:
    first, second = new_id(), new_id()
    ledger.open(pending(first))
    await sync_to_async(ledger.stop, thread_sensitive=False)()
    assert await row(first) == ("pending", None, [])
    ledger.open(pending(second))
    await ledger.commit(second)
    assert await row(second) == ("pending", None, [])


def test_sqlite_is_set_up_to_keep_what_it_confirmed() -> None:
    if connection.vendor != "sqlite":
        pytest.skip("about SQLite's pragmas")
    with connection.cursor() as cursor:
        values = {}
        for pragma in ("journal_mode", "synchronous", "foreign_keys"):
            cursor.execute(f"PRAGMA {pragma}")
            values[pragma] = cursor.fetchone()[0]
    assert values == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}


@pytest.fixture
def log() -> Path:
    """SQLite's write-ahead log."""
    if connection.vendor != "sqlite":
        pytest.skip("about SQLite's log")
    return Path(f"{connection.settings_dict['NAME']}-wal")


def end_of(log: Path) -> tuple[int, bytes]:
    """How long the log is, and the last half of what one transaction lays out."""
    content = log.read_bytes()
    return len(content), content[-STEP // 2 :]


async def test_the_log_has_room_before_what_is_written_needs_it(ledger: Ledger, log: Path) -> None:
    before, _ = await sync_to_async(end_of)(log)
    execution_id = new_id()
    ledger.open(pending(execution_id))
    await ledger.commit(execution_id, fulfilled())
    after, end = await sync_to_async(end_of)(log)
    assert after >= min(before + STEP, LAID_OUT)
    assert before >= LAID_OUT or not any(end)
