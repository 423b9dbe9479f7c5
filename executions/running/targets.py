"""What can be called: a flow's published version, or its draft, made ready to run."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from executions.ledger import drafts
from executions.privacy.guard import Guard
from flows.engine.errors import DefinitionError, Fault
from flows.engine.graph import Graph, Node, parse_until, without_held
from flows.models import Flow, FlowVersion
from flows.nodes import registry
from flows.publishing.versions import graph_of, secret_faults
from flows.schemas.compiled import CompiledSchema, SchemaError, compile_schema


@dataclass(frozen=True, slots=True)
class Target:
    """What is called: a flow's version (or its draft) made ready to run, and the names that its record keeps."""

    flow_id: int | None
    version_id: int | None
    owner_id: int | None
    flow_name: str
    tool_name: str
    server_slug: str
    graph: Graph
    input_schema: CompiledSchema
    timeout_seconds: float
    output_schema: CompiledSchema | None = None
    """What the JSON answer has to fit; None when the flow promises nothing."""
    draft: Mapping[str, Any] | None = field(default=None, repr=False)
    """What was saved when this was made, unless it is a version: drafts change under executions that wait."""
    draft_digest: str | None = None
    """Under which a draft is kept; see `executions.ledger.drafts`."""
    answer_seconds: float | None = None
    """After so long an MCP client is told that the execution goes on; None: it waits for the end."""
    end: Node | None = None
    """The node that the execution ends with, when it is not executed to its end."""
    guard: Guard = field(init=False, repr=False)
    columns: Mapping[str, Any] = field(init=False, repr=False)
    """What it puts into the row of each of its executions."""
    is_immediate: bool = field(init=False)
    """Whether its calls may be answered at once: there is nothing to wait for, and nothing to keep from the answer."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "guard", Guard.of(self.graph, self.input_schema))
        columns = {
            "flow_id": self.flow_id,
            "flow_version_id": self.version_id,
            "draft_digest": self.draft_digest,
            "owner_id": self.owner_id,
            "flow_name": self.flow_name,
            "flow_tool_name": self.tool_name,
            "server_slug": self.server_slug,
        }
        object.__setattr__(self, "columns", columns)
        waits = bool(self.graph.secret_names or self.draft or self.answer_seconds)
        object.__setattr__(self, "is_immediate", self.graph.is_immediate and not waits and self.guard.schema is None)


class ArgumentsError(ValueError):
    """Arguments break the flow's input schema; `faults` says each at its path."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        super().__init__("; ".join(str(fault) for fault in faults))
        self.faults = faults


def output_schema_of(schema: Any) -> CompiledSchema | None:
    """A flow's output schema ready to check answers, None when it has none; raises SchemaError."""
    return None if schema is None else compile_schema(schema)


def draft_target(flow: Flow, until_node: str | None = None) -> Target:
    """The saved draft, ready to run, without the outputs that it holds for tests; raises DefinitionError.

    With the id of a node it is what leads to that node, whose output is its end; raises ValueError when it is not
    executed.
    """
    schemas = flow.input_schema, flow.output_schema
    target = _target_of(flow, without_held(flow.definition), schemas, flow.timeout_seconds, None, until_node)
    if faults := list(secret_faults(flow, target.graph, is_for_test=True)):
        raise DefinitionError(faults)
    return target


def kept_target(flow: Flow, version_id: int | None, draft: Mapping[str, Any] | None) -> Target:
    """What an execution that waits was called with, ready to go on; raises DefinitionError, ValueError."""
    if draft is not None:
        schemas, until_node = tuple(draft["schemas"]), draft.get("untilNode")
        return _target_of(flow, draft["definition"], schemas, draft["timeoutSeconds"], None, until_node)
    version = flow.versions.filter(pk=version_id or 0).first()
    if version is None:
        raise ValueError("The version that was called is gone.")
    return version_target(flow, version)


def published_target(flow: Flow) -> Target:
    """What clients call now, ready to run; raises ValueError when the flow is not published."""
    version = flow.published_version
    if version is None:
        raise ValueError("The flow is not published yet.")
    return version_target(flow, version)


def version_target(flow: Flow, version: FlowVersion) -> Target:
    """One version of a flow, ready to run, whatever clients call now; raises DefinitionError."""
    schemas = version.contract["inputSchema"], version.contract.get("outputSchema")
    return _target_of(flow, version.definition, schemas, version.timeout_seconds, version)


def _compiled(field: str, schema: Any) -> CompiledSchema:
    """A schema of a flow; raises DefinitionError with its faults at their paths in the flow's JSON."""
    try:
        return compile_schema(schema)
    except SchemaError as error:
        faults = [replace(fault, path=f"{field}.{fault.path}".rstrip(".")) for fault in error.faults]
        raise DefinitionError(faults) from None


def _target_of(
    flow: Flow,
    definition: Any,
    schemas: tuple[Any, Any],
    timeout: float,
    version: FlowVersion | None,
    until_node: str | None = None,
) -> Target:
    schema, output_schema = schemas
    graph = graph_of(definition) if until_node is None else parse_until(definition, registry(), until_node)
    draft = {"definition": definition, "schemas": schemas, "timeoutSeconds": timeout, "untilNode": until_node}
    return Target(
        flow_id=flow.pk,
        version_id=version.pk if version else None,
        owner_id=flow.server.owner_id,
        flow_name=flow.name,
        tool_name=flow.tool_name,
        server_slug=flow.server.slug,
        graph=graph,
        input_schema=_compiled("inputSchema", schema),
        timeout_seconds=timeout,
        output_schema=None if output_schema is None or until_node else _compiled("outputSchema", output_schema),
        answer_seconds=version.answer_seconds if version else flow.answer_seconds,
        draft=None if version else draft,
        draft_digest=None if version else drafts.digest_of(definition),
        end=None if until_node is None else graph.nodes[until_node],
    )
