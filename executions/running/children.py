"""Flows that call flows: each call is an execution of its own, with the calling one as its parent."""

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

from executions.database import in_database
from executions.ledger.tracker import Tracker
from executions.running.calls import Answer, Caller, Parent, Waiting
from executions.running.dispatch import dispatcher
from executions.running.targets import Target, argument_faults, published_target
from flows.engine.errors import DefinitionError, NodeFailed
from flows.engine.node import FlowAnswer
from flows.models import Flow

MAX_DEPTH = 10
"""How many executions may stand above one another; a flow that calls itself stops here."""

MAX_FAMILY = 10_000
"""How many executions one call from outside may start in all: flows that call each other can double with each level."""

Start = Callable[[Target, Any, Caller, Parent], Awaitable[tuple[uuid.UUID, asyncio.Task[Answer | Waiting]]]]


# Not frozen: one is made for every execution, and a frozen one takes three times as long to make.
@dataclass(slots=True, eq=False)
class Children:
    """The FlowCaller of one execution: calls published, active flows of the same server.

    `chain` are the tool names from the first call down to this execution's, `ends_at` is when it runs out of time
    (monotonic seconds), `numbers` counts what the first call has started in all.
    """

    target: Target
    caller: Caller
    chain: tuple[str, ...]
    ends_at: float
    numbers: Iterator[int]
    tracker: Tracker
    start: Start

    @classmethod
    def of(
        cls, target: Target, caller: Caller, parent: Parent | None, ends_at: float, tracker: Tracker, start: Start
    ) -> "Children":
        """The children of an execution which has a parent itself, or none."""
        if parent is None:
            return cls(target, caller, (target.tool_name,), ends_at, count(1), tracker, start)
        return cls(target, caller, (*parent.chain, target.tool_name), ends_at, parent.numbers, tracker, start)

    async def find(self, tool_name: str, node_id: str) -> "Child":
        """The flow that is published under this tool name now, to be called once or more by one node.

        Raises NodeFailed that names the chain of calls when it is too long, or the tools that there are.
        """
        chain = (*self.chain, tool_name)
        if len(chain) > MAX_DEPTH:
            raise NodeFailed(
                f"Flows call each other more than {MAX_DEPTH} deep: {' > '.join(chain)}. "
                "Add a condition that ends the circle, or call fewer flows one inside the other.",
                for_client="This tool's flows call each other too deep. Only their owner can repair that.",
            )
        return Child(self, await in_database(lambda: _published(self.target, tool_name)), node_id)


@dataclass(frozen=True, slots=True, eq=False)
class Child:
    """A flow that a node may call: the same version each time."""

    family: Children
    target: Target
    node_id: str

    async def call(self, arguments: Mapping[str, Any]) -> FlowAnswer:
        """Run the flow to its end; cancelling this cancels it.

        Raises NodeFailed for arguments that do not fit, and when the flow fails: the message names flow and node.
        """
        self._check(arguments)
        family, tracker = self.family, self.family.tracker
        hidden = tracker.redactor.values
        parent = Parent(tracker.execution_id, family.chain, family.ends_at, hidden, family.numbers)
        caller = replace(family.caller, replay_of=None, request="")
        execution_id, task = await family.start(self.target, arguments, caller, parent)
        tracker.child_started(self.node_id, execution_id)
        try:
            answer = await asyncio.shield(task)
        except asyncio.CancelledError:
            parent.has_ended = True
            dispatcher.cancel(execution_id)
            raise
        assert isinstance(answer, Answer)  # noqa: S101 - whoever is called by a flow cannot ask
        if answer.is_error:
            raise _failure(self.target, answer)
        return FlowAnswer(str(execution_id), answer.text, answer.structured, answer.is_structured)

    def _check(self, arguments: Mapping[str, Any]) -> None:
        faults = argument_faults(self.target, arguments)
        if faults:
            listed = "; ".join(str(fault) for fault in faults)
            raise NodeFailed(f"The arguments do not fit the input schema of {self.target.tool_name}: {listed}.")
        if next(self.family.numbers) > MAX_FAMILY:
            raise NodeFailed(f"One call may start at most {MAX_FAMILY:,} executions of other flows; it has done so.")


def ends_at(timeout: float) -> float:
    """The moment, in monotonic seconds, when an execution that starts now runs out of time."""
    return time.monotonic() + timeout


def _published(parent: Target, tool_name: str) -> Target:
    """The flow's version ready to run; raises NodeFailed that says which tools the server has."""
    flows = Flow.objects.callable().filter(server__flows=parent.flow_id).select_related("server", "published_version")
    flow = flows.filter(published_version__tool_name=tool_name).first() if parent.flow_id else None
    if flow is None:
        names = sorted(flows.values_list("published_version__tool_name", flat=True)) if parent.flow_id else []
        raise NodeFailed(
            f"This server has no published, active flow with the tool name {tool_name!r}. "
            f"It has: {', '.join(names) or 'none'}."
        )
    try:
        return published_target(flow)
    except DefinitionError as error:
        raise NodeFailed(f"Flow {flow.name!r} cannot run as it is published: {error}") from None


def _failure(target: Target, answer: Answer) -> NodeFailed:
    error = answer.error
    where = f" in {error.node_name!r}" if error and error.node_name else ""
    message = error.message if error else answer.text
    return NodeFailed(
        f"Flow {target.flow_name!r} failed{where}: {message}",
        detail={"executionId": str(answer.execution_id)},
        for_client=answer.text,
        retry_after=error.retry_after if error else None,
    )
