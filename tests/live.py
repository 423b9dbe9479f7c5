"""A real server process for a test: its own data folder, its own port, stopped when the test is over."""

import fcntl
import hashlib
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
START_SECONDS = 90


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class LiveServer:
    """A FlowHub server under test."""

    data: Path
    port: int
    process: subprocess.Popen[str] | None = None
    output: Path = field(default_factory=Path)
    environment: dict[str, str] = field(default_factory=dict)
    before: tuple[str, ...] = ()
    """The command that the server process is started by, if it is another one."""

    @property
    def url(self) -> str:
        """Where its pages are, without a slash at the end."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def credentials(self) -> dict[str, str]:
        """The demo's username, password and key."""
        return json.loads((self.data / "demo.json").read_text())

    @property
    def log(self) -> str:
        """Everything it printed so far."""
        return self.output.read_text()

    def flow_ids(self) -> dict[str, int]:
        """The ids of all flows by their tools' names: other tests of the process may have filled more than one page."""
        first = self.get_json("/api/flows/?limit=100")
        rest_of_them = [
            self.get_json(f"/api/flows/?limit=100&page={page}") for page in range(2, first["totalPages"] + 1)
        ]
        return {flow["toolName"]: flow["id"] for page in (first, *rest_of_them) for flow in page["items"]}

    def manage(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a management command on the same data."""
        return subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=check,
        )

    def start(self, *command: str) -> None:
        """Start the server process and wait until it accepts connections."""
        self.launch(*command)
        self.wait_for_start()

    def launch(self, *command: str) -> None:
        """Start the server process and do not wait for it."""
        with self.output.open("a") as output:
            self.process = subprocess.Popen(
                [*self.before, sys.executable, "manage.py", *command],
                cwd=ROOT,
                env=self.environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )

    def wait_for_start(self) -> None:
        """Wait until the server accepts connections."""
        wait_until(self._answers, START_SECONDS, lambda: f"the server did not start:\n{self.log}")

    def _answers(self) -> bool:
        if self.process is None or self.process.poll() is not None:
            raise AssertionError(f"the server ended while starting:\n{self.log}")
        try:
            with urllib.request.urlopen(self.url + "/healthz", timeout=2):
                return True
        except urllib.error.HTTPError:
            return True
        except OSError:
            return False

    def signal(self, number: int) -> None:
        """Send a signal to the server process, and to it alone; nothing happens once it has ended."""
        assert self.process is not None
        self.process.send_signal(number)

    def kill(self) -> None:
        """End the server process as a crash does, and wait until it is gone."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(timeout=10)

    def stop(self) -> int:
        """Ask the server to end, insist after a while, and return its exit status."""
        if self.process is None:
            return 0
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait(timeout=10)

    def get_json(self, path: str, **headers: str) -> Any:
        """GET a REST resource with the demo's key."""
        request = urllib.request.Request(
            self.url + path,
            headers={"Authorization": f"Bearer {self.credentials['key']}", "Accept": "application/json"} | headers,
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def post_json(self, path: str, body: Any = None) -> Any:
        """POST JSON to a REST resource with the demo's key."""
        request = urllib.request.Request(
            self.url + path,
            data=json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self.credentials['key']}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)


def rest(server: LiveServer, method: str, path: str, body: Any = None) -> Any:
    """Change something by REST; returns what was answered."""
    request = urllib.request.Request(
        server.url + path,
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {server.credentials['key']}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.loads(answer.read() or "null")


def wait_until(condition: Any, seconds: float, message: Any) -> None:
    """Ask again and again until `condition()` is true; fails with `message` after `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(message() if callable(message) else message)
        select.select([], [], [], 0.05)


PREPARE = """
from django.core.management import call_command
from tests.factories import open_everything_to_the_demo_key
call_command("migrate", verbosity=0)
call_command("load_demo")
open_everything_to_the_demo_key()
"""
SERVE = ("serve",)
RUNSERVER = ("runserver", "--noreload")


def server_on(data: Path, **environment: str) -> LiveServer:
    """A server on a data folder and a free port, not started yet; nothing of this process's FLOWHUB_ variables."""
    port = free_port()
    server = LiveServer(data=data, port=port, output=data / f"server-{port}.log")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("FLOWHUB_")}
    server.environment = kept | {
        "FLOWHUB_DATA": str(data),
        "FLOWHUB_PUBLIC_URL": server.url,
        "FLOWHUB_OUTBOUND_ALLOW": f"127.0.0.1:{port}",
        "PYTHONUNBUFFERED": "1",
    }
    server.environment |= environment
    return server


def migrated(data: Path) -> None:
    """Put a migrated database into a new data folder: made once for all test processes, because it takes seconds."""
    sources = [ROOT / "constraints.txt", ROOT / "flowhub" / "settings.py", *sorted(ROOT.glob("*/migrations/*.py"))]
    digest = hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()[:16]
    folder = Path(tempfile.gettempdir()) / f"flowhub-tests-{os.getuid()}-{digest}"
    folder.mkdir(mode=0o700, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "made").exists():
            shutil.rmtree(folder / "data", ignore_errors=True)
            (folder / "data").mkdir()
            server_on(folder / "data").manage("migrate", "--verbosity", "0")
            (folder / "made").touch()
    for file in (folder / "data").glob("flowhub.sqlite3*"):
        shutil.copy(file, data)


@contextmanager
def live_server(data: Path, command: tuple[str, ...] = SERVE, **environment: str) -> Iterator[LiveServer]:
    """A migrated server with the demo loaded, under uvicorn (SERVE) or daphne (RUNSERVER)."""
    server = server_on(data, **environment)
    if "FLOWHUB_DATABASE_URL" not in environment:
        migrated(data)
    # In one process: to begin is most of what each of the two costs.
    server.manage("shell", "--verbosity", "0", "--command", PREPARE)
    address = ["--port", str(server.port)] if command == SERVE else [f"127.0.0.1:{server.port}"]
    server.start(*command, *address)
    try:
        yield server
    finally:
        server.stop()
