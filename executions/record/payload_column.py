"""The column that holds a payload: `json` on PostgreSQL, text on SQLite, and in both the text that `payload` wrote.

Not `jsonb`, which reorders keys and rewrites numbers: a record shows what was sent, as it was sent. And without the
check that Django gives such columns on SQLite, which would read each value that has just been made.
"""

import json
from functools import partial
from typing import Any

from django.db import NotSupportedError, models
from django.db.models import Lookup

from executions.record import payload
from executions.record.payload_lookups import OF_PAYLOADS, Key, refusal
from executions.record.payload_values import step_of


class PayloadField(models.JSONField):
    """A JSON value of any shape; written through `executions.record.payload`, so storing it never fails.

    None is NULL. Rows are found by what stands at their keys, `initial_params__order__id="A-1"`, or by a text anywhere
    in the JSON, `initial_params__icontains="A-1"`; whole payloads are not compared (NotSupportedError).
    """

    description = "JSON payload of an execution"
    # What django-stubs reads: any JSON value goes in and comes out.
    _pyi_private_set_type: Any
    _pyi_private_get_type: Any

    def db_type(self, connection: Any) -> str:
        """`json` keeps a text as it came; SQLite keeps any text so."""
        return "json" if connection.vendor == "postgresql" else "text"

    def db_check(self, connection: Any) -> None:
        """No check: what `payload` writes is JSON."""

    def get_prep_value(self, value: Any) -> str | None:
        """JSON value -> text that both databases accept."""
        return None if value is None else payload.dump(value)

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        """The text itself: an adapter would write the value anew, and as `jsonb`."""
        return value if prepared else self.get_prep_value(value)

    def from_db_value(self, value: str | None, expression: Any, connection: Any) -> Any:
        """Stored text -> JSON value, whole numbers exact."""
        if value is None:
            return None
        return expression.read(value, connection) if isinstance(expression, Key) else json.loads(value)

    def select_format(self, compiler: Any, sql: str, params: Any) -> tuple[str, Any]:
        """Select the text, before PostgreSQL's driver reads it; raises NotSupportedError with distinct()."""
        if compiler.query.distinct:
            raise NotSupportedError(
                f"distinct() would compare whole payloads: leave out {self.name} with defer() or only(), "
                f"or take values() of a key, as {self.name}__key."
            )
        return (f"{sql}::text" if compiler.connection.vendor == "postgresql" else sql), params

    def get_lookup(self, lookup_name: str) -> type[Lookup] | None:
        """The look-ups of whole payloads; those that would compare them are refused."""
        known: type[Lookup] | None = super().get_lookup(lookup_name)
        return OF_PAYLOADS.get(lookup_name) or (known and refusal(lookup_name))

    def get_transform(self, lookup_name: str) -> Any:
        """Whatever is no look-up is a key or an index."""
        return partial(Key, step_of(lookup_name))
