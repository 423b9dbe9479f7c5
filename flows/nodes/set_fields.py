"""Build an object from values of earlier nodes."""

from collections.abc import Callable, Mapping
from typing import ClassVar

from flows.engine.node import MAIN, Json, NodeContext, NodeResult
from flows.engine.shapes import Shape


class SetFields:
    """Gives out the object that its parameters spell."""

    type: ClassVar[str] = "set_fields"
    title: ClassVar[str] = "Set fields"
    description: ClassVar[str] = "Makes an object from values that you write or take from earlier nodes."
    icon: ClassVar[str] = "edit"
    parameters_schema: ClassVar[Mapping[str, Json]] = {
        "type": "object",
        "properties": {
            "fields": {
                "type": "object",
                "title": "Fields",
                "description": "The names and values of the object, which is this node's output.",
            },
        },
        "required": ["fields"],
        "additionalProperties": False,
    }
    handles: ClassVar[tuple[str, ...]] = (MAIN,)
    has_effects: ClassVar[bool] = False

    async def execute(self, parameters: Mapping[str, Json], context: NodeContext) -> NodeResult:
        """Give out the object."""
        return NodeResult(parameters["fields"])

    def output_schema_of(self, parameters: Mapping[str, Json], shape_of: Callable[[Json], Shape]) -> Shape:
        """The object that the fields spell."""
        return shape_of(parameters["fields"])
