"""What differs between two executions: parameters, the path taken, each node's data, and how they ended.

Values in, values out: no database, no page. The stored JSON of an execution is at most about 1 MiB, and what is told of
its differences is bounded by MAX_DIFFERENCES and MAX_VALUES.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from executions.record.entries import NodeEntry, by_id, entries_of, json_of
from executions.record.payload import Cut, is_cut
from flows.engine.graph import TRIGGER
from flows.engine.registry import json_path

MAX_DIFFERENCES = 50
"""Places that are listed of one pair of values."""
MAX_IN_NODES = 400
"""Places that are listed of all nodes of two executions together."""
MAX_VALUES = 50_000
"""Values that are looked at in one pair."""
SHOWN = 300
"""Characters of a value that are shown."""

Entries = Mapping[str, NodeEntry]
_ABSENT = object()


@dataclass(frozen=True, slots=True)
class DifferentPlace:
    """One place where two JSON values differ: its path, and what stands there as JSON text; None for nothing."""

    path: str
    left: str | None
    right: str | None


@dataclass(frozen=True, slots=True)
class Differences:
    """Where two JSON values differ, in document order; `is_complete` is false when some places are not listed."""

    items: tuple[DifferentPlace, ...] = ()
    is_complete: bool = True

    def __bool__(self) -> bool:
        return bool(self.items) or not self.is_complete

    @property
    def first_path(self) -> str:
        """The first place; empty for the value as a whole."""
        return self.items[0].path if self.items else ""


@dataclass(frozen=True, slots=True)
class Side:
    """One execution's part in a row: what its entry says of the node."""

    status: str
    duration_ms: float | None
    handle: str | None
    message: str
    stand_in: str

    @property
    def ran(self) -> bool:
        """Whether the node did something in this execution."""
        return self.status != "skipped"


@dataclass(frozen=True, slots=True)
class NodeRow:
    """One node in both executions; a side is None where the execution has no entry of it.

    `aspects` are what differs: `path` (it ran on one side only), or any of `input`, `status`, `output`, `handle`,
    `error`.
    """

    node_id: str
    name: str
    type: str
    left: Side | None
    right: Side | None
    aspects: tuple[str, ...]
    input: Differences
    output: Differences

    @property
    def reason(self) -> str:
        """In what the two differ, as the end of a sentence."""
        if "path" in self.aspects:
            return self._ran_alone()
        clauses = [_at("its input differs", self.input)] if "input" in self.aspects else []
        if "status" in self.aspects:
            clauses.append(f"it {_word(self.left)} on the left and {_word(self.right)} on the right")
        elif "error" in self.aspects:
            clauses.append("it failed with another message")
        if "handle" in self.aspects and self.left and self.right:
            clauses.append(f"it took “{self.left.handle}” on the left and “{self.right.handle}” on the right")
        elif "output" in self.aspects and "status" not in self.aspects:
            clauses.append(_at("its output differs", self.output))
        before = "" if "input" in self.aspects else "from the same input, "
        return before + "; ".join(clauses)

    def _ran_alone(self) -> str:
        has_left = self.left is not None and self.left.ran
        other = self.right if has_left else self.left
        where, there = ("left", "right") if has_left else ("right", "left")
        why = f"skipped: {other.message}" if other and other.message else "skipped" if other else "not part of the path"
        return f"it ran on the {where} only, and was {why} on the {there}"


@dataclass(frozen=True, slots=True)
class ExecutionComparison:
    """Everything that two executions have or do not have in common.

    `is_whole` is false when nodes of one have no row, because the record was cut where it said which they are.
    """

    parameters: Differences
    rows: tuple[NodeRow, ...]
    result: Differences
    is_whole: bool = True

    @property
    def passing_on(self) -> NodeRow | None:
        """The trigger when it differs in nothing but the parameters, which it passes on."""
        triggers = (row for row in self.rows if row.type == TRIGGER and row.aspects)
        return next((row for row in triggers if self.parameters and set(row.aspects) <= {"input", "output"}), None)

    @property
    def first(self) -> NodeRow | None:
        """The first node that differs in anything but the parameters that it passes on."""
        return next((row for row in self.rows if row.aspects and row is not self.passing_on), None)


def compare(left: Any, right: Any) -> ExecutionComparison:
    """Compare two executions; each is anything with `initial_params`, `node_executions` and `result`."""
    lefts, rights = entries_of(left.node_executions), entries_of(right.node_executions)
    is_cut_whole = is_cut(left.node_executions) or is_cut(right.node_executions)
    return ExecutionComparison(
        differences(left.initial_params, right.initial_params),
        _rows(by_id(lefts), by_id(rights)),
        differences(left.result, right.result),
        not is_cut_whole and all(entry.known_id for entry in (*lefts, *rights)),
    )


def differences(left: Any, right: Any, most: int = MAX_DIFFERENCES) -> Differences:
    """Where two JSON values differ, at most `most` places; lists are compared item by item."""
    if json.dumps(left) == json.dumps(right):
        return Differences()
    found: list[DifferentPlace] = []
    todo: list[tuple[tuple[str | int, ...], Any, Any]] = [((), left, right)]
    looked_at = 0
    while todo:
        path, one, other = todo.pop()
        looked_at += 1
        if looked_at > MAX_VALUES:
            return Differences(tuple(found), is_complete=False)
        steps = _steps(one, other)
        if steps is not None:
            todo += [((*path, step), _child(one, step), _child(other, step)) for step in reversed(steps)]
        elif not _is_same(one, other):
            if len(found) == most:
                return Differences(tuple(found), is_complete=False)
            found.append(DifferentPlace(json_path(path), _text(one), _text(other)))
    return Differences(tuple(found))


def _steps(one: Any, other: Any) -> Sequence[str | int] | None:
    """The keys or indices of two containers of the same kind; None for anything else, and for what was cut."""
    if is_cut(one) or is_cut(other):
        return None
    if isinstance(one, dict) and isinstance(other, dict):
        return list(one | other)
    if isinstance(one, list) and isinstance(other, list):
        return range(max(len(one), len(other)))
    return None


def _child(container: Any, step: Any) -> Any:
    if isinstance(container, dict):
        return container.get(step, _ABSENT)
    return container[step] if step < len(container) else _ABSENT


def _is_same(one: Any, other: Any) -> bool:
    """Whether two values that are not both containers are equal JSON; Python takes true and 1 for equal.

    Of what was cut, the hash is that of the whole.
    """
    if is_cut(one) and is_cut(other) and one.get("sha256"):
        return bool(one["sha256"] == other.get("sha256"))
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


def _text(value: Any) -> str | None:
    if value is _ABSENT:
        return None
    text = Cut.of(value).words if is_cut(value) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"


def _rows(lefts: Entries, rights: Entries) -> tuple[NodeRow, ...]:
    rows, left_over = [], MAX_IN_NODES
    for node_id in _in_order(list(lefts), list(rights)):
        row = _row(node_id, lefts.get(node_id), rights.get(node_id), min(left_over, MAX_DIFFERENCES))
        left_over -= min(left_over, len(row.input.items) + len(row.output.items))
        rows.append(row)
    return tuple(rows)


def _in_order(lefts: list[str], rights: list[str]) -> list[str]:
    """The left order, with what only the right has behind what it follows there."""
    merged, known, place = list(lefts), set(lefts), 0
    for node_id in rights:
        if node_id in known:
            place = merged.index(node_id) + 1
        else:
            merged.insert(place, node_id)
            place += 1
    return merged


def _row(node_id: str, left: NodeEntry | None, right: NodeEntry | None, most: int) -> NodeRow:
    one, other = _side(left), _side(right)
    given = gave = Differences()
    aspects: list[str] = []
    if one and other and one.ran and other.ran and left and right:
        # What was reused from a record was given nothing anew.
        if not one.stand_in and not other.stand_in:
            given = differences(json_of(left.input), json_of(right.input), most)
        gave = differences(json_of(left.output), json_of(right.output), most)
        differing = {
            "input": bool(given),
            "status": one.status != other.status,
            "output": bool(gave),
            "handle": one.handle != other.handle and one.status == other.status,
            "error": one.message != other.message,
        }
        aspects = [name for name, differs in differing.items() if differs]
    elif bool(one and one.ran) != bool(other and other.ran):
        aspects = ["path"]
    shown = left or right
    name, kind = (str(shown.name) or node_id, str(shown.type)) if shown else (node_id, "")
    return NodeRow(node_id, name, kind, one, other, tuple(aspects), given, gave)


def _side(entry: NodeEntry | None) -> Side | None:
    if entry is None:
        return None
    message = str(entry.error.message) if entry.error else ""
    handle = None if entry.handle is None else str(entry.handle)
    return Side(entry.status, entry.duration_ms, handle, message, entry.stand_in)


def _word(side: Side | None) -> str:
    words = {"completed": "completed", "error": "failed", "pending": "was still at work"}
    return words.get(side.status, side.status) if side else "did not run"


def _at(words: str, found: Differences) -> str:
    return f"{words} at {found.first_path}" if found.first_path else words
