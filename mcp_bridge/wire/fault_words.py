"""Words for what the SDK finds wrong with the params of a message; by itself it only says that they are invalid."""

from collections.abc import Sequence
from typing import Any

from mcp.shared.exceptions import MCPError
from mcp_types import INVALID_PARAMS
from pydantic import ValidationError

_MAX_FAULTS = 5
"""Faults of a message's params that its answer names."""


async def explain(ctx: Any, call_next: Any) -> Any:
    """Middleware of the SDK's server: params that do not fit are answered with what to change (-32602)."""
    try:
        return await call_next(ctx)
    except ValidationError as error:
        raise MCPError(INVALID_PARAMS, f"The params of {ctx.method} do not fit. {_said(error)}") from None


def _said(error: ValidationError) -> str:
    """Where and what, without the values: they may be secret, and as long as the message."""
    faults = error.errors(include_url=False, include_context=False, include_input=False)
    lines = [f"{_place(fault['loc'])}: {fault['msg']}." for fault in faults[:_MAX_FAULTS]]
    more = len(faults) - len(lines)
    return " ".join(lines + ([f"And {more} more."] if more else []))


def _place(location: Sequence[str | int]) -> str:
    return ".".join(map(str, location)) or "params"
