"""Compute with Python."""

from collections.abc import Mapping
from typing import ClassVar

from flows.engine.errors import NodeFailed
from flows.engine.node import MAIN, Json, NodeContext, NodeResult

INPUTS_SCHEMA: Mapping[str, Json] = {
    "type": "object",
    "title": "Inputs",
    "description": 'The variables that the code finds, by name: {"order": "{{ fetch.body }}"}.',
    "propertyNames": {"pattern": "^[A-Za-z_][A-Za-z0-9_]*$"},
}


class Code:
    """Runs Python in the sandbox; its output is what the code gives back."""

    type: ClassVar[str] = "code"
    title: ClassVar[str] = "Code"
    description: ClassVar[str] = "Computes a value with Python, away from files, network and everything else."
    icon: ClassVar[str] = "code"
    parameters_schema: ClassVar[Mapping[str, Json]] = {
        "type": "object",
        "properties": {
            "source": {
                "type": "string",
                "title": "Source",
                "description": (
                    "Python. The output is what it returns (return works outside a function too), else the value of "
                    "its last expression. Nothing is filled in here: name what the code needs under Inputs."
                ),
                "minLength": 1,
                "maxLength": 100_000,
                "x-literal": True,
            },
            "inputs": INPUTS_SCHEMA,
        },
        "required": ["source"],
        "additionalProperties": False,
    }
    handles: ClassVar[tuple[str, ...]] = (MAIN,)
    has_effects: ClassVar[bool] = False

    async def execute(self, parameters: Mapping[str, Json], context: NodeContext) -> NodeResult:
        """Run the source; raises NodeFailed that names the line, or the limit that was met."""
        if context.code is None:
            raise NodeFailed("No code runner was lent to this execution.")
        printed: list[str] = []
        try:
            value = await context.code.run(parameters["source"], parameters.get("inputs", {}), printed.append)
        except NodeFailed as failed:
            if printed:
                failed.detail = {"printed": "".join(printed)} | (
                    failed.detail if isinstance(failed.detail, dict) else {}
                )
            raise
        return NodeResult(value)
