"""dspy: each tool is converted alone, so a bad one takes only itself away."""

from contextlib import asynccontextmanager

import dspy
from mcp import Client
from visits import main


@asynccontextmanager
async def opened(url):
    async with Client(url) as client:
        found = {}
        for tool in (await client.list_tools()).tools:
            try:
                found[tool.name] = caller(dspy.Tool.from_mcp_tool(client, tool))
            except Exception as error:
                print(f"{tool.name}: {error!r}")
        yield found


def caller(tool):
    async def call(arguments):
        return await tool.acall(**arguments)

    return call


main(opened)
