"""Content blocks as MCP writes them: text, images, audio, resources and links, checked before they go out."""

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from typing import Any

from flows.engine.errors import Fault
from flows.engine.expressions import as_text
from flows.engine.node import Json

_KINDS_HELP = "What kind of block it is; it decides which of the other keys are sent."
_KINDS = ("text", "image", "audio", "resource", "resource_link")
MIME_TYPE = re.compile(
    r"[a-z0-9][a-z0-9!#$&^_.+-]{0,126}/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}(;[ -~]{1,200})?", re.IGNORECASE
)
URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s\x00-\x1f]+")
_TEXT = {"type": "string", "minLength": 1}
_MIME = _TEXT | {"title": "Media type", "description": "Such as image/png, audio/wav or text/csv."}
_BASE64 = {"type": "string", "description": "The bytes as base64, without data: in front."}


def _of(kind: str, *required: str) -> Mapping[str, Json]:
    """A rule: blocks of that kind need those keys."""
    return {"if": {"properties": {"type": {"const": kind}}}, "then": {"required": list(required)}}


BLOCK_SCHEMA: Mapping[str, Json] = {
    "type": "object",
    "properties": {
        "type": {"type": "string", "title": "Kind", "description": _KINDS_HELP, "enum": list(_KINDS)},
        "text": {"title": "Text", "description": "Values that are not text are written as JSON."},
        "data": _BASE64 | {"title": "Data"},
        "mimeType": _MIME,
        "resource": {
            "type": "object",
            "title": "Resource",
            "description": "A document in the answer itself: text, or bytes as base64.",
            "properties": {
                "uri": _TEXT | {"title": "URI", "description": "Names it: report:7 or https://..."},
                "mimeType": _MIME,
                "text": {"title": "Text", "description": "The document, if it is text."},
                "blob": _BASE64,
            },
            "required": ["uri"],
            "oneOf": [{"required": ["text"]}, {"required": ["blob"]}],
            "additionalProperties": False,
        },
        "uri": _TEXT | {"title": "URI", "description": "Where a resource_link leads; the client may fetch it."},
        "name": _TEXT | {"title": "Name", "description": "What a resource_link is called."},
        "title": _TEXT | {"title": "Title", "description": "The same for people, if it differs."},
        "description": _TEXT | {"title": "Description", "description": "What is found at the link."},
        "size": {"type": "integer", "minimum": 0, "title": "Size", "description": "Bytes."},
        "annotations": {
            "type": "object",
            "title": "Annotations",
            "description": "Hints for the client.",
            "properties": {
                "audience": {
                    "type": "array",
                    "description": "Whom the block is for: user, assistant or both.",
                    "items": {"enum": ["user", "assistant"]},
                },
                "priority": {
                    "type": "number",
                    "description": "0 is optional, 1 is required.",
                    "minimum": 0,
                    "maximum": 1,
                },
                "lastModified": _TEXT | {"description": "ISO 8601."},
            },
            "additionalProperties": False,
        },
    },
    "required": ["type"],
    "allOf": [
        _of("text", "text"),
        _of("image", "data", "mimeType"),
        _of("audio", "data", "mimeType"),
        _of("resource", "resource"),
        _of("resource_link", "uri", "name"),
    ],
    "additionalProperties": False,
}
"""The JSON Schema of one block."""

_KEYS: Mapping[str, tuple[str, ...]] = {
    "text": ("type", "text"),
    "image": ("type", "data", "mimeType"),
    "audio": ("type", "data", "mimeType"),
    "resource": ("type", "resource"),
    "resource_link": ("type", "uri", "name", "title", "description", "mimeType", "size"),
}


def sent(raw: Mapping[str, Any]) -> dict[str, Any]:
    """The block as it is sent: the keys of its kind, with text as text."""
    block = {key: raw[key] for key in (*_KEYS[raw["type"]], "annotations") if key in raw}
    if "text" in block:
        block["text"] = as_text(block["text"])
    if "text" in block.get("resource", {}):
        block["resource"] = block["resource"] | {"text": as_text(block["resource"]["text"])}
    return block


def block_faults(block: Mapping[str, Any], at: str) -> Iterator[Fault]:
    """What no client could read of a block that fits BLOCK_SCHEMA: base64, media types and URIs that are none."""
    inner = block.get("resource", block)
    place = f"{at}.resource" if "resource" in block else at
    for key in ("data", "blob"):
        if key in inner and (reason := bad_base64(inner[key])):
            yield Fault(f"{place}.{key}", reason)
    mime_type = inner.get("mimeType")
    if mime_type is not None and not MIME_TYPE.fullmatch(mime_type):
        yield Fault(f"{place}.mimeType", f"{mime_type[:100]!r} is no media type; write one such as image/png")
    elif block["type"] in ("image", "audio") and not str(mime_type).lower().startswith(f"{block['type']}/"):
        yield Fault(f"{place}.mimeType", f"{mime_type!r} is not that of {block['type']}")
    if "uri" in inner and not URI.fullmatch(inner["uri"]):
        yield Fault(f"{place}.uri", "write a whole URI with its scheme, such as https://example.com/a or report:7")


def bad_base64(data: str) -> str:
    """Why a text is not bytes as base64; empty when it is."""
    if data.startswith("data:"):
        return "give the base64 alone, without the part from 'data:' to the comma"
    try:
        base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError) as error:
        return f"is not base64: {error}"
    return "" if data else "is empty"
