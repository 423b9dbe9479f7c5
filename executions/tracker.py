"""Turns the runner's events into the record: an observer that never waits, and a gate that does."""

import asyncio
import time
import uuid
from datetime import datetime, timedelta
from typing import Any

from executions import payload
from executions.ledger import Ledger
from executions.node_executions import NodeExecutions
from executions.status import Status
from flows.engine.events import Event
from flows.engine.runner import FlowError

FLUSH_SECONDS = 0.25
"""How far the stored node executions of a flow under way may lag behind."""

_SHORT = 200


class Tracker:
    """Records one execution, from its pending row to its end."""

    def __init__(self, ledger: Ledger, execution_id: uuid.UUID, started_at: datetime) -> None:
        self.ledger = ledger
        self.execution_id = execution_id
        self.started_at = started_at
        self.began = time.monotonic()
        self.nodes = NodeExecutions(started_at)
        self._timer: asyncio.TimerHandle | None = None

    def observe(self, event: Event) -> None:
        """Take an event of the runner; what is stored follows within FLUSH_SECONDS."""
        self.nodes.add(event)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(FLUSH_SECONDS, self._flush)

    async def before_effects(self) -> None:
        """Wait until the record shows what is about to be done; raises LedgerUnavailable."""
        self._flush()
        await self.ledger.commit(self.execution_id)

    def _flush(self) -> None:
        self._stop_timer()
        self.ledger.progress(self.execution_id, payload.dump(self.nodes.entries), self._now())

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _now(self) -> datetime:
        return self.started_at + timedelta(seconds=time.monotonic() - self.began)

    async def end(self, result: dict[str, Any], error: FlowError | None) -> bool:
        """Write the terminal row and wait for it; False when somebody else had ended the execution."""
        self._stop_timer()
        return await self.ledger.close(self.execution_id, self._terminal(result, error))

    def _terminal(self, result: dict[str, Any], error: FlowError | None) -> dict[str, Any]:
        seconds = time.monotonic() - self.began
        ended_at = self.started_at + timedelta(seconds=seconds)
        row: dict[str, Any] = {
            "status": Status.FULFILLED.value if error is None else Status.ERROR.value,
            "ended_at": ended_at,
            "updated_at": ended_at,
            "duration_ms": round(seconds * 1000, 3),
            "node_executions": payload.dump(self.nodes.entries),
            "result": payload.dump(result),
        }
        return row if error is None else row | error_columns(error)


def error_columns(error: FlowError) -> dict[str, Any]:
    """The columns that say why an execution failed."""
    info = {
        "message": error.message,
        "kind": error.kind,
        "nodeId": error.node_id,
        "nodeName": error.node_name,
        "causes": list(error.causes),
    }
    return {
        "error_info": payload.dump(info),
        "error_kind": error.kind,
        "failed_node_name": payload.clean_text(error.node_name or "")[:_SHORT],
        "error_preview": payload.clean_text(error.message)[:_SHORT],
    }
