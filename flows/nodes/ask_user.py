"""Ask the person at the client."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar

from flows.engine.errors import Fault, NodeFailed
from flows.engine.node import Json, NodeContext, NodeResult
from flows.engine.questions import ANSWER_SECONDS, MAX_ANSWER_SECONDS, Question, QuestionKind
from flows.engine.shapes import Shape, closed
from flows.nodes.elicitation import EMPTY, FORM_SCHEMA, form_faults, read_content
from flows.schemas.compiled import SchemaError

MAX_ASKED = 3
"""How often the same is asked of somebody whose answers do not fit."""

ANSWER_WITHIN: Mapping[str, Json] = {
    "type": "number",
    "title": "Answer within",
    "description": "Seconds, at most a day. The wait does not count against the flow's timeout.",
    "minimum": 1,
    "maximum": MAX_ANSWER_SECONDS,
    "default": ANSWER_SECONDS,
}


class AskUser:
    """Shows a message and a form at the client, waits, and goes on at what the person chose."""

    type: ClassVar[str] = "ask_user"
    title: ClassVar[str] = "Ask user"
    description: ClassVar[str] = "Asks the person at the client: for a yes or no, or to fill in a short form."
    group: ClassVar[str] = "Connect"
    icon: ClassVar[str] = "person"
    help: ClassVar[str] = (
        "The flow waits, also through a restart of the server, and no node runs twice. The form is MCP's restricted "
        "JSON Schema: an object of flat fields, each a string (minLength, maxLength, format email, uri, date or "
        "date-time), number, integer, boolean, one of several options (enum, or oneOf with const and title) or some of "
        "them (an array of those). Each may have a title, a description and a default, which is filled in for a field "
        "that was left out. Without a form the person can only agree. An answer that does not fit is asked for again, "
        "three times in all. Do not ask for passwords or keys. A client that cannot show forms makes the node fail."
    )
    example: ClassVar[Mapping[str, Json]] = {
        "message": "Cancel the order of {{ trigger.customer }}?",
        "schema": {
            "type": "object",
            "properties": {
                "reason": {"type": "string", "title": "Reason", "enum": ["late", "wrong"], "default": "late"},
                "refund": {"type": "boolean", "title": "Pay back at once", "default": True},
            },
            "required": ["reason"],
        },
    }
    parameters_schema: ClassVar[Mapping[str, Json]] = {
        "type": "object",
        "properties": {
            "message": {
                "type": "string",
                "title": "Message",
                "description": "What the person reads above the form.",
                "minLength": 1,
                "maxLength": 10_000,
            },
            "schema": {
                **FORM_SCHEMA,
                "title": "Form",
                "description": 'The fields: {"type": "object", "properties": {...}, "required": [...]}.',
            },
            "answerWithin": ANSWER_WITHIN,
        },
        "required": ["message"],
        "additionalProperties": False,
    }
    handles: ClassVar[tuple[str, ...]] = ("accept", "decline", "cancel")
    has_effects: ClassVar[bool] = False
    asks: ClassVar[QuestionKind] = "user"

    def parameter_faults(self, parameters: Mapping[str, Json]) -> Sequence[Fault]:
        """What is wrong with the form beyond its shape."""
        form = parameters.get("schema")
        if not isinstance(form, Mapping) or not isinstance(form.get("properties"), Mapping):
            return []
        return [Fault(f"schema.{fault.path}", fault.message) for fault in form_faults(form)]

    async def execute(self, parameters: Mapping[str, Json], context: NodeContext) -> NodeResult:
        """Ask until the answer fits; raises NodeFailed that names what does not, when it never does."""
        form = parameters.get("schema", EMPTY)
        faults: Sequence[Fault] = tuple(form_faults(form))
        if faults:
            raise NodeFailed(f"The form cannot be shown: {_listed(faults)}", is_final=True)
        for _ in range(MAX_ASKED):
            message = parameters["message"] + (f"\n\nPlease correct: {_listed(faults)}" if faults else "")
            asked = {"message": message, "requestedSchema": form}
            answer = context.ask(Question("user", asked, parameters.get("answerWithin", ANSWER_SECONDS)))
            action = answer.get("action")
            if action != "accept":
                handle = "decline" if action == "decline" else "cancel"
                return NodeResult({"action": handle, "content": {}}, handle)
            try:
                content, faults = await asyncio.to_thread(read_content, form, answer.get("content"))
            except SchemaError as error:
                raise NodeFailed(f"The form cannot be shown: {error}", is_final=True) from None
            if not faults:
                return NodeResult({"action": "accept", "content": content}, "accept")
        raise NodeFailed(f"The answer does not fit the form: {_listed(faults)}", detail=content, is_final=True)

    def output_schema_of(self, parameters: Mapping[str, Json], shape_of: Callable[[Json], Shape]) -> Shape:
        """What was chosen, and the fields of the form."""
        form = parameters.get("schema", EMPTY)
        fields = form.get("properties") if isinstance(form, Mapping) else None
        known = closed(dict(fields)) if isinstance(fields, Mapping) else {"type": "object"}
        return closed({"action": {"enum": list(self.handles)}, "content": known})


def _listed(faults: Sequence[Fault]) -> str:
    return "; ".join(map(str, faults))
