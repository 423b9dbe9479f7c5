"""What must not be stored of the calls of one flow; worked out once for its graph and input schema.

The schema marks arguments as not to be shown again by `writeOnly`, or `format: password`.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from executions.privacy.names import HIDDEN, hidden_values
from executions.privacy.needles import LEAST_LENGTH
from executions.privacy.redactor import Redactor
from flows.engine.aside import aside, in_thread
from flows.engine.errors import Fault
from flows.engine.graph import Graph
from flows.engine.registry import json_path
from flows.schemas.compiled import CompiledSchema
from flows.schemas.subschemas import Steps, Subschema

T = TypeVar("T")

_MAX_STEPS = 200_000
"""Of looking for write-only parts: places, and names held against patterns; of what takes more the whole is hidden."""
_VISIT = 4

# A short value, which is not looked for.
_QUOTED = re.compile(r'\A(?:"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*)')


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
        return cls(literals, schema if any(map(_is_marked, schema.subschemas.values())) else None)

    def over(self, sent: Any, given: Any, secrets: Mapping[str, str]) -> tuple[Any, Redactor, Redactor]:
        """The arguments without the write-only ones, the redactor for the answer and the one for the record.

        `sent` are the arguments as they came, `given` as the flow reads them. The answer holds neither the flow's own
        credentials nor what the caller gave for one way only. The record does without short write-only arguments too;
        they would be found in too many answers.
        """
        answer = self.literals.knowing(secrets.values()) if secrets else self.literals
        if self.schema is None:
            return sent, answer, answer
        shown, parts = masked(self.schema, given)
        texts = {text for part in parts.values() for text in hidden_values(part, is_hidden=True)}
        answer = answer.knowing(text for text in texts if len(text) >= LEAST_LENGTH)
        return shown if sent is given else masked(self.schema, sent)[0], answer, answer.knowing(texts)

    async def aside(self, work: Callable[[], T], arguments: Any) -> T:
        """What `work` returns, for which `over` looks through arguments; in a thread when they are large or slow to
        look through, else at once.
        """
        is_slow = self.schema is not None and self.schema.takes_long(arguments)
        return await (in_thread(work) if is_slow else aside(work, arguments))

    def unquoted(self, faults: Iterable[Fault], arguments: Any) -> list[Fault]:
        """Faults of the arguments without the values that they quote, where those are write-only or credentials."""
        redactor = self.over(arguments, arguments, {})[1].learning(arguments, in_texts=False)
        parts = masked(self.schema, arguments)[1] if self.schema is not None else ()
        # A path in a part goes on like this behind the part's own; all paths are in the whole value.
        starts = tuple(json_path(path) + end if path else "" for path in parts for end in (".", "["))
        told = []
        for fault in faults:
            is_hidden = f"{fault.path}.".startswith(starts)
            message = _QUOTED.sub(HIDDEN, fault.message) if is_hidden else fault.message
            told.append(Fault(fault.path, redactor.scrub_text(message, is_message=True)))
        return told


def _is_marked(found: Subschema) -> bool:
    schema = found.schema
    return isinstance(schema, dict) and (schema.get("writeOnly") is True or schema.get("format") == "password")


def masked(schema: CompiledSchema, value: Any) -> tuple[Any, dict[Steps, Any]]:
    """A copy of a JSON value with HIDDEN in place of its write-only parts, and those parts, each by its path.

    A part counts that is marked in any alternative: which of them was meant is not asked. It is the whole value, if
    that takes too long to find out.
    """
    top, parts, left = [value], {}, _MAX_STEPS
    pending: list[tuple[list[Subschema], Any, str | int, Steps]] = [(_held(schema, ["#"]), top, 0, ())]
    while pending:
        held, container, key, path = pending.pop()
        part = container[key]
        left -= _VISIT * len(held)
        if any(map(_is_marked, held)):
            parts[path], container[key] = part, HIDDEN
        elif isinstance(part, dict | list):
            if isinstance(part, dict):
                left -= len(part) * sum(len(each.schema.get("patternProperties", ())) for each in held)
            if left < 0:
                return HIDDEN, {(): value}
            container[key] = copy = part.copy()
            for step in part if isinstance(part, dict) else range(len(part)):
                below = _held(schema, (at for each in held for at in each.below(step)))
                pending += [(below, copy, step, (*path, step))] if below else []
    return top[0], parts


def _held(schema: CompiledSchema, places: Iterable[str]) -> list[Subschema]:
    """The subschemas at these pointers, and those that the same value may be held against beside them."""
    found, todo = dict[str, Subschema](), list(places)
    while todo:
        at = todo.pop()
        if at not in found and isinstance(schema.subschemas[at].schema, dict):
            found[at] = schema.subschemas[at]
            todo += found[at].beside
    return list(found.values())
