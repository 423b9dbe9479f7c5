"""How much somebody may call, as a value: so many calls a minute, so many at once."""

from dataclasses import dataclass

from django.conf import settings

MAX_FAMILY = 10_000
"""How many executions one call from outside may start in all: flows that call each other can double with each level."""

MAX_WAITING = 1_000
"""Executions that wait for one caller, whose states are in the database; all without a key count as one caller."""

ANONYMOUS = "anonymous"
"""Under what refused calls of strangers are counted, wherever they came from."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """How much one caller, or all callers of one server together, may call.

    `name` is what the calls are counted under, `whose` says it in words that fit behind "calls". None is no limit.
    """

    name: str
    whose: str
    per_minute: int | None = None
    at_once: int | None = None
    is_shared: bool = True
    """Whether all processes count together how many are under way at once; else it protects each of them alone."""

    @property
    def principal_id(self) -> str:
        """Under whom its refused calls are counted."""
        return ANONYMOUS if self.name.startswith("address:") else self.name


NO_LIMIT = Allowance("", "")


@dataclass(frozen=True, slots=True)
class Bounds:
    """What one call of a caller may leave behind: executions of its family, and executions that wait for answers."""

    family: int = MAX_FAMILY
    waiting: int = MAX_WAITING


USUAL = Bounds()


class OverLimit(Exception):
    """A call that may not be made now; the message says when to come back, `seconds` is the same as a number."""

    def __init__(self, message: str, seconds: int) -> None:
        super().__init__(message)
        self.seconds = seconds


def of_key(name: str, per_minute: int | None, at_once: int | None) -> Allowance:
    """That of an API key: no rate unless one is set, and in each process not so many at once that others starve."""
    most = at_once or settings.MAX_KEY_CALLS_AT_ONCE
    return Allowance(name, "with this API key", per_minute, most, is_shared=at_once is not None)


def of_person(name: str) -> Allowance:
    """That of a person who is logged in."""
    return Allowance(name, "by one person", None, settings.MAX_KEY_CALLS_AT_ONCE, is_shared=False)


def of_stranger(address: str, server_id: int, per_minute: int | None, at_once: int | None) -> Allowance:
    """That of whoever calls a server without a key from one address; None is what this installation allows."""
    return Allowance(
        f"address:{server_id}:{address}",
        "from one address without an API key",
        per_minute or settings.MAX_STRANGER_CALLS_PER_MINUTE,
        at_once or settings.MAX_STRANGER_CALLS_AT_ONCE,
    )
