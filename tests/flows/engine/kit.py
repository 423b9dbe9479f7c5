"""What engine tests build with: node types that follow a script, a writer of definitions, a recorder of events."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from flows.engine.errors import NodeFailed
from flows.engine.events import (
    AttemptFailed,
    AttemptStarted,
    ClientReleased,
    Event,
    ItemFinished,
    NodeAnswered,
    NodeAsked,
    NodeCompleted,
    NodeErrored,
    NodeLog,
    NodeProgress,
    NodeSkipped,
    NodeStarted,
)
from flows.engine.graph import Graph, parse
from flows.engine.node import MAIN, NodeContext, NodeResult, Reply
from flows.engine.questions import Question
from flows.engine.registry import Registry

Behaviour = Callable[[Mapping[str, Any]], Awaitable[Any]]


class Scripted:
    """Does what the test's script says for the key in its parameters; without a script it gives out its value."""

    type: ClassVar[str] = "scripted"
    title: ClassVar[str] = "Scripted"
    description: ClassVar[str] = "For tests."
    icon: ClassVar[str] = "bolt"
    parameters_schema: ClassVar[Mapping[str, Any]] = {
        "type": "object",
        "properties": {"key": {"type": "string"}, "value": {}, "count": {"type": "integer"}},
        "additionalProperties": False,
    }
    handles: ClassVar[tuple[str, ...]] = (MAIN, "other")
    has_effects: ClassVar[bool] = False

    def __init__(self) -> None:
        self.scripts: dict[str, Behaviour] = {}

    async def execute(self, parameters: Mapping[str, Any], context: NodeContext) -> NodeResult:
        script = self.scripts.get(parameters.get("key", ""))
        given: Any = await script(parameters) if script else NodeResult(parameters.get("value"))
        return given


class Effectful(Scripted):
    """The same, for a node that touches the outside world."""

    type: ClassVar[str] = "effectful"
    has_effects: ClassVar[bool] = True


class Asks(Scripted):
    """Asks the user its value as often as `count` says, and gives out the answers; runs its script first."""

    type: ClassVar[str] = "asks"

    async def execute(self, parameters: Mapping[str, Any], context: NodeContext) -> NodeResult:
        if script := self.scripts.get(parameters.get("key", "")):
            await script(parameters)
        questions = [Question("user", {"message": parameters.get("value")})] * parameters.get("count", 1)
        answers = [context.ask(question) for question in questions]
        if answers[-1] == "fail":
            raise NodeFailed("that is no answer")
        return NodeResult(answers[0] if len(answers) == 1 else answers)


@dataclass
class Flow:
    """Writes definitions: `flow.add("a", "scripted", after="trigger", value=1)`."""

    registry: Registry
    nodes: list[dict[str, Any]] = field(default_factory=lambda: [node("trigger", "trigger")])
    connections: list[dict[str, Any]] = field(default_factory=list)

    def add(
        self,
        slug: str,
        node_type: str = "scripted",
        *,
        after: str | tuple[str, ...] = (),
        settings: dict[str, Any] | None = None,
        **parameters: Any,
    ) -> None:
        self.nodes.append(node(slug, node_type, **parameters) | ({"settings": settings} if settings else {}))
        for source in (after,) if isinstance(after, str) else after:
            self.connect(source, slug)

    def connect(self, source: str, target: str) -> None:
        """`source` is a slug, or slug:handle."""
        slug, _, handle = source.partition(":")
        line = {"id": f"{source}>{target}", "sourceNodeId": f"id-{slug}", "targetNodeId": f"id-{target}"}
        self.connections.append(line | ({"sourceHandle": handle} if handle else {}))

    @property
    def definition(self) -> dict[str, Any]:
        return {"nodes": self.nodes, "connections": self.connections}

    def graph(self) -> Graph:
        return parse(self.definition, self.registry)


def node(slug: str, node_type: str, **parameters: Any) -> dict[str, Any]:
    return {"id": f"id-{slug}", "type": node_type, "name": slug.title(), "slug": slug, "parameters": parameters}


class Recorder:
    """An observer that keeps what it is told, as short tuples without times."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def __call__(self, event: Event) -> None:
        if isinstance(event, NodeCompleted) and event.started is not None:
            self.events.append(event.started)
        self.events.append(event)

    @property
    def lines(self) -> list[tuple[Any, ...]]:
        return [_line(event) for event in self.events]


def _line(event: Event) -> tuple[Any, ...]:  # noqa: C901 (a list: each event as a line)
    match event:
        case NodeStarted(node=at, input=value):
            return ("started", at.slug, value)
        case NodeCompleted(node=at, output=value, handle=handle):
            return ("reused" if event.is_reused else "completed", at.slug, value, handle)
        case AttemptFailed(node=at, number=number, message=message):
            return ("attempt failed", at.slug, number, message)
        case AttemptStarted(node=at, number=number):
            return ("attempt", at.slug, number)
        case NodeProgress(node=at, fraction=fraction, message=message):
            return ("progress", at.slug, fraction, message)
        case NodeLog(node=at, level=level, message=message, data=value):
            return ("log", at.slug, level, message, value)
        case ItemFinished(node=at, item=item, is_reused=is_reused):
            return ("had finished" if is_reused else "finished", at.slug, item.index, item.output, item.execution_id)
        case NodeAsked(node=at, question=question):
            return ("asked", at.slug, question.kind)
        case NodeAnswered(node=at):
            return ("answered", at.slug)
        case ClientReleased(node=at):
            return ("released", at.slug)
        case NodeErrored(node=at, kind=kind, message=message, handle=handle):
            return ("errored", at.slug, kind, message, *((handle,) if handle else ()))
        case NodeSkipped(node=at, reason=reason):
            return ("skipped", at.slug, reason)


async def wait_for_ever(parameters: Mapping[str, Any]) -> NodeResult:
    await asyncio.Event().wait()
    raise AssertionError("nobody sets that event")


async def fail(parameters: Mapping[str, Any]) -> NodeResult:
    raise NodeFailed("the stock is empty", detail={"stock": 0})


async def reply(parameters: Mapping[str, Any]) -> NodeResult:
    return NodeResult(parameters["value"], reply=Reply(str(parameters["value"])))
