"""What an operation is sent: the parameters of its `http_request` node and the input schema of its tool."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from flows.adapters.http_client import OWN_HEADERS
from flows.transfer.openapi.bodies import FORM, JSON, bare, body_of
from flows.transfer.openapi.document import Document, Unusable
from flows.transfer.openapi.schemas import Converter, may_be_left_out
from flows.transfer.openapi.security import Security, literal
from flows.transfer.openapi.styles import NESTED, style_of, types_of

PLACES = {"path": "path", "query": "query", "querystring": "query", "header": "headers", "cookie": "cookies"}
"""Where a parameter may be, and the node's parameter for it."""
_NOT_PARAMETERS = OWN_HEADERS | {"accept", "content-type", "authorization"}
"""Headers that OpenAPI describes elsewhere (OAS 3.1 4.8.12.1), and those that the connection writes by itself."""
_ODD = re.compile(r"[^A-Za-z0-9_-]")
_STEP = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")

Note = Callable[[str], None]


@dataclass(slots=True)
class NodeRequest:
    """The node's parameters, and the arguments that they take their values from."""

    parameters: dict[str, Any]
    properties: dict[str, Any] = field(default_factory=dict)
    required: list[str] = field(default_factory=list)

    @property
    def input_schema(self) -> dict[str, Any]:
        """The tool's input schema."""
        schema: dict[str, Any] = {"type": "object", "properties": self.properties}
        return schema | ({"required": self.required} if self.required else {}) | {"additionalProperties": False}

    def argument(self, name: str, place: str, schema: dict[str, Any], *, is_required: bool) -> str:
        """Add an argument under a name that is free, and return the expression that takes its value."""
        plain = _ODD.sub("_", name)[:60]
        plain = f"{place}_{plain}"[:64] if plain in self.properties or not plain else plain
        if plain in self.properties:
            raise Unusable(f"two of its parameters are called {name!r}")
        self.properties[plain] = schema if is_required else may_be_left_out(schema)
        if is_required:
            self.required.append(plain)
        return f"{{{{ trigger.{plain} }}}}" if _STEP.fullmatch(plain) else f"{{{{ trigger[{json.dumps(plain)}] }}}}"

    def put(self, place: str, name: str, value: str, style: dict[str, Any] | None = None) -> None:
        """Send a value under a name: `place` is a parameter of the node, `path`, `headers` or the like."""
        self.parameters.setdefault(place, {})[name] = value
        self.style(place, name, style)

    def style(self, place: str, name: str, style: dict[str, Any] | None) -> None:
        """Say how a list or an object is written there; None is how the node writes it anyway."""
        if style:
            place = "cookieParameters" if place == "cookies" else place
            self.parameters.setdefault("styles", {}).setdefault(place, {})[name] = style


def request_of(
    converter: Converter,
    security: Security,
    method: str,
    path: str,
    item: dict[str, Any],
    base: str,
    note: Note,
    media_type: str = "",
) -> NodeRequest:
    """The request of an operation; raises Unusable for what an `http_request` cannot send faithfully."""
    operation = converter.document.object(item[method])
    request = NodeRequest({"method": method.upper(), "url": base + literal(path)})
    credentials = []
    for parameter in parameters_of(converter.document, item, operation):
        if security.is_credential(parameter):
            credentials.append(parameter)
        else:
            _add(converter, request, path, parameter, note)
    for name in dict.fromkeys(re.findall(r"\{([^{}]+)\}", path)):
        if name not in request.parameters.get("path", {}):
            request.put("path", name, request.argument(name, "path", {"type": "string"}, is_required=True))
    if "requestBody" in operation:
        described = converter.document.object(operation["requestBody"])
        body = body_of(converter, described, note, is_partial=method == "patch", media_type=media_type)
        value = request.argument("body", "body", body.schema, is_required=body.is_required)
        request.parameters[body.parameter] = value
        if body.parameter == "bodyJson" and not body.is_required:
            request.parameters["omitNullBody"] = True
        if body.content_type:
            request.put("headers", "Content-Type", body.content_type)
        for name, style in body.styles.items():
            request.style("body", name, style)
    request.parameters |= security.sent(operation, credentials, base, note)
    return request


def parameters_of(document: Document, item: dict[str, Any], operation: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Those of the operation and those that all operations of the path have, required ones first."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for source in (item, operation):
        for raw in source.get("parameters") or []:
            parameter = document.object(raw)
            found[str(parameter.get("in")), str(parameter.get("name"))] = parameter
    yield from sorted(found.values(), key=lambda parameter: parameter.get("required") is not True)


def _add(converter: Converter, request: NodeRequest, path: str, parameter: dict[str, Any], note: Note) -> None:
    place, name = str(parameter.get("in")), str(parameter.get("name"))
    is_required = parameter.get("required") is True or place == "path"
    if place == "header" and name.lower() in _NOT_PARAMETERS:
        return
    if not parameter.get("name"):
        note(f"a parameter without a name is left out, which would go into the {place[:20]}")
        return
    if place == "path" and f"{{{name}}}" not in path:
        note(f"the parameter {name!r} is left out: the path does not say where it stands")
        return
    try:
        if place not in PLACES:
            raise Unusable(f"it goes into a {place[:20]}, which requests of flows do not send")
        schema, style = _described(converter, PLACES[place], name, parameter, note)
    except Unusable as error:
        if is_required:
            raise Unusable(f"its parameter {name!r}: {error}") from None
        note(f"the optional parameter {name!r} is left out: {error}")
        return
    if parameter.get("description"):
        schema = schema | {"description": str(parameter["description"]).strip()}
    request.put(PLACES[place], name, request.argument(name, place, schema, is_required=is_required), style)


def _described(
    converter: Converter, place: str, name: str, parameter: dict[str, Any], note: Note
) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """The schema of a parameter and how its value is written; raises Unusable."""
    content = parameter.get("content")
    if not content and "schema" not in parameter:
        raise Unusable("the document says nothing of its value")
    [(kind, media), *_] = content.items() if content else [("", parameter)]
    is_whole = parameter.get("in") == "querystring"
    if is_whole and bare(kind) != FORM:
        raise Unusable(f"it is the whole query as {kind[:80] or 'one text'}, which requests of flows do not write")
    schema = converter.convert(converter.document.object(media).get("schema", {}), note)
    if not isinstance(schema, dict):
        raise Unusable("no value fits its schema")
    if is_whole and "object" not in types_of(schema):
        raise Unusable("it is the whole query, and the document describes no names in it")
    if is_whole or not content:
        parameter = {} if is_whole else parameter
        return schema, style_of(place, name, parameter, schema, note)
    if types_of(schema) <= NESTED and not JSON.fullmatch(bare(kind)):
        raise Unusable(f"it is a list or an object as {kind[:80]}, which requests of flows do not write")
    return schema, {"contentType": kind[:200]}
