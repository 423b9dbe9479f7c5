"""Encrypt again, with the newest key, what executions keep encrypted: states that wait for an answer, kept answers."""

from django.db.models import Model

from executions.models import KeptAnswer, Suspension
from flows.adapters import vault

_SEALED: tuple[tuple[type[Model], str], ...] = ((Suspension, "state"), (KeptAnswer, "encrypted"))
"""Each table with its encrypted column."""


def rotate() -> tuple[int, int]:
    """Encrypt every value again; returns how many, and how many no key opens. The latter expire within a day."""
    number = unreadable = 0
    for model, column in _SEALED:
        rows = model._base_manager
        for key in rows.values_list("pk", flat=True):
            # One at a time: a value can be as large as an answer may be.
            value = rows.filter(pk=key).values_list(column, flat=True).first()
            if value is None:
                continue
            try:
                again = vault.rotated(value)
            except vault.Unreadable:
                unreadable += 1
                continue
            # What was used, or written anew, meanwhile stays as it is.
            number += rows.filter(pk=key, **{column: value}).update(**{column: again})
    return number, unreadable
