"""What the rules look at, and what they say."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from flows.engine.questions import QuestionKind
from flows.engine.registry import json_path
from flows.schemas.compiled import walk
from flows.schemas.subschemas import Steps, Subschema, pointer

Level = Literal["error", "warning", "hint"]
LEVELS: tuple[Level, ...] = ("error", "warning", "hint")

Note = tuple[str, str]
"""What a rule finds: the path in the definition, and what to change there."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a rule says about a definition: `rule` is its id, `path` the place, `message` what to change and why.

    An error makes some client refuse the tool, a warning makes one cut or misread it, a hint would make it better.
    """

    rule: str
    level: Level
    path: str
    message: str


@dataclass(frozen=True, slots=True)
class Parameter:
    """A property of the input schema, at any depth; `rule` is what its `$ref` leads to, if it has one.

    `is_argument` says that it stands at the first level.
    """

    path: str
    name: str
    rule: Mapping[str, Any]
    is_required: bool
    is_argument: bool


@dataclass(frozen=True, slots=True)
class Neighbour:
    """Another tool of the same server."""

    name: str
    description: str


@dataclass(frozen=True)
class Subject:
    """A tool under the lint: its contract, its server, the server's other tools, and what its graph does.

    `effects` are the names of the nodes that may change something outside, None when that is not known. `returns_json`
    says whether the flow answers with a JSON value, `only_text` that it cannot: no node that it has does so.
    `unguarded` are the fields that use a parameter which a call may leave out, without a fallback: each place with the
    path that stands there. `answers_audio` says whether a node answers with a block of sound, `asks` whom the flow
    asks in the middle of a call.
    """

    contract: Mapping[str, Any]
    server_slug: str = ""
    neighbours: Sequence[Neighbour] = ()
    effects: tuple[str, ...] | None = None
    returns_json: bool = False
    only_text: bool = False
    unguarded: Sequence[tuple[str, str]] = ()
    answers_audio: bool = False
    asks: QuestionKind | None = None

    @property
    def name(self) -> str:
        """The tool's name."""
        return str(self.contract.get("name", ""))

    @property
    def description(self) -> str:
        """The whole description, with when to use the tool."""
        return str(self.contract.get("description", ""))

    @property
    def annotations(self) -> Mapping[str, Any]:
        """The annotations; none is an empty mapping."""
        found = self.contract.get("annotations")
        return found if isinstance(found, Mapping) else {}

    @property
    def root(self) -> Mapping[str, Any]:
        """The input schema."""
        found = self.contract.get("inputSchema")
        return found if isinstance(found, dict) else {}

    @cached_property
    def schemas(self) -> Mapping[str, Subschema]:
        """Every schema inside the input schema, by its pointer."""
        return {pointer(*found.steps): found for found in walk(dict(self.root))}

    @cached_property
    def objects(self) -> Sequence[tuple[Steps, dict[str, Any]]]:
        """Those that are more than true or false, each with the way to it."""
        return [(found.steps, found.schema) for found in self.schemas.values() if isinstance(found.schema, dict)]

    @cached_property
    def every_object(self) -> Sequence[tuple[str, Steps, dict[str, Any]]]:
        """As `objects`, for the output schema too: `inputSchema` or `outputSchema`, the way into it, and the schema."""
        output = self.contract.get("outputSchema")
        below = [found for found in walk(output) if isinstance(found.schema, dict)] if isinstance(output, dict) else []
        return [
            *(("inputSchema", steps, schema) for steps, schema in self.objects),
            *(("outputSchema", found.steps, found.schema) for found in below),
        ]

    @cached_property
    def parameters(self) -> Sequence[Parameter]:
        """Every property of the input schema, at any depth."""
        return [
            Parameter(at("properties", name, into=steps), name, self._followed(rule), name in _names(schema), not steps)
            for steps, schema in self.objects
            for name, rule in _properties(schema).items()
        ]

    def _followed(self, rule: Any) -> Mapping[str, Any]:
        """A schema and what its reference leads to; words beside a `$ref` win (JSON Schema 2020-12, 8.2.3)."""
        own: dict[str, Any] = rule if isinstance(rule, dict) else {}
        target = self.schemas.get(str(own.get("$ref")))
        return {**target.schema, **own} if target and isinstance(target.schema, dict) else own


def at(*steps: str | int, into: Steps = (), root: str = "inputSchema") -> str:
    """A path in the definition, from the way into one of its schemas: `inputSchema.properties.id`."""
    return json_path((*into, *steps), root)


def _properties(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    found = schema.get("properties")
    return found if isinstance(found, dict) else {}


def _names(schema: Mapping[str, Any]) -> Sequence[Any]:
    found = schema.get("required")
    return found if isinstance(found, list) else ()
