"""The bare SDK: its low-level server in its own way of serving, one tool, nothing checked and nothing recorded.

    uvicorn --app-dir benchmarks _floor:application --port 8001

What `benchmarks/figures.py` compares FlowHub with: the tool answers as the demo's `greet` does.
"""

from typing import Any

import mcp_types
from mcp.server.lowlevel.server import Server

_SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "n": {"type": "integer"}},
    "required": ["name", "n"],
}


async def _list(context: Any, params: Any) -> mcp_types.ListToolsResult:
    tool = mcp_types.Tool(name="greet", description="Greets a person.", input_schema=_SCHEMA)
    return mcp_types.ListToolsResult(tools=[tool])


async def _call(context: Any, params: Any) -> mcp_types.CallToolResult:
    text = "Hello, {name}! {n}".format_map(params.arguments)
    return mcp_types.CallToolResult(content=[mcp_types.TextContent(type="text", text=text)])


application = Server("floor", on_list_tools=_list, on_call_tool=_call).streamable_http_app()
