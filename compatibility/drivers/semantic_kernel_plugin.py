"""semantic-kernel."""

from contextlib import asynccontextmanager

from semantic_kernel import Kernel
from semantic_kernel.connectors.mcp import MCPStreamableHttpPlugin
from semantic_kernel.functions import KernelArguments
from visits import main


@asynccontextmanager
async def opened(url):
    async with MCPStreamableHttpPlugin(name="flowhub", url=url, load_prompts=False) as plugin:
        kernel = Kernel()
        functions = kernel.add_plugin(plugin).functions
        yield {name: caller(kernel, function) for name, function in functions.items()}


def caller(kernel, function):
    async def call(arguments):
        answer = await kernel.invoke(function, KernelArguments(**arguments))
        return [getattr(part, "text", None) or part for part in answer.value]

    return call


main(opened)
