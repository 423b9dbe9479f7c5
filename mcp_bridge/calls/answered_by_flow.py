"""Prompts and resources that a flow answers: the same execution as that of a tool call, with errors of the protocol."""

import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from mcp.shared.exceptions import MCPError
from mcp_types import INTERNAL_ERROR, INVALID_PARAMS, LoggingLevel

from executions.ledger.unavailable import LedgerUnavailable
from executions.running.calls import Answer, Call, Pending
from executions.running.refusing import refuse
from executions.running.targets import ArgumentsError, Target
from flows.offers.sample_inputs import as_arguments
from mcp_bridge.calls import asking, reports, tools
from mcp_bridge.calls.tools import Context

logger = logging.getLogger(__name__)

NOT_RECORDED = "This could not be recorded, so it is not given out. Wait a little and ask again."


async def answer_of(
    ctx: Context,
    params: asking.Params,
    request: str,
    target: Target,
    texts: Mapping[str, str],
    data: Mapping[str, Any],
    set_level: LoggingLevel | None,
) -> Answer | dict[str, Any]:
    """Call the flow with texts, as its schema takes them, and return its answer; raises MCPError when it has none.

    `request` is the method, and which prompt or resource it asks for; the record keeps it. A flow that asks a
    2026-07-28 client gives the result that asks, as it goes on the wire. `data` goes with the error, beside the id of
    the execution: -32602 for texts that do not fit, else -32603.
    """
    caller = replace(tools.caller_of(ctx, tools.principal_of(ctx)), request=request)
    try:
        async with reports.watching(ctx, target.graph, set_level) as watch:
            call = Call(target, as_arguments(target.input_schema.schema, texts), caller, watch)
            try:
                answer, code = await asking.converse(ctx, params, call), INTERNAL_ERROR
            except ArgumentsError as misfit:
                answer, code = await refuse(call, misfit), INVALID_PARAMS
    except LedgerUnavailable as error:
        logger.error("call of %s was not recorded: %s", target.tool_name, error)
        raise MCPError(INTERNAL_ERROR, NOT_RECORDED, data=dict(data) or None) from None
    assert not isinstance(answer, Pending)  # noqa: S101 - only clients of tools are told to come back
    if isinstance(answer, Answer) and answer.is_error:
        raise MCPError(code, answer.text, data={**data, **asking.meta_of(answer)})
    return answer
