"""Handshake clients that lose their connection, or are let go, and come back for the answer."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest

from tests.definitions import answer, chain, node
from tests.live import RUNSERVER, SERVE, LiveServer, live_server
from tests.mcp_client import ERAS, connect

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120)]

FLOWS = {
    "patient": chain(
        node("one", "log", message="begun"),
        node("wait", "delay", seconds=1),
        node("two", "log", message="nearly"),
        answer("it was worth it"),
    ),
    "generous": chain(node("let_go", "release"), node("wait", "delay", seconds=0.2), answer("welcome back")),
}


@pytest.fixture(scope="module", params=[SERVE, RUNSERVER], ids=["uvicorn", "daphne"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    with live_server(tmp_path_factory.mktemp("resuming"), request.param) as live:
        for name, definition in FLOWS.items():
            fields = {"server": "demo", "name": name, "toolName": name, "toolDescription": "Test."}
            fields |= {"inputSchema": {"type": "object"}, "definition": definition}
            flow = live.post_json("/api/flows/", fields)
            live.post_json(f"/api/flows/{flow['id']}/publish/")
        yield live


class Session:
    """A session of a client that is nothing but requests."""

    def __init__(self, server: LiveServer) -> None:
        self.url = f"{server.url}/mcp/demo"
        self.http = httpx2.AsyncClient(timeout=20, headers={"Authorization": f"Bearer {server.credentials['key']}"})
        self.is_back = asyncio.Event()
        self.http.headers["Accept"] = "application/json, text/event-stream"

    async def open(self, version: str) -> None:
        params = {"protocolVersion": version, "capabilities": {}, "clientInfo": {"name": "raw", "version": "1"}}
        opened = await self.http.post(self.url, json=request("initialize", params))
        self.http.headers |= {"Mcp-Session-Id": opened.headers["mcp-session-id"], "MCP-Protocol-Version": version}
        ready = {"jsonrpc": "2.0", "method": "notifications/initialized"}
        (await self.http.post(self.url, json=ready)).raise_for_status()

    async def call(self, tool: str, most: int = 100) -> list[dict[str, str]]:
        """Call a tool and hang up after so many events; returns those that came."""
        body = request("tools/call", {"name": tool, "arguments": {}})
        async with self.http.stream("POST", self.url, json=body) as response:
            return await first_events(response, most)

    async def come_back(self, event_id: str) -> list[dict[str, str]]:
        """What comes on the stream of that event, after it, until the server ends it."""
        async with self.http.stream("GET", self.url, headers={"Last-Event-ID": event_id}) as response:
            assert response.status_code == 200
            self.is_back.set()
            return await first_events(response, 100)


@asynccontextmanager
async def session(server: LiveServer, version: str = "2025-11-25") -> AsyncIterator[Session]:
    mine = Session(server)
    async with mine.http:
        await mine.open(version)
        yield mine


def request(method: str, params: dict[str, Any]) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 7, "method": method, "params": params}


async def first_events(response: httpx2.Response, most: int) -> list[dict[str, str]]:
    """Up to so many events, each as its fields."""
    events: list[dict[str, str]] = []
    fields: dict[str, str] = {}
    async for line in response.aiter_lines():
        name, _, value = line.partition(":")
        if line and name:
            fields[name] = value.strip()
        elif not line and fields:
            events.append(fields)
            fields = {}
            if len(events) == most:
                break
    return events


def said(events: list[dict[str, str]]) -> list[Any]:
    """The messages of events: what was logged, or the text of the answer."""
    messages = [json.loads(event["data"]) for event in events if event.get("data")]
    return [
        message["params"]["data"] if "method" in message else message["result"]["content"][0]["text"]
        for message in messages
    ]


async def test_a_client_that_lost_its_connection_gets_what_it_missed_and_the_answer(server: LiveServer) -> None:
    async with session(server) as mine:
        begun = await mine.call("patient", most=2)
        assert begun[0] == {"id": begun[0]["id"], "data": "", "retry": "1000"}
        assert said(begun) == ["begun"]
        assert said(await mine.come_back(begun[1]["id"])) == ["nearly", '"it was worth it"']
        assert said(await mine.come_back(begun[0]["id"])) == ["begun", "nearly", '"it was worth it"']


async def test_another_session_gets_nothing_of_it(server: LiveServer) -> None:
    async with session(server) as mine, session(server) as other:
        begun = await mine.call("patient", most=1)
        assert await other.come_back(begun[0]["id"]) == []
        assert said(await mine.come_back(begun[0]["id"])) == ["begun", "nearly", '"it was worth it"']


async def test_a_session_that_is_ended_lets_those_go_who_came_back(server: LiveServer) -> None:
    async with session(server) as mine:
        begun = await mine.call("patient", most=1)
        back = asyncio.ensure_future(mine.come_back(begun[0]["id"]))
        await mine.is_back.wait()
        (await mine.http.delete(mine.url)).raise_for_status()
        assert said(await back) == ["begun"]


async def test_a_client_that_is_let_go_comes_back_for_the_answer(server: LiveServer) -> None:
    async with session(server) as mine:
        begun = await mine.call("generous")
        assert [event["data"] for event in begun] == [""]
        assert said(await mine.come_back(begun[0]["id"])) == ['"welcome back"']


async def test_a_client_that_cannot_come_back_is_not_let_go(server: LiveServer) -> None:
    async with session(server, "2025-06-18") as mine:
        assert said(await mine.call("generous")) == ['"welcome back"']


@pytest.mark.parametrize("era", ERAS)
async def test_the_sdk_s_client_gets_the_answer_of_a_flow_that_lets_it_go(server: LiveServer, era: str) -> None:
    async with connect(server, era) as client:
        result = await client.call_tool("generous", {})
    assert [block.text for block in result.content] == ['"welcome back"']
