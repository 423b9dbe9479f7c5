"""swagger-client in a process of its own: it reads documents, builds requests and sends them."""

import json
import queue
import subprocess
import threading
from pathlib import Path
from typing import Any

from compatibility.openapi.documents import Json

HERE = Path(__file__).resolve().parent
SECONDS = 300
"""For one answer."""


class NotBuilt(Exception):
    """The reference said no, or nothing in time."""


class Reference:
    """swagger-client in a process of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "reference.mjs").write_text((HERE / "reference.mjs").read_text())
        self.process: subprocess.Popen[str] | None = None

    def _start(self) -> tuple[subprocess.Popen[str], queue.Queue[str]]:
        command = ["node", "--max-old-space-size=6000", "reference.mjs"]
        process = subprocess.Popen(
            command,
            cwd=self.folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        lines: queue.Queue[str] = queue.Queue()

        def read() -> None:
            for line in process.stdout or ():
                lines.put(line)
            lines.put("")

        threading.Thread(target=read, daemon=True).start()
        return process, lines

    def ask(self, **asked: Json) -> Any:
        """What it answers; raises NotBuilt."""
        if self.process is None or self.process.poll() is not None:
            self.process, self.lines = self._start()
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(asked) + "\n")
        self.process.stdin.flush()
        try:
            line = self.lines.get(timeout=SECONDS)
        except queue.Empty:
            line = ""
        if not line:
            self.stop()
            raise NotBuilt("it did not answer")
        said = json.loads(line)
        if "error" in said:
            raise NotBuilt(said["error"])
        return said

    def stop(self) -> None:
        """End the process."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None
