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


MISSING = (
    "calendar, enum, fractions, heapq, html, operator, secrets, statistics, string, textwrap, urllib, uuid or zoneinfo"
)
EXACT = "Decimal('2.675').quantize(Decimal('0.01'), rounding=ROUND_HALF_UP)"
DECIMAL = "from decimal import Decimal, ROUND_HALF_UP\n"
TOLD: list[tuple[str, str, Any]] = [
    ("0.1 + 0.2 is 0.30000000000000004", "0.1 + 0.2", 0.30000000000000004),
    ("Decimal made from text, which is given back as text", f"{DECIMAL}Decimal('19.99') * 3", "59.97"),
    ("round(2.675, 2) is 2.67", "round(2.675, 2)", 2.67),
    ("as f'{2.675:.2f}' is", "f'{2.675:.2f}'", "2.67"),
    (f"{EXACT} is 2.68", DECIMAL + EXACT, "2.68"),
    ("$ does not match before a line break at the end", "import re\nbool(re.search('a$', 'a\\n'))", False),
    ("and \\Z does", "import re\nbool(re.search(r'a\\Z', 'a\\n'))", True),
    ("an empty match behind another match is lost", "import re\nre.sub('x*', '-', 'abxc')", "-a-b-c-"),
    ("\\n in a replacement stays two characters", "import re\nre.sub('b', r'\\n', 'abc')", "a\\nc"),
    ("a replacement is no function", "import re\nre.sub('b', lambda found: 'x', 'abc')", "TypeError"),
    ("A generator is a list", "type(n for n in [1]).__name__", "list"),
    ("next() of it fails", "next(n for n in [1])", "TypeError"),
    ("any() looks at everything", "seen = []\nany(seen.append(n) or True for n in [1, 2])\nseen", [1, 2]),
    ("yield, del and class inheritance are missing", "def numbers():\n    yield 1", "NotImplementedError"),
    ("yield, del and class inheritance are missing", "a = 1\ndel a", "NotImplementedError"),
    ("yield, del and class inheritance are missing", "class A(int):\n    pass", "NotImplementedError"),
    ("key=str.lower", "sorted(['b', 'A'], key=str.lower)", "AttributeError"),
    ("write a lambda", "sorted(['b', 'A'], key=lambda word: word.lower())", ["A", "b"]),
    *((MISSING, f"import {name}", "ModuleNotFoundError") for name in MISSING.replace(" or", ",").split(", ")),
]


@pytest.mark.parametrize(("words", "source", "value"), TOLD)
async def test_what_the_help_says_of_its_python_is_so(execute: Execute, words: str, source: str, value: Any) -> None:
    assert words in Code.help
    if str(value).endswith("Error"):
        with pytest.raises(NodeFailed, match=f": {value}: "):
            await execute("code", {"source": source})
    else:
        assert await execute("code", {"source": source}) == NodeResult(value)


async def test_amounts_are_rounded_as_everywhere_in_python(execute: Execute) -> None:
    amounts = [cents / 1000 for cents in range(-2_000, 12_000, 5)] + [46.505, 0.5]
    source = "return [[round(n, 2), round(n, ndigits=1), round(n), round(n, -1), round(n, 0)] for n in amounts]"
    rounded = [[round(n, 2), round(n, 1), round(n), round(n, -1), round(n, 0)] for n in amounts]
    inputs = {"amounts": amounts}
    assert await execute("code", {"source": source, "inputs": inputs}) == NodeResult(rounded)


async def test_what_cannot_be_rounded_is_told_with_its_own_line(execute: Execute) -> None:
    with pytest.raises(NodeFailed) as caught:
        await execute("code", {"source": "a = 1\n\n\n\n\n\n\nround('a', 2)"})
    assert caught.value.message == "The code failed at line 8: TypeError: type str doesn't define __round__ method"
