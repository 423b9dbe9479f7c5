"""Set fields builds an object, or changes a copy of one."""

import copy
from typing import Any

import pytest

from flows.engine.errors import NodeFailed
from flows.engine.node import NodeResult
from flows.nodes import registry
from tests.flows.nodes.conftest import Execute

pytestmark = pytest.mark.anyio

CUSTOMER = {"id": 7, "name": "Ada", "address": {"city": "London", "zip": "N1"}, "password": "x", "a.b": 1}


@pytest.mark.parametrize(
    ("parameters", "output"),
    [
        ({"fields": {"a": 1, "b": {"c": [None, "x"]}}}, {"a": 1, "b": {"c": [None, "x"]}}),
        ({"fields": {"a.b.c": 1, "a.b.d": 2, "a.e": 3}}, {"a": {"b": {"c": 1, "d": 2}, "e": 3}}),
        ({"fields": {"a\\.b": 1, "a.c\\.d": 2}}, {"a.b": 1, "a": {"c.d": 2}}),
        ({"from": CUSTOMER}, CUSTOMER),
        (
            {"from": CUSTOMER, "remove": ["password", "address.zip", "gone.with", "id.x", "a\\.b"]},
            {"id": 7, "name": "Ada", "address": {"city": "London"}},
        ),
        ({"from": CUSTOMER, "keep": ["name", "address.city", "gone"]}, {"name": "Ada", "address": {"city": "London"}}),
        (
            {"from": CUSTOMER, "keep": ["address.city", "address"], "remove": ["address.zip"]},
            {"address": {"city": "London"}},
        ),
        (
            {"from": CUSTOMER, "keep": ["id", "address"], "fields": {"address.city": "Paris", "tags": []}},
            {"id": 7, "address": {"city": "Paris", "zip": "N1"}, "tags": []},
        ),
    ],
)
async def test_the_output_is_built_in_that_order(execute: Execute, parameters: Any, output: Any) -> None:
    given = copy.deepcopy(parameters)
    assert await execute("set_fields", parameters) == NodeResult(output)
    assert parameters == given


@pytest.mark.parametrize(
    ("source", "field", "message"),
    [
        ({"a": 5}, "a.b", "The field 'a.b' cannot be set: a is no object."),
        ({"items": [{}]}, "items.0.name", "The field 'items.0.name' cannot be set: items is a list."),
        ({"a": {"b": "text"}}, "a.b.c", "The field 'a.b.c' cannot be set: a.b is no object."),
    ],
)
async def test_a_path_through_something_that_is_no_object_fails(
    execute: Execute, source: Any, field: str, message: str
) -> None:
    with pytest.raises(NodeFailed) as caught:
        await execute("set_fields", {"from": source, "fields": {field: 1}})
    assert caught.value.message == message


async def test_null_on_the_way_is_made_an_object(execute: Execute) -> None:
    made = await execute("set_fields", {"from": {"customer": None}, "fields": {"customer.name": "x"}})
    assert made == NodeResult({"customer": {"name": "x"}})


@pytest.mark.parametrize(
    ("parameters", "faults"),
    [
        ({}, ['p: "fields" is a required property']),
        ({"fields": {}, "keep": ["a"]}, ['p: "from" is a required property']),
        ({"from": "{{ fetch.body }}", "remove": []}, ["p.remove: [] has less than 1 item"]),
        (
            {"fields": {"a": 1, "a.b": 2, "ab": 3}},
            ["p.fields.a.b: lies inside the field 'a', which is set too; set one of them"],
        ),
    ],
)
def test_wrong_parameters_are_named(parameters: Any, faults: list[str]) -> None:
    found = registry()["set_fields"].faults(parameters, "p", before_filling=True)
    assert [str(fault) for fault in found] == faults
