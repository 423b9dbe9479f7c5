"""A node under way tells how far it is and keeps a log; once it has ended it is silent."""

import asyncio
from collections.abc import Mapping
from typing import Any, ClassVar

import pytest

from flows.engine.errors import NodeFailed
from flows.engine.node import NodeContext, NodeResult, Services
from flows.engine.registry import Registry
from flows.engine.runner import Outcome, run
from flows.nodes import BUILTIN_NODE_TYPES
from tests.flows.engine.kit import Flow, Recorder, Scripted

pytestmark = pytest.mark.anyio


class Talker(Scripted):
    """Reports and logs, also after it has ended."""

    type: ClassVar[str] = "talker"
    left: asyncio.Task[None] | None = None

    async def execute(self, parameters: Mapping[str, Any], context: NodeContext) -> NodeResult:
        context.report(0.5)
        context.report(7, "x" * 2000)
        context.log("warning", "y" * 2000, {"n": 1})
        self.left = asyncio.create_task(self.speak_later(context))
        if parameters.get("key"):
            raise NodeFailed("no")
        return NodeResult("done")

    async def speak_later(self, context: NodeContext) -> None:
        context.report(1, "too late")
        context.log("error", "too late")


@pytest.fixture
def talker() -> Talker:
    return Talker()


@pytest.fixture
def flow(talker: Talker, scripted: Scripted) -> Flow:
    return Flow(Registry([*BUILTIN_NODE_TYPES, scripted, talker]))


async def run_flow(flow: Flow, recorder: Recorder, arguments: Any = None) -> Outcome:
    async with asyncio.timeout(10):
        return await run(flow.graph(), arguments, services=Services(), observers=[recorder])


async def test_what_a_node_reports_is_bounded_and_told_at_once(flow: Flow, recorder: Recorder) -> None:
    flow.add("talk", "talker", after="trigger")
    await run_flow(flow, recorder)
    assert recorder.lines[3:] == [
        ("progress", "talk", 0.5, ""),
        ("progress", "talk", 1.0, "x" * 999 + "…"),
        ("log", "talk", "warning", "y" * 999 + "…", {"n": 1}),
        ("completed", "talk", "done", "main"),
    ]


@pytest.mark.parametrize("key", ["", "fail"])
async def test_a_node_that_has_ended_is_silent(flow: Flow, recorder: Recorder, talker: Talker, key: str) -> None:
    flow.add("talk", "talker", after="trigger", key=key)
    await run_flow(flow, recorder)
    assert talker.left is not None
    await asyncio.wait_for(talker.left, 10)
    assert recorder.lines[-1][0] in ("completed", "errored")


async def test_the_node_types_progress_and_log_tell_what_their_parameters_say(flow: Flow, recorder: Recorder) -> None:
    flow.add("half", "progress", after="trigger", fraction=0.5, message="{{ trigger.done }} done")
    flow.add("note", "log", after="half", message="{{ trigger }}", data="{{ half }}")
    flow.add("warn", "log", after="note", message="low", level="warning")
    await run_flow(flow, recorder, {"done": 3})
    half = {"fraction": 0.5, "message": "3 done"}
    assert [line for line in recorder.lines if line[0] in ("progress", "log", "completed")][1:] == [
        ("progress", "half", 0.5, "3 done"),
        ("completed", "half", half, "main"),
        ("log", "note", "info", '{"done": 3}', half),
        ("completed", "note", {"level": "info", "message": '{"done": 3}', "data": half}, "main"),
        ("log", "warn", "warning", "low", None),
        ("completed", "warn", {"level": "warning", "message": "low", "data": None}, "main"),
    ]


async def test_the_node_type_release_tells_that_the_client_may_go(flow: Flow, recorder: Recorder) -> None:
    flow.add("let_go", "release", after="trigger")
    await run_flow(flow, recorder)
    assert recorder.lines[3:] == [("released", "let_go"), ("completed", "let_go", None, "main")]


async def test_a_log_that_another_attempt_follows_is_kept(flow: Flow, recorder: Recorder) -> None:
    settings = {"retries": {"attempts": 2, "backoffSeconds": 0}}
    flow.add("talk", "talker", after="trigger", key="fail", settings=settings)
    await run_flow(flow, recorder)
    assert [line[0] for line in recorder.lines if line[1] == "talk"] == [
        *("started", "progress", "progress", "log", "attempt failed"),
        *("progress", "log", "attempt", "progress", "progress", "log", "errored"),
    ]
