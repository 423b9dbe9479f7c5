"""Answer the caller with a table."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from flows.engine.node import Json, NodeContext, NodeResult, Reply
from flows.engine.shapes import Shape, closed
from flows.nodes.markdown import headed, inline

MAX_ROWS = 1_000
"""Rows of one answer."""
MAX_COLUMNS = 50
"""Columns of one answer."""


class UiTable:
    """Gives an answer of rows and columns: a Markdown table, and the rows as structured content."""

    type: ClassVar[str] = "ui_table"
    title: ClassVar[str] = "Table"
    description: ClassVar[str] = "Answers the caller with a table: rows of objects, and which of their keys to show."
    group: ClassVar[str] = "Output"
    icon: ClassVar[str] = "table"
    help: ClassVar[str] = (
        "The answer is a Markdown table as text, and the same rows as structured content. Without columns, the keys "
        "of the rows are the columns, in the order in which they appear. A key that a row lacks is left empty."
    )
    example: ClassVar[Mapping[str, Json]] = {
        "title": "Open orders",
        "columns": [{"key": "id", "title": "Order"}, {"key": "total", "title": "Total"}],
        "rows": "{{ fetch.body.orders }}",
    }
    parameters_schema: ClassVar[Mapping[str, Json]] = {
        "type": "object",
        "properties": {
            "title": {"type": "string", "title": "Title", "description": "Stands above the table."},
            "columns": {
                "type": "array",
                "title": "Columns",
                "description": "What to show, from left to right. Left out, it is every key of the rows.",
                "minItems": 1,
                "maxItems": MAX_COLUMNS,
                "items": {
                    "type": "object",
                    "properties": {
                        "key": {"type": "string", "title": "Key", "description": "The key in each row."},
                        "title": {"type": "string", "title": "Title", "description": "The heading; else the key."},
                    },
                    "required": ["key"],
                    "additionalProperties": False,
                },
            },
            "rows": {
                "type": "array",
                "title": "Rows",
                "description": "One object a row. {{ fetch.body.orders }} alone takes a whole list.",
                "maxItems": MAX_ROWS,
                "items": {"type": "object"},
            },
        },
        "required": ["rows"],
        "additionalProperties": False,
    }
    handles: ClassVar[tuple[str, ...]] = ()
    has_effects: ClassVar[bool] = False
    is_immediate: ClassVar[bool] = True

    async def execute(self, parameters: Mapping[str, Json], context: NodeContext) -> NodeResult:
        """Reply with the table."""
        columns = parameters.get("columns")
        if not columns:
            keys = dict.fromkeys(key for row in parameters["rows"] for key in row)
            columns = [{"key": key} for key in list(keys)[:MAX_COLUMNS]]
        output = {
            "ui": "table",
            "title": parameters.get("title", ""),
            "columns": [{"key": column["key"], "title": column.get("title", column["key"])} for column in columns],
            "rows": parameters["rows"],
        }
        return NodeResult(output, reply=self.reply_of(parameters, output))

    def output_schema_of(self, parameters: Mapping[str, Json], shape_of: Callable[[Json], Shape]) -> Shape:
        """The table as it is sent."""
        columns = {"type": "array", "items": closed({"key": {"type": "string"}, "title": {"type": "string"}})}
        text = {"type": "string"}
        return closed({"ui": text, "title": text, "columns": columns, "rows": shape_of(parameters["rows"])})

    def own_page(self, parameters: Mapping[str, Json]) -> str | None:
        """None: FlowHub draws it."""
        return None

    def reply_of(self, parameters: Mapping[str, Json], output: Json) -> Reply:
        """The answer that goes with an output."""
        return Reply(headed(output["title"], _markdown(output)), structured=output, is_structured=True)


def _markdown(table: Mapping[str, Any]) -> str:
    columns = table["columns"]
    if not table["rows"] or not columns:
        return "No rows."
    lines = [_line([column["title"] for column in columns]), "|" + " --- |" * len(columns)]
    lines += [_line([row.get(column["key"]) for column in columns]) for row in table["rows"]]
    return "\n".join(lines)


def _line(values: Sequence[Json]) -> str:
    return f"| {' | '.join(inline(value) for value in values)} |"
