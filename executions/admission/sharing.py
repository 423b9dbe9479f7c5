"""What all processes count together in Redis: each goes on with its own numbers while that does not answer."""

import logging
import threading
import time
from collections.abc import Callable
from typing import TypeVar

logger = logging.getLogger(__name__)

AGAIN_SECONDS = 5.0
"""How long after Redis did not answer it is asked again."""

MAX_CONNECTIONS = 8
"""Connections to Redis that rates, and as many that calls at once, take in a process; who finds none free waits."""

REDIS_SECONDS = 1.0
"""How long Redis may take to answer before a call is decided without it."""

Counted = TypeVar("Counted")


class Sharing:
    """Whether Redis is asked now. Safe in any thread."""

    def __init__(self) -> None:
        self._gone_until = 0.0
        self._lock = threading.Lock()

    @property
    def is_on(self) -> bool:
        """Whether `counted` asks Redis, so that an event loop must not call it."""
        return time.monotonic() >= self._gone_until

    def counted(self, together: Callable[[], Counted], alone: Callable[[], Counted]) -> Counted:
        """What `together` gives, which asks Redis; that of this process `alone` while Redis is gone."""
        if not self.is_on:
            return alone()
        if self._gone_until:
            # One asks whether it is back; the others need not wait for that.
            self._gone_until = time.monotonic() + AGAIN_SECONDS
        try:
            counted = together()
        except Exception as error:  # each client of Redis has errors of its own
            with self._lock:
                is_new, self._gone_until = not self._gone_until, time.monotonic() + AGAIN_SECONDS
            if is_new:
                reason = error.__cause__ or error
                logger.warning("limits are counted by each process alone until Redis answers: %s", reason)
            return alone()
        self._gone_until = 0.0
        return counted


sharing = Sharing()
"""That of this process."""
