"""What can be wrong with a definition, and what can go wrong while a graph runs."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal

ErrorKind = Literal[
    "node_failed",
    "node_crashed",
    "timeout",
    "cancelled",
    "interrupted",
    "rejected",
    "record_error",
]
"""Every value of `error_info.kind`; `interrupted`, `rejected` and `record_error` are set outside the engine.

What each means to its readers is in `executions.record.error_kinds`.
"""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with a JSON document: where (`nodes[2].parameters.url`) and what to change.

    `key` is the member that is missing at the path, or that may not be there; empty when it is about the value itself.
    """

    path: str
    message: str
    key: str = field(default="", kw_only=True)

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message

    def as_json(self) -> dict[str, str]:
        """As it stands in an answer."""
        return {"path": self.path, "key": self.key, "message": self.message}

    def is_inside(self, place: str) -> bool:
        """Whether it is about a place of the document, or about something in it."""
        return self.path == place or self.path.startswith((f"{place}.", f"{place}["))


class DefinitionError(ValueError):
    """A definition cannot become a graph; `faults` names every reason, in document order."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("; ".join(str(fault) for fault in self.faults))


class NodeFailed(Exception):
    """A node could not do its work for a reason that its message explains to a reader.

    Node types raise it for failures they foresee. `detail` is JSON that helps to repair the call (status code, body)
    and is kept as the node's output. `for_client` is the sentence for the model when it differs from the message.
    `is_final` says that the same attempt would fail again, so that none is made; `retry_after` is how many seconds the
    other side asked to wait before the next one.
    """

    kind: ClassVar[ErrorKind] = "node_failed"

    def __init__(
        self,
        message: str,
        *,
        detail: object = None,
        for_client: str | None = None,
        is_final: bool = False,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.detail = detail
        self.for_client = for_client
        self.is_final = is_final
        self.retry_after = retry_after


class NodeTimedOut(NodeFailed):
    """A node took longer than its own timeout."""

    kind = "timeout"


class ExpressionError(NodeFailed):
    """An expression names something that is not there; the message lists what is."""


class Abort(Exception):
    """Raised by `before_effects` of the runner: the flow must not go on, because its record cannot be kept."""
