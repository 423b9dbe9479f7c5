"""Choose one of two branches."""

import operator as operators
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from flows.engine.errors import NodeFailed
from flows.engine.node import PYTHON_FORMAT, Json, NodeContext, NodeResult
from flows.engine.shapes import Shape, closed
from flows.nodes.code import INPUTS_SCHEMA

OPERATORS = ("equals", "not_equals", "greater", "less", "contains", "exists", "truthy")
OPERATOR_HELP = (
    "equals and not_equals compare JSON values: 1 equals 1.0, and true is not 1. "
    "greater and less compare two numbers or two texts. "
    "contains looks for a text in a text, an item in a list or a key in an object. "
    "exists is true when Left, or with Right the key of Left, is there and not null; it never fails. "
    "truthy is false for null, false, 0, and empty texts, lists and objects."
)
NEEDS_RIGHT = ("equals", "not_equals", "greater", "less", "contains")
EXPRESSION_SCHEMA: Mapping[str, Json] = {
    "type": "string",
    "format": PYTHON_FORMAT,
    "title": "Expression",
    "description": (
        "A Python expression that is true or false, such as status == 200 and len(items) > 0. "
        "Nothing is filled in here: name what it needs under Inputs."
    ),
    "minLength": 1,
    "maxLength": 2_000,
    "x-literal": True,
}


class Condition:
    """Compares two values, or evaluates an expression, and takes the handle `true` or `false`."""

    type: ClassVar[str] = "condition"
    title: ClassVar[str] = "Condition"
    description: ClassVar[str] = "Compares two values, or evaluates an expression, and goes on at 'true' or at 'false'."
    group: ClassVar[str] = "Logic"
    icon: ClassVar[str] = "branch"
    help: ClassVar[str] = (
        "Write Left, Operator and Right for one comparison. For more than one, write an expression in Python and name "
        "the values that it needs under Inputs. The branch that is not taken is skipped."
    )
    example: ClassVar[Mapping[str, Json]] = {"left": "{{ trigger.amount }}", "operator": "greater", "right": 100}
    parameters_schema: ClassVar[Mapping[str, Json]] = {
        "type": "object",
        "properties": {
            "left": {
                "title": "Left",
                "description": (
                    "The value to look at. To ask whether a key exists, give the object that may hold it "
                    "({{ fetch.body }}) and write the key at Right: an expression that names a missing key is an error."
                ),
            },
            "operator": {"type": "string", "title": "Operator", "description": OPERATOR_HELP, "enum": list(OPERATORS)},
            "right": {
                "title": "Right",
                "description": "What to compare with. With exists: a key of Left, or an index if Left is a list.",
            },
            "expression": EXPRESSION_SCHEMA,
            "inputs": INPUTS_SCHEMA,
        },
        "if": {"required": ["expression"]},
        "then": {"properties": {"left": False, "operator": False, "right": False}},
        "else": {
            "required": ["left", "operator"],
            "properties": {"inputs": False},
            "if": {"properties": {"operator": {"enum": list(NEEDS_RIGHT)}}, "required": ["operator"]},
            "then": {"required": ["right"]},
        },
        "additionalProperties": False,
    }
    handles: ClassVar[tuple[str, ...]] = ("true", "false")
    has_effects: ClassVar[bool] = False

    def is_immediate(self, parameters: Mapping[str, Json]) -> bool:
        """Unless an expression is evaluated."""
        return "expression" not in parameters

    async def execute(self, parameters: Mapping[str, Json], context: NodeContext) -> NodeResult:
        """Compare; raises NodeFailed that says why the two cannot be compared, or the expression not be evaluated."""
        if "expression" in parameters:
            result = await holds(parameters["expression"], parameters.get("inputs", {}), context)
        else:
            result = compare(parameters["operator"], parameters["left"], parameters.get("right"))
        return NodeResult({"result": result}, handle="true" if result else "false")

    def output_schema_of(self, parameters: Mapping[str, Json], shape_of: Callable[[Json], Shape]) -> Shape:
        """What came of it."""
        return closed({"result": {"type": "boolean"}})


async def holds(expression: str, inputs: Mapping[str, Json], context: NodeContext) -> bool:
    """Evaluate an expression that is to be true or false; raises NodeFailed when it is neither."""
    if context.code is None:
        raise NodeFailed("No code runner was lent to this execution.")
    value = await context.code.evaluate(expression, inputs)
    if not isinstance(value, bool):
        raise NodeFailed(f"The expression must give true or false, but it gave {_kind(value)}: {expression[:200]}")
    return value


def compare(operator: str, left: Json, right: Json) -> bool:
    """Compare two JSON values; raises NodeFailed that names both types when they cannot be compared."""
    if operator == "exists":
        return _exists(left, right)
    return bool(left) if operator == "truthy" else _COMPARE[operator](left, right)


def _exists(left: Json, key: Json) -> bool:
    if key is None:
        return left is not None
    if isinstance(left, dict) and isinstance(key, str):
        return left.get(key) is not None
    if isinstance(left, list) and isinstance(key, int) and not isinstance(key, bool):
        return 0 <= key < len(left) and left[key] is not None
    return False


def equal(left: Json, right: Json) -> bool:
    """Whether two JSON values are the same; unlike in Python, a boolean is never a number."""
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(equal, left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(equal(value, right[key]) for key, value in left.items())
    return isinstance(left, bool) == isinstance(right, bool) and bool(left == right)


def _ordered(name: str, compare: Callable[[Any, Any], bool]) -> Callable[[Json, Json], bool]:
    def check(left: Json, right: Json) -> bool:
        if _kind(left) != _kind(right) or _kind(left) not in ("a number", "text"):
            raise NodeFailed(
                f"'{name}' compares two numbers or two texts; left is {_kind(left)}, right is {_kind(right)}."
            )
        return compare(left, right)

    return check


def _contains(left: Json, right: Json) -> bool:
    if isinstance(left, list):
        return any(equal(item, right) for item in left)
    if isinstance(left, str | dict) and isinstance(right, str):
        return right in left
    raise NodeFailed(
        "'contains' looks for text in text, an item in a list or a key in an object; "
        f"left is {_kind(left)}, right is {_kind(right)}."
    )


_COMPARE: Mapping[str, Callable[[Json, Json], bool]] = {
    "equals": equal,
    "not_equals": lambda left, right: not equal(left, right),
    "greater": _ordered("greater", operators.gt),
    "less": _ordered("less", operators.lt),
    "contains": _contains,
}
_KINDS: Mapping[type, str] = {
    type(None): "null",
    bool: "a boolean",
    int: "a number",
    float: "a number",
    str: "text",
    list: "a list",
    dict: "an object",
}


def _kind(value: Json) -> str:
    return _KINDS.get(type(value), type(value).__name__)
