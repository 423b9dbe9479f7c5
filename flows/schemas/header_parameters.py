"""Parameters that clients repeat in HTTP headers: `x-mcp-header` in a tool's input schema.

MCP 2026-07-28, Transports, Custom headers from tool parameters: a client leaves out a tool whose schema breaks these
rules, so they are held when the schema is written.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any

from flows.engine.errors import Fault
from flows.engine.registry import json_path
from flows.schemas.subschemas import Subschema

KEY = "x-mcp-header"
TYPES = ("string", "integer", "boolean")

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}")
"""RFC 9110, 5.6.2."""


def header_faults(subschemas: Iterable[Subschema]) -> Iterator[Fault]:
    """Each `x-mcp-header` that clients would refuse, and each that would put a secret in a header."""
    names: dict[str, str] = {}
    for found in subschemas:
        if not isinstance(found.schema, dict) or KEY not in found.schema:
            continue
        name, at = found.schema[KEY], json_path((*found.steps, KEY))
        message = _fault_of(found, name)
        if message is None and (first := names.setdefault(name.lower(), at)) != at:
            message = f"{first} gives the same name; headers do not tell upper and lower case apart"
        if message is not None:
            yield Fault(at, message)


def _fault_of(found: Subschema, name: Any) -> str | None:
    if not found.steps or len(found.steps) % 2 or any(step != "properties" for step in found.steps[::2]):
        return "stands only on a property, or on a property of one: not at the root, in items, allOf or $defs"
    if not isinstance(name, str) or not _TOKEN.fullmatch(name):
        return "write a name of letters, digits and hyphens, such as Region: clients send it as Mcp-Param-Region"
    if found.schema.get("type") not in TYPES:
        return 'stands only on a property of one type, "string", "integer" or "boolean"'
    if found.schema.get("writeOnly") is True or found.schema.get("format") == "password":
        return "a secret does not belong in a header, which proxies log; remove this, or what marks it as secret"
    return None
