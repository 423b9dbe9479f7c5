"""What people do with flows: publish, duplicate, switch on and off, delete. Changes are announced once committed."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Max
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from flows.adapters import vault
from flows.engine.destinations import astray
from flows.engine.errors import DefinitionError, Fault
from flows.engine.expressions import SecretValues, has_expression
from flows.engine.graph import Graph, examine, parse, without_held
from flows.engine.node import RepliesAgain
from flows.engine.references import References
from flows.engine.shapes import UNKNOWN, Shape
from flows.models import Flow, FlowVersion, Secret, Server
from flows.nodes import registry
from flows.nodes.fail import Fail
from flows.publishing import announcements
from flows.publishing.callers import asking_faults, flow_parameters, take_along
from flows.review.lint.behaviour import wrong_annotation
from flows.review.lint.subject import Subject
from flows.revisions.writes import Stale, edited_fields, write
from flows.schemas.compiled import check_tool_input_schema, compile_schema
from flows.values.reserved_names import WHY, is_reserved

DRAFT_FIELDS = (
    *("name", "tool_name", "tool_description", "when_to_use", "when_not_to_use", "input_schema", "output_schema"),
    *("annotations", "definition", "timeout_seconds", "answer_seconds"),
)
"""The fields of a flow that a version keeps."""


@dataclass(frozen=True, slots=True)
class MissingSecret(Fault):
    """An expression names a secret that the flow's server does not have."""

    secret_name: str


def graph_of(definition: Any) -> Graph:
    """Parse a definition with the node types of this installation; raises DefinitionError."""
    return parse(definition, registry())


def faults_of(flow: Flow) -> list[Fault]:
    """What is wrong with a draft in its server, each fault at its path in the flow's JSON."""
    return _judged(flow)[0]


def publishing_faults(flow: Flow) -> list[Fault]:
    """Everything that keeps a draft from being published: what is wrong with it, and what it cannot do as it stands."""
    faults, graph = _judged(flow)
    return faults if faults or graph is None else [*_without_answer(graph), *asking_faults(flow, graph)]


def draft_faults(flow: Flow) -> list[Fault]:
    """What is wrong with a flow in any server: name, definition, schemas and annotations, each fault at its path."""
    return _faults_anywhere(flow, *examine(flow.definition, registry()))


def definition_faults(definition: Any, input_schema: Any) -> list[Fault]:
    """Everything wrong with a definition: what makes it no graph, and expressions that name what cannot be there, as
    far as node types and the input schema tell (nothing, while it has faults). Paths begin inside the definition.
    """
    graph, faults = examine(definition, registry())
    return faults if graph is None else [*faults, *References(graph, shape_of_arguments(input_schema)).faults()]


def shape_of_arguments(input_schema: Any) -> Shape:
    """What is known of a call's arguments: the input schema; nothing while it has faults."""
    try:
        check_tool_input_schema(input_schema)
    except DefinitionError:
        return UNKNOWN
    shape: Shape = input_schema
    return shape


def _judged(flow: Flow) -> tuple[list[Fault], Graph | None]:
    """The faults of a draft in its server, and as much of its graph as there is."""
    graph, in_graph = examine(flow.definition, registry())
    faults: list[Fault] = []
    if not flow.tool_description.strip():
        faults.append(Fault("toolDescription", "say in one or two sentences what the tool does; the model reads it"))
    faults += _faults_anywhere(flow, graph, in_graph)
    if graph is not None:
        faults += [*secret_faults(flow, graph), *_missing_flows(flow, graph)]
    return faults + _taken_name(flow), graph


def _faults_anywhere(flow: Flow, graph: Graph | None, in_graph: list[Fault]) -> list[Fault]:
    faults = [Fault("toolName", WHY)] if is_reserved(flow.tool_name) else []
    faults += [Fault(path, why) for path, why in wrong_annotation(Subject({"annotations": flow.annotations}))]
    in_schemas: list[Fault] = []
    for path, check, value in (
        ("inputSchema", check_tool_input_schema, flow.input_schema),
        ("outputSchema", compile_schema, flow.output_schema),
    ):
        try:
            if value is not None:
                check(value)
        except DefinitionError as error:
            in_schemas += [_inside(path, fault) for fault in error.faults]
    is_schema_faulty = any(fault.is_inside("inputSchema") for fault in in_schemas)
    found = list(in_graph)
    if graph is not None:
        found += References(graph, UNKNOWN if is_schema_faulty else flow.input_schema).faults()
    return faults + [_inside("definition", fault) for fault in found] + in_schemas


def _without_answer(graph: Graph) -> Iterator[Fault]:
    """A flow of which no node can answer; whether one of somebody else's type does is not known, so it may."""
    for node in graph.order:
        kind = node.registered.node_type
        if isinstance(kind, RepliesAgain | Fail) or not type(kind).__module__.startswith("flows.nodes."):
            return
    say = "nothing answers: add a node that does, such as return, and lead a connection to it from the trigger"
    yield Fault("definition.nodes", say)


def _inside(field: str, fault: Fault) -> Fault:
    return replace(fault, path=f"{field}.{fault.path}".rstrip("."))


def _taken_name(flow: Flow) -> list[Fault]:
    """Drafts of a server have different tool names, but a published version keeps the name that its draft had."""
    published = Flow.objects.filter(server=flow.server_id, published_version__tool_name=flow.tool_name)
    other = published.exclude(pk=flow.pk).first()
    if other is None:
        return []
    return [Fault("toolName", f"clients still call {other.name!r} by this name: publish that flow again first")]


def secret_faults(flow: Flow, graph: Graph, *, is_for_test: bool = False) -> Iterator[Fault]:
    """Each `{{ secrets.NAME }}`, of a node that can run, that may not be there, or that names a secret which the flow's
    server does not have; a test call says the latter by itself, when it gets there.
    """
    if not graph.secret_names:
        return
    known = dict(Secret.objects.filter(server=flow.server_id).values_list("name", "origins"))
    for node in graph.order:
        for use in node.secrets:
            place = f"definition.{graph.places[node.id]}.parameters.{use.place}"
            if use.name not in known and not is_for_test:
                has = ", ".join(sorted(known)) or "none"
                why = f"the server has no secret {use.name!r}; add it under Secrets. It has: {has}"
                yield MissingSecret(place, why, use.name)
            elif why := astray(use, node.parameters, known.get(use.name, ())):
                yield Fault(place, why)


def _missing_flows(flow: Flow, graph: Graph) -> Iterator[Fault]:
    """Each node that can run and calls a flow which the server does not have; a draft counts, and so does this flow."""
    calling = [(node, name) for node in graph.order for name in flow_parameters(node.registered.node_type)]
    if not calling:
        return
    flows = Flow.objects.filter(server=flow.server_id).values_list("tool_name", "published_version__tool_name")
    known = {name for names in flows for name in names if name} | {flow.tool_name}
    for node, name in calling:
        place, value = f"definition.{graph.places[node.id]}.parameters.{name}", node.parameters.get(name)
        if has_expression(value):
            yield Fault(place, "write the tool name of a flow: an expression would let callers choose any flow")
        elif isinstance(value, str) and value not in known:
            yield Fault(place, f"the server has no flow {value!r}. It has: {', '.join(sorted(known))}")


def contract_of(flow: Flow) -> dict[str, Any]:
    """The tool as clients see it, in MCP's words (camelCase)."""
    description = flow.tool_description.strip()
    if flow.when_to_use.strip():
        description += f"\n\nWHEN TO USE: {flow.when_to_use.strip()}"
    if flow.when_not_to_use.strip():
        description += f"\n\nWHEN NOT TO USE: {flow.when_not_to_use.strip()}"
    contract = {
        "name": flow.tool_name,
        "title": flow.name,
        "description": description,
        "inputSchema": flow.input_schema,
    }
    if flow.output_schema is not None:
        contract["outputSchema"] = flow.output_schema
    if flow.annotations:
        contract["annotations"] = flow.annotations
    return contract


def as_version(flow: Flow) -> FlowVersion:
    """The draft as a version that is not stored and has no number."""
    return FlowVersion(
        flow=flow,
        tool_name=flow.tool_name,
        definition=without_held(flow.definition),
        contract=contract_of(flow),
        timeout_seconds=flow.timeout_seconds,
        answer_seconds=flow.answer_seconds,
    )


def publish(
    flow: Flow, user: Any = None, expected: Collection[int] | None = None, *, note: str = "", activate: bool = False
) -> FlowVersion:
    """Make an immutable version of the draft as `flow` has it, and let clients call it from now on.

    With `activate` an inactive flow is switched on with it. Drafts that name it by another tool name than this version
    has are taken along; they are `taken_along` of the version. Raises DefinitionError with every fault, and Stale when
    the stored draft has another revision than `flow`, or none of `expected`; then nothing changes for clients.
    """
    if expected is not None and flow.revision not in expected:
        raise Stale(flow)
    if faults := publishing_faults(flow):
        raise DefinitionError(faults)
    with transaction.atomic():
        version = insert_version(flow, user, note=note, activate=activate, checks_revision=expected is not None)
        announcements.announce(flow.server.slug)
    return version


def insert_version(flow: Flow, user: Any, *, note: str, activate: bool, checks_revision: bool = True) -> FlowVersion:
    """Make a version of a draft without faults, inside a transaction whose end announces it; raises Stale."""
    # Locks the flow on PostgreSQL; SQLite's immediate transactions already let only one writer in.
    stored = Flow.objects.select_for_update().get(pk=flow.pk)
    if checks_revision and stored.revision != flow.revision:
        raise Stale(stored)
    newest = flow.versions.aggregate(newest=Max("number"))["newest"] or 0
    version = as_version(flow)
    version.number, version.note, version.created_by = newest + 1, note, user if user and user.pk else None
    version.save()
    flow.published_version = version
    flow.is_active = stored.is_active or activate
    flow.save(update_fields=["published_version", "is_active", "updated_at"])
    former = stored.published_version.tool_name if stored.published_version else version.tool_name
    version.taken_along = take_along(flow, former, version.tool_name) if former != version.tool_name else []
    return version


def save_draft(flow: Flow, names: Iterable[str], expected: Collection[int] | None = None) -> list[Flow]:
    """Store fields of a draft; raises Stale, and IntegrityError for a tool name that is taken.

    Drafts that call a flow by its draft's name, because it is not published, are taken along when that changes.
    Gives those that were changed.
    """
    with transaction.atomic():
        former = Flow.objects.filter(pk=flow.pk).values_list("tool_name", flat=True).first() or flow.tool_name
        write(flow, names, expected)
        if former == flow.tool_name or flow.published_version_id is not None or _is_published(flow, former):
            return []
        return take_along(flow, former, flow.tool_name)


def _is_published(flow: Flow, tool_name: str) -> bool:
    return Flow.objects.filter(server=flow.server_id, published_version__tool_name=tool_name).exists()


def drafted(flow: Flow, version: FlowVersion) -> Flow:
    """The flow with what a version holds as its draft; nothing is stored."""
    draft, contract = Flow.objects.select_related("server", "published_version").get(pk=flow.pk), version.contract
    # As `contract_of` has put them together; a description that holds these words itself comes out the same again.
    words, _, not_to_use = contract["description"].partition("\n\nWHEN NOT TO USE: ")
    draft.tool_description, _, draft.when_to_use = words.partition("\n\nWHEN TO USE: ")
    draft.when_not_to_use, draft.name, draft.tool_name = not_to_use, contract["title"], version.tool_name
    draft.input_schema, draft.output_schema = contract["inputSchema"], contract.get("outputSchema")
    draft.annotations, draft.definition = contract.get("annotations", {}), version.definition
    draft.timeout_seconds, draft.answer_seconds = version.timeout_seconds, version.answer_seconds
    return draft


def restore(flow: Flow, version: FlowVersion, expected: Collection[int] | None = None) -> Flow:
    """Make what a version holds the draft again; what was the draft is in no row any more.

    Raises DefinitionError when its tool name is another flow's now, and Stale.
    """
    draft = drafted(flow, version)
    try:
        write(draft, DRAFT_FIELDS, expected)
    except IntegrityError:
        why = f"another flow of this server is called {draft.tool_name!r} now; rename that one first"
        raise DefinitionError([Fault("toolName", why)]) from None
    return draft


def has_unpublished_changes(flow: Flow) -> bool:
    """Whether the draft differs from what clients call now."""
    version = flow.published_version
    if version is None or (version.definition, version.contract) != (without_held(flow.definition), contract_of(flow)):
        return True
    return (version.timeout_seconds, version.answer_seconds) != (flow.timeout_seconds, flow.answer_seconds)


def set_active(flow: Flow, active: bool) -> None:
    """Let clients call the flow, or stop them; its history and versions stay."""
    with transaction.atomic():
        Flow.objects.filter(pk=flow.pk).update(is_active=active, updated_at=timezone.now())
        announcements.announce(flow.server.slug)
    flow.is_active = active


def free_tool_name(wanted: str, taken: Collection[str]) -> tuple[str, int]:
    """The first of `wanted_2`, `wanted_3`, ... that is not taken, and its number; at most 64 characters."""
    number, base = 2, wanted[:58]
    while f"{base}_{number}" in taken:
        number += 1
    return f"{base}_{number}", number


def duplicate(flow: Flow, server: Server | None = None) -> Flow:
    """Copy the draft, into its own server or another one, under a free tool name; it is inactive and not published."""
    copy = Flow.objects.get(pk=flow.pk)
    copy.pk = None
    copy._state.adding = True
    copy.server = server or flow.server
    names = set(Flow.objects.filter(server=copy.server).values_list("tool_name", flat=True))
    if flow.tool_name in names:
        copy.tool_name, number = free_tool_name(flow.tool_name, names)
        copy.name = f"{flow.name[:190]} ({number})"
    copy.is_active, copy.published_version, copy.revision, copy.origin = False, None, 1, None
    copy.save()
    return copy


def delete(flow: Flow, expected: Collection[int] | None = None) -> None:
    """Delete the flow; its executions and the versions that they ran stay readable (FR-011).

    Raises Stale when its revision is none of `expected`.
    """
    with transaction.atomic():
        write(flow, (), expected)
        announcements.announce(flow.server.slug)
        flow.delete()


def save_server(server: Server, names: Iterable[str] = (), expected: Collection[int] | None = None) -> None:
    """Store a new server, or fields of one (without names all), and let connected processes know; raises Stale."""
    with transaction.atomic():
        if server._state.adding:
            server.save()
        else:
            write(server, names or edited_fields(server), expected)
        announcements.announce(server.slug)


def delete_server(server: Server) -> None:
    """Delete a server and its flows; connected clients lose it."""
    with transaction.atomic():
        for flow in server.flows.select_related("server"):
            delete(flow)
        announcements.announce(server.slug)
        server.delete()


@sensitive_variables("value")
def set_secret(server: Server, name: str, value: str, origins: list[str] | None = None) -> Secret:
    """Give a server's secret a value, which may be empty, new or in place of the one it had; and origins, where given.

    Raises django.core.exceptions.ValidationError for a name that is none.
    """
    secret = Secret.objects.filter(server=server, name=name).first() or Secret(server=server, name=name)
    secret.encrypted = vault.encrypt(value, secret.place)
    if origins is not None:
        secret.origins = origins
    secret.full_clean(exclude=["encrypted"])
    with transaction.atomic():
        secret.save()
        announcements.announce(server.slug)
    return secret


def set_origins(secret: Secret, origins: list[str]) -> None:
    """Say where a secret may be sent: origins as `allowed_origin` gives them, none for wherever its flows send it."""
    with transaction.atomic():
        secret.origins = origins
        secret.save(update_fields=["origins", "updated_at"])
        announcements.announce(secret.server.slug)


def delete_secret(secret: Secret) -> None:
    """Delete a secret; flows that name it fail from the next call on."""
    with transaction.atomic():
        announcements.announce(secret.server.slug)
        secret.delete()


def secret_values(flow_id: int | None, names: Collection[str]) -> SecretValues:
    """The values of those secrets of a flow's server that exist and can be decrypted."""
    return _decrypted(Secret.objects.filter(server__flows=flow_id, name__in=names)) if flow_id else SecretValues()


def secret_values_of_server(server: Server, names: Collection[str]) -> SecretValues:
    """The values of those secrets of a server that exist and can be decrypted."""
    return _decrypted(Secret.objects.filter(server=server, name__in=names))


def empty_secrets(server: Server) -> set[str]:
    """The names of those secrets of a server whose value is empty."""
    return {name for name, value in _decrypted(server.secrets.all()).items() if not value}


def _decrypted(secrets: Iterable[Secret]) -> SecretValues:
    values: dict[str, str] = {}
    unreadable: list[str] = []
    origins: dict[str, list[str]] = {}
    for secret in secrets:
        try:
            values[secret.name] = vault.decrypt(secret.encrypted, secret.place)
            origins[secret.name] = secret.origins
        except vault.Unreadable:
            unreadable.append(secret.name)
    return SecretValues(values, unreadable, origins)


def rotate_secrets() -> tuple[int, list[Secret]]:
    """Encrypt every secret again with the newest key; returns how many, and those that no key opens."""
    number, unreadable = 0, []
    for secret in Secret.objects.select_related("server"):
        try:
            encrypted = vault.rotated(secret.encrypted)
        except vault.Unreadable:
            unreadable.append(secret)
            continue
        # A value that somebody set meanwhile is encrypted with the newest key already.
        number += Secret.objects.filter(pk=secret.pk, encrypted=secret.encrypted).update(encrypted=encrypted)
    return number, unreadable
