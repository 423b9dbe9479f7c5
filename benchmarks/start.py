"""How soon `make run` answers its first call, beside another tree of FlowHub: two trees in turn, on the same machine.

    git worktree add /tmp/before 500f129
    python benchmarks/start.py /tmp/before --rounds 5

Each tree has its packages already, and its demo from a first start that is not counted; so this is what a second
`make run` takes. Prints the medians of wall time, of processor time of all processes that were begun, and of the
resident memory of the one that serves; and what the first call and the first pages took then. Ends with status 1 when
the wall time is above a third of the other tree's, or the memory above it. Needs `/proc`.
"""

import argparse
import http.cookiejar
import json
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from flowhub.reload import BUILT
from tests.live import ROOT, LiveServer, free_port
from tests.mcp_client import MODERN
from tests.wire import Wire

ALLOWED = 1 / 3
START_SECONDS = 120

ROWS = {
    "answered": "make run to the first answered call, s",
    "listens": "  of that, until it listens, s",
    "call": "  of that, the first call, s",
    "cpu": "processor time until then, s",
    "login": "the first page, which is the login, s",
    "dashboard": "the first dashboard, s",
    "calls": "ten calls after these, s",
    "memory": "resident memory after all that, MB",
}


class Start:
    """A tree that is started, asked, and ended."""

    def __init__(self, tree: Path, data: Path) -> None:
        self.data, self.port = data, free_port()
        # Neither the packages nor the canvas are made anew: a tree on its own commit would ask for them.
        made = ["--old-file=.venv/.run", f"--old-file={BUILT}"]
        command = ["make", "--silent", *made, "run", f"PORT={self.port}", f"DATA={data}"]
        outside = {"PYTHONDONTWRITEBYTECODE", *(name for name in os.environ if name.startswith("FLOWHUB_"))}
        environment = {name: value for name, value in os.environ.items() if name not in outside}
        self.began = time.perf_counter()
        with (data / "said").open("w") as said:
            self.make = subprocess.Popen(
                command, cwd=tree, env=environment, stdout=said, stderr=said, start_new_session=True
            )

    def measure(self) -> dict[str, float]:
        """Each of ROWS, in its unit."""
        self._wait()
        found = {"listens": time.perf_counter() - self.began}
        found["call"] = _seconds(self.call)
        found["answered"] = time.perf_counter() - self.began
        found["cpu"] = sum(_processor_seconds(process) for process in self._processes())
        browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))
        found["login"] = _seconds(lambda: self.log_in(browser))
        found["dashboard"] = _seconds(lambda: browser.open(f"http://127.0.0.1:{self.port}/").read())
        found["calls"] = _seconds(lambda: [self.call() for _ in range(10)])
        found["memory"] = max(_resident_megabytes(process) for process in self._processes())
        return found

    def _wait(self) -> None:
        while True:
            try:
                return socket.create_connection(("127.0.0.1", self.port)).close()
            except ConnectionRefusedError:
                if self.make.poll() is not None or time.perf_counter() - self.began > START_SECONDS:
                    sys.exit(f"It did not start:\n{(self.data / 'said').read_text()}")
                time.sleep(0.003)

    def call(self) -> None:
        """Call the demo's `greet` and look at the answer."""
        assert Wire(LiveServer(self.data, self.port), MODERN).works()

    def log_in(self, browser: urllib.request.OpenerDirector) -> None:
        """Open the form; the answer to it leads on to the dashboard, which is asked for on its own."""
        page = browser.open(f"http://127.0.0.1:{self.port}/login/?next=/healthz").read().decode()
        kept = json.loads((self.data / "demo.json").read_text())
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)
        assert token is not None, page
        fields = {"username": kept["username"], "password": kept["password"], "csrfmiddlewaretoken": token[1]}
        fields["next"] = "/healthz"
        browser.open(f"http://127.0.0.1:{self.port}/login/", urllib.parse.urlencode(fields).encode()).read()

    def _processes(self) -> list[Path]:
        """Those of the session that make began, which are alive."""
        found = []
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                if int(stat.read_text().rpartition(")")[2].split()[3]) == self.make.pid:
                    found.append(stat.parent)
            except (FileNotFoundError, ProcessLookupError):
                continue
        return found

    def end(self) -> None:
        """As Ctrl-C does: the signal reaches all of them."""
        if self.make.poll() is None:
            os.killpg(self.make.pid, signal.SIGINT)
        self.make.wait(timeout=60)


def _seconds(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def _processor_seconds(process: Path) -> float:
    # Its own, and that of the children that it has waited for.
    times = (process / "stat").read_text().rpartition(")")[2].split()[11:15]
    return sum(map(int, times)) / os.sysconf("SC_CLK_TCK")


def _resident_megabytes(process: Path) -> float:
    return int((process / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def main() -> None:
    """Start both in turn, print the medians, leave nothing behind."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("other", type=Path, help="A work tree of FlowHub with a .venv that has its packages.")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    trees = {"this": ROOT, "other": options.other.resolve()}
    folder = Path(tempfile.mkdtemp(prefix="flowhub-start-"))
    rounds: dict[str, list[dict[str, float]]] = {name: [] for name in trees}
    try:
        # The first round of each makes the data and the byte code, and is not counted.
        for number in range(options.rounds + 1):
            for name, tree in trees.items():
                data = folder / name
                data.mkdir(exist_ok=True)
                start = Start(tree, data)
                try:
                    found = start.measure()
                finally:
                    start.end()
                if number:
                    rounds[name].append(found)
    finally:
        shutil.rmtree(folder)
    print(f"{'':44}{'this':>9}{'other':>9}{'ratio':>8}")
    ratios = {}
    for row, words in ROWS.items():
        this, other = (statistics.median(found[row] for found in rounds[name]) for name in trees)
        ratios[row] = this / other
        print(f"{words:44}{this:9.3f}{other:9.3f}{ratios[row]:8.2f}")
    print(f"allowed: wall time {ALLOWED:.2f}, memory 1.00")
    sys.exit(ratios["answered"] > ALLOWED or ratios["memory"] > 1)


if __name__ == "__main__":
    main()
