"""What every driver in Python does: visit servers, list their tools as the framework gives them, and call one.

Reads visits from standard input, [{"url", "tool", "arguments"}, ...], and writes one line of JSON for each into the
file that is its argument: {"listed": [names], "answer": text, "error": text}. A driver brings `opened(url)`, an async
context manager that gives a tool's name -> a function that takes the arguments and returns what the model would read.
"""

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any

SECONDS = 60
Call = Callable[[dict[str, Any]], Awaitable[Any]]
Opened = Callable[[str], AbstractAsyncContextManager[Mapping[str, Call]]]


def said(error: BaseException) -> str:
    """An error in one line: the first that is no group, without what it goes on to tell."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {' '.join(lines[:3])}"[:300]


async def visit(opened: Opened, url: str, tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """List the tools of one server, and call one of them if it is there."""
    seen: dict[str, Any] = {}
    try:
        async with asyncio.timeout(SECONDS), opened(url) as tools:
            seen["listed"] = sorted(tools)
            if tool in tools:
                try:
                    seen["answer"] = str(await tools[tool](arguments))
                except Exception as error:
                    seen["error"] = said(error)
    except BaseException as error:
        # What a framework fails with when it closes tells nothing of its tools.
        if not seen:
            seen["error"] = said(error)
        if isinstance(error, KeyboardInterrupt):
            raise
    return seen


def main(opened: Opened) -> None:
    """Do every visit, one after the other."""
    visits = json.load(sys.stdin)
    with open(sys.argv[1], "w") as results:
        for each in visits:
            print(json.dumps(asyncio.run(visit(opened, **each))), file=results, flush=True)
    os._exit(0)  # threads that a framework left behind do not hold it up
