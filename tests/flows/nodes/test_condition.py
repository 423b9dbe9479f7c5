"""A condition compares JSON values and takes one of two handles."""

from typing import Any

import pytest

from flows.engine.errors import NodeFailed
from flows.engine.node import NodeContext, NodeResult
from flows.nodes import registry
from flows.nodes.condition import Condition
from tests.flows.nodes.conftest import Execute

pytestmark = pytest.mark.anyio

MISSING: Any = object()


@pytest.mark.parametrize(
    ("left", "operator", "right", "result"),
    [
        (1, "equals", 1.0, True),
        (1, "equals", True, False),
        (0, "equals", False, False),
        ([1, {"a": [True]}], "equals", [1, {"a": [1]}], False),
        ({"a": 1, "b": 2}, "equals", {"b": 2, "a": 1.0}, True),
        ([1, 2], "equals", [1], False),
        ({"a": 1}, "equals", {"b": 1}, False),
        (None, "equals", None, True),
        ("1", "equals", 1, False),
        ("a", "not_equals", "b", True),
        (1, "not_equals", True, True),
        ([1], "not_equals", [1], False),
        (2, "greater", 1.5, True),
        (1, "greater", 1, False),
        ("b", "greater", "a", True),
        (1, "less", 2, True),
        ("b", "less", "a", False),
        ("hello", "contains", "ell", True),
        ("hello", "contains", "Ell", False),
        ([1, {"a": 2}], "contains", {"a": 2}, True),
        ([1], "contains", True, False),
        ({"key": None}, "contains", "key", True),
        ({"key": None}, "contains", "other", False),
        (0, "exists", MISSING, True),
        ("", "exists", MISSING, True),
        (None, "exists", MISSING, False),
        ({"a": 0}, "exists", "a", True),
        ({"a": None}, "exists", "a", False),
        ({"a": 0}, "exists", "b", False),
        (None, "exists", "a", False),
        ("text", "exists", "a", False),
        ([5, None], "exists", 0, True),
        ([5, None], "exists", 1, False),
        ([5, None], "exists", -1, False),
        ([5, None], "exists", True, False),
        ("x", "truthy", MISSING, True),
        ([], "truthy", MISSING, False),
        (0, "truthy", MISSING, False),
        (None, "truthy", MISSING, False),
    ],
)
async def test_the_handle_is_the_result(execute: Execute, left: Any, operator: str, right: Any, result: bool) -> None:
    parameters = {"left": left, "operator": operator} | ({} if right is MISSING else {"right": right})
    expected = NodeResult({"result": result}, handle="true" if result else "false")
    assert await execute("condition", parameters) == expected


@pytest.mark.parametrize(
    ("left", "operator", "right", "message"),
    [
        (1, "greater", "1", "'greater' compares two numbers or two texts; left is a number, right is text."),
        (None, "less", 1, "'less' compares two numbers or two texts; left is null, right is a number."),
        (True, "less", 1, "'less' compares two numbers or two texts; left is a boolean, right is a number."),
        ([], "greater", [], "'greater' compares two numbers or two texts; left is a list, right is a list."),
        (
            5,
            "contains",
            "5",
            "'contains' looks for text in text, an item in a list or a key in an object;"
            " left is a number, right is text.",
        ),
        (
            {"1": 1},
            "contains",
            1,
            "'contains' looks for text in text, an item in a list or a key in an object;"
            " left is an object, right is a number.",
        ),
    ],
)
async def test_what_cannot_be_compared_is_said_with_both_types(
    execute: Execute, left: Any, operator: str, right: Any, message: str
) -> None:
    with pytest.raises(NodeFailed) as caught:
        await execute("condition", {"left": left, "operator": operator, "right": right})
    assert caught.value.message == message


@pytest.mark.parametrize(
    ("parameters", "faults"),
    [
        ({"left": 1, "operator": "equals"}, ['"right" is a required property']),
        ({"left": 1, "operator": "exists"}, []),
        ({"left": 1, "operator": "truthy"}, []),
        ({"left": "{{ trigger }}", "operator": "{{ trigger.operator }}"}, []),
        (
            {"left": 1, "operator": "is", "right": 1},
            ['operator: use one of: "equals", "not_equals", "greater", "less", "contains", "exists", "truthy"'],
        ),
    ],
)
def test_right_is_asked_for_where_it_is_needed(parameters: Any, faults: list[str]) -> None:
    found = registry()["condition"].faults(parameters, "", before_filling=True)
    assert [str(fault) for fault in found] == faults


@pytest.mark.parametrize(("status", "result"), [(200, True), (404, False)])
async def test_an_expression_decides_too(execute: Execute, status: int, result: bool) -> None:
    parameters = {
        "expression": "status == 200 and any(item['price'] > 1 for item in items)",
        "inputs": {"status": status, "items": [{"price": 1}, {"price": 2}]},
    }
    expected = NodeResult({"result": result}, handle="true" if result else "false")
    assert await execute("condition", parameters) == expected


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("items", "The expression must give true or false, but it gave a list: items"),
        ("x = 1", "The expression must give true or false, but it gave null: x = 1"),
        ("items[5] > 1", "The expression failed at line 1: IndexError: list index out of range"),
        ("'a' * 10 ** 9 == ''", "The expression needed more than 8 MiB of memory. Let it hold less at a time."),
    ],
)
async def test_an_expression_that_does_not_decide_fails(execute: Execute, expression: str, message: str) -> None:
    with pytest.raises(NodeFailed) as caught:
        await execute("condition", {"expression": expression, "inputs": {"items": [1]}})
    assert caught.value.message == message


async def test_an_expression_needs_a_code_runner() -> None:
    with pytest.raises(NodeFailed, match="No code runner"):
        await Condition().execute({"expression": "True"}, NodeContext("e1", "Node"))


@pytest.mark.parametrize(
    ("parameters", "faults"),
    [
        ({}, ['"left" is a required property', '"operator" is a required property']),
        ({"expression": "True", "left": 1}, ["left: False schema does not allow 1"]),
        ({"left": 1, "operator": "truthy", "inputs": {}}, ["inputs: False schema does not allow {}"]),
        ({"expression": "x", "inputs": {"x": "{{ trigger }}"}}, []),
    ],
)
def test_it_is_either_a_comparison_or_an_expression(parameters: Any, faults: list[str]) -> None:
    found = registry()["condition"].faults(parameters, "", before_filling=True)
    assert [str(fault) for fault in found] == faults
