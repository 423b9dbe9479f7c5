"""Answer the caller with a page of HTML."""

from collections.abc import Callable, Mapping
from typing import ClassVar

from flows.engine.expressions import has_expression
from flows.engine.node import Json, NodeContext, NodeResult, Reply
from flows.engine.shapes import Shape, closed

LONGEST_HTML = 500_000
_TEXT = {"type": "string"}


class UiHtml:
    """Gives an answer of HTML for clients that draw it, and of text for everybody else.

    The HTML is data here: what draws it has to isolate it, as FlowHub's own pages do (see `flows.ui`).
    """

    type: ClassVar[str] = "ui_html"
    title: ClassVar[str] = "HTML"
    description: ClassVar[str] = "Answers the caller with HTML of your own, and the text that stands for it."
    group: ClassVar[str] = "Output"
    icon: ClassVar[str] = "code"
    help: ClassVar[str] = (
        "The model and clients that draw no HTML get the text, so it must say what matters. Clients with MCP Apps draw "
        "the HTML in a frame without network and without access to anything else: put styles, scripts and pictures "
        "(data:) into it. HTML without expressions is the tool's own app: it may speak ui/initialize itself, else "
        "theme and size are cared for. HTML with expressions is drawn one frame further in, because values that are "
        "filled in are not escaped."
    )
    example: ClassVar[Mapping[str, Json]] = {
        "title": "Weather",
        "html": "<h1>Berlin</h1><p>21 °C, sunny</p>",
        "text": "Berlin: 21 °C, sunny.",
    }
    parameters_schema: ClassVar[Mapping[str, Json]] = {
        "type": "object",
        "properties": {
            "title": _TEXT | {"title": "Title", "description": "Names the page."},
            "html": _TEXT
            | {
                "title": "HTML",
                "description": "A document or a part of one, up to 500,000 characters.",
                "minLength": 1,
                "maxLength": LONGEST_HTML,
            },
            "text": _TEXT | {"title": "Text", "description": "The same in words or Markdown.", "minLength": 1},
        },
        "required": ["html", "text"],
        "additionalProperties": False,
    }
    handles: ClassVar[tuple[str, ...]] = ()
    has_effects: ClassVar[bool] = False
    is_immediate: ClassVar[bool] = True

    async def execute(self, parameters: Mapping[str, Json], context: NodeContext) -> NodeResult:
        """Reply with text and HTML."""
        output = {"ui": "html", "title": "", **parameters}
        return NodeResult(output, reply=self.reply_of(parameters, output))

    def output_schema_of(self, parameters: Mapping[str, Json], shape_of: Callable[[Json], Shape]) -> Shape:
        """The page as it is sent."""
        return closed(dict.fromkeys(("ui", "title", "html", "text"), _TEXT))

    def own_page(self, parameters: Mapping[str, Json]) -> str | None:
        """The HTML itself, unless it is different for each call."""
        html: str = parameters["html"]
        return None if has_expression(html) else html

    def reply_of(self, parameters: Mapping[str, Json], output: Json) -> Reply:
        """The answer that goes with an output."""
        return Reply(output["text"], structured=output, is_structured=True)
