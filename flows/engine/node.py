"""What a node type is, what it is given, and what it gives back."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, ClassVar, Literal, Protocol, runtime_checkable

from flows.engine.errors import Fault
from flows.engine.expressions import SecretValues
from flows.engine.questions import NOBODY, CannotAsk, Question, QuestionKind
from flows.engine.shapes import Shape

Json = Any
"""A JSON value: None, bool, int, float, str, list or dict with text keys."""

MAIN = "main"
"""The handle of a node that has only one way out, and of every input."""

FLOW_FORMAT = "flow-tool-name"
"""The `format` of a parameter that names a flow of the same server; publishing checks that there is one."""

PYTHON_FORMAT = "python"
"""The `format` of a parameter that is Python: a form gives it an editor for code."""


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """An answer to an outbound request; header names are lower case, `body` is at most the client's cap."""

    status: int
    reason: str
    url: str
    headers: Mapping[str, str]
    body: bytes


class HttpClient(Protocol):
    """The one way for a node to reach another system; implemented by `flows.adapters.http_client`."""

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str | list[str]] | str | None = None,
        content: bytes | None = None,
        timeout: float = 30.0,
    ) -> HttpResponse:
        """Send one request and return its answer, whatever its status.

        `query` is added to the URL, a list as one parameter for each item; a text is encoded already, and is added as
        it is. `timeout` is the seconds for everything, connecting and reading included.
        Raises NodeFailed when there is no answer: refused address, no connection, too slow, too large.
        """


LogLevel = Literal["debug", "info", "warning", "error"]
LOG_LEVELS: tuple[LogLevel, ...] = ("debug", "info", "warning", "error")

MAX_MESSAGE = 1_000
"""Characters of a message that a node reports or logs; what is longer ends in an ellipsis."""


@dataclass(frozen=True, slots=True)
class Finished:
    """An item that a node has done: its place from 0, what it gave, and the id of its execution if it was one."""

    index: int
    output: Json
    execution_id: str | None = None


class Reporter(Protocol):
    """Where a node under way tells how far it is; implemented by the runner."""

    def progress(self, node_id: str, fraction: float | None, message: str) -> None:
        """Pass on how far a node is."""

    def log(self, node_id: str, level: LogLevel, message: str, data: Json) -> None:
        """Pass on a line of a node's log."""

    def item_finished(self, node_id: str, item: Finished) -> None:
        """Pass on that an item is done."""

    def release(self, node_id: str) -> None:
        """Pass on that the caller's connection may end."""


class Asker(Protocol):
    """Where a node gets answers of the caller; implemented by the runner."""

    def ask(self, node_id: str, number: int, question: Question) -> Json:
        """The answer to the node's question of that number, 0 for the first; raises NodeFailed, Asked."""


class CodeRunner(Protocol):
    """The one way to evaluate what people write as Python; see `flows.adapters.sandbox`, away from this process.

    `inputs` are the variables that the code finds, by name. Results are plain JSON. Both raise NodeFailed when the
    code does not end well, names the line, and says which limit was met when it was one.
    """

    async def run(self, source: str, inputs: Mapping[str, Json], printed: Callable[[str], None]) -> Json:
        """Run a program; gives back what it returns, or the value of its last expression.

        `printed` is called once with what the program has printed, if anything, also when it failed.
        """

    async def evaluate(self, expression: str, inputs: Mapping[str, Json]) -> Json:
        """The value of a short expression; limits are much tighter than those of `run`, and nothing is printed."""


@dataclass(frozen=True, slots=True)
class FlowAnswer:
    """What a called flow answered: content blocks in MCP's form, their text, the JSON value if it returned one."""

    execution_id: str
    text: str
    content: Sequence[Mapping[str, Json]]
    structured: Json = None
    is_structured: bool = False


class CallableFlow(Protocol):
    """A flow that a node has found: calling it more than once runs the same version each time."""

    async def call(self, arguments: Mapping[str, Json]) -> FlowAnswer:
        """Run the flow to its end, as an execution of its own; cancelling this cancels it.

        Raises NodeFailed for arguments that do not fit, and when the flow fails.
        """


class FlowCaller(Protocol):
    """The way for a node to call another flow of the same server; implemented by `executions.children`."""

    async def find(self, tool_name: str, node_id: str) -> CallableFlow:
        """The published flow of that tool name; raises NodeFailed when there is none, or calls are nested too deep."""


@dataclass(frozen=True, slots=True)
class ToolAnswer:
    """What a tool of another MCP server answered: content blocks as MCP writes them, and a JSON value if it has one."""

    content: list[Json]
    structured: Json = None
    is_error: bool = False

    @property
    def text(self) -> str:
        """The text blocks, one below the other."""
        return "\n".join(block["text"] for block in self.content if block.get("type") == "text")


class ToolCaller(Protocol):
    """The way for a node to call a tool of another MCP server; implemented by `mcp_bridge.upstream`."""

    async def call(
        self,
        url: str,
        tool: str,
        arguments: Mapping[str, Json],
        *,
        headers: Mapping[str, str],
        timeout: float,
        schema: Mapping[str, Json] | None = None,
        pinned: Mapping[str, str] | None = None,
    ) -> ToolAnswer:
        """Call a tool over Streamable HTTP; `timeout` is the seconds for everything.

        `schema` is the tool's input schema as it was when the flow was built: arguments that no longer fit are refused
        with what has changed. `pinned` are digests of what the tool said of itself when it was chosen: one that says
        something else now is refused whatever the arguments are. Raises NodeFailed when there is no answer.
        """


OfferKind = Literal["flow", "prompt", "resource"]


class OfferSwitch(Protocol):
    """The way for a node to show clients what its server has, or to hide it; see `executions.running.switching`."""

    async def turn(self, kind: OfferKind, name: str, is_on: bool | None) -> tuple[bool, bool]:
        """Turn it on, off, or (None) to what it is not; gives back whether it was on, and whether it is now.

        `name` is a flow's tool name, a prompt's name or a resource's URI. Raises NodeFailed when the flow's own server
        has no such thing.
        """


Fill = Callable[[str, Mapping[str, Json]], Json]


Hide = Callable[[str], None]
"""Takes a value that must be told to nobody."""


def _nothing_hidden(value: str) -> None:
    """Where nothing is recorded, nothing is to be hidden."""


def _nothing_deferred(name: str, values: Mapping[str, Json]) -> Json:
    raise KeyError(name)


# Not frozen, like the values below: each node of each execution has one, and a frozen one takes three times as long.
@dataclass(slots=True)
class NodeContext:
    """What a node may know and use besides its parameters; it changes nothing of it.

    `arrived` are the outputs of the nodes that led here, by slug, in the order in which they ended.
    """

    execution_id: str
    node_name: str
    http: HttpClient | None = None
    node_id: str = ""
    reporter: Reporter | None = None
    flows: FlowCaller | None = None
    tools: ToolCaller | None = None
    code: CodeRunner | None = None
    arrived: Mapping[str, Json] = field(default_factory=lambda: MappingProxyType({}))
    fill: Fill = field(default=_nothing_deferred, repr=False)
    """Fills in a deferred parameter, by its name and the values it may name besides: `fill("arguments", {"item": 1})`.

    Raises ExpressionError for a path that is not there.
    """
    asker: Asker | None = None
    offers: OfferSwitch | None = None
    finished: Mapping[int, Finished] = field(default_factory=lambda: MappingProxyType({}))
    """The items that are done, by their places: by an attempt before this one, or by an earlier execution."""
    hide: Hide = field(default=_nothing_hidden, repr=False)
    """Says a value that no record and no answer may hold from now on, such as a token that the node was given."""
    _asked: int = 0

    def ask(self, question: Question) -> Json:
        """The caller's answer to a question: the result of MCP's request of that kind.

        Raises CannotAsk when nobody can be asked that, NodeFailed when the client answers with an error.
        Without an answer the call does not come back: the flow pauses, and once the answer is there, perhaps in another
        process, `execute` begins again from its first line. So ask before doing anything else. Several questions, one
        after the other, get their answers in the same order each time.
        """
        if self.asker is None:
            raise CannotAsk(self.node_name, question.kind, NOBODY)
        self._asked += 1
        return self.asker.ask(self.node_id, self._asked - 1, question)

    def report(self, fraction: float | None = None, message: str = "") -> None:
        """Tell how far the node is: a fraction from 0 to 1 if it is known, and a message for people."""
        if self.reporter is not None:
            bounded = None if fraction is None else min(max(float(fraction), 0.0), 1.0)
            self.reporter.progress(self.node_id, bounded, _shortened(message))

    def log(self, level: LogLevel, message: str, data: Json = None) -> None:
        """Add a line to the node's log, which stands in the record; `data` is any JSON value."""
        if self.reporter is not None:
            self.reporter.log(self.node_id, level, _shortened(message), data)

    def item_finished(self, index: int, output: Json, execution_id: str | None = None) -> None:
        """Say that an item is done, for a node that works item by item: its place from 0, and what it gave.

        It stands in the record from then on. The next attempt of the node, and an execution that runs again from it,
        find it in `finished`. So that an effect is not repeated, say it as soon as the item is done.
        """
        if self.reporter is not None:
            self.reporter.item_finished(self.node_id, Finished(index, output, execution_id))

    def release(self) -> None:
        """Let the caller's connection go, if the caller can come back for the answer by itself."""
        if self.reporter is not None:
            self.reporter.release(self.node_id)

    async def sleep(self, seconds: float) -> None:
        """Wait, without holding up other nodes."""
        await asyncio.sleep(seconds)


def _shortened(message: str) -> str:
    return message if len(message) <= MAX_MESSAGE else f"{message[: MAX_MESSAGE - 1]}…"


@dataclass(slots=True)
class Reply:
    """What a flow answers to its caller: text, a JSON value that is also sent as text, or content blocks.

    `blocks` are content blocks in MCP's form (text, image, audio, resource, resource_link); with them, `text` is empty.
    """

    text: str
    structured: Json = None
    is_structured: bool = False
    blocks: tuple[Mapping[str, Json], ...] = ()


@dataclass(slots=True)
class NodeResult:
    """How a node ended: its output, the handle that it takes, and an answer to the caller if it gives one."""

    output: Json
    handle: str = MAIN
    reply: Reply | None = None


@dataclass(frozen=True, slots=True)
class Reused:
    """What a node gave in an earlier execution, which stands for executing it once more.

    `handle` is None when it had not ended well then: the node is executed, and goes on with the `finished` items.
    `has_replied` says that it answered the caller then. The answer is made anew from the output by the node type's
    `reply_of` (see `RepliesAgain`); `reuse.check` refuses a node whose type has none. Whoever reads an output from a
    record makes sure that what is used of it is whole: nothing cut from it, nothing hidden in it. `is_given` says that
    no execution made it: somebody gave it for a test.
    """

    output: Json
    handle: str | None = MAIN
    has_replied: bool = False
    finished: tuple[Finished, ...] = ()
    is_given: bool = False


@runtime_checkable
class NodeType(Protocol):
    """The plug-in behind a node: one instance serves every node of its type, so it holds no state.

    `parameters_schema` is JSON Schema 2020-12 for the node's `parameters`. A value that holds an expression is checked
    against it once the expression is filled in. A part whose schema says `"x-literal": true` is taken as it is written:
    nothing in it is an expression of the flow. `"x-credential": true` says of a part that secrets may stand in it,
    `"x-destination": true` that it is the address which they are sent to (see `flows.engine.destinations`).
    `has_effects` is true when the node can touch the outside world: the execution's record is committed before such a
    node starts.
    """

    type: ClassVar[str]
    title: ClassVar[str]
    description: ClassVar[str]
    icon: ClassVar[str]
    parameters_schema: ClassVar[Mapping[str, Json]]
    handles: ClassVar[tuple[str, ...]]
    has_effects: ClassVar[bool]

    async def execute(self, parameters: Mapping[str, Json], context: NodeContext) -> NodeResult:
        """Do the node's work.

        `parameters` fit `parameters_schema` and must not be changed. Raises NodeFailed for a failure that it can
        explain; any other exception is recorded as a crash of the node type.
        """


# What a node type may have besides. Plug-ins that do without stay node types.


@runtime_checkable
class FillsItself(Protocol):
    """What a node type has besides, when its nodes fill in some parameters themselves, as often as they need to."""

    deferred: ClassVar[Mapping[str, frozenset[str]]]
    """Those parameters, each with the names that its expressions may begin with besides the usual ones.

    A form learns the names from `x-names` in the parameter's schema.
    """


@runtime_checkable
class RepliesAgain(Protocol):
    """A node type that answers the caller, and whose output is enough to answer once more."""

    def reply_of(self, parameters: Mapping[str, Json], output: Json) -> Reply:
        """The answer that went with `output`; `parameters` are as the definition has them, expressions and all."""


@runtime_checkable
class Asks(Protocol):
    """A node type that asks the caller in the middle of the flow, which nobody can be when a flow calls."""

    asks: ClassVar[QuestionKind]


@runtime_checkable
class DescribesOutput(Protocol):
    """A node type of whose output something is known before it is executed."""

    def output_schema_of(self, parameters: Mapping[str, Json], shape_of: Callable[[Json], Shape]) -> Shape:
        """JSON Schema of the output with these parameters, or True when nothing is known.

        `parameters` are as the definition has them. `shape_of` tells the schema that a value among them will fit once
        its expressions are filled in; it may stand inside the answer. What the answer excludes is a fault when an
        expression names it, so `additionalProperties: false` belongs where no other key can be.
        """


@runtime_checkable
class ChoosesHandles(Protocol):
    """A node type whose ways out depend on the node's parameters."""

    def handles_of(self, parameters: Mapping[str, Json]) -> tuple[str, ...]:
        """The handles of a node; `parameters` fit the schema, and expressions in them are not filled in."""


@runtime_checkable
class ChecksParameters(Protocol):
    """A node type that knows more about its parameters than their schema says."""

    def parameter_faults(self, parameters: Mapping[str, Json]) -> Sequence[Fault]:
        """What else is wrong with parameters that fit the schema, each at its path; expressions are not filled in."""


@runtime_checkable
class EndsAtOnce(Protocol):
    """A node type whose nodes neither wait nor act: they are executed where the runner stands, without a task.

    `is_immediate` is True, or says it of a node by its parameters as the definition has them, which fit the schema. A
    type without it may wait. Nothing interrupts such a node, not even a timeout: what takes long must not say it.
    """

    is_immediate: ClassVar[Any]


@runtime_checkable
class Speaks(Protocol):
    """A node type that ends at once and yet tells the client something before the answer: a log message, progress."""

    speaks: ClassVar[bool]


@runtime_checkable
class TakesFirst(Protocol):
    """A node type that may begin as soon as one of the branches that lead to it arrives."""

    def takes_first(self, parameters: Mapping[str, Json]) -> bool:
        """Whether this node does; else it waits for all of them, as every node does."""


@runtime_checkable
class GoesOn(Protocol):
    """A node type that works item by item, and may end well though some items failed."""

    def finished_in(self, output: Json) -> Sequence[Finished]:
        """The items that an output holds when others failed, so that another execution can go on with those.

        None when all were done. `output` comes from a record: parts of it may be cut, and it may have any form.
        """


@runtime_checkable
class ReadsArrived(Protocol):
    """A node type whose nodes read `NodeContext.arrived`: what led to them counts, though no expression names it."""

    reads_arrived: ClassVar[bool]


@runtime_checkable
class DrawnByClients(Protocol):
    """A node type whose answer is a picture for people too, in clients that have MCP Apps (SEP-1865).

    Its structured answer is an object, and the `ui` in it names the kind that `flows.ui` can draw.
    """

    def own_page(self, parameters: Mapping[str, Json]) -> str | None:
        """HTML that draws the answer and is known before any call; None when FlowHub draws what `ui` names.

        `parameters` are as the definition has them.
        """


@runtime_checkable
class Documented(Protocol):
    """A node type that has more to say of itself in the catalogue.

    `group` is the heading that it stands under, `help` a few sentences of plain text, `example` the parameters of a
    node that could stand in a flow.
    """

    group: ClassVar[str]
    help: ClassVar[str]
    example: ClassVar[Mapping[str, Json]]


# Not frozen: one is made for every execution, and a frozen one takes four times as long to make.
@dataclass(slots=True)
class Services:
    """What the host lends to the nodes of one execution."""

    execution_id: str = ""
    http: HttpClient | None = None
    roots: Mapping[str, Json] = field(default_factory=lambda: MappingProxyType({}))
    secrets: Mapping[str, str] = field(default_factory=SecretValues, repr=False)
    """The values of the secrets that the graph names (`Graph.secret_names`); not part of any scope that is shown."""
    flows: FlowCaller | None = None
    tools: ToolCaller | None = None
    code: CodeRunner | None = None
    offers: OfferSwitch | None = None
    cannot_ask: Callable[[QuestionKind], str | None] = lambda kind: NOBODY
    """Why the caller cannot be asked for something, in a sentence; None when it can."""
    hide: Hide = _nothing_hidden
    """Keeps a value that a node got to know out of the record and the answer."""
