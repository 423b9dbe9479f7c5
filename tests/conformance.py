"""The official conformance suites of MCP against FlowHub under uvicorn and under daphne; prints the totals.

    FLOWHUB_TEST_NODE=$(.ci/node FOLDER) .venv/bin/python -m tests.conformance

Ends with status 1 unless every scored check of every suite passes, on both servers. No failure is expected, so none is
excused. What a suite only warns of is printed and not scored.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.live import RUNSERVER, SERVE, LiveServer, server_on

TIMEOUT = 240
"""Seconds for one suite; it takes a few."""

TOTAL = re.compile(r"^Total: (\d+) passed, (\d+) failed$", re.MULTILINE)


@dataclass(frozen=True)
class Suite:
    """A version of the suite on one wire, and how many checks it scores."""

    name: str
    package: str
    options: tuple[str, ...]
    checks: int


NEWER = "0.2.0-alpha.12"
SUITES = (
    Suite("0.1.16", "conformance-2025", (), 44),
    Suite(f"{NEWER} 2025-11-25", "conformance", ("--spec-version", "2025-11-25"), 84),
    Suite(f"{NEWER} 2026-07-28", "conformance", ("--spec-version", "2026-07-28"), 152),
)


@dataclass(frozen=True)
class Score:
    """What a suite found of one server; `remarks` are the checks that did not pass, in a line each."""

    server: str
    suite: Suite
    passed: int
    failed: int
    remarks: tuple[str, ...]

    @property
    def is_full(self) -> bool:
        """Whether every check of the suite was made, and passed."""
        return (self.passed, self.failed) == (self.suite.checks, 0)

    def __str__(self) -> str:
        mark = "ok  " if self.is_full else "FAIL"
        found = f"{self.passed} of {self.suite.checks} passed, {self.failed} failed"
        return f"{mark}  {self.server:8} {self.suite.name:26} {found}"


def main() -> int:
    """Run all suites against both servers, the servers beside each other."""
    node = Path(os.environ["FLOWHUB_TEST_NODE"])
    with tempfile.TemporaryDirectory() as scratch, ThreadPoolExecutor() as threads:
        loaded = load(Path(scratch) / "loaded")
        servers = {"uvicorn": SERVE, "daphne": RUNSERVER}
        running = [threads.submit(scores_of, name, command, node, loaded) for name, command in servers.items()]
        scores = [score for each in running for score in each.result()]
    for score in scores:
        print(score, *(f"      {remark}" for remark in score.remarks), sep="\n")
    return 0 if all(score.is_full for score in scores) else 1


def load(data: Path) -> Path:
    """Make a data folder with everything that the suites call."""
    data.mkdir()
    server = server_on(data, FLOWHUB_CONFORMANCE="1")
    server.manage("migrate", "--verbosity", "0")
    server.manage("load_conformance")
    return data


def scores_of(name: str, command: tuple[str, ...], node: Path, loaded: Path) -> list[Score]:
    """Start a server on a copy of the data folder, run every suite against it, and end it."""
    data = shutil.copytree(loaded, loaded.with_name(name))
    server = server_on(data)
    try:
        address = ["--port", str(server.port)] if command == SERVE else [f"127.0.0.1:{server.port}"]
        server.start(*command, *address)
        return [score_of(name, server, suite, node, data / suite.name) for suite in SUITES]
    finally:
        server.stop()


def score_of(name: str, server: LiveServer, suite: Suite, node: Path, results: Path) -> Score:
    """Run one suite."""
    program = node / "node_modules" / suite.package / "dist" / "index.js"
    url = f"{server.url}/mcp/conformance"
    done = subprocess.run(
        [node / "node", program, "server", "--url", url, "--suite", "all", *suite.options, "-o", results],
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    totals = TOTAL.search(done.stdout)
    if totals is None:
        return Score(name, suite, 0, 0, tuple((done.stdout + done.stderr).splitlines()[-20:]))
    return Score(name, suite, int(totals[1]), int(totals[2]), tuple(remarks_in(results)))


def remarks_in(results: Path) -> Iterator[str]:
    """What did not pass, with the scenario, the check and the reason."""
    for file in sorted(results.glob("*/checks.json")):
        for check in json.loads(file.read_text()):
            if check["status"] in ("FAILURE", "WARNING", "SKIPPED"):
                scenario = re.sub(r"^server-|-\d{4}-\d\d-\d\dT.*$", "", file.parent.name)
                yield f"{check['status'].lower()}: {scenario}: {check['id']}: {check.get('errorMessage', '')[:300]}"


if __name__ == "__main__":
    sys.exit(main())
