"""Write a line into the execution's record, which clients may hear too."""

from collections.abc import Callable, Mapping
from typing import ClassVar

from flows.engine.expressions import as_text
from flows.engine.node import LOG_LEVELS, MAIN, Json, NodeContext, NodeResult
from flows.engine.shapes import Shape, closed


class Log:
    """Adds a line to the record, for the person who reads it; its output is that line."""

    type: ClassVar[str] = "log"
    title: ClassVar[str] = "Log"
    description: ClassVar[str] = "Writes a line into the execution's record, with a value beside it if you like."
    group: ClassVar[str] = "Logic"
    icon: ClassVar[str] = "text"
    help: ClassVar[str] = (
        "The line stands in the node's card on the execution's page. Clients that asked for log messages of that level "
        "get it at once, without the values of secrets; one that never asked gets info and above, if its protocol is "
        "older than 2026-07-28. What a code node prints is a debug line."
    )
    example: ClassVar[Mapping[str, Json]] = {
        "level": "warning",
        "message": "Stock is low: {{ fetch.body.stock }}",
        "data": "{{ fetch.body }}",
    }
    parameters_schema: ClassVar[Mapping[str, Json]] = {
        "type": "object",
        "properties": {
            "level": {"type": "string", "title": "Level", "enum": list(LOG_LEVELS), "default": "info"},
            "message": {
                # No type, as above all an expression may stand here.
                "title": "Message",
                "description": "What to note. Values that are not text are written as JSON.",
            },
            "data": {"title": "Data", "description": "Any JSON value, kept as it is."},
        },
        "required": ["message"],
        "additionalProperties": False,
    }
    handles: ClassVar[tuple[str, ...]] = (MAIN,)
    has_effects: ClassVar[bool] = False
    is_immediate: ClassVar[bool] = True
    speaks: ClassVar[bool] = True

    async def execute(self, parameters: Mapping[str, Json], context: NodeContext) -> NodeResult:
        """Write the line, and go on at once."""
        level, message = parameters.get("level", "info"), as_text(parameters["message"])
        data = parameters.get("data")
        context.log(level, message, data)
        return NodeResult({"level": level, "message": message, "data": data})

    def output_schema_of(self, parameters: Mapping[str, Json], shape_of: Callable[[Json], Shape]) -> Shape:
        """The line."""
        data = shape_of(parameters.get("data"))
        return closed({"level": {"type": "string"}, "message": {"type": "string"}, "data": data})
