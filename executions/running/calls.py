"""A call of a flow as values: what is called by whom and how it is answered, and what goes back."""

import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import InitVar, dataclass, field, replace
from functools import partial
from typing import Any, NamedTuple

from executions.admission.allowances import USUAL, Bounds
from executions.admission.doors import Place
from executions.admission.families import Numbers
from executions.ledger.idempotency_keys import Claim
from executions.ledger.suspensions import Ticket
from executions.privacy.redactor import Redactor
from executions.running.targets import Target
from flows.adapters import lineage
from flows.adapters.lineage import Lineage
from flows.engine.aside import in_thread
from flows.engine.errors import Fault
from flows.engine.events import Observer
from flows.engine.node import Reused
from flows.engine.questions import CAPABILITIES, KINDS, Question, QuestionKind
from flows.engine.runner import FlowError

Watch = Callable[[Callable[[], Redactor]], Observer]
"""Makes an observer of one execution, which passes on nothing that the redactor of the moment hides."""

Written = Callable[["Answer"], dict[str, Any]]
"""Makes of an answer the message that goes to the client: JSON, the same each time."""

PARENT_FIRST_SECONDS = 1.0
"""How much longer a child may take than what is left to its parent, so that it is the parent which runs out of time."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who called: `principal` is the key or user in words, the rest is what the client says of itself."""

    principal: str
    source: str
    client_name: str = ""
    client_version: str = ""
    protocol_version: str = ""
    replay_of: uuid.UUID | None = None
    """The execution whose parameters are sent once more."""
    identity: str = ""
    """Who this is beyond doubt, such as `key:7`: an answer has to come from the same. Empty for a stranger."""
    counts_as: str = ""
    """What tells callers apart where they take turns: the identity, and of strangers the address."""
    can_be_asked: frozenset[QuestionKind] = frozenset()
    """What flows may ask this caller in the middle of the call."""
    request: str = ""
    """MCP's method and the name or URI that it asked for, when the call came by another request than `tools/call`."""
    is_asked_live: bool = False
    """Whether questions and answers need the connection of this very call, so that they end with this process."""
    bounds: Bounds = field(default=USUAL, compare=False)
    """What one call of this caller may leave behind."""
    above: Lineage | None = None
    """The execution whose node called by FlowHub's own address; None for a caller from outside."""

    def cannot_be_asked(self, kind: QuestionKind, *, is_flow: bool) -> str | None:
        """Why not, in a sentence; None when it can. `is_flow` when another flow makes the call."""
        if is_flow:
            return "another flow makes it. Ask in the flow that the client calls."
        if kind in self.can_be_asked:
            return None
        if self.source != "mcp":
            return _NOBODY_THERE
        name = self.client_name or "the client"
        return f"{name} does not declare the capability {CAPABILITIES[kind]!r}. Use a client that does."

    @classmethod
    def of_user(cls, user: Any, source: str, replay_of: uuid.UUID | None = None) -> "Caller":
        """A person who is logged in: asked on the page of the execution, or over REST, for as long as it waits."""
        return cls(
            principal=f"user {user.get_username()}",
            source=source,
            replay_of=replay_of,
            identity=identity_of(user),
            counts_as=identity_of(user),
            can_be_asked=frozenset(KINDS),
            above=lineage.arrived.get(),
        )

    def unattended(self) -> "Caller":
        """The same where nobody is there to answer, as while saved cases are called."""
        return replace(self, can_be_asked=frozenset())

    def as_json(self) -> dict[str, str]:
        """The stored form."""
        request = {"request": self.request} if self.request else {}
        return request | {
            "clientName": self.client_name,
            "clientVersion": self.client_version,
            "protocolVersion": self.protocol_version,
            "principal": self.principal,
            "source": self.source,
        }


_NOBODY_THERE = (
    "nobody is there to answer a saved case. Call it from the form of the Test tab, which asks you, or from an MCP "
    "client."
)


def identity_of(user: Any) -> str:
    """Who a person is beyond doubt: `Caller.identity` of the calls that they make on pages and over REST."""
    return f"user:{user.pk}"


@dataclass(slots=True, eq=False)
class Parent:
    """What a child execution knows of the one that called it.

    `chain` are the tool names from the first call down to the parent's own, `ends_at` is when the parent runs out of
    time (monotonic seconds), `hidden` what its record must not hold: the child's must not either. `numbers` counts what
    one call from outside has started in all.
    """

    execution_id: uuid.UUID
    chain: tuple[str, ...]
    ends_at: float
    hidden: frozenset[str]
    numbers: Numbers
    has_ended: bool = False
    """Set when the parent stops waiting; the child is cancelled for that reason."""

    def seconds_for(self, timeout: float) -> float:
        """How long the child may take: its own timeout, or a little more than what is left to the parent."""
        return min(timeout, max(self.ends_at - time.monotonic(), 0.0) + PARENT_FIRST_SECONDS)


@dataclass(slots=True, eq=False)
class Delivery:
    """How the answer of an execution of this process reaches those who wait for it.

    With a claim, the execution starts only if nobody else has the idempotency key. What is decided here is decided on
    one event loop, between two awaits.
    """

    claim: Claim | None = None
    keeps: bool = False
    """The answer is stored with the end of the execution, for whoever comes back for it."""
    is_sealed: bool = False
    """The end is being written: `keeps` can no longer be changed."""
    is_beaten: bool = False
    """Somebody else had the idempotency key; nothing ran."""
    goes_on: bool = False
    """Somebody was told to come back, so the execution is not cancelled when nobody waits."""
    waiting: int = 0


# Not frozen, like what is made of it: one of each is made for every call, and a frozen one takes three times as long.
@dataclass(slots=True, eq=False)
class Call:
    """One call of a flow, from the door to the end: the target, the arguments as they were sent, and who calls.

    Made at the door, where the input schema reads the arguments, once; on an event loop by `call_of`. One whose
    arguments have faults cannot begin.
    """

    target: Target
    arguments: Any
    caller: Caller
    watch: Watch | None = None
    """Makes an observer of the execution."""
    key: str = ""
    """The idempotency key, which only a caller with a principal may send."""
    parent: Parent | None = None
    """The execution that calls, when it is another flow's."""
    reused: Mapping[str, Reused] = field(default_factory=dict)
    """What some nodes gave in an earlier execution, which stands for executing them."""
    delivery: Delivery = field(default_factory=Delivery)
    request: Mapping[str, Any] | None = None
    """The client's message without its arguments: `id`, `method`, `params`."""
    written: "Written | None" = None
    """The message that an answer becomes for this client; None where the answer itself is what the caller gets."""
    place: Place | None = None
    """Its place among the calls under way, which the execution keeps until it ends, whoever waits for it."""
    given: Any = field(init=False)
    """What the flow reads: the record keeps what was sent, the trigger puts out what it means."""
    faults: tuple[Fault, ...] = field(init=False)
    """What is wrong with the arguments, without the write-only values and credentials among them."""

    is_short: InitVar[bool] = field(default=False, kw_only=True)
    """Whether it is known that the arguments do not take long to check."""

    def __post_init__(self, is_short: bool) -> None:
        self.given, faults = self.target.input_schema.accept(self.arguments, is_short=is_short)
        self.faults = tuple(self.target.guard.unquoted(faults, self.arguments)) if faults else ()


async def call_of(target: Target, arguments: Any, caller: Caller, *more: Any, **named: Any) -> Call:
    """A call, made as `Call` is; in a thread when its arguments take long to check."""
    if target.input_schema.takes_long(arguments):
        return await in_thread(partial(Call, target, arguments, caller, *more, **named))
    return Call(target, arguments, caller, *more, is_short=True, **named)


@dataclass(slots=True)
class Answer:
    """What goes back to the caller: MCP content blocks, the JSON value if the flow returned one, the execution's id.

    `error` says more of a failure than the client is told; it is not part of the stored result.
    """

    execution_id: uuid.UUID
    content: list[dict[str, Any]]
    structured: Any = None
    is_structured: bool = False
    is_error: bool = False
    error: FlowError | None = None
    is_joined: bool = False
    """Another call with the same idempotency key had started the execution."""

    def as_json(self) -> dict[str, Any]:
        """The stored form of the result, as MCP writes it."""
        result: dict[str, Any] = {"content": self.content, "isError": self.is_error}
        if self.is_structured:
            result["structuredContent"] = self.structured
        return result

    @property
    def text(self) -> str:
        """The text blocks, one below the other."""
        return "\n".join(block["text"] for block in self.content if block["type"] == "text")

    def without(self, redactor: Redactor) -> "Answer":
        """The same answer without the values that the redactor knows (reliability invariant I5)."""
        if self.is_error:
            content = [block | {"text": redactor.scrub_text(block["text"], is_message=True)} for block in self.content]
        else:
            # What kind of block it is stays.
            content = [{**redactor.scrub(block), "type": block["type"]} for block in self.content]
        error = self.error
        if error is not None:
            error = replace(error, message=redactor.scrub_text(error.message, is_message=True), causes=())
        return replace(self, content=content, structured=redactor.scrub(self.structured), error=error)


@dataclass(frozen=True, slots=True)
class Waiting:
    """In place of an Answer: the execution goes on once there are answers to its questions, by node slug.

    Whoever answers brings the ticket. The questions hold no secret of the flow.
    """

    ticket: Ticket
    questions: Mapping[str, Question]
    seconds: float
    """How long it waits."""

    @property
    def execution_id(self) -> uuid.UUID:
        """The execution that waits."""
        return self.ticket.execution_id


def error_answer(execution_id: uuid.UUID, message: str, error: FlowError | None = None) -> Answer:
    """A failure in words that the model can act on."""
    return Answer(execution_id, [{"type": "text", "text": message}], is_error=True, error=error)


class Answerer(NamedTuple):
    """Who goes on with an execution that waits: a caller of the same flow, and what it hears and gets of the rest."""

    caller: Caller
    flow_id: int | None
    watch: Watch | None = None
    written: Written | None = None


@dataclass(frozen=True, slots=True)
class Pending:
    """What is told of an execution that goes on while nobody waits; its answer is kept until somebody asks for it.

    `seconds` it has taken so far, `under_way` are the names of nodes, `message` is the last that one of them told.
    """

    execution_id: uuid.UUID
    tool_name: str
    seconds: float
    nodes_done: int
    under_way: tuple[str, ...]
    message: str = ""
    is_joined: bool = False
