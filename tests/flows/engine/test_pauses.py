"""A flow that asks pauses, and goes on from a stored checkpoint as if it had never stopped; nothing is done twice."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any, ClassVar

import pytest

from flows.engine.errors import NodeFailed
from flows.engine.node import NodeContext, NodeResult, Reply, Reused, Services
from flows.engine.pauses import Asking, Checkpoint, Resumption
from flows.engine.questions import Question
from flows.engine.registry import Registry
from flows.engine.runner import Outcome, run
from flows.nodes import BUILTIN_NODE_TYPES
from tests.flows.engine.kit import Asks, Flow, Recorder, Scripted, fail, reply, wait_for_ever

pytestmark = pytest.mark.anyio

ASKABLE = Services(cannot_ask={"model": "it has none.", "roots": "it has none."}.get)
AT = 100.0


async def start(flow: Flow, recorder: Recorder, **options: Any) -> Outcome:
    async with asyncio.timeout(10):
        return await run(flow.graph(), {"n": 1}, **{"services": ASKABLE, "observers": [recorder]} | options)


async def resume(flow: Flow, recorder: Recorder, paused: Checkpoint | None, **answers: Any) -> Outcome:
    """Go on as another process would: from the JSON text of the checkpoint."""
    assert paused is not None
    kept = Checkpoint.of_json(json.loads(json.dumps(paused.as_json())))
    assert kept == paused
    by_id = {f"id-{slug}": answer for slug, answer in answers.items()}
    return await start(flow, recorder, resumed=Resumption(kept, by_id, AT))


async def test_a_flow_pauses_at_a_question_and_goes_on_with_the_answer(flow: Flow, recorder: Recorder) -> None:
    flow.add("before", after="trigger", value="{{ trigger.n }}")
    flow.add("ask", "asks", after="before", value="Is it {{ before }}?")
    flow.add("end", "return", after="ask", text="{{ before }}: {{ ask }}")
    first = await start(flow, recorder)
    assert (first.replies, first.error) == ((), None)
    assert first.paused is not None
    assert first.paused.asking == {"id-ask": Asking(Question("user", {"message": "Is it 1?"}))}
    assert recorder.lines[-2:] == [("started", "ask", {"value": "Is it 1?"}), ("asked", "ask", "user")]
    told = len(recorder.lines)
    second = await resume(flow, recorder, first.paused, ask="yes")
    assert (second.replies, second.error, second.paused) == ((Reply("1: yes"),), None, None)
    assert recorder.lines[told:] == [
        ("answered", "ask"),
        ("completed", "ask", "yes", "main"),
        ("started", "end", {"text": "1: yes"}),
        ("completed", "end", "1: yes", "main"),
    ]
    assert all(event.at >= AT for event in recorder.events[told:])


async def test_other_branches_end_before_the_flow_pauses_and_are_not_executed_again(
    flow: Flow, recorder: Recorder, scripted: Scripted
) -> None:
    done = []

    async def work(parameters: Mapping[str, Any]) -> NodeResult:
        await asyncio.sleep(0)
        done.append(parameters["value"])
        return NodeResult(parameters["value"], reply=Reply(parameters["value"]))

    scripted.scripts["work"] = work
    flow.add("ask", "asks", after="trigger")
    for slug in ("left", "right"):
        flow.add(slug, after="trigger", key="work", value=slug)
        flow.add(f"{slug}_next", after=slug, key="work", value=f"{slug} next")
    flow.add("other", after="left:other")
    flow.add("joined", "merge", after=("left_next", "ask", "right_next", "other"))
    flow.add("end", "return", after="joined", json="{{ joined }}")
    first = await start(flow, recorder)
    assert sorted(done) == ["left", "left next", "right", "right next"]
    assert ("skipped", "other", "no branch led here") in recorder.lines
    second = await resume(flow, recorder, first.paused, ask={"ok": True})
    assert len(done) == 4
    assert second.replies[:4] == first.replies
    assert second.replies[4].structured == {"left_next": "left next", "right_next": "right next", "ask": {"ok": True}}
    assert len([line for line in recorder.lines if line[:2] == ("skipped", "other")]) == 1
    assert sorted(line[1] for line in recorder.lines if line[0] == "started") == sorted(
        ["trigger", "ask", "left", "right", "left_next", "right_next", "joined", "end"]
    )


async def test_several_questions_are_one_pause_and_who_got_no_answer_asks_on(flow: Flow, recorder: Recorder) -> None:
    for slug in ("one", "two"):
        flow.add(slug, "asks", after="trigger", value=slug)
    flow.add("three", "asks", after="one", value="three {{ one }}")
    flow.add("end", "return", after=("three", "two"), text="{{ one }} {{ two }} {{ three }}")
    first = await start(flow, recorder)
    assert first.paused is not None
    assert list(first.paused.asking) == ["id-one", "id-two"]
    second = await resume(flow, recorder, first.paused, one=1)
    assert second.paused is not None
    assert {node_id: each.question.parameters for node_id, each in second.paused.asking.items()} == {
        "id-two": {"message": "two"},
        "id-three": {"message": "three 1"},
    }
    third = await resume(flow, recorder, second.paused, two=2, three=3)
    assert third.replies == (Reply("1 2 3"),)
    asked = [line[:2] for line in recorder.lines if line[0] in ("asked", "answered")]
    assert asked == [
        ("asked", "one"),
        ("asked", "two"),
        ("answered", "one"),
        ("asked", "three"),
        ("answered", "two"),
        ("answered", "three"),
    ]


async def test_a_node_that_asks_twice_gets_its_answers_in_order(flow: Flow, recorder: Recorder) -> None:
    flow.add("ask", "asks", after="trigger", count=2)
    first = await start(flow, recorder)
    second = await resume(flow, recorder, first.paused, ask="a")
    third = await resume(flow, recorder, second.paused, ask="b")
    assert third.paused is None
    assert [line for line in recorder.lines if line[1] == "ask"] == [
        ("started", "ask", {"count": 2}),
        ("asked", "ask", "user"),
        ("answered", "ask"),
        ("asked", "ask", "user"),
        ("answered", "ask"),
        ("completed", "ask", ["a", "b"], "main"),
    ]


async def test_a_question_is_no_failed_attempt_and_the_attempts_go_on_counting(
    flow: Flow, recorder: Recorder, asks: Asks
) -> None:
    tries = []

    async def fail_first(parameters: Mapping[str, Any]) -> None:
        tries.append(1)
        if len(tries) == 1:
            raise NodeFailed("not yet")

    asks.scripts["hesitate"] = fail_first
    retries = {"retries": {"attempts": 2, "backoffSeconds": 0}, "onError": "handle"}
    flow.add("ask", "asks", after="trigger", key="hesitate", settings=retries)
    flow.add("sorry", "return", after="ask:error", text="{{ ask.error.message }}")
    first = await start(flow, recorder)
    assert first.paused is not None
    assert first.paused.asking["id-ask"].attempt == 2
    second = await resume(flow, recorder, first.paused, ask="fail")
    assert second.replies == (Reply("that is no answer"),)
    assert [line[0] for line in recorder.lines if line[1] == "ask"] == [
        *("started", "attempt failed", "attempt", "asked", "answered", "errored"),
    ]


async def test_errors_that_the_flow_went_on_from_and_merges_that_took_the_first_survive(
    flow: Flow, recorder: Recorder, scripted: Scripted
) -> None:
    scripted.scripts |= {"fail": fail, "wait": wait_for_ever, "reply": reply}
    flow.add("broken", after="trigger", key="fail", settings={"onError": "continue"})
    flow.add("handled", after="trigger", key="fail", settings={"onError": "handle"})
    flow.add("after_error", after="handled:error", value="{{ handled.error.message }}")
    flow.add("quick", after="trigger", value="quick")
    flow.add("slow", after="trigger", key="wait")
    flow.add("idle", "asks", after="trigger")
    flow.add("first", "merge", after=("quick", "slow", "idle"), wait="first")
    flow.add("ask", "asks", after=("first", "broken"), value="{{ first }}")
    flow.add("end", "return", after=("ask", "after_error"), json=["{{ broken.error.kind }}", "{{ after_error }}"])
    first = await start(flow, recorder)
    assert first.paused is not None
    assert list(first.paused.asking) == ["id-ask"]
    left = "another branch arrived first, and the flow has ended without this one"
    assert [line for line in recorder.lines if line[0] == "errored" and line[1] in ("slow", "idle")] == [
        ("errored", "slow", "cancelled", f"Stopped: {left}; whether it took effect is not known."),
        ("errored", "idle", "cancelled", f"Not answered: {left}."),
    ]
    told = len(recorder.lines)
    second = await resume(flow, recorder, first.paused, ask=1)
    assert second.replies[0].structured == ["node_failed", "the stock is empty"]
    assert {line[1] for line in recorder.lines[told:]} == {"ask", "end"}


async def test_a_failure_elsewhere_ends_the_flow_with_the_question(
    flow: Flow, recorder: Recorder, scripted: Scripted
) -> None:
    scripted.scripts["fail"] = fail
    flow.add("ask", "asks", after="trigger")
    flow.add("step", after="trigger")
    flow.add("broken", after="step", key="fail")
    outcome = await start(flow, recorder)
    assert (outcome.paused, outcome.error and outcome.error.node_name) == (None, "Broken")
    assert recorder.lines[-1] == ("errored", "ask", "cancelled", "Not answered: Broken failed.")


async def test_cancelling_tells_that_the_question_stays_open(
    flow: Flow, recorder: Recorder, scripted: Scripted
) -> None:
    scripted.scripts["wait"] = wait_for_ever
    flow.add("ask", "asks", after="trigger")
    flow.add("slow", after="trigger", key="wait")
    task = asyncio.create_task(start(flow, recorder))
    async with asyncio.timeout(10):
        while ("started", "slow", {"key": "wait"}) not in recorder.lines:
            await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ("errored", "ask", "cancelled", "Not answered: the execution was cancelled.") in recorder.lines


async def test_waiting_does_not_count_for_the_timeout_and_working_does(
    flow: Flow, recorder: Recorder, scripted: Scripted
) -> None:
    async def take(parameters: Mapping[str, Any]) -> NodeResult:
        await asyncio.sleep(0.2)
        return NodeResult(None)

    scripted.scripts |= {"take": take, "wait": wait_for_ever}
    flow.add("work", after="trigger", key="take")
    flow.add("ask", "asks", after="work")
    flow.add("slow", after="ask", key="wait", settings={"timeoutSeconds": 60, "retries": {"attempts": 9}})
    first = await start(flow, recorder, timeout=1)
    assert first.paused is not None
    assert 0.2 <= first.paused.seconds < 1
    kept = Checkpoint.of_json(first.paused.as_json() | {"seconds": 0.95})
    second = await start(flow, recorder, timeout=1, resumed=Resumption(kept, {"id-ask": 1}, AT))
    assert second.error is not None
    assert (second.error.kind, second.error.node_name) == ("timeout", "Slow")
    assert AT < second.seconds < AT + 0.9


async def test_who_cannot_be_asked_fails_with_the_reason(flow: Flow, recorder: Recorder) -> None:
    flow.add("ask", "asks", after="trigger")
    outcome = await start(flow, recorder, services=Services())
    assert outcome.error is not None
    message = "'Ask' asks the user of its client, and this call cannot be asked: nobody is there who could answer."
    assert (outcome.error.message, outcome.error.for_client, outcome.error.unasked) == (message, message, "user")


async def test_asking_from_a_task_group_is_a_crash_of_the_node_type(flow: Flow, recorder: Recorder, asks: Asks) -> None:
    async def ask_in_a_group(parameters: Mapping[str, Any], context: Any) -> NodeResult:
        async def ask() -> None:
            context.ask(Question("user", {}))

        async with asyncio.TaskGroup() as group:
            group.create_task(ask())
        return NodeResult(None)

    asks.execute = ask_in_a_group  # type: ignore[method-assign]
    flow.add("ask", "asks", after="trigger")
    outcome = await start(flow, recorder)
    assert outcome.error is not None
    assert (outcome.error.kind, outcome.error.message) == (
        "node_crashed",
        "RuntimeError: the node type asked from a task group, where the question cannot get out",
    )


async def test_a_checkpoint_of_another_flow_or_version_is_refused(flow: Flow, recorder: Recorder) -> None:
    flow.add("ask", "asks", after="trigger")
    paused = (await start(flow, recorder)).paused
    assert paused is not None
    other = Flow(flow.registry)
    with pytest.raises(ValueError, match="no longer there"):
        await start(other, recorder, resumed=Resumption(paused, {}, AT))
    with pytest.raises(ValueError, match="have not asked"):
        await start(flow, recorder, resumed=Resumption(paused, {"id-trigger": 1}, AT))
    with pytest.raises(ValueError, match="another version"):
        Checkpoint.of_json(paused.as_json() | {"version": 0})


class WorksThenAsks(Scripted):
    """Does two items, unless they are done, then asks; against the advice to ask first."""

    type: ClassVar[str] = "works"
    done: ClassVar[list[int]] = []

    async def execute(self, parameters: Mapping[str, Any], context: NodeContext) -> NodeResult:
        for index in {0, 1} - set(context.finished):
            self.done.append(index)
            context.item_finished(index, f"item {index}", "an id")
        answer = context.ask(Question("user", {"message": "Go on?"}))
        return NodeResult([answer, *(item.output for item in context.finished.values())])


async def test_items_that_were_finished_before_the_pause_are_finished_after_it(recorder: Recorder) -> None:
    flow = Flow(Registry([*BUILTIN_NODE_TYPES, WorksThenAsks()]))
    flow.add("work", "works", after="trigger")
    first = await start(flow, recorder)
    assert recorder.lines[3:] == [
        ("finished", "work", 0, "item 0", "an id"),
        ("finished", "work", 1, "item 1", "an id"),
        ("asked", "work", "user"),
    ]
    told = len(recorder.lines)
    await resume(flow, recorder, first.paused, work="yes")
    assert recorder.lines[told:] == [("answered", "work"), ("completed", "work", ["yes", "item 0", "item 1"], "main")]
    assert WorksThenAsks.done == [0, 1]


def test_a_checkpoint_that_an_earlier_release_stored_can_be_read() -> None:
    stored = Checkpoint(1.0, (), (), frozenset(), {}).as_json() | {"reused": {"a": [1, "main", True]}}
    assert Checkpoint.of_json(stored).reused == {"a": Reused(1, "main", True)}
