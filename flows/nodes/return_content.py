"""Answer the caller with more than text."""

from collections.abc import Callable, Mapping
from typing import ClassVar

from flows.engine.errors import NodeFailed
from flows.engine.node import Json, NodeContext, NodeResult, Reply
from flows.engine.shapes import Shape
from flows.values.content_blocks import BLOCK_SCHEMA, block_faults, sent


class ReturnContent:
    """Gives an answer of content blocks: text, images, audio, resources and links, in order."""

    type: ClassVar[str] = "return_content"
    title: ClassVar[str] = "Return content"
    description: ClassVar[str] = (
        "Answers the caller with text, images, audio and resources, in the order you give them."
    )
    group: ClassVar[str] = "Output"
    icon: ClassVar[str] = "media"
    help: ClassVar[str] = (
        "Each block is written as MCP sends it. text has text; image and audio have data (base64) and mimeType; "
        "resource has resource with uri and either text or blob (base64); resource_link has uri and name. The answer "
        "of a flow may take 5 MiB. Not every client shows every kind: put what matters into a text block too. In the "
        "record long base64 is cut, the client gets all of it."
    )
    example: ClassVar[Mapping[str, Json]] = {
        "content": [
            {"type": "text", "text": "The chart of {{ trigger.month }}:"},
            {"type": "image", "data": "{{ chart.body.png }}", "mimeType": "image/png"},
            {"type": "resource_link", "uri": "https://example.com/report.pdf", "name": "The whole report"},
        ]
    }
    parameters_schema: ClassVar[Mapping[str, Json]] = {
        "type": "object",
        "properties": {
            "content": {
                "type": "array",
                "title": "Content",
                "description": "The blocks of the answer, in order. {{ code.blocks }} alone takes a whole list.",
                "minItems": 1,
                "maxItems": 100,
                "items": BLOCK_SCHEMA,
            },
        },
        "required": ["content"],
        "additionalProperties": False,
    }
    handles: ClassVar[tuple[str, ...]] = ()
    has_effects: ClassVar[bool] = False
    is_immediate: ClassVar[bool] = True

    async def execute(self, parameters: Mapping[str, Json], context: NodeContext) -> NodeResult:
        """Reply with the blocks; raises NodeFailed that names each one that no client could read."""
        blocks = [sent(raw) for raw in parameters["content"]]
        faults = [fault for index, block in enumerate(blocks) for fault in block_faults(block, f"content[{index}]")]
        if faults:
            raise NodeFailed("; ".join(str(fault) for fault in faults[:20]), is_final=True)
        return NodeResult(blocks, reply=self.reply_of(parameters, blocks))

    def output_schema_of(self, parameters: Mapping[str, Json], shape_of: Callable[[Json], Shape]) -> Shape:
        """The blocks."""
        return {"type": "array", "items": {"type": "object"}}

    def reply_of(self, parameters: Mapping[str, Json], output: Json) -> Reply:
        """The answer that goes with an output."""
        return Reply("", blocks=tuple(output))
