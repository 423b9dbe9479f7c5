"""A node's settings: its own timeout, more than one attempt, and a flow that goes on after its failure."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import pytest

from flows.engine.errors import Abort, DefinitionError, NodeFailed
from flows.engine.events import AttemptStarted, NodeStarted
from flows.engine.node import NodeResult, Reply, Services
from flows.engine.runner import FlowError, Outcome, run
from flows.engine.settings import NodeSettings
from tests.flows.engine.kit import Effectful, Flow, Recorder, Scripted, fail, wait_for_ever

pytestmark = pytest.mark.anyio

AT_ONCE = {"backoffSeconds": 0}
FOR_EVER = {"attempts": 10, "backoffSeconds": 3600, "maxBackoffSeconds": 3600, "jitter": 0}
TOO_LONG = (
    "'Slow' took longer than its timeout of 0.02 s and was stopped; whether it took effect is not known. "
    "Ask for less at a time, or raise the timeout of the node."
)


async def run_flow(flow: Flow, recorder: Recorder, arguments: Any = None, **options: Any) -> Outcome:
    async with asyncio.timeout(10):
        return await run(flow.graph(), arguments, services=Services(), observers=[recorder], **options)


def failing(times: int, error: Callable[[], Exception]) -> Callable[[Mapping[str, Any]], Awaitable[NodeResult]]:
    """A script that raises so many times, then gives out how often it was called."""
    calls = 0

    async def script(parameters: Mapping[str, Any]) -> NodeResult:
        nonlocal calls
        calls += 1
        if calls <= times:
            raise error()
        return NodeResult(calls)

    return script


async def test_a_node_is_tried_again_until_it_succeeds(flow: Flow, recorder: Recorder, scripted: Scripted) -> None:
    scripted.scripts["shaky"] = failing(2, lambda: NodeFailed("no answer"))
    flow.add("fetch", after="trigger", key="shaky", settings={"retries": {"attempts": 3, **AT_ONCE}})
    flow.add("end", "return", after="fetch", json="{{ fetch }}")
    outcome = await run_flow(flow, recorder)
    assert (outcome.error, outcome.replies) == (None, (Reply("3", 3, is_structured=True),))
    assert recorder.lines[2:8] == [
        ("started", "fetch", {"key": "shaky"}),
        ("attempt failed", "fetch", 1, "no answer"),
        ("attempt", "fetch", 2),
        ("attempt failed", "fetch", 2, "no answer"),
        ("attempt", "fetch", 3),
        ("completed", "fetch", 3, "main"),
    ]


async def test_the_last_attempts_failure_is_the_flows(flow: Flow, recorder: Recorder, scripted: Scripted) -> None:
    scripted.scripts["fail"] = fail
    flow.add("check", after="trigger", key="fail", settings={"retries": {"attempts": 2, **AT_ONCE}})
    outcome = await run_flow(flow, recorder)
    assert outcome.error == FlowError(
        "node_failed", "the stock is empty", "Check: the stock is empty", "id-check", "Check"
    )
    assert recorder.lines[3:] == [
        ("attempt failed", "check", 1, "the stock is empty"),
        ("attempt", "check", 2),
        ("errored", "check", "node_failed", "the stock is empty"),
    ]


async def test_a_crash_is_worth_another_attempt(flow: Flow, recorder: Recorder, scripted: Scripted) -> None:
    scripted.scripts["odd"] = failing(1, lambda: OSError("broken pipe"))
    flow.add("odd", after="trigger", key="odd", settings={"retries": {"attempts": 2, **AT_ONCE}})
    await run_flow(flow, recorder)
    assert recorder.lines[3:] == [
        ("attempt failed", "odd", 1, "OSError: broken pipe"),
        ("attempt", "odd", 2),
        ("completed", "odd", 2, "main"),
    ]


@pytest.mark.parametrize(
    ("error", "parameters"),
    [
        (lambda: NodeFailed("the address is malformed", is_final=True), {}),
        (lambda: Abort("the record cannot be kept"), {}),
        (lambda: AssertionError("must not run"), {"value": "{{ trigger.gone }}"}),
        (lambda: AssertionError("must not run"), {"count": "{{ trigger }}"}),
    ],
)
async def test_what_would_only_fail_again_is_not_tried_again(
    flow: Flow, recorder: Recorder, scripted: Scripted, error: Callable[[], Exception], parameters: dict[str, Any]
) -> None:
    scripted.scripts["final"] = failing(1, error)
    flow.add("once", after="trigger", key="final", settings={"retries": FOR_EVER}, **parameters)
    try:
        outcome = await run_flow(flow, recorder, {})
    except Abort:
        assert isinstance(error(), Abort)
    else:
        assert outcome.error is not None
    assert not [line for line in recorder.lines if line[0].startswith("attempt")]


async def test_a_wait_that_the_flow_would_not_outlive_is_not_begun(
    flow: Flow, recorder: Recorder, scripted: Scripted
) -> None:
    """The failure says more than a timeout would."""
    scripted.scripts["busy"] = failing(9, lambda: NodeFailed("429 Too Many Requests", retry_after=120))
    flow.add("fetch", after="trigger", key="busy", settings={"retries": {"attempts": 3, **AT_ONCE}})
    outcome = await run_flow(flow, recorder, timeout=60.0)
    assert outcome.error is not None
    assert (outcome.error.kind, outcome.error.message) == ("node_failed", "429 Too Many Requests")
    assert outcome.seconds < 5


async def test_the_wait_that_the_other_side_asks_for_is_kept(
    flow: Flow, recorder: Recorder, scripted: Scripted
) -> None:
    scripted.scripts["busy"] = failing(1, lambda: NodeFailed("429 Too Many Requests", retry_after=0.05))
    flow.add("fetch", after="trigger", key="busy", settings={"retries": {"attempts": 2, **AT_ONCE}})
    outcome = await run_flow(flow, recorder)
    assert outcome.error is None
    assert outcome.seconds >= 0.05


@pytest.mark.parametrize(
    ("settings", "attempt", "asked", "least", "most"),
    [
        (NodeSettings(backoff_seconds=1, jitter=0), 1, None, 1, 1),
        (NodeSettings(backoff_seconds=1, jitter=0), 3, None, 4, 4),
        (NodeSettings(backoff_seconds=1, max_backoff_seconds=3, jitter=0), 3, None, 3, 3),
        (NodeSettings(backoff_seconds=2, jitter=0.5), 1, None, 1, 2),
        (NodeSettings(backoff_seconds=2, jitter=1), 1, None, 0, 2),
        (NodeSettings(backoff_seconds=2, jitter=1), 1, 90, 90, 90),
        (NodeSettings(backoff_seconds=2, jitter=0), 1, 0.5, 2, 2),
    ],
)
def test_waits_double_up_to_a_limit(
    settings: NodeSettings, attempt: int, asked: float | None, least: float, most: float
) -> None:
    pauses = {settings.pause_after(attempt, asked) for _ in range(20)}
    assert all(least <= pause <= most for pause in pauses)
    assert len(pauses) > 1 or least == most


async def test_cancelling_cuts_a_wait_short(flow: Flow, recorder: Recorder, scripted: Scripted) -> None:
    scripted.scripts["fail"] = fail
    waiting = asyncio.Event()
    flow.add("check", after="trigger", key="fail", settings={"retries": FOR_EVER})
    task = asyncio.create_task(
        run(flow.graph(), None, services=Services(), observers=[recorder, lambda event: waiting.set()], timeout=1e6)
    )
    await waiting.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, 10)
    assert recorder.lines[-2:] == [
        ("attempt failed", "check", 1, "the stock is empty"),
        ("errored", "check", "cancelled", "Cancelled; whether it took effect is not known."),
    ]


async def test_a_failing_branch_cuts_the_wait_of_another_short(
    flow: Flow, recorder: Recorder, scripted: Scripted
) -> None:
    scripted.scripts |= {"fail": fail}
    flow.add("patient", after="trigger", key="fail", settings={"retries": FOR_EVER})
    flow.add("step", after="trigger")
    flow.add("check", after="step", key="fail")
    outcome = await run_flow(flow, recorder, timeout=1e6)
    assert outcome.error is not None
    assert outcome.error.node_name == "Check"


async def test_a_node_that_takes_too_long_is_stopped_by_its_own_timeout(
    flow: Flow, recorder: Recorder, scripted: Scripted
) -> None:
    scripted.scripts["wait"] = wait_for_ever
    flow.add("slow", after="trigger", key="wait", settings={"timeoutSeconds": 0.02})
    flow.add("after", after="slow")
    outcome = await run_flow(flow, recorder)
    assert outcome.error == FlowError("timeout", TOO_LONG, TOO_LONG, "id-slow", "Slow")
    assert recorder.lines[3:] == [
        ("errored", "slow", "timeout", TOO_LONG),
        ("skipped", "after", "not reached: Slow failed"),
    ]


async def test_the_timeout_is_that_of_one_attempt(flow: Flow, recorder: Recorder, scripted: Scripted) -> None:
    calls = []

    async def slow_at_first(parameters: Mapping[str, Any]) -> NodeResult:
        calls.append(1)
        return NodeResult("quick") if len(calls) > 1 else await wait_for_ever(parameters)

    scripted.scripts["slow"] = slow_at_first
    settings = {"timeoutSeconds": 0.02, "retries": {"attempts": 2, **AT_ONCE}}
    flow.add("slow", after="trigger", key="slow", settings=settings)
    await run_flow(flow, recorder)
    assert recorder.lines[3:] == [
        ("attempt failed", "slow", 1, TOO_LONG),
        ("attempt", "slow", 2),
        ("completed", "slow", "quick", "main"),
    ]


async def test_the_flows_timeout_stands_above_the_nodes(flow: Flow, recorder: Recorder, scripted: Scripted) -> None:
    scripted.scripts["wait"] = wait_for_ever
    settings = {"timeoutSeconds": 60, "retries": FOR_EVER, "onError": "continue"}
    flow.add("slow", after="trigger", key="wait", settings=settings)
    outcome = await run_flow(flow, recorder, timeout=0.05)
    assert outcome.error is not None
    message = (
        "The flow took longer than its timeout of 0.05 s and was stopped in 'Slow'. "
        "Ask for less at a time, or raise the timeout of the flow."
    )
    assert (outcome.error.kind, outcome.error.message) == ("timeout", message)


async def test_a_flow_goes_on_after_a_node_that_may_fail(flow: Flow, recorder: Recorder, scripted: Scripted) -> None:
    scripted.scripts["fail"] = fail
    flow.add("check", after="trigger", key="fail", settings={"onError": "continue"})
    flow.add("end", "return", after="check", json="{{ check.error }}")
    outcome = await run_flow(flow, recorder)
    error = {"message": "the stock is empty", "kind": "node_failed", "nodeId": "id-check", "nodeName": "Check"}
    assert outcome.error is None
    assert [reply.structured for reply in outcome.replies] == [error | {"detail": {"stock": 0}}]
    assert recorder.lines[3] == ("errored", "check", "node_failed", "the stock is empty", "main")
    assert recorder.events[3].output == {"error": error | {"detail": {"stock": 0}}}  # type: ignore[union-attr]


@pytest.mark.parametrize(("times", "taken", "skipped"), [(1, "mended", "good"), (0, "good", "mended")])
async def test_a_failure_takes_the_error_handle(
    flow: Flow, recorder: Recorder, scripted: Scripted, times: int, taken: str, skipped: str
) -> None:
    scripted.scripts["shaky"] = failing(times, lambda: NodeFailed("no"))
    flow.add("check", after="trigger", key="shaky", settings={"onError": "handle"})
    flow.add("good", after="check", value="{{ check }}")
    flow.add("mended", after="check:error", value="{{ check.error.message }}")
    outcome = await run_flow(flow, recorder)
    assert outcome.error is None
    assert recorder.lines[-3][:2] == ("skipped", skipped)
    assert recorder.lines[-1] == ("completed", taken, "no" if times else 1, "main")


async def test_parameters_that_cannot_be_filled_in_are_a_failure_like_others(flow: Flow, recorder: Recorder) -> None:
    flow.add("make", after="trigger", value="{{ trigger.gone }}", settings={"onError": "continue"})
    flow.add("end", "return", after="make", json="{{ make.error.kind }}")
    outcome = await run_flow(flow, recorder, {})
    assert [reply.structured for reply in outcome.replies] == ["node_failed"]


async def test_the_inside_of_a_crash_does_not_get_into_the_flow(
    flow: Flow, recorder: Recorder, scripted: Scripted
) -> None:
    scripted.scripts["odd"] = failing(1, lambda: KeyError("password=hunter2"))
    flow.add("odd", after="trigger", key="odd", settings={"onError": "continue"})
    flow.add("end", "return", after="odd", text="{{ odd.error.message }}")
    outcome = await run_flow(flow, recorder)
    message = "Odd stopped with an internal error; calling again with the same arguments is unlikely to help."
    assert outcome.replies == (Reply(message),)
    assert recorder.lines[3] == ("errored", "odd", "node_crashed", "KeyError: 'password=hunter2'", "main")


async def test_the_record_is_committed_before_each_attempt(flow: Flow, effectful: Effectful) -> None:
    happened: list[str] = []

    async def commit() -> None:
        happened.append("committed")

    async def act(parameters: Mapping[str, Any]) -> NodeResult:
        happened.append("acted")
        raise NodeFailed("no")

    effectful.scripts["act"] = act
    flow.add("act", "effectful", after="trigger", key="act", settings={"retries": {"attempts": 2, **AT_ONCE}})

    def observe(event: object) -> None:
        if isinstance(event, NodeStarted | AttemptStarted) and event.node.slug == "act":
            happened.append("begins")

    await run(flow.graph(), None, services=Services(), observers=[observe], before_effects=commit)
    assert happened == ["begins", "committed", "acted"] * 2


@pytest.mark.parametrize(
    ("slug", "settings", "path", "message"),
    [
        ("node", {"onError": "ignore"}, "onError", 'use one of: "stop", "continue", "handle"'),
        ("node", {"retries": {"attempts": 11}}, "retries.attempts", "11 is greater than the maximum of 10"),
        ("node", {"retries": {}}, "retries", '"attempts" is a required property'),
        ("node", {"timeoutSeconds": 0}, "timeoutSeconds", "0 is less than the minimum of 0.001"),
        (
            "choice",
            {"onError": "continue"},
            "onError",
            "'continue' goes on at the handle 'main', which 'Choice' does not have; use 'handle'",
        ),
    ],
)
def test_settings_that_make_no_sense_are_faults_at_their_path(
    flow: Flow, slug: str, settings: dict[str, Any], path: str, message: str
) -> None:
    if slug == "choice":
        flow.add("choice", "condition", after="trigger", left=1, operator="truthy", settings=settings)
    else:
        flow.add("node", after="trigger", settings=settings)
    with pytest.raises(DefinitionError) as raised:
        flow.graph()
    assert [(fault.path, fault.message) for fault in raised.value.faults] == [(f"nodes[1].settings.{path}", message)]


def test_the_trigger_has_no_settings(flow: Flow) -> None:
    flow.nodes[0]["settings"] = {"onError": "handle"}
    with pytest.raises(DefinitionError, match=r"nodes\[0\]\.settings: the trigger only takes the call in"):
        flow.graph()


def test_only_a_node_that_asks_for_it_has_the_error_handle(flow: Flow) -> None:
    flow.add("check", after="trigger", settings={"onError": "continue"})
    flow.add("mend", after="check:error")
    with pytest.raises(DefinitionError, match="'Check' has no handle 'error'; it has: main, other"):
        flow.graph()
