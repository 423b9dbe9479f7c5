"""What an operation is sent: the parameters of its `http_request` node and the input schema of its tool."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from flows.transfer.openapi.document import Document, Unusable
from flows.transfer.openapi.schemas import Converter, kinds_of, may_be_left_out
from flows.transfer.openapi.security import Security, literal

FORM = "application/x-www-form-urlencoded"
_PLACES = ("path", "query", "header")
_NOT_PARAMETERS = frozenset({"accept", "content-type", "authorization"})
"""Headers that OpenAPI describes elsewhere (OAS 3.1 4.8.12.1)."""
_JSON = re.compile(r"application/(json|[\w.+-]+\+json)|\*/\*|application/\*", re.IGNORECASE)
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


def request_of(
    converter: Converter, security: Security, method: str, path: str, item: dict[str, Any], base: str, note: Note
) -> NodeRequest:
    """The request of an operation; raises Unusable for what an `http_request` cannot send faithfully."""
    operation = converter.document.object(item[method])
    request = NodeRequest({"method": method.upper(), "url": base + literal(path)})
    places: dict[str, dict[str, str]] = {place: {} for place in _PLACES}
    credentials = []
    for parameter in parameters_of(converter.document, item, operation):
        if security.is_credential(parameter):
            credentials.append(parameter)
        else:
            _add(converter, request, places, parameter, note)
    for name in dict.fromkeys(re.findall(r"\{([^{}]+)\}", path)):
        if name not in places["path"]:
            places["path"][name] = request.argument(name, "path", {"type": "string"}, is_required=True)
    places["path"] = {name: value for name, value in places["path"].items() if f"{{{name}}}" in path}
    if "requestBody" in operation:
        _add_body(converter, request, places, converter.document.object(operation["requestBody"]), note)
    for place, name in (("path", "path"), ("query", "query"), ("header", "headers")):
        if places[place]:
            request.parameters[name] = places[place]
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


def _add(
    converter: Converter, request: NodeRequest, places: dict[str, dict[str, str]], parameter: dict[str, Any], note: Note
) -> None:
    place, name = parameter.get("in"), str(parameter.get("name"))
    is_required = parameter.get("required") is True or place == "path"
    if place == "header" and name.lower() in _NOT_PARAMETERS:
        return
    try:
        schema = _schema(converter, parameter, note)
    except Unusable as error:
        if is_required:
            raise Unusable(f"its parameter {name!r}: {error}") from None
        note(f"the optional parameter {name!r} is left out: {error}")
        return
    places[str(place)][name] = request.argument(name, str(place), schema, is_required=is_required)


def _schema(converter: Converter, parameter: dict[str, Any], note: Note) -> dict[str, Any]:
    """The schema of a parameter; raises Unusable for one that cannot be written into its place."""
    place = parameter.get("in")
    if place not in _PLACES:
        raise Unusable(f"it goes into a {str(place)[:20]}, which requests of flows do not send")
    if "schema" not in parameter:
        raise Unusable("its value is encoded in another way than as text")
    schema = converter.convert(parameter["schema"], note)
    if not isinstance(schema, dict):
        raise Unusable("no value fits its schema")
    for option in kinds_of(schema):
        if option.get("type") == "object" or "properties" in option:
            raise Unusable("it is an object, which has no one form there")
        if option.get("type") == "array":
            _check_list(parameter, option)
    words = {"description": str(parameter["description"]).strip()} if parameter.get("description") else {}
    return schema | words


def _check_list(parameter: dict[str, Any], schema: dict[str, Any]) -> None:
    is_repeated = parameter.get("style", "form") == "form" and parameter.get("explode", True) is True
    if parameter.get("in") != "query" or not is_repeated:
        raise Unusable("it is a list that is not written as one parameter for each item")
    items = schema.get("items", {})
    if isinstance(items, dict) and items.get("type") in ("object", "array"):
        raise Unusable("it is a list of more than texts and numbers")


def _add_body(
    converter: Converter, request: NodeRequest, places: dict[str, dict[str, str]], body: dict[str, Any], note: Note
) -> None:
    content = body.get("content") or {}
    kind = next((name for name in content if _JSON.fullmatch(name.partition(";")[0].strip())), None)
    kind = kind or next((name for name in content if name.lower() == FORM), None)
    if kind is None:
        raise Unusable(f"its body is {', '.join(content) or 'not described'}, not JSON")
    media = converter.document.object(content[kind])
    schema = converter.convert(media.get("schema", {}), note)
    if not isinstance(schema, dict):
        raise Unusable("no body fits its schema")
    if body.get("description"):
        schema = {"description": str(body["description"]).strip()} | schema
    is_required = body.get("required") is True
    if not is_required:
        # Without a body and with an empty object are the same only where nothing has to be in it.
        if schema.get("type") == "object" and not schema.get("required"):
            schema = {"default": {}} | schema
        else:
            is_required = True
            note("the body may be left out there; this tool always asks for it")
    value = request.argument("body", "body", schema, is_required=is_required)
    request.parameters["bodyForm" if kind.lower() == FORM else "bodyJson"] = value
    if kind.lower() not in ("application/json", FORM) and "*" not in kind:
        places["header"]["Content-Type"] = literal(kind)
