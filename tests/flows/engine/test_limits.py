"""An execution holds only so much; what is too much is an error that says what to change."""

import asyncio
from typing import Any

import pytest

from flows.engine.limits import Limits, size_of
from flows.engine.node import Services
from flows.engine.runner import FlowError, Outcome, run
from tests.flows.engine.kit import Flow, Recorder

pytestmark = pytest.mark.anyio

SMALL = Limits(answer_bytes=100, outputs_bytes=1000)


async def run_flow(flow: Flow, recorder: Recorder, arguments: Any) -> Outcome:
    async with asyncio.timeout(10):
        return await run(flow.graph(), arguments, services=Services(), observers=[recorder], limits=SMALL)


@pytest.mark.parametrize(("count", "is_too_much"), [(49, False), (50, False), (51, True)])
async def test_an_answer_beyond_the_limit_is_an_error_and_not_cut(
    flow: Flow, recorder: Recorder, count: int, is_too_much: bool
) -> None:
    flow.add("end", "return", after="trigger", text="{{ trigger }}")
    outcome = await run_flow(flow, recorder, "é" * count)
    message = (
        "The flow's answer has 102 bytes; 100 are allowed. Answer with less: fewer rows, fewer fields, or one part per "
        "call."
    )
    error = FlowError("node_failed", message, f"End: {message}", "id-end", "End")
    assert (outcome.error, len(outcome.replies)) == ((error, 0) if is_too_much else (None, 1))


@pytest.mark.parametrize(("count", "is_too_much"), [(11, False), (12, True)])
async def test_texts_are_counted_before_they_are_made(
    flow: Flow, recorder: Recorder, count: int, is_too_much: bool
) -> None:
    values = {"a": "{{ trigger }}-" * 4, "b": ["{{ trigger }} {{ trigger }} ", {"c": "{{ trigger }}{{ trigger }}"}]}
    flow.add("many", "set_fields", after="trigger", fields=values)
    flow.add("end", "return", after="many", text="done")
    outcome = await run_flow(flow, recorder, "x" * count)
    message = (
        "With the expressions filled in, the texts of this node have more than 100 characters, which is as much as a "
        "flow may answer. Fill in less: fewer expressions, or smaller values."
    )
    error = FlowError("node_failed", message, f"Many: {message}", "id-many", "Many")
    assert outcome.error == (error if is_too_much else None)


async def test_several_answers_share_the_limit(flow: Flow, recorder: Recorder) -> None:
    flow.add("a", "return", after="trigger", text="{{ trigger }}")
    flow.add("b", "return", after="trigger", text="{{ trigger }}")
    outcome = await run_flow(flow, recorder, "x" * 60)
    assert outcome.error is not None
    assert outcome.error.message.startswith("The flow's answer has 120 bytes")


async def test_the_outputs_of_all_nodes_together_are_bounded(flow: Flow, recorder: Recorder) -> None:
    flow.add("a", after="trigger", value="{{ trigger }}")
    flow.add("b", after="a", value="{{ trigger }}", settings={"retries": {"attempts": 9, "backoffSeconds": 3600}})
    outcome = await run_flow(flow, recorder, "x" * 348)
    message = (
        "With this output the nodes of the flow hold 1,050 bytes; 1,000 are allowed. Take less at a time, and pass on "
        "only what later nodes need."
    )
    assert outcome.error is not None
    assert (outcome.error.node_name, outcome.error.message) == ("B", message)


@pytest.mark.parametrize(
    ("value", "least", "most"),
    [
        ({"a": [1, None, "é"]}, 19, 19),
        (10**1000, 1000, 1300),
        (["\ud800" * 10, 2**70], 18, 40),
        ({1: b"abc", (1, 2): {3}}, 3, 60),
    ],
)
def test_any_value_has_a_size(value: Any, least: int, most: int) -> None:
    assert least <= size_of(value) <= most


def test_a_value_that_holds_itself_has_a_size() -> None:
    value: list[Any] = ["x" * 100]
    value.append(value)
    assert 100 <= size_of(value) < 200
