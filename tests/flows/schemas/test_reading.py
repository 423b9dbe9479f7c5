"""How a flow reads what was sent: integers, nulls that stand for nothing, defaults."""

from typing import Any

import pytest

from flows.schemas.compiled import SchemaError, check_tool_input_schema, compile_schema
from flows.schemas.reading import MAX_FILLED

INTEGER = {"type": "integer"}
NUMBER = {"type": "number"}
TEXT = {"type": "string"}


def accept(value: Any, **schema: Any) -> Any:
    read, faults = compile_schema({"type": "object", **schema}).accept(value)
    assert faults == []
    return read


@pytest.mark.parametrize(
    ("rule", "sent", "read"),
    [
        (INTEGER, 5.0, 5),
        (INTEGER, 1e3, 1000),
        (INTEGER, 1e21, 1_000_000_000_000_000_000_000),
        (INTEGER, -0.0, 0),
        (NUMBER, 5.0, 5.0),
        ({}, 5.0, 5.0),
        (TEXT, "5.0", "5.0"),
        ({"type": ["integer", "null"]}, 5.0, 5),
        ({"type": ["integer", "number"]}, 5.0, 5.0),
        ({"enum": [5]}, 5.0, 5.0),
        ({"anyOf": [INTEGER, TEXT]}, 5.0, 5),
        ({"anyOf": [INTEGER, NUMBER]}, 5.0, 5.0),
        ({"oneOf": [{**INTEGER, "maximum": 4}, {**INTEGER, "minimum": 5}]}, 5.0, 5),
        ({"allOf": [NUMBER, INTEGER]}, 5.0, 5),
        ({"$ref": "#/$defs/whole"}, 5.0, 5),
        ({"type": "array", "items": INTEGER}, [5.0, 6, 7.0], [5, 6, 7]),
        ({"type": "array", "prefixItems": [INTEGER], "items": NUMBER}, [5.0, 6.0], [5, 6.0]),
        ({"type": "object", "additionalProperties": INTEGER}, {"a": 5.0}, {"a": 5}),
        ({"type": "object", "patternProperties": {"^n": INTEGER}}, {"n1": 5.0, "x": 5.0}, {"n1": 5, "x": 5.0}),
        ({"if": {"minimum": 5}, "then": INTEGER, "else": NUMBER}, 5.0, 5),
        ({"if": {"minimum": 5}, "then": INTEGER, "else": NUMBER}, 4.0, 4.0),
    ],
)
def test_a_number_without_a_fraction_is_an_integer_where_no_other_number_is_taken(
    rule: Any, sent: Any, read: Any
) -> None:
    found = accept({"n": sent}, properties={"n": rule}, **{"$defs": {"whole": INTEGER}})
    assert found == {"n": read}
    # Equal numbers of two types are the point of this.
    assert repr(found) == repr({"n": read})


@pytest.mark.parametrize(
    ("sent", "is_as_sent"),
    [
        ({"q": "x", "limit": 5}, True),
        ({"q": "x", "limit": 5, "more": None}, True),
        ({"q": "x", "limit": 5.0}, False),
        ({"q": "x"}, False),
        ({"q": "x", "limit": 5, "more": []}, False),
    ],
)
def test_what_lacks_nothing_and_could_not_be_read_otherwise_is_not_made_anew(sent: Any, is_as_sent: bool) -> None:
    found = accept(sent, properties={"q": TEXT, "limit": {**INTEGER, "default": 5}})
    assert (found, found is sent) == ({"limit": 5} | sent, is_as_sent)


OPTIONAL = {"properties": {"q": TEXT, "limit": INTEGER}, "required": ["q"]}
ADDRESS = {"type": "object", "properties": {"city": TEXT, "zip": TEXT}, "required": ["city"]}


@pytest.mark.parametrize(
    ("schema", "sent", "read"),
    [
        (OPTIONAL, {"q": "x", "limit": None}, {"q": "x"}),
        ({"properties": {"a": {"type": ["integer", "null"]}}}, {"a": None}, {"a": None}),
        ({"properties": {"a": {}}}, {"a": None}, {"a": None}),
        ({"properties": {"a": ADDRESS}}, {"a": {"city": "Rome", "zip": None}}, {"a": {"city": "Rome"}}),
        (
            {"properties": {"l": {"type": "array", "items": ADDRESS}}},
            {"l": [{"city": "Rome", "zip": None}]},
            {"l": [{"city": "Rome"}]},
        ),
        (
            {"properties": {"a": {"anyOf": [TEXT, ADDRESS]}}},
            {"a": {"city": "Rome", "zip": None}},
            {"a": {"city": "Rome"}},
        ),
        ({"properties": {"n": {**INTEGER, "default": 10}}}, {"n": None}, {"n": 10}),
        ({"properties": {"n": INTEGER}, "patternProperties": {"^n": {}}}, {"n": None}, {}),
    ],
)
def test_null_for_an_optional_parameter_that_takes_none_counts_as_left_out(schema: Any, sent: Any, read: Any) -> None:
    assert accept(sent, **schema) == read


@pytest.mark.parametrize(
    ("schema", "sent", "fault"),
    [
        (OPTIONAL, {"q": None, "limit": None}, 'q: null is not of type "string"'),
        (OPTIONAL | {"additionalProperties": False}, {"q": "x", "lim": None}, "lim: there is no such property; did"),
        ({"properties": {"a": ADDRESS}}, {"a": {"city": None}}, 'a.city: null is not of type "string"'),
        ({"properties": {"l": {"type": "array", "items": TEXT}}}, {"l": [None]}, 'l[0]: null is not of type "string"'),
    ],
)
def test_null_is_refused_where_something_has_to_stand(schema: Any, sent: Any, fault: str) -> None:
    _, faults = compile_schema({"type": "object", **schema}).accept(sent)
    assert [str(each)[: len(fault)] for each in faults] == [fault]


def test_what_was_given_is_not_changed() -> None:
    sent = {"n": 5.0, "a": {"zip": None, "city": "Rome"}}
    accept(sent, properties={"n": INTEGER, "a": ADDRESS})
    assert repr(sent) == "{'n': 5.0, 'a': {'zip': None, 'city': 'Rome'}}"


LIMIT = {"type": "integer", "default": 7.0}
PAGE = {"type": "object", "properties": {"limit": {"$ref": "#/$defs/limit"}, "from": {**INTEGER, "default": 0}}}


@pytest.mark.parametrize(
    ("rule", "sent", "read"),
    [
        (LIMIT, {}, {"x": 7}),
        ({"$ref": "#/$defs/limit"}, {}, {"x": 7}),
        ({"$ref": "#/$defs/limit", "default": 3}, {}, {"x": 3}),
        ({"allOf": [{"$ref": "#/$defs/limit"}]}, {}, {"x": 7}),
        (PAGE, {}, {}),
        (PAGE, {"x": {}}, {"x": {"limit": 7, "from": 0}}),
        ({**PAGE, "default": {"from": 5}}, {}, {"x": {"from": 5, "limit": 7}}),
        ({"anyOf": [PAGE, {"type": "null"}]}, {"x": {}}, {"x": {"limit": 7, "from": 0}}),
        ({"anyOf": [PAGE, {"type": "object"}]}, {"x": {}}, {"x": {}}),
        ({"type": "array", "items": PAGE}, {"x": [{"limit": 1}]}, {"x": [{"limit": 1, "from": 0}]}),
    ],
)
def test_defaults_are_filled_in_at_every_depth(rule: Any, sent: Any, read: Any) -> None:
    found = accept(sent, properties={"x": rule}, **{"$defs": {"limit": LIMIT}})
    assert found == read
    assert repr(sorted(found)) == repr(sorted(read))


def test_a_default_is_a_value_of_its_own_for_each_call() -> None:
    schema = compile_schema({"type": "object", "properties": {"l": {"type": "array", "default": []}}})
    schema.accept({})[0]["l"].append(1)
    assert schema.accept({}) == ({"l": []}, [])


def test_a_schema_whose_defaults_refer_to_itself_fills_in_a_bounded_number() -> None:
    branch = {"$ref": "#", "default": {}}
    read = accept({}, properties={"a": branch, "b": branch})
    assert str(read).count("'") // 2 == MAX_FILLED


@pytest.mark.parametrize(
    ("rule", "fault"),
    [
        ({**INTEGER, "default": "five"}, 'properties.x.default: "five" does not fit its own schema'),
        ({"$ref": "#/$defs/limit", "default": []}, "properties.x.default: [] does not fit its own schema"),
        (
            {**TEXT, "default": None},
            "properties.x.default: null does not fit its own schema: "
            'allow null, as in "anyOf": [..., {"type": "null"}], or take it away',
        ),
    ],
)
def test_a_default_that_its_own_schema_refuses_is_a_fault_when_it_is_saved(rule: Any, fault: str) -> None:
    schema = {"type": "object", "properties": {"x": rule}, "$defs": {"limit": LIMIT}}
    with pytest.raises(SchemaError) as refusal:
        check_tool_input_schema(schema)
    assert str(refusal.value) == fault
    # What was published before still runs as it did.
    assert compile_schema(schema).accept({}) == ({"x": rule["default"]}, [])
