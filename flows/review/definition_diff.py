"""What changed inside a flow from one definition to another: nodes, connections, notes, groups and settings."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Verdict = Literal["added", "removed", "changed"]

MAX_NAMED_PARTS = 8
"""Parts of a changed node that are named; of more, how many there are is said."""


_MAX_SHOWN = 2000
_NO_CHANGE = frozenset({"position", "heldOutput"})
"""What a node has for people alone: where it is drawn, and an output that is held for tests."""


@dataclass(frozen=True, slots=True)
class PartChange:
    """A part of a node that is not what it was, as `parameters.url`: its text before and after, empty for none."""

    path: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class InsideChange:
    """One change that clients do not see in the tool."""

    kind: Literal["node", "connection", "note", "group", "setting"]
    verdict: Verdict
    name: str
    """A node's slug, a connection's ends, a note's first words, a group's or setting's name."""
    message: str
    parts: Sequence[PartChange] = ()
    """What a changed node is made of now, part by part."""


def inside_changes(
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    settings_before: Mapping[str, Any],
    settings_after: Mapping[str, Any],
) -> list[InsideChange]:
    """Every change from one definition to another; a node is the same when its id is, and its place is nothing.

    Settings are those of the flow, by name. Definitions may be no graphs: what is no node is left out.
    """
    return [
        *_node_changes(_nodes(before), _nodes(after)),
        *_connection_changes(before, after),
        *_remark_changes("note", "notes", "text", before, after),
        *_remark_changes("group", "groups", "name", before, after),
        *_setting_changes(settings_before, settings_after),
    ]


def _nodes(definition: Mapping[str, Any]) -> dict[Any, Mapping[str, Any]]:
    return {str(node["id"]): node for node in _objects(definition, "nodes") if "id" in node}


def _objects(definition: Any, key: str) -> list[Mapping[str, Any]]:
    values = definition.get(key) if isinstance(definition, Mapping) else None
    return [value for value in values if isinstance(value, Mapping)] if isinstance(values, list) else []


def _node_changes(
    before: Mapping[str, Mapping[str, Any]], after: Mapping[str, Mapping[str, Any]]
) -> Iterator[InsideChange]:
    for key, node in after.items():
        if key not in before:
            yield InsideChange("node", "added", _slug(node), _said(node))
        elif parts := list(part_changes(before[key], node)):
            said = [_worded(part) for part in parts[:MAX_NAMED_PARTS]]
            more = [f"and {len(parts) - MAX_NAMED_PARTS} more"] if len(parts) > MAX_NAMED_PARTS else []
            yield InsideChange("node", "changed", _slug(node), ", ".join([*said, *more]), tuple(parts))
    for key, node in before.items():
        if key not in after:
            yield InsideChange("node", "removed", _slug(node), _said(node))


def _slug(node: Mapping[str, Any]) -> str:
    return str(node.get("slug", node.get("id", "")))


def _said(node: Mapping[str, Any]) -> str:
    return f"{node.get('name', '')}, a node of type {node.get('type', '')}"


def part_changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[PartChange]:
    """What a node is made of, parameter by parameter and setting by setting, where it is not the same in both."""
    for key in sorted((before.keys() | after.keys()) - _NO_CHANGE):
        old, new = before.get(key), after.get(key)
        if key in {"parameters", "settings"}:
            old, new = (value if isinstance(value, Mapping) else {} for value in (old, new))
            names = sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name))
            yield from (PartChange(f"{key}.{name}", _text(old, name), _text(new, name)) for name in names)
        elif old != new:
            yield PartChange(key, _text(before, key), _text(after, key))


def _text(holder: Mapping[str, Any], key: str) -> str:
    if key not in holder:
        return ""
    value = holder[key]
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=2)
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}…"


def _worded(part: PartChange) -> str:
    return f"{part.path} was {part.before}" if part.path in {"slug", "name", "type"} else part.path


def _connection_changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[InsideChange]:
    old, new = _lines(before), _lines(after)
    for line in new:
        if line not in old:
            yield InsideChange("connection", "added", new[line], "")
    for line in old:
        if line not in new:
            yield InsideChange("connection", "removed", old[line], "")


def _lines(definition: Mapping[str, Any]) -> dict[tuple[str, ...], str]:
    """The connections by both their ends, each as people read it."""
    slugs = {key: _slug(node) for key, node in _nodes(definition).items()}
    lines: dict[tuple[str, ...], str] = {}
    for line in _objects(definition, "connections"):
        source, target = str(line.get("sourceNodeId")), str(line.get("targetNodeId"))
        handle, into = str(line.get("sourceHandle", "main")), str(line.get("targetHandle", "main"))
        way = "" if handle == "main" else f" ({handle})"
        lines[source, handle, target, into] = f"{slugs.get(source, source)}{way} → {slugs.get(target, target)}"
    return lines


def _remark_changes(
    kind: Literal["note", "group"], place: str, named: str, before: Mapping[str, Any], after: Mapping[str, Any]
) -> Iterator[InsideChange]:
    old, new = (
        {str(each.get("id")): {key: value for key, value in each.items() if key != "position"} for each in found}
        for found in (_objects(definition, place) for definition in (before, after))
    )
    for key in dict.fromkeys([*new, *old]):
        was, now = old.get(key, {}), new.get(key, {})
        if was != now:
            verdict: Verdict = "changed" if was and now else "added" if now else "removed"
            yield InsideChange(kind, verdict, str((now or was).get(named, ""))[:60], "")


def _setting_changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> Sequence[InsideChange]:
    return [
        InsideChange("setting", "changed", name, f"{_shown(before.get(name))} → {_shown(value)}")
        for name, value in after.items()
        if before.get(name) != value
    ]


def _shown(value: Any) -> str:
    return "none" if value is None else str(value)
