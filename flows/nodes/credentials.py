"""How a node shows another system who it is: one credential, put where that system looks for it."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field

from flows.engine.node import Json

# `secret` is a name that records hide, so that even a credential which is typed here instead of named is not stored.
AUTH: Mapping[str, Json] = {
    "type": "object",
    "title": "Authentication",
    "x-credential": True,
    "description": "How the request shows who sends it.",
    "properties": {
        "type": {
            "type": "string",
            "title": "Kind",
            "description": (
                "bearer: Authorization: Bearer. basic: a user name and a password. header and query: a header or a "
                "query parameter of that name."
            ),
            "enum": ["none", "bearer", "basic", "header", "query"],
        },
        "secret": {
            "type": "string",
            "title": "Secret",
            "description": "The token, password or key: {{ secrets.NAME }}. It goes to the origin of the URL alone.",
            "minLength": 1,
        },
        "username": {"type": "string", "title": "User name", "description": "For basic."},
        "name": {
            "type": "string",
            "title": "Name",
            "description": "For header and query: what it is called there.",
            "minLength": 1,
        },
    },
    "required": ["type"],
    "allOf": [
        {"if": {"properties": {"type": {"const": "none"}}}, "else": {"required": ["secret"]}},
        {"if": {"properties": {"type": {"const": "basic"}}}, "then": {"required": ["username"]}},
        {"if": {"properties": {"type": {"enum": ["header", "query"]}}}, "then": {"required": ["name"]}},
    ],
    "additionalProperties": False,
}


@dataclass(frozen=True, slots=True)
class Credential:
    """What is added to a request; nothing of it is shown."""

    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    query: Mapping[str, str] = field(default_factory=dict, repr=False)


NO_CREDENTIAL = Credential()


def credential_of(auth: Mapping[str, Json] | None) -> Credential:
    """What a value that fits AUTH adds to a request."""
    kind = auth["type"] if auth else "none"
    if auth is None or kind == "none":
        return NO_CREDENTIAL
    secret: str = auth["secret"]
    if kind == "bearer":
        return Credential(headers={"authorization": f"Bearer {secret}"})
    if kind == "basic":
        # RFC 7617, with the charset that most systems take today.
        pair = base64.b64encode(f"{auth['username']}:{secret}".encode(errors="replace")).decode()
        return Credential(headers={"authorization": f"Basic {pair}"})
    if kind == "header":
        return Credential(headers={auth["name"].lower(): secret})
    return Credential(query={auth["name"]: secret})
