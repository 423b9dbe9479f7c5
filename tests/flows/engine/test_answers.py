"""A flow with an output schema answers with one JSON value that fits it, or fails at the node that answered."""

import asyncio
from typing import Any

import pytest

from flows.engine.node import Reused, Services
from flows.engine.runner import FlowError, Outcome, run
from flows.schemas.compiled import compile_schema
from tests.flows.engine.kit import Flow, Recorder

pytestmark = pytest.mark.anyio

ROWS = compile_schema(
    {
        "type": "object",
        "properties": {"rows": {"type": "array", "items": {"properties": {"id": {"type": "integer"}}}}},
        "required": ["rows"],
    }
)
WRONG = {"rows": [{"id": 1}, {"id": "x"}]}
MISFIT = 'The answer does not fit the flow\'s output schema: rows[1].id: "x" is not of type "integer".'
HINT = "Calling again with the same arguments is unlikely to help; the flow or its output schema has to be corrected."
ONE = "The flow has an output schema, so exactly one node has to answer with a JSON value; "


async def answered(flow: Flow, recorder: Recorder, arguments: Any, **options: Any) -> Outcome:
    async with asyncio.timeout(10):
        return await run(
            flow.graph(), arguments, services=Services(), observers=[recorder], output_schema=ROWS, **options
        )


async def test_an_answer_that_fits_goes_out_beside_text(flow: Flow, recorder: Recorder) -> None:
    flow.add("json", "return", after="trigger", json="{{ trigger }}")
    flow.add("text", "return", after="trigger", text="Two rows")
    outcome = await answered(flow, recorder, {"rows": []})
    assert (outcome.error, [reply.structured for reply in outcome.replies]) == (None, [{"rows": []}, None])


async def test_the_node_whose_answer_does_not_fit_fails_once_and_names_the_path(flow: Flow, recorder: Recorder) -> None:
    flow.add("end", "return", after="trigger", json="{{ trigger }}", settings={"retries": {"attempts": 3}})
    outcome = await answered(flow, recorder, WRONG)
    assert (outcome.replies, outcome.error) == (
        (),
        FlowError("node_failed", MISFIT, f"End: {MISFIT} {HINT}", "id-end", "End"),
    )
    assert recorder.lines[2:] == [("started", "end", {"json": WRONG}), ("errored", "end", "node_failed", MISFIT)]


async def test_a_reused_answer_is_held_against_the_schema_too(flow: Flow, recorder: Recorder) -> None:
    flow.add("end", "return", after="trigger", json="{{ trigger }}")
    outcome = await answered(flow, recorder, {}, reused={"id-end": Reused(WRONG, has_replied=True)})
    assert (outcome.error and outcome.error.message) == MISFIT
    assert recorder.lines[-1] == ("errored", "end", "node_failed", MISFIT)


@pytest.mark.parametrize(
    ("answers", "message", "node_name"),
    [
        ({}, f"{ONE}no node answered.", None),
        ({"a": {"text": "hi"}}, f"{ONE}there were other answers only: 'A'.", "A"),
        ({"a": {"json": {"rows": []}}, "b": {"json": {"rows": []}}}, f"{ONE}these did: 'A', 'B'.", "B"),
    ],
)
async def test_no_json_answer_or_more_than_one_is_a_failure_of_the_flow(
    flow: Flow, recorder: Recorder, answers: dict[str, Any], message: str, node_name: str | None
) -> None:
    for slug, parameters in answers.items():
        flow.add(slug, "return", after="trigger", **parameters)
    outcome = await answered(flow, recorder, {})
    node_id = node_name and f"id-{node_name.lower()}"
    assert outcome.error == FlowError("node_failed", message, f"{message} {HINT}", node_id, node_name)


async def test_a_failure_before_the_answer_is_the_one_that_is_told(flow: Flow, recorder: Recorder) -> None:
    flow.add("end", "return", after="trigger", json="{{ trigger.gone }}")
    outcome = await answered(flow, recorder, {})
    assert outcome.error is not None
    assert "gone" in outcome.error.message


async def test_the_wrong_one_of_many_rows_is_found(flow: Flow, recorder: Recorder) -> None:
    flow.add("end", "return", after="trigger", json="{{ trigger }}")
    outcome = await answered(flow, recorder, {"rows": [{"id": 1}] * 60_000 + [{"id": "x"}]})
    assert outcome.error is not None
    assert outcome.error.message == MISFIT.replace("rows[1]", "rows[60000]")
