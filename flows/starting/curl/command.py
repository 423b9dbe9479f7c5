"""What a curl command asks for: its options read as curl reads them, and those that flows cannot do refused."""

import re
from dataclasses import dataclass, field
from urllib.parse import quote_plus, unquote, urlsplit, urlunsplit

from flows.nodes.http_request import HttpRequest
from flows.nodes.redirects import MAX_REDIRECTS
from flows.starting.curl.options import LEFT_OUT, NO_FILES, ONE_REQUEST, REFUSED, SWITCHES, options_of
from flows.starting.curl.words import CurlError, words_of

MAX_COMMAND = 200_000
"""Characters of a command that is pasted."""

METHODS: tuple[str, ...] = tuple(HttpRequest.parameters_schema["properties"]["method"]["enum"])
FORM, JSON = "application/x-www-form-urlencoded", "application/json"


@dataclass(slots=True)
class Command:
    """The request of a curl command. Credentials stand in it as they were pasted, so it is never stored or shown.

    Names of headers are small. `query` keeps order and repetitions; `parts` are the fields of a multipart body.
    """

    method: str = ""
    url: str = ""
    query: list[tuple[str, str]] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict, repr=False)
    user: tuple[str, str | None] | None = field(default=None, repr=False)
    body: str | None = field(default=None, repr=False)
    parts: list[tuple[str, str]] = field(default_factory=list, repr=False)
    redirects: int = 0
    timeout: float | None = None
    notes: list[str] = field(default_factory=list)


def read(text: str) -> Command:
    """Read a command; raises CurlError that says what to change."""
    if len(text) > MAX_COMMAND:
        raise CurlError(f"The command has more than {MAX_COMMAND:,} characters.")
    command = Command()
    words = words_of(text, command.notes.append)
    if not words or words[0].replace("\\", "/").rpartition("/")[2].lower() not in ("curl", "curl.exe"):
        raise CurlError(
            "It does not begin with curl. Paste the whole command, as a browser or a page of an API shows it."
        )
    if "curl" in words[1:]:
        raise CurlError("There is more than one command. Paste them one by one.")
    _Reader(command).read(words[1:])
    command.notes = list(dict.fromkeys(command.notes))
    return command


class _Reader:
    """Goes through the options, and puts together what they come to at the end."""

    def __init__(self, command: Command) -> None:
        self.command = command
        self.data: list[str] = []
        self.urls: list[str] = []
        self.left_out: list[str] = []
        self.switched: set[str] = set()

    def read(self, words: list[str]) -> None:
        for name, shown, value in options_of(words):
            if name in REFUSED:
                raise CurlError(f"{shown} cannot be done: {REFUSED[name]}. Take it out of the command.")
            if name in LEFT_OUT:
                self.left_out.append(shown)
            elif name in SWITCHES:
                self.switched.add(name)
            elif name in ("data", "data-ascii", "data-binary", "data-raw", "data-urlencode", "json"):
                self._add_data(name, shown, value)
            elif name in ("form", "form-string"):
                self._add_part(name, value)
            else:
                self._set(name, shown, value)
        if self.left_out:
            listed = ", ".join(dict.fromkeys(self.left_out))
            self.command.notes.append(f"Left out, because it changes nothing of what is asked: {listed}.")
        self._finish()

    def _set(self, name: str, shown: str, value: str) -> None:
        command = self.command
        match name:
            case "url":
                self.urls.append(value)
            case "request":
                command.method = value.upper()
            case "header":
                self._add_header(value)
            case "user":
                user, colon, password = value.partition(":")
                command.user = user, password if colon else None
            case "oauth2-bearer":
                command.headers["authorization"] = f"Bearer {value}"
            case "range":
                command.headers["range"] = f"bytes={value}"
            case "user-agent" | "referer":
                command.headers[name] = value.removesuffix(";auto")
            case "cookie":
                self._add_cookie(shown, value)
            case "url-query":
                command.query.append(_urlencoded(value, shown))
            case _:
                self._set_number(name, shown, value)

    def _set_number(self, name: str, shown: str, value: str) -> None:
        try:
            number = max(0.0, float(value))
        except ValueError:
            raise CurlError(f"{shown} takes a number, not {value[:40]!r}.") from None
        if name == "max-time":
            self.command.timeout = min(number, 300.0) or None
        else:
            self.command.redirects = int(min(number, MAX_REDIRECTS))

    def _add_cookie(self, shown: str, value: str) -> None:
        if "=" not in value:
            raise CurlError(f"{shown} names a file of cookies: {NO_FILES}.")
        before = self.command.headers.get("cookie")
        self.command.headers["cookie"] = f"{before}; {value}" if before else value

    def _add_header(self, line: str) -> None:
        if line.startswith("@"):
            raise CurlError(f"-H {line[:40]} reads headers from a file: {NO_FILES}.")
        name, colon, value = line.partition(":")
        if colon and value.strip():
            self.command.headers[name.strip().lower()] = value.strip()
        elif line.endswith(";"):
            self.command.headers[line[:-1].strip().lower()] = ""
        else:
            self.command.notes.append(f"The header {name.strip()[:60]} has no value, so it is not sent.")

    def _add_data(self, name: str, shown: str, value: str) -> None:
        if name == "data-urlencode":
            key, text = _urlencoded(value, shown)
            value = f"{quote_plus(key)}={quote_plus(text)}" if key else quote_plus(text)
        elif value.startswith("@") and name != "data-raw":
            raise CurlError(f"{shown} {value[:40]} reads the body from a file: {NO_FILES}.")
        if name == "json":
            self.command.headers.setdefault("content-type", JSON)
            self.command.headers.setdefault("accept", JSON)
            self.data[-1:] = ["".join([*self.data[-1:], value])]
        else:
            self.data.append(value)

    def _add_part(self, name: str, value: str) -> None:
        key, equals, text = value.partition("=")
        if not equals:
            raise CurlError(f"-F {value[:40]} has no value: write name=value.")
        if name == "form":
            if text.startswith(("@", "<")):
                raise CurlError(
                    f"-F {key[:40]}=@... sends a file, and flows have none: leave it out, or send its text."
                )
            text, semicolon, _ = text.partition(";type=")
            if semicolon:
                self.command.notes.append(f"The media type of the field {key[:60]} is not sent.")
        self.command.parts.append((key, text))

    def _finish(self) -> None:
        command = self.command
        if len(self.urls) != 1:
            raise CurlError(
                "The command has no URL." if not self.urls else f"It has {len(self.urls)} URLs: {ONE_REQUEST}."
            )
        if self.data and command.parts:
            raise CurlError("-d and -F together are two bodies. Take one of them out.")
        _set_url(command, self.urls[0])
        if "get" in self.switched:
            command.query += [_pair(pair) for piece in self.data for pair in piece.split("&") if pair]
            self.data = []
        if self.data:
            command.body = "&".join(self.data)
        if not command.method:
            command.method = "HEAD" if "head" in self.switched else "POST" if self.data or command.parts else "GET"
        if command.method not in METHODS:
            raise CurlError(f"Flows do not send {command.method[:40]}, but {', '.join(METHODS)}.")
        if self.switched & {"location", "location-trusted"}:
            command.redirects = min(command.redirects or MAX_REDIRECTS, MAX_REDIRECTS)
            if "location-trusted" in self.switched:
                command.notes.append("Credentials are not sent on to another host, whatever --location-trusted says.")
        else:
            command.redirects = 0


def _urlencoded(value: str, shown: str) -> tuple[str, str]:
    """`name=text`, `=text` or `text`, not escaped yet."""
    name, equals, text = value.partition("=")
    if "@" in (value if not equals else name):
        raise CurlError(f"{shown} {value[:40]} reads from a file: {NO_FILES}.")
    return (name, text) if equals else ("", value)


def _pair(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    return unquote(name.replace("+", " ")), unquote(value.replace("+", " "))


def _set_url(command: Command, text: str) -> None:
    """Take the URL apart: who asks and the query stand beside it."""
    if "://" not in text:
        text = f"http://{text}"
        command.notes.append("The URL says neither http nor https; curl takes http.")
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise CurlError(f"{text[:100]!r} is no URL.") from None
    if parts.scheme.lower() not in ("http", "https") or not host:
        raise CurlError(f"Flows ask http:// and https:// addresses, not {text[:60]!r}.")
    if re.search(r"[{}<>\s]", host):
        raise CurlError(f"The host {host[:60]!r} is not filled in. Write yours.")
    if parts.username is not None and command.user is None:
        command.user = unquote(parts.username), None if parts.password is None else unquote(parts.password)
    command.query = [_pair(pair) for pair in parts.query.split("&") if pair] + command.query
    command.url = urlunsplit((parts.scheme.lower(), parts.netloc.rpartition("@")[2], parts.path or "/", "", ""))


def media_type(command: Command) -> str:
    """What the command says that its body is, without parameters; what curl says when it says nothing."""
    return (command.headers.get("content-type") or FORM).partition(";")[0].strip().lower()
