"""Answer the caller."""

import json
from collections.abc import Callable, Mapping
from typing import ClassVar

from flows.engine.expressions import as_text
from flows.engine.node import Json, NodeContext, NodeResult, Reply
from flows.engine.shapes import UNKNOWN, Shape


class Return:
    """Gives the flow's answer, as text or as a JSON value."""

    type: ClassVar[str] = "return"
    title: ClassVar[str] = "Return"
    description: ClassVar[str] = "Answers the caller, with text or with a JSON value. Give one of them."
    group: ClassVar[str] = "Output"
    icon: ClassVar[str] = "reply"
    help: ClassVar[str] = (
        "Text goes out as it is. JSON goes out as structured content and, for clients that do not read that, as text "
        "too. What may be either is an answer as it comes: text as text, everything else as JSON. Several return nodes "
        "in one flow answer together, in the order in which they are reached; then the answer is structured only if "
        "exactly one of them gives JSON."
    )
    example: ClassVar[Mapping[str, Json]] = {"json": {"id": "{{ fetch.body.id }}", "status": "{{ fetch.body.status }}"}}
    parameters_schema: ClassVar[Mapping[str, Json]] = {
        "type": "object",
        "properties": {
            "text": {
                # No type: `{{ fetch.body }}` alone keeps its JSON type, and is written as JSON.
                "title": "Text",
                "description": "The answer as text. Values that are not text are written as JSON.",
            },
            "json": {
                "title": "JSON",
                "description": "The answer as a JSON value, which fits the flow's output schema if it has one.",
            },
            "asItComes": {
                "type": "object",
                "title": "As it comes",
                "description": "The answer as it is: text goes out as text, every other value as JSON.",
                "properties": {
                    "value": {"title": "Value", "description": "The answer."},
                    "ifEmpty": {
                        "type": "string",
                        "title": "If it is empty",
                        "description": "The text that goes out when the value is null, or a text of blanks alone.",
                    },
                },
                "required": ["value"],
                "additionalProperties": False,
            },
        },
        "minProperties": 1,
        "maxProperties": 1,
        "additionalProperties": False,
    }
    handles: ClassVar[tuple[str, ...]] = ()
    has_effects: ClassVar[bool] = False
    is_immediate: ClassVar[bool] = True

    async def execute(self, parameters: Mapping[str, Json], context: NodeContext) -> NodeResult:
        """Reply with the value; the output is the value too."""
        if "json" in parameters:
            output = parameters["json"]
        elif "text" in parameters:
            output = as_text(parameters["text"])
        else:
            given = parameters["asItComes"]
            output = given["value"]
            is_empty = output is None or (isinstance(output, str) and not output.strip())
            output = given.get("ifEmpty", output) if is_empty else output
        return NodeResult(output, reply=self.reply_of(parameters, output))

    def output_schema_of(self, parameters: Mapping[str, Json], shape_of: Callable[[Json], Shape]) -> Shape:
        """The value that is returned."""
        if "json" in parameters:
            return shape_of(parameters["json"])
        return {"type": "string"} if "text" in parameters else UNKNOWN

    def reply_of(self, parameters: Mapping[str, Json], output: Json) -> Reply:
        """The answer that goes with an output."""
        if "json" in parameters or not isinstance(output, str):
            return Reply(json.dumps(output, ensure_ascii=False), structured=output, is_structured=True)
        return Reply(output)
