"""Choose one of several branches."""

from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar

from flows.engine.errors import Fault
from flows.engine.node import Json, NodeContext, NodeResult
from flows.engine.settings import ERROR
from flows.engine.shapes import Shape, closed
from flows.nodes.code import INPUTS_SCHEMA
from flows.nodes.condition import EXPRESSION_SCHEMA, NEEDS_RIGHT, OPERATOR_HELP, OPERATORS, compare, holds

DEFAULT = "default"


class Switch:
    """Takes the handle of the first case that holds, or `default`."""

    type: ClassVar[str] = "switch"
    title: ClassVar[str] = "Switch"
    description: ClassVar[str] = "Goes on at the first case that holds, or at 'default'."
    group: ClassVar[str] = "Logic"
    icon: ClassVar[str] = "switch"
    help: ClassVar[str] = (
        "Each case has a name, which is its way out, and either a comparison with Value or a Python expression. Cases "
        "are tried in order; when none holds, the flow goes on at 'default'. Two cases of one name lead to the same "
        "way out. Expressions find Value as value, and whatever Inputs names."
    )
    example: ClassVar[Mapping[str, Json]] = {
        "value": "{{ fetch.body.status }}",
        "inputs": {"total": "{{ fetch.body.total }}"},
        "cases": [
            {"name": "paid", "operator": "equals", "right": "paid"},
            {"name": "large", "expression": "value == 'open' and total > 1000"},
        ],
    }
    parameters_schema: ClassVar[Mapping[str, Json]] = {
        "type": "object",
        "properties": {
            "value": {"title": "Value", "description": "What the comparisons look at, and expressions find as value."},
            "cases": {
                "type": "array",
                "title": "Cases",
                "description": "Tried in order; the first that holds is taken.",
                "minItems": 1,
                "maxItems": 50,
                "items": {
                    "type": "object",
                    "properties": {
                        "name": {
                            "type": "string",
                            "title": "Name",
                            "description": "The way out: small letters, digits and underscores.",
                            "pattern": "^[a-z][a-z0-9_]{0,31}$",
                            "x-literal": True,
                        },
                        "operator": {
                            "type": "string",
                            "title": "Operator",
                            "description": OPERATOR_HELP.replace("Left", "Value"),
                            "enum": list(OPERATORS),
                            "x-literal": True,
                        },
                        "right": {"title": "Right", "description": "What to compare Value with."},
                        "expression": EXPRESSION_SCHEMA,
                    },
                    "required": ["name"],
                    "if": {"required": ["expression"]},
                    "then": {"properties": {"operator": False, "right": False}},
                    "else": {
                        "required": ["operator"],
                        "if": {"properties": {"operator": {"enum": list(NEEDS_RIGHT)}}, "required": ["operator"]},
                        "then": {"required": ["right"]},
                    },
                    "additionalProperties": False,
                },
            },
            "inputs": INPUTS_SCHEMA,
        },
        "required": ["cases"],
        "additionalProperties": False,
    }
    handles: ClassVar[tuple[str, ...]] = (DEFAULT,)
    has_effects: ClassVar[bool] = False

    def handles_of(self, parameters: Mapping[str, Json]) -> tuple[str, ...]:
        """The names of the cases, then `default`."""
        return tuple(dict.fromkeys([*(case["name"] for case in parameters["cases"]), DEFAULT]))

    def parameter_faults(self, parameters: Mapping[str, Json]) -> Sequence[Fault]:
        """Names that are ways out of another kind."""
        return [
            Fault(f"cases[{index}].name", "'error' is the way out of a node that failed; choose another name")
            for index, case in enumerate(parameters["cases"])
            if case["name"] == ERROR
        ]

    def is_immediate(self, parameters: Mapping[str, Json]) -> bool:
        """Unless an expression is evaluated."""
        return not any("expression" in case for case in parameters["cases"])

    async def execute(self, parameters: Mapping[str, Json], context: NodeContext) -> NodeResult:
        """Try the cases; raises NodeFailed when one cannot be decided."""
        value = parameters.get("value")
        variables = {"value": value, **parameters.get("inputs", {})}
        for case in parameters["cases"]:
            if "expression" in case:
                taken = await holds(case["expression"], variables, context)
            else:
                taken = compare(case["operator"], value, case.get("right"))
            if taken:
                return NodeResult({"case": case["name"]}, handle=case["name"])
        return NodeResult({"case": DEFAULT}, handle=DEFAULT)

    def output_schema_of(self, parameters: Mapping[str, Json], shape_of: Callable[[Json], Shape]) -> Shape:
        """Which case it was."""
        return closed({"case": {"type": "string", "enum": list(self.handles_of(parameters))}})
