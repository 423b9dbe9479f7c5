"""The way of a call through the code stays as short as it is: who adds a step to each call sees it here."""

import os
import subprocess
import sys

from tests.live import ROOT


def test_a_call_enters_no_more_functions_and_files_than_allowed_and_parses_its_body_once() -> None:
    command = [sys.executable, str(ROOT / "benchmarks" / "route.py"), "--route"]
    # Nothing listens there: the measurement stays away from the database of the server.
    elsewhere = os.environ | {"FLOWHUB_DATABASE_URL": "postgres://nobody@127.0.0.1:1/nowhere"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=elsewhere)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert "parsed by bodies.parsed\n" in done.stdout
