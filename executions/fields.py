"""The column that holds a payload: JSON as text, the same bytes on SQLite and PostgreSQL.

Not Django's JSONField: PostgreSQL's `jsonb` reorders keys and rewrites numbers, and SQLite would check each value
that `executions.payload` has just made. A record must show what was sent, as it was sent.
"""

import json
from typing import Any

from django.db import models

from executions import payload


class PayloadField(models.TextField):
    """A JSON value of any shape; written through `executions.payload`, so storing it never fails."""

    description = "JSON payload of an execution"

    def from_db_value(self, value: str | None, expression: Any, connection: Any) -> Any:
        """Stored text -> JSON value."""
        return None if value is None else json.loads(value)

    def to_python(self, value: Any) -> Any:
        """JSON values stay as they are."""
        return value

    def get_prep_value(self, value: Any) -> str | None:
        """JSON value -> text that both databases accept."""
        return None if value is None else payload.dump(value)

    def value_to_string(self, obj: models.Model) -> str:
        """The text that a fixture holds."""
        return payload.dump(self.value_from_object(obj))
