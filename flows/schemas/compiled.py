"""JSON Schemas that users write: compiled within limits, and faults that say what to change.

Read as draft 2020-12, with `format` checked. Only references inside the document are followed, nothing is fetched, and
patterns are those of the linear-time engine, so look-around and backreferences are refused. The library that validates
holds the GIL while it works, so what would take it long is refused here instead of being timed.
"""

import json
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from functools import cached_property, lru_cache, partial
from typing import Any

import jsonschema_rs

from flows.engine.aside import in_thread
from flows.engine.errors import DefinitionError, Fault
from flows.engine.graph import too_deep
from flows.engine.registry import json_path, message_of, short
from flows.schemas.effort import LONG_STEPS, MAX_STEPS, READ_STEPS, Efforts, infinite
from flows.schemas.faults import explain
from flows.schemas.header_parameters import header_faults
from flows.schemas.keywords import inside
from flows.schemas.reading import PLAIN, Reader
from flows.schemas.subschemas import OPTIONS, Steps, Subschema, TooLong, in_time, pointer

MAX_BYTES = 64 * 1024
"""Of a schema, written as JSON."""
MAX_DEPTH = 32
"""Levels of nesting of a schema."""
MAX_SUBSCHEMAS = 500
"""Schemas inside one schema."""
MAX_COMBINATORS = 50
"""Combinators, as `anyOf` and `not`, of one schema."""
MAX_EXPANDED = 10_000
"""Subschemas that one value can meet when every reference is followed; a doubling chain of references is 2^n."""

_MAX_KEPT = 400
"""Schemas from the parameters of nodes that are kept compiled."""

_TOO_MUCH = (
    f"checking this by the schema would take more than {MAX_STEPS:,} steps. Send fewer values or less text in one "
    "call; if that is not possible, the schema has to be simplified"
)

_COMBINATORS = frozenset({"allOf", "anyOf", "oneOf", "not", "if", "dependentSchemas"})
_UNSUPPORTED = ("$dynamicAnchor", "$dynamicRef", "$recursiveAnchor", "$recursiveRef")


class SchemaError(DefinitionError):
    """A schema that cannot be used; `faults` says why, each at its path in the schema."""


@dataclass(frozen=True, eq=False)
class CompiledSchema:
    """A schema ready to check values; made by `compile_schema`."""

    schema: dict[str, Any]
    subschemas: dict[str, Subschema]
    validator: Any

    @cached_property
    def validators(self) -> Any:
        """A validator for each subschema by its pointer; made when the first value does not fit."""
        return jsonschema_rs.validator_map_for(self.schema, **OPTIONS)

    @cached_property
    def _reader(self) -> Reader:
        return Reader(self.subschemas, lambda at, value: bool(self.validators[at].is_valid(value)))

    def accept(self, value: Any, *, is_short: bool = False) -> tuple[Any, list[Fault]]:
        """A JSON value as a flow reads it, see `flows.schemas.reading`, and what is wrong with it, as `faults` says.

        Nulls that stand for nothing are no fault. The value that was given is not changed. `is_short` says that it is
        known not to take long.
        """
        if not is_short and self.takes_long(value) and (fault := self._unchecked(value)) is not None:
            return value, [fault]
        reader = self._reader
        is_plain = type(value) is dict and reader.names <= value.keys() and PLAIN.issuperset(map(type, value.values()))
        if is_plain and self.validator.is_valid(value):
            return value, []  # nothing was left out, and there is no number that could be an integer
        try:
            with in_time():
                faults = self._faults(value)
                if faults:
                    value = reader.without_nulls(value)
                    faults = self._faults(value)
                return value if faults else reader.read(value), faults
        except TooLong as error:
            return value, [Fault("", str(error))]

    def faults(self, value: Any) -> list[Fault]:
        """Say what is wrong with a JSON value, each fault at its path; empty when it fits; at most 20.

        Of a value that takes too long to check, that is said.
        """
        if self.takes_long(value) and (fault := self._unchecked(value)) is not None:
            return [fault]
        with in_time():
            return self._faults(value)

    async def faults_aside(self, value: Any) -> list[Fault]:
        """The same, in a thread when it takes long."""
        return await in_thread(partial(self.faults, value)) if self.takes_long(value) else self.faults(value)

    def takes_long(self, value: Any) -> bool:
        """Whether a value may take so long to check that an event loop should not stop for it."""
        return self.efforts.left(value, LONG_STEPS, READ_STEPS) < 0

    @cached_property
    def efforts(self) -> Efforts:
        """What values take to be checked."""
        return Efforts(self.subschemas)

    def _unchecked(self, value: Any) -> Fault | None:
        """Why a value is not checked at all, if it is not."""
        if (steps := next(infinite(value), None)) is not None:
            return Fault(json_path(steps), "is too large for a number, which ends at 1.8e308; send it as a text")
        return Fault("", _TOO_MUCH) if self.efforts.steps(value) > MAX_STEPS else None

    def _faults(self, value: Any) -> list[Fault]:
        try:
            return [] if self.validator.is_valid(value) else explain(self.subschemas, self.validators, value)
        except ValueError as error:
            return [Fault("", f"the value is not JSON: {short(str(error))}")]


def check_tool_input_schema(schema: Any) -> CompiledSchema:
    """Compile the schema of a tool's arguments; raises SchemaError, also when the root is not an object's schema."""
    compiled = compile_schema(schema)
    if compiled.schema.get("type") != "object":
        raise SchemaError(
            [Fault("type", 'the root must say "type": "object", because a tool\'s arguments are an object')]
        )
    faults = list(header_faults(compiled.subschemas.values()))
    for at, found in compiled.subschemas.items():
        if isinstance(found.schema, dict) and "default" in found.schema:
            default = found.schema["default"]
            if not compiled.validators[at].is_valid(default):
                faults.append(Fault(json_path((*found.steps, "default")), _unfit_default(default)))
    if faults:
        raise SchemaError(faults)
    return compiled


def _unfit_default(default: Any) -> str:
    if default is None:
        return 'null does not fit its own schema: allow null, as in "anyOf": [..., {"type": "null"}], or take it away'
    return f"{short(json.dumps(default, ensure_ascii=False))} does not fit its own schema"


def compile_schema(schema: Any) -> CompiledSchema:
    """Compile a user's schema; raises SchemaError with the path to each fault."""
    if not isinstance(schema, dict):
        raise SchemaError([Fault("", "a schema is a JSON object")])
    _check_size(schema)
    subschemas = {pointer(*found.steps): found for found in walk(schema)}
    faults = [*_limit_faults(subschemas), *_reference_faults(subschemas)]
    if not faults and _expanded(subschemas) > MAX_EXPANDED:
        faults.append(Fault("", f"following its references meets more than {MAX_EXPANDED:,} schemas; simplify it"))
    if faults:
        raise SchemaError(faults)
    read_as = schema | {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    try:
        return CompiledSchema(read_as, subschemas, jsonschema_rs.Draft202012Validator(read_as, **OPTIONS))
    except jsonschema_rs.ValidationError as error:
        raise SchemaError([Fault(json_path(error.instance_path), _compile_message(error))]) from None
    except ValueError as error:
        raise SchemaError([Fault("", short(str(error)))]) from None


def compile_once(schema: Any) -> CompiledSchema:
    """The same, for a schema that is in the parameters of a node and comes back with each execution."""
    return _compiled_text(json.dumps(schema))


@lru_cache(_MAX_KEPT)
def _compiled_text(text: str) -> CompiledSchema:
    return compile_schema(json.loads(text))


def moved(schema: dict[str, Any], *steps: str) -> dict[str, Any]:
    """A copy of a schema that compiles, to be put at `steps` inside another one; its references lead where they led."""
    copy = deepcopy({name: value for name, value in schema.items() if name not in ("$schema", "$id")})
    for found in walk(copy):
        reference = found.schema.get("$ref") if isinstance(found.schema, dict) else None
        # The name of an anchor holds in the whole document, wherever the schema stands.
        if isinstance(reference, str) and (reference == "#" or reference.startswith("#/")):
            found.schema["$ref"] = pointer(*steps) + reference[1:]
    return copy


def _compile_message(error: jsonschema_rs.ValidationError) -> str:
    if error.instance_path and error.instance_path[-1] == "type":
        return "use array, boolean, integer, null, number, object or string, or a list of them"
    if error.kind.name == "format":
        return "is not a pattern that can be used here; look-around and backreferences are not"
    return message_of(error)


def _check_size(schema: dict[str, Any]) -> None:
    if too_deep(schema, MAX_DEPTH):
        raise SchemaError([Fault("", f"the schema is nested deeper than {MAX_DEPTH} levels")])
    try:
        size = len(json.dumps(schema, ensure_ascii=False).encode())
    except (TypeError, ValueError) as error:
        raise SchemaError([Fault("", f"the schema is not JSON: {error}")]) from None
    if size > MAX_BYTES:
        raise SchemaError([Fault("", f"the schema has {size:,} bytes; {MAX_BYTES:,} are allowed")])


def walk(schema: dict[str, Any]) -> Iterator[Subschema]:
    """Every schema inside a schema, itself first, in document order; references are not followed."""
    pending: list[tuple[Steps, Any]] = [((), schema)]
    anchors: dict[str, str] = {}
    while pending:
        steps, item = pending.pop()
        below = list(inside(item))
        if isinstance(item, dict) and isinstance(item.get("$anchor"), str):
            anchors.setdefault(f"#{item['$anchor']}", pointer(*steps))
        yield Subschema(steps, item, {more: pointer(*steps, *more) for more, _ in below}, anchors)
        pending += [((*steps, *more), child) for more, child in reversed(below)]


def _limit_faults(subschemas: dict[str, Subschema]) -> Iterator[Fault]:
    if len(subschemas) > MAX_SUBSCHEMAS:
        yield Fault("", f"the schema holds {len(subschemas)} schemas; {MAX_SUBSCHEMAS} are allowed")
    combinators = sum(
        len(_COMBINATORS & sub.schema.keys()) for sub in subschemas.values() if isinstance(sub.schema, dict)
    )
    if combinators > MAX_COMBINATORS:
        listed = ", ".join(sorted(_COMBINATORS))
        yield Fault("", f"the schema uses {combinators} combinators ({listed}); {MAX_COMBINATORS} are allowed")


def _reference_faults(subschemas: dict[str, Subschema]) -> Iterator[Fault]:
    for sub in subschemas.values():
        if not isinstance(sub.schema, dict):
            continue
        for keyword in _UNSUPPORTED:
            if keyword in sub.schema:
                yield Fault(json_path((*sub.steps, keyword)), 'is not supported; use "$ref": "#/$defs/name"')
        if sub.anchors.get(f"#{sub.schema.get('$anchor')}", pointer(*sub.steps)) != pointer(*sub.steps):
            yield Fault(json_path((*sub.steps, "$anchor")), "another schema of this document has the same name")
        if "$id" in sub.schema and sub.steps:
            yield Fault(json_path((*sub.steps, "$id")), "only the root of a schema may have an $id")
        if sub.reference is not None and sub.reference not in subschemas:
            yield Fault(json_path((*sub.steps, "$ref")), _bad_reference(sub.reference))


def _bad_reference(reference: str) -> str:
    if reference.startswith("#"):
        return f"{short(reference)!r} leads to no schema in this document"
    return f"{short(reference)!r} is outside this document, and nothing is fetched; copy it under $defs"


def _expanded(subschemas: dict[str, Subschema]) -> int:
    """Count the schemas met when every reference is followed; a recursive one counts once, its work is remembered."""
    sizes: dict[str, int] = {}
    pending = [("#", False)]
    while pending:
        name, done = pending.pop()
        followed = subschemas[name].leads_to
        if done:
            sizes[name] = 1 + sum(sizes[each] for each in followed)
        elif name not in sizes:
            sizes[name] = 0
            pending += [(name, True), *((each, False) for each in followed)]
    return sizes["#"]
