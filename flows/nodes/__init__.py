"""The node types that come with FlowHub, and the door for others.

A plug-in is a class with the attributes of `flows.engine.node.NodeType`, named by an entry point:

    [project.entry-points."flowhub.node_types"]
    shout = "my_package.shout:Shout"
"""

import logging
from functools import cache
from importlib.metadata import EntryPoint, entry_points

from flows.engine.node import NodeType
from flows.engine.registry import Registry
from flows.nodes.ask_model import AskModel
from flows.nodes.ask_roots import AskRoots
from flows.nodes.ask_user import AskUser
from flows.nodes.call_flow import CallFlow
from flows.nodes.code import Code
from flows.nodes.condition import Condition
from flows.nodes.delay import Delay
from flows.nodes.fail import Fail
from flows.nodes.for_each import ForEach
from flows.nodes.http_request import HttpRequest
from flows.nodes.llm_chat import LlmChat
from flows.nodes.log import Log
from flows.nodes.mcp_tool import McpTool
from flows.nodes.merge import Merge
from flows.nodes.offer import SwitchOffer
from flows.nodes.progress import Progress
from flows.nodes.release import Release
from flows.nodes.return_ import Return
from flows.nodes.return_content import ReturnContent
from flows.nodes.set_fields import SetFields
from flows.nodes.switch import Switch
from flows.nodes.template import Template
from flows.nodes.trigger import Trigger
from flows.nodes.ui_html import UiHtml
from flows.nodes.ui_post_list import UiPostList
from flows.nodes.ui_stat_card import UiStatCard
from flows.nodes.ui_table import UiTable
from flows.nodes.validate import Validate

ENTRY_POINT_GROUP = "flowhub.node_types"
BUILTIN_NODE_TYPES: tuple[NodeType, ...] = (
    Trigger(),
    SetFields(),
    Template(),
    Code(),
    Condition(),
    Switch(),
    Merge(),
    Validate(),
    HttpRequest(),
    CallFlow(),
    ForEach(),
    LlmChat(),
    McpTool(),
    SwitchOffer(),
    AskUser(),
    AskModel(),
    AskRoots(),
    Delay(),
    Progress(),
    Release(),
    Log(),
    Fail(),
    Return(),
    ReturnContent(),
    UiTable(),
    UiPostList(),
    UiStatCard(),
    UiHtml(),
)

logger = logging.getLogger(__name__)


def registry() -> Registry:
    """Every node type that a definition may use."""
    return _loaded()[0]


def broken_plugins() -> tuple[str, ...]:
    """The entry points that could not become node types, each with the reason."""
    return _loaded()[1]


@cache
def _loaded() -> tuple[Registry, tuple[str, ...]]:
    node_types, broken = list(BUILTIN_NODE_TYPES), []
    for entry_point in entry_points(group=ENTRY_POINT_GROUP):
        try:
            plugin = _plugin(entry_point)
            Registry([*node_types, plugin])
        except Exception as error:  # whatever a stranger's import raises, the other node types must still work
            logger.exception("The node type %r could not be loaded", entry_point.name)
            broken.append(f"{entry_point.name} ({entry_point.value}): {type(error).__name__}: {error}")
        else:
            node_types.append(plugin)
    return Registry(node_types), tuple(broken)


def _plugin(entry_point: EntryPoint) -> NodeType:
    plugin = entry_point.load()()
    if not isinstance(plugin, NodeType):
        raise TypeError("it lacks an attribute of flows.engine.node.NodeType")
    return plugin
