"""Bounds, patterns and formats of two schemas."""

from collections.abc import Iterator, Mapping
from typing import Any

from flows.review.contract_diff.change import Difference, Effect
from flows.review.contract_diff.values import same

_LOWER = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
_UPPER = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
_FORMS = ("pattern", "format", "contentEncoding", "contentMediaType")


def limits(old: Mapping[str, Any], new: Mapping[str, Any], path: str) -> Iterator[Difference]:
    """Each bound or form that was added, taken away, tightened or loosened."""
    for keyword in (*_LOWER, *_UPPER, *_FORMS, "multipleOf", "uniqueItems"):
        before, after = old.get(keyword), new.get(keyword)
        if before is False:
            before = None  # `uniqueItems: false` says nothing
        if after is False:
            after = None
        if not same(before, after):
            yield Difference(f"{path}.{keyword}" if path else keyword, "bound", *_judged(keyword, before, after))


def _judged(keyword: str, before: Any, after: Any) -> tuple[Effect, str]:
    if before is None:
        return "narrower", f"{keyword} {after} is new"
    if after is None:
        return "wider", f"{keyword} {before} is gone"
    return _moved(keyword, before, after), f"{keyword} is {after}, and was {before}"


def _moved(keyword: str, before: Any, after: Any) -> Effect:
    if not all(isinstance(value, int | float) for value in (before, after)):
        return "other"
    if keyword in _LOWER:
        return "narrower" if after > before else "wider"
    if keyword in _UPPER:
        return "narrower" if after < before else "wider"
    if keyword == "multipleOf" and before > 0 and after > 0:
        return "narrower" if after % before == 0 else "wider" if before % after == 0 else "other"
    return "other"
