"""Trigger, delay, fail and return."""

import asyncio
from typing import Any

import pytest

from flows.engine.errors import NodeFailed
from flows.engine.node import NodeContext, NodeResult, Reply
from flows.nodes import registry
from flows.nodes.trigger import Trigger
from tests.flows.nodes.conftest import Execute

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("arguments", [{"name": "Ada"}, {}, None, [1]])
async def test_the_triggers_output_is_the_arguments(arguments: Any) -> None:
    assert await Trigger().execute(arguments, NodeContext("e1", "Start")) == NodeResult(arguments)


async def test_delay_waits_and_lets_others_go_on(execute: Execute) -> None:
    waiting = asyncio.create_task(execute("delay", {"seconds": 3600}))
    await asyncio.sleep(0)
    assert not waiting.done()
    waiting.cancel()
    assert await execute("delay", {"seconds": 0}) == NodeResult({"seconds": 0})


async def test_fail_speaks_to_the_caller_in_its_own_words(execute: Execute) -> None:
    with pytest.raises(NodeFailed) as caught:
        await execute("fail", {"message": "Give an order number."})
    assert (caught.value.message, caught.value.for_client) == ("Give an order number.",) * 2


@pytest.mark.parametrize(
    ("value", "text"), [("Hi", "Hi"), (3, "3"), (None, "null"), ({"a": "é"}, '{"a": "é"}'), (True, "true"), ("", "")]
)
async def test_return_text_answers_with_text(execute: Execute, value: Any, text: str) -> None:
    assert await execute("return", {"text": value}) == NodeResult(text, reply=Reply(text))


@pytest.mark.parametrize(
    ("value", "text"), [({"a": "é"}, '{"a": "é"}'), ([1, None], "[1, null]"), ("x", '"x"'), (None, "null")]
)
async def test_return_json_answers_with_the_value_and_its_text(execute: Execute, value: Any, text: str) -> None:
    reply = Reply(text, structured=value, is_structured=True)
    assert await execute("return", {"json": value}) == NodeResult(value, reply=reply)


@pytest.mark.parametrize(
    ("value", "reply"),
    [
        ("Hi", Reply("Hi")),
        ({"a": "é"}, Reply('{"a": "é"}', structured={"a": "é"}, is_structured=True)),
        (0, Reply("0", structured=0, is_structured=True)),
        ([], Reply("[]", structured=[], is_structured=True)),
        (None, Reply("Done: 204.")),
        (" \n", Reply("Done: 204.")),
    ],
)
async def test_return_gives_text_as_text_and_other_values_as_json(execute: Execute, value: Any, reply: Reply) -> None:
    result = await execute("return", {"asItComes": {"value": value, "ifEmpty": "Done: 204."}})
    assert result == NodeResult(reply.structured if reply.is_structured else reply.text, reply=reply)


async def test_return_gives_nothing_as_null_where_nothing_else_is_said(execute: Execute) -> None:
    reply = Reply("null", structured=None, is_structured=True)
    assert await execute("return", {"asItComes": {"value": None}}) == NodeResult(None, reply=reply)


@pytest.mark.parametrize(
    ("node_type", "parameters", "faults"),
    [
        ("trigger", {"x": 1}, ["parameters: Additional properties are not allowed ('x' was unexpected)"]),
        ("delay", {"seconds": 3601}, ["parameters.seconds: 3601 is greater than the maximum of 3600"]),
        ("delay", {"seconds": "{{ trigger.n }}"}, []),
        ("fail", {"message": ""}, ['parameters.message: "" is shorter than 1 character']),
        ("return", {}, ["parameters: {} has less than 1 property"]),
        ("return", {"text": "a", "json": 1}, ['parameters: {"json":1,"text":"a"} has more than 1 property']),
    ],
)
def test_wrong_parameters_are_named(node_type: str, parameters: Any, faults: list[str]) -> None:
    found = registry()[node_type].faults(parameters, "parameters", before_filling=True)
    assert [str(fault) for fault in found] == faults
