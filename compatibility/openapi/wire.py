"""A request as it arrives: an echo server that keeps what it was sent, and what two requests differ in."""

import base64
import json
import re
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from email.message import Message
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, unquote_plus, urlsplit

OF_THE_CLIENT = frozenset(
    {
        *("host", "connection", "user-agent", "accept-encoding", "accept-language", "content-length", "sec-fetch-mode"),
        *("sec-fetch-site", "transfer-encoding", "traceparent", "tracestate", "baggage", "keep-alive", "accept"),
        *("pragma", "cache-control", "flowhub-lineage"),
    }
)
"""Headers that each client chooses for itself, unless the document names them as parameters.

`accept` is among them: `*/*` takes what the other asks for by name.
"""
_KEPT = {ord(char): f"%{ord(char):02X}" for char in "/;,=?&#%"}


@dataclass(frozen=True)
class Sent:
    """A request; `target` is its path with the query, as it stood in the first line."""

    method: str
    target: str
    headers: list[tuple[str, str]]
    body: bytes = b""

    def header(self, name: str) -> str:
        """A header's value, empty without one."""
        return ", ".join(value for key, value in self.headers if key.lower() == name)


@dataclass(frozen=True)
class Difference:
    """Where two requests differ: `place` is method, path, query, header, cookie or body, `name` which of them."""

    place: str
    name: str
    expected: Any
    got: Any

    @property
    def is_extra(self) -> bool:
        """Whether the other did not send it at all."""
        return self.expected is None or self.expected is _NONE

    def __str__(self) -> str:
        where = f"{self.place}.{self.name}" if self.name else self.place
        return f"{where}: expected {_short(self.expected)}, got {_short(self.got)}"


_NONE = object()
"""No such property, which is not null."""


def _short(value: Any) -> str:
    if value is None or value is _NONE:
        return "nothing"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 160 else f"{text[:160]}..."


@dataclass
class Parts:
    """A request taken apart, so that two ways to write the same are equal."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    cookies: dict[str, list[str]]
    media_type: str
    body: Any = None
    """JSON as a value, a form and a multipart as fields with lists of what they hold, anything else as text."""
    fields: dict[str, Any] = field(default_factory=dict)


def parts_of(sent: Sent, named: Iterable[str] = ()) -> Parts:
    """Take a request apart; `named` are headers that the document names."""
    split = urlsplit(sent.target)
    counted = OF_THE_CLIENT - {name.lower() for name in named} | {"content-type", "cookie"}
    headers: dict[str, str] = {}
    for name, value in sent.headers:
        if name and name.lower() not in counted:
            headers[name.lower()] = value.strip()
    media = sent.header("content-type")
    media_type = media.partition(";")[0].strip().lower() if sent.body else ""
    parts = Parts(sent.method.upper(), decoded_path(split.path), _pairs(split.query), headers, {}, media_type)
    for pair in sent.header("cookie").split(";"):
        if pair.strip():
            name, _, value = pair.strip().partition("=")
            parts.cookies.setdefault(unquote(name), []).append(unquote(value))
    if not sent.body:
        return parts
    if media_type == "application/x-www-form-urlencoded":
        parts.fields = _pairs(sent.body.decode(errors="replace"))
    elif media_type.startswith("multipart/"):
        parts.fields = _multipart(media, sent.body)
    else:
        parts.body = _value(sent.body)
        return parts
    # A form without a field is nothing, however it is written.
    parts.media_type = media_type if parts.fields else ""
    return parts


def decoded_path(path: str) -> str:
    """With every code written out, but for those of characters that may mean something else without one."""
    return re.sub(r"(?:%[0-9A-Fa-f]{2})+", lambda codes: unquote(codes[0], errors="replace").translate(_KEPT), path)


def _pairs(text: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for pair in filter(None, text.split("&")):
        name, _, value = pair.partition("=")
        found.setdefault(unquote_plus(name), []).append(unquote_plus(value))
    return found


def _multipart(media: str, body: bytes) -> dict[str, list[Any]]:
    message: Message = BytesParser().parsebytes(b"Content-Type: " + media.encode() + b"\r\n\r\n" + body)
    found: dict[str, list[Any]] = {}
    payload = message.get_payload()
    for part in payload if isinstance(payload, list) else []:
        if not isinstance(part, Message):
            continue
        name = str(part.get_param("name", "", header="content-disposition"))
        raw = part.get_payload(decode=True)
        content = raw if isinstance(raw, bytes) else b""
        kind = part.get_content_type()
        held: dict[str, Any] = {"content": _value(content) if "json" in kind else _text(content)}
        if part.get_filename() and "json" not in kind:
            held["filename"] = part.get_filename()
        if kind != "text/plain":
            held["type"] = kind
        found.setdefault(name, []).append(held)
    return found


def _value(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return _text(body)


def _text(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError:
        return f"base64:{base64.b64encode(body).decode()}"


def differences(expected: Parts, got: Parts) -> list[Difference]:
    """What two requests differ in."""
    return list(_differences(expected, got))


def _differences(expected: Parts, got: Parts) -> Iterator[Difference]:
    if expected.method != got.method:
        yield Difference("method", "", expected.method, got.method)
    if expected.path != got.path:
        yield Difference("path", "", expected.path, got.path)
    yield from _of("query", expected.query, got.query)
    yield from _of("header", expected.headers, got.headers)
    yield from _of("cookie", expected.cookies, got.cookies)
    if expected.media_type != got.media_type:
        yield Difference("header", "content-type", expected.media_type, got.media_type)
    if expected.fields or got.fields:
        yield from _of("body", expected.fields, got.fields)
    yield from _of_json("", expected.body, got.body)


def _of_json(name: str, expected: Any, got: Any) -> Iterator[Difference]:
    """Where two values of JSON differ, as deep as both are objects or lists of a length."""
    if isinstance(expected, dict) and isinstance(got, dict):
        for key in sorted({*expected, *got}):
            yield from _of_json(f"{name}.{key}" if name else key, expected.get(key, _NONE), got.get(key, _NONE))
    elif isinstance(expected, list) and isinstance(got, list) and len(expected) == len(got):
        for index, each in enumerate(zip(expected, got, strict=True)):
            yield from _of_json(f"{name}[{index}]", *each)
    elif expected is _NONE or got is _NONE or expected != got or isinstance(expected, bool) != isinstance(got, bool):
        yield Difference("body", name, expected, got)


def _of(place: str, expected: Mapping[str, Any], got: Mapping[str, Any]) -> Iterator[Difference]:
    for name in sorted({*expected, *got}):
        if expected.get(name) != got.get(name):
            yield Difference(place, name, expected.get(name), got.get(name))


class Echo:
    """A server of 127.0.0.1 that keeps the requests it gets, and answers as it is told to."""

    def __init__(self, port: int = 0) -> None:
        self.sent: list[Sent] = []
        self.answer: tuple[int, str, bytes] = (200, "application/json", b"{}")
        self.tokens: dict[str, str] = {}
        """What is answered at the path of a token endpoint."""
        echo = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = 10

            def do(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                if self.headers.get("transfer-encoding") == "chunked":
                    body = self._chunks()
                headers = [(name, _header(value)) for name, value in self.headers.items()]
                path = urlsplit(self.path).path
                status, kind, content = echo.answer
                if path in echo.tokens and self.command == "POST":
                    token = {"access_token": echo.tokens[path], "token_type": "Bearer", "expires_in": 3600}
                    status, kind, content = 200, "application/json", json.dumps(token).encode()
                echo.sent.append(Sent(self.command, self.path, headers, body))
                self.send_response(status)
                if kind:
                    self.send_header("content-type", kind)
                if status != 204:
                    self.send_header("content-length", str(len(content)))
                self.end_headers()
                if self.command != "HEAD" and status != 204:
                    self.wfile.write(content)

            def _chunks(self) -> bytes:
                found = b""
                while size := int(self.rfile.readline().partition(b";")[0], 16):
                    found += self.rfile.read(size)
                    self.rfile.readline()
                self.rfile.readline()
                return found

            do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_TRACE = do_QUERY = do

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.server.daemon_threads = True
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    @property
    def origin(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.server.server_port}"

    def taken(self, method: str = "", path: str = "") -> list[Sent]:
        """What was sent since this was asked last, but for requests for tokens, unless the operation is one."""
        found, self.sent = self.sent, []
        others = [each for each in found if urlsplit(each.target).path not in self.tokens]
        is_own = method == "post" and any(token.endswith(path.partition("#")[0]) for token in self.tokens)
        return found if is_own and not others else others

    def stop(self) -> None:
        """End it."""
        self.server.shutdown()
        self.server.server_close()


def _header(value: str) -> str:
    """Header values come as latin-1; most clients that send other letters send UTF-8."""
    try:
        return value.encode("latin-1").decode()
    except UnicodeError:
        return value
