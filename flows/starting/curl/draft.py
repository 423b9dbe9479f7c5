"""From the request of a curl command to a flow: what may become a parameter, what has to become a secret."""

import base64
import re
from collections.abc import Container, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from django.core.exceptions import ValidationError

from flows.engine.expressions import has_expression
from flows.starting.curl.command import FORM, JSON, Command, media_type
from flows.starting.curl.options import names
from flows.starting.curl.readings import (
    is_credential,
    is_token,
    is_value,
    is_version,
    secret_name,
    singular,
    type_of,
)
from flows.starting.curl.words import CurlError
from flows.values.json_text import parse_json, unstorable

MAX_VALUES = 40
"""Values of one request that are offered as parameters; what is beyond stays as it is."""

PARTS = "parts"
"""Where the fields of a multipart body stand until they are written into one text."""

_OWN_HEADERS = names(
    "host connection content-length transfer-encoding accept-encoding te trailer upgrade expect keep-alive "
    "proxy-connection proxy-authorization"
)
_OF_BROWSERS = re.compile(
    r"sec-.*|dnt|priority|upgrade-insecure-requests|origin|referer|pragma|cache-control", re.IGNORECASE
)
_VARIABLE = re.compile(r"\$\{?([A-Z][A-Z0-9_]{0,63})\}?")
_PLACEHOLDER = re.compile(r"\{([A-Za-z_][\w-]*)\}")
_VERBS = {"GET": "Get", "HEAD": "Look at", "POST": "Send", "PUT": "Replace", "PATCH": "Change", "DELETE": "Delete"}

Steps = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Value:
    """A value of the request that may become a parameter of the tool.

    `value` is None for a placeholder of the address, `{id}`, which has to become one. `name`, `type` and `description`
    are what is proposed, and `is_likely` whether it is.
    """

    key: str
    place: str
    steps: Steps
    value: Any
    name: str
    type: str
    description: str
    is_likely: bool


@dataclass(frozen=True, slots=True)
class Credential:
    """A value of the request that only a secret may hold; `before` is what stands before it there.

    `name` is what the secret is to be called. `value` is empty where the command has a variable of a shell.
    """

    key: str
    place: str
    steps: Steps
    name: str
    value: str = field(repr=False)
    before: str = ""


@dataclass
class Draft:
    """A request ready to be looked at. Its parameters hold everything that was pasted, credentials too."""

    method: str
    url: str
    parameters: dict[str, Any] = field(repr=False)
    notes: list[str] = field(default_factory=list)
    values: list[Value] = field(default_factory=list)
    credentials: list[Credential] = field(default_factory=list)

    @property
    def name(self) -> str:
        """What the flow is called, unless somebody knows better."""
        words = [part for part in urlsplit(self.url).path.split("/") if part and not is_value(part) and "{" not in part]
        plain = [word for word in words if not is_version(word)] or [urlsplit(self.url).hostname or ""]
        return f"{_VERBS.get(self.method, self.method)} {unquote(plain[-1]).replace('_', ' ').replace('-', ' ')}"[:200]

    @property
    def description(self) -> str:
        """What the tool does, in the words that there are."""
        return f"Calls {self.method} {self.url} and returns what it answers."

    def proposed_name(self, name: str, taken: Container[str] = ()) -> str:
        """A parameter's name that none of the values has yet, and that is not taken otherwise."""
        plain = re.sub(r"[^A-Za-z0-9_]+", "_", name).strip("_")[:40]
        plain = plain if plain[:1].isalpha() else f"value_{plain}".strip("_")
        names, number = {value.name for value in self.values}, 2
        while plain in names or plain in taken:
            plain, number = f"{plain.removesuffix(f'_{number - 1}')}_{number}", number + 1
        return plain

    def offer(self, place: str, steps: Steps, value: Any, name: str, *, is_likely: bool = True) -> None:
        """Take a value for one that may become a parameter."""
        if len(self.values) < MAX_VALUES:
            shown = f", as {str(value)[:60]}" if value not in (None, "") else ""
            description = f"{name} in the {place}{shown}."
            key, proposal, kind = f"v{len(self.values)}", self.proposed_name(name), type_of(value)
            self.values.append(Value(key, place, steps, value, proposal, kind, description, is_likely))

    def hide(self, place: str, steps: Steps, value: str, name: str, before: str = "") -> None:
        """Take a value for a credential."""
        variable = _VARIABLE.fullmatch(value)
        taken, wanted, number = {each.name for each in self.credentials}, secret_name(self.url, name), 2
        free = wanted = variable[1] if variable else wanted
        value = "" if variable else value
        while free in taken:
            free, number = f"{wanted}_{number}", number + 1
        self.credentials.append(Credential(f"c{len(self.credentials)}", place, steps, free, value, before))


def drafted(command: Command) -> Draft:
    """What becomes of a command; raises CurlError for what no flow can send."""
    draft = Draft(command.method, command.url, {"method": command.method}, command.notes)
    _add_path(draft, command)
    _add_query(draft, command)
    _add_headers(draft, command)
    _add_body(draft, command)
    if command.redirects:
        draft.parameters["redirects"] = command.redirects
    if command.timeout:
        draft.parameters["timeout"] = command.timeout
    for text in _texts(draft.parameters):
        if has_expression(text):
            shown = text[text.find("{{") :][:40]
            raise CurlError(
                f"The command holds {shown!r}, which flows take for an expression. Put a value in its place."
            )
    if len(draft.values) == MAX_VALUES:
        draft.notes.append(f"No more than {MAX_VALUES} values are listed; what is beyond stays as it is.")
    return draft


def _add_path(draft: Draft, command: Command) -> None:
    """The URL, with a name in braces for each part of its path that looks like a value."""
    before, _, path = command.url.partition("://")[2].partition("/")
    names: dict[str, str] = {}
    segments = path.split("/")
    draft.parameters |= {"url": command.url, "path": names}
    for index, segment in enumerate(segments):
        placeholder = _PLACEHOLDER.fullmatch(segment)
        if not placeholder and re.search(r"[{}]|\[\d+-\d+", segment):
            raise CurlError(f"{segment[:60]!r} stands for several addresses. Write one, or {{name}} for a parameter.")
        if placeholder or is_value(segment):
            earlier = segments[index - 1] if index else ""
            is_named = earlier and not is_value(earlier) and not is_version(earlier) and "{" not in earlier
            name = placeholder[1] if placeholder else f"{singular(unquote(earlier))}_id" if is_named else "id"
            name = draft.proposed_name(name, names)
            names[name] = "" if placeholder else unquote(segment)
            segments[index] = f"{{{name}}}"
            if not placeholder and is_token(unquote(segment)):
                draft.hide("path", ("path", name), unquote(segment), "TOKEN")
            else:
                draft.offer("path", ("path", name), None if placeholder else unquote(segment), name)
    scheme = command.url.partition("://")[0]
    draft.url = draft.parameters["url"] = f"{scheme}://{before}/{'/'.join(segments)}"


def _add_query(draft: Draft, command: Command) -> None:
    query: dict[str, Any] = {}
    for name, value in command.query:
        query[name] = value if name not in query else [*_as_list(query[name]), value]
    draft.parameters["query"] = query
    for name, value in query.items():
        if isinstance(value, str):
            _offer_named(draft, "query", ("query", name), name, value)
        elif is_credential(name):
            raise CurlError(f"The query has {name[:60]} more than once. Write it once.")


def _add_headers(draft: Draft, command: Command) -> None:
    """Headers as they are, but those that the connection makes; credentials to where `http_request` has them."""
    headers = draft.parameters["headers"] = {}
    left_out = []
    for name, value in command.headers.items():
        if name in _OWN_HEADERS or _OF_BROWSERS.fullmatch(name) or (name == "content-type" and command.parts):
            left_out.append(name)
        elif name == "authorization":
            scheme, space, rest = value.partition(" ")
            before = f"{scheme} " if space else ""
            if scheme.lower() == "bearer" and rest.strip():
                draft.parameters["auth"] = {"type": "bearer", "secret": rest.strip()}
                draft.hide("header authorization", ("auth", "secret"), rest.strip(), "TOKEN")
            elif scheme.lower() == "basic" and (pair := _basic(rest)):
                command.user = pair
            else:
                headers[name] = value
                draft.hide(
                    "header authorization", ("headers", name), (rest if space else value).strip(), "TOKEN", before
                )
        elif is_credential(name) and value:
            headers[name] = value
            draft.hide(f"header {name}", ("headers", name), value, name.removeprefix("x-"))
        else:
            headers[name] = value
    if left_out:
        draft.notes.append(f"Headers left out, which the connection or a browser makes: {', '.join(left_out)}.")
    if command.user is not None:
        _add_user(draft, *command.user)


def _add_user(draft: Draft, user: str, password: str | None) -> None:
    if "auth" in draft.parameters or "authorization" in draft.parameters["headers"]:
        raise CurlError("The command has -u and an Authorization header. Take one of them out.")
    if password != "" or not user:
        draft.parameters["auth"] = {"type": "basic", "username": user, "secret": password or ""}
        draft.hide("user", ("auth", "secret"), password or "", "PASSWORD")
    else:
        # Without a password the name is the key, as some APIs have it.
        pair = base64.b64encode(f"{user}:".encode()).decode()
        draft.parameters["headers"]["authorization"] = f"Basic {pair}"
        draft.hide("user", ("headers", "authorization"), pair, "BASIC", "Basic ")


def _add_body(draft: Draft, command: Command) -> None:
    if command.parts:
        draft.parameters[PARTS] = [list(part) for part in command.parts]
        for index, (name, value) in enumerate(command.parts):
            _offer_named(draft, "form", (PARTS, index, 1), name, value)
    elif command.body is not None:
        is_said, kind = "content-type" in command.headers, media_type(command)
        parsed = _parsed(command.body)
        if kind == JSON or kind.endswith("+json") or (not is_said and isinstance(parsed, dict | list)):
            _add_json(draft, parsed, kind, is_said)
        elif kind == FORM and (pairs := _pairs(command.body)) is not None:
            draft.parameters["bodyForm"] = pairs
            draft.parameters["headers"].pop("content-type", None)
            for name, value in pairs.items():
                _offer_named(draft, "form", ("bodyForm", name), name, value)
        else:
            draft.parameters["bodyText"] = command.body
            if not is_said:
                draft.parameters["headers"]["content-type"] = FORM
            draft.offer("body", ("bodyText",), command.body, "text", is_likely=False)


def _add_json(draft: Draft, value: Any, kind: str, is_said: bool) -> None:
    if value is None:
        raise CurlError("The body is said to be JSON, but it cannot be read as JSON.")
    if not is_said:
        draft.notes.append("The body is JSON and is sent as application/json, which curl would not have said.")
    draft.parameters["bodyJson"] = value
    if kind == JSON:
        draft.parameters["headers"].pop("content-type", None)
    for steps, leaf in _leaves(value):
        name = "_".join(str(step) for step in steps if isinstance(step, str)) or "body"
        _offer_named(draft, "body", ("bodyJson", *steps), name, leaf, is_likely=len(steps) < 2)


def _offer_named(draft: Draft, place: str, steps: Steps, name: str, value: Any, *, is_likely: bool = True) -> None:
    if is_credential(name) and value != "" and not isinstance(value, bool):
        draft.hide(f"{place} {name}", steps, str(value), name)
    else:
        draft.offer(place, steps, value, name, is_likely=is_likely)


def _texts(value: Any) -> Iterator[str]:
    pending = [value]
    while pending:
        item = pending.pop()
        if isinstance(item, str):
            yield item
        elif isinstance(item, dict):
            pending += [*item.keys(), *item.values()]
        elif isinstance(item, list):
            pending += item


def _leaves(value: Any, steps: Steps = ()) -> Iterator[tuple[Steps, Any]]:
    """Every text, number and boolean of a JSON value, with the steps that lead there."""
    if isinstance(value, dict | list):
        inside = value.items() if isinstance(value, dict) else enumerate(value)
        for step, child in inside:
            yield from _leaves(child, (*steps, step))
    elif value is not None and steps:
        yield steps, value


def _parsed(text: str) -> Any:
    try:
        value = parse_json(text)
    except ValidationError:
        return None
    if reason := unstorable(value):
        raise CurlError(f"The body cannot be kept: {reason}")
    return value


def _pairs(text: str) -> dict[str, str] | None:
    """A form whose fields have names of their own; None for another text."""
    found = parse_qsl(text, keep_blank_values=True)
    is_form = all("=" in pair for pair in text.split("&")) and len(dict(found)) == len(found)
    return dict(found) if is_form and found else None


def _basic(text: str) -> tuple[str, str] | None:
    try:
        user, _, password = base64.b64decode(text.strip(), validate=True).decode().partition(":")
    except ValueError:
        return None
    return user, password


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
