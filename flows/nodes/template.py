"""Write a text."""

from collections.abc import Callable, Mapping
from typing import ClassVar

from flows.engine.expressions import as_text
from flows.engine.node import MAIN, Json, NodeContext, NodeResult
from flows.engine.shapes import Shape


class Template:
    """Gives out its text with the expressions filled in."""

    type: ClassVar[str] = "template"
    title: ClassVar[str] = "Template"
    description: ClassVar[str] = "Writes a text with values of earlier nodes in it."
    group: ClassVar[str] = "Data"
    icon: ClassVar[str] = "text"
    help: ClassVar[str] = (
        "Expressions are paths, nothing else: {{ fetch.body.items[0].name }}. Objects and lists are written as JSON. "
        "To compute, count or repeat, use a code node first and name its result here."
    )
    example: ClassVar[Mapping[str, Json]] = {"text": "Order {{ fetch.body.id }} is {{ fetch.body.status }}."}
    parameters_schema: ClassVar[Mapping[str, Json]] = {
        "type": "object",
        "properties": {
            "text": {
                # No type: `{{ fetch.body }}` alone keeps its JSON type, and is written as JSON.
                "title": "Text",
                "description": "The text, with expressions where values are to stand. It is this node's output.",
            },
        },
        "required": ["text"],
        "additionalProperties": False,
    }
    handles: ClassVar[tuple[str, ...]] = (MAIN,)
    has_effects: ClassVar[bool] = False
    is_immediate: ClassVar[bool] = True

    async def execute(self, parameters: Mapping[str, Json], context: NodeContext) -> NodeResult:
        """Give out the text."""
        return NodeResult(as_text(parameters["text"]))

    def output_schema_of(self, parameters: Mapping[str, Json], shape_of: Callable[[Json], Shape]) -> Shape:
        """Text, whatever stands in it."""
        return {"type": "string"}
