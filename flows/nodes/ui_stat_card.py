"""Answer the caller with a few figures."""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from flows.engine.node import Json, NodeContext, NodeResult, Reply
from flows.engine.shapes import Shape, closed
from flows.nodes.markdown import headed, inline

MAX_STATS = 24
"""Figures of one answer."""
_TEXT = {"type": "string"}


class UiStatCard:
    """Gives an answer of figures, each with its name: a Markdown list, and structured content."""

    type: ClassVar[str] = "ui_stat_card"
    title: ClassVar[str] = "Stat card"
    description: ClassVar[str] = "Answers the caller with a few figures: name, value, unit and how each has changed."
    group: ClassVar[str] = "Output"
    icon: ClassVar[str] = "stats"
    help: ClassVar[str] = (
        "The answer is a Markdown list as text, and the same figures as structured content. Round values as people "
        "should read them; numbers stay numbers. The change is in words of your own, such as +12% since May."
    )
    example: ClassVar[Mapping[str, Json]] = {
        "title": "Shop today",
        "stats": [
            {"label": "Orders", "value": "{{ fetch.body.orders }}", "change": "+12% since yesterday"},
            {"label": "Revenue", "value": "{{ fetch.body.revenue }}", "unit": "EUR"},
        ],
    }
    parameters_schema: ClassVar[Mapping[str, Json]] = {
        "type": "object",
        "properties": {
            "title": _TEXT | {"title": "Title", "description": "Stands above the figures."},
            "stats": {
                "type": "array",
                "title": "Figures",
                "description": "In order.",
                "minItems": 1,
                "maxItems": MAX_STATS,
                "items": {
                    "type": "object",
                    "properties": {
                        "label": _TEXT | {"title": "Name", "description": "What is counted.", "minLength": 1},
                        "value": {
                            "type": ["number", "string", "boolean", "null"],
                            "title": "Value",
                            "description": "The figure; null when it is not known.",
                        },
                        "unit": _TEXT | {"title": "Unit", "description": "Stands behind the value."},
                        "change": _TEXT | {"title": "Change", "description": "How it has changed, in words."},
                    },
                    "required": ["label", "value"],
                    "additionalProperties": False,
                },
            },
        },
        "required": ["stats"],
        "additionalProperties": False,
    }
    handles: ClassVar[tuple[str, ...]] = ()
    has_effects: ClassVar[bool] = False
    is_immediate: ClassVar[bool] = True

    async def execute(self, parameters: Mapping[str, Json], context: NodeContext) -> NodeResult:
        """Reply with the figures."""
        output = {"ui": "stat_card", "title": parameters.get("title", ""), "stats": parameters["stats"]}
        return NodeResult(output, reply=self.reply_of(parameters, output))

    def output_schema_of(self, parameters: Mapping[str, Json], shape_of: Callable[[Json], Shape]) -> Shape:
        """The card as it is sent."""
        return closed({"ui": _TEXT, "title": _TEXT, "stats": shape_of(parameters["stats"])})

    def own_page(self, parameters: Mapping[str, Json]) -> str | None:
        """None: FlowHub draws it."""
        return None

    def reply_of(self, parameters: Mapping[str, Json], output: Json) -> Reply:
        """The answer that goes with an output."""
        text = "\n".join(_markdown(stat) for stat in output["stats"])
        return Reply(headed(output["title"], text), structured=output, is_structured=True)


def _markdown(stat: Mapping[str, Any]) -> str:
    value = "unknown" if stat["value"] is None else inline(stat["value"])
    unit = f" {inline(stat['unit'])}" if stat.get("unit") else ""
    change = f" ({inline(stat['change'])})" if stat.get("change") else ""
    return f"- {inline(stat['label'])}: **{value}**{unit}{change}"
