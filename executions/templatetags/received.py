"""What the client received, block by block: pictures and sounds of known kinds as such, everything else as text."""

import base64
import binascii
import re
from dataclasses import dataclass, replace
from typing import Any

from django import template

from executions.models import Execution
from executions.reading.drawn_answers import DrawnAnswer, drawn_answer_of
from executions.record.payload import TRUNCATED

register = template.Library()

IMAGES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
"""Pictures without scripts or links in them; SVG, which may have both, is shown as its text."""

SOUNDS = frozenset(
    {"audio/mpeg", "audio/mp4", "audio/wav", "audio/x-wav", "audio/ogg", "audio/webm", "audio/aac", "audio/flac"}
)
_WEB = re.compile(r"https?://[^\s]+\Z", re.IGNORECASE)
_BASE64 = re.compile(r"[A-Za-z0-9+/]+={0,2}")


@dataclass(frozen=True, slots=True)
class Block:
    """A content block to show: `kind` is MCP's word, `about` names it, and one of the others is what it holds."""

    kind: str
    about: str
    text: str = ""
    image: str = ""
    sound: str = ""
    link: str = ""
    note: str = ""
    hints: str = ""
    """What the block says of itself for the client."""


@register.filter
def received_blocks(result: Any) -> list[Block]:
    """The content blocks of a stored result; what is stored is not trusted to have any form."""
    blocks = _blocks_of(result) if isinstance(result, dict) else []
    dicts = [block for block in blocks if isinstance(block, dict)]
    return [replace(_shown(block), hints=_hints(block.get("annotations"))) for block in dicts]


def _blocks_of(message: dict[str, Any]) -> list[Any]:
    """The blocks of a tool's result, of the messages of a prompt, or of the contents of a resource."""
    for name in ("content", "messages", "contents"):
        found = message.get(name)
        if isinstance(found, list):
            dicts = [each for each in found if isinstance(each, dict)]
            if name == "messages":
                return [each.get("content") for each in dicts]
            return dicts if name == "content" else [{"type": "resource", "resource": each} for each in dicts]
    error = message.get("error")
    return [{"type": "text", "text": error.get("message")}] if isinstance(error, dict) else []


@register.filter
def structured(result: Any) -> dict[str, Any] | None:
    """The JSON value of a result under the key `value`, since it may be null or false; None where there is none."""
    if not isinstance(result, dict) or "structuredContent" not in result:
        return None
    return {"value": result["structuredContent"]}


@register.filter
def ui_answer(execution: Execution) -> DrawnAnswer | None:
    """The picture that clients with MCP Apps make of the answer."""
    return drawn_answer_of(execution)


def _shown(block: dict[str, Any]) -> Block:
    kind = str(block.get("type", ""))
    inner = block.get("resource") if kind == "resource" else block
    inner = inner if isinstance(inner, dict) else {}
    name, mime_type = inner.get("title") or inner.get("name"), inner.get("mimeType")
    about = " · ".join(str(part) for part in (name, inner.get("uri"), mime_type) if isinstance(part, str) and part)
    if kind == "resource_link":
        note = str(inner.get("description") or "A link; the client may fetch it.")
        return Block(kind, about, note=note, link=_web_address(inner.get("uri")))
    if kind in ("image", "audio") or "blob" in inner:
        return _bytes(kind, about, str(mime_type).lower(), inner.get("data", inner.get("blob")))
    return _text(kind, about, inner.get("text"))


def _web_address(uri: Any) -> str:
    """The address if it leads to the web; what others do is not known."""
    return uri if isinstance(uri, str) and _WEB.match(uri) else ""


def _hints(annotations: Any) -> str:
    if not isinstance(annotations, dict):
        return ""
    audience, priority = annotations.get("audience"), annotations.get("priority")
    said = [f"for {' and '.join(map(str, audience))}"] if isinstance(audience, list) and audience else []
    said += [f"priority {priority}"] if priority is not None else []
    said += [f"last modified {annotations['lastModified']}"] if "lastModified" in annotations else []
    return ", ".join(said)


def _text(kind: str, about: str, text: Any) -> Block:
    if isinstance(text, dict) and text.get(TRUNCATED):
        return Block(kind, about, text=str(text.get("head", "")), note=_cut(text))
    return Block(kind, about, text=text if isinstance(text, str) else "")


def _bytes(kind: str, about: str, mime_type: str, data: Any) -> Block:
    if isinstance(data, dict) and data.get(TRUNCATED):
        return Block(kind, about, note=_cut(data))
    if not isinstance(data, str) or not _BASE64.fullmatch(data):
        return Block(kind, about, note="Not base64.")
    if mime_type in IMAGES:
        return Block(kind, about, image=f"data:{mime_type};base64,{data}")
    if mime_type in SOUNDS:
        return Block(kind, about, sound=f"data:{mime_type};base64,{data}")
    if mime_type == "image/svg+xml":
        return Block(kind, about, text=_decoded(data))
    return Block(kind, about, note=f"{len(data):,} characters of base64; see the raw result.")


def _cut(envelope: dict[str, Any]) -> str:
    return f"Cut from the record: {envelope.get('bytes', 0):,} bytes. The client got all of it."


def _decoded(data: str) -> str:
    try:
        return base64.b64decode(data).decode(errors="replace")
    except binascii.Error:
        return ""
