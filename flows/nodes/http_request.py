"""Call another system over HTTP."""

import base64
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, ClassVar
from urllib.parse import quote, urlencode, urljoin

from flows.engine.aside import aside
from flows.engine.errors import Fault, NodeFailed
from flows.engine.expressions import as_text
from flows.engine.node import MAIN, HttpResponse, Json, NodeContext, NodeResult
from flows.engine.shapes import UNKNOWN, Shape, closed
from flows.nodes.credentials import AUTH, MORE_AUTH, NO_CREDENTIAL, credential_faults, credential_for
from flows.nodes.redirects import MAX_REDIRECTS, OutgoingRequest, origin, place, send
from flows.values.http_status import is_final, retry_after

DEFAULT_TIMEOUT = 30
_SHOWN_BODY = 300
_JSON_TYPE = re.compile(r"application/(json|[a-z0-9.+-]+\+json)", re.IGNORECASE)
# Others are not used: Python takes names such as punycode or unicode_escape for encodings too.
_CHARSET = re.compile(
    r"utf-?(8|16|32)([bl]e)?|us-ascii|ascii|iso-8859-\d+|latin-?1|windows-125\d|koi8-[ru]|gb(k|2312|18030)|big5"
    r"|shift_jis|euc-(jp|kr)",
    re.IGNORECASE,
)
_SCALAR = {"type": ["string", "number", "boolean"]}


class HttpRequest:
    """Sends one request; its output is the status, the headers and the body of the answer."""

    type: ClassVar[str] = "http_request"
    title: ClassVar[str] = "HTTP request"
    description: ClassVar[str] = "Sends a request to another system and gives out its answer."
    group: ClassVar[str] = "Connect"
    icon: ClassVar[str] = "globe"
    help: ClassVar[str] = (
        "Write credentials as secrets of the server: {{ secrets.API_KEY }} is looked up when the flow is called and is "
        "never recorded. Private addresses are refused unless an operator allows them. An answer may have 5 MiB; JSON "
        "is read as JSON, everything else as text."
    )
    example: ClassVar[Mapping[str, Json]] = {
        "url": "https://api.example.com/orders/{{ trigger.order_id }}",
        "headers": {"authorization": "Bearer {{ secrets.API_KEY }}"},
    }
    parameters_schema: ClassVar[Mapping[str, Json]] = {
        "type": "object",
        "properties": {
            "method": {
                "type": "string",
                "title": "Method",
                "enum": ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"],
                "default": "GET",
            },
            "url": {
                "type": "string",
                "title": "URL",
                "description": "The whole address: https://api.example.com/orders.",
                "minLength": 1,
                "maxLength": 8192,
            },
            "path": {
                "type": "object",
                "title": "Path",
                "description": "Put into the URL where it says {name}, escaped: /orders/{id}.",
                "additionalProperties": _SCALAR,
            },
            "query": {
                "type": "object",
                "title": "Query",
                "description": (
                    "Added to the URL and escaped. Null is left out, and a list gives one parameter for each item."
                ),
                "additionalProperties": {
                    "type": ["string", "number", "boolean", "null", "array"],
                    "items": _SCALAR,
                },
            },
            "headers": {
                "type": "object",
                "title": "Headers",
                "description": "Headers that are null are left out.",
                "additionalProperties": {"type": ["string", "number", "boolean", "null"]},
            },
            "auth": AUTH,
            "moreAuth": MORE_AUTH,
            "bodyJson": {"title": "JSON body", "description": "Any JSON value. Sent as application/json."},
            "bodyText": {
                "type": "string",
                "title": "Text body",
                "description": "Sent as text/plain unless a content-type header says otherwise.",
            },
            "bodyForm": {
                "type": "object",
                "title": "Form body",
                "description": "Sent as application/x-www-form-urlencoded. Fields that are null are left out.",
                "additionalProperties": {"type": ["string", "number", "boolean", "null"]},
            },
            "responseAs": {
                "type": "string",
                "title": "Read the answer as",
                "description": "Without it: JSON or text, by the content-type. base64 is for images and files.",
                "enum": ["json", "text", "base64"],
            },
            "redirects": {
                "type": "integer",
                "title": "Redirects",
                "description": (
                    "How many redirects to follow. To another origin go neither credentials nor bodies, and of the "
                    "headers only accept, accept-language, content-type and user-agent."
                ),
                "minimum": 0,
                "maximum": MAX_REDIRECTS,
                "default": 0,
            },
            "timeout": {
                "type": "number",
                "title": "Timeout",
                "description": "Seconds for the whole request, at most 300.",
                "exclusiveMinimum": 0,
                "maximum": 300,
                "default": DEFAULT_TIMEOUT,
            },
            "expect": {
                "type": "array",
                "title": "Expected statuses",
                "description": "Statuses that count as success. Without it: every 2xx.",
                "items": {"type": "integer", "minimum": 100, "maximum": 599},
                "minItems": 1,
            },
            "failOnStatus": {
                "type": "boolean",
                "title": "Fail on another status",
                "description": "When off, the flow goes on and can branch on the status.",
                "default": True,
            },
        },
        "required": ["url"],
        "dependentSchemas": {
            "bodyJson": {"properties": {"bodyText": False, "bodyForm": False}},
            "bodyText": {"properties": {"bodyForm": False}},
        },
        "additionalProperties": False,
    }
    handles: ClassVar[tuple[str, ...]] = (MAIN,)
    has_effects: ClassVar[bool] = True

    def parameter_faults(self, parameters: Mapping[str, Json]) -> Sequence[Fault]:
        """What is wrong with the credentials."""
        return credential_faults(parameters)

    async def execute(self, parameters: Mapping[str, Json], context: NodeContext) -> NodeResult:
        """Send the request; raises NodeFailed without an answer, with an unexpected status, or with broken JSON."""
        if context.http is None:
            raise NodeFailed("No HTTP client was lent to this execution.")
        method, url = parameters.get("method", "GET"), _url(parameters)
        expect = parameters.get("expect", [])
        sent = await aside(partial(_request, method, url, parameters), parameters)
        credential = await credential_for(parameters, context)
        sending = partial(
            send,
            context.http,
            timeout=float(parameters.get("timeout", DEFAULT_TIMEOUT)),
            most=parameters.get("redirects", 0),
            expect=expect,
        )
        response = await sending(replace(sent, credential=credential))
        if credential.kept and response.status == 401 and origin(response.url) == origin(sent.url):
            # The token may have been taken back before its time.
            credential = await credential_for(parameters, context, credential)
            response = await sending(replace(sent, credential=credential))
        is_expected = response.status in expect if expect else 200 <= response.status < 300
        # What is sent in place of the thing that was asked for is read as what it says it is.
        read_as = parameters.get("responseAs") if is_expected else None
        body, problem = await aside(partial(read_body, response, read_as), response.body)
        output = {"status": response.status, "headers": dict(response.headers), "body": body}
        called = f"{method} {place(url)}"
        if parameters.get("failOnStatus", True) and not is_expected:
            reason = f"{response.status} {response.reason}".strip()
            raise NodeFailed(
                f"{called} answered {reason}{_shown(response, body)}",
                detail=output,
                is_final=is_final(response.status),
                retry_after=retry_after(response.headers.get("retry-after", "")),
            )
        if problem:
            raise NodeFailed(f"{called} answered JSON that cannot be read: {problem}.", detail=output)
        return NodeResult(output)

    def output_schema_of(self, parameters: Mapping[str, Json], shape_of: Callable[[Json], Shape]) -> Shape:
        """The answer; nothing is known of its body."""
        headers = {"type": "object", "additionalProperties": {"type": "string"}}
        return closed({"status": {"type": "integer"}, "headers": headers, "body": UNKNOWN})


def _url(parameters: Mapping[str, Json]) -> str:
    """The address with its path filled in; raises NodeFailed for a value that would make it another address."""
    url: str = parameters["url"]
    for name, value in parameters.get("path", {}).items():
        text = as_text(value)
        if not text.strip("."):
            raise NodeFailed(f"Path: {name} is {text!r}, which leads to another address. Give it a value.")
        if f"{{{name}}}" not in url:
            raise NodeFailed(f"Path: the URL does not say {{{name}}}. Write it there, or remove {name}.")
        # What is put in holds no brace, so it is not taken for a name itself.
        url = url.replace(f"{{{name}}}", quote(text, safe="", errors="replace"))
    return url


def _request(method: str, url: str, parameters: Mapping[str, Json]) -> OutgoingRequest:
    content, media_type = _content(parameters)
    headers = _fields(parameters.get("headers", {}))
    if media_type and not any(name.lower() == "content-type" for name in headers):
        headers["content-type"] = media_type
    given = parameters.get("query", {})
    lists = {name: [as_text(item) for item in value] for name, value in given.items() if isinstance(value, list)}
    query = {name: lists.get(name, text) for name, text in _fields(given).items()}
    return OutgoingRequest(method, url, headers, query, content, NO_CREDENTIAL)


def _fields(values: Mapping[str, Json]) -> dict[str, str]:
    return {name: as_text(value) for name, value in values.items() if value is not None}


def _content(parameters: Mapping[str, Json]) -> tuple[bytes | None, str | None]:
    if "bodyJson" in parameters:
        return json.dumps(parameters["bodyJson"]).encode(), "application/json"
    if "bodyText" in parameters:
        return parameters["bodyText"].encode(errors="replace"), "text/plain; charset=utf-8"
    if "bodyForm" in parameters:
        form = urlencode(_fields(parameters["bodyForm"]), errors="replace")
        return form.encode(), "application/x-www-form-urlencoded"
    return None, None


def _shown(response: HttpResponse, body: Json) -> str:
    """The start of the answer, or where it points to."""
    location = response.headers.get("location")
    if location and 300 <= response.status < 400:
        return f", a redirect to {place(urljoin(response.url, location))} that was not followed; see Redirects."
    text = " ".join((body if isinstance(body, str) else as_text(body)).split()) if response.body else ""
    return f": {text[:_SHOWN_BODY]}{'...' if len(text) > _SHOWN_BODY else ''}" if text else "."


def read_body(response: HttpResponse, read_as: str | None = None) -> tuple[Json, str]:
    """Return the body as `json`, `text` or `base64`, and what is wrong with it ("" when nothing is).

    Without `read_as` it is JSON or text by its media type. An empty JSON body is null. A JSON body that cannot be read
    comes back as text.
    """
    if read_as == "base64":
        return base64.b64encode(response.body).decode(), ""
    media_type, _, rest = response.headers.get("content-type", "").partition(";")
    if read_as == "text" or (read_as is None and not _JSON_TYPE.fullmatch(media_type.strip())):
        return _text(response.body, rest), ""
    if not response.body.strip():
        return None, ""
    try:
        # RFC 8259 knows UTF-8 alone, but servers say what else they wrote.
        charset = _charset(rest)
        text = response.body if charset.startswith("utf") else response.body.decode(charset)
        return json.loads(text, parse_constant=_refuse_constant), ""
    except (ValueError, RecursionError) as error:
        return _text(response.body, rest), str(error)


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _text(body: bytes, media_type_parameters: str) -> str:
    return body.decode(_charset(media_type_parameters), errors="replace")


def _charset(media_type_parameters: str) -> str:
    """The charset that a media type names, if it is one that texts are written in, in lower case; else UTF-8."""
    found = re.search(r"charset\s*=\s*\"?([\w.-]+)", media_type_parameters, re.IGNORECASE)
    return found[1].lower() if found and _CHARSET.fullmatch(found[1]) else "utf-8"
