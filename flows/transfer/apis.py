"""Operations of an API become drafts: the first time, and again, held against the flows that were made of it before.

A flow that was made of an operation says so in its `origin`. When the same API is imported again, each operation is
`new`, the `same`, `changed` or `breaking` (for who calls the flow), and what the API has no more is `removed`. Taking a
change over writes the draft and nothing else; one that a person has edited since is written when that is asked for.
"""

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal
from urllib.parse import urlsplit

from django.db import IntegrityError, transaction
from django.http import Http404

from flows.engine.errors import DefinitionError, Fault
from flows.engine.graph import without_held
from flows.models import Flow, Secret, Server
from flows.publishing import announcements
from flows.publishing.review import Comparison, comparison_of
from flows.publishing.versions import as_version, draft_faults, free_tool_name
from flows.revisions.writes import Stale, write
from flows.secrets.uses import names_in
from flows.transfer.files import FIELDS, Choice
from flows.transfer.openapi import Document, Operation

MAX_CHOSEN = 500
"""Operations of one document that become flows at once."""

Change = Literal["new", "same", "changed", "breaking"]

_WRITTEN = [*(name for name in FIELDS.values() if name != "tool_name"), "origin"]
"""What another import writes into a flow; clients go on calling it by its name."""


@dataclass(frozen=True, slots=True)
class Api:
    """An API as a document describes it; `address` is where it is, `digest` that of the document."""

    title: str
    version: str
    address: str
    digest: str

    @classmethod
    def of(cls, document: Document, source: bytes, address: str) -> "Api":
        """The API of a document that was read from `source`."""
        info = document.root.get("info")
        said = info if isinstance(info, dict) else {}
        digest = hashlib.sha256(source).hexdigest()
        return cls(str(said.get("title") or "")[:200], str(said.get("version") or "")[:100], address[:2000], digest)

    def origin(self, operation: str, values: Mapping[str, Any]) -> dict[str, Any]:
        """What a flow keeps of where it came from; `values` are those that it was made with, as in a file."""
        return {
            "api": self.title,
            "version": self.version,
            "address": self.address,
            "document": self.digest,
            "operation": operation,
            "made": _digest(values),
        }

    def likeness(self, origin: Mapping[str, Any]) -> int:
        """How much a flow's origin speaks for this API: 0 is another one, 3 one of this title at this address."""
        is_titled = bool(self.title) and origin.get("api") == self.title
        is_there = bool(self.address) and origin.get("address") == self.address
        is_near = urlsplit(str(origin.get("address"))).hostname == urlsplit(self.address).hostname
        return 3 if is_titled and is_there else 2 if is_titled and is_near else 1 if is_titled or is_there else 0


@dataclass(frozen=True, slots=True)
class Step:
    """What becomes of one operation: `existing` was made of it before, or has its tool name already.

    `flow` is what the operation gives now, not stored; `tool_name` is what a new flow gets. `comparison` leads from the
    draft of `existing` to it.
    """

    operation: Operation
    flow: Flow
    tool_name: str
    existing: Flow | None
    change: Change
    choice: Choice
    is_edited: bool = False
    comparison: Comparison | None = None

    @property
    def revision(self) -> int:
        """The revision of the draft that there is; 0 without one."""
        return self.existing.revision if self.existing else 0


@dataclass(frozen=True)
class ApiPlan:
    """What an import makes of a server: a step for each operation, in the order of the document.

    `unable` are the operations that cannot be made; their `problem` says why.
    """

    server: Server
    api: Api
    steps: tuple[Step, ...]
    unable: tuple[Operation, ...] = ()

    @cached_property
    def missing_secrets(self) -> list[str]:
        """The secrets that its flows name and the server lacks."""
        kept = [step.flow for step in self.steps if step.choice != "leave"]
        known = Secret.objects.filter(server=self.server).values_list("name", flat=True)
        return sorted(set().union(*(names_in(flow.definition) for flow in kept)) - set(known))


@dataclass(frozen=True, slots=True)
class Made:
    """What an import has stored, and the steps that were not taken because somebody wrote the draft in this moment."""

    flows: tuple[Flow, ...]
    late: tuple[Step, ...]


def is_edited(flow: Flow) -> bool:
    """Whether a draft is another one than the import made; its tool name does not count."""
    return flow.origin is not None and flow.origin.get("made") != _digest(_values(flow))


def made_of(server: Server, api: Api) -> dict[str, Flow]:
    """The flows of a server that were made of this API, by the key of their operation; the likest one of several."""
    found: dict[str, tuple[int, Flow]] = {}
    for flow in server.flows.filter(origin__isnull=False).select_related("published_version").order_by("pk"):
        origin: Mapping[str, Any] = flow.origin or {}
        likeness, key = api.likeness(origin), str(origin.get("operation"))
        if likeness > found.get(key, (0, None))[0]:
            found[key] = (likeness, flow)
    return {key: flow for key, (_, flow) in found.items()}


def chosen_at_first(operations: Iterable[Operation], made: Collection[str]) -> set[str]:
    """The keys of what can be made and neither deletes nor is deprecated, and of what there are flows of already."""
    return {
        each.key
        for each in operations
        if not each.problem and (each.key in made or not (each.is_deprecated or each.method == "delete"))
    }


def removed(made: Mapping[str, Flow], keys: Collection[str]) -> list[Flow]:
    """Those of the flows whose operation the document, which has these keys, does not have any more."""
    return [flow for key, flow in made.items() if key not in keys]


def planned(
    server: Server, api: Api, operations: Iterable[Operation], made: Mapping[str, Flow], choices: Mapping[str, Choice]
) -> ApiPlan:
    """What would become of each operation; `choices` by its key, `made` as `made_of` gives it.

    Without a choice a new flow is made, and a change is taken over unless a person has edited the draft. A new flow
    whose tool name is taken gets a number. `replace` stands only where there is a flow to replace.
    """
    named = {flow.tool_name: flow for flow in server.flows.select_related("published_version")}
    taken = named.keys() | {flow.published_version.tool_name for flow in named.values() if flow.published_version}
    wanted = list(operations)
    able = [(operation, operation.flow) for operation in wanted if operation.flow]
    names = {operation.tool_name for operation, _ in able}
    steps = []
    for operation, values in able:
        flow = Flow(server=server, is_active=False, **{FIELDS[key]: value for key, value in values.items()})
        flow.origin = api.origin(operation.key, values)
        before = made.get(operation.key)
        existing = before or named.get(operation.tool_name)
        tool_name = operation.tool_name
        if tool_name in taken:
            tool_name = free_tool_name(tool_name, taken | names)[0]
        is_as_made = before is not None and (before.origin or {}).get("made") == flow.origin["made"]
        # What the API changed against the draft; nothing while the operation gives what it gave when the flow was made.
        comparison = _comparison(before, flow) if before and not is_as_made else None
        change: Change = "new" if before is None else "same"
        if comparison and comparison.total:
            change = "breaking" if comparison.breaking else "changed"
        edited = before is not None and is_edited(before)
        usual: Choice = "new" if before is None else "leave" if change == "same" or edited else "replace"
        choice = choices.get(operation.key, usual)
        choice = "new" if choice == "replace" and existing is None else choice
        if choice == "new":
            taken |= {tool_name}
        steps.append(Step(operation, flow, tool_name, existing, change, choice, edited, comparison))
    return ApiPlan(server, api, tuple(steps), tuple(each for each in wanted if not each.flow))


def take_over(plan: ApiPlan) -> Made:
    """Store what the steps say: new flows are inactive drafts, in others the draft changes and keeps its tool name.

    Raises DefinitionError with every fault, or when somebody took a tool name in this moment; then nothing is stored. A
    draft that was written since the plan was made is left as it is.
    """
    wanted = [step for step in plan.steps if step.choice != "leave"]
    checked = [(step.operation.key, fault) for step in wanted for fault in draft_faults(step.flow)]
    faults = [Fault(f"{key}: {fault.path}", fault.message) for key, fault in checked]
    if faults:
        raise DefinitionError(faults)
    flows, late = [], []
    try:
        with transaction.atomic():
            for step in wanted:
                flow = step.existing if step.choice == "replace" and step.existing else step.flow
                if flow is step.flow:
                    flow.tool_name = step.tool_name
                    flow.save()
                    flows.append(flow)
                    continue
                for name in _WRITTEN:
                    setattr(flow, name, getattr(step.flow, name))
                try:
                    write(flow, _WRITTEN, {flow.revision})
                except (Stale, Http404):
                    late.append(step)
                else:
                    flows.append(flow)
            announcements.announce(plan.server.slug)
    except IntegrityError:
        raise DefinitionError([Fault("flows", "somebody took one of the tool names just now; import again")]) from None
    return Made(tuple(flows), tuple(late))


def _comparison(before: Flow, flow: Flow) -> Comparison:
    new = as_version(flow)
    new.contract["name"] = before.tool_name
    return comparison_of("draft", as_version(before), "API", new)


def _values(flow: Flow) -> dict[str, Any]:
    values = {key: getattr(flow, name) for key, name in FIELDS.items()}
    return values | {"definition": without_held(values["definition"])}


def _digest(values: Mapping[str, Any]) -> str:
    """What tells apart what was imported; the tool name is left out, which an import may number."""
    kept = {key: value for key, value in values.items() if key != "toolName"}
    return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()
