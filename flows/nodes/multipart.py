"""Bodies of forms with files (RFC 7578), and bytes that come as base64."""

import base64
import binascii
import json
import re
import secrets
from collections.abc import Iterator, Mapping

from flows.engine.errors import NodeFailed
from flows.engine.expressions import as_text
from flows.engine.node import Json
from flows.nodes.styles import MAX_FIELDS, PARTS, Style, content_of, pairs_of

_FILE = frozenset({"filename", "contentType", "base64"})
_MEDIA_TYPE = re.compile(r"[A-Za-z0-9!#$&^_.+*-]{1,100}/[A-Za-z0-9!#$&^_.+*-]{1,100}([ ;][ -~]{0,200})?")
_BREAKING = re.compile(r'[\x00-\x1f\x7f"]')


def multipart(fields: Mapping[str, Json], styles: Mapping[str, Style]) -> tuple[bytes, str]:
    """The body of a form and its content type; raises NodeFailed.

    A text, number or boolean is a part, a list a part for each item, an object a part of JSON, and an object with
    `base64`, and perhaps `filename` and `contentType`, a file.
    """
    # Nobody can guess it, so no value can end its part.
    boundary = f"flowhub-{secrets.token_hex(16)}"
    pieces, left = [], MAX_FIELDS
    for name, value in fields.items():
        for head, content in _parts(name, value, styles.get(name, {})):
            piece = f"--{boundary}\r\nContent-Disposition: form-data; {head}\r\n\r\n".encode(errors="replace")
            left -= len(piece) + len(content)
            if left < 0:
                raise NodeFailed(f"Multipart body: it has more than {MAX_FIELDS:,} bytes. Send less.", is_final=True)
            pieces += [piece, content, b"\r\n"]
    return b"".join([*pieces, f"--{boundary}--\r\n".encode()]), f"multipart/form-data; boundary={boundary}"


def bytes_of(text: str, place: str) -> bytes:
    """The bytes that base64 stands for, in either alphabet (RFC 4648), with or without its end; raises NodeFailed."""
    plain = "".join(text.split()).replace("-", "+").replace("_", "/").rstrip("=")
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise NodeFailed(f"{place} is not base64. Give the bytes written as base64.", is_final=True) from None


def _parts(name: str, value: Json, style: Style, *, is_item: bool = False) -> Iterator[tuple[str, bytes]]:
    """Parts, each as its headers behind `form-data; ` and its content."""
    shown = f'name="{_quoted(name)}"'
    media_type = style.get("contentType")
    is_styled = not media_type and ("style" in style or "explode" in style)
    is_one = is_styled and not (style.get("style", "form") == "form" and style.get("explode", True))
    if isinstance(value, list) and not is_item and not is_one:
        # OpenAPI has each item of a list as a part of its own, and what is said of the list counts for each.
        for item in value:
            yield from _parts(name, item, style, is_item=True)
    elif isinstance(value, dict) and isinstance(value.get("base64"), str) and value.keys() <= _FILE:
        filename = re.split(r"[/\\]", as_text(value.get("filename") or "file"))[-1] or "file"
        kind = _media_type(name, value.get("contentType") or media_type or "application/octet-stream")
        head = f'{shown}; filename="{_quoted(filename)}"\r\nContent-Type: {kind}'
        yield head, bytes_of(value["base64"], f"Multipart body: {name[:200]}.base64")
    elif media_type and value is not None:
        text = content_of(PARTS, name, value, media_type)
        yield f"{shown}\r\nContent-Type: {_media_type(name, media_type)}", text.encode(errors="replace")
    elif is_styled and not (is_item and isinstance(value, dict | list)):
        for key, text in pairs_of(PARTS, name, value, style):
            yield f'name="{_quoted(key)}"', text.encode(errors="replace")
    elif isinstance(value, dict | list):
        yield f"{shown}\r\nContent-Type: application/json", json.dumps(value).encode()
    elif value is not None:
        yield shown, as_text(value).encode(errors="replace")


def _media_type(name: str, text: Json) -> str:
    if not isinstance(text, str) or not _MEDIA_TYPE.fullmatch(text):
        raise NodeFailed(
            f"Multipart body: the content type of {name[:200]} is no media type such as image/png.", is_final=True
        )
    return text


def _quoted(text: str) -> str:
    """A name inside quotes, as browsers write it: what would end it is percent-encoded."""
    return _BREAKING.sub(lambda found: f"%{ord(found[0]):02X}", text)
