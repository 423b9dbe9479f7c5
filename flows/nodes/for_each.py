"""Call a flow, or compute something, for each item of a list."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, ClassVar

from flows.engine import attempts, settings
from flows.engine.errors import NodeFailed
from flows.engine.expressions import as_text
from flows.engine.node import MAIN, CallableFlow, Finished, Json, NodeContext, NodeResult
from flows.engine.shapes import UNKNOWN, Shape, closed
from flows.nodes.call_flow import FLOW_PARAMETER, output_of
from flows.nodes.code import INPUTS_SCHEMA
from flows.nodes.condition import EXPRESSION_SCHEMA

MAX_ITEMS = 10_000
"""Items of one list."""
DEFAULT_CONCURRENCY = 5

_ONE_ATTEMPT = settings.NodeSettings()
_OF_ATTEMPTS = settings.SETTINGS_SCHEMA["properties"]
_LONGEST_SHOWN = 60
_NAMING_KEYS = ("id", "name", "number", "title", "slug")

Step = Callable[[int, Json], Awaitable[tuple[Json, str | None]]]
"""What is done for an item, given its place and itself; gives its result and the id of its execution, if it is one."""


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
        "order of the list, however long each of them takes. What is done stays done: when an item fails, the record "
        "keeps the results of those that were finished, and the next attempt of the node, or running again from it, "
        "goes on with what is missing."
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
                "x-names": ["item", "index"],
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
            "itemRetries": {
                **_OF_ATTEMPTS["retries"],
                "title": "Attempts of an item",
                "description": "How often an item that fails is tried, before it counts as failed: {attempts: 3}.",
            },
            "itemTimeoutSeconds": {
                **_OF_ATTEMPTS["timeoutSeconds"],
                "title": "Timeout of an item",
                "description": "How many seconds one attempt of an item may take.",
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
        work = _Work(parameters, step, context)
        await work.run(parameters.get("concurrency", DEFAULT_CONCURRENCY))
        errors = [{"index": index, "message": work.errors[index]} for index in sorted(work.errors)]
        return NodeResult({"results": work.results, "errors": errors})

    def finished_in(self, output: Json) -> Sequence[Finished]:
        """The results of a list of which some items had failed, and their errors were collected."""
        match output:
            case {"results": [*results], "errors": [_, *_] as errors}:
                failed = [error.get("index") if isinstance(error, dict) else None for error in errors]
                if None not in failed:
                    return [Finished(index, result) for index, result in enumerate(results) if index not in set(failed)]
        return ()

    def output_schema_of(self, parameters: Mapping[str, Json], shape_of: Callable[[Json], Shape]) -> Shape:
        """Two lists; what an item's result is, is not known."""
        error = closed({"index": {"type": "integer"}, "message": {"type": "string"}})
        return closed({"results": {"type": "array", "items": UNKNOWN}, "errors": {"type": "array", "items": error}})


def _evaluation(expression: str, inputs: Mapping[str, Json], context: NodeContext) -> Step:
    code = context.code
    if code is None:
        raise NodeFailed("No code runner was lent to this execution.")

    async def evaluate(index: int, item: Json) -> tuple[Json, None]:
        return await code.evaluate(expression, {**inputs, "item": item, "index": index}), None

    return evaluate


async def _calls(tool_name: str, context: NodeContext) -> Step:
    if context.flows is None:
        raise NodeFailed("No flows can be called from this execution.")
    return partial(_call, await context.flows.find(tool_name, context.node_id), context)


async def _call(flow: CallableFlow, context: NodeContext, index: int, item: Json) -> tuple[Json, str]:
    arguments = context.fill("arguments", {"item": item, "index": index})
    if not isinstance(arguments, dict):
        given = as_text(arguments)[:100]
        raise NodeFailed(f"The arguments have to be an object with the parameters of the flow, not {given}.")
    answer = await flow.call(arguments)
    return output_of(answer), answer.execution_id


class _Work:
    """The list being worked through by so many workers, each of which takes the next item that nobody has.

    Items that are done already, by an attempt before this one or by an earlier execution, are not done again.
    """

    def __init__(self, parameters: Mapping[str, Json], step: Step, context: NodeContext) -> None:
        items: list[Json] = parameters["items"]
        per_item = {"retries": "itemRetries", "timeoutSeconds": "itemTimeoutSeconds"}
        given = {name: parameters[key] for name, key in per_item.items() if key in parameters}
        self.settings = settings.read(given) or _ONE_ATTEMPT
        self.step = step
        self.context = context
        self.is_stopping = parameters.get("onError", "stop") == "stop"
        done = {index: item.output for index, item in context.finished.items() if index < len(items)}
        self.left: Iterator[tuple[int, Json]] = ((at, item) for at, item in enumerate(items) if at not in done)
        self.results: list[Json] = [done.get(index) for index in range(len(items))]
        self.finished = len(done)
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
                output, execution_id = await self._done(index, item)
            except NodeFailed as failed:
                if self.is_stopping:
                    raise self._stopped_at(index, item, failed) from failed
                self.errors[index] = failed.message
            else:
                self.results[index] = output
                self.finished += 1
                self.context.item_finished(index, output, execution_id)

    async def _done(self, index: int, item: Json) -> tuple[Json, str | None]:
        """What the first attempt that succeeds gives; raises what the last one raised."""
        number = 1
        while True:
            try:
                seconds = self.settings.timeout_seconds
                return await attempts.in_time(seconds, partial(self.step, index, item), "It", "an item")
            except NodeFailed as failed:
                pause = attempts.pause_after(self.settings, number, failed)
                if pause is None:
                    raise
                named = f"The item at index {index} ({_short(item)})"
                self.context.log("warning", f"{named} failed at attempt {number}: {failed.message}")
            await self.context.sleep(pause)
            number += 1

    def _stopped_at(self, index: int, item: Json, failed: NodeFailed) -> NodeFailed:
        """The failure of one item as that of the node: which item, and how much is done all the same."""
        finished = f"{self.finished} of {len(self.results)}"
        start = f"The item at index {index} ({_short(item)}) failed after {finished} were finished: "
        detail: dict[str, Any] = {"index": index, "error": failed.detail}
        return NodeFailed(
            start + failed.message,
            detail=detail,
            for_client=failed.for_client and start + failed.for_client,
            is_final=failed.is_final,
            retry_after=failed.retry_after,
        )


def _short(item: Json) -> str:
    """What tells an item from the others, in a few words that hold no more of it than that.

    Nothing is cut in the middle: the record and the answer know what to hide by its whole value.
    """
    if isinstance(item, dict):
        name = next((key for key in _NAMING_KEYS if isinstance(item.get(key), str | int)), None)
        if name is not None:
            return f"{name} {_short(item[name])}"
        return f"an object with {len(item)} members"
    if isinstance(item, list):
        return f"a list of {len(item)}"
    text = json.dumps(item, ensure_ascii=False)
    return text if len(text) <= _LONGEST_SHOWN else f"a value of {len(text):,} characters"
