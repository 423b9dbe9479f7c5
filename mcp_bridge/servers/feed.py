"""With Redis every process learns at once which server changed in another one."""

import asyncio
import logging
from collections.abc import Callable

import redis
from django.conf import settings
from redis.asyncio import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

logger = logging.getLogger(__name__)

CHANNEL = "flowhub:catalogue"
"""Redis knows no databases here: another FlowHub on the same Redis causes a query now and then, no more."""

PUBLISH_SECONDS = 1.0
"""How long a person who publishes waits for a Redis that does not answer."""

RECONNECT_SECONDS = 1.0


def publish(slug: str) -> None:
    """Tell the other processes, from any thread. Without Redis they find out when they next ask the database."""
    try:
        with redis.Redis.from_url(
            settings.REDIS_URL,
            socket_connect_timeout=PUBLISH_SECONDS,
            socket_timeout=PUBLISH_SECONDS,
            retry=Retry(NoBackoff(), 0),
        ) as client:
            client.publish(CHANNEL, slug)
    except (redis.RedisError, OSError) as error:
        logger.warning("other processes are not told at once that %s changed: %s", slug, error)


async def follow(changed: Callable[[str], None], refresh: Callable[[], None]) -> None:
    """Call `changed(slug)` for what other processes announce; never returns.

    Redis repeats nothing, so after each connection, the first one too, `refresh()` is called to look at everything.
    """
    is_failing = False
    while True:
        try:
            async with Redis.from_url(settings.REDIS_URL, socket_keepalive=True) as client, client.pubsub() as pubsub:
                await pubsub.subscribe(CHANNEL)
                async for message in pubsub.listen():
                    is_failing = False
                    if message["type"] == "message":
                        changed(message["data"].decode())
                    else:
                        refresh()
        except (redis.RedisError, OSError) as error:
            if not is_failing:
                logger.warning("changes of other processes are seen later than usual: %s", error)
            is_failing = True
        await asyncio.sleep(RECONNECT_SECONDS)
