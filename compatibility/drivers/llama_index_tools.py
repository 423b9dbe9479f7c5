"""llama-index-tools-mcp."""

from contextlib import asynccontextmanager

from llama_index.tools.mcp import BasicMCPClient, McpToolSpec
from visits import main


@asynccontextmanager
async def opened(url):
    tools = await McpToolSpec(BasicMCPClient(url)).to_tool_list_async()
    yield {tool.metadata.name: caller(tool) for tool in tools}


def caller(tool):
    async def call(arguments):
        return (await tool.acall(**arguments)).content

    return call


main(opened)
