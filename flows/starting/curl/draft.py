"""A request as a person looks at it: what of it may become a parameter, what has to become a secret."""

import re
from collections.abc import Container
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit

from flows.starting.curl.readings import is_value, is_version, secret_name, type_of

MAX_VALUES = 40
"""Values of one request that are offered as parameters; what is beyond stays as it is."""

PARTS = "parts"
"""Where the fields of a multipart body stand until they are written into one text."""

_VARIABLE = re.compile(r"\$\{?([A-Z][A-Z0-9_]{0,63})\}?")
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
