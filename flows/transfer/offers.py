"""Prompts and resources as they stand in a file with flows: out, and in with every fault at its path."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from flows.engine.errors import DefinitionError, Fault
from flows.models import Flow, Offer, Prompt, Resource, Server
from flows.offers.changes import offer_faults, save_offer

PROMPT_FIELDS: Mapping[str, str] = {
    "name": "name",
    "title": "title",
    "description": "description",
    "arguments": "arguments",
    "messages": "messages",
}
"""The keys of a prompt in a file, in their order there, and the model's fields; `flow` comes last."""

RESOURCE_FIELDS: Mapping[str, str] = {
    "uri": "uri",
    "name": "name",
    "title": "title",
    "description": "description",
    "mimeType": "mime_type",
    "text": "text",
    "blob": "blob",
    "annotations": "annotations",
    "completions": "completions",
}
"""The same for a resource."""

_KINDS: Mapping[str, tuple[type[Prompt] | type[Resource], Mapping[str, str]]] = {
    "prompts": (Prompt, PROMPT_FIELDS),
    "resources": (Resource, RESOURCE_FIELDS),
}
"""The model and the fields of each list in a file."""

_TEXT = {"type": "string"}
_FLOW = {"type": ["string", "null"], "description": "The tool name of the flow that answers."}
PROMPT_SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "properties": dict.fromkeys(PROMPT_FIELDS, _TEXT)
    | {"arguments": {"type": "array"}, "messages": {"type": "array"}, "flow": _FLOW},
    "required": ["name", "description"],
    "additionalProperties": False,
}
RESOURCE_SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "properties": dict.fromkeys(RESOURCE_FIELDS, _TEXT)
    | {"annotations": {"type": "object"}, "completions": {"type": "object"}, "flow": _FLOW},
    "required": ["uri", "name"],
    "additionalProperties": False,
}


@dataclass(frozen=True, slots=True)
class OfferInFile:
    """A prompt or resource of a file, not stored yet, and the tool name of the flow that answers it."""

    row: Offer
    flow: str | None

    @property
    def key(self) -> str:
        """What it is chosen by: `prompts/NAME` or `resources/URI`."""
        return _chosen_by(self.row)


@dataclass(frozen=True, slots=True)
class OfferStep:
    """What becomes of one entry: `existing` has its name or URI already, and is replaced or kept."""

    entry: OfferInFile
    existing: Offer | None
    is_wanted: bool


def _chosen_by(offer: Offer) -> str:
    return f"{offer.kind}s/{offer.key}"


def exported_offers(server: Server) -> dict[str, list[dict[str, Any]]]:
    """The prompts and resources of a server as they stand in a file; no key for what it has none of.

    What nothing answers, because its flow was deleted, is left out.
    """
    found: dict[str, list[dict[str, Any]]] = {}
    for kind, (model, fields) in _KINDS.items():
        for offer in model.objects.filter(server=server).select_related("flow").order_by(model.key_field):
            if offer.is_answered:
                flow = offer.flow.tool_name if offer.flow else None
                written = {key: getattr(offer, name) for key, name in fields.items()} | {"flow": flow}
                found.setdefault(kind, []).append(written)
    return found


def entries_of(document: Mapping[str, Any], flows: Mapping[str, Flow]) -> tuple[list[OfferInFile], list[Fault]]:
    """The prompts and resources of a file that has its form; `flows` are those of the file, by tool name.

    What a flow of the server answers can only be checked there, when it is stored.
    """
    entries: list[OfferInFile] = []
    faults: list[Fault] = []
    for kind, (model, fields) in _KINDS.items():
        seen: dict[str, int] = {}
        for index, given in enumerate(document.get(kind, [])):
            values = {fields[key]: value for key, value in given.items() if key != "flow"}
            entry, at = OfferInFile(model(is_active=False, **values), given.get("flow")), f"{kind}[{index}]"
            entries.append(entry)
            if (first := seen.setdefault(entry.key, index)) != index:
                faults.append(Fault(at, f"{kind}[{first}] has that {'name' if kind == 'prompts' else 'URI'} too"))
            if entry.flow is None or entry.flow in flows:
                entry.row.flow = flows[entry.flow] if entry.flow else None
                faults += [Fault(f"{at}.{fault.path}", fault.message) for fault in offer_faults(entry.row)]
                entry.row.flow = None  # it has no id yet
    return entries, faults


def offer_steps(server: Server, entries: Iterable[OfferInFile], choices: Mapping[str, str]) -> tuple[OfferStep, ...]:
    """What would become of each entry: what the server has already is kept, unless its key says `replace`."""
    there: dict[str, Offer] = {_chosen_by(offer): offer for offer in (*server.prompts.all(), *server.resources.all())}
    steps = []
    for entry in entries:
        choice = choices.get(entry.key)
        is_wanted = choice == "replace" if entry.key in there else choice != "leave"
        steps.append(OfferStep(entry, there.get(entry.key), is_wanted))
    return tuple(steps)


def store_offer(step: OfferStep, server: Server, names: Mapping[str, str]) -> Offer:
    """Store what a step says: a new row is inactive. `names` are what flows of the file are called now.

    Raises DefinitionError with every fault, also that a flow is not there.
    """
    offer, flow = step.entry.row, None
    if step.entry.flow is not None:
        tool_name = names.get(step.entry.flow, step.entry.flow)
        flow = server.flows.filter(tool_name=tool_name).select_related("published_version").first()
        if flow is None:
            message = f"neither the server nor the file has a flow {tool_name!r}, which answers {step.entry.key}"
            raise DefinitionError([Fault("flow", message)])
    if step.existing is not None:
        for name in _KINDS[f"{offer.kind}s"][1].values():
            setattr(step.existing, name, getattr(offer, name))
        offer = step.existing
    offer.server, offer.flow = server, flow
    save_offer(offer)
    return offer
