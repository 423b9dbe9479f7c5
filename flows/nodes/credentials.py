"""How a node shows another system who it is: credentials, each put where that system looks for it."""

import base64
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from flows.engine.destinations import is_settled
from flows.engine.errors import Fault, NodeFailed
from flows.engine.expressions import has_expression
from flows.engine.node import Json, NodeContext
from flows.nodes.access_tokens import access_tokens, fetched, key_of

CLIENT_CREDENTIALS = "oauth2ClientCredentials"
MAX_CREDENTIALS = 5
"""Credentials that one request can carry."""

_OF_CLIENTS = ("tokenUrl", "clientId", "clientAuth", "scopes", "tokenParameters")
_COOKIE_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")

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
                "bearer: Authorization: Bearer. basic: a user name and a password. header, query and cookie: a header, "
                "a query parameter or a cookie of that name. oauth2ClientCredentials: an access token, which is "
                "fetched with a client id and its secret and renewed when it expires."
            ),
            "enum": ["none", "bearer", "basic", "header", "query", "cookie", CLIENT_CREDENTIALS],
        },
        "secret": {
            "type": "string",
            "title": "Secret",
            "description": (
                "The token, password, key or client secret: {{ secrets.NAME }}. It goes to the origin of the URL "
                "alone, a client secret to the token URL alone."
            ),
        },
        "username": {"type": "string", "title": "User name", "description": "For basic."},
        "name": {
            "type": "string",
            "title": "Name",
            "description": "For header, query and cookie: what it is called there.",
            "minLength": 1,
        },
        "tokenUrl": {
            "type": "string",
            "title": "Token URL",
            "description": "The whole address that gives access tokens: https://login.example.com/oauth2/token.",
            "x-destination": True,
            "minLength": 1,
            "maxLength": 8192,
        },
        "clientId": {"type": "string", "title": "Client id", "minLength": 1},
        "clientAuth": {
            "type": "string",
            "title": "Client authentication",
            "description": "Where id and secret are sent to the token URL: as a basic header, or in the body.",
            "enum": ["basic", "body"],
            "default": "basic",
        },
        "scopes": {"type": "string", "title": "Scopes", "description": "What is asked for, with blanks between."},
        "tokenParameters": {
            "type": "object",
            "title": "Token parameters",
            "description": "More fields of the token request, such as audience or resource.",
            "additionalProperties": {"type": "string"},
        },
    },
    "required": ["type"],
    "allOf": [
        {"if": {"properties": {"type": {"const": "none"}}}, "else": {"required": ["secret"]}},
        {
            "if": {"properties": {"type": {"const": "basic"}}},
            "then": {"required": ["username"]},
            "else": {"properties": {"secret": {"minLength": 1}}},
        },
        {"if": {"properties": {"type": {"enum": ["header", "query", "cookie"]}}}, "then": {"required": ["name"]}},
        {
            "if": {"properties": {"type": {"const": CLIENT_CREDENTIALS}}, "required": ["type"]},
            "then": {"required": ["tokenUrl", "clientId"]},
            "else": {"properties": dict.fromkeys(_OF_CLIENTS, False)},
        },
    ],
    "additionalProperties": False,
}

# A list beside the one, because a form of either an object or a list could show neither.
MORE_AUTH: Mapping[str, Json] = {
    "type": "array",
    "title": "More authentication",
    "description": "For systems that want several credentials at once: these are sent too, each at a place of its own.",
    "items": AUTH,
    "minItems": 1,
    "maxItems": MAX_CREDENTIALS - 1,
}


@dataclass(frozen=True, slots=True)
class Credential:
    """What is added to a request; nothing of it is shown."""

    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    query: Mapping[str, str] = field(default_factory=dict, repr=False)
    cookies: Mapping[str, str] = field(default_factory=dict, repr=False)
    kept: Mapping[bytes, str] = field(default_factory=dict, repr=False)
    """The access tokens in it that were not fetched for this request, and may have been taken back meanwhile."""

    def with_headers(self, headers: Mapping[str, str]) -> dict[str, str]:
        """Headers with those of the credential; its cookies stand behind the cookies that are there."""
        if not self.cookies:
            return {**headers, **self.headers}
        given = [value for name, value in headers.items() if name.lower() == "cookie"]
        own = [f"{name}={value}" for name, value in self.cookies.items()]
        others = {name: value for name, value in headers.items() if name.lower() != "cookie"}
        return {**others, **self.headers, "cookie": "; ".join(given + own)}


NO_CREDENTIAL = Credential()


def credential_of(auth: Mapping[str, Json] | None) -> Credential:
    """What a value that fits AUTH adds to a request; one that has to be fetched first is for `credential_for`.

    Raises NodeFailed for a cookie that would be more than one.
    """
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
    if kind == "cookie":
        if not _COOKIE_NAME.fullmatch(auth["name"]) or ";" in secret:
            raise NodeFailed("A cookie's name is letters, digits and marks as in a-b_c, and its value holds no ';'.")
        return Credential(cookies={auth["name"]: secret})
    return Credential(query={auth["name"]: secret})


async def credential_for(
    parameters: Mapping[str, Json], context: NodeContext, refused: Credential = NO_CREDENTIAL
) -> Credential:
    """What `auth` and `moreAuth` of a node add to its request; what was kept of the one that was `refused` is not used.

    An access token is hidden from the record and the answer before it is sent anywhere. Raises NodeFailed when there
    is none, and when two credentials would stand in one place.
    """
    given = [auth for _, auth in credentials_in(parameters)]
    for fault in clashes(parameters):
        raise NodeFailed(f"{fault}.", is_final=True)
    if not any(auth["type"] == CLIENT_CREDENTIALS for auth in given):
        return _together([credential_of(auth) for auth in given])
    if context.http is None:
        raise NodeFailed("No HTTP client was lent to this execution.")
    for key, token in refused.kept.items():
        access_tokens.forget(key, token)
    found = []
    for auth in given:
        if auth["type"] != CLIENT_CREDENTIALS:
            found.append(credential_of(auth))
            continue
        key = key_of(auth)
        token, is_kept = await access_tokens.get(key, partial(fetched, context.http, auth))
        context.hide(token)
        found.append(Credential({"authorization": f"Bearer {token}"}, kept={key: token} if is_kept else {}))
    return _together(found)


def clashes(parameters: Mapping[str, Json]) -> Iterator[Fault]:
    """Each credential that would stand where another one stands; names with expressions are not known yet."""
    seen: dict[tuple[str, str], str] = {}
    for path, auth in credentials_in(parameters):
        at = kind, name = place_of(auth)
        if kind == "none" or has_expression(kind) or has_expression(name):
            continue
        if at in seen:
            parameter = {"query": "query parameter"}.get(kind, kind)
            yield Fault(path, f"the {parameter} {name!r} is written by {seen[at]} too; keep one of the two")
        seen.setdefault(at, path)


def credential_faults(parameters: Mapping[str, Json]) -> list[Fault]:
    """What is wrong with the credentials of a node before its expressions are filled in.

    Two in one place; and a client secret, or the access token that is got with it, of which a caller would choose where
    it goes.
    """
    faults = list(clashes(parameters))
    clients = [(path, auth) for path, auth in credentials_in(parameters) if auth.get("type") == CLIENT_CREDENTIALS]
    goes = [(f"{path}.tokenUrl", auth.get("tokenUrl"), "the client secret") for path, auth in clients]
    goes += [("url", parameters.get("url"), "the access token")] if clients else []
    for path, url, what in goes:
        if isinstance(url, str) and has_expression(url) and not is_settled(url):
            why = f"whoever calls this flow would choose where {what} goes: write scheme and host of the address out"
            faults.append(Fault(path, why))
    return faults


def place_of(auth: Mapping[str, Json]) -> tuple[str, str]:
    """Where a credential stands in a request: in a header, a query or a cookie of which name."""
    kind, name = auth.get("type", "none"), auth.get("name", "")
    if kind in ("bearer", "basic", CLIENT_CREDENTIALS):
        return "header", "authorization"
    return kind, name.lower() if kind == "header" else name


def credentials_in(parameters: Mapping[str, Json]) -> Iterator[tuple[str, Any]]:
    """Every credential of a node's parameters with its path."""
    first, more = parameters.get("auth"), parameters.get("moreAuth")
    if isinstance(first, dict):
        yield "auth", first
    for number, auth in enumerate(more if isinstance(more, list) else ()):
        if isinstance(auth, dict):
            yield f"moreAuth[{number}]", auth


def _together(credentials: list[Credential]) -> Credential:
    parts: dict[str, dict[Any, str]] = {name: {} for name in ("headers", "query", "cookies", "kept")}
    for credential in credentials:
        for name, part in parts.items():
            part |= getattr(credential, name)
    return Credential(**parts)
