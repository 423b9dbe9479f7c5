"""What other processes announce by Redis."""

import asyncio
import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from redis.asyncio import Redis

from flows.models import Flow
from mcp_bridge.servers import feed, host
from tests.conftest import answers
from tests.factories import make_server, publish_unchecked
from tests.live import free_port, wait_until

pytestmark = [pytest.mark.redis, pytest.mark.anyio]


@contextmanager
def redis_on(port: int, folder: Path) -> Iterator[None]:
    command = ["redis-server", "--bind", "127.0.0.1", "--port", str(port), "--save", ""]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL) as process:
        wait_until(lambda: answers(port), 10, "Redis did not start")
        yield
        process.terminate()


async def test_everything_is_looked_at_anew_once_redis_is_back(
    tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "RECONNECT_SECONDS", 0.05)
    port = free_port()
    settings.REDIS_URL = f"redis://127.0.0.1:{port}/0"
    heard: asyncio.Queue[str] = asyncio.Queue()
    with redis_on(port, tmp_path):
        words: list[dict[str, Any]] = []

        async def hear(word: dict[str, Any]) -> None:
            words.append(word)
            heard.put_nowait("a word")

        everything = partial(heard.put_nowait, "everything")
        following = asyncio.create_task(feed.follow(heard.put_nowait, everything, hear))
        async with asyncio.timeout(10):
            assert await heard.get() == "everything"
            assert await heard.get() == "everything"  # one for each channel
            await asyncio.to_thread(feed.publish, "demo")
            assert await heard.get() == "demo"
            own = {"server": "demo", "session": "0" * 32, "ended": True}
            await feed.publish_of_session(own)
            async with Redis.from_url(settings.REDIS_URL) as another:
                await another.publish(feed.SESSIONS, json.dumps({**own, "changed": True}))
            assert await heard.get() == "a word"
            assert words == [{**own, "changed": True}]
    await asyncio.to_thread(feed.publish, "lost")  # nobody hears it, and nobody fails
    with redis_on(port, tmp_path):
        async with asyncio.timeout(20):
            assert await heard.get() == "everything"
            assert await heard.get() == "everything"
            await asyncio.to_thread(feed.publish, "other")
            assert await heard.get() == "other"
    following.cancel()
    await asyncio.wait([following])


@pytest.mark.django_db(transaction=True)
async def test_what_another_process_publishes_is_announced_without_asking_the_database(
    redis_url: str, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.REDIS_URL = redis_url
    monkeypatch.setattr(host, "FRESH_SECONDS", 3600.0)
    server = await sync_to_async(make_server)()
    flow = await sync_to_async(publish_unchecked)(server, "leaving")
    here = host.McpHost()
    hosted = await here.get(server.slug)
    assert hosted is not None
    told = asyncio.Event()

    async def tell(_event: object) -> None:
        told.set()

    hosted.audience.add(None, tell)
    # As another process does it: past the announcements of this one.
    await Flow.objects.filter(pk=flow.pk).aupdate(is_active=False)
    async with asyncio.timeout(10):
        while not told.is_set():
            await asyncio.to_thread(feed.publish, server.slug)
            await asyncio.sleep(0.05)
    assert dict(hosted.snapshot.tools) == {}
    await here.aclose()
