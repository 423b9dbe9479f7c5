"""What a node may ask the caller in the middle of a flow, and how the walk learns that it waits for an answer."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

from flows.engine.errors import NodeFailed

QuestionKind = Literal["user", "model", "roots"]
"""Whom a question is for: the person at the client, the client's language model, or the client itself."""

KINDS: Mapping[QuestionKind, str] = MappingProxyType(
    {"user": "the user of its client", "model": "the language model of its client", "roots": "its client for its roots"}
)

CAPABILITIES: Mapping[QuestionKind, str] = MappingProxyType(
    {"user": "elicitation", "model": "sampling", "roots": "roots"}
)
"""The capability of MCP with which a client says that it answers such questions."""

ANSWER_SECONDS = 900
"""How long an answer may take when the question does not say."""

MAX_ANSWER_SECONDS = 86_400
"""How long a question may wait for its answer: a day."""

NOBODY = "nobody is there who could answer."
"""Of a call that cannot be asked anything."""


@dataclass(frozen=True, slots=True)
class Question:
    """One question; `parameters` are those of MCP's request of that kind, plain JSON.

    `user`: `message` and `requestedSchema` (elicitation/create); `model`: `messages`, `maxTokens` and so on
    (sampling/createMessage); `roots`: nothing (roots/list). The answer is the result of that request. `seconds` is how
    long it may take.
    """

    kind: QuestionKind
    parameters: Mapping[str, Any]
    seconds: float = ANSWER_SECONDS

    def as_json(self) -> dict[str, Any]:
        """The form in which a checkpoint keeps it."""
        return {"kind": self.kind, "parameters": dict(self.parameters), "seconds": self.seconds}

    @classmethod
    def of_json(cls, stored: Mapping[str, Any]) -> "Question":
        """A question from a checkpoint."""
        return cls(stored["kind"], stored["parameters"], stored["seconds"])


REFUSED = "flowhub/refused"


def refused(reason: str) -> dict[str, str]:
    """What stands for an answer when the client answers with an error; the node that asked fails with the reason."""
    return {REFUSED: reason}


class Asked(BaseException):
    """The node can go on only with an answer; raised by `NodeContext.ask` and taken by the runner.

    Not an Exception, like CancelledError: no `except Exception` on its way may take it for a failure. `attempt` is the
    number of the node's attempt that asked.
    """

    def __init__(self, question: Question) -> None:
        super().__init__(question.kind)
        self.question = question
        self.attempt = 1


class CannotAsk(NodeFailed):
    """The call came in a way in which nobody can be asked this; `question_kind` says what for."""

    def __init__(self, node_name: str, kind: QuestionKind, reason: str) -> None:
        message = f"{node_name!r} asks {KINDS[kind]}, and this call cannot be asked: {reason}"
        super().__init__(message, for_client=message, is_final=True)
        self.question_kind = kind
