"""A code node computes with Python; what it prints and where it failed can be read."""

from typing import Any

import pytest

from flows.adapters.sandbox import code_runner
from flows.engine.errors import NodeFailed
from flows.engine.node import NodeContext, NodeResult
from flows.nodes import registry
from flows.nodes.code import Code
from tests.flows.nodes.conftest import Execute

pytestmark = pytest.mark.anyio


class Lines:
    """Keeps what a node logs."""

    def __init__(self) -> None:
        self.lines: list[Any] = []

    def progress(self, node_id: str, fraction: float | None, message: str) -> None:
        raise AssertionError("code reports no progress")

    def release(self, node_id: str) -> None:
        raise AssertionError("code releases no client")

    def log(self, *line: Any) -> None:
        self.lines.append(line)


async def test_the_output_is_what_the_code_gives_back(execute: Execute) -> None:
    source = "total = sum(line['price'] for line in order['lines'])\nreturn {'total': total, 'paid': total > limit}"
    inputs = {"order": {"lines": [{"price": 2}, {"price": 3}]}, "limit": 4}
    assert await execute("code", {"source": source, "inputs": inputs}) == NodeResult({"total": 5, "paid": True})


async def test_without_inputs_it_still_runs(execute: Execute) -> None:
    assert await execute("code", {"source": "[n * n for n in range(3)]"}) == NodeResult([0, 1, 4])


async def test_what_is_printed_is_logged_line_by_line_also_before_a_failure() -> None:
    reporter = Lines()
    context = NodeContext("e1", "Node", node_id="n1", reporter=reporter, code=code_runner())
    with pytest.raises(NodeFailed) as caught:
        await Code().execute({"source": "print('looking at', n)\nprint('a\\nb')\n1 / n", "inputs": {"n": 0}}, context)
    assert caught.value.message == "The code failed at line 3: ZeroDivisionError: division by zero"
    assert reporter.lines == [
        ("n1", "debug", "looking at 0", None),
        ("n1", "debug", "a", None),
        ("n1", "debug", "b", None),
    ]


async def test_without_a_code_runner_it_says_so() -> None:
    with pytest.raises(NodeFailed, match="No code runner"):
        await Code().execute({"source": "1"}, NodeContext("e1", "Node"))


@pytest.mark.parametrize(
    ("parameters", "faults"),
    [
        ({}, ['"source" is a required property']),
        ({"source": ""}, ['source: "" is shorter than 1 character']),
        ({"source": "1", "inputs": []}, ['inputs: [] is not of type "object"']),
        ({"source": "1", "inputs": {"a b": 1}}, ['inputs: "a b" does not match "^[A-Za-z_][A-Za-z0-9_]*$"']),
    ],
)
def test_wrong_parameters_are_named(parameters: Any, faults: list[str]) -> None:
    found = registry()["code"].faults(parameters, "", before_filling=True)
    assert [str(fault) for fault in found] == faults
