"""What pages over a short and a very long history cost, measured in turn on both, and the ratios.

    python benchmarks/history.py
    python benchmarks/history.py --rows 10000 100000 --postgres postgres://postgres@127.0.0.1:5432

Each history is a database of its own with a process of its own, through the code that pages and API use. Ends with
status 1 when a ratio is above what is allowed.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
FAR_PAGE = 25_000
LIMIT = 20
ALLOWED = {
    "first page": 1.5,
    "status filter": 1.5,
    f"page {FAR_PAGE:,}, or the last": 3.0,
    "detail": 1.5,
    "totals": 1.5,
    "search": 1.5,
    "API: first page": 1.5,
    "API: status filter": 1.5,
    f"API: page {FAR_PAGE:,}, or the last": 3.0,
    "API: detail": 1.5,
    "Usage: first page": 1.5,
    "Usage: status filter": 1.5,
    f"Usage: page {FAR_PAGE:,}, or the last": 3.0,
    "Usage: detail": 1.5,
    "Dashboard: 30 days": 1.5,
    "Insights: 30 days": 1.5,
    "API: insights, 30 days": 1.5,
}
"""What is measured, and how many times as much the long history may cost."""


# --- The process that measures one history: reads a name from stdin, does it once, writes milliseconds ----------------


def work() -> None:
    """Answer until stdin ends."""
    import _flowhub  # noqa: F401

    actions = _actions()
    for line in sys.stdin:
        action = actions[line.strip()]
        began = time.perf_counter()
        action()
        sys.stdout.write(f"{(time.perf_counter() - began) * 1000}\n")
        sys.stdout.flush()


def _actions() -> dict[str, Callable[[], Any]]:
    from django.contrib.auth import get_user_model
    from django.test import Client

    from executions.models import Execution
    from executions.reading.filters import ExecutionFilter
    from executions.reading.history import History, Listing
    from executions.record.status import Status
    from flows.models import Flow

    user = get_user_model().objects.get(username="benchmark")
    flow = Flow.objects.select_related("server").get(tool_name="benchmark")
    history = History.of_flow(flow, user)
    total = history.totals()["all"]
    far = min(FAR_PAGE, total // LIMIT)
    middle = history.rows(total // 2, 1)[0].pk
    client = Client(headers={"host": "127.0.0.1"})
    client.force_login(user)

    def page(number: int, status: Status | None = None) -> None:
        assert len(history.in_status(status).page(number, LIMIT).items) == LIMIT

    def search() -> None:
        chosen = ExecutionFilter({"search": 'id: "A-1'}, queryset=history.executions)
        assert chosen.is_valid()
        listing = Listing.of(history, chosen)
        listing.page(1, LIMIT, listing.counts())

    def get(address: str) -> None:
        answer = client.get(address)
        assert answer.status_code == 200, answer

    far_name = f"page {FAR_PAGE:,}, or the last"
    actions: dict[str, Callable[[], Any]] = {
        "first page": lambda: page(1),
        "status filter": lambda: page(1, Status.ERROR),
        far_name: lambda: page(far),
        "detail": lambda: Execution.objects.get(pk=middle),
        "totals": history.totals,
        "search": search,
    }
    for name, base, detail in (
        ("API", f"/api/flows/{flow.pk}/executions/", f"/api/flows/{flow.pk}/executions/{middle}/"),
        ("Usage", f"/flows/{flow.pk}/usage/", f"/flows/{flow.pk}/usage/{middle}/"),
    ):
        actions |= {
            f"{name}: first page": lambda base=base: get(base),
            f"{name}: status filter": lambda base=base: get(f"{base}?status=error"),
            f"{name}: {far_name}": lambda base=base: get(f"{base}?page={far}"),
            f"{name}: detail": lambda detail=detail: get(detail),
        }
    # In 30 days both histories have more calls than are sampled, so that the same work is compared.
    return actions | {
        "Dashboard: 30 days": lambda: get("/?period=30d"),
        "Insights: 30 days": lambda: get(f"/flows/{flow.pk}/insights/?period=30d"),
        "API: insights, 30 days": lambda: get(f"/api/flows/{flow.pk}/insights/?period=30d"),
    }


# --- The databases ----------------------------------------------------------------------------------------------------


@contextmanager
def database(folder: Path, rows: int, postgres: str | None) -> Iterator[dict[str, str]]:
    """A seeded database, and the environment that leads there; a PostgreSQL database is dropped afterwards."""
    environment = os.environ | {"FLOWHUB_DATA": str(folder / str(rows)), "FLOWHUB_LOG_LEVEL": "WARNING"}
    environment.pop("FLOWHUB_DATABASE_URL", None)
    with ExitStack() as stack:
        if postgres:
            environment["FLOWHUB_DATABASE_URL"] = stack.enter_context(_postgres_database(postgres, f"benchmark_{rows}"))
        if not (folder / str(rows) / "seeded").exists() or postgres:
            _seed(rows, environment)
            (folder / str(rows) / "seeded").touch()
        yield environment


@contextmanager
def _postgres_database(server: str, name: str) -> Iterator[str]:
    import psycopg

    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        connection.execute(f"CREATE DATABASE {name}")
        try:
            yield f"{server}/{name}"
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def _seed(rows: int, environment: dict[str, str]) -> None:
    def run(*arguments: str) -> None:
        subprocess.run([sys.executable, *arguments], env=environment, check=True, cwd=HERE.parent)

    make_user = "from django.contrib.auth import get_user_model as m; m().objects.create_superuser('benchmark')"
    run("manage.py", "migrate", "--verbosity", "0")
    run("manage.py", "shell", "--verbosity", "0", "--command", make_user)
    run("benchmarks/seed_executions.py", "--rows", str(rows), "--flow", "benchmark")


# --- Measuring --------------------------------------------------------------------------------------------------------


class Worker:
    """A process that measures one history."""

    def __init__(self, environment: dict[str, str]) -> None:
        command = [sys.executable, __file__, "--worker"]
        self.process = subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=HERE.parent
        )

    def measure(self, name: str) -> float:
        """Do it once; milliseconds."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{name}\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline())

    def stop(self) -> None:
        """End the process."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()


def compare(short: Worker, long: Worker, repeats: int) -> list[tuple[str, float, float]]:
    """Medians of each action in milliseconds, taken in turn so that a busy machine is busy for both."""
    found = []
    for name in ALLOWED:
        pairs = [(short.measure(name), long.measure(name)) for _ in range(repeats + 3)][3:]
        a, b = (statistics.median(times) for times in zip(*pairs, strict=True))
        found.append((name, a, b))
    return found


def show(rows: list[int], found: list[tuple[str, float, float]]) -> bool:
    """Print the table; returns whether every ratio is allowed."""
    print(f"\n{'median ms of':32}{rows[0]:>12,}{rows[1]:>12,}   ratio  allowed")
    good = True
    for name, short, long in found:
        ratio, allowed = long / short, ALLOWED[name]
        good &= ratio <= allowed
        print(f"{name:32}{short:12.2f}{long:12.2f}{ratio:8.2f}{allowed:8.1f}{'' if ratio <= allowed else '  TOO MUCH'}")
    return good


def main() -> None:
    """Make the databases, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, nargs=2, default=[10_000, 1_000_000], metavar=("SHORT", "LONG"))
    parser.add_argument("--repeats", type=int, default=60)
    parser.add_argument("--postgres", metavar="URL", help="Use two databases of this server, dropped afterwards.")
    parser.add_argument("--folder", type=Path, help="Keep the SQLite databases here and use them again.")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        return work()
    folder = options.folder or Path(tempfile.mkdtemp(prefix="flowhub-history-"))
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with ExitStack() as stack:
            environments = [stack.enter_context(database(folder, rows, options.postgres)) for rows in options.rows]
            workers = [Worker(environment) for environment in environments]
            for worker in workers:
                stack.callback(worker.stop)
            good = show(options.rows, compare(*workers, options.repeats))
    finally:
        if options.folder is None:
            shutil.rmtree(folder)
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
