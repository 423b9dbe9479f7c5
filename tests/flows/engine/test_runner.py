"""A graph runs: branches overlap, joins wait, failures stop the rest, and every node is reported once."""

import asyncio
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import pytest

from flows.engine.errors import Abort, NodeFailed
from flows.engine.events import Event, NodeCompleted, NodeStarted
from flows.engine.graph import MAX_PASS
from flows.engine.node import NodeResult, Reply, Services
from flows.engine.registry import Registry
from flows.engine.runner import FlowError, Outcome, run
from flows.nodes import BUILTIN_NODE_TYPES
from tests.flows.engine.kit import Effectful, Flow, Recorder, Scripted, fail, reply, wait_for_ever

pytestmark = pytest.mark.anyio

TIMEOUT = (
    "The flow took longer than its timeout of 0.05 s and was stopped in {0!r}. "
    "Ask for less at a time, or raise the timeout of the flow."
)
UNKNOWN = "whether it took effect is not known."


async def run_flow(flow: Flow, recorder: Recorder, arguments: Any = None, **options: Any) -> Outcome:
    services = options.pop("services", Services())
    async with asyncio.timeout(10):
        return await run(flow.graph(), arguments, services=services, observers=[recorder], **options)


async def test_a_straight_line_reports_each_node_as_it_starts_and_ends(flow: Flow, recorder: Recorder) -> None:
    flow.add("greet", after="trigger", value="Hi {{ trigger.name }}")
    flow.add("end", "return", after="greet", text="{{ greet }}!")
    outcome = await run_flow(flow, recorder, {"name": "Ada"})
    assert (outcome.replies, outcome.error) == ((Reply("Hi Ada!"),), None)
    assert recorder.lines == [
        ("started", "trigger", {"name": "Ada"}),
        ("completed", "trigger", {"name": "Ada"}, "main"),
        ("started", "greet", {"value": "Hi Ada"}),
        ("completed", "greet", "Hi Ada", "main"),
        ("started", "end", {"text": "Hi Ada!"}),
        ("completed", "end", "Hi Ada!", "main"),
    ]
    times = [event.at for event in recorder.events]
    assert times == sorted(times)
    assert 0 <= times[0] <= times[-1] <= outcome.seconds


async def test_the_hosts_values_can_be_named(flow: Flow, recorder: Recorder) -> None:
    flow.add("end", "return", after="trigger", text="{{ execution.id }}")
    outcome = await run_flow(flow, recorder, services=Services(roots={"execution": {"id": "e1"}}))
    assert outcome.replies == (Reply("e1"),)


async def test_what_does_not_wait_is_executed_while_another_branch_waits(
    flow: Flow, recorder: Recorder, scripted: Scripted
) -> None:
    others_done = asyncio.Event()

    async def wait(parameters: Mapping[str, Any]) -> NodeResult:
        await others_done.wait()
        return NodeResult("waited")

    async def done(parameters: Mapping[str, Any]) -> NodeResult:
        others_done.set()
        return NodeResult("done")

    scripted.scripts |= {"wait": wait, "done": done}
    flow.add("slow", after="trigger", key="wait")
    flow.add("quick", "template", after="trigger", text="at once")
    flow.add("last", after="quick", key="done")
    flow.add("end", "return", after=("slow", "last"), text="{{ slow }}, {{ quick }}, {{ last }}")
    outcome = await run_flow(flow, recorder)
    assert outcome.replies == (Reply("waited, at once, done"),)


async def test_nothing_begins_once_a_node_has_failed(flow: Flow, recorder: Recorder, scripted: Scripted) -> None:
    scripted.scripts["fail"] = fail
    flow.add("broken", after="trigger", key="fail")
    flow.add("beside", after="trigger", value=1)
    await run_flow(flow, recorder)
    assert recorder.lines[2:] == [
        ("started", "broken", {"key": "fail"}),
        ("errored", "broken", "node_failed", "the stock is empty"),
        ("skipped", "beside", "not reached: Broken failed"),
    ]


async def test_a_long_line_of_nodes_that_do_not_wait_lets_others_in_and_can_time_out(
    flow: Flow, recorder: Recorder
) -> None:
    sources = ["trigger", *(f"n{number}" for number in range(2 * MAX_PASS))]
    for source, slug in pairwise(sources):
        flow.add(slug, "template", after=source, text="at once")
    outcome = await run_flow(flow, recorder, timeout=0.0)
    assert outcome.error is not None
    assert outcome.error.kind == "timeout"
    assert [line[0] for line in recorder.lines].count("completed") == MAX_PASS


async def test_a_node_that_says_that_it_is_immediate_and_waits_crashes_where_it_waits(recorder: Recorder) -> None:
    class Hasty(Scripted):
        type = "hasty"
        is_immediate = True

    hasty = Hasty()
    hasty.scripts["wait"] = wait_for_ever
    flow = Flow(Registry([*BUILTIN_NODE_TYPES, hasty]))
    flow.add("hasty", "hasty", after="trigger", key="wait")
    outcome = await run_flow(flow, recorder)
    assert outcome.error is not None
    assert outcome.error.kind == "node_crashed"
    assert outcome.error.message == "RuntimeError: 'hasty' says that its nodes are immediate, and this one waits"


async def test_independent_branches_run_at_the_same_time(flow: Flow, recorder: Recorder, scripted: Scripted) -> None:
    """Each branch waits for the other: one after the other would never end."""
    barrier = asyncio.Barrier(3)

    async def meet(parameters: Mapping[str, Any]) -> NodeResult:
        await barrier.wait()
        return NodeResult("met")

    scripted.scripts["meet"] = meet
    for slug in ("a", "b", "c"):
        flow.add(slug, after="trigger", key="meet")
    outcome = await run_flow(flow, recorder)
    assert outcome.error is None
    assert [line[:2] for line in recorder.lines[2:5]] == [("started", "a"), ("started", "b"), ("started", "c")]
    assert sorted(recorder.lines[5:]) == [("completed", slug, "met", "main") for slug in ("a", "b", "c")]


async def test_a_join_waits_for_all_its_branches(flow: Flow, recorder: Recorder, scripted: Scripted) -> None:
    fast_ended = asyncio.Event()

    async def slow(parameters: Mapping[str, Any]) -> NodeResult:
        await fast_ended.wait()
        for _ in range(5):
            await asyncio.sleep(0)
        return NodeResult("slow")

    async def fast(parameters: Mapping[str, Any]) -> NodeResult:
        fast_ended.set()
        return NodeResult("fast")

    scripted.scripts |= {"slow": slow, "fast": fast}
    flow.add("slow", after="trigger", key="slow")
    flow.add("fast", after="trigger", key="fast")
    flow.add("step", after="fast", value=1)
    flow.add("join", after=("slow", "step"), value="{{ slow }} {{ fast }} {{ step }}")
    await run_flow(flow, recorder)
    ended = [line[1] for line in recorder.lines if line[0] == "completed"]
    assert ended == ["trigger", "fast", "step", "slow", "join"]
    assert recorder.lines[-1] == ("completed", "join", "slow fast 1", "main")


async def test_the_branch_that_is_not_taken_is_skipped_down_to_the_join(flow: Flow, recorder: Recorder) -> None:
    flow.add("choice", "condition", after="trigger", left="{{ trigger }}", operator="greater", right=5)
    flow.add("big", after="choice:true")
    flow.add("small", after="choice:false")
    flow.add("smaller", after="small")
    flow.add("join", after=("big", "smaller"))
    outcome = await run_flow(flow, recorder, 9)
    assert outcome.error is None
    skipped = [("skipped", slug, "no branch led here") for slug in ("small", "smaller")]
    assert [line for line in recorder.lines if line[0] == "skipped"] == skipped
    assert [line[1] for line in recorder.lines if line[0] == "completed"] == ["trigger", "choice", "big", "join"]


async def test_both_lines_of_a_condition_into_one_node_run_it_once(flow: Flow, recorder: Recorder) -> None:
    flow.add("choice", "condition", after="trigger", left=1, operator="truthy")
    flow.add("next", after=("choice:true", "choice:false"))
    await run_flow(flow, recorder)
    assert [line[:2] for line in recorder.lines[-2:]] == [("started", "next"), ("completed", "next")]


async def test_the_output_of_a_skipped_node_is_missed_in_words(flow: Flow, recorder: Recorder) -> None:
    flow.add("choice", "condition", after="trigger", left=1, operator="truthy")
    flow.add("never", after="choice:false")
    flow.add("join", after=("choice:true", "never"), value="{{ never }}")
    outcome = await run_flow(flow, recorder)
    assert outcome.error is not None
    message = (
        "{{ never }}: 'never' has no output here: that node was skipped or did not run. Available: choice, trigger."
    )
    assert (outcome.error.kind, outcome.error.message, outcome.error.node_id) == ("node_failed", message, "id-join")
    assert recorder.lines[-2:] == [
        ("started", "join", {"value": "{{ never }}"}),
        ("errored", "join", "node_failed", message),
    ]


async def test_a_failing_node_ends_the_flow_and_the_rest_is_skipped(
    flow: Flow, recorder: Recorder, scripted: Scripted
) -> None:
    scripted.scripts["fail"] = fail
    flow.add("check", after="trigger", key="fail")
    flow.add("after", after="check")
    outcome = await run_flow(flow, recorder)
    assert (outcome.replies, outcome.error) == (
        (),
        FlowError("node_failed", "the stock is empty", "Check: the stock is empty", "id-check", "Check", ()),
    )
    assert recorder.lines[2:] == [
        ("started", "check", {"key": "fail"}),
        ("errored", "check", "node_failed", "the stock is empty"),
        ("skipped", "after", "not reached: Check failed"),
    ]
    assert recorder.events[3].output == {"stock": 0}  # type: ignore[union-attr]


async def test_a_failing_branch_stops_the_ones_beside_it(flow: Flow, recorder: Recorder, scripted: Scripted) -> None:
    started = asyncio.Event()

    async def wait(parameters: Mapping[str, Any]) -> NodeResult:
        started.set()
        return await wait_for_ever(parameters)

    async def fail_then(parameters: Mapping[str, Any]) -> NodeResult:
        await started.wait()
        return await fail(parameters)

    scripted.scripts |= {"wait": wait, "fail": fail_then}
    flow.add("check", after="trigger", key="fail")
    flow.add("slow", after="trigger", key="wait")
    flow.add("after", after="slow")
    outcome = await run_flow(flow, recorder)
    assert outcome.error is not None
    assert outcome.error.node_name == "Check"
    assert recorder.lines[4:] == [
        ("errored", "check", "node_failed", "the stock is empty"),
        ("errored", "slow", "cancelled", f"Stopped because Check failed; {UNKNOWN}"),
        ("skipped", "after", "not reached: Check failed"),
    ]


async def test_a_node_type_that_crashes_tells_the_client_nothing_of_its_inside(
    flow: Flow, recorder: Recorder, scripted: Scripted
) -> None:
    async def crash(parameters: Mapping[str, Any]) -> NodeResult:
        try:
            raise OSError("disk of host db1 is full")
        except OSError as error:
            raise KeyError("password=hunter2") from error

    scripted.scripts["crash"] = crash
    flow.add("odd", after="trigger", key="crash")
    outcome = await run_flow(flow, recorder)
    client = "Odd stopped with an internal error; calling again with the same arguments is unlikely to help."
    causes = ("OSError: disk of host db1 is full",)
    assert outcome.error == FlowError("node_crashed", "KeyError: 'password=hunter2'", client, "id-odd", "Odd", causes)
    assert recorder.lines[-1] == ("errored", "odd", "node_crashed", "KeyError: 'password=hunter2'")


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ({"output": 1}, "TypeError: 'scripted' gave back dict, not a NodeResult"),
        (NodeResult(1, handle="sideways"), "ValueError: 'scripted' took the handle 'sideways', which it does not have"),
    ],
)
async def test_a_node_type_that_breaks_the_protocol_is_a_crash(
    flow: Flow, recorder: Recorder, scripted: Scripted, answer: Any, message: str
) -> None:
    async def answer_oddly(parameters: Mapping[str, Any]) -> Any:
        return answer

    scripted.scripts["odd"] = answer_oddly
    flow.add("odd", after="trigger", key="odd")
    flow.add("after", after="odd")
    outcome = await run_flow(flow, recorder)
    assert outcome.error is not None
    assert recorder.lines[-2:] == [
        ("errored", "odd", "node_crashed", message),
        ("skipped", "after", "not reached: Odd failed"),
    ]


@pytest.mark.parametrize("beside", [False, True])
async def test_a_cancellation_that_nobody_asked_for_is_a_crash(
    flow: Flow, recorder: Recorder, scripted: Scripted, beside: bool
) -> None:
    async def cancel_itself(parameters: Mapping[str, Any]) -> NodeResult:
        raise asyncio.CancelledError

    scripted.scripts["odd"] = cancel_itself
    flow.add("odd", after="trigger", key="odd")
    if beside:
        flow.add("other", after="trigger")
    outcome = await run_flow(flow, recorder)
    assert outcome.error is not None
    assert (outcome.error.kind, outcome.error.node_name) == ("node_crashed", "Odd")


async def test_filled_in_parameters_are_checked_again(flow: Flow, recorder: Recorder) -> None:
    flow.add("wait", "delay", after="trigger", seconds="{{ trigger.seconds }}")
    outcome = await run_flow(flow, recorder, {"seconds": "soon"})
    assert outcome.error is not None
    assert outcome.error.message == 'After its expressions were filled in: seconds: "soon" is not of type "number"'


async def test_a_flow_that_takes_too_long_is_stopped(flow: Flow, recorder: Recorder, scripted: Scripted) -> None:
    scripted.scripts["wait"] = wait_for_ever
    flow.add("slow", after="trigger", key="wait")
    flow.add("after", after="slow")
    outcome = await run_flow(flow, recorder, timeout=0.05)
    message = TIMEOUT.format("Slow")
    assert outcome.error == FlowError("timeout", message, message, "id-slow", "Slow")
    assert recorder.lines[3:] == [
        ("errored", "slow", "timeout", message),
        ("skipped", "after", "not reached: Slow failed"),
    ]
    assert 0.05 <= outcome.seconds < 5


async def test_every_node_that_was_running_at_the_timeout_timed_out(
    flow: Flow, recorder: Recorder, scripted: Scripted
) -> None:
    scripted.scripts["wait"] = wait_for_ever
    flow.add("a", after="trigger", key="wait")
    flow.add("b", after="trigger", key="wait")
    outcome = await run_flow(flow, recorder, timeout=0.05)
    assert outcome.error is not None
    assert outcome.error.kind == "timeout"
    assert sorted(recorder.lines[4:]) == [
        ("errored", "a", "timeout", TIMEOUT.format("A")),
        ("errored", "b", "timeout", TIMEOUT.format("B")),
    ]


async def test_a_node_types_own_timeout_error_is_not_the_flows(
    flow: Flow, recorder: Recorder, scripted: Scripted
) -> None:
    async def time_out(parameters: Mapping[str, Any]) -> NodeResult:
        raise TimeoutError("the lock was taken")

    scripted.scripts["odd"] = time_out
    flow.add("odd", after="trigger", key="odd")
    outcome = await run_flow(flow, recorder)
    assert outcome.error is not None
    assert (outcome.error.kind, outcome.error.message) == ("node_crashed", "TimeoutError: the lock was taken")


@pytest.mark.parametrize("beside", [False, True])
async def test_cancelling_the_task_reports_the_open_nodes_and_goes_on(
    flow: Flow, recorder: Recorder, scripted: Scripted, beside: bool
) -> None:
    started = asyncio.Event()

    async def wait(parameters: Mapping[str, Any]) -> NodeResult:
        started.set()
        return await wait_for_ever(parameters)

    scripted.scripts["wait"] = wait
    flow.add("slow", after="trigger", key="wait")
    if beside:
        flow.add("other", after="trigger", value=1)
    flow.add("after", after="slow")
    task = asyncio.create_task(run_flow(flow, recorder))
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert recorder.lines[-2:] == [
        ("errored", "slow", "cancelled", f"Cancelled; {UNKNOWN}"),
        ("skipped", "after", "the execution was cancelled"),
    ]


async def test_replies_come_in_the_order_in_which_they_were_given(
    flow: Flow, recorder: Recorder, scripted: Scripted
) -> None:
    scripted.scripts["reply"] = reply
    flow.add("a", after="trigger", key="reply", value=1)
    flow.add("b", after="a", key="reply", value=2)
    flow.add("c", "return", after="b", json={"n": "{{ b }}"})
    outcome = await run_flow(flow, recorder)
    assert outcome.replies == (Reply("1"), Reply("2"), Reply('{"n": 2}', structured={"n": 2}, is_structured=True))


async def test_replies_given_before_a_failure_are_kept(flow: Flow, recorder: Recorder, scripted: Scripted) -> None:
    scripted.scripts |= {"reply": reply, "fail": fail}
    flow.add("a", after="trigger", key="reply", value=1)
    flow.add("b", after="a", key="fail")
    outcome = await run_flow(flow, recorder)
    assert outcome.replies == (Reply("1"),)
    assert outcome.error is not None


async def test_the_beginning_of_a_node_that_ends_at_once_comes_with_its_end_or_before_what_it_says(flow: Flow) -> None:
    told: list[tuple[Any, ...]] = []

    def hear(event: Event) -> None:
        started = event.started.input if isinstance(event, NodeCompleted) and event.started is not None else None
        told.append((type(event).__name__, event.node.slug, *([started] if started is not None else [])))

    flow.add("made", "set_fields", after="trigger", fields={"n": "{{ trigger.n }}"})
    flow.add("talk", "log", after="made", message="hello")
    flow.add("wait", after="talk")
    flow.add("stop", "fail", after="wait", message="no")
    await run(flow.graph(), {"n": 1}, services=Services(), observers=[hear])
    assert told == [
        ("NodeCompleted", "trigger", {"n": 1}),
        ("NodeCompleted", "made", {"fields": {"n": 1}}),
        ("NodeStarted", "talk"),
        ("NodeLog", "talk"),
        ("NodeCompleted", "talk"),
        ("NodeStarted", "wait"),
        ("NodeCompleted", "wait"),
        ("NodeStarted", "stop"),
        ("NodeErrored", "stop"),
    ]


async def test_the_record_is_committed_before_each_node_with_effects(
    flow: Flow, recorder: Recorder, effectful: Effectful
) -> None:
    happened: list[str] = []

    async def commit() -> None:
        await asyncio.sleep(0)
        happened.append("committed")

    async def act(parameters: Mapping[str, Any]) -> NodeResult:
        happened.append("acted")
        return NodeResult(None)

    effectful.scripts["act"] = act
    flow.add("pure", after="trigger")
    flow.add("first", "effectful", after="pure", key="act")
    flow.add("second", "effectful", after="first", key="act")
    services = Services()
    await run(
        flow.graph(),
        None,
        services=services,
        observers=[lambda event: happened.append(event.node.slug) if isinstance(event, NodeStarted) else None],
        before_effects=commit,
    )
    # The trigger ends at once, so its beginning comes with its end.
    assert happened == ["pure", "first", "committed", "acted", "second", "committed", "acted"]


async def test_a_record_that_cannot_be_kept_ends_the_flow_before_the_effect(
    flow: Flow, recorder: Recorder, effectful: Effectful
) -> None:
    async def commit() -> None:
        raise Abort("the database is gone")

    async def act(parameters: Mapping[str, Any]) -> NodeResult:
        raise AssertionError("must not run")

    effectful.scripts["act"] = act
    flow.add("act", "effectful", after="trigger", key="act")
    with pytest.raises(Abort, match="the database is gone"):
        await run_flow(flow, recorder, before_effects=commit)
    assert [line[:2] for line in recorder.lines] == [
        ("started", "trigger"),
        ("completed", "trigger"),
        ("started", "act"),
    ]


async def test_what_a_node_says_for_the_client_stands_for_its_message(
    flow: Flow, recorder: Recorder, scripted: Scripted
) -> None:
    async def fail_quietly(parameters: Mapping[str, Any]) -> NodeResult:
        raise NodeFailed("10.0.0.1 is private", for_client="The shop did not answer.")

    scripted.scripts["fail"] = fail_quietly
    flow.add("shop", after="trigger", key="fail")
    outcome = await run_flow(flow, recorder)
    assert outcome.error is not None
    assert (outcome.error.message, outcome.error.for_client) == ("10.0.0.1 is private", "The shop did not answer.")
