"""Build an object from values of earlier nodes."""

from collections.abc import Mapping
from typing import ClassVar

from flows.engine.node import MAIN, Json, NodeContext, NodeResult


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
