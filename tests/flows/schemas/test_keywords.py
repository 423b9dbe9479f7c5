"""Keywords that hold schemas: all of them are walked, and what becomes of each in a tool made from OpenAPI."""

import json
from typing import Any

import pytest

from flows.schemas.compiled import SchemaError, compile_schema
from flows.schemas.keywords import LIST, MAP, ONE
from flows.transfer.openapi import Operations, read

LEFT_OUT = {"$defs", "definitions", "contentSchema", "unevaluatedItems", "unevaluatedProperties"}


def holding(keyword: str, child: Any) -> Any:
    """The value of a keyword that holds this schema."""
    return child if keyword in ONE else [child] if keyword in LIST else {"x": child}


def taken(schema: dict[str, Any], **schemas: Any) -> Any:
    """What the body of an OpenAPI 3.1 operation asks for in the tool that is made of it."""
    body = {"required": True, "content": {"application/json": {"schema": schema}}}
    paths = {"/a": {"post": {"requestBody": body}}}
    document = {"openapi": "3.1.0", "paths": paths, "components": {"schemas": schemas}}
    [operation] = Operations(read(json.dumps(document)), "https://example.com").converted()
    assert operation.flow is not None
    return operation.flow["inputSchema"]["properties"]["body"]


@pytest.mark.parametrize("keyword", sorted(ONE | LIST | MAP))
def test_a_schema_inside_a_keyword_is_checked_with_the_rest(keyword: str) -> None:
    with pytest.raises(SchemaError) as caught:
        compile_schema({keyword: holding(keyword, {"$ref": "#/nowhere"})})
    assert "'#/nowhere' leads to no schema in this document" in str(caught.value)


@pytest.mark.parametrize("keyword", sorted(ONE | LIST | MAP))
def test_of_openapi_a_keyword_is_taken_with_its_references_written_out_or_left_out_on_purpose(keyword: str) -> None:
    schema = {"type": "object", keyword: holding(keyword, {"$ref": "#/components/schemas/Word"})}
    # Alternatives of an API overlap more often than not.
    kept = {"oneOf": "anyOf"}.get(keyword, keyword)
    inside = {} if keyword in LEFT_OUT else {kept: holding(keyword, {"type": "string"})}
    assert taken(schema, Word={"type": "string"}) == {"type": "object"} | inside


def test_what_another_schema_lets_through_is_not_refused_for_standing_beside_it() -> None:
    named = {"type": "object", "properties": {"name": {"type": "string"}}}
    schema = {"$ref": "#/components/schemas/Named", "unevaluatedProperties": False}
    found = taken(schema, Named=named)
    assert found == named | {"description": "Named, the body of the request."}
    assert compile_schema(found).faults({"name": "Ada"}) == []
