"""Room at the end of SQLite's write-ahead log, so that a commit overwrites the file instead of making it grow.

A file that grows makes the system write down its new size with every commit, which costs about as much as the commit
itself. SQLite overwrites its log too, once it has grown to `wal_autocheckpoint` pages; this has it so from the start.

Why it is safe. SQLite never asks how long the file is but to know where reading it has to end: a frame counts if its
salts and its checksum fit those before it, and zeros, like the frames of an earlier round, do not. Frames are written
by whoever holds the write lock, which is held here too; and only what lies behind the end of the file is written, where
no frame can be. (https://www.sqlite.org/fileformat2.html#walformat)
"""

import contextlib
import os
import shutil

from django.db import connection

LAID_OUT = 33 * 1024**2
"""Bytes: the 8,000 pages, with their headers, after which a checkpoint starts the log anew."""
STEP = 512 * 1024
"""Bytes a transaction: written in less than a millisecond, and synchronised with the frames of the transaction."""
LEAST_FREE = 1024**3
"""Bytes that a disk must have left for it."""


def lay_out() -> None:
    """Lengthen the log of the calling thread's connection by STEP, up to LAID_OUT; it must hold the write lock.

    Does nothing on PostgreSQL, without such a log, or without the room.
    """
    if connection.vendor != "sqlite":
        return
    path = f"{connection.settings_dict['NAME']}-wal"
    # What cannot be written is not needed either.
    with contextlib.suppress(OSError):
        if os.stat(path).st_size < LAID_OUT and shutil.disk_usage(path).free > LEAST_FREE:
            with open(path, "ab", buffering=0) as log:
                log.write(bytes(STEP))
