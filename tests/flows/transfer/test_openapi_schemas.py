"""Schemas of what is sent: what they take, what they refuse, and what is cut of those that are too large."""

import json
from typing import Any

import pytest

from flows.schemas.compiled import MAX_BYTES, MAX_DEPTH, MAX_SUBSCHEMAS, check_tool_input_schema
from flows.transfer import openapi
from tests.flows.transfer.test_openapi import operations

TEXT = {"type": "string"}
REFERENCE = "#/components/schemas/{}"


def ref(name: str) -> dict[str, str]:
    return {"$ref": REFERENCE.format(name)}


def operation_of(schema: Any, *, version: str = "3.1.0", **schemas: Any) -> openapi.Operation:
    """An operation whose body has this schema."""
    body = {"required": True, "content": {"application/json": {"schema": schema}}}
    document = {
        "openapi": version,
        "paths": {"/a": {"post": {"requestBody": body}}},
        "components": {"schemas": schemas},
    }
    [operation] = operations(json.dumps(document)).values()
    assert operation.flow is not None, operation.problem
    return operation


def body_of(schema: Any, *, version: str = "3.1.0", **schemas: Any) -> Any:
    """The schema of the tool's argument for a body of this schema."""
    flow = operation_of(schema, version=version, **schemas).flow
    assert flow is not None
    return flow["inputSchema"]["properties"]["body"]


def an_object(required: tuple[str, ...] = (), **properties: Any) -> dict[str, Any]:
    """An object with these properties."""
    needed = {"required": list(required)} if required else {}
    return {"type": "object", "properties": properties, **needed}


def takes(schema: Any, value: Any) -> bool:
    arguments = {"type": "object", "properties": {"body": schema}}
    return not check_tool_input_schema(arguments).accept({"body": value})[1]


class TestAlternatives:
    """A base beside what extends it, as frameworks write inheritance."""

    PET = {"type": "object", "required": ["kind"], "properties": {"kind": TEXT, "name": TEXT}}
    CAT = {"allOf": [ref("Pet"), {"type": "object", "properties": {"lives": {"type": "integer"}}}]}
    DOG = {"allOf": [ref("Pet"), {"type": "object", "properties": {"barks": {"type": "boolean"}}}]}
    ANY = {"oneOf": [ref("Pet"), ref("Cat"), ref("Dog")]}

    def test_what_fits_several_alternatives_is_taken_once_and_for_all(self) -> None:
        taken = body_of(self.ANY, Pet=self.PET, Cat=self.CAT, Dog=self.DOG)
        assert taken == {
            "anyOf": [
                an_object(("kind",), kind=TEXT, name=TEXT),
                an_object(("kind",), kind=TEXT, name=TEXT, lives={"type": "integer"}),
                an_object(("kind",), kind=TEXT, name=TEXT, barks={"type": "boolean"}),
            ]
        }
        assert takes(taken, {"kind": "cat", "name": "Tom"})
        assert takes(taken, {"kind": "cat", "lives": 9})
        assert not takes(taken, {"kind": 9, "lives": 9})

    def test_a_discriminator_with_a_mapping_says_which_alternative_is_meant(self) -> None:
        mapping = {"cat": REFERENCE.format("Cat"), "dog": "Dog", "puppy": REFERENCE.format("Dog")}
        schema = self.ANY | {"discriminator": {"propertyName": "kind", "mapping": mapping}}
        taken = body_of(schema, Pet=self.PET, Cat=self.CAT, Dog=self.DOG)
        kinds = [option["properties"]["kind"] for option in taken["anyOf"]]
        assert kinds == [TEXT, TEXT | {"const": "cat"}, TEXT | {"enum": ["dog", "puppy"]}]
        assert takes(taken, {"kind": "puppy", "barks": True})
        assert not takes(taken, {"kind": "puppy", "name": 1})

    @pytest.mark.parametrize("discriminator", [{"propertyName": "kind"}, {"mapping": {"cat": "Cat"}}, 7, {}])
    def test_a_discriminator_that_names_no_values_decides_nothing(self, discriminator: Any) -> None:
        schema = self.ANY | {"discriminator": discriminator}
        taken = body_of(schema, Pet=self.PET, Cat=self.CAT, Dog=self.DOG)
        assert taken == body_of(self.ANY, Pet=self.PET, Cat=self.CAT, Dog=self.DOG)

    def test_a_property_that_says_its_values_itself_keeps_them(self) -> None:
        cat = {"properties": {"kind": {"enum": ["Cat", "Lion"]}}}
        dog = {"properties": {"kind": {"type": "integer"}}}
        mapping = {"cat": "Cat", "1": "Dog"}
        schema = {"oneOf": [ref("Cat"), ref("Dog")], "discriminator": {"propertyName": "kind", "mapping": mapping}}
        assert body_of(schema, Cat=cat, Dog=dog) == {"anyOf": [cat, dog]}

    def test_of_any_of_a_value_may_have_the_properties_of_all(self) -> None:
        one, other = {"properties": {"a": TEXT}}, {"properties": {"b": TEXT}}
        assert body_of({"anyOf": [one, other]}) == {"anyOf": [one, other]}
        assert body_of({"anyOf": [{"type": "null"}, one]}) == {"anyOf": [{"type": "null"}, one]}
        assert body_of({"anyOf": [one, other], "oneOf": [TEXT, one]}) == {
            "anyOf": [one, other],
            "allOf": [{"anyOf": [TEXT, one]}],
        }


class TestObjects:
    def test_one_that_names_its_properties_takes_others_unless_the_document_says_no(self) -> None:
        schema = {
            "type": "object",
            "properties": {
                "named": {"type": "object", "properties": {"a": TEXT}},
                "closed": {"type": "object", "properties": {"a": TEXT}, "additionalProperties": False},
                "map": {"type": "object", "additionalProperties": {"type": "object", "properties": {"a": TEXT}}},
            },
        }
        taken = body_of(schema)
        assert taken == schema
        assert takes(taken, {"named": {"b": 1}, "more": 2})
        assert not takes(taken, {"closed": {"b": 1}})

    def test_one_of_what_must_not_be_stays_one_of(self) -> None:
        alternatives = {"oneOf": [{"maxLength": 3}, {"minLength": 2}]}
        assert body_of({"type": "string", "not": alternatives}) == {"type": "string", "not": alternatives}

    def test_members_that_say_nothing_different_are_one_object(self) -> None:
        base = {"type": "object", "description": "The base.", "required": ["a"], "properties": {"a": TEXT}}
        more = {"required": ["b"], "properties": {"a": {"maxLength": 3}, "b": TEXT}}
        assert body_of({"allOf": [ref("Base"), more], "title": "Whole"}, Base=base) == an_object(
            ("a", "b"), a=TEXT | {"maxLength": 3}, b=TEXT
        ) | {"description": "The base.", "title": "Whole"}

    def test_one_that_takes_no_others_takes_those_of_what_extends_it(self) -> None:
        base = {"type": "object", "properties": {"kind": TEXT}, "additionalProperties": False}
        assert body_of({"allOf": [base, {"properties": {"b": TEXT}}]}) == {
            "type": "object",
            "properties": {"kind": TEXT, "b": TEXT},
            "additionalProperties": False,
        }
        assert "additionalProperties" not in body_of(base | {"discriminator": {"propertyName": "kind"}})

    @pytest.mark.parametrize(
        "members",
        [
            [{"type": "object", "properties": {"a": TEXT}}, {"type": "string"}],
            [{"properties": {"a": TEXT}, "additionalProperties": TEXT}, {"properties": {"b": TEXT}}],
            [{"minLength": 1}, {"minLength": 2}],
        ],
    )
    def test_members_that_contradict_each_other_stay_apart(self, members: Any) -> None:
        assert body_of({"allOf": members}) == {"allOf": members}

    def test_one_member_beside_nullable_is_that_or_null(self) -> None:
        schema = {"allOf": [ref("Base")], "nullable": True, "description": "Its base."}
        assert body_of(schema, version="3.0.3", Base={"type": "object", "properties": {"a": TEXT}}) == {
            "anyOf": [an_object(a=TEXT), {"type": "null"}],
            "description": "Its base.",
        }

    def test_null_in_the_words_of_3_0_counts_in_later_documents_too(self) -> None:
        schema = {"type": "integer", "nullable": True, "minimum": 1, "exclusiveMinimum": True}
        assert body_of(schema) == {"anyOf": [{"type": "integer", "exclusiveMinimum": 1}, {"type": "null"}]}


class TestWords:
    def test_a_property_without_a_description_has_its_title_or_an_example(self) -> None:
        schema = {
            "properties": {
                "order_id": {"type": "string", "title": "Order Id", "example": "A-7"},
                "state": {"type": "string", "title": "Where the order is"},
                "note": {
                    "type": "string",
                    "description": "<p>For the <b>buyer</b>.</p>",
                    "title": "Note",
                    "example": 1,
                },
                "other": {"type": "object", "example": {"a": 1}},
            }
        }
        assert body_of(schema)["properties"] == {
            "order_id": TEXT | {"description": "For example: A-7."},
            "state": TEXT | {"description": "Where the order is"},
            "note": TEXT | {"description": "For the buyer."},
            "other": {"type": "object"},
        }

    def test_a_parameter_and_a_body_are_described_too(self) -> None:
        parameters = [
            {"name": "q", "in": "query", "required": True, "schema": TEXT | {"title": "Q"}, "example": "red pen"},
            {"name": "sort", "in": "query", "required": True, "schema": TEXT, "description": "By **what**."},
        ]
        body = {"required": True, "content": {"application/json": {"schema": ref("NewOrder")}}}
        document = {
            "openapi": "3.1.0",
            "paths": {"/a": {"post": {"parameters": parameters, "requestBody": body}}},
            "components": {"schemas": {"NewOrder": {"type": "object"}}},
        }
        flow = operations(json.dumps(document))["post /a"].flow
        assert flow is not None
        assert flow["inputSchema"]["properties"] == {
            "q": TEXT | {"description": "For example: red pen."},
            "sort": TEXT | {"description": "By what."},
            "body": {"type": "object", "description": "New order, the body of the request."},
        }

    def test_a_schema_that_takes_anything_is_described_by_nothing(self) -> None:
        body = {"required": True, "content": {"application/json": {"schema": True}}}
        parameters = [{"name": "q", "in": "query", "required": True, "schema": True}]
        document = {"openapi": "3.1.0", "paths": {"/a": {"post": {"parameters": parameters, "requestBody": body}}}}
        operation = operations(json.dumps(document))["post /a"]
        assert operation.flow is not None, operation.problem
        assert operation.flow["inputSchema"]["properties"] == {"q": {}, "body": {}}


class TestCutting:
    def test_what_is_too_deep_is_cut_where_it_is_deepest(self) -> None:
        schemas = {
            f"S{number}": {
                "type": "object",
                "description": f"Level {number}.",
                "properties": {"below": ref(f"S{number + 1}"), "n": TEXT},
            }
            for number in range(40)
        }
        operation = operation_of(ref("S0"), **schemas, S40=TEXT)
        place = "body" + ".below" * 14
        fault = f"the schema is nested deeper than {MAX_DEPTH} levels"
        assert operation.notes == [f"below {place} anything is taken, which the other system checks: {fault}"]
        assert operation.flow is not None
        found = operation.flow["inputSchema"]["properties"]["body"]
        for number in range(14):
            assert found["description"] == f"Level {number}."
            assert found["properties"]["n"] == TEXT
            found = found["properties"]["below"]
        assert found == {"type": "object", "description": "Level 14."}

    def test_what_is_too_large_is_cut_and_the_note_names_some_of_the_places(self) -> None:
        many = {f"p{n}": {"type": "array", "items": TEXT} for n in range(MAX_SUBSCHEMAS // 30)}
        schema = {"type": "object", "properties": {f"q{n}": {"type": "object", "properties": many} for n in range(20)}}
        operation = operation_of(schema)
        [note] = operation.notes
        assert note == (
            "below body.q0.p0, body.q0.p1, body.q0.p2, body.q0.p3, body.q0.p4 and 315 more places anything is taken, "
            f"which the other system checks: the schema holds 663 schemas; {MAX_SUBSCHEMAS} are allowed"
        )
        assert operation.flow is not None
        kept = an_object(**{f"p{n}": {"type": "array"} for n in range(16)})
        body = operation.flow["inputSchema"]["properties"]["body"]
        assert body == an_object(**{f"q{n}": kept for n in range(20)})

    def test_a_default_in_what_was_too_large_to_look_at_is_checked_once_it_is_cut(self) -> None:
        schemas = {
            f"S{number}": {"type": "object", "properties": {"below": ref(f"S{number + 1}")}} for number in range(40)
        }
        schemas["S0"]["properties"]["n"] = {"type": "integer", "default": "ten"}
        operation = operation_of(ref("S0"), **schemas, S40=TEXT)
        assert operation.notes[0] == (
            'the default "ten" of properties.body.properties.n is left out: it does not fit its own schema'
        )

    def test_one_argument_that_is_too_large_by_itself_is_refused_with_the_reason(self) -> None:
        parameter = {
            "name": "a",
            "in": "query",
            "required": True,
            "schema": {"type": "string", "enum": ["x" * 99 + str(n) for n in range(999)]},
        }
        document = {"openapi": "3.1.0", "paths": {"/a": {"get": {"parameters": [parameter]}}}}
        problem = operations(json.dumps(document))["get /a"].problem
        assert problem.startswith("its parameters cannot be described here: the schema has ")
        assert problem.endswith(f" bytes; {MAX_BYTES:,} are allowed")
