"""How large JSON is, and how much of it one execution may hold: what is too much is an error with a sentence."""

from dataclasses import dataclass
from typing import Any

import orjson

from flows.engine.errors import NodeFailed

MEGABYTE = 1024 * 1024
LARGE = 64 * 1024
"""Bytes of data, about, from which on work on it is done aside."""
# As much text takes about as long to look through as one more value.
_BYTES_OF_A_VALUE = 64
# Made once: `str | bytes` in an `isinstance` is made anew each time.
_TEXTS, _CONTAINERS = (str, bytes), (dict, list, tuple)
_SCALAR_BYTES = 8


@dataclass(frozen=True, slots=True)
class Limits:
    """Bytes of JSON: what the flow answers, and the outputs of all its nodes together."""

    answer_bytes: int = 5 * MEGABYTE
    outputs_bytes: int = 64 * MEGABYTE

    def too_much_answered(self, size: int) -> NodeFailed:
        """What to raise for an answer of so many bytes."""
        return NodeFailed(
            f"The flow's answer has {size:,} bytes; {self.answer_bytes:,} are allowed. Answer with less: fewer rows, "
            "fewer fields, or one part per call.",
            is_final=True,
        )

    def too_much_held(self, size: int) -> NodeFailed:
        """What to raise for outputs of so many bytes together."""
        return NodeFailed(
            f"With this output the nodes of the flow hold {size:,} bytes; {self.outputs_bytes:,} are allowed. "
            "Take less at a time, and pass on only what later nodes need.",
            is_final=True,
        )


def size_of(value: Any) -> int:
    """About how many bytes a value has as JSON; never raises."""
    try:
        return len(orjson.dumps(value))
    except (TypeError, ValueError, RecursionError):
        return _counted(value)


def _counted(value: Any) -> int:
    """The same for what orjson does not write: integers beyond 64 bits, odd text, things that are no JSON."""
    size, pending, seen = 0, [value], set[int]()
    while pending:
        item = pending.pop()
        if isinstance(item, str | bytes):
            size += len(item)
        elif isinstance(item, dict | list | tuple) and id(item) not in seen:
            seen.add(id(item))
            pending += [*item.keys(), *item.values()] if isinstance(item, dict) else item
        elif isinstance(item, int):
            size += max(_SCALAR_BYTES, item.bit_length() // 3)
        else:
            size += _SCALAR_BYTES
    return size


def is_large(*values: Any) -> bool:
    """Whether JSON values, or bytes, take LARGE bytes together, about; stops looking once they do."""
    left, pending = LARGE, list(values)
    while pending and left > 0:
        value = pending.pop()
        if isinstance(value, _TEXTS):
            left -= len(value)
        elif isinstance(value, _CONTAINERS):
            left -= _BYTES_OF_A_VALUE * len(value)
            if isinstance(value, dict) and left > 0:
                left -= sum(map(len, map(str, value)))
            pending += value.values() if isinstance(value, dict) else value
    return left <= 0
