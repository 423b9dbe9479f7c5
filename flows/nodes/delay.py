"""Wait."""

from collections.abc import Callable, Mapping
from typing import ClassVar

from flows.engine.node import MAIN, Json, NodeContext, NodeResult
from flows.engine.shapes import Shape, closed

MAX_SECONDS = 3600
"""The longest delay; for longer ones a client should not be waiting."""


class Delay:
    """Waits for a number of seconds; other branches go on meanwhile."""

    type: ClassVar[str] = "delay"
    title: ClassVar[str] = "Delay"
    description: ClassVar[str] = "Waits before the next node. The wait counts against the flow's timeout."
    group: ClassVar[str] = "Logic"
    icon: ClassVar[str] = "clock"
    help: ClassVar[str] = "Other branches go on meanwhile. The client waits too: keep it shorter than its patience."
    example: ClassVar[Mapping[str, Json]] = {"seconds": 2}
    parameters_schema: ClassVar[Mapping[str, Json]] = {
        "type": "object",
        "properties": {
            "seconds": {
                "type": "number",
                "title": "Seconds",
                "description": f"How long to wait, 0 to {MAX_SECONDS} seconds.",
                "minimum": 0,
                "maximum": MAX_SECONDS,
            },
        },
        "required": ["seconds"],
        "additionalProperties": False,
    }
    handles: ClassVar[tuple[str, ...]] = (MAIN,)
    # A long wait shows in the record all the same, within a quarter of a second.
    has_effects: ClassVar[bool] = False

    async def execute(self, parameters: Mapping[str, Json], context: NodeContext) -> NodeResult:
        """Wait, then say how long."""
        await context.sleep(parameters["seconds"])
        return NodeResult({"seconds": parameters["seconds"]})

    def output_schema_of(self, parameters: Mapping[str, Json], shape_of: Callable[[Json], Shape]) -> Shape:
        """How long it waited."""
        return closed({"seconds": {"type": "number"}})
