"""What came out of the sandbox -> plain JSON of bounded size, or a failure that says what is wrong with it."""

import base64
import math
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from flows.engine.errors import NodeFailed
from flows.engine.node import Json
from flows.values.json_bounds import MAX_DEPTH, MAX_VALUES, Above, Rebuilding, is_too_long, key_text

MAX_TEXT = 5 * 1024 * 1024
"""The most characters of text that a value may hold in all, counted as JSON would write them."""


def plain(value: Any, what: str) -> Json:
    """Rebuild a value as plain JSON, iteratively; `what` begins the message of the NodeFailed that it may raise.

    NaN and infinities become null, bytes base64, tuples and sets lists, dates ISO 8601, decimals text. Anything else
    that is not JSON, two keys that are the same as text, and too much of it are failures.
    """
    return _Plain(what).rebuild(value)


class _Plain(Rebuilding):
    def __init__(self, what: str) -> None:
        super().__init__()
        self.what = what
        self.values = 0
        self.characters = 0

    def put(self, target: dict[str, Any], key: Any, child: Any, above: Above) -> None:
        text = key_text(self._whole_number(key) if isinstance(key, int) else key)
        if text is None:
            raise NodeFailed(f"{self.what} has a key that is {_named(key)}; keys are text.", is_final=True)
        if text in target:
            raise NodeFailed(f"{self.what} has two keys that are both {text[:100]!r} as text.", is_final=True)
        target[self._text(text)] = self.converted(child, above)

    def converted(self, value: Any, above: Above) -> Json:
        self.values += 1
        if self.values > MAX_VALUES:
            raise NodeFailed(f"{self.what} holds more than {MAX_VALUES:,} values; give back less.", is_final=True)
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, int):
            return self._whole_number(value)
        if isinstance(value, float):
            return value if math.isfinite(value) else None
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, bytes):
            return self._text(base64.b64encode(value[:MAX_TEXT]).decode())
        if isinstance(value, datetime | date | time):
            return value.isoformat()
        if isinstance(value, Decimal):
            return self._text(str(value))
        return self._contained(value, above)

    def _whole_number(self, value: int) -> int:
        if is_too_long(value):
            raise NodeFailed(f"{self.what} holds an integer of more than 4,300 digits.", is_final=True)
        return value

    def _contained(self, value: Any, above: Above) -> Json:
        if not isinstance(value, dict | list | tuple | set | frozenset):
            raise NodeFailed(f"{self.what} holds {_named(value)}, which is not JSON.", is_final=True)
        if len(above) >= MAX_DEPTH:
            raise NodeFailed(f"{self.what} is nested deeper than {MAX_DEPTH} levels.", is_final=True)
        return self.container(_in_order(value) if isinstance(value, set | frozenset) else value, above)

    def _text(self, text: str) -> str:
        self.characters += len(text)
        if self.characters > MAX_TEXT:
            raise NodeFailed(
                f"{self.what} holds more than {MAX_TEXT:,} characters of text; give back less.", is_final=True
            )
        return text


def _in_order(values: set[Any] | frozenset[Any]) -> list[Any]:
    """Sorted where the values can be compared: the same set is to give the same list every time."""
    try:
        return sorted(values)
    except (TypeError, RecursionError):
        return list(values)


def _named(value: Any) -> str:
    name = getattr(value, "name", None)
    return f"{type(value).__name__.removeprefix('Monty')} {name!r}" if isinstance(name, str) else type(value).__name__
