"""The form field for JSON that people write."""

import json
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from flows.values.json_text import parse_json


class JsonFormField(forms.CharField):
    """JSON in a text area; what was typed comes back as it was typed.

    With `is_object` an empty field is an empty object, as which it is shown, and whatever is no object is refused.
    """

    def __init__(self, *, rows: int = 8, is_object: bool = False, **kwargs: Any) -> None:
        self.is_object = is_object
        attributes = {"class": "code", "rows": rows, "spellcheck": "false", "autocapitalize": "off"}
        super().__init__(widget=forms.Textarea(attributes), **kwargs)

    def prepare_value(self, value: Any) -> Any:
        """The stored value, indented; None is an empty field, and so is an empty object where one is asked for."""
        if value is None or isinstance(value, str):
            return value
        if self.is_object and value == {}:
            return ""
        return json.dumps(value, ensure_ascii=False, indent=2)

    def clean(self, value: Any) -> Any:
        """Text -> JSON value; an empty field is None, or an empty object."""
        text = super().clean(value)
        if not text:
            return {} if self.is_object else None
        found = parse_json(text)
        if self.is_object and not isinstance(found, dict):
            raise ValidationError('Write a JSON object, {"name": ...}.')
        return found

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Whether another value was typed; blanks and line breaks do not count."""
        try:
            return bool(initial != self.clean(data))
        except ValidationError:
            return True
