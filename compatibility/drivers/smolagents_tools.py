"""smolagents with mcpadapt."""

import asyncio
from contextlib import asynccontextmanager

from smolagents import ToolCollection
from visits import main


@asynccontextmanager
async def opened(url):
    collection = ToolCollection.from_mcp(
        {"url": url, "transport": "streamable-http"}, trust_remote_code=True, structured_output=False
    )
    entered = await asyncio.to_thread(collection.__enter__)
    try:
        yield {tool.name: caller(tool) for tool in entered.tools}
    finally:
        await asyncio.to_thread(collection.__exit__, None, None, None)


def caller(tool):
    async def call(arguments):
        return await asyncio.to_thread(lambda: tool(**arguments))

    return call


main(opened)
