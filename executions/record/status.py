"""The three statuses of an execution, what they mean to a reader, and which changes are allowed.

What lists the statuses is made from here, or a test compares it: `tests/executions/record/test_status.py`.
"""

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


SHOWN = (Status.FULFILLED, Status.ERROR, Status.PENDING)
"""In the order in which people and scripts are shown them: how calls ended, then what is under way."""

MEANINGS = {
    Status.PENDING: "Pending - Execution in progress",
    Status.FULFILLED: "Fulfilled - Completed successfully",
    Status.ERROR: "Error - Execution failed",
}

COUNTED = {Status.PENDING: "pending", Status.FULFILLED: "fulfilled", Status.ERROR: "failed"}
"""The word after a number of them: `117 fulfilled, 2 failed`."""

TRANSITIONS: dict[Status, frozenset[Status]] = {
    Status.PENDING: frozenset({Status.FULFILLED, Status.ERROR}),
    Status.FULFILLED: frozenset(),
    Status.ERROR: frozenset(),
}
"""A terminal status never changes (FR-005, invariant I3)."""

TERMINAL: frozenset[Status] = frozenset(status for status, following in TRANSITIONS.items() if not following)
