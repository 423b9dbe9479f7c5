"""What is checked of prompts and resources alike, each fault at its path in the JSON of REST and of files."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from flows.engine.errors import Fault
from flows.models import Offer, Prompt
from flows.offers.sample_inputs import fit_faults
from flows.schemas.compiled import CompiledSchema
from flows.values.json_text import unstorable

FIELD_OF_KEY: Mapping[str, str] = {"mimeType": "mime_type"}
"""The model's fields of the keys in JSON, where the names differ."""


def text_faults(offer: Offer) -> Iterator[Fault]:
    """Texts that are longer than their column says, or that a database cannot keep."""
    key_of_field = {name: key for key, name in FIELD_OF_KEY.items()}
    for field in offer._meta.concrete_fields:
        most = getattr(field, "max_length", None)
        if most is None:
            continue
        text, key = getattr(offer, field.name), key_of_field.get(field.name, field.name)
        if len(text) > most:
            yield Fault(key, f"has {len(text):,} characters; {most:,} are allowed")
        elif (reason := unstorable(text)) is not None:
            yield Fault(key, reason)


def json_faults(path: str, value: Any, schema: CompiledSchema, most: int, too_large: str) -> list[Fault]:
    """Why a JSON value cannot be kept: `most` are bytes, and `too_large` says so with {size} and {most} in KiB."""
    if (reason := unstorable(value)) is not None:
        return [Fault(path, reason)]
    if (size := len(json.dumps(value))) > most:
        return [Fault(path, too_large.format(size=f"{size // 1024:,}", most=most // 1024))]
    faults = []
    for fault in schema.faults(value):
        below = fault.path if fault.path.startswith("[") else f".{fault.path}".rstrip(".")
        faults.append(Fault(path + below, fault.message))
    return faults


def flow_faults(offer: Offer) -> list[Fault]:
    """Why the flow of a prompt or resource cannot answer it; a flow that changes may stop fitting."""
    if offer.flow is None:
        return []
    if offer.flow.server_id != offer.server_id:
        return [Fault("flow", "take a flow of this server")]
    at, what = ("arguments", "an argument") if isinstance(offer, Prompt) else ("uri", "a variable of the URI")
    return list(fit_faults(offer.flow, offer.given, at, what))
