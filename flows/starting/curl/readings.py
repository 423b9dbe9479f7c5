"""What a name or a value of a request says of itself: a credential, an id, a type."""

import json
import re
from typing import Any
from urllib.parse import unquote, urlsplit

from flows.starting.curl.options import names

TYPES = ("string", "integer", "number", "boolean")
"""What a parameter may be."""

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_CREDENTIALS = names(
    "authorization cookie cookies token secret secrets password passwords passwd passphrase pwd credential credentials "
    "signature sig auth apikey"
)
_KINDS_OF_KEY = names("api access auth private secret subscription app")
_CURSORS = names("page next continuation sync cursor count max")
"""What stands before `token` where it says how a list goes on, or counts."""
_PLAIN = re.compile(r"[\w.~ /-]+")
_VERSION = re.compile(r"v\d+(?:\.\d+)*(?:(?:alpha|beta)\d*)?|20\d\d-\d\d(?:-\d\d)?|[a-z]{1,6}v?\d", re.IGNORECASE)
_FILE = re.compile(r".*\.(?:json|xml|csv|html?|php)", re.IGNORECASE)
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_TOKEN = re.compile(r"(?=.*[a-z])(?=.*[A-Z])(?=.*\d)[\w:.~-]{24,}")


def is_value(segment: str) -> bool:
    """Whether a part of a path is one of many that could stand there: a number, an id, a token."""
    text = unquote(segment)
    has_digit = any(char.isdigit() for char in text)
    return (
        has_digit
        and bool(_PLAIN.fullmatch(text) or _TOKEN.fullmatch(text))
        and not (_VERSION.fullmatch(text) or _FILE.fullmatch(text))
    )


def is_version(word: str) -> bool:
    """Whether a part of a path names a version or a product: `v1`, `2024-01`, `oauth2`."""
    return bool(_VERSION.fullmatch(word))


def is_token(segment: str) -> bool:
    return bool(_TOKEN.fullmatch(segment)) and not _UUID.fullmatch(segment)


def is_credential(name: str) -> bool:
    """Whether a value of this name is one: `access_token`, `X-Api-Key`, `key`, but not `pageToken`."""
    words = [word.lower() for word in _WORD.findall(name[-100:])] or [""]
    last, before = words[-1], words[-2] if len(words) > 1 else ""
    if last == "key":
        return not before or before in _KINDS_OF_KEY
    return last in _CREDENTIALS and not (last == "token" and before in _CURSORS)


def singular(word: str) -> str:
    return f"{word[:-3]}y" if word.endswith("ies") else word[:-1] if word.endswith("s") and len(word) > 2 else word


def type_of(value: Any) -> str:
    if isinstance(value, bool) or value in ("true", "false"):
        return "boolean"
    text = str(value)
    if isinstance(value, int) or re.fullmatch(r"-?(0|[1-9]\d{0,14})", text):
        return "integer"
    return "number" if isinstance(value, float) or re.fullmatch(r"-?(0|[1-9]\d{0,9})\.\d{1,6}", text) else "string"


def as_type(value: Any, kind: str) -> Any:
    """A pasted value as the parameter's type has it; as it is where it is none of that type."""
    try:
        if kind == "integer":
            return int(value)
        if kind == "number":
            return float(value)
    except ValueError:
        return value
    if kind == "boolean":
        return value is True or value == "true"
    return value if isinstance(value, str) else json.dumps(value)


def secret_name(url: str, name: str) -> str:
    """`GITHUB_TOKEN`: whose credential it is, and what it is called there."""
    labels = (urlsplit(url).hostname or "").split(".")
    owner = labels[-2] if len(labels) > 1 and not labels[-1].isdigit() else "api"
    words = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", f"{owner}_{name}")
    plain = re.sub(r"[^A-Z0-9]+", "_", words.upper()).strip("_")[:50]
    return plain if plain[:1].isalpha() else f"KEY_{plain}"
