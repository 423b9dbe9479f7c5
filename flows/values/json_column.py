"""The column that holds JSON which people wrote: text, the same on SQLite and PostgreSQL.

Not Django's JSONField: PostgreSQL's `jsonb` reorders keys and rewrites numbers, and the order of a schema's properties
is the order of the fields that people and models see.
"""

import json
from typing import Any

from django import forms
from django.db import models


class JsonTextField(models.TextField):
    """A JSON value, with its keys in the order in which they were written."""

    description = "JSON as text"
    empty_values = [None, ""]
    # What django-stubs reads: any JSON value goes in and comes out.
    _pyi_private_set_type: Any
    _pyi_private_get_type: Any

    def from_db_value(self, value: str | None, expression: Any, connection: Any) -> Any:
        """Stored text -> JSON value."""
        return None if value is None else json.loads(value)

    def to_python(self, value: Any) -> Any:
        """JSON values stay as they are."""
        return value

    def get_prep_value(self, value: Any) -> str | None:
        """JSON value -> text that both databases accept: what is not ASCII is escaped, a lone surrogate too."""
        return None if value is None else json.dumps(value, separators=(",", ":"))

    def value_to_string(self, obj: models.Model) -> str:
        """The text that a fixture holds."""
        return self.get_prep_value(self.value_from_object(obj)) or ""

    def formfield(self, **kwargs: Any) -> forms.Field | None:
        """A field that takes JSON."""
        return models.Field.formfield(self, **{"form_class": forms.JSONField, **kwargs})
