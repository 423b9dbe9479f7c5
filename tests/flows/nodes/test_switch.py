"""A switch takes the first case that holds, and its ways out are the names of its cases."""

from typing import Any

import pytest

from flows.engine.errors import NodeFailed
from flows.engine.node import NodeContext, NodeResult
from flows.nodes import registry
from flows.nodes.switch import Switch
from tests.flows.nodes.conftest import Execute

pytestmark = pytest.mark.anyio

CASES = [
    {"name": "paid", "operator": "equals", "right": "paid"},
    {"name": "large", "expression": "value == 'open' and total > limit"},
    {"name": "paid", "operator": "equals", "right": "settled"},
    {"name": "known", "operator": "truthy"},
]


@pytest.mark.parametrize(
    ("value", "total", "case"),
    [("paid", 0, "paid"), ("open", 11, "large"), ("settled", 0, "paid"), ("open", 9, "known"), ("", 0, "default")],
)
async def test_the_first_case_that_holds_is_taken(execute: Execute, value: Any, total: int, case: str) -> None:
    parameters = {"value": value, "cases": CASES, "inputs": {"total": total, "limit": 10}}
    assert await execute("switch", parameters) == NodeResult({"case": case}, handle=case)


async def test_an_expression_that_is_neither_true_nor_false_fails(execute: Execute) -> None:
    with pytest.raises(NodeFailed) as caught:
        await execute("switch", {"cases": [{"name": "a", "expression": "1 + 1"}]})
    assert caught.value.message == "The expression must give true or false, but it gave a number: 1 + 1"


def test_the_handles_are_the_names_of_the_cases_then_the_default() -> None:
    assert registry()["switch"].handles({"cases": CASES}) == ("paid", "large", "known", "default")


async def test_without_a_code_runner_only_expressions_fail() -> None:
    context = NodeContext("e1", "Node")
    result = await Switch().execute({"value": "paid", "cases": CASES}, context)
    assert result.handle == "paid"
    with pytest.raises(NodeFailed, match="No code runner"):
        await Switch().execute({"value": "open", "cases": CASES}, context)


@pytest.mark.parametrize(
    ("parameters", "faults"),
    [
        ({}, ['"cases" is a required property']),
        ({"cases": []}, ["cases: [] has less than 1 item"]),
        ({"cases": [{"operator": "truthy"}]}, ['cases[0]: "name" is a required property']),
        ({"cases": [{"name": "a"}]}, ['cases[0]: "operator" is a required property']),
        ({"cases": [{"name": "a", "operator": "equals"}]}, ['cases[0]: "right" is a required property']),
        (
            {"cases": [CASES[0], {"name": "error", "operator": "truthy"}]},
            ["cases[1].name: 'error' is the way out of a node that failed; choose another name"],
        ),
        (
            {"cases": [{"name": "Not a name", "operator": "truthy"}]},
            ['cases[0].name: "Not a name" does not match "^[a-z][a-z0-9_]{0,31}$"'],
        ),
        (
            {"cases": [{"name": "a", "expression": "True", "operator": "truthy"}]},
            ['cases[0].operator: False schema does not allow "truthy"'],
        ),
    ],
)
def test_wrong_parameters_are_named(parameters: Any, faults: list[str]) -> None:
    found = registry()["switch"].faults(parameters, "", before_filling=True)
    assert [str(fault) for fault in found] == faults
