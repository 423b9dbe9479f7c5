"""What the documents hold: their operations, a sample of them, and a smaller document with that sample alone.

Nothing of FlowHub reads here, so that a fault of its reading shows.
"""

import random
import re
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import unquote, urlsplit

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace", "query")
MAX_HOPS = 30
_UNUSED = frozenset({"callbacks", "x-codeSamples", "x-code-samples", "x-readme", "x-oaiMeta"})

Json = Any


class Unreadable(ValueError):
    """A document, or a place in it, that leads nowhere."""


@dataclass(frozen=True)
class Parameter:
    """A parameter; `raw` is what the document says of it, `schema` its schema or None where `content` holds it."""

    place: str
    name: str
    raw: Mapping[str, Json]
    schema: Json

    @property
    def is_required(self) -> bool:
        """Whether a request has to have it."""
        return self.raw.get("required") is True or self.place == "path"


@dataclass(frozen=True)
class Operation:
    """An operation, with the parameters of its path; `media` has the media types of its body in their order."""

    method: str
    path: str
    raw: Mapping[str, Json]
    parameters: list[Parameter]
    media: Mapping[str, Mapping[str, Json]]
    is_body_required: bool
    security: list[list[str]]
    features: frozenset[str] = field(default_factory=frozenset)

    @property
    def key(self) -> str:
        """What tells it from the others of its document."""
        return f"{self.method} {self.path}"


class Document:
    """A parsed document: Swagger 2.0 or OpenAPI 3."""

    def __init__(self, root: dict[str, Json]) -> None:
        self.root = root
        self.is_swagger = "swagger" in root

    def at(self, pointer: str) -> Json:
        """The value that a local reference leads to; raises Unreadable."""
        if not pointer.startswith("#"):
            raise Unreadable(f"{pointer[:100]} is outside the document")
        value: Json = self.root
        for step in filter(None, pointer[1:].split("/")):
            name = _step(step)
            try:
                value = value[int(name)] if isinstance(value, list) else value[name]
            except (KeyError, IndexError, TypeError, ValueError):
                raise Unreadable(f"{pointer[:100]} leads nowhere") from None
        return value

    def whole(self, value: Json) -> Json:
        """A value, or what its reference leads to; raises Unreadable."""
        for _ in range(MAX_HOPS):
            if not isinstance(value, dict) or not isinstance(value.get("$ref"), str):
                return value
            value = self.at(value["$ref"])
        raise Unreadable("a reference leads back to itself")

    @cached_property
    def operations(self) -> list[Operation]:
        """Every operation that can be read, in the document's order."""
        return list(self._operations())

    def _operations(self) -> Iterator[Operation]:
        for path, raw in (self.root.get("paths") or {}).items():
            try:
                item = self.whole(raw)
                found = [self._operation(method, path, item) for method in item if method in METHODS]
            except (Unreadable, AttributeError, TypeError):
                continue
            yield from found

    def _operation(self, method: str, path: str, item: Mapping[str, Json]) -> Operation:
        raw, merged = item[method], {}
        for source in (item, raw):
            for each in source.get("parameters") or []:
                parameter = self.whole(each)
                merged[parameter["in"], parameter["name"]] = parameter
        bodies = {at: each for at, each in merged.items() if at[0] in ("body", "formData")}
        parameters = [
            Parameter(place, name, each, each.get("schema") if not self.is_swagger else each)
            for (place, name), each in merged.items()
            if (place, name) not in bodies
        ]
        media, is_body_required = self._swagger_body(raw, bodies) if self.is_swagger else self._body(raw)
        wanted = raw.get("security", self.root.get("security")) or []
        security = [list(each) for each in wanted if isinstance(each, dict)]
        operation = Operation(method, path, raw, parameters, media, is_body_required, security)
        return Operation(**vars(operation) | {"features": frozenset(self._features(operation))})

    def _body(self, raw: Mapping[str, Json]) -> tuple[Mapping[str, Mapping[str, Json]], bool]:
        body = self.whole(raw.get("requestBody")) or {}
        return {kind: self.whole(each) for kind, each in (body.get("content") or {}).items()}, bool(
            body.get("required")
        )

    def _swagger_body(
        self, raw: Mapping[str, Json], bodies: Mapping[tuple[str, str], Mapping[str, Json]]
    ) -> tuple[Mapping[str, Mapping[str, Json]], bool]:
        kinds = raw.get("consumes") or self.root.get("consumes") or []
        for (place, _), each in bodies.items():
            if place == "body":
                media = {"schema": each.get("schema", {})}
                return dict.fromkeys(kinds or ["application/json"], media), bool(each.get("required"))
        if not bodies:
            return {}, False
        has_file = any(each.get("type") == "file" for each in bodies.values())
        schema = {
            "type": "object",
            "properties": {name: dict(each) for (_, name), each in bodies.items()},
            "required": [name for (_, name), each in bodies.items() if each.get("required") is True],
        }
        forms = [kind for kind in kinds if "form" in kind and (not has_file or "multipart" in kind)]
        form = "multipart/form-data" if has_file else "application/x-www-form-urlencoded"
        return {kind: {"schema": schema} for kind in forms or [form]}, bool(schema["required"])

    def _features(self, operation: Operation) -> Iterator[str]:
        """The ways to write a value that occur in it, as one word each."""
        for parameter in operation.parameters:
            raw = parameter.raw
            if "content" in raw:
                yield f"{parameter.place} content"
                continue
            kind = self.kind(parameter.schema)
            style = raw.get("collectionFormat") or raw.get("style", "")
            if kind in ("array", "object") or style in ("matrix", "label", "deepObject"):
                yield f"{parameter.place} {kind} {style} {raw.get('explode')} {raw.get('allowReserved')}"
            elif parameter.place in ("cookie", "header") or raw.get("allowReserved"):
                yield f"{parameter.place} {kind} {raw.get('allowReserved')}"
        for kind, media in operation.media.items():
            name = "json" if "json" in kind else kind
            yield f"body {name}"
            if "form" in kind:
                yield from self._form_features(name, media)
        if len(operation.security) > 1:
            yield "several alternatives"
        yield from (f"{len(names)} credentials at once" for names in operation.security if len(names) > 1)
        yield from ("own servers" for _ in operation.raw.get("servers") or ())
        if "?" in operation.path:
            yield "query in path"

    def _form_features(self, name: str, media: Mapping[str, Json]) -> Iterator[str]:
        encodings = media.get("encoding") or {}
        for field_name, schema in self.properties(media.get("schema")).items():
            encoding = encodings.get(field_name) or {}
            said = " ".join(f"{key}={encoding[key]}" for key in ("style", "explode", "contentType") if key in encoding)
            yield f"{name} {self.kind(schema)} {said}"

    def properties(self, schema: Json) -> dict[str, Json]:
        """The properties of an object, also those of the schemas that it consists of."""
        try:
            whole = self.whole(schema)
            found = dict(whole.get("properties") or {})
            for part in whole.get("allOf") or ():
                found |= self.properties(part)
        except (Unreadable, AttributeError, RecursionError):
            return {}
        return found

    def options(self, schema: Json) -> Iterator[Mapping[str, Json]]:
        """A schema with what its reference leads to, and those that it consists of by any combinator."""
        left = [(schema, 0)]
        while left:
            raw, level = left.pop()
            try:
                whole = self.whole(raw)
            except Unreadable:
                continue
            yield from (each for each in (raw, whole) if isinstance(each, dict))
            if isinstance(whole, dict) and level < MAX_HOPS:
                for keyword in ("allOf", "anyOf", "oneOf"):
                    left += ((each, level + 1) for each in whole.get(keyword) or ())

    def kind(self, schema: Json) -> str:
        """The type of a schema, of its first alternative when it says none itself."""
        try:
            for _ in range(MAX_HOPS):
                whole = self.whole(schema)
                if not isinstance(whole, dict):
                    return "any"
                said = whole.get("type")
                kinds = [said] if isinstance(said, str) else [each for each in said or () if each != "null"]
                if kinds:
                    return f"{kinds[0]} binary" if whole.get("format") == "binary" else str(kinds[0])
                if "properties" in whole:
                    return "object"
                parts = [*(whole.get("allOf") or ()), *(whole.get("oneOf") or ()), *(whole.get("anyOf") or ())]
                if not parts:
                    return "any"
                schema = parts[0]
        except Unreadable:
            pass
        return "any"

    def sample(self, seed: str, most: int) -> list[Operation]:
        """At most `most` operations chosen by a seed, and for each way of writing that none of them has one more."""
        shuffled = sorted(self.operations, key=lambda operation: operation.key)
        random.Random(seed).shuffle(shuffled)
        chosen = shuffled[:most]
        seen = set().union(*(operation.features for operation in chosen))
        for operation in shuffled[most:]:
            if not operation.features <= seen:
                seen |= operation.features
                chosen.append(operation)
        return chosen

    def only(self, chosen: list[Operation], *, with_answers: bool = True) -> dict[str, Json]:
        """The document with these operations alone and what they refer to; each has an operationId `op0`, `op1`, ...

        Without answers, of their schemas nothing is left: swagger-client would write each of them out.
        """
        left_out = {"paths", "components", "webhooks", "definitions", "parameters", "responses"}
        small = {name: deepcopy(value) for name, value in self.root.items() if name not in left_out}
        small["paths"] = {}
        for number, operation in enumerate(chosen):
            item = self.whole(self.root["paths"][operation.path])
            shared = {name: deepcopy(each) for name, each in item.items() if name not in METHODS}
            kept = {name: deepcopy(each) for name, each in operation.raw.items() if name not in _UNUSED}
            if not with_answers:
                kept["responses"] = self._bare(operation)
            small["paths"].setdefault(operation.path, shared)[operation.method] = kept | {"operationId": f"op{number}"}
        if not self.is_swagger:
            small["components"] = {"securitySchemes": {name: dict(each) for name, each in self.schemes.items()}}
        left, known = [*_references(small)], set()
        while left:
            steps = left.pop().removeprefix("#/").split("/")
            top = steps[: 3 if steps[0] in ("components", "paths") else 2]
            if "/".join(top) in known or steps[0] == "#":
                continue
            known.add("/".join(top))
            left.extend(_references(self._copied(small, top)))
        return small

    def _bare(self, operation: Operation) -> dict[str, Json]:
        """The answers of an operation with their media types alone."""
        found: dict[str, Json] = {}
        for code, raw in (operation.raw.get("responses") or {}).items():
            try:
                content = self.whole(raw).get("content")
            except (Unreadable, AttributeError):
                content = None
            found[code] = {"description": ""} | ({"content": {kind: {} for kind in content}} if content else {})
        return found

    def _copied(self, small: dict[str, Json], steps: list[str]) -> Json:
        """Put what a pointer leads to into the small document; nothing where it leads nowhere."""
        try:
            value = deepcopy(self.at("#/" + "/".join(steps)))
        except Unreadable:
            return None
        place: Json = small
        names = [_step(step) for step in steps]
        for name in names[:-1]:
            place = place.setdefault(name, {})
        return place.setdefault(names[-1], value)

    @property
    def schemes(self) -> Mapping[str, Mapping[str, Json]]:
        """The ways to show who calls, by name."""
        if self.is_swagger:
            found = self.root.get("securityDefinitions")
        else:
            found = (self.root.get("components") or {}).get("securitySchemes")
        return {name: self.whole(each) for name, each in (found or {}).items()}


def _step(step: str) -> str:
    """A step of a pointer as it names a key (RFC 6901)."""
    return unquote(step).replace("~1", "/").replace("~0", "~")


def _references(value: Json) -> Iterator[str]:
    """Every local reference in a value."""
    left = [value]
    while left:
        each = left.pop()
        if isinstance(each, dict):
            if isinstance(each.get("$ref"), str):
                yield each["$ref"]
            mapping = each.get("mapping")
            if isinstance(mapping, dict):
                yield from (text for text in mapping.values() if isinstance(text, str))
            left.extend(each.values())
        elif isinstance(each, list):
            left.extend(each)


def origins(root: Json) -> set[str]:
    """The beginnings `https://host:port` of every server and token address in a document."""
    found, left = set(), [root]
    while left:
        each = left.pop()
        if isinstance(each, dict):
            addresses = [each.get("tokenUrl")]
            for server in each.get("servers") or ():
                if isinstance(server, dict):
                    addresses += [server.get("url"), *_defaults(server.get("variables"))]
            for address in filter(None, addresses):
                if isinstance(address, str) and (begun := re.match(r"https?://[^/?#]+", address)):
                    found.add(begun[0])
            left.extend(each.values())
        elif isinstance(each, list):
            left.extend(each)
    return found


def _defaults(variables: Json) -> list[Json]:
    return [each.get("default") for each in (variables or {}).values() if isinstance(each, dict)]


def base_of(root: Mapping[str, Json]) -> str:
    """Where a document says that its system is: its first server with the defaults of its variables."""
    if "swagger" in root:
        return str(root.get("basePath") or "/")
    server = (root.get("servers") or [{}])[0]
    url = str(server.get("url", "/"))
    for name, variable in (server.get("variables") or {}).items():
        url = url.replace(f"{{{name}}}", str(variable.get("default", "")))
    return url.rstrip("/")


def moved(address: str, origin: str) -> str:
    """An address, at another origin."""
    parts = urlsplit(address)
    return origin + parts.path if parts.scheme else origin + (address if address.startswith("/") else f"/{address}")
