"""The built-in node types are complete, and a broken plug-in does not take the others down."""

from collections.abc import Callable, Iterator
from importlib.metadata import EntryPoint
from typing import Any

import pytest

from flows import nodes
from flows.engine.node import NodeContext, NodeResult, NodeType

EFFECTS = {"http_request", "call_flow", "for_each", "llm_chat", "mcp_tool", "offer"}
ICONS = {
    *("bolt", "edit", "branch", "globe", "clock", "stop", "reply", "layers", "repeat", "chat", "plug"),
    *("code", "switch", "merge", "check", "text", "media", "table", "list", "stats", "person"),
}


class Shout:
    """A third party's node type."""

    type = "shout"
    title = "Shout"
    description = "Writes text in capitals."
    icon = "edit"
    parameters_schema: dict[str, Any] = {"type": "object"}
    handles = ("main",)
    has_effects = False

    async def execute(self, parameters: Any, context: NodeContext) -> NodeResult:
        return NodeResult(str(parameters).upper())


class SecondTrigger(Shout):
    type = "trigger"


class Unfinished:
    type = "unfinished"


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Make entry points visible, as if their packages were installed."""

    def make_visible(**points: str) -> None:
        found = [EntryPoint(name, value, nodes.ENTRY_POINT_GROUP) for name, value in points.items()]
        monkeypatch.setattr(nodes, "entry_points", lambda group: found if group == nodes.ENTRY_POINT_GROUP else [])
        nodes._loaded.cache_clear()

    yield make_visible
    nodes._loaded.cache_clear()


def test_the_built_in_types_are_those_of_the_product() -> None:
    names = [
        *("trigger", "set_fields", "template", "code", "condition", "switch", "merge", "validate", "http_request"),
        *("call_flow", "for_each", "llm_chat", "mcp_tool", "offer", "ask_user", "ask_model", "ask_roots"),
        *("delay", "progress", "release", "log", "fail", "return", "return_content"),
        *("ui_table", "ui_post_list", "ui_stat_card", "ui_html"),
    ]
    assert [each.type for each in nodes.BUILTIN_NODE_TYPES] == names
    assert list(nodes.registry()) == names
    assert nodes.broken_plugins() == ()


@pytest.mark.parametrize("node_type", nodes.BUILTIN_NODE_TYPES, ids=lambda each: each.type)
def test_a_node_type_can_be_shown_and_edited(node_type: NodeType) -> None:
    assert isinstance(node_type, NodeType)
    assert node_type.icon in ICONS
    assert node_type.title
    assert node_type.description.endswith(".")
    assert node_type.parameters_schema["type"] == "object"
    assert node_type.parameters_schema["additionalProperties"] is False
    assert all(each["title"] for each in node_type.parameters_schema["properties"].values())


def test_what_can_touch_the_outside_is_marked() -> None:
    assert {each.type for each in nodes.BUILTIN_NODE_TYPES if each.has_effects} == EFFECTS


def test_a_plug_in_joins_the_built_in_types(install: Callable[..., None]) -> None:
    install(shout=f"{__name__}:Shout")
    assert list(nodes.registry())[-1] == "shout"
    assert nodes.broken_plugins() == ()


def test_broken_plug_ins_are_left_out_and_named(install: Callable[..., None], caplog: pytest.LogCaptureFixture) -> None:
    install(
        gone="no_such_package:Node",
        unfinished=f"{__name__}:Unfinished",
        second=f"{__name__}:SecondTrigger",
        shout=f"{__name__}:Shout",
    )
    assert list(nodes.registry()) == [each.type for each in nodes.BUILTIN_NODE_TYPES] + ["shout"]
    assert nodes.broken_plugins() == (
        "gone (no_such_package:Node): ModuleNotFoundError: No module named 'no_such_package'",
        f"unfinished ({__name__}:Unfinished): TypeError: it lacks an attribute of flows.engine.node.NodeType",
        f"second ({__name__}:SecondTrigger): ValueError: two node types are called 'trigger'",
    )
    assert [record.getMessage() for record in caplog.records] == [
        f"The node type {name!r} could not be loaded" for name in ("gone", "unfinished", "second")
    ]
