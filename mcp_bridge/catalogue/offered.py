"""Prompts and resources as clients see them, made once for a snapshot: wire objects, and how each is answered."""

import hashlib
import json
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import mcp_types.methods
from mcp.shared.uri_template import InvalidUriTemplate, UriTemplate
from pydantic import ValidationError

from executions.running.targets import Target
from flows.engine.errors import ExpressionError
from flows.models import Offer, Prompt, Resource
from flows.offers.prompts import Messages, message_maker
from flows.offers.sample_inputs import choices_of
from flows.values.uri_templates import fixed_length

logger = logging.getLogger(__name__)

MODERN_VERSION = "2026-07-28"
LEGACY_VERSION = "2025-11-25"

Completions = Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class PublishedPrompt:
    """A prompt as clients see it: `make` writes its messages, or `target` is the flow that answers."""

    wire: Mapping[str, Any]
    completions: Completions
    required: Sequence[str]
    make: Callable[[Mapping[str, str]], Messages] | None
    target: Target | None


@dataclass(frozen=True, slots=True)
class PublishedResource:
    """A resource as clients see it: `contents` are stored, or `target` is the flow that answers.

    `fingerprint` is another one whenever reading it would give something else, as far as that is known.
    """

    wire: Mapping[str, Any]
    completions: Completions
    template: UriTemplate | None
    contents: Mapping[str, Any] | None
    target: Target | None
    fingerprint: str

    @property
    def uri(self) -> str:
        """The URI, or the template."""
        return str(self.wire["uriTemplate" if self.template else "uri"])

    @property
    def mime_type(self) -> str:
        """The media type that its owner gave it, if any."""
        return str(self.wire.get("mimeType", ""))


Row = TypeVar("Row", Prompt, Resource)
Published = TypeVar("Published", PublishedPrompt, PublishedResource)


def prompts_of(rows: Iterable[Prompt], targets: Mapping[int, Target]) -> dict[str, PublishedPrompt]:
    """The prompts that can be served, by name."""
    return {prompt.wire["name"]: prompt for prompt in _servable(rows, targets, _prompt)}


def resources_of(rows: Iterable[Resource], targets: Mapping[int, Target]) -> dict[str, PublishedResource]:
    """The resources that can be served, by URI: fixed ones, then templates, the most special one first."""
    made = list(_servable(rows, targets, _resource))
    made.sort(key=lambda each: (1, -fixed_length(each.uri), each.uri) if each.template else (0, 0, each.uri))
    return {resource.uri: resource for resource in made}


def _servable(
    rows: Iterable[Row], targets: Mapping[int, Target], publish: Callable[[Row, Target | None], Published]
) -> Iterator[Published]:
    """What can be served; one that cannot is left out, so that it does not take others along."""
    for row in rows:
        target = targets.get(row.flow_id) if row.flow_id else None
        if target is not None and target.answer_seconds is not None:
            target = replace(target, answer_seconds=None)  # only clients of tools are told to come back
        if not row.is_answered or (row.flow_id and target is None):
            continue  # its flow is gone, or not called by anybody now
        try:
            published = publish(row, target)
            _check_wire(published)
        except (ExpressionError, InvalidUriTemplate, ValidationError, ValueError, KeyError, TypeError) as error:
            logger.error("%s %s of server %s is left out: %s", row.kind, row.key, row.server_id, error)
        else:
            yield published


def _prompt(row: Prompt, target: Target | None) -> PublishedPrompt:
    names = [argument["name"] for argument in row.arguments]
    wire: dict[str, Any] = _named(row)
    if row.arguments:
        shown = ("name", "title", "description", "required")
        wire["arguments"] = [{key: each[key] for key in shown if each.get(key)} for each in row.arguments]
    return PublishedPrompt(
        wire,
        {each["name"]: _proposals(each.get("completions"), target, each["name"]) for each in row.arguments},
        [name for name, is_required in row.given.items() if is_required],
        None if target else message_maker(row.messages, names),
        target,
    )


def _resource(row: Resource, target: Target | None) -> PublishedResource:
    wire = _named(row) | {"uriTemplate" if row.is_template else "uri": row.uri}
    if row.mime_type:
        wire["mimeType"] = row.mime_type
    if row.annotations:
        wire["annotations"] = row.annotations
    if target is None:
        wire["size"] = row.size
    contents = None if target else _contents(row)
    return PublishedResource(
        wire,
        {name: _proposals(row.completions.get(name), target, name) for name in row.given},
        UriTemplate.parse(row.uri) if row.is_template else None,
        contents,
        target,
        f"version {target.version_id}" if target else hashlib.sha256(json.dumps(contents).encode()).hexdigest(),
    )


def _named(row: Offer) -> dict[str, Any]:
    wire = {"name": row.name, "title": row.title, "description": row.description}
    return {key: value for key, value in wire.items() if value}


def _contents(row: Resource) -> dict[str, Any]:
    default = "application/octet-stream" if row.blob else "text/plain"
    body = {"blob": row.blob} if row.blob else {"text": row.text}
    return {"uri": row.uri, "mimeType": row.mime_type or default} | body


def _proposals(own: Sequence[str] | None, target: Target | None, name: str) -> Sequence[str]:
    """What to propose for a name: what its owner wrote, else what the flow's schema allows."""
    if own or target is None:
        return tuple(own or ())
    return tuple(choices_of(target.input_schema.schema, name))


def _check_wire(published: PublishedPrompt | PublishedResource) -> None:
    """One item that breaks the wire format would make the whole list fail; raises ValidationError."""
    if isinstance(published, PublishedPrompt):
        method, key = "prompts/list", "prompts"
    elif published.template is None:
        method, key = "resources/list", "resources"
    else:
        method, key = "resources/templates/list", "resourceTemplates"
    modern = {"resultType": "complete", "ttlMs": 0, "cacheScope": "private"}
    mcp_types.methods.serialize_server_result(method, MODERN_VERSION, {key: [published.wire]} | modern)
    mcp_types.methods.serialize_server_result(method, LEGACY_VERSION, {key: [published.wire]})
