"""Resources of a server: what may be stored."""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from django.db.models import Sum
from django.db.models.functions import Length

from flows.engine.errors import Fault
from flows.engine.paths import did_you_mean
from flows.models import OfferQuerySet, Resource
from flows.offers.checks import flow_faults, json_faults, text_faults
from flows.schemas.compiled import CompiledSchema, compile_schema
from flows.values.content_blocks import BLOCK_SCHEMA, MIME_TYPE, URI, bad_base64
from flows.values.json_text import unstorable
from flows.values.uri_templates import TemplateError, variables_of

MAX_BYTES = 512 * 1024
"""Of one resource's text or bytes."""

MAX_BYTES_OF_SERVER = 1024 * 1024
"""Of all of them: every process holds them ready, and an export of the server can still be imported."""

MAX_BYTES_OF_HINTS = 64 * 1024
"""Of the completions of one resource, and of its annotations, written as JSON."""

_TOO_LARGE = "have more than {most} KiB as JSON"

COMPLETIONS_SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "additionalProperties": {"type": "array", "items": {"type": "string", "maxLength": 200}, "maxItems": 1000},
}
"""The JSON Schema of what is proposed for the variables of a template."""

_ANNOTATIONS: Any = BLOCK_SCHEMA["properties"]["annotations"]


def resource_faults(resource: Resource) -> list[Fault]:
    """Everything that keeps a resource from being stored, each at its path in the JSON of REST and of files."""
    faults = list(text_faults(resource))
    if not resource.name.strip():
        faults.append(Fault("name", "give it a name"))
    if resource.mime_type and not MIME_TYPE.fullmatch(resource.mime_type):
        wanted = "write one such as text/markdown"
        faults.append(Fault("mimeType", f"{resource.mime_type[:100]!r} is no media type; {wanted}"))
    faults += _uri_faults(resource)
    for path, value, schema in (
        ("annotations", resource.annotations, _annotations_schema()),
        ("completions", resource.completions, _completions_schema()),
    ):
        faults += json_faults(path, value, schema, MAX_BYTES_OF_HINTS, _TOO_LARGE)
    if any(fault.path == "uri" for fault in faults):
        return faults
    return [*faults, *_completion_faults(resource), *_body_faults(resource), *flow_faults(resource)]


def size_faults(resource: Resource, others: OfferQuerySet) -> Iterator[Fault]:
    """Whether there is room for the resource beside the other ones of its server."""
    lengths = others.aggregate(text=Sum(Length("text")), blob=Sum(Length("blob")))
    taken = (lengths["text"] or 0) + (lengths["blob"] or 0) * 3 // 4
    if taken + resource.size > MAX_BYTES_OF_SERVER:
        most, has = MAX_BYTES_OF_SERVER // 1024, taken // 1024
        yield Fault(
            "blob" if resource.blob else "text",
            f"the resources of a server hold {most:,} KiB in all; the others have {has:,}. A flow may answer with more",
        )


@cache
def _annotations_schema() -> CompiledSchema:
    return compile_schema(dict(_ANNOTATIONS))


@cache
def _completions_schema() -> CompiledSchema:
    return compile_schema(dict(COMPLETIONS_SCHEMA))


def _uri_faults(resource: Resource) -> Iterator[Fault]:
    if not resource.uri.isascii():
        yield Fault("uri", "a URI is written in ASCII; write other characters percent-encoded")
    elif resource.is_template:
        try:
            variables_of(resource.uri)
        except TemplateError as error:
            yield Fault("uri", str(error))
    elif not URI.fullmatch(resource.uri):
        yield Fault("uri", "write a whole URI with its scheme, such as orders:summary or https://example.com/a")


def _completion_faults(resource: Resource) -> Iterator[Fault]:
    if not isinstance(resource.completions, dict):
        return
    names = list(resource.given)
    for name in resource.completions:
        if name not in names:
            has = ", ".join(names) or "none"
            yield Fault("completions", f"the URI has no variable {name!r}. It has: {has}.{did_you_mean(name, names)}")


def _body_faults(resource: Resource) -> Iterator[Fault]:
    given = [key for key in ("text", "blob", "flow") if getattr(resource, key)]
    if resource.is_template and given != ["flow"]:
        yield Fault("flow", "a URI with variables is answered by a flow: choose one, and leave text and blob empty")
    elif not given:
        yield Fault("text", "give a text, bytes as base64 (blob), or a flow that answers")
    elif len(given) > 1:
        yield Fault(given[1], f"give one of text, blob and flow, not {' and '.join(given)}")
    elif resource.blob and (reason := bad_base64(resource.blob)):
        yield Fault("blob", reason)
    elif resource.text and (why := unstorable(resource.text)):
        yield Fault("text", why)
    elif resource.size > MAX_BYTES:
        has, most = resource.size // 1024, MAX_BYTES // 1024
        yield Fault(given[0], f"has {has:,} KiB; {most} are allowed. A flow may answer with more")
