"""Everything at once, in random order, for FLOWHUB_CHAOS_SECONDS; afterwards the invariants must hold, nothing more."""

import asyncio
import json
import os
import random
import signal
import time
import urllib.request
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field

import pytest

from tests.faults.conftest import Cluster, Say
from tests.faults.databases import Database, rows
from tests.faults.kit import Caller, Choice, Crowd, crowd, greet, lookup, misfit, prove, slow
from tests.live import LiveServer
from tests.mcp_client import LEGACY, MODERN

pytestmark = [pytest.mark.faults, pytest.mark.anyio]

SECONDS = float(os.environ.get("FLOWHUB_CHAOS_SECONDS", "10"))
SEED = int(os.environ.get("FLOWHUB_CHAOS_SEED", "0")) or random.SystemRandom().randrange(1, 1_000_000)
"""FLOWHUB_CHAOS_SEED repeats the order of events, not the instants."""


@dataclass
class Chaos:
    """What happens to the servers while they are called."""

    cluster: Cluster
    database: Database
    servers: list[LiveServer]
    chance: random.Random = field(default_factory=lambda: random.Random(SEED))
    happened: Counter[str] = field(default_factory=Counter)

    async def go_on(self, seconds: float) -> None:
        """One process after the other ends and starts again, while other things happen to all of them."""
        deadline = time.monotonic() + seconds
        async with asyncio.TaskGroup() as both:
            both.create_task(self._repeat(deadline, self.kill, self.terminate))
            both.create_task(self._repeat(deadline, self.pause, self.lock, self.switch))

    async def _repeat(self, deadline: float, *events: Callable[[LiveServer], Awaitable[None]]) -> None:
        while time.monotonic() < deadline:
            event = self.chance.choice(events)
            await event(self.chance.choice(self.servers))
            self.happened[event.__name__] += 1
            await asyncio.sleep(self.chance.uniform(0, 1))

    async def kill(self, server: LiveServer) -> None:
        server.kill()
        await asyncio.to_thread(self.cluster.again, server)

    async def terminate(self, server: LiveServer) -> None:
        assert await asyncio.to_thread(server.stop) == 0
        await asyncio.to_thread(self.cluster.again, server)

    async def pause(self, server: LiveServer) -> None:
        server.signal(signal.SIGSTOP)
        await asyncio.sleep(1)
        server.signal(signal.SIGCONT)

    async def lock(self, server: LiveServer) -> None:
        holding = self.database.locked()
        await asyncio.to_thread(holding.__enter__)
        await asyncio.sleep(1)
        await asyncio.to_thread(holding.__exit__, None, None, None)

    async def switch(self, server: LiveServer) -> None:
        flow_id = self.database.query("SELECT id FROM flows_flow WHERE tool_name = 'greet'")[0][0]
        for is_active in (False, True):
            # The process that is asked may just have ended.
            with suppress(OSError):
                await asyncio.to_thread(change, server, f"/api/flows/{flow_id}/", {"isActive": is_active})


def change(server: LiveServer, path: str, values: dict[str, object]) -> None:
    headers = {"Authorization": f"Bearer {server.credentials['key']}", "Content-Type": "application/json"}
    request = urllib.request.Request(server.url + path, json.dumps(values).encode(), headers, method="PATCH")
    with urllib.request.urlopen(request, timeout=20):
        pass


async def hang_up(caller: Caller, chance: random.Random) -> None:
    """Call and go away, again and again."""
    while True:
        with suppress(TimeoutError):
            async with asyncio.timeout(chance.uniform(0, 0.3)):
                await caller.call(slow(caller.truth.number(), 0.3))
        await asyncio.sleep(0.2)


def let_loose(calls: Crowd, server: LiveServer, chance: random.Random) -> None:
    """Clients of both eras that call one server all the time."""
    for era in (MODERN, LEGACY) * 2:
        calls.stream(calls.caller(server, era), lambda n, era=era: choice_of(chance, n, era))
    for era in (MODERN, LEGACY):
        calls.tasks.append(asyncio.create_task(hang_up(calls.caller(server, era), chance)))


def choice_of(chance: random.Random, number: int, era: str) -> Choice:
    """A random call; its arguments hold its number, so that it can be told from all others."""
    kinds = [greet, greet, misfit, lambda n: slow(n, chance.uniform(0, 0.3))]
    # An order that exists has no number in its id: only a modern client, which says its name each time, may ask.
    return chance.choice([*kinds, lookup] if era == MODERN else kinds)(number)


@pytest.mark.timeout(SECONDS + 180)
async def test_whatever_happens_every_answer_has_its_record_and_nothing_stays_pending(
    cluster: Cluster, database: Database, say: Say
) -> None:
    servers = await asyncio.to_thread(cluster.several, 2, database, FLOWHUB_DRAIN_SECONDS="1")
    chaos = Chaos(cluster, database, servers)
    async with crowd() as calls:
        for server in servers:
            let_loose(calls, server, chaos.chance)
        await chaos.go_on(SECONDS)
    await asyncio.to_thread(cluster.stop)
    servers[0].manage("recover")
    verdict = prove(calls.truth, database)
    assert verdict.answered > 10 * SECONDS
    kinds = Counter(row.error_kind or row.status for row in rows(database))
    say(verdict, f"seed {SEED}, {summary(chaos.happened)}; records: {summary(kinds)}")


def summary(counted: Counter[str]) -> str:
    return ", ".join(f"{number} {name}" for name, number in counted.most_common())
