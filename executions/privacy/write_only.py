"""Which arguments a tool's schema marks as not to be shown again: `writeOnly`, or `format: password`."""

from collections.abc import Iterable, Iterator
from typing import Any

from executions.privacy.names import HIDDEN
from flows.schemas.compiled import CompiledSchema
from flows.schemas.subschemas import Steps, Subschema, matches, pointer

_MAX_STEPS = 200_000
"""Of looking for write-only parts: places, and names held against patterns; of what takes more the whole is hidden."""
_VISIT = 4
_SAME_PLACE = ("allOf", "anyOf", "oneOf")
_BRANCHES = ("if", "then", "else")


def marks_any(schema: CompiledSchema) -> bool:
    """Whether anything in the schema is write-only."""
    return any(_is_marked(found.schema) for found in schema.subschemas.values())


def _is_marked(schema: Any) -> bool:
    return isinstance(schema, dict) and (schema.get("writeOnly") is True or schema.get("format") == "password")


def marked(schema: CompiledSchema, value: Any) -> dict[Steps, Any]:
    """The write-only parts of a value, each by its path; the whole value, if that takes too long to find out.

    A part counts that is marked in any alternative: which of them was meant is not asked.
    """
    return _Search(schema).run(value)


def masked(value: Any, paths: Iterable[Steps]) -> Any:
    """A copy of a JSON value with HIDDEN at these paths; what is not on the way to them is shared with the original."""
    top = [value]
    fresh: set[int] = set()
    for path in sorted(paths, key=len):
        container: Any = top
        key: str | int = 0
        for step in path:
            child = container[key]
            if not isinstance(child, dict | list):
                break  # hidden already, as a part of something larger
            if id(child) not in fresh:
                child = container[key] = child.copy()
                fresh.add(id(child))
            container, key = child, step
        else:
            container[key] = HIDDEN
    return top[0]


class _Search:
    def __init__(self, schema: CompiledSchema) -> None:
        self.subschemas = schema.subschemas
        self.left = _MAX_STEPS
        self.found: dict[Steps, Any] = {}
        self.seen: set[tuple[str, Steps]] = set()
        self.pending: list[tuple[str, Any, Steps]] = []

    def run(self, value: Any) -> dict[Steps, Any]:
        self.pending = [("#", value, ())]
        while self.pending and self.left > 0:
            self._visit(*self.pending.pop())
        return self.found if self.left > 0 else {(): value}

    def _visit(self, at: str, value: Any, path: Steps) -> None:
        self.left -= _VISIT
        found = self.subschemas.get(at)
        if found is None or not isinstance(found.schema, dict) or (at, path) in self.seen:
            return
        self.seen.add((at, path))
        if _is_marked(found.schema):
            self.found[path] = value
            return
        self.pending += [(where, value, path) for where in _same_place(at, found)]
        children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        if isinstance(value, dict):
            self.left -= len(found.schema.get("patternProperties", ())) * len(value)
        for step, child in children if self.left > 0 else ():
            self.pending += [(where, child, (*path, step)) for where in _below(at, found.schema, step)]


def _same_place(at: str, found: Subschema) -> Iterator[str]:
    if found.reference is not None:
        yield found.reference
    for keyword in _SAME_PLACE:
        yield from (f"{at}/{keyword}/{index}" for index in range(len(found.schema.get(keyword, []))))
    yield from (f"{at}/{keyword}" for keyword in _BRANCHES if keyword in found.schema)
    yield from (at + pointer("dependentSchemas", name)[1:] for name in found.schema.get("dependentSchemas", {}))


def _below(at: str, schema: dict[str, Any], step: str | int) -> Iterator[str]:
    if isinstance(step, int):
        yield f"{at}/prefixItems/{step}"
        yield from (f"{at}/{keyword}" for keyword in ("items", "contains", "unevaluatedItems"))
        return
    if step in schema.get("properties", {}):
        yield at + pointer("properties", step)[1:]
    for pattern in schema.get("patternProperties", {}):
        if matches(pattern, step):
            yield at + pointer("patternProperties", pattern)[1:]
    yield from (f"{at}/{keyword}" for keyword in ("additionalProperties", "unevaluatedProperties"))
