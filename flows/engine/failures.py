"""A node's failure in words: for the person who reads the record, for the client, and for the nodes after it."""

from dataclasses import dataclass
from typing import Any

from flows.engine.errors import ErrorKind, NodeFailed
from flows.engine.graph import Node
from flows.engine.questions import CannotAsk, QuestionKind

_MAX_CAUSES = 10
"""Causes that are kept of one failure."""


@dataclass(frozen=True, slots=True)
class FlowError:
    """Why a flow ended badly: the node that raised, its message for people, and the sentence for the client.

    `unasked` says what the caller would have had to be asked, when that was not possible. `retry_after` is how many
    seconds the other side asked to wait before another attempt.
    """

    kind: ErrorKind
    message: str
    for_client: str
    node_id: str | None = None
    node_name: str | None = None
    causes: tuple[str, ...] = ()
    unasked: QuestionKind | None = None
    retry_after: float | None = None


def error_of(node: Node, error: BaseException) -> FlowError:
    """What the exception that a node ended with means; one that is no NodeFailed is a crash of the node type."""
    causes = tuple(_causes(error))
    if isinstance(error, NodeFailed):
        for_client = error.for_client or f"{node.name}: {error.message}"
        unasked = error.question_kind if isinstance(error, CannotAsk) else None
        about = (node.id, node.name, causes, unasked, error.retry_after)
        return FlowError(error.kind, error.message, for_client, *about)
    for_client = (
        f"{node.name} stopped with an internal error; calling again with the same arguments is unlikely to help."
    )
    return FlowError("node_crashed", f"{type(error).__name__}: {error}", for_client, node.id, node.name, causes)


def as_output(failed: FlowError, detail: Any) -> dict[str, Any]:
    """What the nodes after a failed one are given; of a crash only what a client may read, where it may end."""
    message = failed.for_client if failed.kind == "node_crashed" else failed.message
    error = {"message": message, "kind": failed.kind, "nodeId": failed.node_id, "nodeName": failed.node_name}
    return {"error": error | {"detail": detail}}


def _causes(error: BaseException) -> list[str]:
    """The chain of exceptions behind an error, nearest first; the error itself is left out."""
    found: list[str] = []
    cause = _behind(error)
    while cause is not None and len(found) < _MAX_CAUSES:
        found.append(f"{type(cause).__name__}: {cause}")
        cause = _behind(cause)
    return found


def _behind(error: BaseException) -> BaseException | None:
    return error.__cause__ or (None if error.__suppress_context__ else error.__context__)
