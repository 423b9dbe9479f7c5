"""The forms in which a page asks a person what an execution waits for: one for each question."""

from collections.abc import Mapping
from typing import Any

from executions.questions.answers_of_people import MAX_TEXT, PersonReply, Wait, schema_of
from flows.arguments.form import ArgumentForm
from flows.engine.errors import Fault
from flows.engine.questions import Question

_TEXTS: Mapping[str, Any] = {
    "model": {"text": {"type": "string", "title": "Answer in place of the client\u2019s model", "maxLength": MAX_TEXT}},
    "roots": {
        "roots": {
            "type": "string",
            "title": "Roots",
            "description": "Addresses that start with file://, one a line. Empty for none.",
            "maxLength": MAX_TEXT,
        }
    },
}
"""What the form asks for, for questions that bring no schema of their own."""


class AnswerForm:
    """One question with the fields of its answer; `reply` is what was typed, once `is_valid`."""

    def __init__(self, slug: str, question: Question, data: Mapping[str, Any] | None = None) -> None:
        self.slug = slug
        self.question = question
        # The page may have a form with the parameters too: the names of the fields must differ.
        under = (f"answer:{slug}",)
        schema = _drawn(question)
        if data is None:
            self.form = ArgumentForm.filled(schema, under=under)
        else:
            self.form = ArgumentForm.typed(schema, data, under=under)

    def is_valid(self) -> bool:
        """Whether everything typed can be read."""
        return self.form.is_valid()

    @property
    def reply(self) -> PersonReply:
        """The answer that accepts."""
        typed = self.form.arguments
        if self.question.kind == "roots":
            lines = str(typed.get("roots", "")).split("\n")
            return PersonReply("accept", {"roots": [{"uri": line.strip()} for line in lines if line.strip()]})
        return PersonReply("accept", typed)

    def add_faults(self, faults: list[Fault]) -> None:
        """Put what does not fit at its field."""
        if self.question.kind != "roots":
            self.form.add_faults(faults)
            return
        names = [fault.path.removeprefix("roots").partition("]")[0].strip("[") for fault in faults]
        lines = [f"Line {int(name) + 1}: " if name.isdecimal() else "" for name in names]
        found = zip(lines, faults, strict=True)
        self.form.add_faults([Fault("roots", f"{line}{fault.message}") for line, fault in found])

    @property
    def message(self) -> str:
        """What a person is asked."""
        return str(self.question.parameters.get("message", ""))

    @property
    def conversation(self) -> list[tuple[str, str]]:
        """What a model is asked: who speaks, and the text, or what is there in place of one."""
        system = self.question.parameters.get("systemPrompt")
        spoken = [(str(each["role"]), _words(each["content"])) for each in self.question.parameters.get("messages", ())]
        return [("system", str(system)), *spoken] if system else spoken


def forms_of(wait: Wait, data: Mapping[str, Any] | None = None) -> list[AnswerForm]:
    """A form for each question, for whom it is; with what was typed in the one that `data` names with `slug`."""
    if not wait.is_yours:
        return []
    return [
        AnswerForm(slug, question, data if data is not None and data.get("slug") == slug else None)
        for slug, question in wait.questions.items()
    ]


def _words(content: Any) -> str:
    if content.get("type") == "text":
        return str(content.get("text", ""))
    return f"[{content.get('type')}, {content.get('mimeType')}]"


def _drawn(question: Question) -> dict[str, Any]:
    """The schema that the form is made from; the one of the question decides in the end what fits."""
    if question.kind in _TEXTS:
        required = ["text"] if question.kind == "model" else []
        return {"type": "object", "properties": _TEXTS[question.kind], "required": required}
    schema = schema_of(question)
    fields = {name: _field(field) for name, field in schema.get("properties", {}).items()}
    return {**schema, "properties": fields, "additionalProperties": False}


def _field(field: Mapping[str, Any]) -> Mapping[str, Any]:
    """One field of MCP's restricted JSON Schema, such that options are shown as what they are called."""
    if "enumNames" in field:
        named = zip(field["enum"], field["enumNames"], strict=True)
        rest = {name: part for name, part in field.items() if name not in ("enum", "enumNames")}
        return rest | {"oneOf": [{"const": value, "title": title} for value, title in named]}
    items = field.get("items")
    if not isinstance(items, Mapping):
        return field
    options = [each["const"] for each in items["anyOf"]] if "anyOf" in items else items.get("enum", [])
    chosen = field.get("default")
    # Each option once, in their order: so they can be ticked.
    ordered = {"default": [value for value in options if value in chosen]} if isinstance(chosen, list) else {}
    return {**field, **ordered, "uniqueItems": True}
