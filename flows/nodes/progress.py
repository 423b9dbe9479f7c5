"""Tell the caller how far the flow is."""

from collections.abc import Callable, Mapping
from typing import ClassVar

from flows.engine.expressions import as_text
from flows.engine.node import MAIN, Json, NodeContext, NodeResult
from flows.engine.shapes import Shape, closed


class Progress:
    """Reports how far the flow is; its output is what it reported."""

    type: ClassVar[str] = "progress"
    title: ClassVar[str] = "Progress"
    description: ClassVar[str] = "Tells how far the flow is, in a sentence or as a share, while the caller waits."
    group: ClassVar[str] = "Logic"
    icon: ClassVar[str] = "clock"
    help: ClassVar[str] = (
        "Clients that asked for progress get it at once, and the execution's page shows it while the flow is under "
        "way. Give a fraction when you know how much is left, else a message alone."
    )
    example: ClassVar[Mapping[str, Json]] = {"message": "Reading page 2 of 4", "fraction": 0.5}
    parameters_schema: ClassVar[Mapping[str, Json]] = {
        "type": "object",
        "properties": {
            "message": {
                # No type: an expression alone keeps its JSON type, and is written as JSON.
                "title": "Message",
                "description": "What is happening now. Values that are not text are written as JSON.",
            },
            "fraction": {
                "type": "number",
                "title": "Fraction",
                "description": "How much is done, from 0 to 1.",
                "minimum": 0,
                "maximum": 1,
            },
        },
        "minProperties": 1,
        "additionalProperties": False,
    }
    handles: ClassVar[tuple[str, ...]] = (MAIN,)
    has_effects: ClassVar[bool] = False
    is_immediate: ClassVar[bool] = True
    speaks: ClassVar[bool] = True

    async def execute(self, parameters: Mapping[str, Json], context: NodeContext) -> NodeResult:
        """Report, and go on at once."""
        fraction, message = parameters.get("fraction"), as_text(parameters.get("message", ""))
        context.report(fraction, message)
        return NodeResult({"fraction": fraction, "message": message})

    def output_schema_of(self, parameters: Mapping[str, Json], shape_of: Callable[[Json], Shape]) -> Shape:
        """What was reported."""
        return closed({"fraction": {"type": ["number", "null"]}, "message": {"type": "string"}})
