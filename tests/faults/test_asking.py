"""A process dies or stops while an execution waits for its client: another one goes on with it, and repeats nothing."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from mcp import MCPError
from mcp_types import ElicitResult, InputRequiredResult

from tests.definitions import chain, node
from tests.faults.conftest import Cluster
from tests.faults.databases import Database, counters, recounted, rows
from tests.faults.kit import until
from tests.live import LiveServer
from tests.mcp_client import LEGACY, MODERN, connect
from tests.published import published
from tests.upstream import served

pytestmark = [pytest.mark.faults, pytest.mark.anyio, pytest.mark.timeout(180)]

ALLOWED = {"FLOWHUB_OUTBOUND_ALLOW": "127.0.0.1:*"}
ANSWER = ElicitResult(action="accept", content={"name": "Ada"})

USED = (
    "This execution does not wait for an answer (any more): it has been answered already, and each state can be used "
)
USED += "once."

hits: Counter[str] = Counter()


async def other_system(scope: Any, receive: Any, send: Any) -> None:
    """Counts what it is asked for."""
    if scope["type"] == "http":
        hits[scope["path"]] += 1
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
        await send({"type": "http.response.body", "body": b"{}"})


@pytest.fixture
def flow() -> Iterator[dict[str, Any]]:
    """A flow that touches another system before and after it asks."""
    form = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
    hits.clear()
    with served(other_system) as url:
        definition = chain(
            node("before", "http_request", method="GET", url=f"{url}/before"),
            node("ask", "ask_user", message="Who?", schema=form),
            node("after", "http_request", method="GET", url=f"{url}/after"),
            node("end", "return", text="{{ ask.content.name }}"),
        )
        line = next(line for line in definition["connections"] if line["sourceNodeId"] == "ask")
        line["sourceHandle"] = "accept"
        yield {"definition": definition}


async def nobody(context: Any, params: Any) -> Any:
    raise AssertionError("the questions are answered by hand")


async def asked(server: LiveServer) -> InputRequiredResult:
    """Call, and come back with what is asked."""
    async with connect(server, MODERN, elicitation_callback=nobody) as client:
        result = await client.session.call_tool("asks", {}, allow_input_required=True)
    assert isinstance(result, InputRequiredResult)
    return result


async def answer(server: LiveServer, question: InputRequiredResult) -> Any:
    """The text or the error that another client gets, which has kept nothing but the state."""
    async with connect(server, MODERN, elicitation_callback=nobody) as client:
        try:
            result = await client.session.call_tool(
                "asks", {}, input_responses={"ask": ANSWER}, request_state=question.request_state
            )
        except MCPError as error:
            return error.message
    return result.content[0].text


def summary(database: Database) -> list[tuple[str, str]]:
    return [(row.status, row.error_kind) for row in rows(database)]


async def test_a_killed_process_is_started_again_and_goes_on_with_what_waited(
    cluster: Cluster, database: Database, flow: dict[str, Any]
) -> None:
    server = await asyncio.to_thread(cluster.server, database, **ALLOWED)
    with published(server, {"asks": flow}):
        question = await asked(server)
        assert summary(database) == [("pending", "")]
        server.kill()
        await asyncio.to_thread(cluster.again, server)
        assert await answer(server, question) == "Ada"
        assert await answer(server, question) == USED
        assert counters(database) == recounted(rows(database))
    assert hits == {"/before": 1, "/after": 1}
    assert summary(database) == [("fulfilled", "")]
    assert [entry["status"] for entry in rows(database)[0].nodes] == ["completed"] * 5
    assert database.query("SELECT count(*) FROM executions_suspension") == [(0,)]


async def test_a_process_that_stops_in_order_leaves_what_waits_to_the_next(
    cluster: Cluster, database: Database, flow: dict[str, Any]
) -> None:
    server = await asyncio.to_thread(cluster.server, database, **ALLOWED)
    with published(server, {"asks": flow}):
        question = await asked(server)
        assert await asyncio.to_thread(server.stop) == 0
        assert summary(database) == [("pending", "")]
        assert database.query("SELECT count(*) FROM executions_runner") == [(0,)]
        await asyncio.to_thread(cluster.again, server)
        assert await answer(server, question) == "Ada"
    assert hits == {"/before": 1, "/after": 1}


async def test_of_two_processes_the_second_goes_on_with_what_the_first_began_and_only_one_can(
    cluster: Cluster, database: Database, flow: dict[str, Any]
) -> None:
    first, second = await asyncio.to_thread(cluster.several, 2, database, **ALLOWED)
    with published(first, {"asks": flow}):
        question = await asked(first)
        assert await answer(second, question) == "Ada"
        question = await asked(second)
        results = await asyncio.gather(*(answer(server, question) for server in (first, second) * 3))
        assert counters(database) == recounted(rows(database))
    assert sorted(results) == ["Ada", *[USED] * 5]
    assert hits == {"/before": 2, "/after": 2}
    assert summary(database) == [("fulfilled", "")] * 2


async def test_who_is_asked_over_a_stream_is_interrupted_with_the_process(
    cluster: Cluster, database: Database, flow: dict[str, Any]
) -> None:
    server = await asyncio.to_thread(cluster.server, database, **ALLOWED)
    is_asked = asyncio.Event()

    async def wait(context: Any, params: Any) -> Any:
        is_asked.set()
        await asyncio.Event().wait()

    async def call() -> None:
        async with connect(server, LEGACY, elicitation_callback=wait) as client:
            await client.call_tool("asks", {})

    with published(server, {"asks": flow}):
        calling = asyncio.create_task(call())
        async with asyncio.timeout(30):
            await is_asked.wait()
        assert summary(database) == [("pending", "")]
        server.kill()
        await asyncio.to_thread(cluster.again, server)
        calling.cancel()
        await asyncio.gather(calling, return_exceptions=True)
        await until(lambda: summary(database) == [("error", "interrupted")], what=lambda: summary(database))
    assert hits == {"/before": 1}
