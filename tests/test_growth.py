"""No message holds the event loop for longer than in proportion to its size, by whichever door it comes."""

import os
import subprocess
import sys

import pytest

from tests.live import ROOT

DATABASE = "FLOWHUB_DATABASE_URL"


@pytest.mark.server
@pytest.mark.timeout(600)
@pytest.mark.skipif(DATABASE in os.environ, reason="it has a database of its own, and is done without this one")
def test_a_message_twice_as_large_takes_about_twice_as_much_of_the_event_loop() -> None:
    command = [sys.executable, str(ROOT / "benchmarks" / "growth.py")]
    # Nothing listens there: the measurement stays away from the database of the server.
    elsewhere = os.environ | {DATABASE: "postgres://nobody@127.0.0.1:1/nowhere"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, env=elsewhere)
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-3000:]
    for door, family in (("test call", "percent signs"), ("session", "percent signs"), ("REST", "backslashes")):
        assert f"{door:<16}{family}" in done.stdout, done.stdout
