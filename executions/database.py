"""What calls need of the database besides queries: threads to ask it from event loops, and its clock.

Outside Django's request handling nobody else gives connections back.
"""

import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from asgiref.sync import sync_to_async
from django.db import close_old_connections, connection

logger = logging.getLogger(__name__)

T = TypeVar("T")


async def in_database(read: Callable[[], T]) -> T:
    """Run `read` in a worker thread and give its connection back.

    Not thread-sensitive: outside Django's handler all thread-sensitive calls would share one thread.
    """

    def work() -> T:
        try:
            return read()
        finally:
            close_old_connections()

    return await sync_to_async(work, thread_sensitive=False)()


class Clock:
    """The time by the database's clock, which all processes have in common; the clocks of their machines may differ.

    What one process writes and another one compares with its own time is a moment of this clock: heartbeats, deadlines,
    until when something is kept or waited for. What a record says of its start and end is not.
    """

    TOLERANCE = timedelta(seconds=2)

    def __init__(self) -> None:
        self.ahead = timedelta()
        """How far the database is ahead of this process, as it was last seen."""

    def now(self) -> datetime:
        """The time, without asking; right once `read` was called."""
        return datetime.now(UTC) + self.ahead

    def read(self) -> datetime:
        """The time, as the database says; from a worker thread. SQLite has the clock of this machine."""
        if connection.vendor != "postgresql":
            return datetime.now(UTC)
        before, own = time.monotonic(), datetime.now(UTC)
        with connection.cursor() as cursor:
            cursor.execute("SELECT clock_timestamp()")
            moment: datetime = cursor.fetchone()[0]
        ahead = moment - own - timedelta(seconds=(time.monotonic() - before) / 2)
        if abs(ahead) > self.TOLERANCE >= abs(self.ahead):
            off = ahead.total_seconds()
            logger.warning("the database's clock is %+.1f s from this machine's: set both by NTP", off)
        self.ahead = ahead
        return moment


clock = Clock()
"""The database's clock, as this process knows it."""
