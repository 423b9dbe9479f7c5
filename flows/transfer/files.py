"""Flows as one JSON file: written from a flow or a whole server with its prompts and resources, and read into another.

The file holds drafts: no versions, no executions, no values of secrets, only the names of those that the flows need.
Keys of the file stand in a fixed order and what people wrote keeps its own, so the same flows give the same bytes.
Unknown keys are refused, so that a later version can add some without an older FlowHub dropping them unseen.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from flows.audit.log import record
from flows.engine.errors import DefinitionError, Fault
from flows.engine.graph import without_held
from flows.engine.names import SNAKE_CASE
from flows.models import MAX_ANSWER_SECONDS, Flow, Offer, Secret, Server
from flows.offers.changes import MAX_OFFERS
from flows.publishing import announcements
from flows.publishing.callers import renamed
from flows.publishing.versions import draft_faults, free_tool_name, insert_flow
from flows.revisions.writes import write
from flows.schemas.compiled import CompiledSchema, compile_schema
from flows.secrets.uses import names_in
from flows.transfer.offers import (
    PROMPT_SCHEMA,
    RESOURCE_SCHEMA,
    OfferInFile,
    OfferStep,
    entries_of,
    exported_offers,
    offer_steps,
    store_offer,
)
from flows.values.json_text import parse_json, unstorable

FORMAT = "flowhub.flows"
VERSION = 1
MAX_BYTES = 2 * 1024 * 1024
"""Of one file."""
MAX_FLOWS = 200
"""Flows of one file."""

Choice = Literal["new", "replace", "leave"]

FIELDS: Mapping[str, str] = {
    "name": "name",
    "toolName": "tool_name",
    "toolDescription": "tool_description",
    "whenToUse": "when_to_use",
    "whenNotToUse": "when_not_to_use",
    "inputSchema": "input_schema",
    "outputSchema": "output_schema",
    "annotations": "annotations",
    "timeoutSeconds": "timeout_seconds",
    "answerSeconds": "answer_seconds",
    "definition": "definition",
}
"""The keys of a flow in a file, in their order there, and the model's fields."""

_TEXT = {"type": "string", "maxLength": 20_000}
_FLOW: dict[str, Any] = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "minLength": 1, "maxLength": 200},
        "toolName": {"type": "string", "pattern": f"^{SNAKE_CASE}$"},
        "toolDescription": _TEXT,
        "whenToUse": _TEXT,
        "whenNotToUse": _TEXT,
        "inputSchema": {"type": "object"},
        "outputSchema": {"type": ["object", "null"]},
        "annotations": {"type": "object"},
        "timeoutSeconds": {"type": "integer", "minimum": 1, "maximum": 86_400},
        "answerSeconds": {"type": ["integer", "null"], "minimum": 1, "maximum": MAX_ANSWER_SECONDS},
        "definition": {"type": "object"},
    },
    "required": ["name", "toolName", "toolDescription", "inputSchema", "definition"],
    "additionalProperties": False,
}
FILE_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "format": {"const": FORMAT},
        "version": {"const": VERSION},
        "secrets": {"type": "array", "items": {"type": "string"}, "maxItems": 1000},
        "flows": {"type": "array", "items": _FLOW, "maxItems": MAX_FLOWS},
        "prompts": {"type": "array", "items": PROMPT_SCHEMA, "maxItems": MAX_OFFERS},
        "resources": {"type": "array", "items": RESOURCE_SCHEMA, "maxItems": MAX_OFFERS},
    },
    "required": ["format", "version", "flows"],
    "additionalProperties": False,
}


@dataclass(frozen=True, slots=True)
class Contents:
    """What a file holds, not stored yet."""

    flows: tuple[Flow, ...]
    entries: tuple[OfferInFile, ...] = ()


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import has made or replaced, in the order of the file."""

    flows: tuple[Flow, ...]
    rows: tuple[Offer, ...]


@dataclass(frozen=True, slots=True)
class Step:
    """What becomes of one flow of a file: `existing` has its tool name already, `tool_name` is what a new one gets."""

    flow: Flow
    choice: Choice
    tool_name: str
    existing: Flow | None


@dataclass(frozen=True, slots=True)
class Plan:
    """What an import makes of a server, and the secrets that its flows name and the server lacks."""

    server: Server
    steps: tuple[Step, ...]
    missing_secrets: tuple[str, ...]
    row_steps: tuple[OfferStep, ...] = ()


# --- Out --------------------------------------------------------------------------------------------------------------


def exported(flows: Iterable[Flow]) -> str:
    """The drafts as the text of a file, in the order of their tool names; outputs held for tests are in none."""
    ordered = sorted(flows, key=lambda flow: flow.tool_name)
    secrets = set().union(*(names_in(flow.definition) for flow in ordered))
    entries = [{key: getattr(flow, name) for key, name in FIELDS.items()} for flow in ordered]
    return document_text([entry | {"definition": without_held(entry["definition"])} for entry in entries], secrets)


def exported_server(server: Server) -> str:
    """All drafts of a server, its prompts and its resources, as the text of a file."""
    document = json.loads(exported(server.flows.all())) | exported_offers(server)
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


def document_text(flows: list[dict[str, Any]], secrets: Iterable[str]) -> str:
    """The text of a file that holds these flows, each with the keys of FIELDS."""
    document = {"format": FORMAT, "version": VERSION, "secrets": sorted(secrets), "flows": flows}
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


# --- In ---------------------------------------------------------------------------------------------------------------


def read(text: str) -> Contents:
    """What a file holds; raises DefinitionError with every fault at its path."""
    if len(text.encode(errors="replace")) > MAX_BYTES:
        raise DefinitionError([Fault("", f"the file has more than {MAX_BYTES // 1024:,} KiB; take fewer flows")])
    try:
        return contents_of(parse_json(text))
    except ValidationError as error:
        raise DefinitionError([Fault("", message) for message in error.messages]) from None


def contents_of(document: Any) -> Contents:
    """What a parsed file holds; raises DefinitionError with every fault at its path."""
    faults = [Fault("", reason)] if (reason := unstorable(document)) else _form_faults(document)
    if faults:
        raise DefinitionError(faults)
    flows = [
        Flow(is_active=False, **{FIELDS[key]: value for key, value in entry.items()}) for entry in document["flows"]
    ]
    seen: dict[str, int] = {}
    for index, flow in enumerate(flows):
        if (first := seen.setdefault(flow.tool_name, index)) != index:
            faults.append(Fault(f"flows[{index}].toolName", f"flows[{first}] has the tool name {flow.tool_name!r} too"))
        faults += [Fault(f"flows[{index}].{fault.path}", fault.message) for fault in draft_faults(flow)]
    entries, row_faults = entries_of(document, {flow.tool_name: flow for flow in flows})
    faults += row_faults
    if not flows and not entries:
        faults.append(Fault("flows", "the file holds no flow, no prompt and no resource"))
    if faults:
        raise DefinitionError(faults)
    return Contents(tuple(flows), tuple(entries))


def _form_faults(document: Any) -> list[Fault]:
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        return [Fault("format", f"this is no file with flows: it does not say {FORMAT!r} here")]
    version = document.get("version")
    if isinstance(version, int) and version > VERSION:
        return [Fault("version", f"a newer FlowHub wrote this file: version {version}; this one reads {VERSION}")]
    return _file_schema().faults(document)


@cache
def _file_schema() -> CompiledSchema:
    return compile_schema(FILE_SCHEMA)


def planned(server: Server, contents: Contents, choices: Mapping[str, Choice]) -> Plan:
    """What would become of each flow; `choices` by tool name, without one a flow is new.

    A new flow whose tool name is taken gets a number. `replace` stands only where there is a flow to replace. Prompts
    and resources are chosen as `prompts/NAME` and `resources/URI`; without a choice the server keeps what it has.
    """
    flows = contents.flows
    there = {flow.tool_name: flow for flow in server.flows.select_related("published_version")}
    taken = there.keys() | {flow.tool_name for flow in flows}
    taken |= {flow.published_version.tool_name for flow in there.values() if flow.published_version}
    steps = []
    for flow in flows:
        existing, choice = there.get(flow.tool_name), choices.get(flow.tool_name, "new")
        choice = "new" if choice == "replace" and existing is None else choice
        tool_name = free_tool_name(flow.tool_name, taken)[0] if existing else flow.tool_name
        taken.add(tool_name)
        steps.append(Step(flow, choice, tool_name, existing))
    kept = [step.flow for step in steps if step.choice != "leave"]
    known = Secret.objects.filter(server=server).values_list("name", flat=True)
    missing = set().union(*(names_in(flow.definition) for flow in kept)) - set(known)
    return Plan(server, tuple(steps), tuple(sorted(missing)), offer_steps(server, contents.entries, choices))


def import_contents(server: Server, contents: Contents, choices: Mapping[str, Choice]) -> Imported:
    """Store what a file holds, all or none: new flows are inactive drafts, in replaced ones the draft changes.

    New prompts and resources are inactive too. Flows that are new under another tool name are called by that name by
    the others of the file. Raises DefinitionError when somebody took a tool name in this moment, or when a prompt or
    resource does not fit a flow that the server has.
    """
    try:
        with transaction.atomic():
            # One import at a time: what is planned here holds until it is committed.
            server = Server.objects.select_for_update().get(pk=server.pk)
            plan = planned(server, contents, choices)
            names = {step.flow.tool_name: step.tool_name for step in plan.steps if step.choice == "new"}
            done = [_stored(step, server, names) for step in plan.steps if step.choice != "leave"]
            rows = [store_offer(step, server, names) for step in plan.row_steps if step.is_wanted]
            announcements.announce(server.slug)
            return Imported(tuple(done), tuple(rows))
    except IntegrityError:
        raise DefinitionError([Fault("flows", "somebody took one of the tool names just now; import again")]) from None


def _stored(step: Step, server: Server, names: Mapping[str, str]) -> Flow:
    flow = step.flow
    flow.definition = renamed(flow.definition, names)
    if step.choice == "replace" and step.existing is not None:
        for name in FIELDS.values():
            setattr(step.existing, name, getattr(flow, name))
        write(step.existing, FIELDS.values())
        record("edited", step.existing, server, "replaced from a file")
        return step.existing
    flow.server, flow.tool_name = server, step.tool_name
    insert_flow(flow, "from a file")
    return flow
