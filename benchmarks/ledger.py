"""What it costs to record executions: the ledger alone, where one, 16 or 64 of them end at a time.

    python benchmarks/ledger.py --against ../flowhub-before

Each is the order lookup of a key, so that every index counts that a call has. `loop` is the processor time that a row
takes on the event loop and `writer` what it takes elsewhere, in microseconds. `--against` names another checkout, whose
ledger is measured in turn with this one's; then ratios are printed too, above 1 where this one is better. Databases are
new, in the folder for temporary files, or in the server that `--postgres postgres://user@127.0.0.1:5432` names.
"""

import argparse
import asyncio
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent.parent
GROUPS = (1, 16, 64)
WAYS = ("at once", "with a wait")
"""One row at the end, or a pending one and its end."""


def measure(rows: int) -> dict[str, list[float]]:
    """Rows a second and the two processor times of each way and group, with the FlowHub that can be imported."""
    import _flowhub  # noqa: F401

    # isort: split
    import seed_executions
    from django.core.management import call_command

    from executions.ledger.writer import ledger

    call_command("migrate", verbosity=0)
    call_command("load_demo", verbosity=0)
    flow, chance = seed_executions.flow_named("lookup_order"), random.Random(1)
    ending = ("status", "ended_at", "duration_ms", "node_executions", "result")

    def made(number: int) -> tuple[dict[str, Any], dict[str, Any]]:
        row = seed_executions.row(flow, datetime.now(UTC), number, chance) | {"principal_id": "key:1"}
        end = {name: row.pop(name) for name in ending} | {"updated_at": row["updated_at"]}
        return row | {"status": "pending", "node_executions": "[]"}, end

    async def record(row: dict[str, Any], end: dict[str, Any], way: str) -> None:
        ledger.open(row)
        if way == "with a wait":
            await ledger.commit(row["id"])
        assert await ledger.commit(row["id"], end)

    async def of(group: int, way: str) -> list[float]:
        wall = loop = every = 0.0
        for first in range(0, rows, group):
            pairs = [made(number) for number in range(first, first + group)]
            began = time.perf_counter(), time.thread_time(), time.process_time()
            await asyncio.gather(*(record(row, end, way) for row, end in pairs))
            now = time.perf_counter(), time.thread_time(), time.process_time()
            wall, loop, every = wall + now[0] - began[0], loop + now[1] - began[1], every + now[2] - began[2]
        return [rows / wall, loop / rows * 1e6, (every - loop) / rows * 1e6]

    found = {}
    asyncio.run(of(16, "at once"))
    for way in WAYS:
        for group in GROUPS:
            found[f"{way}, {group}"] = asyncio.run(of(group, way))
    ledger.stop()
    return found


def measured_in(tree: Path, rows: int, postgres: str | None) -> dict[str, list[float]]:
    """The same of a checkout, in a process and a database of its own."""
    data = tempfile.mkdtemp(prefix="flowhub-ledger-")
    env = os.environ | {"FLOWHUB_DATA": data, "PYTHONPATH": str(tree / "benchmarks")}
    env.pop("FLOWHUB_DATABASE_URL", None)
    name = f"flowhub_ledger_{os.getpid()}"
    try:
        if postgres:
            import psycopg

            with psycopg.connect(f"{postgres}/postgres", autocommit=True) as server:
                server.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
                server.execute(f"CREATE DATABASE {name}")
            env["FLOWHUB_DATABASE_URL"] = f"{postgres}/{name}"
        command = [sys.executable, "-P", __file__, "--rows", str(rows), "--here"]
        done = subprocess.run(command, env=env, cwd=tree, stdout=subprocess.PIPE, text=True, check=True)
        found: dict[str, list[float]] = json.loads(done.stdout.splitlines()[-1])
        return found
    finally:
        shutil.rmtree(data)
        if postgres:
            with psycopg.connect(f"{postgres}/postgres", autocommit=True) as server:
                server.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def best(rounds: list[dict[str, list[float]]], key: str) -> list[float]:
    """The most rows and the least times of any round."""
    each = list(zip(*(found[key] for found in rounds), strict=True))
    return [max(each[0]), *map(min, each[1:])]


def main() -> None:
    """Measure the checkouts in turn and print the best round of each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1024)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--against", type=Path, help="another checkout of FlowHub")
    parser.add_argument("--postgres")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.here:
        print(json.dumps(measure(options.rows)))
        return
    trees = [HERE, *([options.against.resolve()] if options.against else [])]
    rounds: list[list[dict[str, list[float]]]] = [[] for _ in trees]
    for _ in range(options.rounds):
        for tree, found in zip(trees, rounds, strict=True):
            found.append(measured_in(tree, options.rows, options.postgres))
    print(f"{'':16}" + f"{'rows/s':>8} {'loop':>7} {'writer':>7}" * len(trees))
    for key in rounds[0][0]:
        mine, *other = (best(found, key) for found in rounds)
        text = "".join(f"{rate:8,.0f} {loop:7.1f} {writer:7.1f}" for rate, loop, writer in (mine, *other))
        if other:
            text += f"   ratios {mine[0] / other[0][0]:.2f} {other[0][1] / mine[1]:.2f} {other[0][2] / mine[2]:.2f}"
        print(f"{key:16}{text}")


if __name__ == "__main__":
    main()
