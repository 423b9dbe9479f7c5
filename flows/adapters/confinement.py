"""What a worker of the sandbox gives up before it begins: a second wall, for the day that the interpreter has a hole.

It writes no file and no core dump, opens next to no file, maps bounded memory, and gains no privileges by what it
executes. On Linux alone; elsewhere the interpreter is the only wall. No filter of system calls is among it: no package
for that is maintained.
"""

import hashlib
import logging
import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

from pydantic_monty._binary import find_monty_binary

logger = logging.getLogger(__name__)

ADDRESS_SPACE_MIB = 256
OPEN_FILES = 16
_START_SECONDS = 10


@cache
def confined_worker(folder: Path) -> str | None:
    """The program that a pool starts as its worker, kept in `folder`; None to start the interpreter as it is.

    A worker is started with an empty environment and one argument, so what it gives up stands in a file. `exec` keeps
    its process id, by which the pool ends it.
    """
    if not sys.platform.startswith("linux"):
        logger.info("workers of the sandbox run without limits of the system, which are for Linux")
        return None
    monty, setpriv = find_monty_binary(), shutil.which("setpriv")
    words = [setpriv, "--no-new-privs", monty] if setpriv else [monty]
    limits = f"ulimit -c 0 && ulimit -f 0 && ulimit -n {OPEN_FILES} && ulimit -v {ADDRESS_SPACE_MIB * 1024}"
    quoted = " ".join("'" + word.replace("'", "'\\''") + "'" for word in words)
    text = f'#!/bin/sh\n{limits} || exit 70\nunset PWD\nexec {quoted} "$@"\n'
    script = folder / f"sandbox-worker-{hashlib.sha256(text.encode()).hexdigest()[:16]}"
    try:
        # A name of its own for each process, then the one for all: nobody meets half a file, or one that is written to.
        draft = folder / f".{script.name}.{os.getpid()}"
        draft.write_text(text)
        draft.chmod(0o700)
        draft.replace(script)
        command = [str(script), "--version"]
        subprocess.run(command, env={}, capture_output=True, timeout=_START_SECONDS, check=True)  # noqa: S603 (written here)
    except (OSError, subprocess.SubprocessError) as error:
        logger.warning("workers of the sandbox run without limits of the system: %s", error)
        return None
    logger.info(
        "workers of the sandbox: no core dumps, no writing of files, %d open files, %d MiB of address space, %s",
        OPEN_FILES,
        ADDRESS_SPACE_MIB,
        "no new privileges" if setpriv else "no setpriv on PATH, so new privileges are not ruled out",
    )
    return str(script)
