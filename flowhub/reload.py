"""Serve in a child process, and in a new one whenever a file that the old one has read is changed: `serve --reload`.

Beside it another program may run that makes such files: what builds the canvas. The child is an ordinary
`manage.py serve`: it sweeps, beats and drains as always, and knows nothing of this.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

POLL_SECONDS = 0.5

PACKAGES = ("flowhub", "mcp_bridge", "executions", "flows")
SUFFIXES = frozenset({".py", ".js", ".css", ".json"})
"""What the packages read once. Templates and static files are read anew for each page, see `FLOWHUB_DEBUG`."""


BUILT = "dist/builder/.vite/manifest.json"
"""What the canvas was built as. It may be written anew without a change, and is read once."""


def serve_and_reload(root: Path, command: Sequence[str], beside: Sequence[str] = ()) -> None:
    """Run the command until this process is told to stop; a change below `root` ends it in peace and begins it anew.

    A command that ends by itself, of a syntax error for example, is begun again after the next change. `beside` is
    begun once, and ended with this process, with all that it has begun.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    seen = _sources(root)
    with contextlib.suppress(KeyboardInterrupt), _running(beside, root):
        while True:
            child = subprocess.Popen(command)  # noqa: S603 (the command line of this very process)
            try:
                while (now := _sources(root)) == seen:
                    time.sleep(POLL_SECONDS)
                changed = sorted({path for path, _ in now ^ seen})
                sys.stderr.write(f"Changed: {', '.join(changed)}. Starting again ...\n")
                seen = now
            finally:
                child.terminate()
                child.wait()


@contextlib.contextmanager
def _running(command: Sequence[str], root: Path) -> Iterator[None]:
    if not command:
        yield
        return
    # A group of its own: programs that begin programs end together, and Ctrl-C reaches them through this process.
    process = subprocess.Popen(command, cwd=root, start_new_session=True)  # noqa: S603 (from the command line)
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        process.wait()


def _sources(root: Path) -> set[tuple[str, int]]:
    """Each file with the time of its last change, or what it holds; one that is deleted meanwhile is left out."""
    found = set()
    with contextlib.suppress(FileNotFoundError):
        found.add((BUILT, hash((root / BUILT).read_bytes())))
    for package in PACKAGES:
        for path in (root / package).rglob("*"):
            if path.suffix in SUFFIXES:
                try:
                    found.add((str(path.relative_to(root)), path.stat().st_mtime_ns))
                except FileNotFoundError:
                    continue
    return found
