"""The node library at work: one flow of many node types, every kind of failure, and code that means harm."""

import asyncio
import json
import urllib.error
from collections import Counter
from collections.abc import Iterator
from itertools import accumulate
from typing import Any, NamedTuple

import pytest
from django.utils.dateparse import parse_datetime

from tests.definitions import chain, node
from tests.library import FIELDS, FLOWS, REPORT, Api, install_crashing_plugin
from tests.live import LiveServer, live_server, wait_until
from tests.mcp_client import ERAS, MODERN, connect
from tests.upstream import good_server, served

# The first of them waits for a server of its own, which takes three processes to make.
pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120)]


class Failure(NamedTuple):
    """How an execution failed: for the person who reads its record, for the client, and the nodes that failed."""

    kind: str
    message: str
    told: str
    nodes: list[str]


CANCELLED = "The execution was cancelled before the flow finished. Call again if its answer is still wanted."
REJECTED = "The arguments do not fit the input schema of strict:\n- id: is required\nCorrect them and call again."
SLOW_FLOW = (
    "The flow took longer than its timeout of 1 s and was stopped in 'Wait'. "
    "Ask for less at a time, or raise the timeout of the flow."
)
SLOW_NODE = (
    "'Wait' took longer than its timeout of 0.1 s and was stopped; whether it took effect is not known. "
    "Ask for less at a time, or raise the timeout of the node."
)
PRIVATE = "10.0.0.1: address 10.0.0.1 is private; an operator can allow it with FLOWHUB_OUTBOUND_ALLOW=10.0.0.1:8080."
CRASHED = "Crash stopped with an internal error; calling again with the same arguments is unlikely to help."
FAILURES = {
    "endless": Failure("cancelled", CANCELLED, CANCELLED, ["Wait"]),
    "refused_address": Failure("node_failed", PRIVATE, "10.0.0.1 did not answer.", ["Fetch"]),
    "crashing": Failure("node_crashed", "KeyError: 'canary-key'", CRASHED, ["Crash"]),
    "slow_flow": Failure("timeout", SLOW_FLOW, SLOW_FLOW, ["Wait"]),
    "slow_node": Failure("timeout", SLOW_NODE, SLOW_NODE, ["Wait"]),
    "strict": Failure("rejected", REJECTED, REJECTED, []),
}
BOMBS = {
    "memory": "The code needed more than 64 MiB of memory. Let it hold less at a time.",
    "computing": "The code took longer than 5 s and was stopped. Let it do less at a time.",
    "recursion": "The code failed at line 2: RecursionError: maximum recursion depth exceeded",
    "flood": "The code printed more than 65,536 characters and was stopped. Let it print less.",
    "import_package": "The code failed at line 1: ModuleNotFoundError: No module named 'subprocess'",
    "run_command": "The code failed at line 2: AttributeError: module 'os' has no attribute 'system'",
    "open_file": "The code failed at line 1: PermissionError: Permission denied: '/etc/passwd'",
    "slow_condition": "The expression took longer than 0.05 s and was stopped. Let it do less at a time.",
    "attribute": "{{ trigger.__class__.__mro__ }}: trigger has no '__class__'; it has: nothing.",
}


class Library:
    """A live server with the library's flows published, and what they ask."""

    def __init__(self, server: LiveServer, api: str, upstream: str) -> None:
        self.server = server
        self.addresses = {"api": api, "upstream": upstream}
        self.flow_ids = {name: self.publish(name, definition) for name, definition in FLOWS.items()}

    def create(self, name: str, definition: dict[str, Any]) -> str:
        fields = {"server": "demo", "name": name.capitalize(), "toolName": name, "toolDescription": "Test."}
        fields |= {"inputSchema": {"type": "object"}, "definition": definition} | FIELDS.get(name, {})
        return str(self.server.post_json("/api/flows/", fields)["id"])

    def publish(self, name: str, definition: dict[str, Any]) -> str:
        flow_id = self.create(name, definition)
        self.server.post_json(f"/api/flows/{flow_id}/publish/")
        return flow_id

    def record(self, result: Any) -> dict[str, Any]:
        return self.server.get_json(f"/api/executions/{result.meta['flowhub/executionId']}/")

    def executions(self, name: str, query: str = "limit=100") -> list[dict[str, Any]]:
        return self.server.get_json(f"/api/flows/{self.flow_ids[name]}/executions/?{query}")["items"]

    async def call(self, name: str, era: str = MODERN, **arguments: Any) -> Any:
        async with connect(self.server, era) as client:
            return await client.call_tool(name, arguments)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    plugin = tmp_path_factory.mktemp("plugin")
    install_crashing_plugin(plugin)
    environment = {"PYTHONPATH": str(plugin), "FLOWHUB_OUTBOUND_ALLOW": "127.0.0.1:*"}
    with (
        served(Api()) as api,
        served(good_server().streamable_http_app()) as upstream,
        live_server(tmp_path_factory.mktemp("library"), **environment) as server,
    ):
        yield Library(server, api, f"{upstream}/mcp")


def span(entry: dict[str, Any]) -> tuple[float, float]:
    """When a node, or an attempt, began and ended, in milliseconds after the execution."""
    return entry["startOffsetMs"], entry["startOffsetMs"] + entry["durationMs"]


def most_at_once(executions: list[dict[str, Any]]) -> int:
    """How many executions were under way at the same moment, from their recorded times."""
    steps = Counter[tuple[Any, int]]()
    for execution in executions:
        steps[parse_datetime(execution["startedAt"]), 1] += 1
        steps[parse_datetime(execution["endedAt"]), -1] += 1
    return max(accumulate(step * steps[moment, step] for moment, step in sorted(steps)))


@pytest.mark.parametrize("era", ERAS)
async def test_a_flow_of_twenty_nodes_does_its_work_and_its_record_proves_it(library: Library, era: str) -> None:
    result = await library.call("report", era, region="north", ids=list(range(100)), **library.addresses)
    assert result.structured_content == {
        "text": "Hello, north! 7 large: 9900",
        "total": 9900,
        "note": "100 prices",
        "upstream": 42,
        "regions": ["north", "north"],
    }
    record = library.record(result)
    entries = {entry["nodeId"]: entry for entry in record["nodeExecutions"]}
    statuses = {slug: entry["status"] for slug, entry in entries.items()}
    assert statuses == {each["id"]: "completed" for each in REPORT["nodes"]} | {"wrong": "skipped", "small": "skipped"}
    assert len(record["nodeExecutions"]) == 20
    assert len({entry["nodeType"] for entry in record["nodeExecutions"]}) == 15

    # The branches overlap: each of these began before any of them had ended.
    spans = [span(entries[slug]) for slug in ("sales", "stock", "rate", "prices")]
    assert max(began for began, _ in spans) < min(ended for _, ended in spans)

    # The busy service was asked again, after as long as it had asked for.
    first, second = entries["rate"]["attemptLog"]
    assert (first["number"], first["error"]["kind"], second["number"], second["error"]) == (1, "node_failed", 2, None)
    assert "/busy/" in first["error"]["message"]
    assert "answered 503 Service Unavailable" in first["error"]["message"]
    assert second["startOffsetMs"] - span(first)[1] >= 998  # a second; the event loop counts whole milliseconds

    # A hundred items, ten at a time; parents know their children, and children their parent.
    ids = entries["prices"]["childExecutions"]
    children = [execution for execution in library.executions("price") if execution["id"] in ids]
    assert len(children) == 100
    assert 5 <= most_at_once(children) <= 10
    (greeting,) = entries["hello"]["childExecutions"]
    for child in (greeting, ids[0], ids[-1]):
        assert library.server.get_json(f"/api/executions/{child}/")["parent"] == record["id"]
    assert greeting in [child["id"] for child in record["children"]]


async def test_each_kind_of_failure_names_cause_and_cure_to_the_client_and_in_the_record(library: Library) -> None:
    cancelled, *results = await asyncio.gather(
        cancelled_call(library), *(library.call(name) for name in list(FAILURES)[1:])
    )
    told = {name: failure_of(library, result) for name, result in zip(FAILURES, [cancelled, *results], strict=True)}
    assert told == FAILURES


async def cancelled_call(library: Library) -> Any:
    """What a client is told when somebody cancels its call."""
    calling = asyncio.create_task(library.call("endless"))
    await asyncio.to_thread(wait_until, lambda: library.executions("endless"), 10, "the call has left no record")
    (pending,) = library.executions("endless")
    assert pending["status"] == "pending"
    library.server.post_json(f"/api/executions/{pending['id']}/cancel/")
    return await calling


def failure_of(library: Library, result: Any) -> Failure:
    """What the record and the client were told; the list, the detail and the result agree on it."""
    record = library.record(result)
    error = record["errorInfo"]
    *told, where = [block.text for block in result.content]
    assert where == f"Execution {record['id']}: {library.server.url}/executions/{record['id']}/"
    assert (result.is_error, record["status"]) == (True, "error")
    assert record["result"]["content"] == [{"type": "text", "text": text} for text in (*told, where)]
    (listed,) = [item for item in library.executions(record["flowToolName"]) if item["id"] == record["id"]]
    assert (listed["status"], listed["failedNodeName"]) == ("error", error["nodeName"])
    failed = [entry for entry in record["nodeExecutions"] if entry["status"] == "error"]
    if error["nodeName"]:
        assert [entry["error"]["message"] for entry in failed] == [error["message"]]
    return Failure(error["kind"], error["message"], "\n".join(told), [entry["nodeName"] for entry in failed])


async def test_bombs_and_escapes_end_as_errors_of_their_nodes_while_other_calls_go_on(library: Library) -> None:
    bombs = [asyncio.create_task(library.call(name)) for name in BOMBS]
    computing = bombs[list(BOMBS).index("computing")]
    await asyncio.to_thread(wait_until, lambda: library.executions("computing"), 10, "nothing computes")
    async with connect(library.server, MODERN) as client:
        for number in range(5):
            greeted = await client.call_tool("greet", {"name": "Ada", "n": number})
            assert [block.text for block in greeted.content] == [f"Hello, Ada! {number}"]
    assert not computing.done()  # so the greetings did not wait for it
    results = await asyncio.gather(*bombs)
    told = {name: failure_of(library, result) for name, result in zip(BOMBS, results, strict=True)}
    assert told == {
        name: Failure("node_failed", message, f"Bomb: {message}", ["Bomb"]) for name, message in BOMBS.items()
    }


def test_an_expression_that_is_more_than_a_path_is_refused_when_the_flow_is_saved(library: Library) -> None:
    with pytest.raises(urllib.error.HTTPError) as caught:
        library.create("call", chain(node("bomb", "template", text="{{ trigger.__class__.__subclasses__() }}")))
    assert caught.value.code == 400
    (fault,) = json.load(caught.value)["definition"]
    assert fault["path"] == "nodes[1].parameters.text"
    assert fault["message"].startswith("{{ trigger.__class__.__subclasses__() }} is not a path. Write a node's slug")
