"""End the flow on purpose, as a failure."""

from collections.abc import Mapping
from typing import ClassVar

from flows.engine.errors import NodeFailed
from flows.engine.node import Json, NodeContext, NodeResult


class Fail:
    """Stops the flow; its message is what the caller reads."""

    type: ClassVar[str] = "fail"
    title: ClassVar[str] = "Fail"
    description: ClassVar[str] = "Stops the flow and answers the caller with an error."
    group: ClassVar[str] = "Output"
    icon: ClassVar[str] = "stop"
    help: ClassVar[str] = (
        "Use it where a call cannot be answered: the result is marked as an error, and the model reads the message as "
        "you write it. Branches that are still under way are stopped."
    )
    example: ClassVar[Mapping[str, Json]] = {"message": "There is no order {{ trigger.order_id }}. Check the id."}
    parameters_schema: ClassVar[Mapping[str, Json]] = {
        "type": "object",
        "properties": {
            "message": {
                "type": "string",
                "title": "Message",
                "description": "What the caller reads. Say what to change, so that the next call can go well.",
                "minLength": 1,
            },
        },
        "required": ["message"],
        "additionalProperties": False,
    }
    handles: ClassVar[tuple[str, ...]] = ()
    has_effects: ClassVar[bool] = False
    is_immediate: ClassVar[bool] = True

    async def execute(self, parameters: Mapping[str, Json], context: NodeContext) -> NodeResult:
        """Fail with the message; it goes to the caller as it is written."""
        raise NodeFailed(parameters["message"], for_client=parameters["message"], is_final=True)
