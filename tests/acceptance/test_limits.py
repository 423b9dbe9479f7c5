"""How many calls a client may make: strangers few, a key as many as it is given; what is too much is said in words."""

import asyncio
import http.client as http_client
import json
import re
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError
from mcp_types import ListRootsResult

from tests.live import LiveServer, live_server
from tests.mcp_client import ERAS, LEGACY, MODERN
from tests.published import send
from tests.wire import ENVELOPE

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(180)]

REFUSED = re.compile(
    r"This call was not made: the limit is 20 calls a minute from one address without an API key. "
    r"Call again in ([1-3]) seconds?."
)
RETRY_AFTER = "flowhub/retryAfterSeconds"

MAKE = """
from flows.models import Prompt, Server
from mcp_bridge.models import ApiKey
from tests.factories import publish
from tests.definitions import answer, node
owner = ApiKey.objects.get(name="demo").owner
for slug, fields in {servers}.items():
    server = Server.objects.create(owner=owner, slug=slug, name=slug, **fields)
    publish(server, "quick", answer("Done"))
    publish(server, "slow", node("wait", "delay", seconds=3), answer("Done"))
    each = node("each", "for_each", items="{{ trigger.items }}", flow="quick", arguments={})
    publish(server, "many", each, answer("Done"))
    publish(server, "asks", node("roots", "ask_roots"), answer("Done"))
    Prompt.objects.create(server=server, name="asked", description="Asks.", flow=server.flows.get(tool_name="quick"))
"""


def make(server: LiveServer, **servers: dict[str, Any]) -> None:
    """Make servers of these slugs and fields, each with the tools `quick` and `slow`."""
    named = {slug.replace("_", "-"): fields for slug, fields in servers.items()}
    server.manage("shell", "-v", "0", "-c", MAKE.replace("{servers}", repr(named)))


@asynccontextmanager
async def stranger(server: LiveServer, era: str, slug: str) -> AsyncIterator[Client]:
    """A client without a key."""
    async with (
        httpx2.AsyncClient(timeout=30) as http,
        Client(
            streamable_http_client(f"{server.url}/mcp/{slug}", http_client=http),
            mode="legacy" if era == LEGACY else "auto",
        ) as client,
    ):
        yield client


async def calls_until_refused(client: Client, most: int) -> tuple[int, Any]:
    """How many calls of `quick` were answered before one was refused, and that result."""
    for number in range(most):
        result = await client.call_tool("quick", {})
        if result.is_error:
            return number, result
    raise AssertionError(f"{most} calls were answered")


def total(server: LiveServer, slug: str) -> int:
    """How many executions the tools of a server have."""
    flows = json.loads(send(server, "GET", f"flows/?server={slug}"))["items"]
    found = [json.loads(send(server, "GET", f"flows/{flow['id']}/executions/"))["total"] for flow in flows]
    return sum(found)


@pytest.mark.parametrize("era", ERAS)
async def test_a_stranger_is_told_in_words_when_to_come_back_and_is_let_in_then(
    uvicorn_server: LiveServer, era: str
) -> None:
    slug = f"open-{era}"
    make(uvicorn_server, **{slug: {"access": "public", "stranger_calls_per_minute": 20}})
    async with stranger(uvicorn_server, era, slug) as client:
        answered, refused = await calls_until_refused(client, 60)
        said = REFUSED.fullmatch(refused.content[0].text)
        assert said is not None, refused.content[0].text
        assert (answered >= 20, refused.structured_content) == (True, None)
        assert refused.meta[RETRY_AFTER] == int(said[1])
        # What is no call goes on: a client that is not answered here falls back, or gives up.
        assert [tool.name for tool in (await client.list_tools()).tools] == ["asks", "many", "quick", "slow"]
        async with stranger(uvicorn_server, era, slug) as another:
            assert len((await another.list_tools()).tools) == 4
        async with asyncio.timeout(20):
            while (await client.call_tool("quick", {})).is_error:
                await asyncio.sleep(0.2)
    assert await asyncio.to_thread(total, uvicorn_server, slug) == answered + 1


async def test_a_key_has_no_rate_of_its_own_and_a_server_has_one_for_all_its_callers(
    uvicorn_server: LiveServer,
) -> None:
    make(uvicorn_server, keyed={}, rated={"calls_per_minute": 3})
    key = {"Authorization": f"Bearer {uvicorn_server.credentials['key']}"}
    said = {}
    for slug in ("keyed", "rated"):
        async with httpx2.AsyncClient(timeout=30, headers=key) as http:
            sent = [http.post(f"{uvicorn_server.url}/mcp/{slug}", **message("quick", number)) for number in range(70)]
            results = [each.json()["result"] for each in await asyncio.gather(*sent)]
        said[slug] = [each["content"][0]["text"] for each in results if each["isError"]]
    assert said["keyed"] == []
    assert 60 <= len(said["rated"]) <= 67
    assert {re.sub(r"\d+ seconds?", "…", each) for each in said["rated"]} == {
        "This call was not made: the limit is 3 calls a minute to this server from all its callers together. "
        "Call again in …."
    }


@pytest.mark.parametrize("head", [{"Content-Length": "900000"}, {"Transfer-Encoding": "chunked"}])
async def test_a_large_message_of_a_stranger_over_the_limit_is_refused_unread(
    uvicorn_server: LiveServer, head: dict[str, str]
) -> None:
    slug = f"unread-{uuid.uuid4().hex[:8]}"
    make(uvicorn_server, **{slug: {"access": "public", "stranger_calls_per_minute": 2}})
    address, sent = f"{uvicorn_server.url}/mcp/{slug}", message("quick", 1)

    def begin() -> tuple[int, dict[str, str], Any]:
        connection = http_client.HTTPConnection("127.0.0.1", uvicorn_server.port, timeout=20)
        with closing(connection):
            connection.putrequest("POST", f"/mcp/{slug}")
            for name, value in ({"Content-Type": "application/json"} | sent["headers"] | head).items():
                connection.putheader(name, value)
            connection.endheaders()  # and nothing of the body
            answered = connection.getresponse()
            return answered.status, dict(answered.headers), json.loads(answered.read())

    async with httpx2.AsyncClient(timeout=30) as http:
        results = [(await http.post(address, **sent)).json()["result"] for _ in range(3)]
    assert [each["isError"] for each in results] == [False, False, True]
    status, headers, body = await asyncio.to_thread(begin)
    seconds = int(headers["retry-after"])
    assert (status, 1 <= seconds <= 30) == (429, True)
    limit = "the limit is 2 calls a minute from one address without an API key"
    again = f"{seconds} second{'' if seconds == 1 else 's'}"
    assert body == {
        "jsonrpc": "2.0",
        "id": None,
        "error": {
            "code": -32005,
            "message": f"This call was not made: {limit}. Call again in {again}.",
            "data": {"retryAfterSeconds": seconds},
        },
    }


def message(tool: str, number: int) -> dict[str, Any]:
    """The arguments of a POST that calls a tool."""
    headers = {
        "Accept": "application/json, text/event-stream",
        "MCP-Protocol-Version": MODERN,
        "Mcp-Method": "tools/call",
        "Mcp-Name": tool,
    }
    params = {"name": tool, "arguments": {}, "_meta": ENVELOPE}
    return {"headers": headers, "json": {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": params}}


async def test_so_many_calls_of_a_stranger_are_under_way_and_the_next_one_may_come_when_one_has_ended(
    uvicorn_server: LiveServer,
) -> None:
    make(uvicorn_server, busy={"access": "public", "stranger_calls_at_once": 2})
    url = f"{uvicorn_server.url}/mcp/busy"
    async with httpx2.AsyncClient(timeout=30) as http:
        sent = [http.post(url, **message("slow", number)) for number in range(5)]
        results = [each.json()["result"] for each in await asyncio.gather(*sent)]
        again = (await http.post(url, **message("quick", 6))).json()["result"]
    assert sorted(each["isError"] for each in [*results, again]) == [False] * 3 + [True] * 3
    assert {each["content"][0]["text"] for each in results if each["isError"]} == {
        "This call was not made: the limit is 2 calls at once from one address without an API key. "
        "Call again in 1 second, or once one of them has ended."
    }
    assert await asyncio.to_thread(total, uvicorn_server, "busy") == 3


async def test_one_call_of_a_stranger_starts_so_many_executions_and_no_more(uvicorn_server: LiveServer) -> None:
    make(uvicorn_server, family={"access": "public"})
    async with stranger(uvicorn_server, MODERN, "family") as client:
        result = await client.call_tool("many", {"items": list(range(120))})
    assert result.is_error
    assert await asyncio.to_thread(total, uvicorn_server, "family") == 101


async def test_prompts_that_a_flow_answers_are_calls_too(uvicorn_server: LiveServer) -> None:
    make(uvicorn_server, prompted={"access": "public", "stranger_calls_per_minute": 1})
    async with stranger(uvicorn_server, MODERN, "prompted") as client:
        assert len((await client.get_prompt("asked")).messages) == 1
        with pytest.raises(MCPError) as refused:
            await client.get_prompt("asked")
    seconds = refused.value.error.data["retryAfterSeconds"]
    assert (refused.value.error.code, refused.value.error.message) == (
        -32005,
        "This call was not made: the limit is 1 call a minute from one address without an API key. "
        f"Call again in {seconds} seconds.",
    )


async def test_the_state_of_an_earlier_call_is_no_way_past_a_rate_in_the_era_without_states(
    uvicorn_server: LiveServer,
) -> None:
    make(uvicorn_server, stated={"access": "public", "stranger_calls_per_minute": 2})

    async def roots(_: Any) -> ListRootsResult:
        return ListRootsResult(roots=[])

    url = f"{uvicorn_server.url}/mcp/stated"
    async with (
        httpx2.AsyncClient(timeout=30) as http,
        Client(streamable_http_client(url, http_client=http), list_roots_callback=roots) as modern,
        stranger(uvicorn_server, LEGACY, "stated") as legacy,
    ):
        asked = await modern.session.call_tool("asks", {}, allow_input_required=True)
        states = [legacy.session.call_tool("asks", {}, request_state=asked.request_state) for _ in range(5)]
        results = [await each for each in states]
    said = [result.content[0].text for result in results]
    # One more may have come while this went on.
    assert [text.startswith("This call was not made: the limit is 2 calls a minute") for text in said][2:] == [True] * 3


@pytest.mark.redis
async def test_with_redis_two_processes_admit_together_what_one_may(tmp_path: Path, redis_url: str) -> None:
    slug = f"shared-{uuid.uuid4().hex[:8]}"
    with (
        live_server(tmp_path, FLOWHUB_REDIS_URL=redis_url) as one,
        live_server(tmp_path, FLOWHUB_REDIS_URL=redis_url) as other,
    ):
        make(one, **{slug: {"access": "public", "stranger_calls_per_minute": 30, "stranger_calls_at_once": 200}})
        async with httpx2.AsyncClient(timeout=30) as http:
            began = time.monotonic()
            sent = [
                http.post(f"{server.url}/mcp/{slug}", **message("quick", number))
                for number in range(50)
                for server in (one, other)
            ]
            results = [each.json()["result"] for each in await asyncio.gather(*sent)]
            took = time.monotonic() - began
        answered = sum(not each["isError"] for each in results)
        # One more for every two seconds that this took.
        assert 30 <= answered <= 31 + took / 2
        assert total(one, slug) == answered
        make(one, **{f"{slug}-few": {"access": "public", "stranger_calls_at_once": 3}})
        async with httpx2.AsyncClient(timeout=30) as http:
            sent = [
                http.post(f"{server.url}/mcp/{slug}-few", **message("slow", number))
                for number in range(5)
                for server in (one, other)
            ]
            results = [each.json()["result"] for each in await asyncio.gather(*sent)]
        assert sum(not each["isError"] for each in results) == 3
