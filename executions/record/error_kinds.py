"""What each kind of error means to those who read about it: one row for every value of `error_info.kind`."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class KindOfError:
    """`words` stand in a row before the reason: `timed out at Fetch order: no answer after 300 s`.

    `is_told` says whether the message is a sentence of FlowHub, which may be told to a client that comes back later: it
    says nothing that only the flow's owner may know. `verdict` is what a saved case fails with when it was not the flow
    that failed; without one, what the client got is compared with what the case expects.
    """

    words: str
    is_told: bool = False
    verdict: str = ""


ERROR_KINDS: Mapping[str, KindOfError] = {
    "node_failed": KindOfError("failed"),
    "node_crashed": KindOfError("crashed"),
    "timeout": KindOfError("timed out", is_told=True),
    "cancelled": KindOfError("cancelled", is_told=True, verdict="The execution was cancelled."),
    "interrupted": KindOfError("interrupted", is_told=True, verdict="The execution was interrupted."),
    "rejected": KindOfError("refused"),
    "record_error": KindOfError(
        "record incomplete", is_told=True, verdict="The execution could not be recorded whole."
    ),
}
"""In the order of `flows.engine.errors.ErrorKind`, which names the same kinds."""


def kind_of_error(stored: str) -> KindOfError:
    """The row of a stored kind; that of `node_failed` for one that this version does not know."""
    return ERROR_KINDS.get(stored, ERROR_KINDS["node_failed"])
