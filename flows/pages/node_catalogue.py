"""What there is to read of each node type: for the catalogue's pages and for `/api/node-types/`.

Everything comes from the classes, so a plug-in has its page too. What a class does not say is left out.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flows.engine.node import ChoosesHandles, DescribesOutput, Documented, NodeType
from flows.engine.shapes import UNKNOWN
from flows.nodes import registry

GROUPS = ("Start", "Data", "Logic", "Connect", "Output")
"""The groups in the order of the catalogue; others follow by name."""

OTHER = "Other"
_MAX_DEPTH = 4
"""Levels of nested parameters that the catalogue has a row for."""


@dataclass(frozen=True, slots=True)
class NodeTypeParameter:
    """A row of the table: `name` is the place in the parameters (`cases[].name`), `kind` its type in words."""

    name: str
    title: str
    kind: str
    description: str
    is_required: bool
    default: str
    is_literal: bool

    @property
    def depth(self) -> int:
        """How far inside another parameter it stands."""
        return self.name.count(".")


@dataclass(frozen=True, slots=True)
class NodeTypeEntry:
    """A node type as the catalogue shows it; `output_schema` and `example` are None when nothing is known."""

    node_type: NodeType
    group: str
    help: str
    example: Mapping[str, Any] | None
    output_schema: Any

    @property
    def parameters(self) -> list[NodeTypeParameter]:
        """The parameters, each followed by what stands inside it."""
        return list(_parameters(self.node_type.parameters_schema, "", 0))

    @property
    def handles(self) -> Sequence[str]:
        """The ways out; of a type that chooses them, those of the example."""
        if isinstance(self.node_type, ChoosesHandles) and self.example is not None:
            return self.node_type.handles_of(self.example)
        return self.node_type.handles

    @property
    def chooses_handles(self) -> bool:
        """Whether the ways out depend on the parameters."""
        return isinstance(self.node_type, ChoosesHandles)

    @property
    def snippet(self) -> str:
        """A node of the example, as it stands in a definition."""
        name = self.node_type.type
        node = {"id": name, "type": name, "name": self.node_type.title, "slug": f"my_{name}"}
        return json.dumps(node | {"parameters": self.example or {}}, indent=2, ensure_ascii=False)

    def as_json(self) -> dict[str, Any]:
        """As `/api/node-types/` has it, and the editor."""
        node_type = self.node_type
        return {
            "type": node_type.type,
            "title": node_type.title,
            "description": node_type.description,
            "group": self.group,
            "help": self.help,
            "icon": node_type.icon,
            "handles": list(self.handles),
            "choosesHandles": self.chooses_handles,
            "hasEffects": node_type.has_effects,
            "parametersSchema": node_type.parameters_schema,
            "outputSchema": self.output_schema,
            "example": self.example,
        }

    def matches(self, search: str) -> bool:
        """Whether every word of a search is somewhere in what the entry says."""
        node_type = self.node_type
        said = [node_type.type, node_type.title, node_type.description, self.group, self.help]
        said += [f"{each.name} {each.title} {each.description}" for each in self.parameters]
        text = "\n".join(said).lower()
        return all(word in text for word in search.lower().split())


def entries() -> list[NodeTypeEntry]:
    """Every node type, by group and title."""
    found = [_entry(registered.node_type) for registered in registry().values()]
    known = {group: place for place, group in enumerate(GROUPS)}
    return sorted(found, key=lambda each: (known.get(each.group, len(known)), each.group, each.node_type.title))


def entry(name: str) -> NodeTypeEntry | None:
    """The node type of that name."""
    registered = registry().get(name)
    return _entry(registered.node_type) if registered else None


def _entry(node_type: NodeType) -> NodeTypeEntry:
    group, help_text, example = OTHER, "", None
    if isinstance(node_type, Documented):
        group, help_text, example = node_type.group, node_type.help, node_type.example
    shape = None
    if isinstance(node_type, DescribesOutput) and example is not None:
        shape = node_type.output_schema_of(example, lambda value: UNKNOWN)
    return NodeTypeEntry(node_type, group, help_text, example, shape if isinstance(shape, Mapping) else None)


def _parameters(schema: Mapping[str, Any], prefix: str, depth: int) -> Iterator[NodeTypeParameter]:
    required = schema.get("required", ())
    for name, rule in schema.get("properties", {}).items():
        if not isinstance(rule, Mapping):
            continue
        place = f"{prefix}{name}"
        yield NodeTypeParameter(
            name=place,
            title=str(rule.get("title", "")),
            kind=_kind(rule),
            description=str(rule.get("description", "")),
            is_required=name in required,
            default=json.dumps(rule["default"], ensure_ascii=False) if "default" in rule else "",
            is_literal=rule.get("x-literal") is True,
        )
        if depth < _MAX_DEPTH:
            yield from _parameters(rule, f"{place}.", depth + 1)
            yield from _parameters(_items(rule), f"{place}[].", depth + 1)


def _items(rule: Mapping[str, Any]) -> Mapping[str, Any]:
    items = rule.get("items")
    return items if isinstance(items, Mapping) else {}


_WORDS = {"string": "text", "object": "object", "array": "list", "boolean": "true or false", "null": "null"}

_PLURAL = {"object": "objects", "text": "texts", "integer": "integers"}


def _kind(rule: Mapping[str, Any]) -> str:
    if "enum" in rule:
        return " | ".join(str(value) for value in rule["enum"])
    named = rule.get("type", ())
    names = [named] if isinstance(named, str) else list(named)
    if names == ["array"] and isinstance(_items(rule).get("type"), str):
        inner = _kind(_items(rule))
        return f"list of {_PLURAL.get(inner, inner)}"
    return " or ".join(_WORDS.get(name, name) for name in names) or "any JSON value"
