"""Call another flow of the same server."""

from collections.abc import Mapping
from typing import ClassVar

from flows.engine.errors import NodeFailed
from flows.engine.names import SNAKE_CASE
from flows.engine.node import FLOW_FORMAT, MAIN, FlowAnswer, Json, NodeContext, NodeResult

FLOW_PARAMETER: Mapping[str, Json] = {
    "type": "string",
    "title": "Flow",
    "description": "The tool name of a published, active flow of this server. No expression: who calls may not choose.",
    "format": FLOW_FORMAT,
    "pattern": f"^{SNAKE_CASE}$",
}


class CallFlow:
    """Runs another flow as an execution of its own; its output is what that flow answers."""

    type: ClassVar[str] = "call_flow"
    title: ClassVar[str] = "Call flow"
    description: ClassVar[str] = (
        "Calls another flow of this server and gives out its JSON answer, {text} when it answers with text, and "
        "{text, structured, content} when it answers with pictures, sounds, resources, or more than once. "
        "It is an execution of its own, and counts against this flow's timeout."
    )
    group: ClassVar[str] = "Connect"
    icon: ClassVar[str] = "layers"
    help: ClassVar[str] = (
        "The flow that is called has its own page of executions, and this one links to it. Calls may be nested ten "
        "deep. Publishing checks that there is a flow of that name."
    )
    example: ClassVar[Mapping[str, Json]] = {
        "flow": "lookup_order",
        "arguments": {"order_id": "{{ trigger.order_id }}"},
    }
    parameters_schema: ClassVar[Mapping[str, Json]] = {
        "type": "object",
        "properties": {
            "flow": FLOW_PARAMETER,
            "arguments": {
                "type": "object",
                "title": "Arguments",
                "description": "The parameters of that flow; they have to fit its input schema.",
            },
        },
        "required": ["flow"],
        "additionalProperties": False,
    }
    handles: ClassVar[tuple[str, ...]] = (MAIN,)
    has_effects: ClassVar[bool] = True

    async def execute(self, parameters: Mapping[str, Json], context: NodeContext) -> NodeResult:
        """Call the flow; raises NodeFailed when there is none, when the arguments do not fit, and when it fails."""
        if context.flows is None:
            raise NodeFailed("No flows can be called from this execution.")
        flow = await context.flows.find(parameters["flow"], context.node_id)
        return NodeResult(output_of(await flow.call(parameters.get("arguments", {}))))


def output_of(answer: FlowAnswer) -> Json:
    """The answer of a flow as a node's output: its JSON value, `{text}`, or all of it when it is more than that."""
    if len(answer.content) == 1 and answer.is_structured:
        return answer.structured
    if [block["type"] for block in answer.content] == ["text"]:
        return {"text": answer.text}
    return {"text": answer.text, "structured": answer.structured, "content": [dict(block) for block in answer.content]}
