"""openai-agents: strict, as its documentation has it for MCP servers."""

import json
from contextlib import asynccontextmanager

from agents import Agent, RunContextWrapper
from agents.mcp import MCPServerStreamableHttp, MCPUtil
from agents.tool_context import ToolContext
from visits import main


@asynccontextmanager
async def opened(url):
    async with MCPServerStreamableHttp(params={"url": url}) as server:
        agent = Agent(name="visitor", mcp_servers=[server])
        tools = await MCPUtil.get_function_tools(server, True, RunContextWrapper(None), agent)
        yield {tool.name: caller(tool) for tool in tools}


def caller(tool):
    async def call(arguments):
        text = json.dumps(arguments)
        context = ToolContext(None, tool_name=tool.name, tool_call_id="1", tool_arguments=text)
        answer = await tool.on_invoke_tool(context, text)
        return f"{answer}{'' if tool.strict_json_schema else ' (not strict)'}"

    return call


main(opened)
