"""Where calls come in."""

from collections.abc import Mapping
from typing import ClassVar

from flows.engine.node import MAIN, Json, NodeContext, NodeResult


class Trigger:
    """Starts the flow; its output is the arguments of the call."""

    type: ClassVar[str] = "trigger"
    title: ClassVar[str] = "Trigger"
    description: ClassVar[str] = "Where a call comes in. Its output is the call's arguments."
    icon: ClassVar[str] = "bolt"
    parameters_schema: ClassVar[Mapping[str, Json]] = {
        "type": "object",
        "properties": {},
        "additionalProperties": False,
    }
    handles: ClassVar[tuple[str, ...]] = (MAIN,)
    has_effects: ClassVar[bool] = False

    async def execute(self, parameters: Mapping[str, Json], context: NodeContext) -> NodeResult:
        """Pass the arguments on; the runner gives them in place of parameters."""
        return NodeResult(parameters)
