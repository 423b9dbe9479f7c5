"""anthropic's helper for tools of MCP servers."""

from contextlib import asynccontextmanager

from anthropic.lib.tools.mcp import async_mcp_tool
from mcp import Client
from visits import main


@asynccontextmanager
async def opened(url):
    async with Client(url) as client:
        yield {tool.name: async_mcp_tool(tool, client).call for tool in (await client.list_tools()).tools}


main(opened)
