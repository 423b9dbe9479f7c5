"""Schemas that would be slow to check, called through MCP and REST: a call is answered or refused in words, soon."""

import json
from typing import Any

import pytest

from tests.definitions import answer, chain, node
from tests.live import LiveServer
from tests.mcp_client import ERAS, MODERN, connect
from tests.published import published, send

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(180)]

TOO_MUCH = (
    "checking this by the schema would take more than 2,000,000 steps. Send fewer values or less text in one call; if "
    "that is not possible, the schema has to be simplified"
)
PATTERNS = {f"^x{at}_[a-z]+$": {"type": "integer"} for at in range(400)}
DONE = chain(answer("done"))
MANY = chain(node("many", "set_fields", fields={"all": "{{ trigger.list }}"}), answer("{{ many }}"))
ALTERNATIVES = {"items": {"anyOf": [{"properties": {"k": {"const": at}}, "required": ["k"]} for at in range(49)]}}
CHECKED = chain(
    node("check", "validate", value="{{ trigger.list }}", schema=ALTERNATIVES, onInvalid="fail"), answer("done")
)
CHECKED["connections"][1]["sourceHandle"] = "valid"
FLOWS: dict[str, dict[str, Any]] = {
    "patterns": {"definition": DONE, "inputSchema": {"type": "object", "patternProperties": PATTERNS}},
    "write_only": {
        "definition": DONE,
        "inputSchema": {"type": "object", "patternProperties": {name: {"writeOnly": True} for name in PATTERNS}},
    },
    "differ": {
        "definition": DONE,
        "inputSchema": {"type": "object", "properties": {"list": {"type": "array", "uniqueItems": True}}},
    },
    "promises": {
        "definition": MANY,
        "inputSchema": {"type": "object", "properties": {"list": {"type": "array"}}},
        "outputSchema": {"type": "object", "properties": {"all": ALTERNATIVES}},
    },
    "validates": {
        "definition": CHECKED,
        "inputSchema": {"type": "object", "properties": {"list": {"type": "array"}}},
    },
}


@pytest.mark.parametrize("era", ERAS)
async def test_a_call_is_answered_or_refused_in_words(uvicorn_server: LiveServer, era: str) -> None:
    with published(uvicorn_server, FLOWS):
        async with connect(uvicorn_server, era) as client:

            async def call(tool: str, arguments: dict[str, Any]) -> tuple[bool, str]:
                result = await client.call_tool(tool, arguments)
                return result.is_error, result.content[0].text

            assert await call("patterns", {f"x{at}_a": at for at in range(400)}) == (False, '"done"')
            assert await call("patterns", {f"key{at}": at for at in range(90_000)}) == (
                True,
                f"The arguments do not fit the input schema of patterns:\n- {TOO_MUCH}\nCorrect them and call again.",
            )
            assert await call("write_only", {f"x{at}_a": "secret" for at in range(400)}) == (False, '"done"')
            assert await call("differ", {"list": [10**30 + at for at in range(50_000)]}) == (False, '"done"')
            assert await call("differ", {"list": [*(10**30 + at for at in range(50_000)), 10**30]}) == (
                True,
                "The arguments do not fit the input schema of differ:\n- list: the list of 50001 has non-unique "
                "elements\nCorrect them and call again.",
            )
            refused, text = await call("promises", {"list": [{"k": 48}] * 40_000})
            assert (refused, text) == (
                True,
                f"Answer: The answer does not fit the flow's output schema: {TOO_MUCH}. Calling again with the same "
                "arguments is unlikely to help; the flow or its output schema has to be corrected.",
            )
            assert await call("validates", {"list": [{"k": 48}] * 1_000}) == (False, '"done"')
            refused, text = await call("validates", {"list": [{"k": 48}] * 40_000})
            assert (refused, text) == (True, f"Check: The value does not fit the schema:\n- {TOO_MUCH}")


async def test_a_test_call_over_rest_is_refused_in_the_same_words(uvicorn_server: LiveServer) -> None:
    with published(uvicorn_server, {"patterns": FLOWS["patterns"]}) as ids:
        arguments = {f"key{at}": at for at in range(90_000)}
        with pytest.raises(AssertionError) as refused:
            send(uvicorn_server, "POST", f"flows/{ids['patterns']}/test/", {"arguments": arguments})
        assert json.loads(str(refused.value).split(": 400 ", 1)[1]) == {
            "arguments": [{"path": "", "message": TOO_MUCH, "key": ""}]
        }
        async with connect(uvicorn_server, MODERN) as client:
            assert not (await client.call_tool("greet", {"name": "Ada", "n": 1})).is_error
