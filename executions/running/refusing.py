"""Calls that are refused before any node runs; each leaves an execution (FR-001)."""

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any

from executions.ledger.writer import error_columns, ledger
from executions.privacy.redactor import Redactor
from executions.record import payload
from executions.record.exchange import difference
from executions.record.moments import new_id
from executions.record.status import Status
from executions.running.calls import Answer, Call, Caller, Written, error_answer
from executions.running.targets import ArgumentsError
from executions.running.work import MAX_REQUEST, NO_SECRETS, base_row, pending_row
from flows.engine.aside import aside
from flows.engine.runner import FlowError


async def refuse(call: Call, reason: Exception) -> Answer:
    """Record that a call is refused, and return the refusal as an answer; raises LedgerUnavailable."""
    now, message, preview = datetime.now(UTC), str(reason), ""
    execution_id = new_id(now)
    if isinstance(reason, ArgumentsError):
        lines, name = "\n".join(f"- {fault}" for fault in reason.faults), call.target.tool_name
        message = f"The arguments do not fit the input schema of {name}:\n{lines}\nCorrect them and call again."
        preview = str(reason.faults[0])

    def begun() -> dict[str, Any]:
        shown, _, redactor = call.target.guard.over(call.arguments, call.arguments, NO_SECRETS)
        return pending_row(execution_id, now, call, shown, redactor, call.target.timeout_seconds)

    row = await call.target.guard.aside(begun, call.arguments)
    return await _record(execution_id, now, row, message, preview, call.written)


async def refuse_unknown(
    tool_name: str,
    arguments: Any,
    caller: Caller,
    message: str,
    server_slug: str,
    owner_id: int | None,
    request: Mapping[str, Any],
    written: Written,
) -> Answer:
    """The same for a call of a tool that the server does not have; `request` and `written` as those of a `Call`."""
    now, name = datetime.now(UTC), payload.clean_text(tool_name)
    execution_id = new_id(now)
    row = await aside(partial(base_row, execution_id, now, arguments, caller, Redactor.none), arguments)
    row |= {
        "flow_name": name[:200],
        "flow_tool_name": name[:128],
        "server_slug": server_slug,
        "owner_id": owner_id,
        "request": payload.dump(request, MAX_REQUEST),
    }
    return await _record(execution_id, now, row, message, written=written)


async def _record(
    execution_id: uuid.UUID,
    now: datetime,
    row: dict[str, Any],
    message: str,
    preview: str = "",
    written: Written | None = None,
) -> Answer:
    """`preview` is the reason in a few words, for lists."""
    answer = error_answer(execution_id, message)
    result = answer.as_json()
    ledger.open(row)
    terminal = {
        "status": Status.ERROR.value,
        "ended_at": now,
        "updated_at": now,
        "duration_ms": 0.0,
        "result": payload.dump(result),
        "sent": None if written is None else payload.dump(difference(result, written(answer))),
    } | error_columns(FlowError("rejected", message, message))
    if preview:
        terminal["error_preview"] = payload.clean_text(preview)[:200]
    await ledger.commit(execution_id, terminal)
    return answer
