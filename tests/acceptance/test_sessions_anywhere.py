"""A handshake session goes on at any process on its database, and after a restart, whatever a balancer does."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from itertools import cycle
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from tests.conftest import redis_on
from tests.definitions import chain, graph, node
from tests.live import LiveServer, live_server, rest, server_on, wait_until
from tests.mcp_client import LEGACY
from tests.wire import LEGACY_VERSION, Wire

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(180), pytest.mark.redis]

NAME = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}


def text(words: str) -> dict[str, Any]:
    return node("answer", "return", text=words)


ASKS = graph(
    [node("who", "ask_user", message="Who?", schema=NAME), text("It was {{ who.content.name }}")],
    "trigger>who",
    "who:accept>answer",
)
FLOWS = {
    "asks": ASKS,
    "says": chain(node("said", "log", level="info", message="on the way"), text("said")),
    "waits": chain(node("wait", "delay", seconds=20), text("too late")),
    "patient": chain(node("begun", "log", message="begun"), node("wait", "delay", seconds=3), text("worth it")),
}
HELLO = {
    "protocolVersion": LEGACY_VERSION,
    "clientInfo": {"name": "raw", "version": "1"},
    "capabilities": {"elicitation": {}},
}


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[LiveServer, LiveServer]]:
    """Two processes on one database and one Redis."""
    data = tmp_path_factory.mktemp("anywhere")
    with redis_on(data) as url, live_server(data, FLOWHUB_REDIS_URL=url) as one:
        for name, definition in FLOWS.items():
            fields = {"server": "demo", "name": name, "toolName": name, "toolDescription": "Test."}
            flow = one.post_json("/api/flows/", fields | {"inputSchema": {"type": "object"}, "definition": definition})
            one.post_json(f"/api/flows/{flow['id']}/publish/")
        other = server_on(data, FLOWHUB_REDIS_URL=url)
        other.start("serve", "--port", str(other.port))
        yield one, other
        other.stop()


class Session:
    """A session of a client that sends each request to the process that it likes."""

    def __init__(self, opened_at: LiveServer) -> None:
        self.http = httpx2.AsyncClient(
            timeout=30,
            headers={
                "Authorization": f"Bearer {opened_at.credentials['key']}",
                "Accept": "application/json, text/event-stream",
            },
        )

    async def send(self, to: LiveServer, method: str, params: Any = None, **more: Any) -> httpx2.Response:
        """Post a message; `more` are members of it, as its id."""
        body = {"jsonrpc": "2.0", "method": method, "params": params or {}} | more
        return await self.http.post(f"{to.url}/mcp/demo", json=body)

    def stream(self, to: LiveServer, tool: str) -> Any:
        """Call a tool; what comes of it can be read bit by bit."""
        params = {"name": tool, "arguments": {}}
        body = {"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": params}
        return self.http.stream("POST", f"{to.url}/mcp/demo", json=body)

    def listen(self, to: LiveServer, **headers: str) -> Any:
        """The stream on which a session hears of changes, or what followed an event."""
        return self.http.stream("GET", f"{to.url}/mcp/demo", headers=headers)


@asynccontextmanager
async def session(at: LiveServer) -> AsyncIterator[Session]:
    mine = Session(at)
    async with mine.http:
        opened = await mine.send(at, "initialize", HELLO, id=0)
        mine.http.headers |= {
            "Mcp-Session-Id": opened.headers["mcp-session-id"],
            "MCP-Protocol-Version": LEGACY_VERSION,
        }
        yield mine


async def messages(response: httpx2.Response) -> AsyncIterator[tuple[str, dict[str, Any]]]:
    """The events of a stream: each one's id, and its message, or nothing."""
    event_id = ""
    async for line in response.aiter_lines():
        if line.startswith("id: "):
            event_id = line.removeprefix("id: ")
        elif line.startswith("data: "):
            yield event_id, json.loads(line.removeprefix("data: ") or "{}")


async def until(events: Any, method: str) -> AsyncIterator[tuple[str, dict[str, Any]]]:
    """The events up to the first message of a method."""
    async for event in events:
        yield event
        if event[1].get("method") == method:
            return


async def last(response: httpx2.Response) -> dict[str, Any]:
    return [message async for _, message in messages(response)][-1]


def text_of(message: dict[str, Any]) -> str:
    return str(message["result"]["content"][0]["text"])


async def test_a_session_goes_on_at_another_process_and_after_a_restart(tmp_path: Path) -> None:
    with live_server(tmp_path) as one:
        other = server_on(tmp_path)
        other.start("serve", "--port", str(other.port))
        try:
            here = Wire(one, LEGACY)
            there = Wire(other, LEGACY, session=here.session)
            assert there.works()
            listed = there.send(there.encode({"jsonrpc": "2.0", "id": 2, "method": "tools/list"}))
            assert "greet" in [tool["name"] for tool in listed.message["result"]["tools"]]
            one.kill()
            assert there.works()
        finally:
            other.stop()
        one.start("serve", "--port", str(one.port))
        assert here.works()
        # What holds for a session of this process holds for one that it has taken up.
        stranger = Wire(
            one, LEGACY, session=here.session, key=one.manage("shell", "-v0", "-c", ANOTHER_KEY).stdout.split()[-1]
        )
        assert stranger.send(stranger.encode(stranger.call())).status == 404
        assert here.send(method="DELETE").status == 200
        one.kill()
        one.start("serve", "--port", str(one.port))
        assert here.send(here.encode(here.call())).status == 404


ANOTHER_KEY = """
from mcp_bridge.models import ApiKey
print(ApiKey.issue(ApiKey.objects.earliest("id").owner, "another")[1])
"""


async def test_the_sdks_client_calls_through_a_round_robin(two: tuple[LiveServer, LiveServer]) -> None:
    class RoundRobin(httpx2.AsyncHTTPTransport):
        ports = cycle([server.port for server in two])

        async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
            request.url = request.url.copy_with(port=next(self.ports))
            return await super().handle_async_request(request)

    headers = {"Authorization": f"Bearer {two[0].credentials['key']}"}
    async with (
        httpx2.AsyncClient(headers=headers, timeout=30, transport=RoundRobin()) as http,
        Client(streamable_http_client(f"{two[0].url}/mcp/demo", http_client=http), mode="legacy") as client,
    ):
        answers = [await client.call_tool("greet", {"name": "Ada", "n": n}) for n in range(6)]
        assert [result.content[0].text for result in answers] == [f"Hello, Ada! {n}" for n in range(6)]
        assert [(await client.call_tool("says", {})).content[0].text for _ in range(4)] == ["said"] * 4


async def test_a_session_that_was_ended_at_one_process_is_over_at_all(two: tuple[LiveServer, LiveServer]) -> None:
    one, other = two
    here = Wire(one, LEGACY)
    there = Wire(other, LEGACY, session=here.session)
    assert there.works()
    assert there.send(method="DELETE").status == 200
    wait_until(lambda: here.send(here.encode(here.call())).status == 404, 10, "the session went on")


async def test_a_log_level_that_was_set_at_one_process_holds_at_all(two: tuple[LiveServer, LiveServer]) -> None:
    one, other = two
    async with session(one) as mine:
        async with mine.stream(other, "says") as response:
            said = [message.get("method") async for _, message in messages(response) if message]
        assert said == ["notifications/message", None]
        assert (await mine.send(one, "logging/setLevel", {"level": "error"}, id=2)).status_code == 200
        async with asyncio.timeout(10):
            while "notifications/message" in said:
                async with mine.stream(other, "says") as response:
                    said = [message.get("method") async for _, message in messages(response) if message]
        assert said == [None]


async def test_a_question_of_one_process_is_answered_at_another(two: tuple[LiveServer, LiveServer]) -> None:
    one, other = two
    async with session(one) as mine, mine.stream(one, "asks") as response:
        events = messages(response)
        *_, (_, asked) = [event async for event in until(events, "elicitation/create")]
        given = {"jsonrpc": "2.0", "id": asked["id"], "result": {"action": "accept", "content": {"name": "Ada"}}}
        assert (await mine.http.post(f"{other.url}/mcp/demo", json=given)).status_code == 202
        async with asyncio.timeout(20):
            assert text_of([message async for _, message in events][-1]) == "It was Ada"


async def test_a_call_of_one_process_is_cancelled_at_another(two: tuple[LiveServer, LiveServer]) -> None:
    one, other = two
    async with session(one) as mine, mine.stream(one, "waits"):
        wait_until(lambda: newest(one, "waits")["status"] == "pending", 10, "it did not begin")
        cancel = {"requestId": 7, "reason": "enough"}
        assert (await mine.send(other, "notifications/cancelled", cancel)).status_code == 202
        wait_until(lambda: newest(one, "waits")["status"] != "pending", 10, "it went on")
        assert newest(one, "waits")["errorInfo"]["kind"] == "cancelled"


def newest(server: LiveServer, tool: str) -> dict[str, Any]:
    found = server.get_json(f"/api/executions/?toolName={tool}")["items"][0]
    return dict(server.get_json(f"/api/executions/{found['id']}/"))


async def test_who_lost_the_connection_gets_the_answer_at_another_process(two: tuple[LiveServer, LiveServer]) -> None:
    one, other = two
    async with session(one) as mine:
        async with mine.stream(one, "patient") as response:
            seen = [event async for event in until(messages(response), "notifications/message")]
        event_id = seen[-1][0]
        async with mine.listen(other, **{"Last-Event-ID": event_id}) as response, asyncio.timeout(30):
            assert text_of(await last(response)) == "worth it"


async def test_who_listens_hears_of_changes_after_a_restart_and_of_those_meanwhile(tmp_path: Path) -> None:
    with live_server(tmp_path) as one:
        flow = one.flow_ids()["greet"]

        def publish(words: str) -> None:
            rest(one, "PATCH", f"/api/flows/{flow}/", {"toolDescription": words})
            one.post_json(f"/api/flows/{flow}/publish/")

        async with session(one) as mine:
            await hears_of(mine, one, lambda: publish("Greets."))
            one.kill()
            one.start("serve", "--port", str(one.port))
            # The catalogue is another one than when the session was opened.
            await hears_of(mine, one, lambda: None)
            await hears_of(mine, one, lambda: publish("Greets whoever comes."))


async def hears_of(mine: Session, server: LiveServer, change: Any) -> None:
    """What a session hears on a stream that begins now, once something has changed."""
    async with mine.listen(server) as response, asyncio.timeout(20):
        assert response.status_code == 200
        await asyncio.to_thread(change)
        assert [event async for event in until(messages(response), "notifications/tools/list_changed")]
