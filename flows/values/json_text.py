"""JSON that people write: read exactly, and what of it cannot be kept."""

import json
import math
from typing import Any

from django.core.exceptions import ValidationError

from flows.engine.graph import MAX_DEPTH, too_deep


def parse_json(text: str, *, lets_others_in: bool = False) -> Any:
    """JSON text -> value, whole numbers exact; raises ValidationError that says where it stops being JSON.

    Of megabytes other threads wait for the end, unless `lets_others_in`: then they get their turns in between.
    """
    # The interpreter changes threads only where Python code runs, so it is called for each object.
    each = (lambda value: value) if lets_others_in else None
    try:
        return json.loads(text, parse_constant=_refuse_constant, parse_float=_finite, object_hook=each)
    except json.JSONDecodeError as error:
        raise ValidationError(f"Not JSON, line {error.lineno}, column {error.colno}: {error.msg}.") from None
    except (ValueError, RecursionError) as error:
        raise ValidationError(f"Not JSON: {error}.") from None


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON value")


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"{text[:40]} is too large for a number")
    return number


def unstorable(value: Any) -> str | None:
    """Why a JSON value cannot be kept so that both databases store it and every client can read it; None if it can."""
    if too_deep(value, MAX_DEPTH):
        return f"Nested deeper than {MAX_DEPTH} levels."
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
        text.encode()
    except UnicodeEncodeError:
        return "Holds half of a surrogate pair, which is not text."
    except ValueError:
        return "Holds a number too large for JSON."
    if "\\u0000" in text and _holds_null_character(value):
        return "Holds a null character, which PostgreSQL cannot store."
    return None


def _holds_null_character(value: Any) -> bool:
    """Whether a text or key in a JSON value holds U+0000; the depth is bounded by the caller."""
    if isinstance(value, dict):
        return any("\0" in key or _holds_null_character(child) for key, child in value.items())
    if isinstance(value, list):
        return any(map(_holds_null_character, value))
    return isinstance(value, str) and "\0" in value
