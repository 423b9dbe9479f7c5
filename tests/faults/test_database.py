"""The database is locked, away, full, or breaks off in the middle: calls wait or fail, and nothing false is told."""

import asyncio
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.conftest import Cluster, Say
from tests.faults.databases import Database, Postgres, Sqlite, address, fill, pending, rows, small_disk
from tests.faults.kit import Call, Choice, Crowd, crowd, greet, misfit, prove, slow, until
from tests.faults.middleman import middleman
from tests.live import LiveServer
from tests.mcp_client import LEGACY, MODERN

pytestmark = [pytest.mark.faults, pytest.mark.anyio, pytest.mark.timeout(180)]

LOCK_SECONDS = 3
AWAY_SECONDS = 4
CUTS = 3
OPEN = "SELECT 1 FROM pg_stat_activity WHERE datname = '{}'"
CALLERS = 12
AGAIN_SECONDS = 3
"""It takes a tenth of a second; a pool that tries one dead connection after the other takes twice this and more."""


async def warmed_up(calls: Crowd, server: LiveServer) -> None:
    """One answered call in each era: the server is loaded, and has noted that the key was used."""
    assert {call.kind for call in await asyncio.gather(*calls.send(server, greet, 2))} == {"ok"}


async def test_calls_wait_for_a_locked_database_and_are_all_recorded(
    cluster: Cluster, database: Database, say: Say
) -> None:
    server = await asyncio.to_thread(cluster.server, database)
    async with crowd() as calls:
        await warmed_up(calls, server)
        with database.locked():
            waiting = [*calls.send(server, greet, 20), *calls.send(server, misfit, 4)]
            # Whoever only reads is not held up.
            assert await asyncio.to_thread(server.get_json, "/api/flows/")
            done, _ = await asyncio.wait(waiting, timeout=LOCK_SECONDS)
            assert not done
        answers = await asyncio.gather(*waiting)
    assert Counter(call.kind for call in answers) == {"ok": 20, "error": 4}
    say(prove(calls.truth, database), f"locked for {LOCK_SECONDS} s")


async def test_a_postgresql_that_is_away_for_a_while_loses_nothing_and_makes_nothing_up(
    cluster: Cluster, postgres: Postgres, say: Say
) -> None:
    server = await asyncio.to_thread(cluster.server, postgres)
    async with crowd() as calls:
        await warmed_up(calls, server)
        across = calls.send(server, lambda n: slow(n, 1), 6)
        await until(lambda: pending(postgres) == 6)
        for place in range(6):
            calls.stream(calls.caller(server, (MODERN, LEGACY)[place % 2]), greet)
        await until(lambda: calls.truth.answered > 20)
        postgres.cut_off()
        await asyncio.wait(across, timeout=AWAY_SECONDS, return_when=asyncio.FIRST_EXCEPTION)
        postgres.let_in()
        assert [call.kind for call in await asyncio.gather(*across)] == ["ok"] * 6
        wanted = calls.truth.answered + 50
        await until(lambda: calls.truth.answered > wanted, 40)
        refused = Counter(call.answer.status for call in calls.truth.calls if call.answer and call.kind == "refused")
    assert set(refused) <= {503}
    await asyncio.to_thread(cluster.stop)
    say(prove(calls.truth, postgres), f"away for {AWAY_SECONDS} s, {refused[503]} refused with 503")


async def test_after_postgresql_has_cut_all_connections_calls_go_on_and_nothing_is_lost_or_made_up(
    cluster: Cluster, postgres: Postgres, say: Say
) -> None:
    server = await asyncio.to_thread(cluster.server, postgres)
    async with crowd() as calls:
        await warmed_up(calls, server)
        for place in range(CALLERS):
            calls.stream(calls.caller(server, (MODERN, LEGACY)[place % 2]), greet)
        for _ in range(CUTS):
            # Pages are read, so that the pool holds many connections; those of the calls are busy.
            await asyncio.gather(*[asyncio.to_thread(server.get_json, "/api/flows/") for _ in range(24)])
            assert len(postgres.query(OPEN.format(postgres.name))) > 5
            await asyncio.to_thread(postgres.end_connections)
            # All that were under way, and one that began afterwards.
            wanted = calls.truth.answered + CALLERS + 1
            await until(lambda wanted=wanted: calls.truth.answered >= wanted, AGAIN_SECONDS)
        kinds = Counter(call.kind for call in calls.truth.calls if call.answer)
    assert "couldn't get a connection" not in server.log
    await asyncio.to_thread(cluster.stop)
    failed = f"{CUTS} cuts, {kinds['error']} failed, {kinds['refused']} refused"
    say(prove(calls.truth, postgres), f"{failed}, longest gap {calls.truth.longest_gap:.2f} s")


@pytest.mark.parametrize(
    ("statement", "choice"),
    [
        pytest.param(b"INSERT INTO", greet, id="of a whole execution"),
        pytest.param(b"INSERT INTO", lambda n: slow(n, 0.4), id="of a pending row"),
        pytest.param(b'SET "status"', lambda n: slow(n, 0.4), id="of the end"),
    ],
)
async def test_a_commit_whose_answer_is_lost_counts_once(
    cluster: Cluster, postgres: Postgres, say: Say, statement: bytes, choice: Callable[[int], Choice]
) -> None:
    async with middleman() as between, crowd() as calls:
        url = address(postgres.name, port=between.port)
        server = await asyncio.to_thread(cluster.server, postgres, FLOWHUB_DATABASE_URL=f"{url}?sslmode=disable")
        await warmed_up(calls, server)
        between.lose_the_answer_to(statement)
        (task,) = calls.send(server, choice)
        call = await task
        assert between.lost.is_set()
        assert call.kind == "ok"
        await asyncio.to_thread(cluster.stop)
    say(prove(calls.truth, postgres))


async def test_a_full_disk_gives_no_success_without_a_record_and_work_goes_on_once_there_is_room(
    cluster: Cluster, data: Path, tmp_path: Path, say: Say
) -> None:
    with small_disk(tmp_path / "disk", megabytes=16) as disk:
        database = Sqlite(Path(shutil.copy(data / "flowhub.sqlite3", disk)))
        server = await asyncio.to_thread(cluster.server, database)
        async with crowd() as calls:
            await warmed_up(calls, server)
            ballast = fill(disk)
            meanwhile = [*calls.send(server, bulky, 60), *calls.send(server, lambda n: slow(n, 0.1), 2)]
            await until(lambda: refused(calls), 40)
            ballast.unlink()
            await asyncio.gather(*meanwhile)
            assert {text for call in refused(calls) for text in [call.answer and call.answer.text]} == {NOT_RECORDED}
            after = await asyncio.gather(*calls.send(server, greet, 10))
            assert {call.kind for call in after} == {"ok"}
            # What was refused is recorded too, once there is room.
            await until(lambda: len(rows(database)) == 74, what=lambda: len(rows(database)))
            kinds = Counter((row.status, row.error_kind) for row in rows(database))
            number = len(refused(calls))
            assert kinds == {("fulfilled", ""): 74 - number, ("error", "record_error"): number}
            say(prove(calls.truth, database), f"{number} refused on the full disk")
        await asyncio.to_thread(cluster.stop)


async def test_a_call_whose_key_cannot_be_looked_up_is_refused_with_503_and_does_not_run(
    cluster: Cluster, sqlite: Sqlite, say: Say
) -> None:
    server = await asyncio.to_thread(cluster.server, sqlite)
    sqlite.query("ALTER TABLE mcp_bridge_apikey RENAME TO away")
    async with crowd() as calls:
        (refused_call,) = await asyncio.gather(*calls.send(server, greet))
        answer = refused_call.answer
        assert answer is not None
        assert (answer.kind, answer.status, answer.retry_after) == ("refused", 503, "5")
        assert "The database does not answer, so nothing was run." in answer.text
        sqlite.query("ALTER TABLE away RENAME TO mcp_bridge_apikey")
        await warmed_up(calls, server)
    say(prove(calls.truth, sqlite))


NOT_RECORDED = "This call could not be recorded, so its result is not given out. Wait a little and call again."


def bulky(number: int) -> Choice:
    """A call that needs more room than SQLite has set aside."""
    return "greet", {"name": f"caller {number} " + "x" * 60_000, "n": number}


def refused(calls: Crowd) -> list[Call]:
    return [call for call in calls.truth.calls if call.kind == "error"]


def test_a_new_database_file_gives_space_back(sqlite: Sqlite) -> None:
    incremental = 2
    assert sqlite.query("PRAGMA auto_vacuum") == [(incremental,)]
