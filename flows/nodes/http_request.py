"""Call another system over HTTP."""

import base64
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, ClassVar
from urllib.parse import unquote, urljoin

from flows.engine.aside import aside
from flows.engine.errors import Fault, NodeFailed
from flows.engine.expressions import as_text
from flows.engine.node import MAIN, HttpResponse, Json, NodeContext, NodeResult
from flows.engine.shapes import UNKNOWN, Shape, closed
from flows.nodes.credentials import AUTH, MORE_AUTH, NO_CREDENTIAL, credential_faults, credential_for
from flows.nodes.multipart import bytes_of, multipart
from flows.nodes.redirects import MAX_REDIRECTS, OutgoingRequest, origin, place, send
from flows.nodes.styles import (
    COOKIES,
    FORM,
    HEADERS,
    JSON_TYPE,
    MAX_FIELDS,
    MAX_URL,
    PATH,
    QUERY,
    STYLES,
    Style,
    is_plain,
    joined,
    pairs_of,
    text_of,
)
from flows.values.http_status import is_final, retry_after

DEFAULT_TIMEOUT = 30
_SHOWN_BODY = 300
# Others are not used: Python takes names such as punycode or unicode_escape for encodings too.
_CHARSET = re.compile(
    r"utf-?(8|16|32)([bl]e)?|us-ascii|ascii|iso-8859-\d+|latin-?1|windows-125\d|koi8-[ru]|gb(k|2312|18030)|big5"
    r"|shift_jis|euc-(jp|kr)",
    re.IGNORECASE,
)
_VALUE = {"type": ["string", "number", "boolean", "array", "object"]}
_OR_NULL = {"type": ["string", "number", "boolean", "null", "array", "object"]}
_BODIES = ("bodyJson", "bodyText", "bodyForm", "bodyMultipart", "bodyBase64")


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
                "x-destination": True,
                "x-credential": True,
                "minLength": 1,
                "maxLength": 8192,
            },
            "path": {
                "type": "object",
                "title": "Path",
                "x-credential": True,
                "description": (
                    "Put into the URL where it says {name}, escaped: /orders/{id}. The items of a list are joined by "
                    "commas."
                ),
                "additionalProperties": _VALUE,
            },
            "query": {
                "type": "object",
                "title": "Query",
                "x-credential": True,
                "description": (
                    "Added to the URL and escaped. Null and empty lists are left out, a list gives one parameter for "
                    "each item, and an object one for each member: a[b]=1."
                ),
                "additionalProperties": _OR_NULL,
            },
            "headers": {
                "type": "object",
                "title": "Headers",
                "x-credential": True,
                "description": "Headers that are null are left out. The items of a list are joined by commas.",
                "additionalProperties": _OR_NULL,
            },
            "cookies": {
                "type": "object",
                "title": "Cookies",
                "x-credential": True,
                "description": (
                    "Sent as one cookie header. Null is left out, and what no cookie may hold is percent-encoded."
                ),
                "additionalProperties": _OR_NULL,
            },
            "styles": STYLES,
            "auth": AUTH,
            "moreAuth": MORE_AUTH,
            "bodyJson": {
                "title": "JSON body",
                "description": "Any JSON value. Sent as application/json.",
                "x-credential": True,
            },
            "bodyText": {
                "type": "string",
                "title": "Text body",
                "x-credential": True,
                "description": "Sent as text/plain unless a content-type header says otherwise: text/xml.",
            },
            "bodyForm": {
                "type": "object",
                "title": "Form body",
                "x-credential": True,
                "description": (
                    "Sent as application/x-www-form-urlencoded. Null is left out, a list gives one field for each "
                    "item, and an object one for each member: a[b]=1."
                ),
                "additionalProperties": _OR_NULL,
            },
            "bodyMultipart": {
                "type": "object",
                "title": "Multipart body",
                "x-credential": True,
                "description": (
                    "Sent as multipart/form-data, with a content-type header that is made here. A list gives one part "
                    "for each item, an object a part of JSON, and an object with filename, contentType and base64 a "
                    "file. Null is left out."
                ),
                "additionalProperties": _OR_NULL,
            },
            "bodyBase64": {
                "type": "string",
                "title": "Binary body",
                "x-credential": True,
                "description": (
                    "Bytes as base64. Sent as application/octet-stream unless a content-type header says otherwise."
                ),
            },
            "omitNullBody": {
                "type": "boolean",
                "title": "Leave a null body out",
                "description": "When the JSON body is null, the request has none, and no content-type either.",
                "default": False,
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
            name: {"properties": dict.fromkeys(_BODIES[number + 1 :], False)}
            for number, name in enumerate(_BODIES[:-1])
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
        method, expect = parameters.get("method", "GET"), parameters.get("expect", [])
        sent = await aside(partial(_request, method, parameters), parameters)
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
        called = f"{method} {place(sent.url)}"
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


def _url(parameters: Mapping[str, Json], styles: Mapping[str, Style]) -> str:
    """The address with its path filled in; raises NodeFailed for a value that would make it another address."""
    url: str = parameters["url"]
    for name, value in parameters.get("path", {}).items():
        text = text_of(PATH, name, value, styles.get(name)) or ""
        if not unquote(text).strip("."):
            raise NodeFailed(f"Path: {name} is {as_text(value)!r}, which leads to another address. Give it a value.")
        if not (places := url.count(f"{{{name}}}")):
            raise NodeFailed(f"Path: the URL does not say {{{name}}}. Write it there, or remove {name}.")
        if len(url) + places * len(text) > MAX_URL:
            raise NodeFailed(f"Path: with {name} the URL has more than {MAX_URL:,} characters.", is_final=True)
        # What is put in holds no brace, so it is not taken for a name itself.
        url = url.replace(f"{{{name}}}", text)
    return url


def _request(method: str, parameters: Mapping[str, Json]) -> OutgoingRequest:
    styles = parameters.get("styles", {})
    content, media_type = _content(parameters, styles.get("body", {}))
    # The boundary of a multipart is made here, and a body that is not there has no type.
    is_own_type = "bodyMultipart" in parameters or (content is None and "omitNullBody" in parameters)
    headers = {}
    for name, value in parameters.get("headers", {}).items():
        text = text_of(HEADERS, name, value, styles.get("headers", {}).get(name))
        if text is not None and not (name.lower() == "content-type" and is_own_type):
            headers[name] = text
    if media_type and not any(name.lower() == "content-type" for name in headers):
        headers["content-type"] = media_type
    if "cookies" in parameters:
        _add_cookies(headers, parameters["cookies"], styles.get("cookieParameters", {}))
    return OutgoingRequest(
        method,
        _url(parameters, styles.get("path", {})),
        headers,
        _query(parameters.get("query", {}), styles.get("query", {})),
        content,
        NO_CREDENTIAL,
    )


def _query(values: Mapping[str, Json], styles: Mapping[str, Style]) -> Mapping[str, str | list[str]] | str:
    """Names and texts, which the client encodes; the query as it is written where that says too little."""
    pairs = (pair for name, value in values.items() for pair in pairs_of(QUERY, name, value, styles.get(name)))
    if not all(is_plain(value) and name not in styles for name, value in values.items()):
        return joined(QUERY, pairs, "&", MAX_URL)
    if any(isinstance(value, list) for value in values.values()):
        joined(QUERY, pairs, "&", MAX_URL)  # a long name before many items is refused here as well
    return {
        name: [as_text(item) for item in value] if isinstance(value, list) else as_text(value)
        for name, value in values.items()
        if value is not None
    }


def _add_cookies(headers: dict[str, str], values: Mapping[str, Json], styles: Mapping[str, Style]) -> None:
    """Add a cookie header, or go on with the one that is there."""
    of_form = {"style": "form"}
    pairs = (
        pair for name, value in values.items() for pair in pairs_of(COOKIES, name, value, styles.get(name, of_form))
    )
    if cookies := joined(COOKIES, pairs, "; ", MAX_URL):
        at = next((name for name in headers if name.lower() == "cookie"), "cookie")
        headers[at] = "; ".join(filter(None, (headers.get(at), cookies)))


def _content(parameters: Mapping[str, Json], styles: Mapping[str, Style]) -> tuple[bytes | None, str | None]:
    """The body and its media type."""
    if "bodyJson" in parameters:
        if parameters["bodyJson"] is None and parameters.get("omitNullBody"):
            return None, None
        return json.dumps(parameters["bodyJson"]).encode(), "application/json"
    if "bodyText" in parameters:
        return parameters["bodyText"].encode(errors="replace"), "text/plain; charset=utf-8"
    if "bodyForm" in parameters:
        fields = parameters["bodyForm"].items()
        pairs = (pair for name, value in fields for pair in pairs_of(FORM, name, value, styles.get(name)))
        return joined(FORM, pairs, "&", MAX_FIELDS).encode(), "application/x-www-form-urlencoded"
    if "bodyMultipart" in parameters:
        return multipart(parameters["bodyMultipart"], styles)
    if "bodyBase64" in parameters:
        return bytes_of(parameters["bodyBase64"], "Binary body"), "application/octet-stream"
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
    if read_as == "text" or (read_as is None and not JSON_TYPE.fullmatch(media_type.strip())):
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
