"""What is left of the entries of a record that is too large: data and messages are cut, never what a node is or did.

Every part of an entry (input, output, error, progress, and each list) may take so many bytes that the whole fits, and
what takes less stays as it is, so the largest parts are cut first. A payload or message that takes more becomes an
envelope (see `payload`). Of a list that does, the log keeps its first lines, and so do causes and childExecutions;
attemptLog and asked keep the last; how many are missing is counted in `logLeftOut`, `causesLeftOut` and so on. Of
finished items, what each gave is cut before one is left out. Ids, statuses, times, durations and counts stay whole. So
do names, unless those alone would fill the record.
"""

from collections.abc import Mapping
from typing import Any

import orjson

from executions.record.node_executions import Entry, with_data
from executions.record.payload import MAX_STRING, PASSTHROUGH, SHOWN_EDGE, Normaliser, envelope, is_cut, text_of
from flows.values.json_bounds import MAX_DEPTH, MAX_VALUES

PAYLOADS = ("inputData", "outputData")
KEEPS_LAST: Mapping[str, bool] = {
    "log": False,
    "causes": False,
    "childExecutions": False,
    "attemptLog": True,
    "asked": True,
    "finished": False,
}
"""The lists, and whether the last items are kept of each or the first."""

LEAST = 200
"""Bytes: what is no larger is never cut, since an envelope without ends takes nearly as much."""

_PARTS = (*PAYLOADS, "error", "progress", "log", "attemptLog", "asked", "childExecutions", "finished")


def rebuilt(entries: list[Entry], cap: int) -> str:
    """JSON text of entries as a Tracker has them, at most `cap` bytes long."""
    plain = [{name: _plain(name, value) for name, value in entry.items()} for entry in entries]
    text = text_of(plain)
    return text if _fits(text, cap) else _shrunk(plain, cap)


def _fits(text: str, cap: int) -> bool:
    return len(text) <= cap and len(text.encode()) <= cap


def _plain(name: str, value: Any) -> Any:
    """Plain JSON of a field; each item of a list by itself, so that large data of one costs the others nothing."""
    if name in KEEPS_LAST and isinstance(value, list):
        return [_normalised(item, 3) for item in value]
    return _normalised(value, 2)


def _normalised(value: Any, depth: int) -> Any:
    """Plain JSON of a value so many levels deep; of one with more values than are looked at, an envelope."""
    try:
        data = orjson.dumps(value, option=PASSTHROUGH)
    except (TypeError, ValueError, RecursionError):
        data = None
    is_small = data is not None and len(data) <= MAX_STRING and b"\\u0000" not in data
    if data is not None and is_small and data.count(b"{") + data.count(b"[") <= MAX_DEPTH - depth:
        # As good as looking at each value, and ten times as fast.
        return orjson.loads(data)
    normaliser = Normaliser()
    plain = normaliser.normalise(value, depth)
    return plain if normaliser.seen <= MAX_VALUES else envelope(text_of(plain) if data is None else data.decode())


def _shrunk(entries: list[Entry], cap: int) -> str:
    sizes = [_size(entry[name]) for entry in entries for name in _PARTS if name in entry]
    room = cap - sum(_size({name: part for name, part in entry.items() if name not in _PARTS}) for entry in entries)
    limit = cap
    while limit and sum(min(size, limit) for size in sizes) > room:
        limit //= 2
    # What is cut may take a little more than the limit, so it is made to be measured.
    while not _fits(text := text_of([_within(entry, limit) for entry in entries]), cap):
        if not limit:
            named = [_within(entry, 0) | {"nodeName": _short(entry.get("nodeName"), 0)} for entry in entries]
            text = text_of(named)
            return text if _fits(text, cap) else text_of(envelope(text_of(entries)))
        limit //= 2
    return text


def _within(entry: Entry, limit: int) -> Entry:
    """The entry with about `limit` bytes for each of its parts."""
    lists = {name: entry[name] for name in KEEPS_LAST if isinstance(entry.get(name), list)}
    kept = _cut(entry | dict.fromkeys(lists), limit)
    if isinstance(error := kept.get("error"), dict) and isinstance(causes := error.get("causes"), list):
        kept["error"] = error | _kept_of("causes", causes, error.get("causesLeftOut", 0), limit)
    for name, items in lists.items():
        kept |= _kept_of(name, items, entry.get(f"{name}LeftOut", 0), limit)
    return kept


def _cut(entry: Entry, limit: int) -> Entry:
    return with_data(entry, lambda value: _short(value, limit), lambda message: _short(message, limit))


def _kept_of(name: str, items: list[Any], left_out: int, limit: int) -> Entry:
    """As many items of a list as fit, each cut itself, and how many are missing."""
    kept: list[Any] = []
    room = limit
    of_item = limit // max(len(items), 1) if name == "finished" else limit
    for item in reversed(items) if KEEPS_LAST[name] else items:
        kept += _cut({name: [item]}, of_item)[name]
        room -= _size(kept[-1])
        if room < 0:
            kept.pop()
            break
    left_out += len(items) - len(kept)
    return {name: kept[::-1] if KEEPS_LAST[name] else kept} | ({f"{name}LeftOut": left_out} if left_out else {})


def _short(value: Any, limit: int) -> Any:
    text = text_of(value)
    if len(text.encode()) <= max(limit, LEAST):
        return value
    edge = min(limit // 8, SHOWN_EDGE)
    if is_cut(value):
        # Its size and its hash are those of what was there first.
        return value | {name: str(value.get(name, ""))[:edge] for name in ("head", "tail")}
    return envelope(value if isinstance(value, str) else text, edge)


def _size(value: Any) -> int:
    return len(text_of(value).encode())
