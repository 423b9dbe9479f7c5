"""What one caller asks for in plenty, another gets without waiting for it."""

import asyncio
import json

import pytest

from tests.definitions import answer, chain, node
from tests.live import LiveServer
from tests.mcp_client import MODERN, connect
from tests.published import published

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120)]

ISSUE = """
from mcp_bridge.models import ApiKey
print(ApiKey.issue(ApiKey.objects.get(name="demo").owner, "another")[1])
"""
CODE = {
    "endless": {"definition": chain(node("code", "code", source="while True: pass"), answer("done"))},
    "adds": {"definition": chain(node("code", "code", source="1 + 1"), answer("{{ code }}"))},
}


async def test_twenty_endless_programs_of_one_key_do_not_hold_up_a_program_of_another(
    uvicorn_server: LiveServer,
) -> None:
    key = uvicorn_server.manage("shell", "-v", "0", "-c", ISSUE).stdout.split()[-1]
    with published(uvicorn_server, CODE):
        async with connect(uvicorn_server, MODERN) as many, connect(uvicorn_server, MODERN, key=key) as other:
            endless = [asyncio.create_task(many.call_tool("endless", {})) for _ in range(20)]
            while uvicorn_server.get_json("/api/executions/?status=pending&limit=1")["total"] < len(endless):
                await asyncio.sleep(0.05)
            added = [await other.call_tool("adds", {}) for _ in range(5)]
            were_done = [task.done() for task in endless]
            for task in endless:
                task.cancel()
            await asyncio.gather(*endless, return_exceptions=True)
    assert [json.loads(each.content[0].text) for each in added] == [2] * 5
    assert were_done == [False] * 20
