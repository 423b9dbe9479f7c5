"""An OpenAPI document as a plain JSON value: JSON or YAML, within limits, with local references only."""

import json
import re
from collections.abc import Iterator
from itertools import islice
from typing import Any, NamedTuple
from urllib.parse import urldefrag, urljoin

from django.core.exceptions import ValidationError

from flows.engine.errors import DefinitionError, Fault
from flows.engine.graph import MAX_DEPTH
from flows.engine.shapes import pointed_at
from flows.transfer.openapi.swagger import as_openapi
from flows.transfer.openapi.yaml_text import NotYaml, parse_yaml
from flows.values.json_text import parse_json

MAX_DOCUMENT_BYTES = 32 * 1024 * 1024
"""Of one OpenAPI document, in JSON or YAML."""
MAX_VALUES = 1_500_000
"""Values of one document, those behind aliases counted wherever they stand."""
MAX_OPERATIONS = 20_000
"""Operations of one document. All of them are offered."""
_MAX_HOPS = 20
"""References that are followed one after the other."""
_MAX_KEYS = 1000
"""Of a path item: thousands of paths may refer to the same one."""

METHODS = ("get", "head", "post", "put", "patch", "delete", "options")
"""What requests of flows are sent as."""
_NOT_SENT = frozenset({"trace", "query"})
_NAMED = re.compile(r"""(?:^[ \t]*|[{,]\s*)["']?(?:openapi|swagger)["']?\s*:""", re.MULTILINE)
_OURS = re.compile(r'\s*\{\s*"format"\s*:')
_PIECE = 256 * 1024
"""Characters that are looked through at a time: no other thread gets in between."""


class Unusable(ValueError):
    """A part of the document that cannot become part of a flow; the text says why, to a person."""


class Elsewhere(Unusable):
    """A reference into another document; `address` is what it says of where that is."""

    def __init__(self, reference: str) -> None:
        self.address = urldefrag(reference).url[:200]
        super().__init__(f"{reference[:200]!r} is outside this document, and nothing is fetched")


class Place(NamedTuple):
    """Where an operation stands; one that cannot be read has a `problem` and no method when that is not known."""

    method: str
    path: str
    item: dict[str, Any]
    """The path item, with what its reference led to; what `method` names in it is an object."""
    problem: str = ""


class Document:
    """A document of version 3.0, 3.1 or 3.2, or what became of a 2.0; `is_30`: its schemas are those of 3.0."""

    def __init__(self, root: dict[str, Any]) -> None:
        self.root = root
        self.is_30 = str(root["openapi"]).startswith("3.0")
        self.address = str(root.get("$self", ""))

    def target(self, reference: Any) -> Any:
        """What a local reference leads to (RFC 6901); raises Unusable."""
        if not isinstance(reference, str):
            raise Unusable(f"{str(reference)[:200]!r} is no reference")
        within = reference
        if not reference.startswith("#"):
            # OAS 3.2 4.1.2: a document may say its own address, and refer to itself by it.
            address, fragment = urldefrag(urljoin(self.address, reference))
            if not self.address or address != urldefrag(self.address).url:
                raise Elsewhere(reference)
            within = f"#{fragment}"
        try:
            return pointed_at(within, self.root)
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

    def places(self) -> Iterator[Place]:
        """Every operation, in the document's order, also those that cannot be read."""
        for path, raw in self.root["paths"].items():
            if path.startswith("x-"):
                continue
            try:
                item = self._path_item(raw)
            except Unusable as error:
                yield Place("", path, {}, _problem(error))
                continue
            for method in item:
                if method in METHODS:
                    yield self._place(method, path, item)
            more = item.get("additionalOperations")
            more = (more if isinstance(more, dict) else {}) | {name: item[name] for name in _NOT_SENT & item.keys()}
            for method, raw in more.items():
                problem = f"requests of flows are not sent as {method.upper()[:40]}"
                yield Place(method, path, item | {method: raw if isinstance(raw, dict) else {}}, problem)

    def _path_item(self, raw: Any) -> dict[str, Any]:
        """A path item; what stands beside its reference counts more than what is behind it. Raises Unusable."""
        found = self.object(raw)
        if len(found) > _MAX_KEYS:
            raise Unusable(f"it has {len(found):,} entries, where a path has a few operations")
        return found if found is raw else found | {name: value for name, value in raw.items() if name != "$ref"}

    def _place(self, method: str, path: str, item: dict[str, Any]) -> Place:
        raw = item[method]
        try:
            operation = self.object(raw)
        except Unusable as error:
            return Place(method, path, item | {method: {}}, _problem(error))
        return Place(method, path, item if operation is raw else item | {method: operation})


def _problem(error: Unusable) -> str:
    if isinstance(error, Elsewhere):
        return f"it is in {error.address}, which is not part of this document"
    return str(error)


def is_openapi(text: str) -> bool:
    """Whether a text looks like an OpenAPI document, also one of a version that cannot be read."""
    pieces = range(0, len(text), _PIECE)
    return not _OURS.match(text) and any(_NAMED.search(text, start, start + _PIECE + 100) for start in pieces)


def read(source: str | bytes) -> Document:
    """Read a document; raises DefinitionError that says what is wrong with it.

    Other threads go on meanwhile: none of the steps here keeps the interpreter to itself for long.
    """
    try:
        root = _parsed(_text(source))
        _check(root)
    except ValidationError as error:
        raise DefinitionError([Fault("", message) for message in error.messages]) from None
    except (Unusable, NotYaml) as error:
        raise DefinitionError([Fault("", str(error))]) from None
    if not isinstance(root, dict):
        raise DefinitionError([Fault("", "an OpenAPI document is an object")])
    if "swagger" in root:
        root = as_openapi(root)
    if not str(root.get("openapi")).startswith(("3.0", "3.1", "3.2")):
        raise DefinitionError([Fault("openapi", "the versions 2.0, 3.0, 3.1 and 3.2 of OpenAPI can be read")])
    if not isinstance(root.get("paths"), dict) or not root["paths"]:
        alone = " but webhooks, which the other system calls" if root.get("webhooks") else ""
        raise DefinitionError([Fault("paths", f"the document describes no operations{alone}")])
    document = Document(root)
    if sum(1 for _ in islice(document.places(), MAX_OPERATIONS + 1)) > MAX_OPERATIONS:
        problem = f"the document describes more than {MAX_OPERATIONS:,} operations; take out those that you do not need"
        raise DefinitionError([Fault("paths", problem)])
    return document


def _text(source: str | bytes) -> str:
    if len(source) > MAX_DOCUMENT_BYTES:
        raise Unusable(f"The document has more than {MAX_DOCUMENT_BYTES // 1024:,} KiB.")
    if isinstance(source, str):
        return source.removeprefix("\ufeff")
    try:
        return source.decode(json.detect_encoding(source))
    except UnicodeDecodeError:
        raise Unusable("The document is not text in UTF-8.") from None


def _parsed(text: str) -> Any:
    is_json = text.lstrip()[:1] == "{"
    # Before there are values: no more than these can come of it, and texts have a few of these signs too.
    if is_json and 1 + sum(map(text.count, ",[{")) > 2 * MAX_VALUES:
        raise Unusable(f"The document holds more than {MAX_VALUES:,} values.")
    return parse_json(text, lets_others_in=True) if is_json else parse_yaml(text, MAX_VALUES)


def _check(root: Any) -> None:
    """Raise Unusable for a value of too many values or levels, and for texts that not every database can keep."""
    left, level = MAX_VALUES, [root]
    for _ in range(MAX_DEPTH + 1):
        left -= len(level)
        below: list[Any] = []
        for value in level:
            if isinstance(value, dict):
                for name in value:
                    _check_text(name)
                below += value.values()
            elif isinstance(value, list):
                below += value
            elif isinstance(value, str):
                _check_text(value)
            elif isinstance(value, float) and value in (float("inf"), float("-inf")):
                raise Unusable("Holds a number too large for JSON.")
            if len(below) > left:
                raise Unusable(f"The document holds more than {MAX_VALUES:,} values.")
        if not below:
            return
        level = below
    raise Unusable("The document is nested too deep.")


def _check_text(text: str) -> None:
    if "\0" in text:
        raise Unusable("Holds a null character, which PostgreSQL cannot store.")
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise Unusable("Holds half of a surrogate pair, which is not text.") from None
