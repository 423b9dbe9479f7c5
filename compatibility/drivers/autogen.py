"""autogen-ext."""

from contextlib import asynccontextmanager

from autogen_core import CancellationToken
from autogen_ext.tools.mcp import StreamableHttpServerParams, mcp_server_tools
from visits import main


@asynccontextmanager
async def opened(url):
    tools = await mcp_server_tools(StreamableHttpServerParams(url=url))
    yield {tool.name: caller(tool) for tool in tools}


def caller(tool):
    async def call(arguments):
        return tool.return_value_as_string(await tool.run_json(arguments, CancellationToken()))

    return call


main(opened)
