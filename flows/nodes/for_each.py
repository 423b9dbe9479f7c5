"""Call a flow, or compute something, for each item of a list."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from functools import partial
from typing import Any, ClassVar

from flows.engine.errors import NodeFailed
from flows.engine.expressions import as_text
from flows.engine.node import MAIN, CallableFlow, Json, NodeContext, NodeResult
from flows.engine.shapes import UNKNOWN, Shape, closed
from flows.nodes.call_flow import FLOW_PARAMETER, output_of
from flows.nodes.code import INPUTS_SCHEMA
from flows.nodes.condition import EXPRESSION_SCHEMA

MAX_ITEMS = 10_000
"""Items of one list."""
DEFAULT_CONCURRENCY = 5

Step = Callable[[int, Json], Awaitable[Json]]
"""What is done for an item, given its place and itself."""


class ForEach:
    """Calls a flow or evaluates an expression once an item, several at a time; results keep the order of the list."""

    type: ClassVar[str] = "for_each"
    title: ClassVar[str] = "For each"
    description: ClassVar[str] = (
        "Calls a flow or evaluates an expression for each item of a list, several at a time, and gives out "
        "{results, errors} in the list's order."
    )
    group: ClassVar[str] = "Connect"
    icon: ClassVar[str] = "repeat"
    help: ClassVar[str] = (
        "Make the steps for one item a flow of its own, then name it here. Every item is an execution of that "
        "flow, with its own page. Where a line of Python is enough, write an expression instead. The results keep the "
        "order of the list, however long each of them takes."
    )
    example: ClassVar[Mapping[str, Json]] = {
        "items": "{{ trigger.order_ids }}",
        "flow": "lookup_order",
        "arguments": {"order_id": "{{ item }}"},
    }
    parameters_schema: ClassVar[Mapping[str, Json]] = {
        "type": "object",
        "properties": {
            "items": {
                "type": "array",
                "title": "Items",
                "description": "The list: {{ fetch.body.orders }}.",
                "maxItems": MAX_ITEMS,
            },
            "flow": FLOW_PARAMETER,
            "arguments": {
                "type": "object",
                "title": "Arguments",
                "description": (
                    "The parameters of that flow for one item. Here, and only here, {{ item }} is the item and "
                    "{{ index }} its place, from 0."
                ),
            },
            "expression": {
                **EXPRESSION_SCHEMA,
                "description": (
                    "In place of a flow: a Python expression that finds the item as item and its place, from 0, as "
                    "index, such as item['price'] * item['n']. Its value is the item's result. Nothing is filled in "
                    "here: name what else it needs under Inputs."
                ),
            },
            "inputs": {
                **INPUTS_SCHEMA,
                "description": "More variables that the expression finds, by name; item and index are its own.",
            },
            "concurrency": {
                "type": "integer",
                "title": "At a time",
                "description": "How many items are worked on at a time.",
                "minimum": 1,
                "maximum": 50,
                "default": DEFAULT_CONCURRENCY,
            },
            "onError": {
                "type": "string",
                "title": "When an item fails",
                "description": (
                    "stop: the node fails with the first item that does. collect: the others go on, the item's result "
                    "is null, and errors has {index, message}."
                ),
                "enum": ["stop", "collect"],
                "default": "stop",
            },
        },
        "required": ["items"],
        "if": {"required": ["expression"]},
        "then": {"properties": {"flow": False, "arguments": False}},
        "else": {"required": ["flow", "arguments"], "properties": {"inputs": False}},
        "additionalProperties": False,
    }
    handles: ClassVar[tuple[str, ...]] = (MAIN,)
    has_effects: ClassVar[bool] = True
    deferred: ClassVar[Mapping[str, frozenset[str]]] = {"arguments": frozenset({"item", "index"})}

    async def execute(self, parameters: Mapping[str, Json], context: NodeContext) -> NodeResult:
        """Work through the list; raises NodeFailed for the first item that fails, unless errors are collected."""
        if "expression" in parameters:
            step = _evaluation(parameters["expression"], parameters.get("inputs", {}), context)
        else:
            step = await _calls(parameters["flow"], context)
        work = _Work(parameters["items"], step, is_stopping=parameters.get("onError", "stop") == "stop")
        await work.run(parameters.get("concurrency", DEFAULT_CONCURRENCY))
        errors = [{"index": index, "message": work.errors[index]} for index in sorted(work.errors)]
        return NodeResult({"results": work.results, "errors": errors})

    def output_schema_of(self, parameters: Mapping[str, Json], shape_of: Callable[[Json], Shape]) -> Shape:
        """Two lists; what an item's result is, is not known."""
        error = closed({"index": {"type": "integer"}, "message": {"type": "string"}})
        return closed({"results": {"type": "array", "items": UNKNOWN}, "errors": {"type": "array", "items": error}})


def _evaluation(expression: str, inputs: Mapping[str, Json], context: NodeContext) -> Step:
    code = context.code
    if code is None:
        raise NodeFailed("No code runner was lent to this execution.")
    return lambda index, item: code.evaluate(expression, {**inputs, "item": item, "index": index})


async def _calls(tool_name: str, context: NodeContext) -> Step:
    if context.flows is None:
        raise NodeFailed("No flows can be called from this execution.")
    return partial(_call, await context.flows.find(tool_name, context.node_id), context)


async def _call(flow: CallableFlow, context: NodeContext, index: int, item: Json) -> Json:
    arguments = context.fill("arguments", {"item": item, "index": index})
    if not isinstance(arguments, dict):
        given = as_text(arguments)[:100]
        raise NodeFailed(f"The arguments have to be an object with the parameters of the flow, not {given}.")
    return output_of(await flow.call(arguments))


class _Work:
    """The list being worked through by so many workers, each of which takes the next item that nobody has."""

    def __init__(self, items: list[Json], step: Step, *, is_stopping: bool) -> None:
        self.step = step
        self.is_stopping = is_stopping
        self.left: Iterator[tuple[int, Json]] = enumerate(items)
        self.results: list[Json] = [None] * len(items)
        self.errors: dict[int, str] = {}

    async def run(self, concurrency: int) -> None:
        """Let the workers finish; when one of them fails, the others are cancelled."""
        workers = [asyncio.create_task(self._worker()) for _ in range(min(concurrency, len(self.results)))]
        try:
            if workers:
                done, _ = await asyncio.wait(workers, return_when=asyncio.FIRST_EXCEPTION)
                for worker in done:
                    worker.result()
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)

    async def _worker(self) -> None:
        for index, item in self.left:
            try:
                self.results[index] = await self.step(index, item)
            except NodeFailed as failed:
                if self.is_stopping:
                    detail: dict[str, Any] = {"index": index, "error": failed.detail}
                    message = f"Item {index}: {failed.message}"
                    raise NodeFailed(message, detail=detail, for_client=failed.for_client) from failed
                self.errors[index] = failed.message
