"""Walk a graph: independent branches run concurrently, joins wait, untaken branches are skipped."""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from types import MappingProxyType
from typing import Any

from flows.engine import answers, attempts, destinations, reuse
from flows.engine.answers import AnswerSchema
from flows.engine.errors import Abort, NodeFailed
from flows.engine.events import (
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
    Observer,
)
from flows.engine.expressions import SECRET_REFERENCES, Filling
from flows.engine.failures import FlowError, as_output, error_of
from flows.engine.graph import MAX_PASS, TRIGGER, Graph, Node
from flows.engine.limits import Limits, size_of
from flows.engine.node import MAIN, Finished, LogLevel, NodeContext, NodeResult, RepliesAgain, Reply, Reused, Services
from flows.engine.paths import SECRETS
from flows.engine.pauses import Asking, Checkpoint, Ended, Resumption
from flows.engine.questions import REFUSED, Asked, CannotAsk, Question
from flows.engine.settings import ERROR

__all__ = ["FlowError", "Outcome", "run"]

BeforeEffects = Callable[[], Awaitable[None]]
NOTHING_REUSED: Mapping[str, Reused] = MappingProxyType({})
USUAL_LIMITS = Limits()
NOT_TAKEN = "no branch led here"
LEFT_BEHIND = "another branch arrived first, and the flow has ended without this one"


# Not frozen, like all values that are made for each call or node: a frozen one takes three times as long to make.
@dataclass(slots=True)
class Outcome:
    """How a flow ended: `error` is None when it went well; `replies` are in the order in which they were given.

    With `paused` it has not ended: nothing is left that could go on without answers of the caller.
    """

    replies: tuple[Reply, ...]
    error: FlowError | None
    seconds: float
    paused: Checkpoint | None = None


async def run(
    graph: Graph,
    arguments: Any,
    *,
    services: Services,
    observers: Sequence[Observer] = (),
    before_effects: BeforeEffects | None = None,
    timeout: float = 300.0,
    reused: Mapping[str, Reused] = NOTHING_REUSED,
    limits: Limits = USUAL_LIMITS,
    output_schema: AnswerSchema | None = None,
    resumed: Resumption | None = None,
) -> Outcome:
    """Run a graph with a call's arguments and say how it ended, or that it waits for answers.

    `timeout` is in seconds; waiting for answers does not count. `before_effects` is awaited before each node that can
    touch the outside world; when it raises Abort, the flow ends and Abort goes on. Cancelling the task that awaits this
    ends the flow as `cancelled`: the open nodes are reported first, then CancelledError goes on.

    `reused` holds, by node id, outputs of an earlier execution. Such a node is not executed: its output enters the
    scope, the handle that it took then is taken, and only its NodeCompleted is told. One that took no handle then is
    executed, and finds the items that it had finished. Raises ValueError for outputs that do not fit the graph;
    `reuse.check` says so beforehand. `limits` bounds what the execution holds; the node whose output is too much fails.

    `resumed` goes on from the checkpoint of an earlier outcome, with the same graph and arguments: nothing that has
    ended is executed or told again, and `reused` comes from there too. Raises ValueError when it does not fit the
    graph.
    """
    if reused:
        reuse.check(graph, reused)
    walk = _Walk(graph, arguments, services, observers, before_effects, timeout, reused, limits, output_schema)
    if resumed is not None:
        resumed.check(graph)
        walk.restore(resumed)
    return await walk.run()


class _Stop(Exception):
    """The flow ends here; `error` says why."""

    def __init__(self, error: FlowError) -> None:
        super().__init__(error.message)
        self.error = error


class _Walk:
    def __init__(
        self,
        graph: Graph,
        arguments: Any,
        services: Services,
        observers: Sequence[Observer],
        before_effects: BeforeEffects | None,
        timeout: float,
        reused: Mapping[str, Reused],
        limits: Limits,
        output_schema: AnswerSchema | None,
    ) -> None:
        self.graph = graph
        self.arguments = arguments
        self.services = services
        self.observers = observers
        self.before_effects = before_effects
        self.timeout: asyncio.Timeout | None = None
        """None where nothing could interrupt the walk."""
        self.timeout_seconds = self.seconds_left = timeout
        self.reused = reused
        self.limits = limits
        self.output_schema = output_schema
        self.outputs_bytes = self.answer_bytes = 0
        self.began = time.monotonic()
        self.starts_at = 0.0
        """What the record's clock says when this walk begins; above 0 when it goes on after a pause."""
        self.scope = Filling(services.roots, limits.answer_bytes)
        if graph.secret_names:
            self.scope[SECRETS] = services.secrets
        self.waiting = dict(graph.incoming_counts)
        self.arrived: dict[str, list[str]] = {node.id: [] for node in graph.order}
        self.begun: set[str] = set()
        self.went_on: set[str] = set()
        """Merges that began before all branches had arrived."""
        self.reported: set[str] = set()
        self.ready: deque[Node] = deque([graph.trigger])
        self.replies: list[tuple[Node, Reply]] = []
        self.failure: FlowError | None = None
        self.ended: list[Ended] = []
        self.answers: dict[str, tuple[Any, ...]] = {}
        self.asking: dict[str, Asked] = {}
        self.attempts: dict[str, int] = {}
        self.finished: dict[str, dict[int, Finished]] = {}
        """The items that are done, of each node that is under way or asks."""
        self.asked_before: set[str] = set()
        """The nodes whose question the caller has had already, and not answered."""
        self.untold: NodeStarted | None = None
        """The beginning of a node that may end at once: told with its end, or before anything else."""

    def _at(self) -> float:
        return self.starts_at + time.monotonic() - self.began

    def _tell(self, event: Event) -> None:
        if self.untold is not None:
            started, self.untold = self.untold, None
            if event is not started:
                self._tell(started)
        self.reported.add(event.node.id)
        for observer in self.observers:
            observer(event)

    def restore(self, resumed: Resumption) -> None:
        """Stand where the checkpoint was taken: whoever had ended ends again, in the same order, without a word."""
        kept = resumed.checkpoint
        self.starts_at = resumed.at
        self.seconds_left = max(self.timeout_seconds - kept.seconds, 0.0)
        self.outputs_bytes, self.answer_bytes = kept.outputs_bytes, kept.answer_bytes
        self.reused = {**kept.reused}
        self.replies = [(self.graph.nodes[node_id], reply) for node_id, reply in kept.replies]
        self.reported = set(kept.reported)
        for each in kept.ended:
            node = self.graph.nodes[each.node_id]
            self._settle(node, each.handle, each.output, is_known=each.is_known)
        self.ready = deque(self.graph.nodes[node_id] for node_id in kept.asking)
        for node_id, asking in kept.asking.items():
            self.attempts[node_id], self.answers[node_id] = asking.attempt, asking.answers
            if node_id not in resumed.answers:
                self.asked_before.add(node_id)
                continue
            self.answers[node_id] += (resumed.answers[node_id],)
            self._tell(NodeAnswered(self.graph.nodes[node_id], self._at()))

    async def run(self) -> Outcome:
        try:
            if self.graph.is_immediate:
                await self._walk()
            else:
                async with asyncio.timeout(self.seconds_left) as self.timeout:
                    await self._walk()
        except _Stop as stop:
            self.failure = stop.error
        except TimeoutError:
            if self.timeout is None or not self.timeout.expired():
                raise
            self.failure = self.failure or self._timed_out(None)
        except asyncio.CancelledError:
            self._drop_questions("the execution was cancelled")
            self._skip_the_rest("the execution was cancelled")
            raise
        replies = tuple(reply for _, reply in self.replies)
        if self.asking and self.failure is not None:
            self._drop_questions(f"{self.failure.node_name or 'the flow'} failed")
        if self.asking:
            self._drop_questions(LEFT_BEHIND, only_idle=True)
        if self.asking:
            return Outcome(replies, None, self._at(), self._pause())
        if self.failure is not None:
            self._skip_the_rest(f"not reached: {self.failure.node_name or 'the flow'} failed")
        else:
            if len(self.reported) < len(self.graph.order):
                self._skip_the_rest(LEFT_BEHIND)
            self.failure = answers.lacking(self.replies) if self.output_schema is not None else None
        return Outcome(replies, self.failure, self._at())

    def _pause(self) -> Checkpoint:
        """What a later walk needs; the questions are told to the observers, each once."""
        for node_id, asked in self.asking.items():
            if node_id not in self.asked_before:
                self._tell(NodeAsked(self.graph.nodes[node_id], self._at(), asked.question))
        reached = {each.node_id for each in self.ended} | set(self.asking)
        return Checkpoint(
            self.timeout_seconds - self.seconds_left + time.monotonic() - self.began,
            tuple(self.ended),
            tuple((node.id, reply) for node, reply in self.replies),
            frozenset(self.reported),
            {
                node_id: Asking(asked.question, self.answers.get(node_id, ()), asked.attempt)
                for node_id, asked in self.asking.items()
            },
            self.outputs_bytes,
            self.answer_bytes,
            {node_id: earlier for node_id, earlier in self.reused.items() if node_id not in reached}
            | {node_id: Reused(None, None, finished=tuple(items.values())) for node_id, items in self.finished.items()},
        )

    def _drop_questions(self, reason: str, *, only_idle: bool = False) -> None:
        """Nobody will answer any more; `only_idle` for those alone whose answers would lead nowhere."""
        for node in [self.graph.nodes[node_id] for node_id in self.asking]:
            if not only_idle or not self._matters(node):
                del self.asking[node.id]
                self._tell(NodeErrored(node, self._at(), f"Not answered: {reason}.", "cancelled"))

    def _timed_out(self, node: Node | None) -> FlowError:
        where = f" in {node.name!r}" if node else ""
        message = (
            f"The flow took longer than its timeout of {self.timeout_seconds:g} s and was stopped{where}. "
            "Ask for less at a time, or raise the timeout of the flow."
        )
        return FlowError("timeout", message, message, node.id if node else None, node.name if node else None)

    def _skip_the_rest(self, reason: str) -> None:
        for node in self.graph.order:
            if node.id not in self.reported:
                self._tell(NodeSkipped(node, self._at(), reason))

    async def _walk(self) -> None:
        tasks: dict[asyncio.Task[None], Node] = {}
        try:
            while self.ready or any(map(self._matters, tasks.values())):
                if self.ready:
                    node = self.ready.popleft()
                    if (tasks or self.ready) and not node.is_immediate:
                        tasks[asyncio.create_task(self._execute(node))] = node
                        continue
                    # A task would cost more than most nodes do.
                    await self._execute(node)
                    if self.ready and len(self.ended) % MAX_PASS == 0:
                        await asyncio.sleep(0)
                    continue
                done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                tasks = {task: node for task, node in tasks.items() if task not in done}
                errors = [error for task in done if (error := task.exception())]
                if errors:
                    raise errors[0]
        finally:
            for task in tasks:
                task.cancel()
            if tasks:
                await asyncio.gather(*tasks, return_exceptions=True)

    def _matters(self, node: Node) -> bool:
        """Whether a node leads anywhere else than to a merge that has gone on without it."""
        if not self.went_on:
            return True
        todo, seen = [node.id], {node.id}
        while todo:
            lines = self.graph.outgoing.get(todo.pop(), ())
            if not lines:
                return True
            for target in {line.target for line in lines} - self.went_on - seen:
                seen.add(target)
                todo.append(target)
        return False

    async def _execute(self, node: Node) -> None:
        if self.failure is not None:
            return  # it was to begin together with one that has failed
        earlier = self.reused.get(node.id)
        if earlier is not None and earlier.handle is not None:
            await self._reuse(node, earlier, earlier.handle)
            return
        try:
            parameters = self._begin(node, earlier.finished if earlier else ())
        except NodeFailed as failed:
            self._fail(node, failed)
            return
        try:
            if node.settings is None:
                if self.before_effects is not None and node.registered.node_type.has_effects:
                    await self.before_effects()
                result = await self._result(node, parameters)
            else:
                result = await attempts.persist(
                    node,
                    node.settings,
                    partial(self._result, node, parameters),
                    before=partial(self._before, node),
                    tell=self._tell,
                    clock=self._at,
                    ends_at=self.starts_at + self.seconds_left,
                    number=self.attempts.get(node.id, 1),
                )
        except Asked as asked:
            self.asking[node.id] = asked
            if self.untold is not None:
                self._tell(self.untold)
        except asyncio.CancelledError as stray:
            if _being_cancelled():
                self._tell(self._interrupted(node))
                raise
            # A node type let the end of a task of its own out; nobody asked this flow to stop.
            crash = RuntimeError("the node type let a CancelledError out")
            crash.__cause__ = stray
            self._fail(node, crash)
        except Abort:
            raise
        except Exception as error:
            self._fail(node, error)
        except BaseExceptionGroup:
            self._fail(node, RuntimeError("the node type asked from a task group, where the question cannot get out"))
        else:
            self._finish(node, result)
        finally:
            if node.id not in self.asking:
                del self.finished[node.id]

    async def _before(self, node: Node) -> None:
        if self.before_effects is not None and node.registered.node_type.has_effects:
            await self.before_effects()

    def _begin(self, node: Node, finished: Sequence[Finished]) -> Any:
        """A node's parameters with the expressions filled in, once it is told that it begins; raises NodeFailed."""
        unfit = None
        if node.fill is None:
            shown = parameters = self.arguments if node.type == TRIGGER else dict(node.parameters)
        else:
            try:
                shown = parameters = node.fill(self.scope.anew())
                # Most values fit, and to ask only that is quicker than to ask for every fault.
                if not node.registered.validator.is_valid(parameters):
                    faults = node.registered.faults(parameters, "", before_filling=False)
                    if faults:
                        said = "; ".join(str(fault) for fault in faults)
                        raise NodeFailed(f"After its expressions were filled in: {said}")
                if node.secrets:
                    destinations.check(node.secrets, parameters, self.services.secrets)
                    # References to secrets are shown as they are.
                    shown = node.fill(self.scope.anew({SECRETS: SECRET_REFERENCES}))
            except NodeFailed as failed:
                shown, unfit, finished = dict(node.parameters), failed, ()
        if node.id not in self.reported:  # else it goes on after a question
            started = NodeStarted(node, self._at(), shown)
            if node.is_immediate and unfit is None:
                self.untold = started
            else:
                self._tell(started)
            for item in finished:
                self._tell(ItemFinished(node, self._at(), item, is_reused=True))
        if unfit is not None:
            raise unfit
        self.finished[node.id] = {item.index: item for item in finished}
        return parameters

    async def _result(self, node: Node, parameters: Any) -> NodeResult:
        lent = self.services
        arrived = {slug: self.scope[slug] for slug in self.arrived[node.id]}
        context = NodeContext(
            lent.execution_id,
            node.name,
            lent.http,
            node.id,
            self,
            lent.flows,
            lent.tools,
            lent.code,
            arrived,
            asker=self,
            offers=lent.offers,
            finished=self.finished[node.id],
            hide=lent.hide,
        )
        if node.deferred:
            context = replace(context, fill=lambda name, values: node.deferred[name](self.scope.anew(values)))
        running = node.registered.node_type.execute(parameters, context)
        if not node.is_immediate:
            result = await running
        else:
            try:
                running.send(None)
            except StopIteration as ended:
                result = ended.value
            else:  # no timeout would stop it
                running.close()
                raise RuntimeError(f"{node.type!r} says that its nodes are immediate, and this one waits")
        if not isinstance(result, NodeResult):
            raise TypeError(f"{node.type!r} gave back {type(result).__name__}, not a NodeResult")
        if node.own_handles and result.handle not in node.own_handles:
            raise ValueError(f"{node.type!r} took the handle {result.handle!r}, which it does not have")
        self.outputs_bytes += size_of(result.output)
        if self.outputs_bytes > self.limits.outputs_bytes:
            raise self.limits.too_much_held(self.outputs_bytes)
        if result.reply is not None:
            self.answer_bytes += len(result.reply.text.encode(errors="replace"))
            self.answer_bytes += size_of(result.reply.blocks) if result.reply.blocks else 0
            if self.answer_bytes > self.limits.answer_bytes:
                raise self.limits.too_much_answered(self.answer_bytes)
        if self.output_schema is not None:
            await answers.check(node, result.reply, self.output_schema)
        return result

    def progress(self, node_id: str, fraction: float | None, message: str) -> None:
        """Tell how far a node is (see `flows.engine.node.Reporter`)."""
        if node := self._under_way(node_id):
            self._tell(NodeProgress(node, self._at(), fraction, message))

    def log(self, node_id: str, level: LogLevel, message: str, data: Any) -> None:
        """Tell a line of a node's log."""
        if node := self._under_way(node_id):
            self._tell(NodeLog(node, self._at(), level, message, data))

    def item_finished(self, node_id: str, item: Finished) -> None:
        """Tell an item that a node has done; when the flow has failed meanwhile, it is done all the same."""
        if node_id in self.finished:
            self.finished[node_id][item.index] = item
            self._tell(ItemFinished(self.graph.nodes[node_id], self._at(), item))

    def ask(self, node_id: str, number: int, question: Question) -> Any:
        """The answer to a node's question (see `flows.engine.node.Asker`)."""
        answers = self.answers.get(node_id, ())
        if number < len(answers):
            answer = answers[number]
            if isinstance(answer, dict) and REFUSED in answer:
                raise NodeFailed(f"The client refused to answer: {answer[REFUSED]}", is_final=True)
            return answer
        if (reason := self.services.cannot_ask(question.kind)) is not None:
            raise CannotAsk(self.graph.nodes[node_id].name, question.kind, reason)
        raise Asked(question)

    def release(self, node_id: str) -> None:
        """Tell that a node lets the caller's connection go."""
        if node := self._under_way(node_id):
            self._tell(ClientReleased(node, self._at()))

    def _under_way(self, node_id: str) -> Node | None:
        """The node; None when it has ended, and something that it left behind still reports."""
        node = self.graph.nodes[node_id]
        return None if node.slug in self.scope or self.failure is not None else node

    def _interrupted(self, node: Node) -> NodeErrored:
        """A node that was under way when the flow ended: the record must not claim to know what it did."""
        if self.failure is None and self.timeout is not None and self.timeout.expired():
            self.failure = self._timed_out(node)
        if self.failure is not None and self.failure.kind == "timeout":
            return NodeErrored(node, self._at(), self._timed_out(node).message, "timeout")
        if self.failure is not None:
            message = f"Stopped because {self.failure.node_name} failed; whether it took effect is not known."
            return NodeErrored(node, self._at(), message, "cancelled")
        if self._matters(node):
            return NodeErrored(node, self._at(), "Cancelled; whether it took effect is not known.", "cancelled")
        return NodeErrored(
            node, self._at(), f"Stopped: {LEFT_BEHIND}; whether it took effect is not known.", "cancelled"
        )

    def _fail(self, node: Node, error: Exception) -> None:
        """Go on as the node's settings say; raises _Stop when they say nothing, unless nothing waits for the node."""
        failed, detail = error_of(node, error), error.detail if isinstance(error, NodeFailed) else None
        if not self._matters(node):
            self._tell(NodeErrored(node, self._at(), failed.message, failed.kind, detail, failed.causes))
            self._settle(node, None)
            return
        if node.settings is None or node.settings.on_error == "stop":
            self._tell(NodeErrored(node, self._at(), failed.message, failed.kind, detail, failed.causes))
            self.failure = self.failure or failed
            raise _Stop(self.failure)
        handle = MAIN if node.settings.on_error == "continue" else ERROR
        output = as_output(failed, detail)
        self._tell(NodeErrored(node, self._at(), failed.message, failed.kind, output, failed.causes, handle))
        self._settle(node, handle, output, is_known=True)

    async def _reuse(self, node: Node, earlier: Reused, handle: str) -> None:
        node_type, reply = node.registered.node_type, None
        if earlier.has_replied and isinstance(node_type, RepliesAgain):
            reply = node_type.reply_of(node.parameters, earlier.output)
        try:
            if self.output_schema is not None:
                await answers.check(node, reply, self.output_schema)
        except NodeFailed as failed:
            self._tell(NodeStarted(node, self._at(), dict(node.parameters)))
            self._fail(node, failed)
            return
        self._finish(node, NodeResult(earlier.output, handle, reply), earlier)

    def _finish(self, node: Node, result: NodeResult, earlier: Reused | None = None) -> None:
        if result.reply is not None:
            self.replies.append((node, result.reply))
        has_replied, is_reused, is_given = result.reply is not None, earlier is not None, False
        if earlier is not None:
            is_given = earlier.is_given
        started, self.untold = self.untold, None
        self._tell(
            NodeCompleted(node, self._at(), result.output, result.handle, has_replied, is_reused, is_given, started)
        )
        self._settle(node, result.handle, result.output, is_known=True)

    def _settle(self, node: Node, handle: str | None, output: Any = None, *, is_known: bool = False) -> None:
        """Mark the lines out of a node as taken or not; what then waits for nothing is ready, or skipped."""
        self.ended.append(Ended(node.id, handle, output, is_known))
        if is_known:
            self.scope[node.slug] = output
        todo: list[tuple[Node, str | None]] = [(node, handle)]
        for ended, taken in todo:  # which grows on the way
            for line in self.graph.outgoing.get(ended.id, ()):
                target = self.graph.nodes[line.target]
                arrived = self.arrived[target.id]
                if line.source_handle == taken and target.id not in self.begun:
                    arrived.append(ended.slug)
                self.waiting[target.id] -= 1
                if target.id in self.begun or (self.waiting[target.id] and not (arrived and target.takes_first)):
                    continue
                if arrived:
                    self.begun.add(target.id)
                    if self.waiting[target.id]:
                        self.went_on.add(target.id)
                    self.ready.append(target)
                else:
                    if target.id not in self.reported:
                        self._tell(NodeSkipped(target, self._at(), NOT_TAKEN))
                    todo.append((target, None))


def _being_cancelled() -> bool:
    task = asyncio.current_task()
    return task is None or task.cancelling() > 0
