"""What a saved case expects of a call, and whether a result is that. Pure: JSON in, a verdict out."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from flows.engine.registry import json_path

OUTCOMES = ("succeeds", "fails", "any")
COMPARISONS = ("equals", "contains", "textContains")
MAX_DIFFERENCES = 10
"""Places that are named where an answer is not what was expected."""
_MAX_STEPS = 100_000
"""Values that are compared for one verdict."""
_SHOWN = 200

Steps = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Mismatch:
    """One place where a result is not what was expected; `expected` and `got` are short texts."""

    path: str
    expected: str
    got: str

    def as_json(self) -> dict[str, str]:
        """The stored form."""
        return {"path": self.path, "expected": self.expected, "got": self.got}


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a result is what was expected; `reason` is one sentence when it is not."""

    passed: bool
    reason: str = ""
    differences: tuple[Mismatch, ...] = ()


PASSED = Verdict(True)


@dataclass(frozen=True, slots=True)
class Expectation:
    """How a call has to end. `compare` says how its answer is compared with `value`; None: it is not."""

    outcome: Literal["succeeds", "fails", "any"] = "succeeds"
    compare: Literal["equals", "contains", "textContains"] | None = None
    value: Any = None
    error_contains: str = ""

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> "Expectation":
        """Read the stored form: `{"outcome", "output": {"compare", "value"}, "errorContains"}`."""
        output = stored.get("output") or {}
        return cls(
            outcome=stored.get("outcome", "succeeds"),
            compare=output.get("compare"),
            value=output.get("value"),
            error_contains=stored.get("errorContains", ""),
        )

    def as_json(self) -> dict[str, Any]:
        """The stored form, without what is not expected."""
        stored: dict[str, Any] = {"outcome": self.outcome}
        if self.compare is not None:
            stored["output"] = {"compare": self.compare, "value": self.value}
        if self.error_contains:
            stored["errorContains"] = self.error_contains
        return stored

    @property
    def words(self) -> str:
        """`succeeds, answer contains {"status": "paid"}`."""
        if self.outcome == "any":
            return "ends, either way"
        if self.outcome == "fails":
            return f"fails, error contains “{_short(self.error_contains)}”" if self.error_contains else "fails"
        if self.compare is None:
            return "succeeds"
        if self.compare == "textContains":
            return f"succeeds, text contains “{_short(str(self.value))}”"
        return f"succeeds, answer {self.compare} {_text(self.value)}"

    def check(self, result: Any) -> Verdict:
        """Judge the result of a call as MCP writes it: `content`, `isError`, `structuredContent`."""
        if not isinstance(result, Mapping):
            return Verdict(False, "The call has no result.")
        is_error, text = bool(result.get("isError")), _text_of(result)
        if self.outcome == "any":
            return PASSED
        if self.outcome == "fails":
            return self._check_failure(is_error, text)
        if is_error:
            return Verdict(False, "It failed, and should have succeeded.", (Mismatch("", "success", _short(text)),))
        return self._check_answer(result, text)

    def _check_failure(self, is_error: bool, text: str) -> Verdict:
        if not is_error:
            return Verdict(False, "It succeeded, and should have failed.", (Mismatch("", "an error", _short(text)),))
        if self.error_contains in text:
            return PASSED
        difference = Mismatch("", f"… {_short(self.error_contains)} …", _short(text))
        return Verdict(False, "The error has another text.", (difference,))

    def _check_answer(self, result: Mapping[str, Any], text: str) -> Verdict:
        if self.compare is None:
            return PASSED
        if self.compare == "textContains":
            if str(self.value) in text:
                return PASSED
            difference = Mismatch("", f"… {_short(str(self.value))} …", _short(text))
            return Verdict(False, "The text of the answer does not contain what is expected.", (difference,))
        if "structuredContent" not in result:
            reason = "The flow answered with text and not with one JSON value; compare the text instead."
            return Verdict(False, reason, (Mismatch("", _text(self.value), _short(text)),))
        return _compared(self.value, result["structuredContent"], is_subset=self.compare == "contains")


def _text_of(result: Mapping[str, Any]) -> str:
    blocks = result.get("content")
    found = [block for block in blocks if isinstance(block, Mapping)] if isinstance(blocks, list) else []
    return "\n".join(str(block.get("text", "")) for block in found if block.get("type") == "text")


def _compared(expected: Any, got: Any, *, is_subset: bool) -> Verdict:
    comparison = _Comparison(is_subset)
    found: list[Mismatch] = []
    try:
        for difference in comparison.differences(expected, got, ()):
            found.append(difference)
            if len(found) == MAX_DIFFERENCES:
                break
    except (_TooMuch, RecursionError):
        return Verdict(False, "Too much to compare; expect less of the answer.", tuple(found))
    if not found:
        return PASSED
    number = f"{len(found)} or more places" if len(found) == MAX_DIFFERENCES else f"{len(found)} places"
    return Verdict(False, f"The answer differs in {'one place' if len(found) == 1 else number}.", tuple(found))


class _TooMuch(Exception):
    """The comparison takes too long."""


class _Comparison:
    """Walks two JSON values side by side, for a bounded time.

    Numbers are equal when they are the same number, 1 and 1.0; true is no number. With `is_subset` an object may have
    more keys than expected, and each item of an expected list has to be contained in some item, in any order.
    """

    def __init__(self, is_subset: bool) -> None:
        self.is_subset = is_subset
        self.left = _MAX_STEPS

    def differences(self, expected: Any, got: Any, path: Steps) -> Iterator[Mismatch]:
        self.left -= 1
        if self.left < 0:
            raise _TooMuch
        if isinstance(expected, dict) and isinstance(got, dict):
            yield from self._of_objects(expected, got, path)
        elif isinstance(expected, list) and isinstance(got, list):
            yield from self._of_lists(expected, got, path)
        elif (type(expected) is not type(got) and not (_is_number(expected) and _is_number(got))) or expected != got:
            yield Mismatch(json_path(path), _text(expected), _text(got))

    def _of_objects(self, expected: dict[str, Any], got: dict[str, Any], path: Steps) -> Iterator[Mismatch]:
        for name, value in expected.items():
            if name in got:
                yield from self.differences(value, got[name], (*path, name))
            else:
                yield Mismatch(json_path((*path, name)), _text(value), "nothing")
        if not self.is_subset:
            for name in sorted(got.keys() - expected.keys()):
                yield Mismatch(json_path((*path, name)), "nothing", _text(got[name]))

    def _of_lists(self, expected: list[Any], got: list[Any], path: Steps) -> Iterator[Mismatch]:
        if self.is_subset:
            for value in expected:
                if not any(next(self.differences(value, item, ()), None) is None for item in got):
                    yield Mismatch(json_path(path), f"an item {_text(value)}", _text(got))
            return
        for index, (value, item) in enumerate(zip(expected, got, strict=False)):
            yield from self.differences(value, item, (*path, index))
        if len(expected) != len(got):
            yield Mismatch(json_path(path), f"{len(expected)} items", f"{len(got)} items")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _text(value: Any) -> str:
    return _short(json.dumps(value, ensure_ascii=False))


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
