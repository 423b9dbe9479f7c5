#!/bin/sh
# A tool's arguments are JSON, so one would expect that a parameter may be called as one likes. One that is called
# `self` cannot be given in langchain-core 1.8.3 and smolagents 1.26.0: arguments become keywords of a method, whose
# own `self` is in the way, and each call is a TypeError. (So too, seen over MCP: llama-index-tools-mcp 0.6.0,
# semantic-kernel 1.45.0, mcp-use 1.7.1, crewai-tools 1.15.30, dspy 3.4.1.)
# Prints what was seen; ends with status 1 when that has changed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-input \
    langchain-core==1.8.3 smolagents==1.26.0
"$folder/venv/bin/python" - <<'PROGRAM'
import asyncio
import sys

from langchain_core.tools import StructuredTool
from smolagents import Tool

SCHEMA = {"type": "object", "properties": {"self": {"type": "string"}}, "required": ["self"]}


async def echo(**arguments):
    return str(arguments)


class Echo(Tool):
    name, description, output_type = "echo", "Gives back.", "string"
    inputs = {"self": {"type": "string", "description": "Any."}}
    skip_forward_signature_validation = True

    def forward(self, *values, **arguments):
        return str(arguments)


def langchain():
    tool = StructuredTool(name="echo", description="Gives back.", args_schema=SCHEMA, coroutine=echo)
    return asyncio.run(tool.ainvoke({"self": "x"}))


def smolagents():
    return Echo()(**{"self": "x"})


seen = []
for call in (langchain, smolagents):
    try:
        seen.append(f"{call.__name__}: {call()}")
    except TypeError as error:
        seen.append(f"{call.__name__}: TypeError: {error}")
print("\n".join(seen))
sys.exit(not all("multiple values for argument 'self'" in each for each in seen))
PROGRAM
