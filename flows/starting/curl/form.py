"""The form that a curl command goes through: the command, then what its values become."""

from typing import Any

from django import forms
from django.core.validators import RegexValidator

from flows.models import MAX_SECRET, SECRET_NAME, Secret, Server
from flows.starting.curl.command import MAX_COMMAND
from flows.starting.curl.draft import Credential, Draft, Value
from flows.starting.curl.flow import Parameter
from flows.starting.curl.readings import TYPES
from flows.starting.forms import NewFlowForm

_PARAMETER_NAME = RegexValidator(
    r"^[A-Za-z_][A-Za-z0-9_]{0,63}\Z", "Use letters, digits and underscores, no digit first; at most 64 of them."
)


class CommandForm(forms.Form):
    """The command alone."""

    command = forms.CharField(
        max_length=MAX_COMMAND,
        strip=False,
        label="curl command",
        help_text="As the documentation of an API has it, or a browser's “Copy as cURL”. Nothing is sent.",
        widget=forms.Textarea(
            {"class": "code", "rows": 9, "spellcheck": "false", "autocapitalize": "off", "autocomplete": "off"}
        ),
    )


class CurlForm(NewFlowForm):
    """Where the flow goes, and for each value and credential of a draft what it becomes.

    A value has the fields use, name, type and description, a credential the fields secret and store; each with the key
    behind it.
    """

    def __init__(self, data: Any = None, *, user: Any, draft: Draft) -> None:
        super().__init__(data, user=user, initial={"name": draft.name, "tool_description": draft.description})
        self.draft = draft
        for value in draft.values:
            self.fields |= _fields_of(value)
        for credential in draft.credentials:
            self.fields |= _fields_of_secret(credential)

    @property
    def where(self) -> list[forms.BoundField]:
        """The fields that every new flow has."""
        return [self[name] for name in NewFlowForm.base_fields]

    @property
    def value_rows(self) -> list[tuple[Value, dict[str, forms.BoundField]]]:
        """Each value with its fields."""
        parts = ("use", "name", "type", "description")
        return [(value, {part: self[f"{part}_{value.key}"] for part in parts}) for value in self.draft.values]

    @property
    def secret_rows(self) -> list[tuple[Credential, dict[str, forms.BoundField]]]:
        """Each credential with its fields; `store` is there for one whose value can be stored."""
        parts = ("secret", "store")
        return [
            (each, {part: self[f"{part}_{each.key}"] for part in parts if f"{part}_{each.key}" in self.fields})
            for each in self.draft.credentials
        ]

    def clean(self) -> dict[str, Any]:
        """Names that are there where they are needed, and each once."""
        cleaned = super().clean()
        taken: set[str] = set()
        for value in self.draft.values:
            field = f"name_{value.key}"
            name = cleaned.get(field)
            if not self._is_used(value) or field in self.errors:
                continue
            if not name:
                self.add_error(field, "A parameter needs a name.")
            elif name in taken:
                self.add_error(field, "Another parameter has this name.")
            taken.add(name or "")
        self._check_secrets(cleaned)
        return cleaned

    def _check_secrets(self, cleaned: dict[str, Any]) -> None:
        server: Server | None = cleaned.get("server")
        there = set(Secret.objects.filter(server=server).values_list("name", flat=True)) if server else set()
        taken: set[str] = set()
        for credential in self.draft.credentials:
            field = f"secret_{credential.key}"
            name = cleaned.get(field)
            if name in taken:
                self.add_error(field, "Another credential of the command has this name.")
            elif name in there and cleaned.get(f"store_{credential.key}"):
                why = "The server has a secret of this name. Choose another name, or use that one and store nothing."
                self.add_error(field, why)
            taken.add(name or "")

    def _is_used(self, value: Value) -> bool:
        return value.value is None or bool(self.cleaned_data.get(f"use_{value.key}"))

    @property
    def chosen(self) -> dict[str, Parameter]:
        """The values that become parameters, by their keys."""
        given = self.cleaned_data
        return {
            value.key: Parameter(*(given[f"{part}_{value.key}"] for part in ("name", "type", "description")))
            for value in self.draft.values
            if self._is_used(value)
        }

    @property
    def secret_names(self) -> dict[str, str]:
        """What the secret of each credential is called, by their keys."""
        return {each.key: self.cleaned_data[f"secret_{each.key}"] for each in self.draft.credentials}

    @property
    def stored(self) -> list[Credential]:
        """The credentials whose values are to be stored."""
        return [each for each in self.draft.credentials if self.cleaned_data.get(f"store_{each.key}")]


def _fields_of(value: Value) -> dict[str, forms.Field]:
    shown = f"{value.name} in the {value.place}"
    return {
        f"use_{value.key}": forms.BooleanField(
            required=False,
            initial=value.is_likely,
            widget=forms.CheckboxInput({"aria-label": f"{shown} is a parameter"}),
        ),
        f"name_{value.key}": forms.CharField(
            required=False,
            max_length=64,
            initial=value.name,
            validators=[_PARAMETER_NAME],
            widget=forms.TextInput({"aria-label": f"Name of {shown}", "spellcheck": "false", "autocapitalize": "off"}),
        ),
        f"type_{value.key}": forms.ChoiceField(
            choices=[(kind, kind) for kind in TYPES],
            initial=value.type,
            widget=forms.Select({"aria-label": f"Type of {shown}"}),
        ),
        f"description_{value.key}": forms.CharField(
            required=False,
            max_length=500,
            initial=value.description,
            widget=forms.TextInput({"aria-label": f"Description of {shown}"}),
        ),
    }


def _fields_of_secret(credential: Credential) -> dict[str, forms.Field]:
    name = forms.CharField(
        max_length=64,
        initial=credential.name,
        validators=[SECRET_NAME],
        widget=forms.TextInput({"aria-label": f"Secret for the {credential.place}", "spellcheck": "false"}),
    )
    fields: dict[str, forms.Field] = {f"secret_{credential.key}": name}
    if 0 < len(credential.value) <= MAX_SECRET:
        fields[f"store_{credential.key}"] = forms.BooleanField(
            required=False, label="Store the command's value, encrypted", initial=False
        )
    return fields
