"""Answers of people who tried a flow out: what their execution asks them, and going on with what they say.

Called from pages and REST, which are synchronous. An answer has an action, and with `accept` a content: for a question
to a user what its form asks for, for one to a model `{"text": ...}`, for roots `{"roots": [{"uri": ...}]}`.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple, get_args

from asgiref.sync import async_to_sync

from executions.acting.replays import PATIENCE_SECONDS
from executions.ledger import suspensions
from executions.ledger.suspensions import AnswerRefused
from executions.models import Execution
from executions.questions import resumption
from executions.questions.resumption import Given
from executions.record.status import Status
from executions.running.calls import Answerer, Caller, Waiting, identity_of
from flows.engine.errors import Fault
from flows.engine.questions import Question, refused
from flows.nodes.elicitation import read_content
from flows.schemas.compiled import SchemaError, compile_once

Action = Literal["accept", "decline", "cancel"]
ACTIONS: Final = get_args(Action)

MAX_TEXT = 100_000
"""Characters that a person may type in place of a model or of roots."""
ANSWERED_BEFORE = f"{suspensions.NOT_WAITING}: it has been answered already, in another window perhaps."
ASKS_SOMETHING_ELSE = "This question has been answered already. The execution asks something else now."
NOT_YOURS = "This execution waits for somebody else's answer. Call the flow yourself, and you are asked."

_DECLINED = "the person who tried the flow out declined."
_ROOT = {
    "type": "object",
    "properties": {"uri": {"type": "string", "pattern": "^file://"}, "name": {"type": "string"}},
    "required": ["uri"],
    "additionalProperties": False,
}
_SCHEMAS: Mapping[str, Mapping[str, Any]] = {
    "model": {
        "type": "object",
        "properties": {"text": {"type": "string", "minLength": 1, "maxLength": MAX_TEXT}},
        "required": ["text"],
        "additionalProperties": False,
    },
    "roots": {
        "type": "object",
        "properties": {"roots": {"type": "array", "maxItems": 100, "items": _ROOT}},
        "required": ["roots"],
        "additionalProperties": False,
    },
}


class NotYours(Exception):
    """The execution waits, but not for this person; the message says so."""


class AnswerFaults(ValueError):
    """Answers that do not fit what is asked; `faults` are by node slug, each with its path in the content."""

    def __init__(self, faults: Mapping[str, list[Fault]]) -> None:
        super().__init__("; ".join(f"{slug}: {fault}" for slug, found in faults.items() for fault in found))
        self.faults = faults


class PersonReply(NamedTuple):
    """What a person does with a question; `content` counts with `accept`."""

    action: Action
    content: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Wait:
    """What an execution waits for: questions by node slug. `step` is how often it has waited before."""

    questions: Mapping[str, Question]
    step: int
    is_yours: bool
    """Whether the person who looks may answer."""


def wait_of(execution: Execution, user: Any) -> Wait | None:
    """What an execution waits for; None when it does not, or cannot go on any more."""
    found = _waiting(execution, user)
    return found and Wait(found[0].questions, found[0].ticket.step, found[1])


def _waiting(execution: Execution, user: Any) -> tuple[Waiting, bool] | None:
    """What an execution waits for, and whether for this user; who looks on sees what the record shows."""
    if execution.status != Status.PENDING:
        return None
    answerer = suspensions.answerer_of(execution.pk)
    is_yours = answerer == identity_of(user)
    waiting = resumption.questions_of(execution, for_record=not is_yours) if answerer is not None else None
    return (waiting, is_yours) if waiting is not None else None


def schema_of(question: Question) -> Mapping[str, Any]:
    """JSON Schema of the content of an answer."""
    if question.kind == "user":
        found: Mapping[str, Any] = question.parameters["requestedSchema"]
        return found
    return _SCHEMAS[question.kind]


def why_not(execution: Execution) -> str:
    """Why nobody can answer an execution (any more), in a sentence."""
    if execution.status == Status.PENDING:
        return ANSWERED_BEFORE
    if execution.error_kind == "timeout":
        return suspensions.TOO_LATE
    return f"{suspensions.NOT_WAITING}: it has ended."


def answer(execution: Execution, replies: Mapping[str, PersonReply], user: Any, step: int | None = None) -> None:
    """Go on with the replies, by node slug, and wait a little; the execution may still be pending then.

    Who got no reply goes on asking. `step` is the one that was shown. Raises NotYours, AnswerRefused when nobody
    waits for this (any more), AnswerFaults, LedgerUnavailable.
    """
    found = _waiting(execution, user)
    if found is None:
        execution.refresh_from_db()
        raise AnswerRefused(why_not(execution))
    waiting, is_yours = found
    if not is_yours:
        raise NotYours(NOT_YOURS)
    if step is not None and step != waiting.ticket.step:
        raise AnswerRefused(ASKS_SOMETHING_ELSE)
    _check(waiting.questions, replies)
    given = {slug: _given(waiting.questions[slug], reply, user) for slug, reply in replies.items()}
    async_to_sync(_go_on)(waiting, given, Answerer(Caller.of_user(user, execution.source), execution.flow_id))


def _check(questions: Mapping[str, Question], replies: Mapping[str, PersonReply]) -> None:
    faults = {slug: _faults(questions, slug, reply) for slug, reply in replies.items()}
    if not replies:
        faults = {slug: [Fault("", "answer this")] for slug in questions}
    if faults := {slug: found for slug, found in faults.items() if found}:
        raise AnswerFaults(faults)


def _faults(questions: Mapping[str, Question], slug: str, reply: PersonReply) -> list[Fault]:
    if slug not in questions:
        return [Fault("", f"nothing was asked under this name; what waits: {', '.join(questions)}")]
    if reply.action != "accept":
        return []
    schema = schema_of(questions[slug])
    try:
        if questions[slug].kind == "user":
            return read_content(schema, reply.content)[1]
        return compile_once(schema).faults(reply.content)
    except SchemaError as error:
        return [Fault("", f"the form that the flow asks with cannot be filled in: {error}")]


def _given(question: Question, reply: PersonReply, user: Any) -> Given:
    """The reply as the result of MCP's request of that kind."""
    is_accepted = reply.action == "accept"
    if question.kind == "user":
        return Given("user", {"action": reply.action} | ({"content": dict(reply.content)} if is_accepted else {}))
    if not is_accepted:
        return Given(question.kind, refused(_DECLINED))
    if question.kind == "roots":
        return Given("roots", dict(reply.content))
    block = {"type": "text", "text": reply.content["text"]}
    model = f"user {user.get_username()}"
    return Given("model", {"role": "assistant", "content": block, "model": model, "stopReason": "endTurn"})


async def _go_on(waiting: Waiting, given: Mapping[str, Given], answerer: Answerer) -> None:
    begun = await resumption.begin(waiting.ticket, given, answerer)
    if isinstance(begun, Waiting):
        return
    done, _ = await asyncio.wait({begun.task}, timeout=PATIENCE_SECONDS)
    if done:
        begun.task.result()
