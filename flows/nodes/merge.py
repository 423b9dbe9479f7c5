"""Bring branches together."""

from collections.abc import Callable, Mapping
from typing import ClassVar

from flows.engine.node import MAIN, Json, NodeContext, NodeResult
from flows.engine.shapes import UNKNOWN, Shape


class Merge:
    """Gives out what the branches that led here have brought."""

    type: ClassVar[str] = "merge"
    title: ClassVar[str] = "Merge"
    description: ClassVar[str] = "Brings branches together: waits for all of them, or goes on with the first."
    group: ClassVar[str] = "Logic"
    icon: ClassVar[str] = "merge"
    help: ClassVar[str] = (
        "Waits until every branch that leads here has ended or was skipped, and puts the outputs together: in an "
        "object by the slugs of the nodes before it, or in a list. With 'first' it goes on as soon as one branch "
        "arrives, and its output is that branch's; the others are stopped when nothing else is left to do."
    )
    example: ClassVar[Mapping[str, Json]] = {"wait": "all", "output": "object"}
    parameters_schema: ClassVar[Mapping[str, Json]] = {
        "type": "object",
        "properties": {
            "wait": {
                "type": "string",
                "title": "Wait for",
                "description": "all: every branch that leads here. first: whichever arrives first.",
                "enum": ["all", "first"],
                "default": "all",
                "x-literal": True,
            },
            "output": {
                "type": "string",
                "title": "Output",
                "description": "With all: an object by the nodes' slugs, or a list in the order of their arrival.",
                "enum": ["object", "list"],
                "default": "object",
                "x-literal": True,
            },
        },
        "if": {"properties": {"wait": {"const": "first"}}, "required": ["wait"]},
        "then": {"properties": {"output": False}},
        "additionalProperties": False,
    }
    handles: ClassVar[tuple[str, ...]] = (MAIN,)
    reads_arrived: ClassVar[bool] = True
    has_effects: ClassVar[bool] = False
    is_immediate: ClassVar[bool] = True

    def takes_first(self, parameters: Mapping[str, Json]) -> bool:
        """Whether it goes on with the first branch that arrives."""
        return parameters.get("wait") == "first"

    async def execute(self, parameters: Mapping[str, Json], context: NodeContext) -> NodeResult:
        """Put together what has arrived."""
        arrived = dict(context.arrived)
        if self.takes_first(parameters):
            return NodeResult(next(iter(arrived.values()), None))
        return NodeResult(list(arrived.values()) if parameters.get("output") == "list" else arrived)

    def output_schema_of(self, parameters: Mapping[str, Json], shape_of: Callable[[Json], Shape]) -> Shape:
        """A list when it is to be one; what arrives is not known before."""
        if self.takes_first(parameters):
            return UNKNOWN
        return {"type": "array" if parameters.get("output") == "list" else "object"}
