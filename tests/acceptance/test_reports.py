"""What a client hears of a call under way, in both eras, under uvicorn and daphne: progress and log messages."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp_types import EmptyResult, SetLevelRequest, SetLevelRequestParams

from tests.definitions import answer, chain, node
from tests.live import RUNSERVER, SERVE, LiveServer, live_server
from tests.mcp_client import ERAS, LEGACY, MODERN

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120)]

MANY = 60
"""Log messages of the flow `much`, of 15 KB each: more than what a connection holds that nobody reads."""

SECRET = "not-for-the-wire-4711"


def said(slug: str, fraction: Any, message: str) -> dict[str, Any]:
    return node(slug, "progress", fraction=fraction, message=message)


def noted(slug: str, level: str, message: Any, **more: Any) -> dict[str, Any]:
    return node(slug, "log", level=level, message=message, **more)


def wait(slug: str, seconds: float = 0.15) -> dict[str, Any]:
    return node(slug, "delay", seconds=seconds)


FLOWS = {
    "told": chain(
        said("begin", 0, "Beginning"),
        wait("first"),
        said("half", 0.5, "Half way"),
        said("again", 0.5, "Still half way"),
        said("back", 0.25, ""),
        said("end", 1, "Done"),
        answer("told"),
    ),
    "counted": chain(wait("first"), wait("second"), wait("third"), answer("counted")),
    "talking": chain(
        noted("one", "debug", "step 1"),
        noted("two", "info", "step 2", data={"rows": [1, None], "found": True}),
        noted("three", "warning", "step 3"),
        noted("four", "error", "step 4"),
        node("five", "code", source="print('from the code')\nreturn 5"),
        answer("talked"),
    ),
    "leaky": chain(
        said("one", 0.5, "asking with {{ secrets.TOKEN }}"),
        noted(
            "two", "error", "used {{ secrets.TOKEN }}", data={"url": "x?k={{ secrets.TOKEN }}", "password": "pass-8812"}
        ),
        answer("leaked nothing"),
    ),
    "large": chain(noted("one", "error", "much", data="x" * 20_000), answer("kept")),
    "flood": chain(
        node("print", "code", source="for n in range(5000):\n    print(n)\nreturn 1"),
        wait("pause", 0.5),
        noted("last", "info", "after it"),
        answer("flooded"),
    ),
    "failing": chain(wait("first"), node("stop", "fail", message="no")),
    "much": chain(*(noted(f"n{number}", "info", "x", data="x" * 15_000) for number in range(MANY)), answer("much")),
    "silent": chain(answer("silent")),
}


@dataclass
class Heard:
    """What a client heard, in order, and what its call brought."""

    things: list[tuple[Any, ...]] = field(default_factory=list)
    text: str = ""

    @property
    def progress(self) -> list[tuple[float, str | None]]:
        return [(thing[1], thing[2]) for thing in self.things if thing[0] == "progress"]

    @property
    def lines(self) -> list[Any]:
        return [thing[1:] for thing in self.things if thing[0] == "log"]


async def listen(
    server: LiveServer, era: str, tool: str, *, progress: bool = False, level: Any = None, set_level: Any = None
) -> Heard:
    """Call a tool and note everything that is heard of it; what comes after the result is noted too."""
    heard = Heard()

    async def on_progress(value: float, total: float | None, message: str | None) -> None:
        assert total == 100
        heard.things.append(("progress", value, message))

    async def on_log(params: Any) -> None:
        heard.things.append(("log", params.level, params.logger, params.data))

    headers = {"Authorization": f"Bearer {server.credentials['key']}"}
    async with httpx2.AsyncClient(headers=headers, timeout=30) as http:
        transport = streamable_http_client(f"{server.url}/mcp/demo", http_client=http)
        mode = "legacy" if era == LEGACY else "auto"
        async with Client(transport, mode=mode, logging_callback=on_log, log_level=level) as client:
            if set_level is not None:
                request = SetLevelRequest(params=SetLevelRequestParams(level=set_level))
                await client.session.send_request(request, EmptyResult)
            result = await client.call_tool(tool, {}, progress_callback=on_progress if progress else None)
            heard.text = result.content[0].text
            heard.things.append(("result",))
            await client.call_tool("silent", {})
    return heard


def publish(server: LiveServer) -> None:
    [found] = server.get_json("/api/servers/")["items"]
    server.post_json(f"/api/servers/{found['id']}/secrets/", {"name": "TOKEN", "value": SECRET})
    for name, definition in FLOWS.items():
        fields = {"server": "demo", "name": name, "toolName": name, "toolDescription": "Test."}
        flow = server.post_json("/api/flows/", fields | {"inputSchema": {"type": "object"}, "definition": definition})
        if name != "leaky":
            server.post_json(f"/api/flows/{flow['id']}/publish/")
    release = (
        "from tests.factories import release; from flows.models import Flow; release(Flow.objects.get(name='leaky'))"
    )
    server.manage("shell", "-c", release)


@pytest.fixture(scope="module", params=[SERVE, RUNSERVER], ids=["uvicorn", "daphne"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    with live_server(tmp_path_factory.mktemp("reports"), request.param) as live:
        publish(live)
        yield live


@pytest.mark.parametrize("era", ERAS)
async def test_a_flow_that_says_how_far_it_is_is_heard_word_for_word_and_only_forwards(
    server: LiveServer, era: str
) -> None:
    heard = await listen(server, era, "told", progress=True)
    assert heard.progress == [
        (0, "Beginning"),
        (50, "Half way"),
        (50.5, "Still half way"),
        (100, "Done"),
    ]
    assert heard.things[-1] == ("result",)
    assert heard.text == '"told"'


@pytest.mark.parametrize("era", ERAS)
async def test_any_other_flow_is_counted_by_its_nodes(server: LiveServer, era: str) -> None:
    heard = await listen(server, era, "counted", progress=True)
    assert heard.progress == [(0, "First"), (25, "Second"), (50, "Third"), (100, "Answer")]
    assert heard.things[-1] == ("result",)


@pytest.mark.parametrize("era", ERAS)
async def test_a_flow_that_fails_does_not_get_to_the_end(server: LiveServer, era: str) -> None:
    heard = await listen(server, era, "failing", progress=True)
    assert heard.progress == [(0, "First")]
    assert heard.text == "no"


@pytest.mark.parametrize("era", ERAS)
async def test_without_a_token_nobody_hears_of_progress(server: LiveServer, era: str) -> None:
    assert (await listen(server, era, "told")).things == [("result",)]


LINES = [
    ("debug", "One", "step 1"),
    ("info", "Two", {"message": "step 2", "data": {"rows": [1, None], "found": True}}),
    ("warning", "Three", "step 3"),
    ("error", "Four", "step 4"),
    ("debug", "Five", "from the code"),
]


@pytest.mark.parametrize(
    ("era", "levels", "expected"),
    [
        (MODERN, {}, []),
        (MODERN, {"level": "debug"}, LINES),
        (MODERN, {"level": "notice"}, LINES[2:4]),
        (LEGACY, {}, LINES[1:4]),
        (LEGACY, {"set_level": "debug"}, LINES),
        (LEGACY, {"set_level": "error"}, LINES[3:4]),
        (LEGACY, {"set_level": "emergency"}, []),
    ],
)
async def test_log_messages_are_heard_from_the_level_that_the_client_wants(
    server: LiveServer, era: str, levels: dict[str, str], expected: list[Any]
) -> None:
    heard = await listen(server, era, "talking", **levels)
    assert heard.lines == expected
    assert heard.things[-1] == ("result",)


@pytest.mark.parametrize("era", ERAS)
async def test_no_secret_is_heard(server: LiveServer, era: str) -> None:
    heard = await listen(server, era, "leaky", progress=True, level="debug")
    assert heard.things == [
        ("progress", 50, "asking with ***"),
        ("log", "error", "Two", {"message": "used ***", "data": {"url": "x?k=***", "password": "***"}}),
        ("result",),
    ]


@pytest.mark.parametrize("era", ERAS)
async def test_a_large_value_beside_a_message_stays_in_the_record(server: LiveServer, era: str) -> None:
    heard = await listen(server, era, "large", level="info")
    data = "20,002 bytes, which only the execution's record shows"
    assert heard.lines == [("error", "One", {"message": "much", "data": data})]


@pytest.mark.parametrize("era", ERAS)
async def test_what_comes_faster_than_it_is_read_is_left_out_and_counted_in_its_place(
    server: LiveServer, era: str
) -> None:
    heard = await listen(server, era, "flood", level="debug", set_level="debug" if era == LEGACY else None)
    shown = [data for _, logger, data in heard.lines if logger == "Print"]
    [at] = [place for place, line in enumerate(heard.lines) if line[1] == "flowhub"]
    assert shown == [str(number) for number in range(len(shown))]
    missing = 5000 - len(shown)
    assert heard.lines[at:] == [
        ("warning", "flowhub", f"{missing:,} log messages are left out: they came faster than they were read."),
        ("info", "Last", "after it"),
    ]


async def test_two_calls_of_one_session_hear_of_themselves_alone(server: LiveServer) -> None:
    first, second = await asyncio.gather(
        listen(server, LEGACY, "talking", progress=True), listen(server, LEGACY, "counted", progress=True)
    )
    assert first.lines == LINES[1:4]
    assert second.lines == []
    assert [message for _, message in second.progress] == ["First", "Second", "Third", "Answer"]


def listing(server: LiveServer, tool: str) -> dict[str, Any]:
    return server.get_json(f"/api/executions/?tool={tool}&limit=1")


async def next_end(server: LiveServer, tool: str, before: int) -> dict[str, Any]:
    """The record of the execution that came after so many others, once it has ended."""
    async with asyncio.timeout(20):
        while True:
            found = listing(server, tool)
            if found["total"] > before and found["items"][0]["status"] != "pending":
                return server.get_json(f"/api/executions/{found['items'][0]['id']}/")
            await asyncio.sleep(0.05)


def handshake(server: LiveServer) -> dict[str, str]:
    """Open a session of the handshake era with nothing but bytes; returns the headers of its next requests."""
    headers = {
        "Authorization": f"Bearer {server.credentials['key']}",
        "Accept": "application/json, text/event-stream",
        "Content-Type": "application/json",
    }
    params = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "bytes", "version": "1"}}
    answer = httpx2.post(f"{server.url}/mcp/demo", headers=headers, json=message("initialize", params))
    headers |= {"Mcp-Session-Id": answer.headers["mcp-session-id"], "MCP-Protocol-Version": "2025-11-25"}
    ready = {"jsonrpc": "2.0", "method": "notifications/initialized"}
    httpx2.post(f"{server.url}/mcp/demo", headers=headers, json=ready).raise_for_status()
    return headers


def message(method: str, params: dict[str, Any]) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 7, "method": method, "params": params}


def modern_headers(server: LiveServer, tool: str) -> dict[str, str]:
    return {
        "Authorization": f"Bearer {server.credentials['key']}",
        "Accept": "application/json, text/event-stream",
        "Content-Type": "application/json",
        "MCP-Protocol-Version": "2026-07-28",
        "Mcp-Method": "tools/call",
        "Mcp-Name": tool,
    }


MODERN_META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
    "io.modelcontextprotocol/clientInfo": {"name": "bytes", "version": "1"},
}


def raw_call(server: LiveServer, era: str, tool: str, **meta: Any) -> tuple[dict[str, str], dict[str, Any]]:
    """The headers and the body of a call, for a client that is not the SDK's."""
    if era == LEGACY:
        return handshake(server), message("tools/call", {"name": tool, "arguments": {}, "_meta": meta})
    params = {"name": tool, "arguments": {}, "_meta": MODERN_META | meta}
    return modern_headers(server, tool), message("tools/call", params)


async def test_a_handshake_client_that_goes_away_leaves_its_flow_running_to_the_end(server: LiveServer) -> None:
    before = listing(server, "counted")["total"]
    headers, body = raw_call(server, LEGACY, "counted", progressToken=1)
    async with (
        httpx2.AsyncClient(timeout=20) as http,
        http.stream("POST", f"{server.url}/mcp/demo", headers=headers, json=body) as response,
    ):
        assert response.status_code == 200
        await anext(response.aiter_bytes())
    found = await next_end(server, "counted", before)
    assert (found["status"], found["errorInfo"]) == ("fulfilled", None)


async def test_a_modern_client_that_goes_away_after_the_first_progress_cancels_its_flow(server: LiveServer) -> None:
    before = listing(server, "counted")["total"]
    headers, body = raw_call(server, MODERN, "counted", progressToken=1)
    async with (
        httpx2.AsyncClient(timeout=20) as http,
        http.stream("POST", f"{server.url}/mcp/demo", headers=headers, json=body) as response,
    ):
        assert response.status_code == 200
        assert b"notifications/progress" in await anext(response.aiter_bytes())
    found = await next_end(server, "counted", before)
    assert (found["status"], found["errorInfo"]["kind"]) == ("error", "cancelled")


@pytest.mark.parametrize("era", ERAS)
async def test_a_client_that_does_not_read_holds_nothing_up(server: LiveServer, era: str) -> None:
    level = {} if era == LEGACY else {"io.modelcontextprotocol/logLevel": "info"}
    before = listing(server, "much")["total"]
    headers, body = raw_call(server, era, "much", progressToken="slow", **level)
    async with (
        httpx2.AsyncClient(timeout=20) as http,
        http.stream("POST", f"{server.url}/mcp/demo", headers=headers, json=body) as response,
    ):
        found = await next_end(server, "much", before)
        others = await listen(server, era, "silent", progress=True)
        read = b"".join([part async for part in response.aiter_bytes()])
    assert found["status"] == "fulfilled"
    assert others.text == '"silent"'
    # Read late, it is all there, in order, and the result is the last of it. An event without data is for resuming.
    events = [json.loads(line[6:]) for line in read.decode().splitlines() if line.startswith("data: {")]
    assert events[-1]["result"]["content"] == [{"type": "text", "text": '"much"'}]
    methods = [event["method"] for event in events[:-1]]
    assert methods.count("notifications/message") == MANY
    values = [event["params"]["progress"] for event in events[:-1] if event["method"] == "notifications/progress"]
    assert values == sorted(set(values))


async def test_a_silent_call_is_kept_alive_in_both_eras(uvicorn_server: LiveServer, daphne_server: LiveServer) -> None:
    servers = [uvicorn_server, daphne_server]
    alive = await asyncio.gather(*(kept_alive(server, era) for server in servers for era in ERAS))
    assert alive == [True] * 4


async def kept_alive(server: LiveServer, era: str) -> bool:
    """Whether a call that has nothing to say for longer than most proxies wait shows a sign of life before its end."""
    headers, body = await asyncio.to_thread(raw_call, server, era, "slow_report")
    # It waits twice.
    body["params"]["arguments"] = {"seconds": 8}
    async with httpx2.AsyncClient(timeout=40) as http:
        response = await http.post(f"{server.url}/mcp/demo", headers=headers, json=body)
    before, _, result = response.text.partition("data: {")
    return ": ping" in before and '"result"' in result
