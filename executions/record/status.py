"""The three statuses of an execution, what they mean to a reader, and which changes are allowed."""

from django.db import models


class Status(models.TextChoices):
    """Where an execution stands; the label is what a person reads."""

    PENDING = "pending", "Pending"
    FULFILLED = "fulfilled", "Fulfilled"
    ERROR = "error", "Error"

    @property
    def meaning(self) -> str:
        """The status in words, for tooltips and screen readers (FR-014)."""
        return MEANINGS[self]


MEANINGS = {
    Status.PENDING: "Pending - Execution in progress",
    Status.FULFILLED: "Fulfilled - Completed successfully",
    Status.ERROR: "Error - Execution failed",
}

TRANSITIONS: dict[Status, frozenset[Status]] = {
    Status.PENDING: frozenset({Status.FULFILLED, Status.ERROR}),
    Status.FULFILLED: frozenset(),
    Status.ERROR: frozenset(),
}
"""A terminal status never changes (FR-005, invariant I3)."""

TERMINAL = frozenset(status for status, following in TRANSITIONS.items() if not following)
