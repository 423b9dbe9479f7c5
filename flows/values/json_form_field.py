"""The form field for JSON that people write."""

import json
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from flows.values.json_text import parse_json


class JsonFormField(forms.CharField):
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
