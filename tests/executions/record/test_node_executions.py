"""The entries of a record, as the runner's events make them."""

from datetime import UTC, datetime
from typing import Any

import pytest

from executions.record.node_executions import MAX_LINES, NodeExecutions
from flows.engine.node import NodeContext, NodeResult, Reused, Services
from flows.engine.registry import Registry
from flows.engine.runner import run
from flows.nodes import BUILTIN_NODE_TYPES, registry
from tests.flows.engine.kit import Flow, Scripted, fail

pytestmark = pytest.mark.anyio

STARTED = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


async def recorded(flow: Flow, arguments: Any = None, **options: Any) -> list[dict[str, Any]]:
    """The entries of a flow that runs now, without their times."""
    nodes = NodeExecutions(STARTED)
    await run(flow.graph(), arguments, services=Services(), observers=[nodes.add], **options)
    return [
        {name: value for name, value in entry.items() if not name.endswith(("At", "Ms"))} for entry in nodes.entries
    ]


async def test_an_entry_says_whether_its_node_was_reused_and_whether_it_answered() -> None:
    flow = Flow(registry())
    flow.add("made", "set_fields", after="trigger", fields={"n": 1})
    flow.add("end", "return", after="made", json="{{ made.n }}")
    entries = await recorded(flow, reused={"id-made": Reused({"n": 7})})
    common = {"status": "completed", "error": None}
    assert entries[1:] == [
        common
        | {"nodeId": "id-made", "nodeName": "Made", "nodeType": "set_fields", "attempts": 0, "handle": "main"}
        | {"inputData": None, "outputData": {"n": 7}, "reused": True},
        common
        | {"nodeId": "id-end", "nodeName": "End", "nodeType": "return", "attempts": 1, "handle": "main"}
        | {"inputData": {"json": 7}, "outputData": 7, "replied": True},
    ]


async def test_a_reused_node_took_no_time() -> None:
    flow, nodes = Flow(registry()), NodeExecutions(STARTED)
    await run(flow.graph(), 1, services=Services(), observers=[nodes.add], reused={"id-trigger": Reused(2)})
    assert [entry["durationMs"] for entry in nodes.entries] == [0.0]


async def test_each_attempt_is_told_of_once_there_was_more_than_one() -> None:
    scripted = Scripted()
    flow = Flow(Registry([*BUILTIN_NODE_TYPES, scripted]))
    scripted.scripts["fail"] = fail
    settings = {"retries": {"attempts": 2, "backoffSeconds": 0.01, "jitter": 0}, "onError": "continue"}
    flow.add("check", after="trigger", key="fail", settings=settings)
    nodes = NodeExecutions(STARTED)
    await run(flow.graph(), 1, services=Services(), observers=[nodes.add])
    trigger, check = nodes.entries
    error = {"message": "the stock is empty", "kind": "node_failed"}
    assert "attemptLog" not in trigger
    assert (check["status"], check["attempts"], check["handle"]) == ("error", 2, "main")
    assert check["error"] == error | {"causes": []}
    assert [(attempt["number"], attempt["error"]) for attempt in check["attemptLog"]] == [(1, error), (2, error)]
    first, second = check["attemptLog"]
    assert (first["startedAt"], first["startOffsetMs"]) == (check["executedAt"], check["startOffsetMs"])
    assert datetime.fromisoformat(second["startedAt"]) > STARTED
    assert second["startOffsetMs"] >= first["startOffsetMs"] + first["durationMs"] + 10 - 0.01
    assert check["durationMs"] >= first["durationMs"] + second["durationMs"] + 10 - 0.01


async def test_the_last_progress_and_the_first_lines_of_a_log_are_kept() -> None:
    class Talker(Scripted):
        async def execute(self, parameters: Any, context: NodeContext) -> NodeResult:
            for number in range(MAX_LINES + 3):
                context.report(number / 200, f"{number} done")
                context.log("info", f"line {number}", number or None)
            return NodeResult(None)

    flow = Flow(Registry([*BUILTIN_NODE_TYPES, Talker()]))
    flow.add("talk", after="trigger")
    nodes = NodeExecutions(STARTED)
    await run(flow.graph(), 1, services=Services(), observers=[nodes.add])
    talk = nodes.entries[1]
    assert (talk["progress"]["fraction"], talk["progress"]["message"]) == (0.51, "102 done")
    assert (len(talk["log"]), talk["logLeftOut"]) == (MAX_LINES, 3)
    first, second = ({name: line[name] for name in line if name != "offsetMs"} for line in talk["log"][:2])
    assert first == {"level": "info", "message": "line 0"}
    assert second == {"level": "info", "message": "line 1", "data": 1}
