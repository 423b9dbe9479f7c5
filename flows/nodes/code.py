"""Compute with Python."""

from collections.abc import Mapping
from typing import ClassVar

from flows.engine.errors import NodeFailed
from flows.engine.node import MAIN, PYTHON_FORMAT, Json, NodeContext, NodeResult

INPUTS_SCHEMA: Mapping[str, Json] = {
    "type": "object",
    "title": "Inputs",
    "description": 'The variables that the code finds, by name: {"order": "{{ fetch.body }}"}.',
    "propertyNames": {"pattern": "^[A-Za-z_][A-Za-z0-9_]*$"},
}


class Code:
    """Runs Python in the sandbox; its output is what the code gives back."""

    type: ClassVar[str] = "code"
    title: ClassVar[str] = "Code"
    description: ClassVar[str] = "Computes a value with Python, away from files, network and everything else."
    group: ClassVar[str] = "Data"
    icon: ClassVar[str] = "code"
    help: ClassVar[str] = (
        "The code runs in a sandbox of its own: no files, no network, no packages; json, re, math, datetime, "
        "decimal and some more of the standard library can be imported. It may take 5 s and 64 MiB, print 64 "
        "KiB, and give back 5 MiB of JSON, 64 levels deep. What it prints is kept with the node. Raise an "
        "exception to stop the flow: its message is what the caller reads, with the line that raised it.\n\n"
        "Money: floats are binary here too, 0.1 + 0.2 is 0.30000000000000004. Compute in whole cents, or in "
        "Decimal made from text, which is given back as text; round(2.675, 2) is 2.67, as f'{2.675:.2f}' is, "
        "and Decimal('2.675').quantize(Decimal('0.01'), rounding=ROUND_HALF_UP) is 2.68.\n\n"
        "The language is pydantic-monty, in which some of Python is missing or otherwise. In re, $ does not "
        "match before a line break at the end, and \\Z does; an empty match behind another match is lost; \\n in "
        "a replacement stays two characters, and a replacement is no function. A generator is a list, so next() "
        "of it fails, and any() looks at everything; yield, del and class inheritance are missing, and so are "
        "methods taken from a type, as key=str.lower (write a lambda). There is no calendar, enum, fractions, "
        "heapq, html, operator, secrets, statistics, string, textwrap, urllib, uuid or zoneinfo."
    )
    example: ClassVar[Mapping[str, Json]] = {
        "source": "total = sum(line['price'] for line in order['lines'])\nreturn {'total': total, 'big': total > 99}",
        "inputs": {"order": "{{ fetch.body }}"},
    }
    parameters_schema: ClassVar[Mapping[str, Json]] = {
        "type": "object",
        "properties": {
            "source": {
                "type": "string",
                "format": PYTHON_FORMAT,
                "title": "Source",
                "description": (
                    "Python. The output is what it returns (return works outside a function too), else the value of "
                    "its last expression. Nothing is filled in here: name what the code needs under Inputs."
                ),
                "minLength": 1,
                "maxLength": 100_000,
                "x-literal": True,
            },
            "inputs": INPUTS_SCHEMA,
        },
        "required": ["source"],
        "additionalProperties": False,
    }
    handles: ClassVar[tuple[str, ...]] = (MAIN,)
    has_effects: ClassVar[bool] = False

    async def execute(self, parameters: Mapping[str, Json], context: NodeContext) -> NodeResult:
        """Run the source; raises NodeFailed that names the line, or the limit that was met."""
        if context.code is None:
            raise NodeFailed("No code runner was lent to this execution.")

        def note(printed: str) -> None:
            for line in printed.splitlines():
                context.log("debug", line)

        return NodeResult(await context.code.run(parameters["source"], parameters.get("inputs", {}), note))
