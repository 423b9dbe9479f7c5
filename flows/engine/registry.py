"""Which node types exist: a mapping from the name in a definition to the plug-in and its compiled schema."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import jsonschema_rs

from flows.engine.errors import Fault
from flows.engine.expressions import has_expression
from flows.engine.node import ChecksParameters, ChoosesHandles, EndsAtOnce, FillsItself, NodeType, TakesFirst


def json_path(steps: Iterable[str | int], start: str = "") -> str:
    """Write the way into a JSON value as people do: `items[0].id`."""
    path = start
    for step in steps:
        path += f"[{step}]" if isinstance(step, int) else f".{step}" if path else str(step)
    return path


def short(message: str) -> str:
    """Cut the middle of a validator's message: it quotes the value, which may be long, and ends with the reason."""
    return message if len(message) <= 300 else f"{message[:150]} ... {message[-145:]}"


def message_of(error: jsonschema_rs.ValidationError) -> str:
    """What a validation error says to a reader; the library names only two of the values of an enum."""
    if error.kind.name == "enum":
        return short("use one of: " + ", ".join(json.dumps(value, ensure_ascii=False) for value in error.kind.value))
    return short(error.message)


def fault_of(error: jsonschema_rs.ValidationError, start: str = "") -> Fault:
    """A validation error as a fault; paths begin with `start`."""
    # Each kind has attributes of its own, which the library's types do not tell.
    kind: Any = error.kind
    keys = [kind.property] if kind.name == "required" else getattr(kind, "unexpected", None) or [""]
    return Fault(json_path(error.instance_path, start), message_of(error), key=str(keys[0]))


@dataclass(frozen=True, slots=True)
class RegisteredType:
    """A node type with its parameter schema compiled once."""

    node_type: NodeType
    validator: Any
    deferred: Mapping[str, frozenset[str]]
    """The parameters that a node of this type fills in itself; they keep their expressions until then."""

    def faults(self, parameters: Any, at: str, *, before_filling: bool) -> list[Fault]:
        """Check parameters; `before_filling` leaves values that hold an expression to the check at run time."""
        return [
            fault_of(error, at)
            for error in self.validator.iter_errors(parameters)
            if not (has_expression(error.instance) and (before_filling or self._is_deferred(error.instance_path)))
        ] or self._own_faults(parameters, at, before_filling)

    def _own_faults(self, parameters: Any, at: str, before_filling: bool) -> list[Fault]:
        if not before_filling or not isinstance(self.node_type, ChecksParameters):
            return []
        found = self.node_type.parameter_faults(parameters)
        return [replace(fault, path=f"{at}.{fault.path}".strip(".")) for fault in found]

    def handles(self, parameters: Mapping[str, Any]) -> tuple[str, ...]:
        """The ways out of a node with these parameters, which have no faults."""
        if isinstance(self.node_type, ChoosesHandles):
            return self.node_type.handles_of(parameters)
        return self.node_type.handles

    def is_immediate(self, parameters: Mapping[str, Any]) -> bool:
        """Whether a node with these parameters, which have no faults, neither waits nor acts."""
        if not isinstance(self.node_type, EndsAtOnce) or self.node_type.has_effects:
            return False
        said = self.node_type.is_immediate
        return bool(said(parameters) if callable(said) else said)

    def takes_first(self, parameters: Mapping[str, Any]) -> bool:
        """Whether a node with these parameters begins with the first branch that arrives."""
        return isinstance(self.node_type, TakesFirst) and self.node_type.takes_first(parameters)

    def _is_deferred(self, path: list[str | int]) -> bool:
        return bool(path) and path[0] in self.deferred


class Registry(Mapping[str, RegisteredType]):
    """An immutable set of node types by name.

    Raises ValueError when two types share a name or a parameter schema is not valid JSON Schema.
    """

    def __init__(self, node_types: Iterable[NodeType]) -> None:
        self._types: dict[str, RegisteredType] = {}
        for node_type in node_types:
            if node_type.type in self._types:
                raise ValueError(f"two node types are called {node_type.type!r}")
            validator = jsonschema_rs.Draft202012Validator(dict(node_type.parameters_schema))
            deferred = node_type.deferred if isinstance(node_type, FillsItself) else {}
            self._types[node_type.type] = RegisteredType(node_type, validator, deferred)

    def __getitem__(self, name: str) -> RegisteredType:
        return self._types[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._types)

    def __len__(self) -> int:
        return len(self._types)
