"""Many processes write at once; a flow is deleted while its calls run."""

import asyncio
import urllib.request
from collections import Counter
from pathlib import Path

import pytest

from tests.faults.conftest import Cluster, Say
from tests.faults.databases import Database, Postgres, counters, pending, rows
from tests.faults.kit import crowd, greet, lookup, prove, slow, until
from tests.live import LiveServer, server_on

pytestmark = [pytest.mark.faults, pytest.mark.anyio, pytest.mark.timeout(180)]

PROCESSES = 8
KEPT_KEYS = {"FLOWHUB_SECRET_KEY": "secret_key", "FLOWHUB_VAULT_KEYS": "vault.key"}


async def test_eight_processes_on_one_database_record_every_call_once_and_count_right(
    cluster: Cluster, database: Database, say: Say
) -> None:
    servers = await asyncio.to_thread(cluster.several, PROCESSES, database)
    async with crowd() as calls:
        for server in servers:
            calls.send(server, greet, 40)
            calls.send(server, lambda n: slow(n, 0.05), 6)
        answers = await asyncio.gather(*calls.tasks)
        modern = [calls.caller(server) for server in servers]
        answers += await asyncio.gather(
            *[caller.call(lookup(calls.truth.number())) for caller in modern for _ in range(4)]
        )
    assert Counter(call.kind for call in answers if call.tool != "lookup_order") == {"ok": PROCESSES * 46}
    verdict = prove(calls.truth, database)
    assert verdict.recorded == verdict.answered == PROCESSES * 50
    say(verdict, f"{PROCESSES} processes")


async def test_a_flow_deleted_while_its_calls_run_leaves_their_records_with_its_name(
    cluster: Cluster, database: Database, say: Say
) -> None:
    calling, deleting = await asyncio.to_thread(cluster.several, 2, database)
    flow_id = flow_of(database, "leaving")
    owner_ids = {owner_id for (owner_id,) in database.query("SELECT owner_id FROM flows_server")}
    async with crowd() as calls:
        running = calls.send(calling, lambda n: slow(n, 1, "leaving"), 6)
        await until(lambda: pending(database, "leaving") == 6)
        # These start all the time: before the deletion, in its moment, and while this process has not noticed it.
        streams = [calls.stream(calls.caller(calling), lambda n: slow(n, 0.01, "leaving")) for _ in range(4)]
        await until(lambda: len(rows(database)) > 20)
        await asyncio.to_thread(delete, deleting, f"/api/flows/{flow_id}/")
        await until(lambda: any(row.error_kind == "rejected" for row in rows(database)))
        assert [call.kind for call in await asyncio.gather(*running)] == ["ok"] * 6
        for stream in streams:
            stream.cancel()
    await asyncio.to_thread(cluster.stop)
    found = [row for row in rows(database) if row.error_kind != "rejected"]
    assert {(row.flow_id, row.flow_name) for row in found} == {(None, "Leaving")}
    assert {row.owner_id for row in found} == owner_ids
    # A counter outlives its flow, so it is compared without the flow.
    kept: Counter[str] = Counter()
    for (_, status), number in counters(database).items():
        kept[status] += number
    assert +kept == Counter(row.status for row in rows(database))
    say(prove(calls.truth, database, counted=False))


async def test_a_process_with_other_keys_does_not_start_and_says_what_to_do(
    cluster: Cluster, postgres: Postgres, tmp_path: Path
) -> None:
    server = await asyncio.to_thread(cluster.server, postgres)
    (tmp_path / "another").mkdir()
    kept = {name: (server.data / file).read_text() for name, file in KEPT_KEYS.items()}
    for missing, said in (("FLOWHUB_SECRET_KEY", "is not the one"), ("FLOWHUB_VAULT_KEYS", "lack the key")):
        given = {name: key for name, key in kept.items() if name != missing}
        foreign = server_on(tmp_path / "another", FLOWHUB_DATABASE_URL=postgres.url, **given)
        ended = await asyncio.to_thread(foreign.manage, "serve", "--port", str(foreign.port), check=False)
        assert ended.returncode == 1
        assert f"CommandError: {missing} {said}" in ended.stderr


def flow_of(database: Database, tool: str) -> int:
    return int(database.query(f"SELECT id FROM flows_flow WHERE tool_name = '{tool}'")[0][0])


def delete(server: LiveServer, path: str) -> None:
    headers = {"Authorization": f"Bearer {server.credentials['key']}"}
    with urllib.request.urlopen(
        urllib.request.Request(server.url + path, method="DELETE", headers=headers), timeout=20
    ):
        pass
