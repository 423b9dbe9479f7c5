"""What a comparison of two schemas or contracts finds."""

from dataclasses import dataclass
from typing import Literal

Effect = Literal["narrower", "wider", "other", "words"]
"""What a difference does to the values that fit: fewer, more, others (some of both, or unknown), or the same ones."""

Verdict = Literal["breaking", "compatible"]


@dataclass(frozen=True, slots=True)
class Difference:
    """A difference between two schemas: where, of what kind, what it does to the values that fit, and what was changed.

    `kind` is a fixed word for scripts, `path` the way into the later schema, or into the earlier one for what is gone.
    """

    path: str
    kind: str
    effect: Effect
    message: str


@dataclass(frozen=True, slots=True)
class ContractChange:
    """A change of a contract: whether clients that worked may fail now, and why."""

    path: str
    kind: str
    verdict: Verdict
    message: str
