"""How much JSON a value from outside is rebuilt to at most, and what its keys are as text.

What comes out of the sandbox and is beyond this fails its node; what is recorded is cut to it.
"""

import json
from typing import Any

MAX_DEPTH = 64
"""Levels of objects and lists in each other."""

MAX_VALUES = 100_000
"""Values in all, those of objects and lists counted one by one."""

_MAX_BITS = 14_284  # the most that 4300 digits hold; Python refuses to print more


def is_too_long(number: int) -> bool:
    """Whether a whole number has more than 4300 digits."""
    return number.bit_length() > _MAX_BITS


def key_text(key: Any) -> str | None:
    """A key as JSON writes it: `null`, `true`, `7`, `1.5`; None for what is no text, number or null.

    A whole number must not be too long.
    """
    if isinstance(key, str):
        return str(key)
    return json.dumps(key) if key is None or isinstance(key, int | float) else None
