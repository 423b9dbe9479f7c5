"""Resources of a server: what may be stored, and how clients learn of a change."""

import base64
import json
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Sum
from django.db.models.functions import Length

from flows.engine.errors import DefinitionError, Fault
from flows.engine.expressions import did_you_mean
from flows.models import Resource
from flows.offers.sample_inputs import fit_faults
from flows.publishing import announcements
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

MAX_RESOURCES = 200
"""Of one server."""

_LENGTHS = {"name": 200, "title": 200, "description": 2000, "mime_type": 200, "uri": 2000}
_KEYS = {"mime_type": "mimeType"}

COMPLETIONS_SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "additionalProperties": {"type": "array", "items": {"type": "string", "maxLength": 200}, "maxItems": 1000},
}
"""The JSON Schema of what is proposed for the variables of a template."""

_ANNOTATIONS: Any = BLOCK_SCHEMA["properties"]["annotations"]


def resource_faults(resource: Resource) -> list[Fault]:
    """Everything that keeps a resource from being stored, each at its path in the JSON of REST and of files."""
    faults = [*_word_faults(resource), *_uri_faults(resource)]
    for path, value, schema in (
        ("annotations", resource.annotations, _annotations_schema),
        ("completions", resource.completions, _completions_schema),
    ):
        if (reason := unstorable(value)) is not None:
            faults.append(Fault(path, reason))
        elif len(json.dumps(value)) > MAX_BYTES_OF_HINTS:
            faults.append(Fault(path, f"have more than {MAX_BYTES_OF_HINTS // 1024} KiB as JSON"))
        else:
            faults += [Fault(f"{path}.{fault.path}".rstrip("."), fault.message) for fault in schema().faults(value)]
    if any(fault.path == "uri" for fault in faults):
        return faults
    return [*faults, *_completion_faults(resource), *_body_faults(resource), *flow_faults(resource)]


def flow_faults(resource: Resource) -> list[Fault]:
    """Why the resource's flow cannot answer it; a flow that changes may stop fitting."""
    if resource.flow is None:
        return []
    if resource.flow.server_id != resource.server_id:
        return [Fault("flow", "take a flow of this server")]
    variables = variables_of(resource.uri) if resource.is_template else ()
    given = {variable.name: not variable.is_optional for variable in variables}
    return list(fit_faults(resource.flow, given, "uri", "a variable of the URI"))


def size_of(resource: Resource) -> int | None:
    """The bytes of what is stored; None for what a flow answers."""
    if resource.flow is not None:
        return None
    if resource.blob:
        return len(resource.blob) * 3 // 4 - resource.blob[-2:].count("=")
    return len(resource.text.encode())


@cache
def _annotations_schema() -> CompiledSchema:
    return compile_schema(dict(_ANNOTATIONS))


@cache
def _completions_schema() -> CompiledSchema:
    return compile_schema(dict(COMPLETIONS_SCHEMA))


def _word_faults(resource: Resource) -> Iterator[Fault]:
    if not resource.name.strip():
        yield Fault("name", "give it a name")
    for name, most in _LENGTHS.items():
        text, key = getattr(resource, name), _KEYS.get(name, name)
        if len(text) > most:
            yield Fault(key, f"has {len(text):,} characters; {most:,} are allowed")
        elif (reason := unstorable(text)) is not None:
            yield Fault(key, reason)
    if resource.mime_type and not MIME_TYPE.fullmatch(resource.mime_type):
        yield Fault("mimeType", f"{resource.mime_type[:100]!r} is no media type; write one such as text/markdown")


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
    names = [variable.name for variable in variables_of(resource.uri)] if resource.is_template else []
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
    elif (size := size_of(resource) or 0) > MAX_BYTES:
        yield Fault(given[0], f"has {size // 1024:,} KiB; {MAX_BYTES // 1024} are allowed. A flow may answer with more")


def bytes_of(resource: Resource) -> bytes:
    """What is stored, as bytes."""
    return base64.b64decode(resource.blob) if resource.blob else resource.text.encode()


# --- Changes ----------------------------------------------------------------------------------------------------------


def save_resource(resource: Resource) -> None:
    """Store a resource and let connected clients know; raises DefinitionError with every fault."""
    faults = resource_faults(resource) or list(_room_faults(resource))
    if faults:
        raise DefinitionError(faults)
    try:
        with transaction.atomic():
            resource.save()
            resource.server.touch()
            announcements.announce(resource.server.slug)
    except IntegrityError:
        raise DefinitionError([Fault("uri", "This server has a resource at that URI.")]) from None


def delete_resource(resource: Resource) -> None:
    """Delete a resource and let connected clients know."""
    with transaction.atomic():
        resource.delete()
        resource.server.touch()
        announcements.announce(resource.server.slug)


def _room_faults(resource: Resource) -> Iterator[Fault]:
    others = Resource.objects.filter(server=resource.server_id).exclude(pk=resource.pk)
    if resource._state.adding and others.count() >= MAX_RESOURCES:
        yield Fault("uri", f"this server has {MAX_RESOURCES} resources already; remove one first")
    lengths = others.aggregate(text=Sum(Length("text")), blob=Sum(Length("blob")))
    taken = (lengths["text"] or 0) + (lengths["blob"] or 0) * 3 // 4
    if taken + (size_of(resource) or 0) > MAX_BYTES_OF_SERVER:
        most, has = MAX_BYTES_OF_SERVER // 1024, taken // 1024
        yield Fault(
            "blob" if resource.blob else "text",
            f"the resources of a server hold {most:,} KiB in all; the others have {has:,}. A flow may answer with more",
        )
