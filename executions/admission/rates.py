"""Token buckets: in this process's memory, or in Redis for all processes together."""

from functools import lru_cache

from throttled import BaseStore, MemoryStore, RateLimiterType, RedisStore, Throttled, per_min

from executions.admission.sharing import MAX_CONNECTIONS, REDIS_SECONDS

MAX_BUCKETS = 20_000
"""Callers whose rate a process remembers, 10 MB; who has not called for longest begins anew."""


class Buckets:
    """Buckets by name in one store: each holds a minute's calls and fills up evenly (GCRA). Safe in any thread."""

    def __init__(self, store: BaseStore) -> None:
        self._with = lru_cache(maxsize=256)(
            lambda per_minute: (
                Throttled(
                    using=RateLimiterType.GCRA.value, quota=per_min(per_minute), store=store, key_prefix="flowhub:rate"
                ).limiter
            )
        )

    @classmethod
    def of_process(cls) -> "Buckets":
        """Those of this process alone."""
        return cls(MemoryStore(options={"MAX_SIZE": MAX_BUCKETS}))

    @classmethod
    def in_redis(cls, url: str) -> "Buckets":
        """Those of all processes with this Redis; to spend from them waits for it, and raises what its client does."""
        # The store's own pool refuses when all connections are taken, and tries for seconds when Redis is gone.
        options = {
            "SOCKET_TIMEOUT": REDIS_SECONDS,
            "SOCKET_CONNECT_TIMEOUT": REDIS_SECONDS,
            "CONNECTION_POOL_CLASS": "redis.BlockingConnectionPool",
            "CONNECTION_POOL_KWARGS": {
                "max_connections": MAX_CONNECTIONS,
                "timeout": 2 * REDIS_SECONDS,
                "retry": None,
            },
        }
        return cls(RedisStore(url, options=options))

    def spend(self, name: str, per_minute: int) -> float:
        """Take one call out of a bucket; returns after how many seconds there will be one, 0 when it was taken."""
        result = self._with(per_minute).limit(name)
        return result.state.retry_after if result.limited else 0.0

    def look(self, name: str, per_minute: int) -> float:
        """The same of the next call, without taking it out."""
        # The library's own `retry_after` is 0 here when the bucket has just been emptied.
        full_after = self._with(per_minute).peek(name).reset_after
        return max(0.0, full_after - (per_minute - 1) * 60 / per_minute)
