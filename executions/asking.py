"""Go on with an execution that waits for the caller: with answers, or not at all. For every door that can ask."""

import asyncio
import uuid
from collections.abc import Mapping
from typing import Any

from executions import services, suspensions
from executions.calls import Answer, Caller, Waiting
from executions.database import in_database
from executions.ledger import ledger
from executions.models import Execution
from executions.recovery import heart
from executions.redaction import Redactor
from executions.suspensions import Held, Refused, Ticket
from executions.targets import Target, kept_target
from flows.engine.errors import ErrorKind
from flows.engine.pauses import Resumption
from flows.models import Flow

GONE = "The execution cannot go on, because the flow cannot be run any more as it was when it was called: {}"


async def resume(ticket: Ticket, answers: Mapping[str, Any], caller: Caller, flow_id: int | None) -> Answer | Waiting:
    """Go on with the answers that there are, by node slug; who got none asks again. Other names are left aside.

    An answer is the result of MCP's request of that kind; what it must look like beyond that, its node checks. The
    ticket is used up. Raises Refused when it does not hold, is somebody else's or of another flow; LedgerUnavailable.
    """
    await services.admit()
    taken, was_cancelled = await services.uninterrupted(
        in_database(lambda: _taken(ticket, caller.identity, flow_id, heart.runner_id))
    )
    execution, target, held = taken
    ledger.adopt(execution)
    by_id = {node_id: answers[slug] for node_id, slug in _slugs(target, held).items() if slug in answers}
    if was_cancelled and (task := asyncio.current_task()) is not None:
        task.cancel()
    return await services.go_on(target, held, by_id, caller)


def _taken(ticket: Ticket, identity: str, flow_id: int | None, runner_id: uuid.UUID) -> tuple[Execution, Target, Held]:
    """Make sure that the execution can go on, then claim it; it ends when it cannot."""
    execution, held = suspensions.look(ticket, identity)
    if execution.flow_id is None or execution.flow_id != flow_id:
        raise Refused(suspensions.OTHERS)
    target = _target(execution, held)
    suspensions.claim(held, runner_id)
    return execution, target, held


def _target(execution: Execution, held: Held) -> Target:
    """What it goes on as; raises Refused, and ends the execution, when it cannot."""
    try:
        flow = Flow.objects.select_related("server").get(pk=execution.flow_id or 0)
        target = kept_target(flow, held.version_id, held.draft)
        Resumption(held.checkpoint, {}, 0.0).check(target.graph)
    except (Flow.DoesNotExist, ValueError) as error:
        suspensions.end(execution.pk, "interrupted", GONE.format(error))
        raise Refused(GONE.format("its record says more.")) from None
    return target


def _slugs(target: Target, held: Held) -> dict[str, str]:
    return {node_id: target.graph.nodes[node_id].slug for node_id in held.checkpoint.asking}


async def asked_again(ticket: Ticket, identity: str) -> Waiting:
    """The same questions once more, for a caller that brought no answer; raises Refused."""
    return await in_database(lambda: _waiting(*suspensions.look(ticket, identity)))


def questions_of(execution: Execution) -> Waiting | None:
    """What an execution waits for, for a page that shows it; None when it does not wait. Called from worker threads.

    The ticket in it is good for `resume`, so it must not leave the server.
    """
    held = suspensions.of_execution(execution.pk)
    try:
        return _waiting(execution, held) if held is not None else None
    except Refused:
        return None


def _waiting(execution: Execution, held: Held) -> Waiting:
    return services.waiting(held, _target(execution, held), Redactor.none.knowing(held.hidden_in_answer))


async def abandon(execution_id: uuid.UUID, kind: ErrorKind, message: str) -> bool:
    """End an execution that waits, because no answer will come; False when it does not wait."""
    return await in_database(lambda: suspensions.end(execution_id, kind, message))
