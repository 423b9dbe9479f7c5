"""Choose one of two branches."""

import operator as operators
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from flows.engine.errors import NodeFailed
from flows.engine.node import Json, NodeContext, NodeResult
from flows.engine.shapes import Shape, closed


class Condition:
    """Compares two values and takes the handle `true` or `false`."""

    type: ClassVar[str] = "condition"
    title: ClassVar[str] = "Condition"
    description: ClassVar[str] = "Compares two values and goes on at 'true' or at 'false'."
    icon: ClassVar[str] = "branch"
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
            "operator": {
                "type": "string",
                "title": "Operator",
                "description": (
                    "equals and not_equals compare JSON values: 1 equals 1.0, and true is not 1. "
                    "greater and less compare two numbers or two texts. "
                    "contains looks for a text in a text, an item in a list or a key in an object. "
                    "exists is true when Left, or with Right the key of Left, is there and not null; it never fails. "
                    "truthy is false for null, false, 0, and empty texts, lists and objects."
                ),
                "enum": ["equals", "not_equals", "greater", "less", "contains", "exists", "truthy"],
            },
            "right": {
                "title": "Right",
                "description": "What to compare with. With exists: a key of Left, or an index if Left is a list.",
            },
        },
        "required": ["left", "operator"],
        "if": {"properties": {"operator": {"enum": ["equals", "not_equals", "greater", "less", "contains"]}}},
        "then": {"required": ["right"]},
        "additionalProperties": False,
    }
    handles: ClassVar[tuple[str, ...]] = ("true", "false")
    has_effects: ClassVar[bool] = False

    async def execute(self, parameters: Mapping[str, Json], context: NodeContext) -> NodeResult:
        """Compare; raises NodeFailed that names both types when the two cannot be compared."""
        name, left, right = parameters["operator"], parameters["left"], parameters.get("right")
        if name == "exists":
            result = _exists(left, right)
        elif name == "truthy":
            result = bool(left)
        else:
            result = _COMPARE[name](left, right)
        return NodeResult({"result": result}, handle="true" if result else "false")

    def output_schema_of(self, parameters: Mapping[str, Json], shape_of: Callable[[Json], Shape]) -> Shape:
        """What came of it."""
        return closed({"result": {"type": "boolean"}})


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
