"""The stored entries of `Execution.node_executions` as values, whatever a row holds.

Rows of every age are read: those in which a FlowHub before 0.2 put a cut mark in place of any field, and those that
lack fields. What was cut is a `Cut`, what is missing is None or empty, and nothing here raises. `NodeExecutions` says
what the fields mean. Times are milliseconds; `start_ms` and `offset_ms` count from the start of the execution.
"""

import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from executions.record.payload import Cut, is_cut

T = TypeVar("T")

STATUSES = frozenset({"pending", "completed", "error", "skipped"})
UNKNOWN = "unknown"
"""The status of a node whose record does not hold it."""

_LONGEST = 1e12
"""Milliseconds: 31 years. What is beyond is no duration, and no calendar could add it to a date."""


@dataclass(frozen=True, slots=True)
class Listed(Generic[T]):
    """A list in an entry: what is there of it, how many items were left out, and the mark where all of it was cut."""

    items: tuple[T, ...] = ()
    left_out: int = 0
    cut: Cut | None = None

    def __iter__(self) -> Iterator[T]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)

    def __bool__(self) -> bool:
        """Whether there was something, be it still there or not."""
        return bool(self.items or self.left_out or self.cut)


@dataclass(frozen=True, slots=True)
class NodeError:
    """Why a node or an attempt failed, or why a node was skipped."""

    message: str | Cut
    kind: str = ""
    causes: Listed[str | Cut] = Listed()


@dataclass(frozen=True, slots=True)
class Failure(NodeError):
    """Why an execution failed, and the node that raised; None where none did, or the record does not hold it."""

    node_id: str | None = None
    node_name: str | Cut | None = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt of a node that was tried more than once."""

    start_ms: float | None
    duration_ms: float | None
    error: NodeError | None

    @property
    def outcome(self) -> str:
        """How it went, in a word."""
        return "failed" if self.error else "under way" if self.duration_ms is None else "succeeded"


@dataclass(frozen=True, slots=True)
class ToldProgress:
    """How far a node told it was, and when: a fraction from 0 to 1 if it knew, and a message for people."""

    fraction: float | None
    message: str | Cut
    offset_ms: float | None


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line of a node's log; `data` is any JSON value, a Cut, or None also where there is none (see `has_data`)."""

    offset_ms: float | None
    level: str | Cut
    message: str | Cut
    data: Any = None
    has_data: bool = False


@dataclass(frozen=True, slots=True)
class FinishedItem:
    """An item that a node had done before it ended badly: its place from 0, None where the record does not hold it.

    `output` is any JSON value, or a Cut. `execution_id` is that of the execution that did it, if it was one.
    `is_reused`: an earlier execution had done it.
    """

    index: int | None
    output: Any
    execution_id: uuid.UUID | None = None
    is_reused: bool = False


@dataclass(frozen=True, slots=True)
class AskedQuestion:
    """A question to the caller: when it was asked, and how long its answer took; None while there is none."""

    kind: str
    offset_ms: float | None
    waited_ms: float | None


@dataclass(frozen=True, slots=True)
class NodeEntry:
    """One node in one execution. `input` and `output` are any JSON value, or a Cut; `stored` is what the row holds."""

    node_id: str | Cut
    name: str | Cut
    type: str | Cut
    status: str
    start_ms: float | None
    duration_ms: float | None
    attempts: int | None
    handle: str | Cut | None
    input: Any
    output: Any
    error: NodeError | None
    attempt_log: Listed[Attempt]
    progress: ToldProgress | None
    log: Listed[LogLine]
    asked: Listed[AskedQuestion]
    finished: Listed[FinishedItem]
    reused_items: int
    children: Listed[str | Cut]
    has_replied: bool
    is_reused: bool
    is_given: bool
    stored: Mapping[str, Any] = field(repr=False, compare=False)

    @property
    def known_id(self) -> str | None:
        """The node's id; None where the record does not hold it."""
        return self.node_id if isinstance(self.node_id, str) and self.node_id else None

    @property
    def key(self) -> str:
        """What tells the entry from the others on a page: the node's id, or what is left of it."""
        return str(self.node_id)

    @property
    def cut_fields(self) -> list[str]:
        """The fields that were cut whole, as they are stored, besides input and output, in which a part may be."""
        shown = ("inputData", "outputData")
        return [name for name, value in self.stored.items() if is_cut(value) and name not in shown]

    @property
    def stand_in(self) -> str:
        """`reused` or `given`, when an output that was there stands for executing the node; else empty."""
        return "given" if self.is_given else "reused" if self.is_reused else ""

    @property
    def is_open(self) -> bool:
        """Whether the node had not ended when the record was last written."""
        return self.status == "pending"

    @property
    def is_waiting(self) -> bool:
        """Whether the node is open, and waits for an answer of the caller."""
        return self.is_open and any(each.waited_ms is None for each in self.asked)

    @property
    def waits_since_ms(self) -> float | None:
        """When it asked the oldest question that has no answer; None when there is none."""
        open_ones = [each.offset_ms for each in self.asked if each.waited_ms is None and each.offset_ms is not None]
        return min(open_ones, default=None) if self.is_open else None

    @property
    def waited_ms(self) -> float | None:
        """How long it waited for answers; None when it asked nothing, or still waits, or the record does not say."""
        times = [each.waited_ms for each in self.asked if each.waited_ms is not None]
        return sum(times) if times and len(times) == len(self.asked) else None

    @property
    def end_ms(self) -> float:
        """When it ended, or began if it has not; 0 where that is not known."""
        return (self.start_ms or 0.0) + (self.duration_ms or 0.0)


def entries_of(stored: Any) -> list[NodeEntry]:
    """One entry for each item of a stored list, so that places stay what they are; none of what is no list.

    `cut_of` says whether a list was there.
    """
    return [_entry(each) for each in stored] if isinstance(stored, list) else []


def failure_of(stored: Any) -> Failure | None:
    """What `Execution.error_info` says; None when nothing is stored there."""
    if (error := _error(stored)) is None:
        return None
    found: Mapping[str, Any] = stored if isinstance(stored, dict) else {}
    node_id, name = found.get("nodeId"), found.get("nodeName")
    return Failure(
        error.message,
        error.kind,
        error.causes,
        node_id if isinstance(node_id, str) else None,
        None if name is None else _text(name),
    )


def cut_of(value: Any) -> Cut | None:
    """The mark, where one stands in place of a stored value or was read from there."""
    return value if isinstance(value, Cut) else Cut.of(value) if is_cut(value) else None


def json_of(value: Any) -> Any:
    """A value of an entry as the record has it: for what was cut, its envelope."""
    return value.as_json() if isinstance(value, Cut) else value


def by_id(entries: Iterable[NodeEntry]) -> dict[str, NodeEntry]:
    """Entries by their node's id; those whose id the record does not hold are left out."""
    return {entry.known_id: entry for entry in entries if entry.known_id is not None}


def _entry(stored: Any) -> NodeEntry:
    whole = isinstance(stored, dict) and not is_cut(stored)
    # Where a mark stands for the whole entry, it stands for each text that names the node.
    found: Mapping[str, Any] = stored if whole else dict.fromkeys(("nodeId", "nodeName", "nodeType"), stored)
    status, handle = found.get("status"), found.get("handle")
    return NodeEntry(
        node_id=_text(found.get("nodeId")),
        name=_text(found.get("nodeName")),
        type=_text(found.get("nodeType")),
        status=status if isinstance(status, str) and status in STATUSES else UNKNOWN,
        start_ms=_number(found.get("startOffsetMs")),
        duration_ms=_number(found.get("durationMs")),
        attempts=_count(found.get("attempts")),
        handle=None if handle is None else _text(handle),
        input=_value(found.get("inputData")),
        output=_value(found.get("outputData")),
        error=_error(found.get("error")),
        attempt_log=_listed(found, "attemptLog", _attempt),
        progress=_progress(found.get("progress")),
        log=_listed(found, "log", _line),
        asked=_listed(found, "asked", _question),
        finished=_listed(found, "finished", _item),
        reused_items=_count(found.get("reusedItems")) or 0,
        children=_listed(found, "childExecutions", _text),
        has_replied=found.get("replied") is True,
        is_reused=found.get("reused") is True,
        is_given=found.get("given") is True,
        stored=stored if isinstance(stored, dict) else {},
    )


def _listed(found: Mapping[str, Any], name: str, item: Callable[[Any], T]) -> Listed[T]:
    value, left_out = found.get(name), _count(found.get(f"{name}LeftOut")) or 0
    if isinstance(value, list):
        return Listed(tuple(map(item, value)), left_out)
    return Listed(left_out=left_out, cut=None if value is None else Cut.of(value))


def _error(stored: Any) -> NodeError | None:
    if stored is None:
        return None
    if not isinstance(stored, dict) or is_cut(stored):
        return NodeError(Cut.of(stored))
    kind = stored.get("kind")
    return NodeError(
        _text(stored.get("message")), kind if isinstance(kind, str) else "", _listed(stored, "causes", _text)
    )


def _attempt(stored: Any) -> Attempt:
    if not isinstance(stored, dict) or is_cut(stored):
        return Attempt(None, None, NodeError(Cut.of(stored)))
    return Attempt(_number(stored.get("startOffsetMs")), _number(stored.get("durationMs")), _error(stored.get("error")))


def _progress(stored: Any) -> ToldProgress | None:
    if stored is None:
        return None
    if not isinstance(stored, dict) or is_cut(stored):
        return ToldProgress(None, Cut.of(stored), None)
    return ToldProgress(_number(stored.get("fraction")), _text(stored.get("message")), _number(stored.get("offsetMs")))


def _line(stored: Any) -> LogLine:
    if not isinstance(stored, dict) or is_cut(stored):
        return LogLine(None, "", Cut.of(stored))
    offset, level, message = _number(stored.get("offsetMs")), _text(stored.get("level")), _text(stored.get("message"))
    return LogLine(offset, level, message, _value(stored.get("data")), "data" in stored)


def _question(stored: Any) -> AskedQuestion:
    found: Mapping[str, Any] = stored if isinstance(stored, dict) else {}
    kind = found.get("kind")
    return AskedQuestion(
        kind if isinstance(kind, str) else "", _number(found.get("offsetMs")), _number(found.get("waitedMs"))
    )


def _item(stored: Any) -> FinishedItem:
    if not isinstance(stored, dict) or is_cut(stored):
        return FinishedItem(None, Cut.of(stored))
    try:
        execution_id = uuid.UUID(stored["executionId"])
    except (KeyError, ValueError, TypeError, AttributeError):
        execution_id = None
    output = _value(stored["output"]) if "output" in stored else Cut()
    return FinishedItem(_count(stored.get("index")), output, execution_id, stored.get("reused") is True)


def _text(stored: Any) -> str | Cut:
    """A text; what is none is taken for one that was cut."""
    return stored if isinstance(stored, str) else "" if stored is None else Cut.of(stored)


def _value(stored: Any) -> Any:
    return Cut.of(stored) if is_cut(stored) else stored


def _number(stored: Any) -> float | None:
    return stored if type(stored) in (int, float) and abs(stored) < _LONGEST else None


def _count(stored: Any) -> int | None:
    return stored if type(stored) is int and abs(stored) < _LONGEST else None
