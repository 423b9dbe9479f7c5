"""The ways in which a secret may be written; made here anew, so that a test does not ask the code what to look for."""

import base64
import html
import json
from urllib.parse import quote, quote_plus

FULL_WIDTH = {code: code + 0xFEE0 for code in range(0x21, 0x7F)}


def encodings(value: str) -> dict[str, str]:
    """Every form of `value` by its name; base64 also of texts around it, without what belongs to its neighbours."""
    forms = {
        "raw": value,
        "repr": repr(value)[1:-1],
        "json": json.dumps(value)[1:-1],
        "json in json": json.dumps(json.dumps(value)[1:-1])[1:-1],
        "html": html.escape(value),
        "quote": quote(value),
        "quote all": quote(value, safe=""),
        "quote small": "".join(part.lower() if at % 2 else part for at, part in enumerate(_split(quote(value)))),
        "quote plus": quote_plus(value),
        "quote twice": quote(quote(value, safe=""), safe=""),
        "json in a url": quote(json.dumps(value)[1:-1]),
        "small": value.lower(),
        "capitals": value.upper(),
        "hex": value.encode().hex(),
        "hex in capitals": value.encode().hex().upper(),
        "backwards": value[::-1],
        "full width": value.translate(FULL_WIDTH),
        "full width in json": json.dumps(value.translate(FULL_WIDTH))[1:-1],
        "base64 twice": base64.b64encode(base64.b64encode(value.encode())).decode(),
        "base64 twice behind a name": base64.b64encode(b"id:" + base64.b64encode(b"u:" + value.encode())).decode()[8:],
        "base64 in a url": quote(base64.b64encode(value.encode()).decode(), safe=""),
    }
    for before in ("", "u:", "us:", "use:"):
        for behind in ("", ":x", ":xy"):
            text = (before + value + behind).encode()
            first = -(-len(before) * 8 // 6)
            end = (len(text) - len(behind)) * 8 // 6
            for name, encode in (("base64", base64.b64encode), ("urlsafe", base64.urlsafe_b64encode)):
                forms[f"{name} in {before}...{behind}"] = encode(text).decode()[first:end]
    return forms


def _split(quoted: str) -> list[str]:
    """Text and percent-escapes in turn."""
    parts = [""]
    at = 0
    while at < len(quoted):
        size = 3 if quoted[at] == "%" else 1
        if (size == 3) != (len(parts) % 2 == 0):
            parts.append("")
        parts[-1] += quoted[at : at + size]
        at += size
    return parts
