"""A template gives out text, whatever stands in it."""

from typing import Any

import pytest

from flows.engine.node import NodeResult
from tests.flows.nodes.conftest import Execute

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("filled", "text"), [("Order 7 is paid.", "Order 7 is paid."), (7, "7"), ({"a": ["é"]}, '{"a": ["é"]}'), ("", "")]
)
async def test_the_output_is_text(execute: Execute, filled: Any, text: str) -> None:
    assert await execute("template", {"text": filled}) == NodeResult(text)
