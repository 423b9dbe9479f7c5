"""The odd things that a tool may hold, each with arguments that fit it, or an answer that does."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

PLAIN, ODD = "plain", "odd"
"""The tools of each server: a harmless one, and one that holds the construct."""

NULL = {"type": "null"}
TEXT = {"type": "string"}
SILENCE = "UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAIA+AAACABAAZGF0YQAAAAA="


def taking(**properties: Any) -> dict[str, Any]:
    """An input schema that requires these parameters."""
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def optional(schema: dict[str, Any]) -> dict[str, Any]:
    """An input schema with a text that is required, and a parameter that is not."""
    return taking(q=TEXT) | {"properties": {"q": TEXT, "limit": schema}}


def answering(schema: dict[str, Any]) -> dict[str, Any]:
    """An output schema: an object with one property."""
    return {"type": "object", "properties": {"found": schema}, "required": ["found"]}


@dataclass(frozen=True)
class Construct:
    """A construct: how it is called in the table, and the tool that holds it; `rule` is the lint's, if it has one.

    The flow answers with the `arguments` that it was given, or by the node `answer`: its type, and its parameters. What
    a framework gives its model then holds `expected`.
    """

    title: str
    rule: str = ""
    schema: dict[str, Any] = field(default_factory=lambda: taking(q=TEXT))
    arguments: Mapping[str, Any] = field(default_factory=lambda: {"q": "x"})
    output: dict[str, Any] | None = None
    answer: tuple[str, dict[str, Any]] = ("return", {"text": "answered {{ trigger }}"})
    expected: str = ""


TREE = {"type": "object", "properties": {"name": TEXT, "below": {"type": "array", "items": {"$ref": "#/$defs/tree"}}}}
INTEGER = {"type": "integer"}
MAIL, PHONE = taking(kind={"const": "mail"}, address=TEXT), taking(kind={"const": "phone"}, number=TEXT)
ADA = {"kind": "mail", "address": "ada@x"}

CONSTRUCTS: Mapping[str, Construct] = {
    "plain": Construct("one required text"),
    "none": Construct('`{"type": "object"}` alone (sent with `properties`)', "", {"type": "object"}, {}),
    "optional": Construct("an optional parameter without a default", "", optional(INTEGER)),
    "any-of-null": Construct(
        '`anyOf` with `{"type": "null"}`, default null', "", optional({"anyOf": [INTEGER, NULL], "default": None})
    ),
    "type-list": Construct('`"type": ["integer", "null"]`', "type-list", optional({"type": ["integer", "null"]})),
    "recursion": Construct(
        "a schema that holds itself",
        "schema-recursion",
        taking(tree={"$ref": "#/$defs/tree"}) | {"$defs": {"tree": TREE}},
        {"tree": {"name": "a", "below": [{"name": "b"}]}},
    ),
    "underscore": Construct("a parameter `_id`", "parameter-kept-name", taking(_id=TEXT), {"_id": "x"}),
    "model-config": Construct(
        "a parameter `model_config`", "parameter-kept-name", taking(model_config=TEXT), {"model_config": "x"}
    ),
    "self": Construct("a parameter `self`", "parameter-kept-name", taking(self=TEXT), {"self": "x"}),
    "one-of": Construct(
        "`oneOf` of two objects", "parameter-alternatives", taking(who={"oneOf": [MAIL, PHONE]}), {"who": ADA}
    ),
    "any-of": Construct(
        "`anyOf` of two objects", "parameter-alternatives", taking(who={"anyOf": [MAIL, PHONE]}), {"who": ADA}
    ),
    "tuple": Construct(
        "`prefixItems`",
        "schema-tuple",
        taking(at={"type": "array", "prefixItems": [{"type": "number"}, {"type": "number"}]}),
        {"at": [52.5, 13.4]},
    ),
    "map": Construct(
        "`additionalProperties` with a schema",
        "openai-map",
        taking(labels={"type": "object", "additionalProperties": TEXT}),
        {"labels": {"a": "b"}},
    ),
    "open-object": Construct(
        "an object without `properties`", "openai-map", taking(data={"type": "object"}), {"data": {"a": 1}}
    ),
    "answer-null": Construct(
        "an answer `null` with an output schema",
        output={"anyOf": [{"type": "object"}, NULL]},
        answer=("return", {"json": None}),
        expected="null",
    ),
    "answer-tuple": Construct(
        "an answer with `prefixItems`",
        "schema-tuple",
        output=answering({"type": "array", "prefixItems": [INTEGER, INTEGER], "items": False}),
        answer=("return", {"json": {"found": [1, 2]}}),
        expected="found",
    ),
    "answer-cents": Construct(
        "an answer 19.99 with `multipleOf` 0.01",
        "schema-fraction",
        output=answering({"type": "number", "multipleOf": 0.01}),
        answer=("return", {"json": {"found": 19.99}}),
        expected="found",
    ),
    "answer-pattern": Construct(
        "an output schema with a pattern that JavaScript refuses",
        "pattern-javascript",
        output=answering({"type": "string", "pattern": r"^[^\@]+\@x$"}),
        answer=("return", {"json": {"found": "a@x"}}),
        expected="found",
    ),
    "answer-audio": Construct(
        "audio in an answer",
        "answer-audio",
        answer=(
            "return_content",
            {
                "content": [
                    {"type": "text", "text": "found"},
                    {"type": "audio", "data": SILENCE, "mimeType": "audio/wav"},
                ]
            },
        ),
        expected="found",
    ),
}
"""By the slug of the server that holds it."""
