"""With Redis every process learns at once which server changed in another one, and what it has to tell of a session."""

import asyncio
import json
import logging
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import redis
from django.conf import settings
from redis.asyncio import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

logger = logging.getLogger(__name__)

CHANNEL = "flowhub:catalogue"
"""Redis knows no databases here: another FlowHub on the same Redis causes a query now and then, no more."""

SESSIONS = "flowhub:sessions"
"""Words about handshake sessions, as JSON: `server` (its slug), `session`, and one of these: `changed`; `ended`;
`message`, which the client sent; `after`, the id of an event, with `to`, where what followed it is wanted.
"""

HERE = secrets.token_hex(8)
"""By which this process knows its own words."""

SILENT_SECONDS = 3.0
"""How long a process that was asked for something may say nothing."""

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


async def publish_of_session(word: dict[str, Any]) -> None:
    """Tell the other processes; who has the session open acts on it. Without Redis that is lost."""
    try:
        async with asyncio.timeout(PUBLISH_SECONDS), Redis.from_url(settings.REDIS_URL) as client:
            await client.publish(SESSIONS, json.dumps({**word, "from": HERE}))
    except (redis.RedisError, OSError) as error:
        logger.warning("other processes are not told of a session of %s: %s", word["server"], error)


async def answers_to(word: dict[str, Any]) -> AsyncIterator[dict[str, Any]]:
    """Ask the other processes about a session, and give what one of them answers until it says that this is all.

    Ends as well when nobody answers within SILENT_SECONDS, or Redis does not.
    """
    to = f"{SESSIONS}:{secrets.token_hex(16)}"
    try:
        async with (
            Redis.from_url(settings.REDIS_URL) as client,
            client.pubsub() as pubsub,
        ):
            await pubsub.subscribe(to)
            await client.publish(SESSIONS, json.dumps({**word, "to": to}))
            while True:
                message = await pubsub.get_message(timeout=SILENT_SECONDS)
                if message is None:
                    return
                answer: Any = json.loads(message["data"]) if message["type"] == "message" else "here"
                if answer == "over":
                    return
                if answer != "here":
                    yield answer
    except (redis.RedisError, OSError) as error:
        logger.warning("what another process has of a session of %s is not sent: %s", word["server"], error)


@asynccontextmanager
async def answering(to: str) -> AsyncIterator[Callable[[dict[str, Any]], Awaitable[None]]]:
    """Answer another process, which hears meanwhile that this one is here, and afterwards that it was all."""
    async with Redis.from_url(settings.REDIS_URL) as client:

        async def answer(word: Any) -> None:
            await client.publish(to, json.dumps(word))

        async def be_here() -> None:
            while True:
                await answer("here")
                await asyncio.sleep(SILENT_SECONDS / 3)

        here = asyncio.create_task(be_here())
        try:
            yield answer
        finally:
            here.cancel()
            await asyncio.wait({here})
            await answer("over")


async def follow(
    changed: Callable[[str], None],
    refresh: Callable[[], None],
    heard: Callable[[dict[str, Any]], Awaitable[None]],
) -> None:
    """Call `changed(slug)` for what any process announces, and `heard(word)` for what others do; never returns.

    Redis repeats nothing, so after each connection, the first one too, `refresh()` is called to look at everything.
    """
    is_failing = False
    while True:
        try:
            async with Redis.from_url(settings.REDIS_URL, socket_keepalive=True) as client, client.pubsub() as pubsub:
                await pubsub.subscribe(CHANNEL, SESSIONS)
                async for message in pubsub.listen():
                    is_failing = False
                    if message["type"] != "message":
                        refresh()
                    elif message["channel"].decode() == CHANNEL:
                        changed(message["data"].decode())
                    elif (word := json.loads(message["data"])).get("from") != HERE:
                        await heard(word)
        except (redis.RedisError, OSError) as error:
            if not is_failing:
                logger.warning("changes of other processes are seen later than usual: %s", error)
            is_failing = True
        await asyncio.sleep(RECONNECT_SECONDS)
