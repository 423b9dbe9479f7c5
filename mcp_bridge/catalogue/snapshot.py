"""What a server offers, as an immutable snapshot: wire objects, graphs and validators made once, listed without ORM."""

import hashlib
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Protocol

import mcp_types.methods
from mcp.shared.inbound import X_MCP_HEADER_KEY
from pydantic import ValidationError

from executions.admission.allowances import NO_LIMIT, Allowance
from executions.running.targets import Target, output_schema_of
from flows import nodes
from flows.engine.errors import DefinitionError
from flows.engine.graph import Graph
from flows.engine.node import Asks, Speaks
from flows.engine.questions import CAPABILITIES, QuestionKind
from flows.mcp_apps import View, view_of, with_view
from flows.models import Flow, Server
from flows.publishing.callers import asked_kind
from flows.publishing.versions import graph_of
from flows.schemas.compiled import compile_schema, moved
from mcp_bridge.catalogue.offered import (
    LEGACY_VERSION,
    MODERN_VERSION,
    PublishedPrompt,
    PublishedResource,
    prompts_of,
    resources_of,
)
from mcp_bridge.catalogue.pending_contract import widened
from mcp_bridge.keys.principals import Principal

_ASKS = "ASKS: The tool may ask in the middle of the call. Only clients with MCP's capability {} can answer."

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PublishedTool:
    """A flow as clients see it, in both eras, and as it is run."""

    target: Target
    modern: Mapping[str, Any]
    legacy: Mapping[str, Any]
    wraps_result: bool
    """Legacy clients need an object: the schema and the structured result are wrapped as `{"result": ...}`."""
    view: View | None = None
    """What clients with MCP Apps draw its answers with."""
    is_quick: bool = False
    """Whether it is plain, and a call neither waits nor tells its client anything before the answer."""
    is_plain: bool = False
    """Whether a call asks its client nothing, and copies no argument into a header (MCP 2026-07-28, Transports, Custom
    Headers from Tool Parameters).
    """


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A server and what it offers at one moment; `stamp` tells whether the database has moved on."""

    server_id: int
    slug: str
    name: str
    instructions: str
    owner_id: int | None
    is_public: bool
    stamp: Any
    agent_tools: bool = False
    """Whether clients can look at the executions of their own key."""
    links_failures: bool = True
    """Whether a failure ends with the address of its execution."""
    allowance: Allowance = NO_LIMIT
    """How much all callers of the server together may call."""
    stranger_calls: tuple[int | None, int | None] = (None, None)
    """How many calls a minute, and at once, from one address without a key; None is what this installation allows."""
    tools: Mapping[str, PublishedTool] = field(default_factory=lambda: MappingProxyType({}))
    prompts: Mapping[str, PublishedPrompt] = field(default_factory=lambda: MappingProxyType({}))
    resources: Mapping[str, PublishedResource] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def mark(self) -> str:
        """Sixteen characters that another process with the same snapshot makes too."""
        return hashlib.sha256(repr(self.stamp).encode()).hexdigest()[:16]


class Catalogue(Protocol):
    """What one server offers, as long as it does: read anew for each request."""

    @property
    def snapshot(self) -> Snapshot:
        """The snapshot of the moment."""


def may_see(principal: Principal | None, target: Target | None) -> bool:
    """Whether a caller sees a prompt or resource: what a flow answers only if the key may call that flow's tool."""
    return principal is None or target is None or principal.may_call(target.tool_name)


def stamp_of(slug: str) -> Any:
    """A small value that changes whenever the server's snapshot would; None for a server that is not published.

    Nor is one published whose owner was switched off. Prompts and resources count by the server's own time of change,
    which they set.
    """
    published = Server.objects.filter(slug=slug, is_published=True).exclude(owner__is_active=False)
    server = published.values_list("pk", "updated_at").first()
    if server is None:
        return None
    flows = Flow.objects.filter(server_id=server[0]).callable()
    return server, tuple(flows.order_by("pk").values_list("pk", "published_version_id"))


def load(slug: str) -> Snapshot | None:
    """Read a server and what it offers; None when there is no published server of that slug."""
    stamp = stamp_of(slug)
    server = Server.objects.filter(slug=slug, is_published=True).first()
    if stamp is None or server is None:
        return None
    flows = server.flows.callable().select_related("published_version").order_by("tool_name")
    tools = {}
    for flow in flows:
        tool = _tool_of(server, flow)
        if tool is not None:
            tools[tool.target.tool_name] = tool
    targets = {tool.target.flow_id: tool.target for tool in tools.values() if tool.target.flow_id is not None}
    return Snapshot(
        server_id=server.pk,
        slug=server.slug,
        name=server.name,
        instructions=server.description,
        owner_id=server.owner_id,
        is_public=server.access == Server.Access.PUBLIC,
        stamp=stamp,
        agent_tools=server.agent_tools,
        links_failures=server.links_failures,
        allowance=Allowance(
            f"server:{server.pk}",
            "to this server from all its callers together",
            server.calls_per_minute,
            server.calls_at_once,
        ),
        stranger_calls=(server.stranger_calls_per_minute, server.stranger_calls_at_once),
        tools=MappingProxyType(tools),
        prompts=MappingProxyType(prompts_of(server.prompts.filter(is_active=True), targets)),
        resources=MappingProxyType(resources_of(server.resources.filter(is_active=True), targets)),
    )


def _tool_of(server: Server, flow: Flow) -> PublishedTool | None:
    """Make one tool ready; a tool that cannot be served is left out, so that it does not take the others along."""
    version = flow.published_version
    if version is None:
        return None
    contract = version.contract
    try:
        target = Target(
            flow_id=flow.pk,
            version_id=version.pk,
            owner_id=server.owner_id,
            flow_name=flow.name,
            tool_name=contract["name"],
            server_slug=server.slug,
            graph=graph_of(version.definition),
            input_schema=compile_schema(contract["inputSchema"]),
            timeout_seconds=version.timeout_seconds,
            output_schema=output_schema_of(contract.get("outputSchema")),
            answer_seconds=version.answer_seconds,
        )
        view = view_of(target.graph)
        contract, legacy, wraps = in_both_eras(
            contract,
            server.slug,
            view,
            asks=asked_kind(target.graph),
            is_handed_over=target.answer_seconds is not None,
        )
        _check_wire(contract, MODERN_VERSION)
        _check_wire(legacy, LEGACY_VERSION)
    except (DefinitionError, ValidationError) as error:
        logger.error("tool %s of server %s is left out: %s", contract.get("name"), server.slug, error)
        return None
    is_plain = not _may_ask(target.graph) and X_MCP_HEADER_KEY not in json.dumps(contract["inputSchema"])
    speaks = any(isinstance(node.registered.node_type, Speaks) for node in target.graph.order)
    is_quick = is_plain and target.graph.is_immediate and not speaks
    return PublishedTool(target, contract, legacy, wraps, view, is_quick, is_plain)


def _may_ask(graph: Graph) -> bool:
    """Whether a node asks, or is of a plug-in and waits: such a one may ask and not say so."""
    types = [(node.registered.node_type, node.is_immediate) for node in graph.order]
    own = nodes.__name__
    return any(
        isinstance(each, Asks) or not (is_immediate or type(each).__module__.startswith(own))
        for each, is_immediate in types
    )


def in_both_eras(
    contract: Mapping[str, Any],
    server_slug: str,
    view: View | None,
    *,
    asks: QuestionKind | None,
    is_handed_over: bool,
) -> tuple[dict[str, Any], dict[str, Any], bool]:
    """A version's contract as clients of 2026-07-28 and those before get it, and whether results are wrapped for these.

    `asks` is whom the flow asks in the middle of a call: models and people read of it before they call.
    `is_handed_over` says that a result may be that the execution goes on. An input schema always names its properties,
    if none: some frameworks lose every tool of the server over one that does not.
    """
    modern = dict(contract)
    if isinstance(schema := contract["inputSchema"], dict):  # a draft may hold anything
        modern["inputSchema"] = {**schema, "properties": schema.get("properties", {})}
    if asks is not None:
        modern["description"] += f"\n\n{_ASKS.format(CAPABILITIES[asks])}"
    modern = with_view(widened(modern) if is_handed_over else modern, server_slug, view)
    legacy, wraps_result = _for_legacy(modern)
    return modern, legacy, wraps_result


def _for_legacy(contract: dict[str, Any]) -> tuple[dict[str, Any], bool]:
    """The tool for the handshake protocols, and whether its output schema, and so its results, are wrapped for them."""
    schema = contract.get("outputSchema")
    if schema is None or schema.get("type") == "object":
        return contract, False
    inner = moved(schema, "properties", "result")
    wrapped = {"type": "object", "properties": {"result": inner}, "required": ["result"]}
    if "$schema" in schema:
        wrapped = {"$schema": schema["$schema"]} | wrapped
    return contract | {"outputSchema": wrapped}, True


def _check_wire(tool: dict[str, Any], version: str) -> None:
    """One tool that breaks the wire format would make the whole list fail; raises ValidationError."""
    extra = {"resultType": "complete", "ttlMs": 0, "cacheScope": "private"} if version == MODERN_VERSION else {}
    mcp_types.methods.serialize_server_result("tools/list", version, {"tools": [tool]} | extra)
