"""A flow that is not stored yet, with the call that tries it; and how it is stored."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from flows.cases.drafts import as_stored
from flows.cases.expectations import Expectation
from flows.models import Flow, SavedCase, Server
from flows.publishing import versions
from flows.publishing.callers import renamed
from flows.values.reserved_names import is_reserved
from flows.values.tool_names import tool_name_of

SUCCEEDS = Expectation()


@dataclass(frozen=True, slots=True)
class Case:
    """A call that is kept with the flow; `omitted` are the paths of arguments that have to be typed for it."""

    name: str
    arguments: Mapping[str, Any]
    expectation: Expectation = SUCCEEDS
    omitted: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NewFlow:
    """What a flow begins as: the values of its fields by their names in the model, without its server."""

    fields: Mapping[str, Any]
    cases: tuple[Case, ...] = ()


def free_tool_name(server: Server, wanted: str) -> str:
    """The tool name itself where no flow of the server has it, else with a number behind it."""
    rows = Flow.objects.filter(server=server).values_list("tool_name", "published_version__tool_name")
    return _free(wanted, {name for names in rows for name in names if name})


def _free(wanted: str, taken: Collection[str]) -> str:
    wanted = f"my_{wanted}"[:64] if is_reserved(wanted) else wanted
    return versions.free_tool_name(wanted, taken)[0] if wanted in taken else wanted


@transaction.atomic
def store(server: Server, new: NewFlow, *, called: NewFlow | None = None, user: Any = None) -> Flow:
    """Store the flow as a draft, its cases with it. A tool name that is taken gets a number; without one, it is made
    from the name.

    `called` is a flow that it calls: stored too, and published by `user`, because flows call what is published.
    Raises DefinitionError when that one cannot be.
    """
    # One at a time: a name that is free here is free until it is stored.
    server = Server.objects.select_for_update().get(pk=server.pk)
    names = {}
    if called is not None:
        helper = _stored(server, called, {})
        names = {called.fields["tool_name"]: helper.tool_name}
        versions.publish(helper, user)
    return _stored(server, new, names)


def _stored(server: Server, new: NewFlow, names: Mapping[str, str]) -> Flow:
    flow = Flow(server=server, **new.fields)
    flow.tool_name = free_tool_name(server, flow.tool_name or tool_name_of(flow.name))
    flow.definition = renamed(flow.definition, names)
    versions.insert_flow(flow)
    for case in new.cases:
        columns = as_stored(case.name, dict(case.arguments), list(case.omitted), case.expectation.as_json())
        SavedCase.objects.create(flow=flow, **columns)
    return flow
