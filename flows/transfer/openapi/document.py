"""An OpenAPI document as a plain JSON value: JSON or YAML, within limits, with local references only."""

import re
from typing import Any

import yaml
from django.core.exceptions import ValidationError

from flows.engine.errors import DefinitionError, Fault
from flows.engine.graph import MAX_DEPTH
from flows.engine.shapes import pointed_at
from flows.values.json_text import parse_json, unstorable

MAX_DOCUMENT_BYTES = 32 * 1024 * 1024
"""Of one document."""
MAX_VALUES = 200_000
"""Values of one document."""
_MAX_HOPS = 20
"""References that are followed one after the other."""

_NAMED = re.compile(r"""(^|[{,])\s*["']?(openapi|swagger)["']?\s*:""", re.MULTILINE)
_OURS = re.compile(r'\s*\{\s*"format"\s*:')


class Unusable(ValueError):
    """A part of the document that cannot become part of a flow; the text says why, to a person."""


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """YAML with the scalars of JSON: in YAML 1.1 `NO` is false, 12:30 is 750 and a date is no text."""

    yaml_implicit_resolvers: dict[str, Any] = {}


for _tag, _pattern, _first in (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?(0|[1-9][0-9]*)", list("-+0123456789")),
    ("float", r"[-+]?(0|[1-9][0-9]*)?(\.[0-9]+([eE][-+]?[0-9]+)?|[eE][-+]?[0-9]+)", list("-+0123456789.")),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(rf"^(?:{_pattern})$"), _first)


class Document:
    """A document of version 3.0 or 3.1; `is_30` tells them apart, because their schemas differ."""

    def __init__(self, root: dict[str, Any]) -> None:
        self.root = root
        self.is_30 = str(root["openapi"]).startswith("3.0")

    def target(self, reference: Any) -> Any:
        """What a local reference leads to (RFC 6901); raises Unusable."""
        if not isinstance(reference, str) or not reference.startswith("#"):
            raise Unusable(f"{str(reference)[:200]!r} is outside this document, and nothing is fetched")
        try:
            return pointed_at(reference, self.root)
        except KeyError:
            raise Unusable(f"{reference[:200]!r} leads to nothing in this document") from None

    def object(self, value: Any) -> dict[str, Any]:
        """An object, or what its `$ref` leads to; raises Unusable."""
        for _ in range(_MAX_HOPS):
            if not isinstance(value, dict):
                raise Unusable("an object is expected where the document has another value")
            if "$ref" not in value:
                return value
            value = self.target(value["$ref"])
        raise Unusable("a reference leads back to itself")


def is_openapi(text: str) -> bool:
    """Whether a text looks like an OpenAPI document, also one of a version that cannot be read."""
    return not _OURS.match(text) and _NAMED.search(text) is not None


def read(text: str | bytes) -> Document:
    """Read a document; raises DefinitionError that says what is wrong with it."""
    text = text.decode() if isinstance(text, bytes) else text
    try:
        root = _TreeReader().value(parse_json(text) if text.lstrip().startswith("{") else _parse_yaml(text))
    except ValidationError as error:
        raise DefinitionError([Fault("", message) for message in error.messages]) from None
    except Unusable as error:
        raise DefinitionError([Fault("", str(error))]) from None
    if not isinstance(root, dict):
        raise DefinitionError([Fault("", "an OpenAPI document is an object")])
    if reason := unstorable(root):
        raise DefinitionError([Fault("", reason)])
    if "swagger" in root:
        raise DefinitionError([Fault("swagger", "this is Swagger 2.0; convert it to OpenAPI 3 first")])
    if not str(root.get("openapi")).startswith(("3.0", "3.1")):
        raise DefinitionError([Fault("openapi", "the versions 3.0 and 3.1 of OpenAPI can be read")])
    if not isinstance(root.get("paths"), dict) or not root["paths"]:
        raise DefinitionError([Fault("paths", "the document describes no operations")])
    return Document(root)


def _parse_yaml(text: str) -> Any:
    try:
        _check_depth(text)
        return yaml.load(text, _Loader)  # noqa: S506 - a subclass of the safe loader
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise Unusable(f"Not YAML{place}: {error.problem}.") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise Unusable(f"Not YAML: {str(error)[:200]}.") from None


def _check_depth(text: str) -> None:
    """Read events before values: the C library builds values by recursion, and ends the process when it is too deep."""
    depth = 0
    for event in yaml.parse(text, _Loader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            raise Unusable("The document is nested too deep.")


class _TreeReader:
    """Copies a parsed value into JSON; aliases are written out, within limits that also end circles and bombs."""

    def __init__(self) -> None:
        self.left = MAX_VALUES

    def value(self, value: Any, depth: int = 0) -> Any:
        self.left -= 1
        if self.left < 0 or depth > MAX_DEPTH:
            raise Unusable(f"The document holds more than {MAX_VALUES:,} values, or is nested too deep.")
        if isinstance(value, dict):
            if "<<" in value:
                raise Unusable("Merge keys (<<) are not supported; write the keys out.")
            return {str(key): self.value(child, depth + 1) for key, child in value.items()}
        if isinstance(value, list):
            return [self.value(child, depth + 1) for child in value]
        if value is None or isinstance(value, str | int | float):
            return value
        raise Unusable(f"The document holds a value that is not JSON: {str(value)[:60]!r}.")
