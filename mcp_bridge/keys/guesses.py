"""Wrong passwords and unknown keys, counted: whoever has guessed wrong a few times is refused for a while.

A window of time begins for everybody at the same moment, so what is counted is one number that any process may add to.
They are in Django's cache: in Redis when FLOWHUB_REDIS_URL is set, else each process counts for itself.
"""

import hashlib
import logging
import math
import time
from contextlib import suppress
from dataclasses import dataclass, field

from django.core.cache import BaseCache, caches

from executions.admission.sharing import sharing

logger = logging.getLogger(__name__)

SECONDS = 300
"""How long guesses are counted, and the longest that somebody is refused."""

MAX_OF_NAME = 5
"""Wrong passwords for one name as it is typed, in a window of 5 minutes."""

MAX_OF_ADDRESS = 20
"""Wrong passwords from one address, and as many unknown keys, in a window of 5 minutes."""


@dataclass(frozen=True, slots=True)
class Guesses:
    """The guesses of `kind` that are counted together, as those of `who`; more than `most` are refused.

    One belongs to the window in which it was made: what is forgiven after that has ended changes nothing in the next.
    """

    kind: str
    who: str
    most: int
    window: int = field(default_factory=lambda: int(time.time() // SECONDS))

    def begin(self) -> int:
        """Count one more; returns for how many seconds no other may be made, 0 when this one may."""
        number = self._counted(1)
        if number == self.most:
            # Not the name: people type their password there.
            where = self.who if self.kind.endswith("address") else "one name"
            logger.warning("%d guesses (%s, %s): no more for %d s", number, self.kind, where, _seconds_left())
        return _seconds_left() if number > self.most else 0

    def forgive(self) -> None:
        """Take the last one back: it was right."""
        self._counted(-1)

    @property
    def seconds(self) -> int:
        """For how many seconds no guess may be made, 0 when one may."""
        return _seconds_left() if self._counted(0) >= self.most else 0

    def _counted(self, more: int) -> int:
        """How many there were in this window, with so many more."""
        key = "guesses:" + hashlib.sha256(f"{self.window} {self.kind} {self.who}".encode()).hexdigest()
        return sharing.counted(
            lambda: _count(caches["default"], key, more), lambda: _count(caches["process"], key, more)
        )


def _count(cache: BaseCache, key: str, more: int) -> int:
    if not more:
        return int(cache.get(key, 0))
    if not cache.add(key, more, 2 * SECONDS):
        with suppress(ValueError):  # others needed its room meanwhile
            return cache.incr(key, more)
    return more


def of_password(name: str, address: str) -> tuple[Guesses, Guesses]:
    """The guesses of passwords that one more counts among: those for the name, and those from the address."""
    return (
        Guesses("password by name", name.strip().casefold(), MAX_OF_NAME),
        Guesses("password by address", address, MAX_OF_ADDRESS),
    )


def of_key(address: str) -> Guesses:
    """The unknown keys that came from an address."""
    return Guesses("key by address", address, MAX_OF_ADDRESS)


def _seconds_left() -> int:
    return math.ceil(SECONDS - time.time() % SECONDS)
