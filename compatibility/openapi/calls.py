"""What an operation is called with: the values, and how each party is given them."""

import base64
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product

from compatibility.openapi.documents import Document, Json, Operation, Parameter
from compatibility.openapi.values import ODD, PLAIN, Checker, NoValue, Sampler

ATTEMPTS = 8
CREDENTIAL = re.compile(r"(x[-_])?(key|token|api[-_]?key|(oauth|access|auth)[-_]?token|authorization)", re.IGNORECASE)
"""What documents call parameters that show who calls."""
_OF_THE_MESSAGE = frozenset({"content-length", "transfer-encoding", "connection", "expect", "host", "te", "upgrade"})
"""Headers that say how a request is read; some documents name them as parameters."""


def secret_value(name: str) -> str:
    """What a secret of this name is set to, in every server."""
    return f"value-of-{name}"


_TRIGGER = re.compile(r"\{\{\s*trigger(?:\.([A-Za-z_][\w-]*)|\[(\"(?:[^\"\\]|\\.)*\")\])\s*\}\}")
_SECRET = re.compile(r"\{\{\s*secrets\.(\w+)\s*\}\}")
_PLACES = {"path": "path", "query": "query", "headers": "header", "cookies": "cookie"}
_BODIES = {"bodyJson": "json", "bodyForm": "x-www-form-urlencoded", "bodyMultipart": "multipart"}


@dataclass
class Call:
    """The values of one call: parameters as `place.name`, and the body if there is one."""

    operation: Operation
    parameters: dict[str, Json] = field(default_factory=dict)
    media_type: str = ""
    body: Json = None
    has_body: bool = False
    fits: bool = True
    """Whether jsonschema takes every value, by the document's own schemas."""
    credentials: set[str] = field(default_factory=set)
    """Those of the parameters that are optional and show who calls, beside what the document's security says."""
    left_out: list[str] = field(default_factory=list)
    """The names of those that were not given, because the flow shows otherwise who calls."""


def call_of(
    document: Document, checker: Checker, operation: Operation, seed: str, parameters: Mapping[str, Json]
) -> Call:
    """Values for an operation; `parameters` of FlowHub's node, where there is one, say which media type it sends.

    Raises NoValue.
    """
    sampler = Sampler(document, f"{seed} {operation.key}")
    call = Call(operation)
    for parameter in operation.parameters:
        if parameter.is_required or sampler.random.random() < 0.7:
            _add(call, parameter, sampler, checker)
    for name in re.findall(r"\{([^{}]+)\}", operation.path):
        # Some documents leave out what their paths say.
        call.parameters.setdefault(f"path.{name}", sampler.random.choice(ODD))
    if operation.media and (operation.is_body_required or sampler.random.random() < 0.9):
        call.media_type = _media_type(operation, parameters)
        media = operation.media[call.media_type]
        sampler.texts = ODD
        schema = media.get("schema", {})
        if not schema and call.media_type.startswith(
            ("image/", "application/octet", "application/zip", "application/pdf")
        ):
            schema = {"type": "string", "format": "binary"}
        if call.media_type.startswith("text/") or "xml" in call.media_type:
            call.body, fits = "<note>größe &amp; gewicht</note>", True
        else:
            sampler.has_files = "multipart" in call.media_type or document.kind(schema) == "string binary"
            call.body, fits = _fitting(sampler, checker, schema)
            sampler.has_files = True
        call.has_body, call.fits = True, call.fits and fits
    return call


def _add(call: Call, parameter: Parameter, sampler: Sampler, checker: Checker) -> None:
    """Add a value for a parameter, unless it may be left out and none is found; raises NoValue."""
    if parameter.place == "header" and parameter.name.lower() in _OF_THE_MESSAGE:
        call.fits = call.fits and not parameter.is_required
        return
    schema = parameter.schema
    if "content" in parameter.raw:
        media: Json = next(iter(parameter.raw["content"].values()), {})
        schema = media.get("schema", {})
    sampler.texts = PLAIN if parameter.place in ("header", "cookie") else ODD
    try:
        value, fits = _fitting(sampler, checker, _with_example(schema, parameter.raw))
    except NoValue:
        if parameter.is_required:
            raise
        return
    if value is None or (not fits and not parameter.is_required):
        return
    if not parameter.is_required and CREDENTIAL.fullmatch(parameter.name):
        call.credentials.add(f"{parameter.place}.{parameter.name}")
    is_nothing = parameter.place == "path" and value in ("", [], {})
    call.parameters[f"{parameter.place}.{parameter.name}"] = "x" if is_nothing else value
    call.fits = call.fits and fits


def _with_example(schema: Json, raw: Mapping[str, Json]) -> Json:
    """The schema with the example that its parameter has."""
    examples = raw.get("examples")
    found = [raw["example"]] if "example" in raw else []
    if isinstance(examples, dict):
        found += [each["value"] for each in examples.values() if isinstance(each, dict) and "value" in each]
    return schema | {"examples": found} if found and isinstance(schema, dict) and "$ref" not in schema else schema


def _fitting(sampler: Sampler, checker: Checker, schema: Json) -> tuple[Json, bool]:
    """A value, and whether it fits: the first of some that does, with fewer and fewer of what is optional."""
    found: Json = None
    for attempt in range(ATTEMPTS):
        sampler.share = max(0.0, 0.5 - attempt / (ATTEMPTS - 2))
        found = sampler.value(schema)
        if checker.fits(found, schema):
            sampler.share = 0.5
            return found, True
    sampler.share = 0.5
    return found, False


def _media_type(operation: Operation, node: Mapping[str, Json]) -> str:
    """The media type of the document that FlowHub sends; else JSON, a form, or the first."""
    said = {name.lower(): value for name, value in (node.get("headers") or {}).items()}
    content_type = str(said.get("content-type", "")).partition(";")[0].strip().lower()
    kinds = list(operation.media)
    plain = {kind: kind.partition(";")[0].strip().lower() for kind in kinds}
    for kind in kinds:
        if plain[kind] == content_type:
            return kind
    sent = next((word for name, word in _BODIES.items() if name in node), "")
    if sent == "json" and (open_to_all := [kind for kind in kinds if "json" in kind or "*" in kind]):
        return open_to_all[0]
    for word in filter(None, (sent, "json", "x-www-form-urlencoded", "multipart")):
        for kind in kinds:
            if word in plain[kind]:
                return kind
    return kinds[0]


# --- FlowHub ----------------------------------------------------------------------------------------------------------


def arguments_of(
    call: Call, parameters: Mapping[str, Json], schema: Mapping[str, Json], is_told: Callable[[str], bool]
) -> dict[str, Json]:
    """A tool's arguments: found by the expressions of the node, which say what argument it puts into which place.

    Values that it takes from a secret instead are put into the call, so that the others are given the same; optional
    credentials that it leaves out, and says so, are taken from it.
    """
    properties = schema.get("properties", {})
    arguments: dict[str, Json] = {}
    for key, expression in _sent_for(call, parameters):
        if isinstance(expression, str) and (secret := _SECRET.fullmatch(expression)):
            call.parameters[key] = secret_value(secret[1])
        elif argument := _argument(expression):
            arguments[argument] = _given(call.parameters[key], properties.get(argument, {}))
        elif key in call.credentials and is_told(name := key.partition(".")[2]):
            # Which of several credentials is sent was chosen at the import, and nobody gives another one.
            del call.parameters[key]
            call.left_out.append(name)
    if not call.has_body:
        return arguments
    kind = next((name for name in parameters if name.startswith("body")), "")
    sent = parameters.get(kind)
    if argument := _argument(sent):
        is_bytes = kind == "bodyBase64" and not (isinstance(call.body, dict) and "$bytes" in call.body)
        body = {"$bytes": base64.b64encode(_written(call.body)).decode()} if is_bytes else call.body
        arguments[argument] = _given(body, properties.get(argument, {}))
    elif isinstance(sent, dict) and isinstance(call.body, dict):
        for name, value in call.body.items():
            if argument := _argument(sent.get(name)):
                arguments[argument] = _given(value, properties.get(argument, {}))
    return arguments


def _sent_for(call: Call, parameters: Mapping[str, Json]) -> Iterator[tuple[str, Json]]:
    """What the node sends for each parameter of a call."""
    secrets = dict(_credentials_in(parameters))
    for key in list(call.parameters):
        place, _, name = key.partition(".")
        holder = next((node for node, word in _PLACES.items() if word == place), place)
        plain = str.lower if place == "header" else str
        values = {plain(each): value for each, value in parameters.get(holder, {}).items()}
        expression = values.get(plain(name))
        yield key, secrets.get(f"{place}.{plain(name)}") if expression is None else expression


def _written(body: Json) -> bytes:
    """A body for a media type that says nothing of how it is written, as swagger-client has it."""
    return (body if isinstance(body, str) else json.dumps(body, ensure_ascii=False, separators=(",", ":"))).encode()


def _credentials_in(parameters: Mapping[str, Json]) -> Iterator[tuple[str, Json]]:
    """The places of a request that credentials of the node go to, with what goes there."""
    for auth in credentials_in(parameters):
        if auth.get("type") in ("header", "query", "cookie"):
            name = str(auth.get("name"))
            yield f"{auth['type']}.{name.lower() if auth['type'] == 'header' else name}", auth.get("secret")


def credentials_in(parameters: Mapping[str, Json]) -> list[dict[str, Json]]:
    """The credentials of the node."""
    return [each for each in (parameters.get("auth"), *(parameters.get("moreAuth") or ())) if isinstance(each, dict)]


def request_of(definition: Json) -> Mapping[str, Json]:
    """The parameters of the node that sends the request."""
    nodes = definition.get("nodes", []) if isinstance(definition, dict) else []
    return next((node["parameters"] for node in nodes if node.get("type") == "http_request"), {})


def _argument(expression: Json) -> str:
    found = _TRIGGER.fullmatch(expression) if isinstance(expression, str) else None
    return (found[1] or json.loads(found[2])) if found else ""


def _given(value: Json, schema: Json) -> Json:
    """A value as a tool takes it: files are objects with base64 or a text of base64, by its schema."""
    if isinstance(value, list):
        items: Json = next((each["items"] for each in _options(schema) if isinstance(each.get("items"), dict)), {})
        return [_given(each, items) for each in value]
    if not isinstance(value, dict):
        return value
    if "$bytes" not in value:
        properties = {
            name: each for option in _options(schema) for name, each in (option.get("properties") or {}).items()
        }
        return {name: _given(each, properties.get(name, {})) for name, each in value.items()}
    for option in _options(schema):
        names = option.get("properties") or {}
        if "base64" in names:
            kinds = names.get("contentType", {}).get("enum") or [value["contentType"]]
            if value["contentType"] not in kinds:
                value["contentType"] = kinds[0]  # as the encoding of the document says, for the others too
            whole = {"filename": value["filename"], "contentType": value["contentType"], "base64": value["$bytes"]}
            return {name: each for name, each in whole.items() if name in names}
    return value["$bytes"]


def _options(schema: Json) -> Iterator[Mapping[str, Json]]:
    if not isinstance(schema, dict):
        return
    yield schema
    for name in ("anyOf", "oneOf", "allOf"):
        for each in schema.get(name) or ():
            yield from _options(each)


# --- The reference ----------------------------------------------------------------------------------------------------


def built_of(call: Call, document: Document, operation_id: str) -> dict[str, Json]:
    """What `reference.mjs` builds a request of."""
    parameters = dict(call.parameters)
    asked: dict[str, Json] = {"operationId": operation_id, "parameters": parameters}
    if not call.has_body:
        return asked
    if document.is_swagger:
        raw = [document.whole(each) for each in call.operation.raw.get("parameters") or ()]
        item = document.whole(document.root["paths"][call.operation.path])
        raw += [document.whole(each) for each in item.get("parameters") or ()]
        bodies = [each for each in raw if each.get("in") == "body"]
        if bodies:
            parameters[f"body.{bodies[0]['name']}"] = call.body
        else:
            parameters |= {f"formData.{name}": value for name, value in call.body.items()}
        return asked | {"contentType": call.media_type}
    return asked | {"contentType": call.media_type, "body": call.body}


def authorizations(
    document: Document, operation: Operation, secrets: Sequence[str], tokens: Mapping[str, str]
) -> list[dict[str, Json]]:
    """The credentials of each alternative, as swagger-client takes them; of one that wants none an empty object."""
    found: list[dict[str, Json]] = []
    for names in operation.security or [[]]:
        # Of several keys at one place there is one value, for the first of them.
        firsts = {_place(name, document.schemes.get(name, {})): name for name in reversed(names)}
        owners = [firsts[_place(name, document.schemes.get(name, {}))] for name in names]
        options = [_credentials(name, document.schemes.get(name, {}), secrets, tokens) for name in owners]
        # Bearer tokens go into one header, so they are one credential, however many names a document has for it.
        tokens_too = [each for option in options for each in option if "token" in each]
        nothing = [{"value": "no secret is for this"}]
        options = [tokens_too or nothing if not option or "token" in option[0] else option for option in options]
        for chosen in product(*options):
            found += _apart(document, dict(zip(names, chosen, strict=True)))
    return found[:16]


def _place(name: str, scheme: Mapping[str, Json]) -> tuple[str, str]:
    """Where an API key stands; each other scheme for itself."""
    is_key = scheme.get("type") == "apiKey"
    return (str(scheme.get("in")), str(scheme.get("name")).lower()) if is_key else ("", name)


def _apart(document: Document, chosen: dict[str, Json]) -> Iterator[dict[str, Json]]:
    """Credentials at once: of those that would all be the Authorization header each alone, because one can be."""
    header = {
        name
        for name in chosen
        if _place(name, document.schemes.get(name, {})) in (("", name), ("header", "authorization"))
    }
    for kept in header or {""}:
        yield {name: each for name, each in chosen.items() if name not in header or name == kept}


def _credentials(
    name: str, scheme: Mapping[str, Json], secrets: Sequence[str], tokens: Mapping[str, str]
) -> list[dict[str, Json]]:
    kind = scheme.get("type")
    letters = _letters(name)[:40]
    mine = {secret: _letters(secret) for secret in secrets if _letters(secret).removeprefix("KEY").startswith(letters)}
    exact = [secret for secret, said in mine.items() if said.removeprefix("KEY") == letters]
    if kind == "basic" or (kind == "http" and str(scheme.get("scheme")).lower() == "basic"):
        user = next((each for each in mine if each.endswith(("_USER", "_USERNAME"))), "")
        password = next((each for each in mine if each.endswith(("_PASSWORD", "_SECRET"))), "")
        return [
            {"username": secret_value(user) if user else "user", "password": secret_value(password) if password else ""}
        ]
    values = [secret_value((exact or list(mine))[0])] if mine else []
    if kind in ("oauth2", "openIdConnect"):
        return [{"token": {"access_token": each}} for each in filter(None, (*values, tokens.get(name)))]
    return [{"value": each} for each in values]


def _letters(name: str) -> str:
    return re.sub(r"[^A-Z0-9]", "", name.upper())
