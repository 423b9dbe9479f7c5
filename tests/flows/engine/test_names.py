"""How names are written: one rule, wherever they are typed."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from flows.engine.errors import DefinitionError
from flows.engine.paths import parse
from flows.models import SECRET_NAME, TOOL_NAME, empty_definition, empty_input_schema
from flows.nodes.call_flow import CallFlow
from flows.publishing import versions
from flows.schemas.compiled import compile_schema
from flows.transfer import files


def takes(check: Callable[..., Any], value: Any) -> bool:
    try:
        check(value)
    except (DefinitionError, ValidationError):
        return False
    return True


@pytest.mark.parametrize("name", ["a", "a1_b", "a" * 64, "a" * 65, "A", "1a", "_a", "a-b", "é", ""])
def test_tool_names_and_slugs_are_written_alike_everywhere(name: str) -> None:
    definition = empty_definition()
    words = {"name": "A flow", "toolName": name, "toolDescription": "Does."}
    flow = words | {"inputSchema": empty_input_schema(), "definition": empty_definition()}
    definition["nodes"][0]["slug"] = name
    called = compile_schema(dict(CallFlow.parameters_schema)).faults({"flow": name})
    assert [
        takes(TOOL_NAME, name),
        takes(files.contents_of, {"format": files.FORMAT, "version": files.VERSION, "flows": [flow]}),
        takes(versions.graph_of, definition),
        called == [],
    ] == [name in ("a", "a1_b", "a" * 64)] * 4


@pytest.mark.parametrize("name", ["A", "API_KEY_2", "A" * 64, "A" * 65, "a", "1A", "_A", "A-B", "É", "", "A\n"])
def test_a_secret_has_the_name_that_an_expression_can_say(name: str) -> None:
    said = parse(f'secrets["{name}"]').secret_name is not None
    assert [takes(SECRET_NAME, name), said] == [name in ("A", "API_KEY_2", "A" * 64)] * 2
