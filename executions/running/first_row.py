"""The row of an execution when it begins, in the columns of its table; the ledger writes it."""

import uuid
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from executions.privacy.redactor import Redactor
from executions.record import payload
from executions.record.status import Status
from executions.running.calls import Call, Caller
from executions.running.recovery import heart

MAX_REQUEST = 16 * 1024
"""Bytes that are kept of a client's message beside its arguments."""


def pending_row(
    execution_id: uuid.UUID, started_at: datetime, call: Call, redactor: Redactor, timeout: float
) -> dict[str, Any]:
    """The row of a call that this process runs, for at most `timeout` seconds."""
    target, parent = call.target, {} if call.parent is None else {"parent_id": call.parent.execution_id}
    row = base_row(execution_id, started_at, target.guard.masked(call.arguments), call.caller, redactor)
    return (
        row
        | parent
        | {
            "flow_id": target.flow_id,
            "flow_version_id": target.version_id,
            "draft_digest": target.draft_digest,
            "owner_id": target.owner_id,
            "flow_name": target.flow_name,
            "flow_tool_name": target.tool_name,
            "server_slug": target.server_slug,
            "runner_id": heart.runner_id,
            "deadline_at": started_at + timedelta(seconds=timeout),
            "request": None if call.request is None else payload.dump(call.request, MAX_REQUEST, redactor=redactor),
        }
    )


def base_row(
    execution_id: uuid.UUID, started_at: datetime, arguments: Any, caller: Caller, redactor: Redactor
) -> dict[str, Any]:
    """The columns that each execution has from the start, also one of a tool that does not exist."""
    arguments, text = payload.cleaned(arguments, redactor)
    return {
        **_caller_columns(caller),
        "id": execution_id,
        "status": Status.PENDING.value,
        "started_at": started_at,
        "updated_at": started_at,
        "initial_params": text,
        "params_preview": payload.preview(arguments),
        "node_executions": "[]",
        "error_kind": "",
        "failed_node_name": "",
        "error_preview": "",
        "is_pinned": False,
        "note": "",
        "replay_of_id": caller.replay_of,
    }


@lru_cache(maxsize=1000)
def _caller_columns(caller: Caller) -> dict[str, Any]:
    """The same for every call of a client: made once."""
    name = " ".join(filter(None, [caller.client_name, caller.client_version])) or caller.source
    return {
        "caller": payload.dump(caller.as_json()),
        "principal_id": caller.identity or None,
        "caller_name": payload.clean_text(f"{name} with {caller.principal}")[:200],
        "source": caller.source,
    }
