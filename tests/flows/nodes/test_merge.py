"""A merge puts together what the branches brought, all of them or the first."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from flows.engine.errors import NodeFailed
from flows.engine.node import NodeResult, Services
from flows.engine.registry import Registry
from flows.engine.runner import run
from flows.nodes import BUILTIN_NODE_TYPES, registry
from tests.flows.engine.kit import Flow, Recorder, Scripted

pytestmark = pytest.mark.anyio


@pytest.fixture
def scripted() -> Scripted:
    return Scripted()


@pytest.fixture
def flow(scripted: Scripted) -> Flow:
    """Two branches, `slow` and `fast`; `slow` ends once `after` has ended."""
    ended = asyncio.Event()

    async def slow(parameters: Mapping[str, Any]) -> NodeResult:
        await ended.wait()
        return NodeResult("slow")

    async def last(parameters: Mapping[str, Any]) -> NodeResult:
        ended.set()
        return NodeResult(parameters["value"])

    scripted.scripts |= {"slow": slow, "last": last}
    made = Flow(Registry([*BUILTIN_NODE_TYPES, scripted]))
    made.add("slow", after="trigger", key="slow")
    made.add("fast", after="trigger", value="fast")
    return made


async def outputs(flow: Flow, recorder: Recorder) -> dict[str, Any]:
    outcome = await run(flow.graph(), {}, services=Services(), observers=(recorder,), timeout=5)
    assert outcome.error is None
    return {line[1]: line[2] for line in recorder.lines if line[0] == "completed"}


@pytest.mark.parametrize(
    ("parameters", "output"),
    [({}, {"next": 1, "slow": "slow"}), ({"wait": "all", "output": "list"}, [1, "slow"])],
)
async def test_all_that_arrived_is_put_together(flow: Flow, parameters: Any, output: Any) -> None:
    recorder = Recorder()
    flow.add("next", after="fast", key="last", value=1)
    flow.add("merge", "merge", after=("slow", "next"), **parameters)
    assert (await outputs(flow, recorder))["merge"] == output


async def test_a_branch_that_was_not_taken_is_not_among_it(flow: Flow) -> None:
    recorder = Recorder()
    flow.add("choice", "condition", after="fast", left=1, operator="truthy")
    flow.add("yes", after="choice:true", key="last", value=1)
    flow.add("no", after="choice:false")
    flow.add("merge", "merge", after=("slow", "yes", "no"))
    assert (await outputs(flow, recorder))["merge"] == {"yes": 1, "slow": "slow"}


async def test_the_first_to_arrive_goes_on_at_once_and_only_once(flow: Flow) -> None:
    """`slow` ends only after what follows the merge has: waiting for it would be waiting for ever."""
    recorder = Recorder()
    flow.add("merge", "merge", after=("slow", "fast"), wait="first")
    flow.add("after", after="merge", key="last", value="{{ merge }}")
    flow.add("other", after="slow")
    assert await outputs(flow, recorder) == {
        "trigger": {},
        "fast": "fast",
        "merge": "fast",
        "after": "fast",
        "slow": "slow",
        "other": None,
    }
    assert [line[1] for line in recorder.lines if line[0] == "started"].count("merge") == 1


async def test_the_flow_does_not_wait_for_a_branch_that_leads_to_the_merge_alone(flow: Flow) -> None:
    recorder = Recorder()
    flow.add("later", after="slow")
    flow.add("merge", "merge", after=("later", "fast"), wait="first")
    flow.add("answer", "return", after="merge", text="{{ merge }}")
    outcome = await run(flow.graph(), {}, services=Services(), observers=(recorder,), timeout=5)
    assert (outcome.error, [reply.text for reply in outcome.replies]) == (None, ["fast"])
    reason = "another branch arrived first, and the flow has ended without this one"
    assert recorder.lines[-2:] == [
        ("errored", "slow", "cancelled", f"Stopped: {reason}; whether it took effect is not known."),
        ("skipped", "later", reason),
    ]


async def test_a_branch_that_fails_once_the_merge_has_gone_on_does_not_end_the_flow(
    flow: Flow, scripted: Scripted
) -> None:
    recorder, started = Recorder(), asyncio.Event()

    async def losing(parameters: Mapping[str, Any]) -> NodeResult:
        await started.wait()
        raise NodeFailed("too late")

    async def winning(parameters: Mapping[str, Any]) -> NodeResult:
        started.set()
        for _ in range(10):
            await asyncio.sleep(0)
        return NodeResult("won")

    scripted.scripts |= {"losing": losing, "winning": winning}
    flow.add("losing", after="trigger", key="losing")
    flow.add("merge", "merge", after=("losing", "fast"), wait="first")
    flow.add("next", after="merge", key="winning")
    flow.add("answer", after="next", key="last", value="{{ next }}")
    assert (await outputs(flow, recorder))["answer"] == "won"
    assert ("errored", "losing", "node_failed", "too late") in recorder.lines


async def test_a_branch_that_leads_elsewhere_too_is_waited_for(flow: Flow) -> None:
    recorder = Recorder()
    flow.add("merge", "merge", after=("slow", "fast"), wait="first")
    flow.add("after", after="merge", key="last", value=1)
    flow.add("answer", "return", after="slow", text="{{ slow }}")
    assert (await outputs(flow, recorder))["answer"] == "slow"


async def test_the_first_skips_what_was_not_taken(flow: Flow) -> None:
    recorder = Recorder()
    flow.add("choice", "condition", after="fast", left=0, operator="truthy")
    flow.add("no", after="choice:true")
    flow.add("yes", after="choice:false", key="last", value=7)
    flow.add("merge", "merge", after=("no", "yes"), wait="first")
    flow.add("never", "merge", after="no", wait="first")
    found = await outputs(flow, recorder)
    assert found["merge"] == 7
    assert [line[1] for line in recorder.lines if line[0] == "skipped"] == ["no", "never"]


def test_an_output_is_chosen_only_where_there_is_more_than_one() -> None:
    found = registry()["merge"].faults({"wait": "first", "output": "list"}, "", before_filling=True)
    assert [str(fault) for fault in found] == ['output: False schema does not allow "list"']
