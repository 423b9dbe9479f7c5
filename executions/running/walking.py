"""The way through the graph: the engine runs, the record grows, and the answer is made."""

import asyncio
import time
from functools import partial
from itertools import count

from django.conf import settings

from executions.aside import aside
from executions.record import ports
from executions.running.calls import Answer, Waiting, error_answer
from executions.running.children import Begin, Children
from executions.running.dispatch import stopped
from executions.running.pausing import hold
from executions.running.switching import Offers
from executions.running.work import Work
from flows.adapters.http_client import outbound_client
from flows.adapters.sandbox import code_runner
from flows.engine.limits import Limits
from flows.engine.node import Services
from flows.engine.runner import Outcome, run

NO_RETURN = "The flow ended without a return node, so there is nothing to answer."


async def walk(work: Work, begin: Begin) -> Answer | Waiting:
    """Run the flow and write its end, or hold it until its caller has answered; `begin` begins the calls of its nodes.

    Cancelling this ends the flow, which is recorded and answered like every other end. Raises LedgerUnavailable.
    """
    call, tracker, target = work.call, work.tracker, work.call.target
    caller, parent, execution_id = call.caller, call.parent, str(tracker.execution_id)
    spent = work.resumption.checkpoint.seconds if work.resumption is not None else 0.0
    roots = {
        "now": tracker.started_at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "caller": {
            "clientName": caller.client_name,
            "clientVersion": caller.client_version,
            "principal": caller.principal,
        },
        "execution": {"id": execution_id, "flowName": target.flow_name, "toolName": target.tool_name},
        "flowhub": {"url": settings.PUBLIC_URL},
    }
    numbers = count(1) if parent is None else parent.numbers
    services = Services(
        execution_id,
        outbound_client(),
        roots,
        work.secrets,
        flows=Children(call, tracker, time.monotonic() + work.timeout - spent, numbers, begin),
        tools=ports.tools,
        code=code_runner(),
        offers=Offers(target),
        cannot_ask=caller.cannot_be_asked(is_flow=parent is not None),
    )
    try:
        outcome = await run(
            target.graph,
            call.given,
            services=services,
            observers=(tracker.observe,) if call.watch is None else (tracker.observe, call.watch(tracker.redactor)),
            before_effects=tracker.before_effects,
            timeout=work.timeout,
            limits=Limits(settings.MAX_ANSWER_BYTES, settings.MAX_OUTPUTS_BYTES),
            reused=call.reused,
            output_schema=target.output_schema,
            resumed=work.resumption,
        )
        if outcome.paused is not None:
            return await hold(work, outcome.paused)
        error, answer = outcome.error, _answer(work, outcome)
        if work.for_answer.values:
            answer = await aside(partial(answer.without, work.for_answer), answer.content, answer.structured)
    except asyncio.CancelledError:
        error = stopped(parent)
        answer = error_answer(tracker.execution_id, error.message, error)
    return await work.end(answer, error)


def _answer(work: Work, outcome: Outcome) -> Answer:
    execution_id = work.tracker.execution_id
    if outcome.error is not None:
        answer = error_answer(execution_id, outcome.error.for_client, outcome.error)
    elif not outcome.replies:
        answer = Answer(execution_id, [{"type": "text", "text": NO_RETURN}])
    else:
        content = []
        for reply in outcome.replies:
            content += [dict(block) for block in reply.blocks] or [{"type": "text", "text": reply.text}]
        structured = [reply.structured for reply in outcome.replies if reply.is_structured]
        # Several JSON answers have no single value; each is in the text blocks.
        is_structured = len(structured) == 1
        answer = Answer(execution_id, content, structured[0] if is_structured else None, is_structured)
    return answer
