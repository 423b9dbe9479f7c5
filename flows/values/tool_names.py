"""From what people call a thing to a tool name."""

import re
import unicodedata

_ROOM = 58
"""Characters that are kept: a number may follow, and 64 is the end."""


def tool_name_of(text: str) -> str:
    """`Look up an order`, `getOrderById`, `GET /orders/{id}` -> a name in snake_case; `call` when nothing is left."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    spaced = re.sub(r"([a-z0-9])([A-Z])|([A-Z])([A-Z][a-z])", r"\1\3_\2\4", plain)
    name = re.sub(r"[^a-z0-9]+", "_", spaced.lower()).strip("_")
    return (name if name[:1].isalpha() else f"call_{name}")[:_ROOM].strip("_")
