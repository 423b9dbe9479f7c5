"""What recording adds to a flow that takes 20 ms: the same flow tracked and untracked, in turn, in one process.

    python benchmarks/tracking.py --calls 300

Tracked is what a call of a tool does: an execution with the data of each node, durable before the answer. Untracked is
the engine alone. Runs on a new SQLite database, or on the one that FLOWHUB_DATABASE_URL names. Ends with status 1 when
more than 10% is added.
"""

import argparse
import asyncio
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from typing import Any

ALLOWED = 10.0
FLOW_SECONDS = 0.02
ROUND = 64
"""Calls of one kind before the other kind has its turn."""

DATA = tempfile.mkdtemp(prefix="flowhub-tracking-")
os.environ["FLOWHUB_DATA"] = DATA

import _flowhub  # noqa: E402, F401

# isort: split
from django.core.management import call_command  # noqa: E402

from executions.ledger.writer import ledger  # noqa: E402
from executions.models import Execution  # noqa: E402
from executions.running.calls import Answer, Call, Caller  # noqa: E402
from executions.running.deliveries import state_of  # noqa: E402
from executions.running.recovery import heart  # noqa: E402
from executions.running.targets import Target  # noqa: E402
from flowhub.demo import line, node  # noqa: E402
from flows.adapters.http_client import outbound_client  # noqa: E402
from flows.engine.graph import Graph  # noqa: E402
from flows.engine.node import Services  # noqa: E402
from flows.engine.runner import run  # noqa: E402
from flows.publishing.versions import graph_of  # noqa: E402
from flows.schemas.compiled import compile_schema  # noqa: E402

DEFINITION = {
    "nodes": [
        node("trigger", "trigger", "Call", 0),
        node("wait", "delay", "Wait", 1, seconds=FLOW_SECONDS),
        node("made", "set_fields", "Make", 2, fields={"text": "Hello, {{ trigger.name }}!", "n": "{{ trigger.n }}"}),
        node("answer", "return", "Answer", 3, json="{{ made }}"),
    ],
    "connections": [line("trigger", "wait"), line("wait", "made"), line("made", "answer")],
}

Measured = Callable[[int], Awaitable[Any]]


def calls_of(graph: Graph) -> dict[str, Measured]:
    """One call of each kind."""
    schema = {"type": "object"}
    target = Target(None, None, None, "Benchmark", "benchmark", "benchmark", graph, compile_schema(schema), 60.0)
    caller = Caller("key benchmark", "mcp", "benchmark", "1", "2026-07-28")
    alone = Services("none", outbound_client(), {})

    async def untracked(number: int) -> None:
        outcome = await run(graph, {"name": "Ada", "n": number}, services=alone)
        assert outcome.error is None, outcome.error

    async def tracked(number: int) -> None:
        answer = await state_of(Call(target, {"name": "Ada", "n": number}, caller))
        assert isinstance(answer, Answer)
        assert not answer.is_error, answer

    return {"untracked": untracked, "tracked": tracked}


async def measure(call: Measured, calls: int, concurrency: int) -> list[float]:
    """How long each call took, in milliseconds, with so many at a time."""
    numbers, times = iter(range(calls)), []

    async def worker(place: int) -> None:
        # Callers do not come in step; in step they would wait for one another's turn on the processor.
        await asyncio.sleep(FLOW_SECONDS * place / concurrency)
        for number in numbers:
            began = time.perf_counter()
            await call(number)
            times.append((time.perf_counter() - began) * 1000)

    await asyncio.gather(*(worker(place) for place in range(concurrency)))
    return times


async def compare(calls: dict[str, Measured], number: int, concurrency: int) -> dict[str, list[float]]:
    """Both kinds in turn, so that a busy machine is busy for both; the first round only warms up."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    for call in calls.values():
        await measure(call, ROUND, concurrency)
    while min(map(len, times.values())) < number:
        for name, call in calls.items():
            times[name] += await measure(call, ROUND, concurrency)
    return times


async def compare_all(number: int) -> bool:
    """Print a line for each concurrency; returns whether what is added is allowed."""
    calls, good = calls_of(graph_of(DEFINITION)), True
    print(f"{'at a time':>10}{'untracked ms':>14}{'tracked ms':>12}{'added':>8}{'p95 ms':>16}")
    for concurrency in (1, 16):
        times = await compare(calls, number, concurrency)
        plain, tracked = (statistics.median(times[name]) for name in ("untracked", "tracked"))
        p95 = [statistics.quantiles(times[name], n=20)[-1] for name in ("untracked", "tracked")]
        added = (tracked / plain - 1) * 100
        good &= added <= ALLOWED
        print(f"{concurrency:>10}{plain:14.2f}{tracked:12.2f}{added:7.1f}%{p95[0]:9.2f}{p95[1]:7.2f}")
    return good


def main() -> None:
    """Make the database, measure, take everything away again."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--calls", type=int, default=320, help="Of each kind at each concurrency.")
    options = parser.parse_args()
    try:
        call_command("migrate", verbosity=0)
        before = Execution.objects.count()
        good = asyncio.run(compare_all(options.calls))
        ledger.stop()
        heart.stop()
        print(f"{Execution.objects.count() - before} executions recorded.")
    finally:
        shutil.rmtree(DATA)
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
