"""crewai-tools."""

import asyncio
from contextlib import asynccontextmanager

from crewai_tools import MCPServerAdapter
from visits import main


@asynccontextmanager
async def opened(url):
    adapter = await asyncio.to_thread(MCPServerAdapter, {"url": url, "transport": "streamable-http"})
    try:
        yield {tool.name: caller(tool) for tool in adapter.tools}
    finally:
        await asyncio.to_thread(adapter.stop)


def caller(tool):
    async def call(arguments):
        return await asyncio.to_thread(lambda: tool.run(**arguments))

    return call


main(opened)
