"""mcp-use with its adapter for LangChain."""

from contextlib import asynccontextmanager

from mcp_use import MCPClient
from mcp_use.adapters.langchain_adapter import LangChainAdapter
from visits import main


@asynccontextmanager
async def opened(url):
    client = MCPClient({"mcpServers": {"flowhub": {"url": url}}})
    try:
        tools = await LangChainAdapter().create_tools(client)
        yield {tool.name: tool.ainvoke for tool in tools}
    finally:
        await client.close_all_sessions()


main(opened)
