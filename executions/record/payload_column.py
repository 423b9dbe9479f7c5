"""The column that holds a payload: JSON as text, the same bytes on SQLite and PostgreSQL.

A record must show what was sent, as it was sent; and SQLite's own check would read each value that
`executions.record.payload` has just made.
"""

from typing import Any

from executions.record import payload
from flows.values.json_column import JsonTextField


class PayloadField(JsonTextField):
    """A JSON value of any shape; written through `executions.record.payload`, so storing it never fails."""

    description = "JSON payload of an execution"

    def get_prep_value(self, value: Any) -> str | None:
        """JSON value -> text that both databases accept."""
        return None if value is None else payload.dump(value)
