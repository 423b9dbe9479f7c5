"""Swagger 2.0 as OpenAPI 3.0: what stands elsewhere or has another name there is moved, all else stays where it is.

Schemas stay under `definitions`, so references keep leading to them, and what is said of one names the place in the
document that the person has.
"""

from itertools import islice
from typing import Any

from flows.engine.shapes import pointed_at

_METHODS = ("get", "put", "post", "delete", "options", "head", "patch")
_FORM, _MULTIPART, _JSON = "application/x-www-form-urlencoded", "multipart/form-data", "application/json"
_SCHEMA = frozenset(
    {
        *("type", "format", "items", "default", "maximum", "exclusiveMaximum", "minimum", "exclusiveMinimum", "enum"),
        *("maxLength", "minLength", "pattern", "maxItems", "minItems", "uniqueItems", "multipleOf", "x-nullable"),
    }
)
"""What a parameter of 2.0 says of its value, which a schema of its own says in 3.0."""
_STYLES = {"ssv": "spaceDelimited", "pipes": "pipeDelimited", "tsv": "tabDelimited"}
"""3.0 has no tabs; a style that nobody knows says so of the parameter, where a guess would send something else."""
_FLOWS = {"application": "clientCredentials", "accessCode": "authorizationCode"}
_VALUES = frozenset({"example", "examples", "default", "enum", "x-example", "x-examples"})
_HAVE_NAMES = frozenset({"properties", "definitions", "parameters", "responses", "paths"})
_MAX_KEYS = 1000
"""Of what a reference leads to: thousands of operations may refer to the same parameter."""
_MAX_MEDIA_TYPES = 20
"""Media types of Swagger 2.0 that each operation takes or answers."""


def as_openapi(root: dict[str, Any]) -> dict[str, Any]:
    """What OpenAPI 3.0 says where a document says it in Swagger 2.0; of another version it comes back as it is."""
    if str(root["swagger"]) != "2.0":
        return root
    schemes = root.get("securityDefinitions")
    found = {
        **root,
        "openapi": "3.0.3",
        "servers": _servers(root, root.get("schemes")),
        "paths": {path: _path_item(root, item) for path, item in _object(root.get("paths")).items()},
        "components": {
            "securitySchemes": {name: _scheme(_object(scheme)) for name, scheme in _object(schemes).items()}
        },
    }
    _say_anew(found)
    return found


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _followed(root: dict[str, Any], value: Any) -> dict[str, Any]:
    """An object, or what its reference leads to in one step; one that leads nowhere stays for others to refuse."""
    try:
        found = _object(pointed_at(value["$ref"], root))
        return found if len(found) <= _MAX_KEYS else {}
    except (AttributeError, KeyError, TypeError):
        return _object(value)


def _servers(root: dict[str, Any], schemes: Any) -> list[dict[str, str]]:
    base = str(root.get("basePath") or "")
    if not root.get("host"):
        return [{"url": base}] if base else []
    names = [name for name in _list(schemes) if name in ("http", "https")] or ["https"]
    return [{"url": f"{name}://{root['host']}{base}"} for name in sorted(set(names), reverse=True)]


def _path_item(root: dict[str, Any], raw: Any) -> Any:
    """A path item; the parameters that all of its operations have become those of each."""
    if not isinstance(raw, dict):
        return raw
    shared = _list(raw.get("parameters"))
    return {
        name: _operation(root, shared, value) if name in _METHODS and isinstance(value, dict) else value
        for name, value in raw.items()
        if name != "parameters"
    }


def _operation(root: dict[str, Any], shared: list[Any], operation: dict[str, Any]) -> dict[str, Any]:
    if "$ref" in operation:
        return operation
    consumes = _list(operation.get("consumes", root.get("consumes")))[:_MAX_MEDIA_TYPES]
    produces = _list(operation.get("produces", root.get("produces")))[:_MAX_MEDIA_TYPES]
    consumes, produces = [str(name) for name in consumes], [str(name) for name in produces]
    every = [_followed(root, raw) for raw in (*shared, *_list(operation.get("parameters")))]
    # An operation's own parameter takes the place of one of the same name that all of the path have.
    given = list({(str(each.get("in")), str(each.get("name", each.get("$ref")))): each for each in every}.values())
    found = {name: value for name, value in operation.items() if name not in ("consumes", "produces", "schemes")}
    found["parameters"] = [_parameter(each) for each in given if each.get("in") not in ("body", "formData")]
    fields = [each for each in given if each.get("in") == "formData"]
    bodies = [each for each in given if each.get("in") == "body"]
    if fields:
        found["requestBody"] = _form(fields, consumes)
    elif bodies:
        content = {name: {"schema": bodies[-1].get("schema", {})} for name in consumes or [_JSON]}
        words = {name: bodies[-1][name] for name in ("description", "required") if name in bodies[-1]}
        found["requestBody"] = words | {"content": content}
    found["responses"] = {
        str(status): _response(_followed(root, response), produces)
        for status, response in _object(operation.get("responses")).items()
    }
    if operation.get("schemes"):
        found["servers"] = _servers(root, operation["schemes"])
    return found


def _parameter(parameter: dict[str, Any]) -> dict[str, Any]:
    """A parameter of path, query or header; a reference that leads nowhere stays one."""
    if "$ref" in parameter:
        return parameter
    found = {name: value for name, value in parameter.items() if name not in _SCHEMA and name != "collectionFormat"}
    return found | _written(parameter) | {"schema": _schema(parameter)}


def _schema(parameter: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in parameter.items() if name in _SCHEMA}


def _written(parameter: dict[str, Any]) -> dict[str, Any]:
    """How a list is written: with commas when nothing is said, which is not what 3.0 takes for granted in a query."""
    if parameter.get("type") != "array":
        return {}
    kind = parameter.get("collectionFormat", "csv")
    plain = "form" if parameter.get("in") in ("query", "formData") else "simple"
    return {"style": _STYLES.get(str(kind), plain), "explode": kind == "multi"}


def _form(fields: list[dict[str, Any]], consumes: list[str]) -> dict[str, Any]:
    """The body that form fields make together: in parts when a file is among them."""
    properties = {}
    for each in fields:
        words = {"description": each["description"]} if each.get("description") else {}
        properties[str(each.get("name"))] = _schema(each) | words
    schema: dict[str, Any] = {"type": "object", "properties": properties}
    required = [str(each.get("name")) for each in fields if each.get("required") is True]
    if required:
        schema["required"] = required
    media: dict[str, Any] = {"schema": schema}
    if encoding := {str(each.get("name")): written for each in fields if (written := _written(each))}:
        media["encoding"] = encoding
    is_file = any(each.get("type") == "file" for each in fields)
    kinds = [_MULTIPART] if is_file else [name for name in consumes if name in (_FORM, _MULTIPART)] or [_FORM]
    return {"required": bool(required), "content": dict.fromkeys(kinds, media)}


def _response(response: dict[str, Any], produces: list[str]) -> dict[str, Any]:
    examples, schema = _object(response.get("examples")), response.get("schema")
    content = {
        name: ({"schema": schema} if schema is not None else {})
        | ({"example": examples[name]} if name in examples else {})
        for name in (islice(examples, _MAX_MEDIA_TYPES) if schema is None else produces or [_JSON])
    }
    return {"description": response.get("description", "")} | ({"content": content} if content else {})


def _scheme(scheme: dict[str, Any]) -> dict[str, Any]:
    if scheme.get("type") == "basic":
        return {"type": "http", "scheme": "basic"}
    if scheme.get("type") != "oauth2":
        return scheme
    flow = {name: scheme[name] for name in ("authorizationUrl", "tokenUrl", "scopes") if name in scheme}
    kind = str(scheme.get("flow"))
    return {"type": "oauth2", "flows": {_FLOWS.get(kind, kind): flow}}


def _say_anew(root: dict[str, Any]) -> None:
    """Change what schemas say in the words of 2.0, wherever they stand."""
    pending: list[tuple[Any, bool]] = [(root, False)]
    seen: set[int] = set()
    while pending:
        value, has_names = pending.pop()
        if id(value) in seen:
            continue
        if isinstance(value, list):
            seen.add(id(value))
            pending += ((child, False) for child in value)
        elif isinstance(value, dict):
            seen.add(id(value))
            # What properties are called says nothing, and values are no part of the description.
            shown = (item for item in value.items() if has_names or item[0] not in _VALUES)
            pending += ((child, name in _HAVE_NAMES and not has_names) for name, child in shown)
            if has_names:
                continue
            if value.get("x-nullable") is True:
                value["nullable"] = True
            if isinstance(value.get("discriminator"), str):
                value["discriminator"] = {"propertyName": value["discriminator"]}
            if value.get("type") == "file":
                value |= {"type": "string", "format": "binary"}
