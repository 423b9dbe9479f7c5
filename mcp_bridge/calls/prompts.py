"""`prompts/list` and `prompts/get`."""

from collections.abc import Mapping
from typing import Any

from mcp.shared.exceptions import MCPError
from mcp_types import INVALID_PARAMS, GetPromptRequestParams

from executions.running.calls import Answer
from flows.offers.prompts import MessageError
from mcp_bridge.calls import tools
from mcp_bridge.calls.answered_by_flow import answer_of
from mcp_bridge.calls.results import complete, listed, meta_of, signed, spoken
from mcp_bridge.calls.tools import Context
from mcp_bridge.catalogue.offered import PublishedPrompt
from mcp_bridge.catalogue.snapshot import Catalogue, Snapshot, may_see
from mcp_bridge.keys.principals import Principal


def visible_prompts(snapshot: Snapshot, principal: Principal | None) -> dict[str, PublishedPrompt]:
    """The prompts that this caller may see, by name."""
    return {name: prompt for name, prompt in snapshot.prompts.items() if may_see(principal, prompt.target)}


async def list_prompts(catalogue: Catalogue, ctx: Context, params: Any) -> dict[str, Any]:
    """Answer `prompts/list` in one page."""
    prompts = visible_prompts(catalogue.snapshot, tools.principal_of(ctx))
    return listed({"prompts": [prompt.wire for prompt in prompts.values()]}, ctx.protocol_version)


def known_prompt(catalogue: Catalogue, ctx: Context, name: str) -> PublishedPrompt:
    """The prompt of that name; raises MCPError -32602 (MCP 2026-07-28, Prompts, Error handling)."""
    prompts = visible_prompts(catalogue.snapshot, tools.principal_of(ctx))
    if name not in prompts:
        shown = ", ".join(list(prompts)[:50]) or "none yet"
        raise MCPError(INVALID_PARAMS, f"There is no prompt {name[:100]!r} on this server. Its prompts are: {shown}.")
    return prompts[name]


async def get_prompt(catalogue: Catalogue, ctx: Context, params: GetPromptRequestParams) -> dict[str, Any]:
    """Answer `prompts/get`: the messages with the arguments in them, or what the prompt's flow says to them."""
    prompt = known_prompt(catalogue, ctx, params.name)
    arguments = params.arguments or {}
    _check_names(params.name, prompt, arguments)
    result: dict[str, Any] = {"description": prompt.wire["description"]}
    if prompt.target is not None:

        def write(answer: Answer) -> dict[str, Any]:
            messages = [{"role": "user", "content": block} for block in spoken(answer)]
            found = result | {"messages": messages, "_meta": meta_of(answer)}
            return signed(found, catalogue.snapshot, ctx.protocol_version)

        data = {"name": params.name}
        return await answer_of(ctx, catalogue.snapshot, params, params.name, prompt.target, arguments, data, write)
    if prompt.make is not None:
        try:
            result["messages"] = prompt.make(arguments)
        except MessageError as error:
            raise MCPError(INVALID_PARAMS, f"These arguments make no prompt: {error}.") from None
    return complete(result, ctx.protocol_version)


def _check_names(name: str, prompt: PublishedPrompt, arguments: Mapping[str, str]) -> None:
    missing = [each for each in prompt.required if each not in arguments]
    if missing:
        raise MCPError(INVALID_PARAMS, f"The prompt {name!r} needs {_listed(missing)}: give a text for each.")
    unknown = [each[:100] for each in arguments if each not in prompt.completions]
    if unknown:
        has = _listed(list(prompt.completions)) or "none"
        raise MCPError(INVALID_PARAMS, f"The prompt {name!r} has no argument {_listed(unknown)}. It has: {has}.")


def _listed(names: list[str]) -> str:
    return ", ".join(map(repr, names[:20]))
