"""What the runner tells its observers, in the order in which it happens.

`at` is seconds since the flow started, from the monotonic clock; an observer that needs wall-clock times adds it to
the start it knows. A flow that waited for an answer goes on with the seconds since its first start, and nothing that
was told before is told again. Observers are called synchronously, so an observer must be quick and must never raise,
and it changes nothing of what it is told. Events are not frozen because two are made for each node, and a frozen one
takes four times as long to make.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flows.engine.errors import ErrorKind
from flows.engine.graph import Node
from flows.engine.node import Finished, LogLevel
from flows.engine.questions import Question


@dataclass(slots=True)
class NodeStarted:
    """A node begins; `input` is its parameters with the expressions filled in (JSON)."""

    node: Node
    at: float
    input: Any


@dataclass(slots=True)
class NodeCompleted:
    """A node ended well; `output` is its JSON, `handle` the way out that it took.

    `has_replied` says that it answered the caller; `is_reused`, that an earlier execution's output stands for this
    node, which then did not start; `is_given`, that somebody gave that output for a test. `started` is the beginning of
    a node that ended at once, of which nothing was told in between: it comes with the end, and was not told by itself.
    """

    node: Node
    at: float
    output: Any
    handle: str
    has_replied: bool = False
    is_reused: bool = False
    is_given: bool = False
    started: NodeStarted | None = None


@dataclass(slots=True)
class NodeErrored:
    """A node ended badly; `output` is what is known of its answer, `causes` the chain behind the message.

    `handle` is the way out that it took all the same, when its settings say that the flow goes on.
    """

    node: Node
    at: float
    message: str
    kind: ErrorKind
    output: Any = None
    causes: tuple[str, ...] = ()
    handle: str | None = None


@dataclass(slots=True)
class AttemptFailed:
    """A node failed, and is tried again after a wait; `number` is that of the attempt that failed, 1 for the first."""

    node: Node
    at: float
    number: int
    message: str
    kind: ErrorKind


@dataclass(slots=True)
class AttemptStarted:
    """A node is tried again; `number` is 2 for the second attempt. The first one began with NodeStarted."""

    node: Node
    at: float
    number: int


@dataclass(slots=True)
class NodeProgress:
    """A node under way tells how far it is: `fraction` is 0 to 1, or None when it does not know."""

    node: Node
    at: float
    fraction: float | None
    message: str


@dataclass(slots=True)
class NodeLog:
    """A node under way adds a line to its log; `data` is any JSON value."""

    node: Node
    at: float
    level: LogLevel
    message: str
    data: Any


@dataclass(slots=True)
class ItemFinished:
    """A node under way has done one of its items; `is_reused`: an earlier execution had, and it is not done again."""

    node: Node
    at: float
    item: Finished
    is_reused: bool = False


@dataclass(slots=True)
class NodeAsked:
    """A node waits for an answer of the caller; the flow pauses, because nothing else is left that could go on."""

    node: Node
    at: float
    question: Question


@dataclass(slots=True)
class NodeAnswered:
    """A node that asked goes on with the answer."""

    node: Node
    at: float


@dataclass(slots=True)
class ClientReleased:
    """A node under way lets the caller's connection go; a caller that can comes back for the answer by itself."""

    node: Node
    at: float


@dataclass(slots=True)
class NodeSkipped:
    """A node will not run; `reason` says why, for a reader."""

    node: Node
    at: float
    reason: str


Event = (
    NodeStarted
    | AttemptFailed
    | AttemptStarted
    | NodeProgress
    | NodeLog
    | ItemFinished
    | NodeAsked
    | NodeAnswered
    | ClientReleased
    | NodeCompleted
    | NodeErrored
    | NodeSkipped
)
Observer = Callable[[Event], None]
