"""A value is checked against a schema; what is wrong with it is said at its path."""

from typing import Any

import pytest

from executions.running.targets import ArgumentsError
from flows.engine.errors import NodeFailed
from flows.engine.node import NodeResult
from flows.nodes import registry
from tests.definitions import answer
from tests.factories import call, make_server, publish
from tests.flows.nodes.conftest import Execute

pytestmark = pytest.mark.anyio

SCHEMA = {
    "type": "object",
    "properties": {"id": {"type": "string"}, "lines": {"type": "array", "items": {"type": "integer"}}},
    "required": ["id"],
}


async def test_a_value_that_fits_goes_on_at_valid(execute: Execute) -> None:
    value = {"id": "A-1", "lines": [1, 2]}
    expected = NodeResult({"valid": True, "value": value, "faults": []}, handle="valid")
    assert await execute("validate", {"value": value, "schema": SCHEMA}) == expected


async def test_a_value_that_does_not_fit_goes_on_at_invalid_with_every_fault(execute: Execute) -> None:
    value = {"lines": [1, "2"]}
    faults = [
        {"path": "id", "message": "is required"},
        {"path": "lines[1]", "message": '"2" is not of type "integer"'},
    ]
    expected = NodeResult({"valid": False, "value": value, "faults": faults}, handle="invalid")
    assert await execute("validate", {"value": value, "schema": SCHEMA}) == expected


async def test_or_the_flow_fails_and_lists_them(execute: Execute) -> None:
    with pytest.raises(NodeFailed) as caught:
        await execute("validate", {"value": {"lines": [True]}, "schema": SCHEMA, "onInvalid": "fail"})
    assert caught.value.message == (
        'The value does not fit the schema:\n- id: is required\n- lines[0]: true is not of type "integer"'
    )


def test_a_node_that_fails_has_no_way_out_for_invalid() -> None:
    validate = registry()["validate"]
    assert validate.handles({"value": 1, "schema": {}}) == ("valid", "invalid")
    assert validate.handles({"value": 1, "schema": {}, "onInvalid": "fail"}) == ("valid",)


@pytest.mark.parametrize(
    ("parameters", "faults"),
    [
        ({"value": 1}, ['p: "schema" is a required property']),
        ({"value": 1, "schema": True}, ['p.schema: true is not of type "object"']),
        (
            {"value": 1, "schema": {"properties": {"a": {"type": "text"}}}},
            [
                "p.schema.properties.a.type: use array, boolean, integer, null, number, object or string, or a list of "
                "them"
            ],
        ),
        (
            {"value": 1, "schema": {"$ref": "http://127.0.0.1/schema"}},
            [
                "p.schema.$ref: 'http://127.0.0.1/schema' is outside this document, and nothing is fetched; "
                "copy it under $defs"
            ],
        ),
        ({"value": "{{ trigger }}", "schema": {"const": "{{ nobody }}"}}, []),
    ],
)
def test_wrong_parameters_are_named(parameters: Any, faults: list[str]) -> None:
    found = registry()["validate"].faults(parameters, "p", before_filling=True)
    assert [str(fault) for fault in found] == faults


MONEY: dict[str, Any] = {
    "type": "object",
    "properties": {"price": {"type": "number", "multipleOf": 0.01}},
    "required": ["price"],
}
PRICES = [19.99, 0.07, 1.1, 100, 4.35, 1e15 + 0.25]
NO_CENTS = "19.995 is not a multiple of 0.01"


async def test_whole_cents_are_those_of_decimals_at_the_node(execute: Execute) -> None:
    for price in (*PRICES, 19.995):
        found = await execute("validate", {"value": {"price": price}, "schema": MONEY})
        faults = [{"path": "price", "message": NO_CENTS}] if price == 19.995 else []
        assert found.output == {"valid": not faults, "value": {"price": price}, "faults": faults}


@pytest.mark.django_db(transaction=True)
def test_and_as_arguments_and_in_an_answer() -> None:
    server, back = make_server(), answer({"price": "{{ trigger.price }}"})
    taking = publish(server, "take_cents", back, input_schema=MONEY)
    giving = publish(server, "give_cents", back, output_schema=MONEY)
    for price in PRICES:
        assert call(taking, price=price).result["structuredContent"] == {"price": price}
        assert call(giving, price=price).result["structuredContent"] == {"price": price}
    with pytest.raises(ArgumentsError) as caught:
        call(taking, price=19.995)
    assert [str(fault) for fault in caught.value.faults] == [f"price: {NO_CENTS}"]
    refused = call(giving, price=19.995)
    assert (refused.status, NO_CENTS in refused.error_info["message"]) == ("error", True)
