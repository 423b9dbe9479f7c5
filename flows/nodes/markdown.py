"""Values as Markdown, for what a client shows when it draws nothing itself."""

import re

from flows.engine.expressions import as_text
from flows.engine.node import Json

_MARKS = re.compile(r"([\\`*\[\]<|])")
_ENDS_ADDRESS = re.compile(r"[<>\\]")


def inline(value: Json) -> str:
    """A value on one line, in which nothing is a mark of Markdown; null is empty."""
    return "" if value is None else _MARKS.sub(r"\\\1", " ".join(as_text(value).split()))


def link(words: str, url: str) -> str:
    """A link; an address cannot end it early."""
    safe = _ENDS_ADDRESS.sub(lambda found: f"%{ord(found[0]):02X}", url)
    return f"[{words}](<{safe}>)"


def headed(title: str, text: str) -> str:
    """The text below its title, if it has one."""
    return f"**{inline(title)}**\n\n{text}" if title else text
