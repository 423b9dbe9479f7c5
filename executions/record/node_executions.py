"""One entry of `Execution.node_executions` a node, in execution order (FR-006), built from the runner's events."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from executions.record.entries import NodeEntry
from executions.record.moments import second_of
from executions.record.payload import Cut
from flows.engine.events import (
    AttemptFailed,
    AttemptStarted,
    Event,
    ItemFinished,
    NodeAnswered,
    NodeAsked,
    NodeCompleted,
    NodeErrored,
    NodeLog,
    NodeProgress,
    NodeSkipped,
    NodeStarted,
)
from flows.engine.limits import size_of

Entry = dict[str, Any]

MAX_CHILDREN = 100
"""Ids of child executions that one entry lists, and finished items that name theirs; all of them name their parent."""

MAX_LINES = 100
"""Lines of a node's log that are kept."""


MAX_FINISHED = 512 * 1024
"""Bytes of what finished items gave that one entry keeps; of what is beyond, the size alone."""


@dataclass(frozen=True, slots=True)
class ChildStarted:
    """A node under way has started an execution of another flow."""

    node_id: str
    execution_id: str


class NodeExecutions:
    """The growing list of entries of one execution.

    An entry has nodeId, nodeName, nodeType, executedAt (ISO 8601), startOffsetMs, inputData, outputData, status
    (`pending`, `completed`, `error`, `skipped`), error, durationMs, attempts and handle (the way out that it took).
    `attempts` counts those that began. After a failed attempt that another one followed, `attemptLog` tells of each:
    number, startedAt, durationMs, and error (message and kind) or null. A node that failed and has a handle went on
    there, as its settings say. `progress` (fraction, message, offsetMs) is the last that a node told, `log` (offsetMs,
    level, message, data) what it logged; `logLeftOut` counts the lines beyond MAX_LINES.
    `replied: true` stands in the entry of a node that answered the caller, and `reused: true` in that of one for which
    an earlier execution's output stands: it took no time, and no attempt. `given: true` stands there besides when no
    execution made that output, and somebody gave it for a test.
    A node that asked the caller has `asked`: for each question its kind (`user`, `model`, `roots`), the offsetMs when
    it was asked, and the waitedMs until its answer, null while there is none.
    That of a node which called flows has childExecutions too: the ids of the first MAX_CHILDREN.
    A node that works item by item and has not ended well has `finished`: of each item that is done the index (from 0),
    the output, the executionId if it was an execution (of the first MAX_CHILDREN), and `reused: true` if an earlier
    execution had done it. Once the node ends well, its output has them all; `reusedItems` counts those that were not
    done again.
    Of a record that was too large, `shrinking` says what is left; `entries` reads it.
    """

    def __init__(self, started_at: datetime, entries: Sequence[Entry] = ()) -> None:
        self.started_at = started_at
        self._second, self._fraction = second_of(started_at), started_at.microsecond
        self.entries: list[Entry] = list(entries)
        self._finished_bytes: dict[str, int] = {}
        self._open: dict[str, tuple[Entry, float]] = {
            entry["nodeId"]: (entry, entry["startOffsetMs"] / 1000) for entry in entries if entry["status"] == "pending"
        }

    def add(self, event: Event | ChildStarted) -> None:  # noqa: C901 (a list: each event, and what it adds)
        """Take one event of the runner, or of one that calls other flows."""
        match event:
            case NodeStarted():
                entry = self._new(event, "pending")
                entry["inputData"] = event.input
                self._open[event.node.id] = entry, event.at
            case NodeCompleted():
                if (started := event.started) is not None:
                    entry = self._new(started, "completed")
                    entry["inputData"] = started.input
                    entry["durationMs"] = round((event.at - started.at) * 1_000_000) / 1000
                else:
                    entry = self._reused(event) if event.is_reused else self._close(event)
                    entry["status"] = "completed"
                entry["outputData"] = event.output
                entry["handle"] = event.handle
                if event.has_replied:
                    entry["replied"] = True
                if "finished" in entry and (reused := sum("reused" in item for item in entry.pop("finished"))):
                    entry["reusedItems"] = reused
            case AttemptFailed():
                entry = self._open[event.node.id][0]
                first = {"number": 1, "startedAt": entry["executedAt"], "startOffsetMs": entry["startOffsetMs"]}
                log = entry.setdefault("attemptLog", [first])
                _end_attempt(log[-1], event.at, {"message": event.message, "kind": event.kind})
            case AttemptStarted():
                entry = self._open[event.node.id][0]
                entry["attempts"] = event.number
                started_at = (self.started_at + timedelta(seconds=event.at)).isoformat()
                offset = round(event.at * 1000, 3)
                attempt = {"number": event.number, "startedAt": started_at, "startOffsetMs": offset}
                entry["attemptLog"].append(attempt | {"durationMs": None, "error": None})
            case NodeProgress():
                if event.node.id in self._open:
                    offset = round(event.at * 1000, 3)
                    self._open[event.node.id][0]["progress"] = {
                        "fraction": event.fraction,
                        "message": event.message,
                        "offsetMs": offset,
                    }
            case NodeLog():
                if event.node.id in self._open:
                    _add_line(self._open[event.node.id][0], event)
            case ItemFinished():
                if event.node.id in self._open:
                    self._add_item(event)
            case NodeAsked():
                asked = {"kind": event.question.kind, "offsetMs": round(event.at * 1000, 3), "waitedMs": None}
                self._open[event.node.id][0].setdefault("asked", []).append(asked)
            case NodeAnswered():
                _end_waiting(self._open[event.node.id][0], event.at)
            case NodeErrored():
                entry = self._close(event)
                entry["status"] = "error"
                entry["outputData"] = event.output
                entry["handle"] = event.handle
                error = {"message": event.message, "kind": event.kind}
                entry["error"] = error | {"causes": list(event.causes)}
                if "attemptLog" in entry and entry["attemptLog"][-1]["error"] is None:
                    entry["attemptLog"][-1]["error"] = error
            case NodeSkipped():
                entry = self._new(event, "skipped")
                entry["error"] = {"message": event.reason}
                entry["attempts"] = 0
            case ChildStarted():
                if event.node_id in self._open:
                    children: list[str] = self._open[event.node_id][0].setdefault("childExecutions", [])
                    if len(children) < MAX_CHILDREN:
                        children.append(event.execution_id)

    def copied(self) -> list[Entry]:
        """The entries as they are now, to be read in another thread while they grow."""
        copies = [dict(entry) for entry in self.entries]
        for copy in copies:
            for name in ("log", "attemptLog", "asked", "childExecutions", "finished"):
                if name in copy:
                    copy[name] = [dict(item) if isinstance(item, dict) else item for item in copy[name]]
        return copies

    def _add_item(self, event: ItemFinished) -> None:
        entry, item = self._open[event.node.id][0], event.item
        size = size_of(item.output)
        held = self._finished_bytes.get(event.node.id, 0)
        fits = held + size <= MAX_FINISHED
        self._finished_bytes[event.node.id] = held + size if fits else held
        kept: Entry = {"index": item.index, "output": item.output if fits else Cut(size).as_json()}
        finished = entry.setdefault("finished", [])
        if item.execution_id is not None and len(finished) < MAX_CHILDREN:
            kept["executionId"] = item.execution_id
        finished.append(kept | {"reused": True} if event.is_reused else kept)

    def _new(self, event: Event, status: str) -> Entry:
        node, passed = event.node, round(event.at * 1_000_000)
        fraction = self._fraction + passed
        if 0 < fraction < 1_000_000:  # as most: to write a moment costs more than the rest of an entry
            executed_at = f"{self._second}.{fraction:06d}+00:00"
        else:
            executed_at = (self.started_at + timedelta(microseconds=passed)).isoformat()
        entry: Entry = {
            "nodeId": node.id,
            "nodeName": node.name,
            "nodeType": node.type,
            "status": status,
            "executedAt": executed_at,
            "startOffsetMs": passed / 1000,
            "durationMs": None,
            "attempts": 1,
            "handle": None,
            "inputData": None,
            "outputData": None,
            "error": None,
        }
        self.entries.append(entry)
        return entry

    def _reused(self, event: NodeCompleted) -> Entry:
        entry = self._new(event, "completed")
        entry |= {"durationMs": 0.0, "attempts": 0, "reused": True} | ({"given": True} if event.is_given else {})
        return entry

    def _close(self, event: Event) -> Entry:
        entry, began = self._open.pop(event.node.id)
        entry["durationMs"] = round((event.at - began) * 1_000_000) / 1000
        if "asked" in entry:
            _end_waiting(entry, event.at)
        if "attemptLog" in entry and entry["attemptLog"][-1]["durationMs"] is None:
            _end_attempt(entry["attemptLog"][-1], event.at, None)
        return entry


def _add_line(entry: Entry, event: NodeLog) -> None:
    """The first lines are kept, of what follows only the number."""
    lines = entry.setdefault("log", [])
    if len(lines) < MAX_LINES:
        line = {"offsetMs": round(event.at * 1000, 3), "level": event.level, "message": event.message}
        lines.append(line if event.data is None else line | {"data": event.data})
    else:
        entry["logLeftOut"] = entry.get("logLeftOut", 0) + 1


def _end_waiting(entry: Entry, at: float) -> None:
    """The last question is answered, or nobody will answer it any more."""
    last = entry["asked"][-1] if entry.get("asked") else None
    if last is not None and last["waitedMs"] is None:
        last["waitedMs"] = round(at * 1000 - last["offsetMs"], 3)


def close_open(entries: Sequence[NodeEntry], at: float, message: str, kind: str) -> list[Entry]:
    """Stored entries with those closed that were open when the execution was ended, `at` seconds after its start."""
    return [_closed(entry, at, message, kind) if entry.is_open else dict(entry.stored) for entry in entries]


def _closed(entry: NodeEntry, at: float, message: str, kind: str) -> Entry:
    closed = {**entry.stored, "status": "error", "error": {"message": message, "kind": kind, "causes": []}}
    if entry.start_ms is not None:
        closed["durationMs"] = round(at * 1000 - entry.start_ms, 3)
    last = entry.asked.items[-1] if entry.asked.items else None
    if last is not None and last.waited_ms is None and last.offset_ms is not None:
        *answered, asked = entry.stored["asked"]
        closed["asked"] = [*answered, asked | {"waitedMs": round(at * 1000 - last.offset_ms, 3)}]
    return closed


def with_data(entry: Entry, value: Callable[[Any], Any], message: Callable[[Any], Any]) -> Entry:
    """An entry with all that comes from flows put through `value` (JSON) and `message` (texts); the rest is ours.

    Parts that were cut in the record already, and so are no lists or objects of ours any more, stay as they are.
    """
    data: Entry = {name: value(entry[name]) for name in ("inputData", "outputData") if name in entry}
    if "error" in entry:
        data["error"] = _error_with(entry["error"], message)
    if isinstance(attempts := entry.get("attemptLog"), list):
        data["attemptLog"] = [
            attempt | {"error": _error_with(attempt.get("error"), message)} if isinstance(attempt, dict) else attempt
            for attempt in attempts
        ]
    if isinstance(progress := entry.get("progress"), dict) and "message" in progress:
        data["progress"] = progress | {"message": message(progress["message"])}
    if isinstance(items := entry.get("finished"), list):
        data["finished"] = [
            item | {"output": value(item["output"])} if isinstance(item, dict) and "output" in item else item
            for item in items
        ]
    if isinstance(lines := entry.get("log"), list):
        data["log"] = [_line_with(line, value, message) for line in lines]
    return entry | data


def _error_with(error: Any, message: Callable[[Any], Any]) -> Any:
    if not isinstance(error, dict) or "message" not in error:
        return error
    data = {"message": message(error["message"])}
    if isinstance(causes := error.get("causes"), list):
        data["causes"] = [message(cause) for cause in causes]
    return error | data


def _line_with(line: Any, value: Callable[[Any], Any], message: Callable[[Any], Any]) -> Any:
    if not isinstance(line, dict) or "message" not in line:
        return line
    data = {"data": value(line["data"])} if "data" in line else {}
    return line | {"message": message(line["message"])} | data


def _end_attempt(attempt: Entry, at: float, error: Entry | None) -> None:
    attempt |= {"durationMs": round(at * 1000 - attempt["startOffsetMs"], 3), "error": error}
