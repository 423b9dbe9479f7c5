"""What changes for clients from one contract to another: compatible or breaking, each change at its path."""

from typing import Any

import pytest

from flows.review.contract_diff.contracts import changes


def tool(**changed: Any) -> dict[str, Any]:
    return {"name": "get_order", "description": "Gets an order.", "inputSchema": {"type": "object"}} | changed


def found(before: Any, after: Any) -> list[tuple[str, str, str]]:
    return [(change.path, change.kind, change.verdict) for change in changes(before, after)]


def of_input(before: Any, after: Any) -> list[tuple[str, str, str]]:
    """The changes of one parameter `p`, whose schema changes."""
    return [
        (path.removeprefix("inputSchema.properties.p").lstrip("."), kind, verdict)
        for path, kind, verdict in found(
            tool(inputSchema={"type": "object", "properties": {"p": before}}),
            tool(inputSchema={"type": "object", "properties": {"p": after}}),
        )
    ]


def of_output(before: Any, after: Any) -> list[tuple[str, str, str]]:
    return [
        (path.removeprefix("outputSchema").lstrip("."), kind, verdict)
        for path, kind, verdict in found(tool(outputSchema=before), tool(outputSchema=after))
    ]


B, C = "breaking", "compatible"


@pytest.mark.parametrize(
    ("before", "after", "changed", "as_input", "as_output"),
    [
        ({"type": "string"}, {"type": "string"}, None, None, None),
        ({"type": "string"}, {"type": ["string", "null"]}, ("", "type"), C, B),
        ({"type": ["string", "null"]}, {"type": "string"}, ("", "type"), B, C),
        ({"type": "integer"}, {"type": "number"}, ("", "type"), C, B),
        ({"type": "number"}, {"type": "integer"}, ("", "type"), B, C),
        ({"type": "string"}, {"type": "integer"}, ("", "type"), B, B),
        ({"type": "string"}, {}, ("", "type"), C, B),
        ({}, {"type": "string"}, ("", "type"), B, C),
        ({"enum": ["a", "b"]}, {"enum": ["b", "a"]}, None, None, None),
        ({"enum": ["a", "b"]}, {"enum": ["a"]}, ("", "values-removed"), B, C),
        ({"enum": ["a"]}, {"enum": ["a", "b"]}, ("", "values-added"), C, B),
        ({"enum": ["a"]}, {}, ("", "values"), C, B),
        ({}, {"enum": ["a"]}, ("", "values"), B, C),
        ({"const": 1}, {"enum": [1]}, None, None, None),
        ({"enum": [1, True]}, {"enum": [1]}, ("", "values-removed"), B, C),
        ({"minimum": 1}, {"minimum": 2}, ("minimum", "bound"), B, C),
        ({"minimum": 2}, {"minimum": 1}, ("minimum", "bound"), C, B),
        ({"maximum": 2}, {"maximum": 1}, ("maximum", "bound"), B, C),
        ({"maxLength": 9}, {}, ("maxLength", "bound"), C, B),
        ({}, {"minItems": 1}, ("minItems", "bound"), B, C),
        ({"multipleOf": 5}, {"multipleOf": 10}, ("multipleOf", "bound"), B, C),
        ({"multipleOf": 10}, {"multipleOf": 5}, ("multipleOf", "bound"), C, B),
        ({"multipleOf": 4}, {"multipleOf": 6}, ("multipleOf", "bound"), B, B),
        ({"maximum": 2}, {"maximum": 2.0}, None, None, None),
        ({"uniqueItems": False}, {}, None, None, None),
        ({}, {"uniqueItems": True}, ("uniqueItems", "bound"), B, C),
        ({"pattern": "a"}, {"pattern": "b"}, ("pattern", "bound"), B, B),
        ({"format": "date"}, {}, ("format", "bound"), C, B),
        ({"default": 1}, {"default": 2}, ("", "default"), B, C),
        ({"default": 1}, {}, ("", "default"), B, C),
        ({}, {"default": 1}, ("", "default-added"), C, C),
        ({"default": 1}, {"default": True}, ("", "default"), B, C),
        ({"description": "One."}, {"description": "Two."}, ("description", "words"), C, C),
        ({}, {"title": "P"}, ("title", "words"), C, C),
        ({}, {"x-own": 1}, ("x-own", "words"), C, C),
        ({"items": {"type": "string"}}, {"items": {"type": "integer"}}, ("items", "type"), B, B),
        ({}, {"items": {"type": "integer"}}, ("items", "type"), B, C),
        ({"additionalProperties": False}, {}, ("additionalProperties", "opened"), C, B),
        ({}, {"additionalProperties": False}, ("additionalProperties", "closed"), B, C),
        ({}, {"additionalProperties": {"type": "string"}}, ("additionalProperties", "type"), B, C),
        ({"anyOf": [{"const": 1}, {"const": 2}]}, {"anyOf": [{"const": 2}]}, ("anyOf", "alternatives"), B, C),
        ({"anyOf": [{"const": 1}]}, {"anyOf": [{"const": 1}, {"const": 2}]}, ("anyOf", "alternatives"), C, B),
        ({"anyOf": [{"const": 1}, {"const": 2}]}, {"anyOf": [{"const": 2}, {"const": 1}]}, None, None, None),
        ({"oneOf": [{"maximum": 1}]}, {"oneOf": [{"maximum": 2}]}, ("oneOf[0].maximum", "bound"), C, B),
        ({}, {"anyOf": [{"const": 1}]}, ("anyOf", "condition"), B, C),
        ({"anyOf": [{"const": 1}]}, {}, ("anyOf", "condition"), C, B),
        ({}, {"allOf": [{"minimum": 1}]}, ("allOf", "condition"), B, C),
        ({"allOf": [{"minimum": 1}, {"maximum": 9}]}, {"allOf": [{"minimum": 1}]}, ("allOf", "condition"), C, B),
        ({"not": {"const": 1}}, {"not": {"const": 2}}, ("not", "rule"), B, B),
        ({"patternProperties": {"a": {}}}, {}, ("patternProperties", "rule"), B, B),
        (True, False, ("", "never"), B, C),
        (False, {"type": "string"}, ("", "never"), C, B),
        (True, {}, None, None, None),
    ],
)
def test_what_a_schema_takes_and_promises_is_judged_from_both_sides(
    before: Any, after: Any, changed: Any, as_input: Any, as_output: Any
) -> None:
    """A parameter may only take more, an answer may only promise more."""
    assert of_input(before, after) == ([(*changed, as_input)] if changed else [])
    inside = of_output({"type": "array", "items": before}, {"type": "array", "items": after})
    path = changed and f"items.{changed[0]}".rstrip(".")
    assert inside == ([(path, changed[1], as_output)] if changed else [])


P = {"type": "string"}


@pytest.mark.parametrize(
    ("before", "after", "kind", "as_input", "as_output"),
    [
        ({"properties": {"a": P}}, {"properties": {}}, "removed", B, B),
        ({"properties": {}}, {"properties": {"a": P}}, "added", C, C),
        ({"additionalProperties": False}, {"properties": {"a": P}, "additionalProperties": False}, "added", C, B),
        ({"properties": {}}, {"properties": {"a": P}, "required": ["a"]}, "added-required", B, C),
        ({"properties": {"a": P}}, {"properties": {"a": P}, "required": ["a"]}, "now-required", B, C),
        ({"properties": {"a": P}, "required": ["a"]}, {"properties": {"a": P}}, "now-optional", C, B),
        ({}, {"required": ["a"]}, "now-required", B, C),
        ({"required": ["a"]}, {}, "now-optional", C, B),
    ],
)
def test_properties_come_go_and_become_required(
    before: Any, after: Any, kind: str, as_input: str, as_output: str
) -> None:
    old, new = {"type": "object"} | before, {"type": "object"} | after
    assert found(tool(inputSchema=old), tool(inputSchema=new)) == [("inputSchema.properties.a", kind, as_input)]
    assert of_output(old, new) == [("properties.a", kind, as_output)]


def test_a_required_output_field_where_none_was_allowed_is_breaking() -> None:
    old = {"type": "object", "additionalProperties": False}
    new = {"type": "object", "properties": {"a": P}, "required": ["a"], "additionalProperties": False}
    assert of_output(old, new) == [("properties.a", "added-required", B)]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (tool(), tool(), []),
        (tool(), tool(name="find_order"), [("name", "renamed", B)]),
        (tool(), tool(description="Other."), [("description", "words", C)]),
        (tool(), tool(title="Order"), [("title", "words", C)]),
        (tool(), tool(outputSchema={"type": "object"}), [("outputSchema", "added", C)]),
        (tool(outputSchema={"type": "object"}), tool(), [("outputSchema", "removed", B)]),
        (tool(), tool(annotations={"readOnlyHint": True}), [("annotations.readOnlyHint", "annotation", C)]),
        (tool(), tool(annotations={"readOnlyHint": False}), []),
        (tool(), tool(_meta={"ui": {}}), [("_meta", "other", C)]),
        (tool(title="A"), tool(title="B", name="b"), [("name", "renamed", B), ("title", "words", C)]),
    ],
)
def test_what_stands_beside_the_schemas_is_compared_too(before: Any, after: Any, expected: Any) -> None:
    assert found(before, after) == expected


def test_each_change_says_why() -> None:
    before = {"type": "object", "properties": {"id": {"type": "string"}, "n": {"type": "integer", "default": 10}}}
    after = {"type": "object", "properties": {"n": {"type": "integer", "default": 20, "maximum": 50}}}
    messages = [change.message for change in changes(tool(inputSchema=before), tool(name="fetch", inputSchema=after))]
    assert messages == [
        "clients that call get_order find no tool of that name; it is fetch now",
        "'id' is gone; calls that send it are refused or mean something else",
        "maximum 50 is new",
        "what holds when it is left out is 20, and was 10",
    ]


def test_references_are_followed_and_moving_a_schema_to_its_definitions_changes_nothing() -> None:
    plain = {"type": "object", "properties": {"a": {"type": "string", "maxLength": 5}}}
    moved = {
        "type": "object",
        "properties": {"a": {"$ref": "#/$defs/short~1text"}},
        "$defs": {"short/text": {"type": "string", "maxLength": 5}},
    }
    assert found(tool(inputSchema=plain), tool(inputSchema=moved)) == []
    moved["$defs"]["short/text"]["maxLength"] = 4
    assert found(tool(inputSchema=plain), tool(inputSchema=moved)) == [
        ("inputSchema.properties.a.maxLength", "bound", B)
    ]


@pytest.mark.parametrize("words", [{}, {"description": "The next one."}])
def test_a_schema_that_holds_itself_is_compared_once(words: Any) -> None:
    def tree(kind: str) -> dict[str, Any]:
        return {
            "type": "object",
            "properties": {"v": {"type": kind}, "next": {"$ref": "#"} | words, "all": {"items": {"$ref": "#"}}},
        }

    assert found(tool(inputSchema=tree("integer")), tool(inputSchema=tree("number"))) == [
        ("inputSchema.properties.v", "type", C)
    ]


NONSENSE = [
    *(None, 3, "x", [], [1], {"type": 3}, {"type": [3]}, {"properties": [1]}, {"properties": {"a": 3}}),
    *({"required": "a"}, {"required": [1]}, {"enum": "a"}, {"anyOf": {}}, {"anyOf": [3]}, {"$ref": "#/nowhere"}),
    *({"$ref": 3}, {"$ref": "http://x/y"}, {"minimum": "a"}, {"multipleOf": 0}, {"items": [1]}),
    *({"additionalProperties": 3}, {"$ref": "#"}, {"$defs": {"a": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"}),
]


@pytest.mark.parametrize("before", NONSENSE)
def test_what_is_no_schema_is_compared_without_a_crash(before: Any) -> None:
    for after in NONSENSE:
        changes(tool(inputSchema=before, outputSchema=before), tool(inputSchema=after, outputSchema=after))
