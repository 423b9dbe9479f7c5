"""An execution is cancelled at any process, whichever runs it: from its page, and over REST."""

import asyncio

import pytest

from tests.faults.conftest import Cluster
from tests.faults.databases import Database, Postgres, pending, rows
from tests.faults.kit import crowd, slow, until
from tests.live import LiveServer, rest
from tests.people import person

pytestmark = [pytest.mark.faults, pytest.mark.anyio, pytest.mark.timeout(180)]

LONG = 30
"""Such calls would take a minute."""


def by_rest(server: LiveServer, execution_id: str) -> None:
    assert rest(server, "POST", f"/api/executions/{execution_id}/cancel/")["id"] == execution_id


def on_its_page(server: LiveServer, execution_id: str) -> None:
    with person(server) as somebody:
        page = f"/executions/{execution_id}/"
        somebody.get(page)
        assert somebody.post(f"{page}cancel/", next=page) == page


async def cancelled_at_the_other(
    cluster: Cluster, database: Database, times: int, seconds: float, **environment: str
) -> None:
    """Cancel executions of one process at another one, each way so often; each time they end within `seconds`."""
    running, other = await asyncio.to_thread(cluster.several, 2, database, **environment)
    async with crowd() as calls:
        for number, cancel in enumerate([by_rest, on_its_page] * times, 1):
            (call,) = calls.send(running, lambda n: slow(n, LONG))
            await until(lambda: pending(database) == 1)
            (execution_id,) = [row.id for row in rows(database) if row.status == "pending"]
            await asyncio.to_thread(cancel, other, execution_id)
            await until(lambda: pending(database) == 0, seconds)
            answer = (await call).answer
            assert answer is not None
            assert (answer.kind, answer.execution_id) == ("error", execution_id)
            assert [row.error_kind for row in rows(database)] == ["cancelled"] * number
    assert database.query("SELECT count(*) FROM executions_cancelrequest") == [(0,)]


async def test_the_process_that_runs_it_sees_within_seconds_that_another_one_was_asked_to_cancel(
    cluster: Cluster, database: Database
) -> None:
    await cancelled_at_the_other(cluster, database, 1, 8)


@pytest.mark.redis
async def test_with_redis_it_sees_that_at_once(cluster: Cluster, postgres: Postgres, redis_url: str) -> None:
    # Of so many, one would be seen too late by a process that only looks now and then.
    await cancelled_at_the_other(cluster, postgres, 4, 1.5, FLOWHUB_REDIS_URL=redis_url)
