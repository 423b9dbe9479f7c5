"""The channel layer on Redis, which carries what one process records to the pages of the others."""

import os
import subprocess
import sys

import pytest

from tests.live import ROOT

WAITING = """
import asyncio, django
django.setup()
from channels.layers import get_channel_layer

async def wait():
    layer = get_channel_layer()
    name = await layer.new_channel()
    try:
        await asyncio.wait_for(layer.receive(name), 6)
    except Exception as error:
        print(type(error).__module__)

asyncio.run(wait())
"""


@pytest.mark.redis
def test_a_quiet_channel_is_waited_at_for_longer_than_the_client_of_redis_waits_by_itself(redis_url: str) -> None:
    env = {**os.environ, "FLOWHUB_REDIS_URL": redis_url, "DJANGO_SETTINGS_MODULE": "flowhub.settings"}
    ended = subprocess.run(
        [sys.executable, "-c", WAITING], cwd=ROOT, env=env, capture_output=True, text=True, timeout=50, check=True
    )
    # It was this test that stopped waiting, not redis-py.
    assert ended.stdout == "builtins\n"
