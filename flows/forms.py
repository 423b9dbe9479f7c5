"""Forms of the dashboard: a flow's draft, a server, and the parameters of a tool made from its input schema."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from flows import services
from flows.engine.errors import Fault
from flows.models import Flow, Server


def parse_json(text: str) -> Any:
    """JSON text -> value; raises ValidationError that says where it stops being JSON."""
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        raise ValidationError(f"Not JSON, line {error.lineno}, column {error.colno}: {error.msg}.") from None
    except (ValueError, RecursionError) as error:
        raise ValidationError(f"Not JSON: {error}.") from None


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON value")


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
    "definition": "definition",
    "inputSchema": "input_schema",
    "outputSchema": "output_schema",
    "toolDescription": "tool_description",
}
"""Which form field holds what a fault's path begins with."""


class FlowForm(forms.ModelForm):
    """A flow's draft. Everything that would keep it from being published is a fault of the form."""

    input_schema = JsonField(rows=12, help_text="JSON Schema of the parameters that clients send.")
    output_schema = JsonField(rows=5, required=False, help_text="JSON Schema of a JSON answer; empty for none.")
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
            "input_schema",
            "output_schema",
            "annotations",
            "definition",
        ]
        labels = {"timeout_seconds": "Timeout, seconds"}
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
        faults = [fault for fault in services.faults_of(self.instance) if _field_of(fault) not in broken]
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


class ServerForm(forms.ModelForm):
    """An MCP server's address and who may call it."""

    class Meta:
        model = Server
        fields = ["name", "slug", "description", "access", "is_published"]
        labels = {"is_published": "Published"}
        widgets = {"access": forms.RadioSelect, "description": forms.Textarea({"rows": 3})}


# --- The parameters of a tool -----------------------------------------------------------------------------------------


class ArgumentField(forms.CharField):
    """One parameter, typed as text; `clean` gives its JSON value, or None when it was left empty."""

    def __init__(self, schema: Mapping[str, Any], **kwargs: Any) -> None:
        self.type_word = _type_word(schema)
        super().__init__(strip=self.type_word != "string", **kwargs)

    def clean(self, value: Any) -> Any:
        """The JSON value of what was typed; numbers keep all their digits."""
        text = super().clean(value)
        if not text:
            return None
        if self.type_word == "string":
            return text
        found = parse_json(text)
        if self.type_word in {"integer", "number"} and (isinstance(found, bool) or not isinstance(found, int | float)):
            raise ValidationError("Write a number.")
        return found


def _type_word(schema: Mapping[str, Any]) -> str:
    word = schema.get("type")
    return word if isinstance(word, str) and "enum" not in schema else "enum" if "enum" in schema else "json"


def _widget(schema: Mapping[str, Any]) -> forms.Widget:
    word = _type_word(schema)
    if word in {"enum", "boolean"}:
        values = schema["enum"] if word == "enum" else [True, False]
        # A choice's value is the JSON of it, so that "1" and 1 stay two things.
        shown = [(json.dumps(value, ensure_ascii=False), _shown(value)) for value in values]
        return forms.Select(choices=[("", "not given"), *shown])
    if word in {"integer", "number"}:
        return forms.TextInput({"inputmode": "numeric" if word == "integer" else "decimal"})
    if word == "string":
        return forms.TextInput() if int(schema.get("maxLength", 0) or 0) <= 300 else forms.Textarea({"rows": 3})
    return forms.Textarea({"class": "code", "rows": 4, "spellcheck": "false"})


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


class ArgumentsForm(forms.Form):
    """A tool's parameters: one field each, or the whole as JSON (`raw`). `arguments` is what to call with."""

    def __init__(self, schema: Any, data: Any = None, *, raw: bool = False, initial_arguments: Any = None) -> None:
        super().__init__(data, prefix="arg")
        self.raw = raw
        self.schema = schema if isinstance(schema, dict) else {}
        given = initial_arguments if isinstance(initial_arguments, dict) else None
        if raw:
            initial = json.dumps(given if given is not None else self._example(), ensure_ascii=False, indent=2)
            self.fields["json"] = JsonField(label="Parameters as JSON", rows=12, initial=initial)
            return
        for name, schema in self._properties().items():
            self.fields[name] = self._field(name, schema, (given or {}).get(name, schema.get("default")))

    def _properties(self) -> dict[str, dict[str, Any]]:
        found = self.schema.get("properties")
        return {name: part if isinstance(part, dict) else {} for name, part in (found or {}).items()}

    def _field(self, name: str, schema: dict[str, Any], value: Any) -> ArgumentField:
        required = name in self.schema.get("required", ())
        is_text = _type_word(schema) == "string"
        initial = None if value is None else value if is_text else json.dumps(value, ensure_ascii=False, indent=2)
        label, help_text = str(schema.get("title") or name), str(schema.get("description", ""))
        return ArgumentField(
            schema, label=label, help_text=help_text, required=required, initial=initial, widget=_widget(schema)
        )

    def _example(self) -> dict[str, Any]:
        return {name: part["default"] for name, part in self._properties().items() if "default" in part}

    @property
    def arguments(self) -> Any:
        """The arguments of the call; parameters that were left empty are left out."""
        if self.raw:
            return self.cleaned_data["json"]
        return {name: value for name, value in self.cleaned_data.items() if value is not None}

    def add_faults(self, faults: Iterable[Fault]) -> None:
        """Put each fault at the field that its path begins with."""
        for fault in faults:
            name = fault.path.split(".")[0].split("[")[0]
            self.add_error(name if name in self.fields else None, str(fault))
