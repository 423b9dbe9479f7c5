"""What is raised when nothing can be recorded; apart from the writer, so that who only reads may name it."""

from flows.engine.errors import Abort


class LedgerUnavailable(Abort):
    """The record cannot be written now; nothing may run or be answered as done."""
