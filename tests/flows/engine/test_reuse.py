"""Outputs of an earlier execution stand for executing nodes once more."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from flows.engine.node import NodeResult, Reply, Reused, Services
from flows.engine.runner import Outcome, run
from tests.flows.engine.kit import Flow, Recorder, Scripted

pytestmark = pytest.mark.anyio

UNREACHED = "The flow no longer reaches a node with the id {0!r}, so its output has no use."


async def run_again(flow: Flow, recorder: Recorder, reused: Mapping[str, Reused], arguments: Any = None) -> Outcome:
    async with asyncio.timeout(10):
        return await run(flow.graph(), arguments, services=Services(), observers=[recorder], reused=reused)


async def must_not_run(parameters: Mapping[str, Any]) -> NodeResult:
    raise AssertionError("must not run")


async def test_a_reused_node_is_not_executed_and_the_rest_goes_on_from_its_output_and_handle(
    flow: Flow, recorder: Recorder, scripted: Scripted
) -> None:
    scripted.scripts["never"] = must_not_run
    flow.add("fetch", after="trigger", key="never", value="{{ trigger.gone }}")
    flow.add("beside", after="fetch", key="never")
    flow.add("found", after="fetch:other", value="{{ fetch.id }} for {{ trigger.name }}")
    flow.add("end", "return", after=("beside", "found"), json="{{ found }}")
    outcome = await run_again(flow, recorder, {"id-fetch": Reused({"id": 7}, handle="other")}, {"name": "Ada"})
    assert (outcome.replies, outcome.error) == ((Reply('"7 for Ada"', "7 for Ada", is_structured=True),), None)
    assert recorder.lines[2:] == [
        ("reused", "fetch", {"id": 7}, "other"),
        ("skipped", "beside", "no branch led here"),
        ("started", "found", {"value": "7 for Ada"}),
        ("completed", "found", "7 for Ada", "main"),
        ("started", "end", {"json": "7 for Ada"}),
        ("completed", "end", "7 for Ada", "main"),
    ]


async def test_the_trigger_too_may_be_reused(flow: Flow, recorder: Recorder) -> None:
    flow.add("end", "return", after="trigger", text="{{ trigger.name }}")
    outcome = await run_again(flow, recorder, {"id-trigger": Reused({"name": "Ada"})}, {"name": "Bob"})
    assert outcome.replies == (Reply("Ada"),)


@pytest.mark.parametrize(
    ("parameters", "output", "reply"),
    [
        ({"text": "{{ trigger }}"}, "hi", Reply("hi")),
        ({"json": "{{ trigger }}"}, "hi", Reply('"hi"', "hi", is_structured=True)),
    ],
)
async def test_what_a_reused_return_answered_is_answered_again(
    flow: Flow, recorder: Recorder, parameters: dict[str, Any], output: Any, reply: Reply
) -> None:
    flow.add("early", "return", after="trigger", **parameters)
    flow.add("late", "return", after="trigger", text="late")
    outcome = await run_again(flow, recorder, {"id-early": Reused(output, has_replied=True)})
    assert outcome.replies == (reply, Reply("late"))
    assert [event.has_replied for event in recorder.events if event.node.slug == "early"] == [True]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("reused", "message"),
    [
        (
            {"id-odd": Reused("x", has_replied=True)},
            "'Odd' answered the caller, and its node type 'scripted' cannot give that answer again. "
            "Start at that node, or before it.",
        ),
        ({"id-odd": Reused(1, handle="gone")}, "'Odd' no longer has the handle 'gone', which it took then."),
        ({"id-gone": Reused(1)}, "The flow no longer reaches a node with the id 'id-gone', so its output has no use."),
        (
            {"id-alone": Reused(1)},
            "The flow no longer reaches a node with the id 'id-alone', so its output has no use.",
        ),
    ],
)
async def test_outputs_that_do_not_fit_the_graph_are_refused_before_anything_happens(
    flow: Flow, recorder: Recorder, reused: dict[str, Reused], message: str
) -> None:
    flow.add("odd", after="trigger")
    flow.add("alone")
    with pytest.raises(ValueError) as raised:  # noqa: PT011 - the whole message is compared
        await run_again(flow, recorder, reused)
    assert (str(raised.value), recorder.lines) == (message, [])
