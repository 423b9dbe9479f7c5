"""Large values in memory, without the pauses that looking for garbage among them takes."""

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_NEVER = 2**31 - 1
_lock = threading.Lock()
_holders = 0
_usual = gc.get_threshold()


@contextmanager
def without_full_collections() -> Iterator[None]:
    """What is young is looked through for garbage as always, all that there is only when nobody is in here.

    To look through a document of megabytes again and again stops every thread, for seconds each time.
    """
    global _holders, _usual
    with _lock:
        _holders += 1
        if _holders == 1:
            _usual = gc.get_threshold()
            gc.set_threshold(*_usual[:2], _NEVER)
    try:
        yield
    finally:
        with _lock:
            _holders -= 1
            if not _holders:
                gc.set_threshold(*_usual)
