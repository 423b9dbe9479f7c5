"""What all processes have under way, counted in Redis: a place there is a lease, which ends with its process.

Each limit has a sorted set of the places under it, by when their lease ends. A thread of its own renews those of this
process and gives back what is left, so that neither a busy event loop nor an answer waits for Redis.
"""

import atexit
import secrets
import threading
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from itertools import count
from typing import NamedTuple

from redis import BlockingConnectionPool, Redis

from executions.admission.sharing import MAX_CONNECTIONS, REDIS_SECONDS, Sharing

LEASE_SECONDS = 20
"""After how long the places of a process that was killed are free again."""

RENEW_SECONDS = 5.0

FAMILY_SECONDS = 86_400
"""How long it is known how many executions a family has that more than one process runs."""

# Enters all sets or none; gives the number of the first one that is full, 0 when there is none.
_ENTER = """
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
for i, key in ipairs(KEYS) do
    redis.call('ZREMRANGEBYSCORE', key, '-inf', now)
    if redis.call('ZCARD', key) >= tonumber(ARGV[i + 2]) then return i end
end
for _, key in ipairs(KEYS) do
    redis.call('ZADD', key, now + ARGV[1], ARGV[2])
    redis.call('EXPIRE', key, ARGV[1])
end
return 0
"""


class Lease(NamedTuple):
    """One place under some limits."""

    member: str
    keys: tuple[str, ...]


class Leases:
    """The places of one process among those of all; all but `leave` and `tell` wait for Redis. Safe in any thread."""

    def __init__(self, url: str, sharing: Sharing) -> None:
        pool = BlockingConnectionPool.from_url(
            url,
            max_connections=MAX_CONNECTIONS,
            timeout=2 * REDIS_SECONDS,
            socket_timeout=REDIS_SECONDS,
            socket_connect_timeout=REDIS_SECONDS,
            retry=None,
        )
        self._redis, self._sharing = Redis(connection_pool=pool), sharing
        self._enter = self._redis.register_script(_ENTER)
        self._process, self._numbers = secrets.token_hex(8), count()
        self._held: dict[str, Lease] = {}
        self._left: deque[Lease] = deque()
        self._told: deque[tuple[str, int]] = deque()
        self._something = threading.Event()
        self._lock = threading.Lock()
        """Held while leases are renewed or given back, so that a late renewal brings none back."""
        self._is_closed = False
        self._thread = threading.Thread(target=self._keep, name="leases", daemon=True)

    def lease_of(self, names: Sequence[str]) -> Lease:
        """A new one, under the limits of these names."""
        return Lease(f"{self._process}:{next(self._numbers)}", tuple(f"flowhub:at-once:{name}" for name in names))

    def enter(self, lease: Lease, most: Sequence[int]) -> int:
        """Count a lease under all of its limits, or none; returns the number of the first that is reached, or 0."""
        self._give_back()
        return int(self._enter(keys=lease.keys, args=[LEASE_SECONDS, lease.member, *most]))

    def hold(self, lease: Lease) -> None:
        """Renew a lease until it is left: also one that Redis does not know yet, because it is gone."""
        self._held[lease.member] = lease
        self._begin()

    def leave(self, lease: Lease) -> None:
        """Give a lease back, soon."""
        self._held.pop(lease.member, None)
        self._left.append(lease)
        self._something.set()

    def family(self, root: str, more: int) -> int:
        """How many executions a family has in all processes, with so many more of this one."""
        key = f"flowhub:family:{root}"
        number = self._redis.incrby(key, more)
        self._redis.expire(key, FAMILY_SECONDS)
        return int(number)

    def tell(self, root: str, more: int) -> None:
        """Add to a family, soon."""
        self._told.append((root, more))
        self._begin()
        self._something.set()

    def close(self) -> None:
        """Give everything back; for a process that ends, whose calls have ended with it."""
        self._is_closed = True
        self._something.set()
        if self._thread.is_alive():
            self._thread.join(2 * REDIS_SECONDS)
        self._left.extend(self._held.values())
        self._held.clear()
        if self._left:
            self._sharing.counted(self._give_back, self._left.clear)
        self._redis.close()
        atexit.unregister(self.close)

    def _begin(self) -> None:
        if not self._thread.is_alive():
            with suppress(RuntimeError):  # another one was quicker, or it has been closed
                self._thread.start()
                atexit.register(self.close)

    def _keep(self) -> None:
        renewed_at = time.monotonic()
        while True:
            self._something.wait(RENEW_SECONDS)
            self._something.clear()
            if self._is_closed:
                return
            # While Redis is gone nothing is kept for it: what it does not hear of ends with its lease.
            if self._left:
                self._sharing.counted(self._give_back, self._left.clear)
            if self._told:
                self._sharing.counted(self._tell, self._told.clear)
            if self._held and time.monotonic() - renewed_at >= RENEW_SECONDS:
                renewed_at = time.monotonic()
                self._sharing.counted(self._renew, lambda: None)

    def _give_back(self) -> None:
        with self._lock:
            if not self._left:
                return
            with self._redis.pipeline(transaction=False) as asked:
                while self._left:
                    lease = self._left.popleft()
                    for key in lease.keys:
                        asked.zrem(key, lease.member)
                asked.execute()

    def _tell(self) -> None:
        while self._told:
            self.family(*self._told.popleft())

    def _renew(self) -> None:
        with self._lock:
            held = list(self._held.values())
            seconds, _ = self._redis.time()
            with self._redis.pipeline(transaction=False) as asked:
                for lease in held:
                    for key in lease.keys:
                        asked.zadd(key, {lease.member: int(seconds) + LEASE_SECONDS})
                        asked.expire(key, LEASE_SECONDS)
                asked.execute()
