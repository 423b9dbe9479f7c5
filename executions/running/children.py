"""Flows that call flows: each call is an execution of its own, with the calling one as its parent."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from weakref import WeakValueDictionary

from executions.admission.families import Numbers
from executions.database import in_database
from executions.ledger.tracker import Tracker
from executions.record.node_executions import ChildStarted
from executions.running.calls import Answer, Call, Parent, call_of
from executions.running.dispatch import Running, dispatcher
from executions.running.targets import Target, published_target
from flows.adapters.lineage import Lineage
from flows.engine.errors import DefinitionError, NodeFailed
from flows.engine.node import FlowAnswer
from flows.engine.runner import FlowError
from flows.models import Flow

MAX_DEPTH = 10
"""How many executions may stand above one another; a flow that calls itself stops here."""

TOO_MANY = "One call may start at most {:,} executions of other flows; it has done so."

Begin = Callable[[Call], Awaitable[Running]]


_of_root: WeakValueDictionary[str, Numbers] = WeakValueDictionary()
"""The numbers of families that call FlowHub by its own address, as long as something of them runs in this process."""


def numbers_of(above: Lineage, most: int) -> Numbers:
    """The numbers of the family of an execution whose node called by FlowHub's own address.

    `most` is how many its caller may start, where the family is not known here.
    """
    numbers = _of_root.get(above.root)
    if numbers is None:
        # It runs in another process, or has ended.
        numbers = _of_root[above.root] = Numbers(1)
        numbers.root, numbers.most, numbers.is_shared = above.root, most, True
    return numbers


def depth_of(call: Call) -> int:
    """How many executions stand above one another down to that of a call."""
    above, parent = call.caller.above, call.parent
    return (above.depth if above is not None else 0) + len(parent.chain if parent is not None else ()) + 1


async def refusal(call: Call, numbers: Numbers) -> FlowError | None:
    """Why a call that a node made by FlowHub's own address goes too far; None when it does not."""
    if depth_of(call) > MAX_DEPTH:
        return FlowError("rejected", too_deep(("…", call.target.tool_name)), TOO_DEEP_FOR_CLIENT)
    if await numbers.has_room():
        return None
    too_many = TOO_MANY.format(numbers.most)
    return FlowError("rejected", too_many, too_many)


TOO_DEEP_FOR_CLIENT = "This tool's flows call each other too deep. Only their owner can repair that."


def too_deep(chain: tuple[str, ...]) -> str:
    """What is said of calls that stand too deep below one another, for the owner of the flows."""
    return (
        f"Flows call each other more than {MAX_DEPTH} deep: {' > '.join(chain)}. "
        "Add a condition that ends the circle, or call fewer flows one inside the other."
    )


# Not frozen: one is made for every execution, and a frozen one takes three times as long to make.
@dataclass(slots=True, eq=False)
class Children:
    """The FlowCaller of one execution: calls published, active flows of the same server.

    `ends_at` is when the execution runs out of time (monotonic seconds), `numbers` counts what the first call has
    started in all, `begin` begins a call.
    """

    call: Call
    tracker: Tracker
    ends_at: float
    numbers: Numbers
    begin: Begin

    @property
    def chain(self) -> tuple[str, ...]:
        """The tool names from the first call down to this execution's."""
        above = self.call.parent.chain if self.call.parent is not None else ()
        return (*above, self.call.target.tool_name)

    def lineage(self) -> Lineage:
        """What FlowHub is told by whoever a node of this execution calls by FlowHub's own address."""
        _of_root[self.numbers.root] = self.numbers
        self.numbers.share()
        return Lineage(self.numbers.root, depth_of(self.call))

    async def find(self, tool_name: str, node_id: str) -> "Child":
        """The flow that is published under this tool name now, to be called once or more by one node.

        Raises NodeFailed that names the chain of calls when it is too long, or the tools that there are.
        """
        chain = (*self.chain, tool_name)
        if depth_of(self.call) >= MAX_DEPTH:
            raise NodeFailed(too_deep(chain), for_client=TOO_DEEP_FOR_CLIENT)
        return Child(self, await in_database(lambda: _published(self.call.target, tool_name)), node_id)


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
        family, tracker = self.family, self.family.tracker
        hidden = tracker.redactor.values
        parent = Parent(tracker.execution_id, family.chain, family.ends_at, hidden, family.numbers)
        caller = replace(family.call.caller, replay_of=None, request="")
        call = await call_of(self.target, arguments, caller, parent=parent)
        if call.faults:
            listed = "; ".join(map(str, call.faults))
            raise NodeFailed(f"The arguments do not fit the input schema of {self.target.tool_name}: {listed}.")
        if not await family.numbers.has_room():
            raise NodeFailed(TOO_MANY.format(family.numbers.most))
        running = await family.begin(call)
        tracker.observe(ChildStarted(self.node_id, str(running.execution_id)))
        try:
            answer = await asyncio.shield(running.task)
        except asyncio.CancelledError:
            parent.has_ended = True
            dispatcher.cancel(running.execution_id)
            raise
        assert isinstance(answer, Answer)  # noqa: S101 - whoever is called by a flow cannot ask
        if answer.is_error:
            raise _failure(self.target, answer)
        execution_id = str(running.execution_id)
        return FlowAnswer(execution_id, answer.text, answer.content, answer.structured, answer.is_structured)


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
