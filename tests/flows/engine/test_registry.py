"""Node types by name, with their parameter schemas compiled once."""

from collections.abc import Mapping
from typing import Any, ClassVar

import pytest

from flows.engine.registry import Registry, json_path, short
from flows.nodes.delay import Delay
from tests.flows.engine.kit import Scripted


def test_a_registry_maps_names_to_node_types() -> None:
    delay, scripted = Delay(), Scripted()
    registry = Registry([delay, scripted])
    assert {name: each.node_type for name, each in registry.items()} == {"delay": delay, "scripted": scripted}
    assert len(registry) == 2


def test_two_node_types_cannot_share_a_name() -> None:
    with pytest.raises(ValueError, match="two node types are called 'delay'"):
        Registry([Delay(), Delay()])


def test_a_parameter_schema_that_is_no_schema_is_refused() -> None:
    class Broken(Scripted):
        parameters_schema: ClassVar[Mapping[str, Any]] = {"type": "strange"}

    with pytest.raises(ValueError, match="strange"):
        Registry([Broken()])


def test_paths_are_written_as_people_do() -> None:
    assert json_path(["items", 0, "id"]) == "items[0].id"
    assert json_path([], "nodes[1]") == "nodes[1]"
    assert json_path([2, "x"]) == "[2].x"


def test_a_message_that_quotes_a_long_value_is_cut_in_the_middle() -> None:
    [fault] = Registry([Delay()])["delay"].faults({"seconds": "x" * 5000}, "at", before_filling=True)
    assert fault.path == "at.seconds"
    assert fault.message == short('"' + "x" * 5000 + '" is not of type "number"')
    assert fault.message.endswith('xxx" is not of type "number"')
    assert len(fault.message) == 300
