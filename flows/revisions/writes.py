"""Write a row that more than one person edits, and count its revision up; what began from an older one is refused."""

from collections.abc import Collection, Iterable
from typing import Any

from django.db import transaction
from django.db.models import F
from django.shortcuts import get_object_or_404
from django.utils import timezone

from flows.models import Revised


class Stale(Exception):
    """Somebody else wrote the row since it was read; `current` is the row as it is stored now."""

    def __init__(self, current: Revised) -> None:
        super().__init__(f"It was changed meanwhile, and is revision {current.revision} now.")
        self.current = current


def write(row: Revised, names: Iterable[str], expected: Collection[int] | None = None) -> None:
    """Store these fields of a stored row and count its revision up; both are in `row` then.

    With `expected`, the revisions that the writer may have started from, the statement that writes also compares, so of
    two writers who started from the same revision one is refused. Raises Stale; Http404 when the row is gone;
    IntegrityError for what a constraint refuses.
    """
    kind: Any = type(row)
    rows = kind.objects.filter(pk=row.pk)
    guarded = rows if expected is None else rows.filter(revision__in=expected)
    values = {name: getattr(row, name) for name in names}
    with transaction.atomic():
        if not guarded.update(**values, revision=F("revision") + 1, updated_at=timezone.now()):
            raise Stale(get_object_or_404(rows))
        row.refresh_from_db(fields=["revision", "updated_at"])


def edited_fields(row: Revised) -> list[str]:
    """The names of all fields of a row that people edit."""
    return [field.name for field in row._meta.concrete_fields if field.editable and not field.primary_key]
