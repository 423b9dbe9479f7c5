"""Build an object from values of earlier nodes, or change one."""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, ClassVar

from flows.engine.errors import Fault, NodeFailed
from flows.engine.node import MAIN, Json, NodeContext, NodeResult
from flows.engine.shapes import Shape

_PATH = {"type": "string", "minLength": 1, "maxLength": 500}


class SetFields:
    """Gives out the object that its parameters spell, or a changed copy of the one that they start from."""

    type: ClassVar[str] = "set_fields"
    title: ClassVar[str] = "Set fields"
    description: ClassVar[str] = (
        "Makes an object from values that you write or take from earlier nodes, or changes one."
    )
    group: ClassVar[str] = "Data"
    icon: ClassVar[str] = "edit"
    help: ClassVar[str] = (
        "Start from an object or leave that out; then keep some of its keys, remove others, and set fields. A key of "
        "more than one part, address.city, means the key city inside address: what is missing or null on the way is "
        "made. "
        "Write address\\.city for a key that has a dot itself. Keys to remove need not be there."
    )
    example: ClassVar[Mapping[str, Json]] = {
        "from": "{{ fetch.body }}",
        "remove": ["customer.password"],
        "fields": {"customer.greeting": "Hello, {{ fetch.body.customer.name }}!"},
    }
    parameters_schema: ClassVar[Mapping[str, Json]] = {
        "type": "object",
        "properties": {
            "fields": {
                "type": "object",
                "title": "Fields",
                "description": "Names and values. A name with dots is a path: address.city.",
                "propertyNames": _PATH,
            },
            "from": {
                "type": "object",
                "title": "Start from",
                "description": "An object to change: {{ fetch.body }}. Without it the output holds the fields alone.",
            },
            "keep": {
                "type": "array",
                "title": "Keep only",
                "description": "Paths of the object that are kept; everything else of it is left out.",
                "items": _PATH,
                "minItems": 1,
            },
            "remove": {
                "type": "array",
                "title": "Remove",
                "description": "Paths of the object that are left out.",
                "items": _PATH,
                "minItems": 1,
            },
        },
        "if": {"not": {"required": ["from"]}},
        "then": {"required": ["fields"]},
        "dependentRequired": {"keep": ["from"], "remove": ["from"]},
        "additionalProperties": False,
    }
    handles: ClassVar[tuple[str, ...]] = (MAIN,)
    has_effects: ClassVar[bool] = False
    is_immediate: ClassVar[bool] = True

    def parameter_faults(self, parameters: Mapping[str, Json]) -> Sequence[Fault]:
        """Names of fields of which one lies inside another: only one of them can be set."""
        names = {_parts(name): name for name in parameters.get("fields", {})}
        return [
            Fault(
                f"fields.{name}", f"lies inside the field {names[path[:length]]!r}, which is set too; set one of them"
            )
            for path, name in names.items()
            for length in range(1, len(path))
            if path[:length] in names
        ]

    async def execute(self, parameters: Mapping[str, Json], context: NodeContext) -> NodeResult:
        """Build the object; raises NodeFailed when a path leads through something that is no object."""
        made = parameters.get("from", {})
        if "keep" in parameters:
            made = _kept(made, [_parts(name) for name in parameters["keep"]])
        for name in parameters.get("remove", []):
            made = _without(made, _parts(name))
        for name, value in parameters.get("fields", {}).items():
            made = _with(made, _parts(name), value)
        return NodeResult(made)

    def output_schema_of(self, parameters: Mapping[str, Json], shape_of: Callable[[Json], Shape]) -> Shape:
        """The fields, as far as they do not lie inside others; what an object holds besides is not known."""
        fields = parameters.get("fields", {})
        if "from" in parameters or any(len(_parts(name)) > 1 or "\\" in name for name in fields):
            return {"type": "object"}
        return shape_of(fields)


@lru_cache(maxsize=1000)
def _parts(name: str) -> tuple[str, ...]:
    r"""`a.b\.c` -> ("a", "b.c")."""
    return tuple(part.replace("\0", ".") for part in name.replace("\\.", "\0").split("."))


# Values may be shared with other nodes: nothing is changed in place, what lies on the path is made anew.


def _with(source: Json, path: tuple[str, ...], value: Json, depth: int = 0) -> dict[str, Any]:
    """`source` with the value at the path below it; `depth` is how much of the path has been walked."""
    if source is None:  # null holds nothing, as what is missing
        source = {}
    if not isinstance(source, dict):
        holder = ".".join(path[:depth]) or "what it starts from"
        what = "a list" if isinstance(source, list) else "no object"
        raise NodeFailed(f"The field {'.'.join(path)!r} cannot be set: {holder} is {what}.")
    head = path[depth]
    is_last = depth + 1 == len(path)
    return source | {head: value if is_last else _with(source.get(head), path, value, depth + 1)}


def _without(source: Json, path: tuple[str, ...]) -> Json:
    head, rest = path[0], path[1:]
    if not isinstance(source, dict) or head not in source:
        return source
    if rest:
        return source | {head: _without(source[head], rest)}
    return {key: value for key, value in source.items() if key != head}


def _kept(source: Json, paths: Sequence[tuple[str, ...]]) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for path in sorted(paths, key=len):  # what holds another comes first, and loses nothing to it
        found = source
        for part in path:
            found = found.get(part, _MISSING) if isinstance(found, dict) else _MISSING
        if found is not _MISSING:
            kept = _with(kept, path, found)
    return kept


_MISSING = object()
