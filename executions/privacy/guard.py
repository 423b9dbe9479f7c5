"""What must not be stored of the calls of one flow; worked out once for its graph and input schema."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from executions.privacy.names import HIDDEN, hidden_values
from executions.privacy.needles import LEAST_LENGTH
from executions.privacy.redactor import Redactor
from executions.privacy.write_only import marked, marks_any, masked
from flows.engine.aside import aside, in_thread
from flows.engine.errors import Fault
from flows.engine.graph import Graph
from flows.engine.registry import json_path
from flows.schemas.compiled import CompiledSchema

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Guard:
    """Makes the redactors of a call. `schema` is None when nothing in it is write-only, which is the usual case."""

    literals: Redactor
    schema: CompiledSchema | None

    @classmethod
    def of(cls, graph: Graph, schema: CompiledSchema) -> "Guard":
        """Find the credentials that are typed into nodes which send them out, and whether arguments are write-only."""
        literals = Redactor.none
        for node in graph.order:
            if node.registered.node_type.has_effects:
                literals = literals.learning(dict(node.parameters))
        return cls(literals, schema if marks_any(schema) else None)

    def over(self, sent: Any, given: Any, secrets: Mapping[str, str]) -> tuple[Any, Redactor, Redactor]:
        """The arguments without the write-only ones, the redactor for the answer and the one for the record.

        `sent` are the arguments as they came, `given` as the flow reads them. The answer holds neither the flow's own
        credentials nor what the caller gave for one way only. The record does without short write-only arguments too;
        they would be found in too many answers.
        """
        answer = self.literals.knowing(secrets.values()) if secrets else self.literals
        if self.schema is None:
            return sent, answer, answer
        parts = marked(self.schema, given)
        texts = {text for part in parts.values() for text in hidden_values(part, is_hidden=True)}
        answer = answer.knowing(text for text in texts if len(text) >= LEAST_LENGTH)
        return masked(sent, parts if sent is given else marked(self.schema, sent)), answer, answer.knowing(texts)

    async def aside(self, work: Callable[[], T], arguments: Any) -> T:
        """What `work` returns, for which `over` looks through arguments; in a thread when they are large or slow to
        look through, else at once.
        """
        is_slow = self.schema is not None and self.schema.takes_long(arguments)
        return await (in_thread(work) if is_slow else aside(work, arguments))

    def unquoted(self, faults: Iterable[Fault], arguments: Any) -> list[Fault]:
        """Faults of the arguments without the values that they quote, where those are write-only or credentials."""
        redactor = self.over(arguments, arguments, {})[1].learning(arguments, in_texts=False)
        parts = marked(self.schema, arguments) if self.schema is not None else {}
        quoted = {
            json_path(path): sorted(set(hidden_values(part, is_hidden=True)), key=len, reverse=True)
            for path, part in parts.items()
        }
        return [Fault(fault.path, redactor.scrub_message(_about(fault, quoted))) for fault in faults]


def _about(fault: Fault, quoted: Mapping[str, Iterable[str]]) -> str:
    """The message, without what it begins with if that is write-only, however short."""
    for path, texts in quoted.items():
        if fault.path == path or fault.path.startswith((f"{path}.", f"{path}[")):
            for text in texts:
                for written in (text, json.dumps(text, ensure_ascii=False)):
                    if fault.message.startswith(written):
                        return HIDDEN + fault.message[len(written) :]
    return fault.message
