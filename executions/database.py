"""ORM calls from event loops, outside Django's request handling, where nobody else gives connections back."""

from collections.abc import Callable
from typing import TypeVar

from asgiref.sync import sync_to_async
from django.db import close_old_connections

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
