"""Prompts and resources as they stand in a file with flows: out, and in with every fault at its path."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from flows.engine.errors import DefinitionError, Fault
from flows.models import Flow, Prompt, Resource, Server
from flows.offers.prompts import prompt_faults, save_prompt
from flows.offers.resources import resource_faults, save_resource

Row = Prompt | Resource

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
class Entry:
    """A prompt or resource of a file, not stored yet, and the tool name of the flow that answers it."""

    row: Row
    flow: str | None

    @property
    def key(self) -> str:
        """What it is chosen by: `prompts/NAME` or `resources/URI`."""
        return f"prompts/{self.row.name}" if isinstance(self.row, Prompt) else f"resources/{self.row.uri}"


@dataclass(frozen=True, slots=True)
class RowStep:
    """What becomes of one entry: `existing` has its name or URI already, and is replaced or kept."""

    entry: Entry
    existing: Row | None
    is_wanted: bool


def exported_rows(server: Server) -> dict[str, list[dict[str, Any]]]:
    """The prompts and resources of a server as they stand in a file; no key for what it has none of.

    What nothing answers, because its flow was deleted, is left out.
    """
    prompts = server.prompts.select_related("flow").order_by("name")
    resources = server.resources.select_related("flow").order_by("uri")
    rows = {
        "prompts": [_written(row, PROMPT_FIELDS) for row in prompts if row.flow or row.messages],
        "resources": [_written(row, RESOURCE_FIELDS) for row in resources if row.flow or row.text or row.blob],
    }
    return {key: value for key, value in rows.items() if value}


def _written(row: Row, fields: Mapping[str, str]) -> dict[str, Any]:
    flow = row.flow.tool_name if row.flow else None
    return {key: getattr(row, name) for key, name in fields.items()} | {"flow": flow}


def entries_of(document: Mapping[str, Any], flows: Mapping[str, Flow]) -> tuple[list[Entry], list[Fault]]:
    """The prompts and resources of a file that has its form; `flows` are those of the file, by tool name.

    What a flow of the server answers can only be checked there, when it is stored.
    """
    entries: list[Entry] = []
    faults: list[Fault] = []
    for kind in ("prompts", "resources"):
        seen: dict[str, int] = {}
        for index, given in enumerate(document.get(kind, [])):
            entry, at = _entry(kind, given), f"{kind}[{index}]"
            entries.append(entry)
            if (first := seen.setdefault(entry.key, index)) != index:
                faults.append(Fault(at, f"{kind}[{first}] has that {'name' if kind == 'prompts' else 'URI'} too"))
            if entry.flow is None or entry.flow in flows:
                faults += [Fault(f"{at}.{fault.path}", fault.message) for fault in _faults(entry, flows)]
    return entries, faults


def _entry(kind: str, given: Mapping[str, Any]) -> Entry:
    fields = PROMPT_FIELDS if kind == "prompts" else RESOURCE_FIELDS
    values = {fields[key]: value for key, value in given.items() if key != "flow"}
    row = Prompt(is_active=False, **values) if kind == "prompts" else Resource(is_active=False, **values)
    return Entry(row, given.get("flow"))


def _faults(entry: Entry, flows: Mapping[str, Flow]) -> list[Fault]:
    row = entry.row
    row.flow = flows[entry.flow] if entry.flow else None
    found = prompt_faults(row) if isinstance(row, Prompt) else resource_faults(row)
    row.flow = None
    return found


def row_steps(server: Server, entries: Iterable[Entry], choices: Mapping[str, str]) -> tuple[RowStep, ...]:
    """What would become of each entry: what the server has already is kept, unless its key says `replace`."""
    there: dict[str, Row] = {f"prompts/{row.name}": row for row in server.prompts.all()}
    there |= {f"resources/{row.uri}": row for row in server.resources.all()}
    return tuple(RowStep(entry, there.get(entry.key), _is_wanted(entry.key, there, choices)) for entry in entries)


def _is_wanted(key: str, there: Mapping[str, Row], choices: Mapping[str, str]) -> bool:
    return choices.get(key) == "replace" if key in there else choices.get(key) != "leave"


def store_row(step: RowStep, server: Server, names: Mapping[str, str]) -> Row:
    """Store what a step says: a new row is inactive. `names` are what flows of the file are called now.

    Raises DefinitionError with every fault, also that a flow is not there.
    """
    row, flow = step.entry.row, None
    if step.entry.flow is not None:
        tool_name = names.get(step.entry.flow, step.entry.flow)
        flow = server.flows.filter(tool_name=tool_name).select_related("published_version").first()
        if flow is None:
            message = f"neither the server nor the file has a flow {tool_name!r}, which answers {step.entry.key}"
            raise DefinitionError([Fault("flow", message)])
    if step.existing is not None:
        fields = PROMPT_FIELDS if isinstance(row, Prompt) else RESOURCE_FIELDS
        for name in fields.values():
            setattr(step.existing, name, getattr(row, name))
        row = step.existing
    row.server, row.flow = server, flow
    if isinstance(row, Prompt):
        save_prompt(row)
    else:
        save_resource(row)
    return row
