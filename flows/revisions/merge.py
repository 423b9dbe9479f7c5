"""Two definitions that began from the same one: what differs, part by part, and one definition of what is taken.

Pure: JSON in, JSON out. Without the definition that both began from, whatever differs is a choice.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

Side = Literal["mine", "theirs"]

LISTS = ("nodes", "connections", "notes", "groups")
_ENDS = ("sourceNodeId", "targetNodeId")
_LINE = ("sourceNodeId", "sourceHandle", "targetNodeId", "targetHandle")


@dataclass(frozen=True, slots=True)
class Part:
    """A node, connection, note or group that is not the same on both sides; None for one that is not there.

    `key` is `nodes.fetch`: its list and its id; or the name of another member of the definition. `take` is the side
    that is taken unless somebody says otherwise, `is_settled` says that only one side changed it. `said` is what that
    side did, from where `mine` is "you".
    """

    key: str
    mine: Any
    theirs: Any
    take: Side
    is_settled: bool
    said: str


def can_be_merged(definition: Any) -> bool:
    """Whether it is made of lists of parts that have ids, each id once; what they are besides is not looked at."""
    return isinstance(definition, dict) and all(_by_id(definition, name) is not None for name in LISTS)


def differing_parts(base: Any, mine: Mapping[str, Any], theirs: Mapping[str, Any]) -> list[Part]:
    """What is not the same on both sides, contradictions first. `base` is None when nobody knows it."""
    known = base if can_be_merged(base) else None
    old = None if known is None else _parts(known)
    ours, others = (_parts(each) for each in _with_places_agreed(known, mine, theirs))
    found = []
    for key in dict.fromkeys([*ours, *others]):
        one, other = ours.get(key), others.get(key)
        if one != other:
            found.append(_part(key, one, other, old))
    needed = {end for part in found if _is_line(part) for end in _ends_of(part)}
    parts = [_contradicted(part, needed) for part in found]
    return sorted(parts, key=lambda part: part.is_settled)


def merged_definition(
    base: Any, mine: Mapping[str, Any], theirs: Mapping[str, Any], taken: Mapping[str, Side]
) -> dict[str, Any]:
    """One definition of what is taken of each part, by key; a part that is not named is taken as `Part.take` says.

    Connections to nodes that are not taken go with them, and so do their places in groups.
    """
    known = base if can_be_merged(base) else None
    result = _parts(next(_with_places_agreed(known, mine, theirs)))
    for part in differing_parts(base, mine, theirs):
        value = part.mine if taken.get(part.key, part.take) == "mine" else part.theirs
        if value is None:
            result.pop(part.key, None)
        else:
            result[part.key] = value
    lists: dict[str, list[Any]] = {name: [] for name in LISTS}
    rest: dict[str, Any] = {}
    for key, value in result.items():
        name, dot, _ = key.partition(".")
        if dot and name in LISTS:
            lists[name].append(value)
        else:
            rest[key] = value
    nodes = {node["id"] for node in lists["nodes"]}
    lines = {tuple(line.get(each) for each in _LINE): line for line in reversed(lists["connections"])}
    lists["connections"] = [line for line in reversed(lines.values()) if all(line.get(end) in nodes for end in _ENDS)]
    lists["groups"] = [_within(group, nodes) for group in lists["groups"]]
    kept = [name for name in LISTS if lists[name] or name in mine or name in theirs]
    return {**{name: lists[name] for name in kept}, **rest}


def _by_id(definition: Mapping[str, Any], name: str) -> dict[str, Any] | None:
    items = definition.get(name, [])
    if not isinstance(items, list) or not all(
        isinstance(each, dict) and isinstance(each.get("id"), str) for each in items
    ):
        return None
    found = {each["id"]: each for each in items}
    return found if len(found) == len(items) else None


def _parts(definition: Mapping[str, Any]) -> dict[str, Any]:
    """Everything in it by key."""
    parts = {f"{name}.{key}": part for name in LISTS for key, part in (_by_id(definition, name) or {}).items()}
    return parts | {key: value for key, value in definition.items() if key not in LISTS}


def _with_places_agreed(base: Any, mine: Mapping[str, Any], theirs: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Both sides with each part at one place: where a part is drawn is no contradiction. Who moved it has it so."""
    places: dict[tuple[str, str], Any] = {}
    for name in LISTS:
        ours, others = (_by_id(each, name) or {} for each in (mine, theirs))
        old = (_by_id(base, name) or {}) if base is not None else {}
        for key in ours.keys() & others.keys():
            was, one, other = (each.get(key, {}).get("position") for each in (old, ours, others))
            places[name, key] = other if key in old and one == was else one
    for side in (mine, theirs):
        yield {
            name: value if name not in LISTS else [_placed(each, places.get((name, each["id"]))) for each in value]
            for name, value in side.items()
        }


def _placed(part: dict[str, Any], place: Any) -> dict[str, Any]:
    return part if place is None else part | {"position": place}


def _part(key: str, mine: Any, theirs: Any, base: Mapping[str, Any] | None) -> Part:
    if base is None:
        # Nobody knows who added and who removed: what only one side has is kept.
        said = "both have it" if None not in (mine, theirs) else "only yours" if theirs is None else "only stored"
        return Part(key, mine, theirs, "theirs" if mine is None else "mine", False, said)
    was = _at(base, key, mine, theirs)
    if mine == was:
        return Part(key, mine, theirs, "theirs", True, f"they {_did(was, theirs)} it")
    if theirs == was:
        return Part(key, mine, theirs, "mine", True, f"you {_did(was, mine)} it")
    said = f"you {_did(was, mine)} it, they {_did(was, theirs)} it"
    return Part(key, mine, theirs, "theirs" if mine is None else "mine", False, said)


def _at(base: Mapping[str, Any], key: str, mine: Any, theirs: Any) -> Any:
    """The part as it was, at the place that both sides have it at by now."""
    was, now = base.get(key), mine if isinstance(mine, dict) else theirs
    if isinstance(was, dict) and isinstance(now, dict) and "position" in now and key.partition(".")[0] in LISTS:
        return was | {"position": now["position"]}
    return was


def _did(before: Any, after: Any) -> str:
    return "added" if before is None else "removed" if after is None else "changed"


def _is_line(part: Part) -> bool:
    return part.key.startswith("connections.")


def _ends_of(part: Part) -> Iterator[tuple[Side, Any]]:
    """The ends of a connection that a side has, where the other one has it otherwise."""
    sides: tuple[tuple[Side, Any], ...] = (("mine", part.mine), ("theirs", part.theirs))
    for side, line in sides:
        if line is not None and (not part.is_settled or part.take == side):
            yield from ((side, line.get(end)) for end in _ENDS)


def _contradicted(part: Part, needed: set[tuple[Side, Any]]) -> Part:
    """A node that one side removed and the other one led a connection to is no settled matter."""
    name, _, key = part.key.partition(".")
    if name != "nodes" or not part.is_settled:
        return part
    gone: Side | None = "mine" if part.mine is None else "theirs" if part.theirs is None else None
    other: Side = "theirs" if gone == "mine" else "mine"
    if gone is None or part.take != gone or (other, key) not in needed:
        return part
    return Part(
        part.key, part.mine, part.theirs, other, False, f"{part.said}, and it is connected anew on the other side"
    )


def _within(group: dict[str, Any], nodes: set[str]) -> dict[str, Any]:
    inside = group.get("nodeIds")
    return group | {"nodeIds": [each for each in inside if each in nodes]} if isinstance(inside, list) else group
