"""Prompts and resources that a flow answers: the same execution as that of a tool call, with errors of the protocol."""

import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from mcp.shared.exceptions import MCPError
from mcp_types import INTERNAL_ERROR, INVALID_PARAMS

from executions.admission.allowances import OverLimit
from executions.ledger.unavailable import LedgerUnavailable
from executions.running.calls import Answer, Pending, Written, call_of
from executions.running.refusing import refuse
from executions.running.targets import ArgumentsError, Target
from flows.offers.sample_inputs import as_arguments
from mcp_bridge.calls import asking, reports, tools
from mcp_bridge.calls.results import error_of, meta_of
from mcp_bridge.calls.tools import Context
from mcp_bridge.catalogue.snapshot import Snapshot

logger = logging.getLogger(__name__)

NOT_RECORDED = "This could not be recorded, so it is not given out. Wait a little and ask again."


async def answer_of(
    ctx: Context,
    snapshot: Snapshot,
    params: asking.Params,
    asked: str,
    target: Target,
    texts: Mapping[str, str],
    data: Mapping[str, Any],
    write: Written,
) -> dict[str, Any]:
    """Call the flow with texts, as its schema takes them, and return what `write` makes of its answer.

    `asked` is which prompt or resource, as the record keeps it. A flow that asks a 2026-07-28 client gives the result
    that asks, as it goes on the wire. Raises MCPError when there is no answer: -32602 for texts that do not fit, -32005
    for a call over a limit, else -32603; `data` goes with the error, beside the id of the execution.
    """
    principal, is_new = tools.principal_of(ctx), not asking.goes_on(ctx, params)
    caller = replace(tools.caller_of(ctx, principal), request=f"{ctx.method} {asked}")
    arguments = as_arguments(target.input_schema.schema, texts)

    def failure(answer: Answer) -> MCPError:
        code = INVALID_PARAMS if call.faults else INTERNAL_ERROR
        return MCPError(code, answer.text, data={**data, **meta_of(answer)})

    def written(answer: Answer) -> dict[str, Any]:
        if not answer.is_error:
            return write(answer)
        return error_of(asking.cannot_be_asked(answer, ctx.protocol_version) or failure(answer))

    # Of a resource's URI the template is kept: what stands in its place are arguments.
    request = asking.request_of(ctx, **({"uri": asked} if "uri" in data else {}))
    try:
        place = await tools.admit(snapshot, principal, tools.counts_as(ctx), target.flow_id, is_new=is_new)
    except OverLimit as over:
        raise MCPError(tools.OVER_LIMIT, str(over), data={**data, "retryAfterSeconds": over.seconds}) from None
    try:
        async with reports.watching(ctx, target.graph) as watch:
            call = await call_of(target, arguments, caller, watch, request=request, written=written, place=place)
            try:
                answer = await asking.converse(ctx, params, call)
            except ArgumentsError as misfit:
                answer = await refuse(call, misfit)
    except LedgerUnavailable as error:
        logger.error("call of %s was not recorded: %s", target.tool_name, error)
        raise MCPError(INTERNAL_ERROR, NOT_RECORDED, data=dict(data) or None) from None
    finally:
        place.leave()
    assert not isinstance(answer, Pending)  # noqa: S101 - only clients of tools are told to come back
    if isinstance(answer, Answer) and answer.is_error:
        raise failure(answer)
    return write(answer) if isinstance(answer, Answer) else answer
