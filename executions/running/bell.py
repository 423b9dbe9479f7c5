"""With Redis every process hears at once that somebody asked, at another one, to cancel an execution."""

import logging
import threading
import time

import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.client import PubSub
from redis.retry import Retry

logger = logging.getLogger(__name__)

CHANNEL = "flowhub:cancel"
"""Redis knows no databases here: another FlowHub on the same Redis causes a query now and then, no more."""

ANSWER_SECONDS = 1.0
"""How long a person waits for a Redis that does not answer."""

PAUSE_SECONDS = 0.25
"""How long who listens takes to notice that it is to stop."""


def _client() -> redis.Redis:
    return redis.Redis.from_url(
        settings.REDIS_URL,
        socket_connect_timeout=ANSWER_SECONDS,
        socket_timeout=ANSWER_SECONDS,
        retry=Retry(NoBackoff(), 0),
    )


def ring() -> None:
    """Have the other processes look now, from any thread. Without Redis they do when it is time."""
    try:
        with _client() as client:
            client.publish(CHANNEL, b"")
    except (redis.RedisError, OSError) as error:
        logger.warning("other processes are not told at once that something is to be cancelled: %s", error)


class Bell:
    """Waits until somebody rings; keeps one connection, and does without while Redis is away."""

    def __init__(self, stop: threading.Event) -> None:
        self._stop = stop
        self._pubsub: PubSub | None = None

    def wait(self, seconds: float) -> bool:
        """Return when somebody rings, after `seconds`, or soon after `stop` is set; whether it is set."""
        deadline = time.monotonic() + seconds
        while not self._stop.is_set() and (left := deadline - time.monotonic()) > 0:
            try:
                if self._pubsub is None:
                    self._pubsub = _client().pubsub(ignore_subscribe_messages=True)  # type: ignore[no-untyped-call]
                    self._pubsub.subscribe(CHANNEL)
                if self._pubsub.get_message(timeout=min(left, PAUSE_SECONDS)) is not None:
                    break
            except (redis.RedisError, OSError) as error:
                logger.debug("the bell cannot be heard: %s", error)
                self._close()
                self._stop.wait(left)
        if self._stop.is_set():
            self._close()
        return self._stop.is_set()

    def _close(self) -> None:
        if self._pubsub is not None:
            self._pubsub.close()
            self._pubsub = None
