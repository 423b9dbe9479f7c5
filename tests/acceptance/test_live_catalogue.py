"""Connected clients of both eras hear that the tools changed, as soon as they did, and list them anew."""

import asyncio
import signal
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp_types import ToolListChangedNotification

from flowhub import demo
from mcp_bridge.servers.host import BURST_SECONDS
from tests import offers
from tests.live import RUNSERVER, LiveServer, live_server, rest
from tests.mcp_client import ERAS, LEGACY, MODERN

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120)]

SOON = 5.0
"""Within so many seconds a client hears of a change; the machine that tests may be busy."""

QUIET = 1.0
"""So long nothing is heard when there is nothing to say: longer than it takes to announce."""

DEMO = ["greet", "lookup_order", "order_report", "slow_report"]


@dataclass
class Listening:
    """A client, and the announcements that it has heard."""

    client: Client
    heard: asyncio.Queue[str] = field(default_factory=asyncio.Queue)
    is_open: asyncio.Event = field(default_factory=asyncio.Event)

    async def hears(self) -> list[str]:
        """Wait for an announcement; returns the names of the tools that are listed after it."""
        async with asyncio.timeout(SOON):
            await self.heard.get()
        return await self.names()

    async def names(self) -> list[str]:
        """The names of the tools that are listed now."""
        return [tool.name for tool in (await self.client.list_tools()).tools]

    async def hears_nothing(self) -> bool:
        """Whether nothing was announced, nor is for a while."""
        try:
            async with asyncio.timeout(QUIET):
                await self.heard.get()
        except TimeoutError:
            return True
        return False


@asynccontextmanager
async def listening(server: LiveServer, era: str, *, slug: str = "demo", key: str = "") -> AsyncIterator[Listening]:
    """A client of the SDK that listens: with its GET stream, or with `subscriptions/listen`."""
    headers = {"Authorization": f"Bearer {key or server.credentials['key']}"}
    async with httpx2.AsyncClient(headers=headers, timeout=30) as http:
        transport = streamable_http_client(f"{server.url}/mcp/{slug}", http_client=http)
        mode = "legacy" if era == LEGACY else "auto"
        mine = Listening(Client(transport, mode=mode, message_handler=lambda message: note(mine, message)))

        async def notice(response: httpx2.Response) -> None:
            if response.request.method == "GET" and response.status_code == 200:
                mine.is_open.set()

        http.event_hooks = {"response": [notice]}
        async with mine.client:
            if era == LEGACY:
                async with asyncio.timeout(SOON):
                    await mine.is_open.wait()
                yield mine
            else:
                async with mine.client.listen(tools_list_changed=True) as subscription:
                    reading = asyncio.create_task(read(subscription, mine))
                    yield mine
                    reading.cancel()


async def note(listener: Listening, message: Any) -> None:
    if isinstance(message, ToolListChangedNotification) and listener.is_open.is_set():
        await listener.heard.put("changed")


async def read(subscription: Any, listener: Listening) -> None:
    async for _ in subscription:
        await listener.heard.put("changed")
    await listener.heard.put("over")


class Change:
    """A flow that comes and goes while clients listen."""

    def __init__(self, server: LiveServer, tool_name: str) -> None:
        self.server = server
        body = {
            "server": "demo",
            "name": "Arriving",
            "toolName": tool_name,
            "toolDescription": "Greets, while it is there.",
            "inputSchema": demo.GREET["input_schema"],
            "definition": demo.GREET["definition"],
        }
        self.path = f"/api/flows/{rest(server, 'POST', '/api/flows/', body)['id']}/"
        self.is_there = True

    def publish(self) -> None:
        rest(self.server, "POST", self.path + "publish/", {})

    def rename(self, tool_name: str) -> None:
        rest(self.server, "PATCH", self.path, {"toolName": tool_name})

    def activate(self, active: bool) -> None:
        rest(self.server, "PATCH", self.path, {"isActive": active})

    def delete(self) -> None:
        rest(self.server, "DELETE", self.path)
        self.is_there = False


@contextmanager
def a_flow(server: LiveServer, tool_name: str = "arriving") -> Iterator[Change]:
    """A draft on the demo server, gone afterwards."""
    change = Change(server, tool_name)
    yield change
    if change.is_there:
        change.delete()


@pytest.mark.parametrize("era", ERAS)
async def test_a_client_hears_of_everything_that_changes_its_tools(server: LiveServer, era: str) -> None:
    with a_flow(server) as flow:
        async with listening(server, era) as client:
            before = await client.names()
            await asyncio.to_thread(flow.publish)
            assert await client.hears() == sorted(["arriving", *before])
            await asyncio.to_thread(flow.rename, "zealous")
            await asyncio.to_thread(flow.publish)
            assert await client.hears() == sorted([*before, "zealous"])
            await asyncio.to_thread(flow.activate, False)
            assert await client.hears() == before
            await asyncio.to_thread(flow.activate, True)
            assert await client.hears() == sorted([*before, "zealous"])
            await asyncio.to_thread(flow.delete)
            assert await client.hears() == before
            assert client.heard.empty()


@pytest.mark.parametrize("era", ERAS)
async def test_what_changes_nothing_for_clients_is_not_announced(uvicorn_server: LiveServer, era: str) -> None:
    with a_flow(uvicorn_server) as flow:
        await asyncio.to_thread(flow.publish)
        async with listening(uvicorn_server, era) as client:
            await client.names()
            await asyncio.to_thread(flow.publish)
            await asyncio.to_thread(flow.rename, "only_a_draft")
            assert await client.hears_nothing()


async def manage(server: LiveServer, script: str) -> None:
    await asyncio.to_thread(server.manage, "shell", "-v", "0", "-c", script)


async def test_clients_of_both_eras_hear_of_what_another_process_changed(server: LiveServer) -> None:
    script = (
        "from flows.publishing import versions; from flows.models import Flow; "
        "versions.publish(Flow.objects.get(tool_name='from_elsewhere'))"
    )
    with a_flow(server, "from_elsewhere"):
        async with listening(server, MODERN) as modern, listening(server, LEGACY) as legacy:
            expected = sorted([*await modern.names(), "from_elsewhere"])
            await manage(server, script)
            assert await asyncio.gather(modern.hears(), legacy.hears()) == [expected, expected]


async def test_a_burst_of_changes_is_announced_once(uvicorn_server: LiveServer) -> None:
    flows = [Change(uvicorn_server, f"burst_{number}") for number in range(6)]
    for flow in flows:
        flow.publish()
    async with listening(uvicorn_server, MODERN) as modern, listening(uvicorn_server, LEGACY) as legacy:
        left = [name for name in await modern.names() if not name.startswith("burst_")]
        began = time.monotonic()
        await asyncio.gather(*(asyncio.to_thread(flow.delete) for flow in flows))
        seconds = time.monotonic() - began
        for client in (modern, legacy):
            heard = 1
            while await client.hears() != left:
                heard += 1
            while not await client.hears_nothing():
                heard += 1
            # On a busy machine the burst may take longer than what counts as one.
            assert heard <= 1 + seconds / BURST_SECONDS


async def test_flows_that_are_published_together_are_announced_once(uvicorn_server: LiveServer) -> None:
    flows = [Change(uvicorn_server, f"together_{number}") for number in range(12)]
    body = {"flows": [int(flow.path.split("/")[3]) for flow in flows]}
    [demo_server] = [one for one in rest(uvicorn_server, "GET", "/api/servers/")["items"] if one["slug"] == "demo"]
    async with listening(uvicorn_server, MODERN) as modern, listening(uvicorn_server, LEGACY) as legacy:
        expected = sorted([*await modern.names(), *(f"together_{number}" for number in range(12))])
        await legacy.names()
        await asyncio.to_thread(rest, uvicorn_server, "POST", f"/api/servers/{demo_server['id']}/publish/", body)
        assert await asyncio.gather(modern.hears(), legacy.hears()) == [expected, expected]
        assert await asyncio.gather(modern.hears_nothing(), legacy.hears_nothing()) == [True, True]
    for flow in flows:
        flow.delete()


NARROW = """
from django.contrib.auth import get_user_model
from mcp_bridge.models import ApiKey
print(ApiKey.issue(get_user_model().objects.get(username="demo"), "narrow", tools=["wanted"])[1])
"""


@pytest.mark.parametrize("era", ERAS)
async def test_a_key_for_some_tools_hears_of_those_alone(uvicorn_server: LiveServer, era: str) -> None:
    narrow = NARROW.replace('"demo"', repr(uvicorn_server.credentials["username"]))
    key = uvicorn_server.manage("shell", "-v", "0", "-c", narrow).stdout.split()[-1]
    with a_flow(uvicorn_server, "other") as other, a_flow(uvicorn_server, "wanted") as wanted:
        async with listening(uvicorn_server, era, key=key) as client:
            assert await client.names() == []
            await asyncio.to_thread(other.publish)
            assert await client.hears_nothing()
            await asyncio.to_thread(wanted.publish)
            assert await client.hears() == ["wanted"]


REVOKE = "from mcp_bridge.models import ApiKey; ApiKey.objects.filter(name='narrow').latest('pk').revoke()"


@pytest.mark.parametrize("era", ERAS)
async def test_a_revoked_key_hears_nothing_more(uvicorn_server: LiveServer, era: str) -> None:
    issue = NARROW.replace('"demo"', repr(uvicorn_server.credentials["username"])).replace('["wanted"]', "[]")
    key = uvicorn_server.manage("shell", "-v", "0", "-c", issue).stdout.split()[-1]
    if era == MODERN:
        async with listening(uvicorn_server, MODERN, key=key) as client:
            await manage(uvicorn_server, REVOKE)
            async with asyncio.timeout(SOON):
                assert await client.heard.get() == "over"
        return
    headers = {"Authorization": f"Bearer {key}", "Accept": "application/json, text/event-stream"}
    async with httpx2.AsyncClient(base_url=uvicorn_server.url, headers=headers, timeout=30) as http:
        params = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "raw", "version": "1"}}
        hello = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params}
        session = {"Mcp-Session-Id": (await http.post("/mcp/demo", json=hello)).headers["mcp-session-id"]}
        ready = {"jsonrpc": "2.0", "method": "notifications/initialized"}
        assert (await http.post("/mcp/demo", json=ready, headers=session)).status_code == 202
        async with http.stream("GET", "/mcp/demo", headers=session) as stream:
            await manage(uvicorn_server, REVOKE)
            async with asyncio.timeout(SOON):
                assert "event: message" not in (await stream.aread()).decode()
        assert (await http.post("/mcp/demo", json=ready, headers=session)).status_code == 401


@pytest.mark.parametrize("command", [("serve",), RUNSERVER])
async def test_a_server_that_is_withdrawn_ends_its_streams_and_comes_back(
    tmp_path: Path, command: tuple[str, ...]
) -> None:
    publishing, models = "from flows.publishing import versions; ", "from flows.models import Server; "
    script = f"{publishing}{models}s = Server.objects.get(slug='demo'); "
    with live_server(tmp_path, command) as server:
        async with listening(server, MODERN) as client:
            await manage(server, script + "s.is_published = False; versions.save_server(s)")
            async with asyncio.timeout(SOON):
                assert await client.heard.get() == "over"
        await manage(server, script + "s.is_published, s.name = True, 'Back'; versions.save_server(s)")
        async with listening(server, LEGACY) as client:
            assert client.client.server_info.title == "Back"
            await manage(server, script + "s.name = 'Renamed'; versions.save_server(s)")
            assert await client.hears_nothing()
            assert await client.names() == DEMO
        async with listening(server, LEGACY) as client:
            assert client.client.server_info.title == "Renamed"


@pytest.mark.redis
@pytest.mark.timeout(240)  # it starts two servers
async def test_with_redis_each_process_announces_at_once_what_the_other_published(
    tmp_path: Path, redis_url: str
) -> None:
    with (
        live_server(tmp_path, FLOWHUB_REDIS_URL=redis_url) as one,
        live_server(tmp_path, RUNSERVER, FLOWHUB_REDIS_URL=redis_url) as other,
    ):
        async with listening(one, MODERN) as modern, listening(other, LEGACY) as legacy:
            with a_flow(one, "from_one") as flow:
                await asyncio.to_thread(flow.publish)
                expected = sorted([*DEMO, "from_one"])
                assert await asyncio.gather(modern.hears(), legacy.hears()) == [expected, expected]
                await asyncio.to_thread(flow.delete)
                assert await asyncio.gather(modern.hears(), legacy.hears()) == [DEMO, DEMO]
            with a_flow(other, "from_other") as flow:
                await asyncio.to_thread(flow.publish)
                expected = sorted([*DEMO, "from_other"])
                assert await asyncio.gather(modern.hears(), legacy.hears()) == [expected, expected]
        with offers.made(one, "resources", offers.RESOURCE) as path:
            async with (
                offers.listening(one, MODERN, "notes:today") as modern_hears,
                offers.listening(other, LEGACY, "notes:today") as legacy_hears,
            ):
                with offers.made(other, "prompts", offers.PROMPT):
                    assert await modern_hears.next() == await legacy_hears.next() == ["prompts"]
                assert await modern_hears.next() == await legacy_hears.next() == ["prompts"]
                await asyncio.to_thread(rest, one, "PATCH", path, {"text": "# TODAY\n"})
                assert await modern_hears.next() == await legacy_hears.next() == ["notes:today"]


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
@pytest.mark.parametrize("command", [("serve",), RUNSERVER])
async def test_an_open_stream_does_not_hold_up_the_end_of_the_process(tmp_path: Path, command: tuple[str, ...]) -> None:
    with live_server(tmp_path, command, FLOWHUB_DRAIN_SECONDS="60") as server:
        assert server.process is not None
        async with listening(server, MODERN) as client:
            began = time.monotonic()
            server.signal(signal.SIGTERM)
            if command == ("serve",):
                async with asyncio.timeout(SOON):
                    assert await client.heard.get() == "over"
            await asyncio.to_thread(server.process.wait, 20)
        assert time.monotonic() - began < 10
        if command == ("serve",):
            assert server.process.returncode == 0
        assert "Traceback" not in server.log
        assert "Task was destroyed" not in server.log
