"""Forms of an execution's page: edited parameters, and a note."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from executions.models import NOTE_LENGTH
from flows.values.json_form_field import JsonFormField


class ReplayForm(forms.Form):
    """The parameters of a replay as one JSON object."""

    arguments = JsonFormField(label="Parameters as JSON", rows=16)

    def clean_arguments(self) -> dict[str, Any]:
        """Parameters are an object."""
        arguments = self.cleaned_data["arguments"]
        if not isinstance(arguments, dict):
            raise ValidationError("Write a JSON object.")
        return arguments


class NoteField(forms.CharField):
    """Text of several lines; browsers send two characters for the end of a line and count one."""

    def to_python(self, value: Any) -> str:
        """The text with plain line ends."""
        return str(super().to_python(value)).replace("\r\n", "\n")


class NoteForm(forms.Form):
    """What people write about an execution."""

    note = NoteField(max_length=NOTE_LENGTH, required=False)
