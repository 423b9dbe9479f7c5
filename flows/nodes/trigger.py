"""Where calls come in."""

from collections.abc import Mapping
from typing import ClassVar

from flows.engine.node import MAIN, Json, NodeContext, NodeResult


class Trigger:
    """Starts the flow; its output is the arguments of the call."""

    type: ClassVar[str] = "trigger"
    title: ClassVar[str] = "Trigger"
    description: ClassVar[str] = "Where a call comes in. Its output is the call's arguments."
    group: ClassVar[str] = "Start"
    icon: ClassVar[str] = "bolt"
    help: ClassVar[str] = (
        "Every flow has one. What a call may say is the flow's input schema, which is checked before anything runs; "
        "parameters with a default are filled in. Later nodes take an argument as {{ trigger.name }}."
    )
    example: ClassVar[Mapping[str, Json]] = {}
    parameters_schema: ClassVar[Mapping[str, Json]] = {
        "type": "object",
        "properties": {},
        "additionalProperties": False,
    }
    handles: ClassVar[tuple[str, ...]] = (MAIN,)
    has_effects: ClassVar[bool] = False
    is_immediate: ClassVar[bool] = True

    async def execute(self, parameters: Mapping[str, Json], context: NodeContext) -> NodeResult:
        """Pass the arguments on; the runner gives them in place of parameters."""
        return NodeResult(parameters)
