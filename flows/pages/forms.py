"""Forms of the dashboard: a flow's draft and a server."""

import json
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from flows.engine.errors import Fault
from flows.models import MAX_SECRET, SECRET_NAME, Flow, Server
from flows.publishing import versions
from flows.values.json_text import parse_json


class JsonField(forms.CharField):
    """JSON in a text area; what was typed comes back as it was typed."""

    def __init__(self, *, rows: int = 8, **kwargs: Any) -> None:
        attributes = {"class": "code", "rows": rows, "spellcheck": "false", "autocapitalize": "off"}
        super().__init__(widget=forms.Textarea(attributes), **kwargs)

    def prepare_value(self, value: Any) -> Any:
        """The stored value, indented; None is an empty field."""
        if value is None or isinstance(value, str):
            return value
        return json.dumps(value, ensure_ascii=False, indent=2)

    def clean(self, value: Any) -> Any:
        """Text -> JSON value; an empty field is None."""
        text = super().clean(value)
        return parse_json(text) if text else None

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Whether another value was typed; blanks and line breaks do not count."""
        try:
            return bool(initial != self.clean(data))
        except ValidationError:
            return True


FIELD_OF_PATH = {
    "toolName": "tool_name",
    "definition": "definition",
    "inputSchema": "input_schema",
    "outputSchema": "output_schema",
    "toolDescription": "tool_description",
    "annotations": "annotations",
}
"""Which form field holds what a fault's path begins with."""


class FlowForm(forms.ModelForm):
    """A flow's draft. Everything that would keep it from being published is a fault of the form."""

    input_schema = JsonField(rows=12, help_text="JSON Schema of the parameters that clients send.")
    output_schema = JsonField(
        rows=5, required=False, help_text="JSON Schema that the JSON answer has to fit; empty for none."
    )
    annotations = JsonField(rows=4, required=False, help_text='MCP tool annotations, {"readOnlyHint": true}.')
    definition = JsonField(rows=46, help_text="Nodes and connections.")
    faults: tuple[Fault, ...] = ()

    class Meta:
        model = Flow
        fields = [
            "name",
            "tool_name",
            "tool_description",
            "when_to_use",
            "when_not_to_use",
            "timeout_seconds",
            "answer_seconds",
            "input_schema",
            "output_schema",
            "annotations",
            "definition",
        ]
        labels = {"timeout_seconds": "Timeout, seconds", "answer_seconds": "Answer within, seconds"}
        widgets = {name: forms.Textarea({"rows": 3}) for name in ("tool_description", "when_to_use", "when_not_to_use")}

    def clean_annotations(self) -> Any:
        """Annotations are an object; an empty field is an empty one."""
        value = self.cleaned_data["annotations"]
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise ValidationError('Write a JSON object, {"readOnlyHint": true}.')
        return value

    def full_clean(self) -> None:
        """After the model's own checks: the graph and the schemas, as `publish` checks them."""
        super().full_clean()
        if not self.is_bound:
            return
        self._check_tool_name()
        broken = set(self.errors)
        faults = [fault for fault in versions.faults_of(self.instance) if _field_of(fault) not in broken]
        self.faults = tuple(faults)
        for name in dict.fromkeys(_field_of(fault) for fault in faults):
            count = sum(_field_of(fault) == name for fault in faults)
            self.add_error(name, f"{count} fault{'' if count == 1 else 's'}, listed beside the form.")

    def _check_tool_name(self) -> None:
        """Django leaves this constraint out, because the server is no field of this form."""
        try:
            self.instance.validate_constraints()
        except ValidationError as error:
            self.add_error("tool_name", error.messages)


def _field_of(fault: Fault) -> str | None:
    return FIELD_OF_PATH.get(fault.path.split(".")[0])


class NewFlowForm(forms.ModelForm):
    """The few words that a flow begins with; the rest is written in the Build tab."""

    class Meta:
        model = Flow
        fields = ["server", "name", "tool_name", "tool_description"]
        widgets = {"tool_description": forms.Textarea({"rows": 3})}

    def __init__(self, *args: Any, user: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        servers = Server.objects.visible_to(user)
        field = self.fields["server"]
        field.queryset, field.empty_label = servers, None  # type: ignore[attr-defined]
        field.initial = servers.first()


class SecretValueForm(forms.Form):
    """The value of a secret: it goes in and is not given back, also not in a form with an error."""

    value = forms.CharField(
        strip=False,
        max_length=MAX_SECRET,
        widget=forms.PasswordInput({"autocomplete": "new-password", "spellcheck": "false"}),
        help_text="One line, stored encrypted and never shown again. The REST API takes values of several lines.",
    )


class NewSecretForm(SecretValueForm):
    """A secret that the server does not have yet."""

    name = forms.CharField(
        validators=[SECRET_NAME],
        widget=forms.TextInput({"autocomplete": "off", "spellcheck": "false", "autocapitalize": "characters"}),
        help_text="Capital letters, digits and underscores: API_KEY.",
    )
    field_order = ["name", "value"]

    def __init__(self, *args: Any, server: Server, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.server = server

    def clean_name(self) -> str:
        """A name that is free in the server."""
        name = str(self.cleaned_data["name"])
        if self.server.secrets.filter(name=name).exists():
            raise ValidationError("This server has a secret of that name; give it a new value instead.")
        return name


class ServerForm(forms.ModelForm):
    """An MCP server's address and who may call it."""

    class Meta:
        model = Server
        fields = ["name", "slug", "description", "access", "agent_tools", "is_published"]
        labels = {"is_published": "Published", "agent_tools": "Tools for looking at executions"}
        widgets = {"access": forms.RadioSelect, "description": forms.Textarea({"rows": 3})}
