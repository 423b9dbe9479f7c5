"""`completion/complete`: what to propose for an argument of a prompt or a variable of a resource template."""

from typing import Any

from mcp.shared.exceptions import MCPError
from mcp_types import INVALID_PARAMS, CompleteRequestParams, PromptReference

from mcp_bridge.calls import prompts, resources, tools
from mcp_bridge.calls.results import complete
from mcp_bridge.calls.tools import Context
from mcp_bridge.catalogue.offered import Completions
from mcp_bridge.catalogue.snapshot import Catalogue

MAX_VALUES = 100
"""MCP 2026-07-28, Completion: an answer holds no more."""


def propose(catalogue: Catalogue, ctx: Context, params: CompleteRequestParams) -> dict[str, Any]:
    """Answer `completion/complete` with the values that begin as what was typed, whatever its case.

    Raises MCPError -32602 for a prompt, template or name that is not there.
    """
    known = _known(catalogue, ctx, params)
    name, typed = params.argument.name, params.argument.value.casefold()
    if name not in known:
        has = ", ".join(map(repr, known)) or "none"
        raise MCPError(INVALID_PARAMS, f"There is nothing called {name[:100]!r} to complete here. There is: {has}.")
    values = [value for value in known[name] if value.casefold().startswith(typed)]
    completion = {"values": values[:MAX_VALUES], "total": len(values), "hasMore": len(values) > MAX_VALUES}
    return complete({"completion": completion}, ctx.protocol_version)


def _known(catalogue: Catalogue, ctx: Context, params: CompleteRequestParams) -> Completions:
    if isinstance(params.ref, PromptReference):
        return prompts.known_prompt(catalogue, ctx, params.ref.name).completions
    for resource in resources.visible_resources(catalogue.snapshot, tools.principal_of(ctx)):
        if resource.uri == params.ref.uri:
            return resource.completions
    message = f"There is no resource template {params.ref.uri[:200]!r} on this server; resources/templates/list says."
    raise MCPError(INVALID_PARAMS, message)
