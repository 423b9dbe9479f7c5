"""What is asked of somebody who begins a flow: where it goes, and what it is called."""

from typing import Any

from django import forms

from flows.models import Flow, Server
from flows.starting.new_flow import free_tool_name
from flows.values.json_form_field import JsonFormField
from flows.values.json_text import unstorable
from flows.values.scopes import Scope
from flows.values.tool_names import tool_name_of

MAX_OMITTED = 100
"""Paths of arguments that an example lacks."""


class WhereForm(forms.ModelForm):
    """A name and a server; the tool name is made from the name where it is left empty."""

    tool_name = forms.CharField(
        required=False,
        max_length=64,
        help_text="What clients call it; snake_case. Left empty, it is made from the name.",
        widget=forms.TextInput({"data-made-from": "name", "autocapitalize": "off", "spellcheck": "false"}),
    )

    class Meta:
        model = Flow
        fields = ["name", "tool_name", "server"]

    def __init__(self, *args: Any, user: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        servers = Server.objects.visible_to(user, Scope.FLOWS_WRITE)
        field = self.fields["server"]
        field.queryset, field.empty_label = servers, None  # type: ignore[attr-defined]
        field.initial = servers.first()

    def clean(self) -> dict[str, Any]:
        """A tool name that is free, where none is written."""
        cleaned = super().clean() or self.cleaned_data
        if not cleaned.get("tool_name") and {"name", "server"} <= cleaned.keys():
            cleaned["tool_name"] = free_tool_name(cleaned["server"], tool_name_of(cleaned["name"]))
        return cleaned


class NewFlowForm(WhereForm):
    """The few words that an empty flow begins with; the rest is made in the Build tab."""

    tool_description = forms.CharField(
        required=False,
        label="What it does",
        help_text="One or two sentences for the model; needed before it is published.",
        widget=forms.Textarea({"rows": 3}),
    )

    class Meta(WhereForm.Meta):
        fields = ["name", "tool_name", "server", "tool_description"]


class ExampleForm(NewFlowForm):
    """A flow for arguments like those of an example, which become its saved case; `answer` is what it gives back."""

    arguments = JsonFormField(
        rows=8,
        is_object=True,
        required=False,
        label="Arguments",
        help_text='What a call brings, as JSON: {"order_id": "A-10481"}. Each member becomes a parameter of its type.',
    )
    answer = JsonFormField(
        rows=8,
        required=False,
        label="Answer",
        help_text="What the tool answers, as JSON, until you build more. Left empty, it repeats its arguments.",
    )
    omitted = forms.JSONField(required=False, widget=forms.HiddenInput)

    def clean(self) -> dict[str, Any]:
        """Values that can be kept."""
        cleaned = super().clean()
        for name in ("arguments", "answer"):
            if reason := unstorable(cleaned.get(name)):
                self.add_error(name, reason)
        omitted = cleaned.get("omitted")
        paths = omitted if isinstance(omitted, list) else []
        cleaned["omitted"] = [path for path in paths if isinstance(path, str)][:MAX_OMITTED]
        return cleaned
