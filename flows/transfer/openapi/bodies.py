"""The body that an operation takes: which of its media types is sent, and what a caller gives for it."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from flows.schemas.compiled import SchemaError, compile_schema
from flows.schemas.keywords import LIST
from flows.transfer.openapi.document import Document, Unusable
from flows.transfer.openapi.schemas import Converter, without_defaults
from flows.transfer.openapi.security import literal
from flows.transfer.openapi.styles import EVERY, NESTED, alternatives, items_of, style_of, types_of

JSON = re.compile(r"application/(json|[\w.+-]+\+json)", re.IGNORECASE)
_TEXT = re.compile(
    r"text/.*|(application|image)/([\w.-]+\+)?(xml|yaml|x-yaml)|application/(graphql|javascript|sql|toml|jwt)"
    r"|application/(x-)?(nd-?json|json-?lines?|jsonl)|application/json-seq",
    re.IGNORECASE,
)
_BYTES = re.compile(
    r"application/(octet-stream|pdf|(x-)?(zip|gzip|tar|bzip2?))|(image|audio|video|font)/", re.IGNORECASE
)
_ANY = ("*/*", "application/*")
FORM, _MULTIPART = "application/x-www-form-urlencoded", "multipart/form-data"
# Which media type is sent where a body may be of several: what a model writes best comes first.
_KINDS: tuple[tuple[str, Callable[[str], Any]], ...] = (
    ("bodyJson", JSON.fullmatch),
    ("bodyForm", FORM.__eq__),
    ("bodyMultipart", _MULTIPART.__eq__),
    ("bodyJson", _ANY.__contains__),
    ("bodyText", _TEXT.fullmatch),
    ("bodyBase64", lambda kind: not kind.startswith("multipart/")),
)

Note = Callable[[str], None]


@dataclass(slots=True)
class Body:
    """A body: the node's parameter for it, the schema of its argument, and the content type where it must be said."""

    parameter: str
    schema: dict[str, Any]
    is_required: bool
    content_type: str = ""
    styles: dict[str, dict[str, Any]] = field(default_factory=dict)


def body_of(
    converter: Converter, described: dict[str, Any], note: Note, *, is_partial: bool, media_type: str = ""
) -> Body:
    """What a Request Body Object asks for, of the media type that was chosen if it is one of several; raises Unusable.

    `is_partial`: it changes a part of something. What is not sent stays as it is there, so nothing has a default.
    """
    content = described.get("content") or {}
    plain = {name: bare(name) for name in content}
    fitting = [(parameter, name) for parameter, fits in _KINDS for name in content if fits(plain[name])]
    fitting.sort(key=lambda each: plain[each[1]] != media_type)
    if not fitting:
        raise Unusable(f"its body is {', '.join(content) or 'not described'}, which requests of flows do not send")
    for parameter, name in fitting:
        media = converter.document.object(content[name])
        schema = converter.convert(media.get("schema", {}), note)
        if not isinstance(schema, dict):
            raise Unusable("no body fits its schema")
        schema = without_defaults(schema) if is_partial else schema
        if parameter not in ("bodyForm", "bodyMultipart") or "object" in types_of(schema):
            break
    else:
        raise Unusable(f"its body is {name}, and the document describes no fields")
    if others := [other for other in content if other != name]:
        note(f"the body may also be {', '.join(others)[:200]}; this tool sends {name}, unless you choose another one")
        _note_files(converter.document, [content[other] for other in others if plain[other] == _MULTIPART], note)
    if described.get("description"):
        schema = {"description": str(described["description"]).strip()} | schema
    body = Body(parameter, schema, described.get("required") is True)
    if parameter == "bodyJson" and "*" in name and _is_binary(schema):
        body.parameter = "bodyBase64"
    if parameter in ("bodyForm", "bodyMultipart"):
        _describe_fields(converter, body, media, note)
    else:
        _describe_whole(body, name, note)
    if not body.is_required and body.parameter != "bodyJson":
        _leave_out(body, note)
    return body


def bare(media_type: str) -> str:
    """A media type without its parameters, as all write it."""
    return media_type.partition(";")[0].strip().lower()


def media_types_of(described: dict[str, Any]) -> list[str]:
    """Those that a Request Body Object offers to choose from; none where it is one alone."""
    content = described.get("content")
    names = list(dict.fromkeys(map(bare, content))) if isinstance(content, dict) else []
    found = [name for name in names if "*" not in name and any(fits(name) for _, fits in _KINDS)]
    return found if len(found) > 1 else []


def _note_files(document: Document, medias: list[Any], note: Note) -> None:
    """Say which files could be sent in a form in place of the body that is sent, and how."""
    for media in medias:
        try:
            fields = document.object(document.object(media).get("schema", {})).get("properties") or {}
            found = {name: document.object(schema) for name, schema in fields.items()}
            files = [name for name, each in found.items() if _is_binary(each) or _is_binary(each.get("items") or {})]
        except (Unusable, AttributeError):
            continue  # what is not sent need not be in order
        if files:
            shown = ", ".join(map(repr, files))[:200]
            note(f"files for {shown} go as multipart/form-data alone: to send them, give the request a multipart body")


def _describe_whole(body: Body, name: str, note: Note) -> None:
    """A body that is one value: JSON, a text, or bytes as base64; and its content type."""
    schema, types = body.schema, types_of(body.schema)
    is_binary = any(map(_is_binary, alternatives(schema)))
    if body.parameter == "bodyBase64" and not _BYTES.match(name) and types == {"string"} and not is_binary:
        body.parameter = "bodyText"
    if body.parameter == "bodyBase64":
        body.schema = {"description": f"The bytes of {name}, as base64."} | _words(schema)
        body.schema |= {"type": "string", "contentEncoding": "base64"}
    elif body.parameter == "bodyText" and (types != {"string"} or is_binary):
        body.schema = _words(schema) | {"type": "string"}
        if types != {"string"}:
            note(f"the body is {name}: it is given as the text that is sent")
    if name.lower() != "application/json" and "*" not in name:
        body.content_type = literal(name)
    elif body.parameter == "bodyBase64":
        note(f"the body may be any {name}; it is sent as application/octet-stream")


def _leave_out(body: Body, note: Note) -> None:
    """Give a body that may be left out, and is no JSON, an empty one for default, or have it always asked for."""
    # Without a body and with an empty one are the same only where nothing has to be in it.
    empty: Any = "" if body.parameter in ("bodyText", "bodyBase64") else {}
    is_said = body.schema.get("type") == ("string" if empty == "" else "object")
    if is_said and _fits(body.schema, empty):
        body.schema = {"default": empty} | body.schema
    elif "default" not in body.schema:
        body.is_required = True
        note("the body may be left out there; this tool always asks for it")


def _fits(schema: dict[str, Any], value: Any) -> bool:
    try:
        return bool(compile_schema(schema).validator.is_valid(value))
    except SchemaError:
        return False  # whoever puts it into a tool says what is wrong with it


def _describe_fields(converter: Converter, body: Body, media: dict[str, Any], note: Note) -> None:
    """Files where fields hold bytes, and how lists and objects are written."""
    if types_of(body.schema) == EVERY:
        body.schema = body.schema | {"type": "object"}
    encodings = media.get("encoding") or {}
    is_multipart = body.parameter == "bodyMultipart"
    if is_multipart:
        body.schema = _with_files(body.schema, encodings)
    fields: dict[str, list[dict[str, Any]]] = {}
    for each in alternatives(body.schema):
        for name, schema in (each.get("properties") or {}).items():
            fields.setdefault(name, []).append(schema)
    for name, schemas in fields.items():
        schema = schemas[0] if len(schemas) == 1 else {"anyOf": schemas}
        encoding = converter.document.object(encodings.get(name) or {})
        if rule := _rule(name, encoding, schema, is_multipart=is_multipart, note=note):
            body.styles[name] = rule
        if encoding.get("headers"):
            note(f"the headers of the part {name!r} are not sent")


def _rule(
    name: str, encoding: dict[str, Any], schema: dict[str, Any], *, is_multipart: bool, note: Note
) -> dict[str, Any] | None:
    """How a field is written; None where the node writes it so without being told."""
    types, of_items = types_of(schema) - {"null"}, items_of(schema) - {"null"}
    is_list_of_nested = "array" in types and bool(of_items) and of_items <= NESTED
    if encoding.keys() & {"style", "explode", "allowReserved"}:
        if is_multipart and is_list_of_nested and encoding.get("style") != "deepObject":
            note(f"{name!r} is a list of lists or objects, for which no style has a form; each is sent as JSON")
            return None
        try:
            return style_of("body", name, encoding, schema, note)
        except Unusable as error:
            note(f"the field {name!r}: {error}; it is sent as {name}[0][...]=...")
            return None
    kind = str(encoding.get("contentType") or "").partition(",")[0].strip()
    if kind and "*" not in kind and (is_multipart or kind.lower() != "text/plain"):
        return {"contentType": kind[:200]}
    if is_multipart or not ("object" in types or is_list_of_nested) or types | {"null"} == EVERY:
        return None
    if types <= NESTED:
        note(f"the document does not say how the object {name!r} is written in the form; it is sent as JSON")
        return {"contentType": "application/json"}
    note(f"the document does not say how the object {name!r} is written in the form; it is sent as {name}[a]=1")
    return None


def _with_files(schema: dict[str, Any], encodings: dict[str, Any]) -> dict[str, Any]:
    """The schema of a multipart body, with a file where a field holds bytes."""
    found = dict(schema)
    if isinstance(schema.get("properties"), dict):
        found["properties"] = {
            name: _as_file(child, _types_of_file(encodings.get(name))) for name, child in schema["properties"].items()
        }
    for keyword in LIST & schema.keys():
        found[keyword] = [_with_files(each, encodings) if isinstance(each, dict) else each for each in schema[keyword]]
    return found


def _types_of_file(encoding: Any) -> list[str]:
    """The content types that a field may have, where it says them all."""
    said = encoding.get("contentType") if isinstance(encoding, dict) else None
    kinds = [kind.strip() for kind in said.split(",")] if isinstance(said, str) else []
    return [] if any("*" in kind or not kind for kind in kinds) else kinds


def _as_file(schema: Any, kinds: list[str]) -> Any:
    """A file in place of bytes, also as an item of a list or one of alternatives."""
    if not isinstance(schema, dict):
        return schema
    is_other = schema == {} and kinds and not any(JSON.fullmatch(kind) or _TEXT.fullmatch(kind) for kind in kinds)
    if _is_binary(schema) or is_other:
        kind = {"type": "string", "description": "Its media type, as image/png."} | ({"enum": kinds} if kinds else {})
        return _words(schema) | {
            "type": "object",
            "properties": {
                "filename": {"type": "string", "description": "Its name, as photo.png."},
                "contentType": kind,
                "base64": {"type": "string", "contentEncoding": "base64", "description": "Its bytes as base64."},
            },
            "required": ["base64"],
            "additionalProperties": False,
        }
    found = dict(schema)
    if "items" in schema:
        found["items"] = _as_file(schema["items"], kinds)
    for keyword in LIST & schema.keys():
        found[keyword] = [_as_file(each, kinds) for each in schema[keyword]]
    return found


def _is_binary(schema: dict[str, Any]) -> bool:
    """Whether a value is bytes: `format: binary` of OpenAPI 3.0, a media type without an encoding of 3.1."""
    media_type = str(schema.get("contentMediaType") or "")
    is_bytes = (
        media_type and "contentEncoding" not in schema and not (JSON.match(media_type) or _TEXT.match(media_type))
    )
    return schema.get("type", "string") == "string" and bool(schema.get("format") == "binary" or is_bytes)


def _words(schema: dict[str, Any]) -> dict[str, Any]:
    return {name: schema[name] for name in ("title", "description") if name in schema}
