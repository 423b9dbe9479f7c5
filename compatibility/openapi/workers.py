"""Programs beside this one that answer questions: a line of JSON in, a line of JSON out."""

import json
import queue
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
SECONDS = 120
"""For one answer."""


class NoAnswer(Exception):
    """A worker said no, ended, or said nothing in time."""


class Worker:
    """A program that is started when it is asked, and anew after it has ended."""

    def __init__(self, command: Sequence[str], folder: Path, environment: Mapping[str, str] | None = None) -> None:
        self.command, self.folder, self.environment = command, folder, environment
        self.process: subprocess.Popen[str] | None = None

    def _started(self) -> subprocess.Popen[str]:
        pipe = subprocess.PIPE
        with (self.folder / "worker.log").open("a") as log:
            process = subprocess.Popen(
                self.command, cwd=self.folder, env=self.environment, stdin=pipe, stdout=pipe, stderr=log, text=True
            )
        lines: queue.Queue[str] = queue.Queue()

        def read() -> None:
            for line in process.stdout or ():
                if line.startswith("{"):
                    lines.put(line)
            lines.put("")

        threading.Thread(target=read, daemon=True).start()
        self.lines = lines
        return process

    def ask(self, **asked: Any) -> Any:
        """What it answers; raises NoAnswer."""
        if self.process is None or self.process.poll() is not None:
            self.process = self._started()
        try:
            if self.process.stdin is not None:
                self.process.stdin.write(json.dumps(asked) + "\n")
                self.process.stdin.flush()
            line = self.lines.get(timeout=SECONDS)
        except (queue.Empty, OSError):
            line = ""
        if not line:
            self.stop()
            raise NoAnswer(f"no answer; see {self.folder / 'worker.log'}")
        said = json.loads(line)
        if "error" in said:
            raise NoAnswer(said["error"])
        return said

    def stop(self) -> None:
        """End the program."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None
