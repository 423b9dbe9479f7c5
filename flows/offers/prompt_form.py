"""The form of a prompt: its words, rows of arguments, rows of messages, and a form that tries its arguments."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.forms import BaseForm
from django.http import QueryDict

from flows.engine.errors import Fault
from flows.models import Prompt
from flows.offers.editor import AS_TYPED, OfferEditor, OfferForm
from flows.offers.prompts import MessageError, Messages, message_maker
from flows.offers.row_forms import SAVE, Rows, sent_values
from flows.values.json_text import parse_json

MAX_ARGUMENTS = 50
"""Rows of arguments in the form of one prompt."""
MAX_MESSAGES = 100
"""Rows of messages in the form of one prompt."""

_ROW = re.compile(r"(arguments|messages)\[(\d+)\]\.?(.*)")


class PromptForm(OfferForm):
    """What is said of a prompt, and the flow that answers it, if one does."""

    without_flow = "the messages below"

    class Meta(OfferForm.Meta):
        model = Prompt
        fields = ["name", "title", "description", "flow", "is_active"]
        labels = OfferForm.Meta.labels | {"flow": "Answered by"}
        help_texts = OfferForm.Meta.help_texts | {
            "flow": "A flow gets the arguments as its parameters, and its answer becomes the messages.",
        }
        widgets = {**OfferForm.Meta.widgets, "name": forms.TextInput(AS_TYPED)}


class ArgumentRow(forms.Form):
    """One argument; a row without a name is left out."""

    name = forms.CharField(required=False, max_length=64, widget=forms.TextInput(AS_TYPED))
    title = forms.CharField(required=False, max_length=200)
    description = forms.CharField(required=False, max_length=2000)
    required = forms.BooleanField(required=False, label="It must be given")
    completions = forms.CharField(
        required=False,
        label="Proposals",
        widget=forms.Textarea({"rows": 2, "spellcheck": "false"}),
        help_text="One a line; clients offer them while somebody types.",
    )

    def clean(self) -> dict[str, Any]:
        """A row with something in it has a name."""
        cleaned = super().clean() or self.cleaned_data
        if not cleaned.get("name") and any(cleaned.values()):
            self.add_error("name", "Give the argument a name, or empty the row.")
        return cleaned

    @property
    def value(self) -> dict[str, Any] | None:
        """The argument as it is stored."""
        cleaned = self.cleaned_data
        lines = [line.strip() for line in cleaned["completions"].splitlines() if line.strip()]
        value = cleaned | {"completions": lines}
        return {key: part for key, part in value.items() if part} if cleaned["name"] else None


class MessageRow(forms.Form):
    """One message; a row without content is left out."""

    role = forms.ChoiceField(choices=[("user", "user"), ("assistant", "assistant")])
    kind = forms.ChoiceField(label="Content", choices=[("text", "a text"), ("block", "a block, as JSON")])
    content = forms.CharField(
        required=False,
        strip=False,
        label="Text or block",
        widget=forms.Textarea({"rows": 5, "spellcheck": "false"}),
    )

    def clean_content(self) -> str:
        """Browsers send every line break as two characters."""
        return str(self.cleaned_data["content"]).replace("\r\n", "\n")

    def clean(self) -> dict[str, Any]:
        """A block is a JSON object."""
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("kind") == "block" and cleaned.get("content", "").strip():
            try:
                block = parse_json(cleaned["content"])
            except ValidationError as error:
                self.add_error("content", error)
            else:
                cleaned["block"] = block
                if not isinstance(block, dict):
                    self.add_error("content", 'Write a JSON object, {"type": "image", ...}.')
        return cleaned

    @property
    def value(self) -> dict[str, Any] | None:
        """The message as it is stored."""
        cleaned = self.cleaned_data
        if not cleaned["content"].strip():
            return None
        return {
            "role": cleaned["role"],
            "content": cleaned.get("block") or {"type": "text", "text": cleaned["content"]},
        }


class PromptEditor(OfferEditor[Prompt]):
    """A prompt as it is edited: `form`, `arguments` and `messages` are shown; `faults` are about none of them."""

    def __init__(self, prompt: Prompt, data: QueryDict | None = None, files: Any = None) -> None:
        self.faults: list[Fault] = []
        self.arguments = Rows("arguments", ArgumentRow, MAX_ARGUMENTS)
        self.messages = Rows("messages", MessageRow, MAX_MESSAGES)
        do = data.get("do", SAVE) if data is not None else ""
        self.is_to_be_saved, self.is_changed = do == SAVE, data is not None
        if data is None:
            self.form = PromptForm(instance=prompt)
            lines = ["\n".join(each.get("completions", [])) for each in prompt.arguments]
            self.arguments.show(
                [each | {"completions": text} for each, text in zip(prompt.arguments, lines, strict=True)]
            )
            self.messages.show([_shown_message(each) for each in prompt.messages])
        elif self.is_to_be_saved:
            self.form = PromptForm(data, instance=prompt)
            self.arguments.take(data)
            self.messages.take(data)
        else:
            self.form = PromptForm(instance=prompt, initial=sent_values(PromptForm, data))
            self.arguments.change(data, do)
            self.messages.change(data, do)

    def forms(self) -> Sequence[forms.BaseForm]:
        """The words and every row."""
        return [self.form, *self.arguments.forms, *self.messages.forms]

    def rows(self) -> Mapping[str, Sequence[BaseForm]]:
        """Arguments and messages."""
        return {rows.kind: rows.forms for rows in (self.arguments, self.messages)}

    def filled(self) -> Prompt:
        """The prompt with the rows that are not empty."""
        prompt: Prompt = self.form.instance
        prompt.arguments = [form.value for form in self.arguments.forms if form.value]
        prompt.messages = [form.value for form in self.messages.forms if form.value]
        return prompt

    def place(self, fault: Fault) -> None:
        """At its row, at its field, or above the form; rows are counted without the empty ones."""
        row = _ROW.match(fault.path)
        if row is not None:
            rows = self.arguments if row[1] == "arguments" else self.messages
            at = f"{row[3]}: " if row[3] else ""
            [form for form in rows.forms if form.value][int(row[2])].add_error(None, f"{at}{fault.message}")
        elif fault.path in self.form.fields:
            self.form.add_error(fault.path, fault.message)
        else:
            self.faults.append(fault)

    def preview(self, stored: Prompt, query: QueryDict) -> dict[str, Any]:
        """A form for sample arguments, and the messages that they make."""
        preview = PreviewForm(stored, query)
        shown = [(each["role"], {"content": [each["content"]]}) for each in preview.messages()]
        return {"preview": preview, "shown": shown}


def _shown_message(message: dict[str, Any]) -> dict[str, Any]:
    block = message["content"]
    is_text = block.keys() == {"type", "text"} and block["type"] == "text"
    content = block["text"] if is_text else json.dumps(block, ensure_ascii=False, indent=2)
    return {"role": message["role"], "kind": "text" if is_text else "block", "content": content}


class PreviewForm(forms.Form):
    """Sample arguments of a stored prompt; `messages` are what clients would get."""

    def __init__(self, prompt: Prompt, data: QueryDict) -> None:
        self.is_asked = "preview" in data
        super().__init__(data if self.is_asked else None, prefix="sample")
        self._prompt = prompt
        for argument in prompt.arguments:
            self.fields[argument["name"]] = forms.CharField(
                required=bool(argument.get("required")),
                strip=False,
                label=argument.get("title") or argument["name"],
                help_text=argument.get("description", ""),
            )

    def messages(self) -> Messages:
        """The messages; none, with an error of the form, when the arguments make no block that clients could read."""
        if not self.is_asked or not self.is_valid() or self._prompt.flow:
            return []
        names = list(self.fields)
        try:
            return message_maker(self._prompt.messages, names)(self.cleaned_data)
        except MessageError as error:
            self.add_error(None, str(error))
            return []
