"""Saved cases: what they say about a flow's draft."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from flows.engine.graph import without_held
from flows.models import Flow, FlowVersion, SavedCase


def print_of(source: Flow | FlowVersion) -> str:
    """A short name for what a call runs: the same for a draft and for the version that was published from it."""
    schema = source.input_schema if isinstance(source, Flow) else source.contract["inputSchema"]
    whole = [without_held(source.definition), schema, source.timeout_seconds]
    return hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Summary:
    """How the cases of a flow stand for its draft as it is saved now."""

    total: int
    current: int
    passed: int

    @property
    def words(self) -> str:
        """`3 of 4 cases passed`, with what was not called since the draft changed."""
        cases = f"{self.total} case{'' if self.total == 1 else 's'}"
        if not self.current:
            return f"{cases} not run since the last change"
        found = f"{self.passed} of {cases} passed"
        waiting = self.total - self.current
        return f"{found}, {waiting} not run since the last change" if waiting else found

    @property
    def kind(self) -> str:
        """The kind of the pill that says so; empty when no case was run on this draft."""
        if not self.current:
            return ""
        if self.passed == self.total:
            return "is-ok"
        return "is-bad" if self.passed < self.current else "is-wait"


def summary_of(flow: Flow) -> Summary:
    """Count the cases of a flow, those that ended on this draft, and those that passed on it."""
    rows = SavedCase.objects.filter(flow=flow).values_list("last_target", "last_passed")
    wanted = print_of(flow) if rows else ""
    current = [passed for target, passed in rows if target == wanted and passed is not None]
    return Summary(len(rows), len(current), sum(current))


def as_stored(name: str, arguments: Any, omitted: list[str], expectation: Any) -> dict[str, Any]:
    """The columns of a case whose arguments or expectation are new: what it showed before counts no more."""
    blank = {"last_execution_id": None, "last_target": "", "last_at": None, "last_passed": None}
    return {
        "name": name,
        "arguments": arguments,
        "omitted": omitted,
        "expectation": expectation,
        **blank,
        "last_reason": "",
        "last_differences": [],
    }
