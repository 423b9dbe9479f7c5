"""Where a stored JSON value is not what was sent or produced, because a part of it was hidden or cut."""

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from executions.privacy.names import HIDDEN
from executions.record.payload import is_cut
from flows.engine.registry import json_path


def holes(value: Any) -> set[str]:
    """The JSON paths of what was hidden or cut; an empty one stands for the whole value."""
    return set(whole_parts(value)[1])


def holes_at(value: Any, steps: Sequence[str | int]) -> set[str]:
    """The JSON paths of what was hidden or cut on the way to a part of the value, or in that part.

    A part that is not there lacks nothing, unless the name of a member beside it was hidden, which may be its own.
    """
    for number, step in enumerate(steps):
        if _is_hole(value):
            return {json_path(steps[:number])}
        if isinstance(value, dict):
            if str(step) not in value:
                return {json_path((*steps[:number], key)) for key in value if _is_hole(key)}
            value = value[str(step)]
        elif isinstance(value, list) and isinstance(step, int) and -len(value) <= step < len(value):
            value = value[step]
        else:
            return set()
    at = json_path(steps)
    return {at + ("." if at and hole and hole[0] != "[" else "") + hole for hole in holes(value)}


def whole_parts(value: Any) -> tuple[Any, list[str]]:
    """The value without what was hidden or cut, and the paths of that, outer ones first.

    Of a value that is missing altogether an empty object is left: parameters are one.
    """
    return ({}, [""]) if _is_hole(value) else _without(value, _is_hole)


def without_cuts(value: Any) -> Any:
    """The value without the members that were too large for the record; what was hidden stays as it is shown."""
    return _without(value, is_cut)[0]


def _is_hole(part: Any) -> bool:
    return is_cut(part) or (isinstance(part, str) and HIDDEN in part)


def _without(value: Any, lacks: Callable[[Any], bool]) -> tuple[Any, list[str]]:
    """The value without the members of which `lacks` says so, by their name or by what they are; and their paths.

    Never recurses: what is looked at need not come from a record, whose depth is bounded.
    """
    missing: list[str] = []

    def opened(part: Any, path: tuple[str | int, ...]) -> Any:
        """A container that is filled when its turn comes, or the part itself."""
        if not isinstance(part, dict | list):
            return part
        target: Any = {} if isinstance(part, dict) else []
        todo.append((path, part, target))
        return target

    todo: deque[tuple[tuple[str | int, ...], Any, Any]] = deque()
    kept = opened(value, ())
    while todo:
        path, source, target = todo.popleft()
        for step, part in source.items() if isinstance(source, dict) else enumerate(source):
            if lacks(step) or lacks(part):
                missing.append(json_path((*path, step)))
            elif isinstance(target, dict):
                target[step] = opened(part, (*path, step))
            else:
                target.append(opened(part, (*path, step)))
    return kept, missing
