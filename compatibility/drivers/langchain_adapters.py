"""langchain-mcp-adapters."""

from contextlib import asynccontextmanager

from langchain_mcp_adapters.client import MultiServerMCPClient
from visits import main


@asynccontextmanager
async def opened(url):
    client = MultiServerMCPClient({"flowhub": {"transport": "streamable_http", "url": url}})
    yield {tool.name: tool.ainvoke for tool in await client.get_tools()}


main(opened)
