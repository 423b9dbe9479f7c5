"""Token buckets: in this process's memory, or in Redis for all processes together."""

import logging
import time
from functools import lru_cache
from typing import Any

from throttled import BaseStore, RateLimiterType, RedisStore, Throttled, per_min
from throttled.exceptions import BaseThrottledError

logger = logging.getLogger(__name__)

MAX_BUCKETS = 20_000
"""Callers whose rate a process remembers, 10 MB; who has not called for longest begins anew."""

MAX_CONNECTIONS = 8
"""Connections of one process that rates may take at Redis; who finds none free waits."""

REDIS_SECONDS = 1.0
"""How long Redis may take to answer before a call is decided without it."""

AGAIN_SECONDS = 5.0
"""How long after Redis did not answer it is asked again."""

# It would refuse when all of its connections are taken, and try for seconds when Redis is gone.
_OPTIONS: dict[str, Any] = {
    "SOCKET_TIMEOUT": REDIS_SECONDS,
    "SOCKET_CONNECT_TIMEOUT": REDIS_SECONDS,
    "CONNECTION_POOL_CLASS": "redis.BlockingConnectionPool",
    "CONNECTION_POOL_KWARGS": {"max_connections": MAX_CONNECTIONS, "timeout": 2 * REDIS_SECONDS, "retry": None},
}


class Buckets:
    """Buckets by name in one store: each holds a minute's calls and fills up evenly (GCRA). Safe in any thread."""

    waits = False
    """Whether `spend` waits for another process, so that an event loop must not call it."""

    def __init__(self, store: BaseStore) -> None:
        self._with = lru_cache(maxsize=256)(
            lambda per_minute: (
                Throttled(
                    using=RateLimiterType.GCRA.value, quota=per_min(per_minute), store=store, key_prefix="flowhub:rate"
                ).limiter
            )
        )

    def spend(self, name: str, per_minute: int) -> float:
        """Take one call out of a bucket; returns after how many seconds there will be one, 0 when it was taken."""
        result = self._with(per_minute).limit(name)
        return result.state.retry_after if result.limited else 0.0


class SharedBuckets:
    """The buckets of all processes; while Redis is gone each goes on with its own."""

    def __init__(self, own: Buckets, url: str) -> None:
        self._own = own
        self._shared = Buckets(RedisStore(url, options=dict(_OPTIONS)))
        self._gone_until = 0.0

    @property
    def waits(self) -> bool:
        """Whether `spend` waits for Redis."""
        return time.monotonic() >= self._gone_until

    def spend(self, name: str, per_minute: int) -> float:
        """The same as that of `Buckets`."""
        if self.waits:
            try:
                seconds = self._shared.spend(name, per_minute)
            except BaseThrottledError as error:
                if not self._gone_until:
                    logger.warning("rates are counted by each process alone until Redis answers: %s", error.__cause__)
                self._gone_until = time.monotonic() + AGAIN_SECONDS
            else:
                self._gone_until = 0.0
                return seconds
        return self._own.spend(name, per_minute)
