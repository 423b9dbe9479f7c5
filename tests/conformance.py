"""The official conformance suites of MCP against FlowHub under uvicorn and under daphne; prints the totals.

    FLOWHUB_TEST_NODE=$(.ci/node FOLDER) .venv/bin/python -m tests.conformance [--write]

With `--write` docs/conformance.md is made of what they found and of the rules in tests/rules.py.

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
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from tests import rules
from tests.live import ROOT, RUNSERVER, SERVE, LiveServer, server_on

TIMEOUT = 240
"""Seconds for one suite; it takes a few."""

TOTAL = re.compile(r"^Total: (\d+) passed, (\d+) failed$", re.MULTILINE)


SCENARIO = re.compile(r"^  - (\S+) \[(.+)\]$", re.MULTILINE)
SUITES_HEAD = """## What the official suites found

Every scenario that a suite has for servers, also those that it does not score or run on that wire: they are of another
version, or of an extension. Numbers are checks; two of them are uvicorn and daphne, where these differ.
"""
OUTCOMES = {"SUCCESS": "passed", "FAILURE": "failed", "WARNING": "warnings", "SKIPPED": "skipped", "INFO": "notes"}


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
    """What a suite found of one server; `remarks` are the checks that did not pass, in a line each.

    `scenarios` counts the checks of each scenario by how they ended.
    """

    server: str
    suite: Suite
    passed: int
    failed: int
    remarks: tuple[str, ...]
    scenarios: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

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
    if "--write" in sys.argv:
        (ROOT / "docs" / "conformance.md").write_text(f"{rules.page()}\n{found_by(scores, node)}")
    return 0 if all(score.is_full for score in scores) else 1


def found_by(scores: list[Score], node: Path) -> str:
    """What each suite found, scenario by scenario, and the scenarios that it has and did not run, in Markdown."""
    parts = [SUITES_HEAD]
    for suite in SUITES:
        of_servers = [score for score in scores if score.suite == suite]
        totals = ", ".join(f"{score.passed} of {suite.checks} under {score.server}" for score in of_servers)
        lines = [f"## Official suite {suite.name}", "", f"Scored checks that passed: {totals}.", ""]
        lines += ["| scenario | of the versions | " + " | ".join(OUTCOMES.values()) + " |", "|---" * 7 + "|"]
        program = node / "node_modules" / suite.package / "dist" / "index.js"
        listed = subprocess.run(
            [node / "node", program, "list", "--server"], capture_output=True, text=True, check=True
        )
        for name, versions in SCENARIO.findall(listed.stdout):
            found = [score.scenarios[name] for score in of_servers if name in score.scenarios]
            cells = [" / ".join(dict.fromkeys(str(each.get(outcome, 0)) for each in found)) for outcome in OUTCOMES]
            if not found:
                cells[0] = "not run"
            lines.append(f"| {name} | {versions.replace(',', ', ')} | {' | '.join(cells)} |")
        parts.append("\n".join(lines) + "\n")
    return "\n".join(parts)


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
    passed, failed = int(totals[1]), int(totals[2])
    return Score(name, suite, passed, failed, tuple(remarks_in(results)), scenarios_in(results))


def scenarios_in(results: Path) -> dict[str, Counter[str]]:
    """How the checks of each scenario ended."""
    files = results.glob("*/checks.json")
    return {scenario_of(file): Counter(check["status"] for check in json.loads(file.read_text())) for file in files}


def scenario_of(file: Path) -> str:
    """The scenario whose checks a file holds."""
    return re.sub(r"^server-|-\d{4}-\d\d-\d\dT.*$", "", file.parent.name)


def remarks_in(results: Path) -> Iterator[str]:
    """What did not pass, with the scenario, the check and the reason."""
    for file in sorted(results.glob("*/checks.json")):
        for check in json.loads(file.read_text()):
            if check["status"] in ("FAILURE", "WARNING", "SKIPPED"):
                reason = check.get("errorMessage", "")[:300]
                yield f"{check['status'].lower()}: {scenario_of(file)}: {check['id']}: {reason}"


if __name__ == "__main__":
    sys.exit(main())
