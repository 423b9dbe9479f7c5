"""Turns the runner's events into the record: an observer that never waits, and a gate that does."""

import asyncio
import threading
import time
import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from executions.ledger.writer import Ledger, end_columns
from executions.models import KeptAnswer
from executions.privacy.redactor import Redactor
from executions.record import payload, shrinking
from executions.record.exchange import difference
from executions.record.node_executions import ChildStarted, Entry, NodeExecutions, with_data
from flows.engine.aside import aside, in_thread, uninterrupted
from flows.engine.events import Event
from flows.engine.limits import is_large
from flows.engine.runner import FlowError

FLUSH_SECONDS = 0.25
"""How far the stored node executions of a flow under way may lag behind."""
BREATHER = 10
"""A large record lags behind by so many times as long as it takes to write, so that other executions go on."""


class Tracker:
    """Records one execution, from its pending row to its end, without what `redactor` hides.

    With `entries`, those that another tracker had when the execution began to wait, it goes on from there.
    """

    def __init__(
        self,
        ledger: Ledger,
        execution_id: uuid.UUID,
        started_at: datetime,
        redactor: Redactor = Redactor.none,
        entries: Sequence[Entry] = (),
    ) -> None:
        self.ledger = ledger
        self.execution_id = execution_id
        self.started_at = started_at
        self.redactor = redactor
        self._hidden: set[str] = set()
        """What nodes got to know and said to hide."""
        self._learning = threading.Lock()
        """Held while the redactor is changed: a thread may be learning from the nodes."""
        # An execution that had waited goes on with the time since it started.
        passed = (datetime.now(UTC) - started_at).total_seconds() if entries else 0.0
        self.began = time.monotonic() - max(passed, 0.0)
        self.nodes = NodeExecutions(started_at, entries)
        self._timer: asyncio.TimerHandle | None = None
        self._pause = FLUSH_SECONDS
        self._writing = asyncio.Lock()
        """Held while the nodes are written, which may take a thread some time."""
        self._flushing: asyncio.Task[None] | None = None
        self._has_ended = False

    def observe(self, event: Event | ChildStarted) -> None:
        """Take an event of the runner; what is stored follows within FLUSH_SECONDS."""
        self.nodes.add(event)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._pause, self._flush_later)

    def hide(self, values: Iterable[str]) -> None:
        """Store these values no more from now on, whatever is stored."""
        with self._learning:
            self._hidden |= set(values)
            self.redactor = self.redactor.knowing(self._hidden)

    @property
    def seconds(self) -> float:
        """How long ago the execution started."""
        return time.monotonic() - self.began

    async def write_all(self) -> None:
        """Wait until the record shows everything so far; until the next event nothing more is written.

        Awaited before each effect, and before an execution waits for its caller. Raises LedgerUnavailable.
        """
        if self._flushing is not None:
            await asyncio.wait([self._flushing])
        await self._flush()
        await self.ledger.commit(self.execution_id)

    def _flush_later(self) -> None:
        self._flushing = asyncio.get_running_loop().create_task(self._flush())

    async def _flush(self) -> None:
        async with self._writing:
            self._stop_timer()
            began, entries = time.monotonic(), self.nodes.entries
            if is_large(entries):
                nodes = await in_thread(partial(self._dump_nodes, self.nodes.copied()))
            else:
                nodes = self._dump_nodes(entries)
            if not self._has_ended:
                self.ledger.progress(self.execution_id, nodes, self.started_at + timedelta(seconds=self.seconds))
            self._pause = max(FLUSH_SECONDS, BREATHER * (time.monotonic() - began))

    def _dump_nodes(self, entries: list[Entry]) -> str:
        return payload.dump(entries, redactor=self.redactor, redact=self._redacted_nodes, rebuild=shrinking.rebuilt)

    def _redacted_nodes(self, entries: list[Entry], redactor: Redactor) -> list[Entry]:
        """What one node was given as a token may turn up under any name later, so what is found is remembered."""
        learned = redactor.learning(entries)
        with self._learning:
            self.redactor = learned.knowing(self._hidden)
        redaction = payload.Redaction(self.redactor)
        message = partial(redaction.text, is_message=True)
        return [with_data(entry, redaction.of, message) for entry in entries]

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    async def end(
        self,
        result: dict[str, Any],
        error: FlowError | None,
        kept: KeptAnswer | None = None,
        message: Mapping[str, Any] | None = None,
    ) -> bool:
        """Write the end, and the answer to keep, durably; returns False if somebody else had ended it.

        `message` is what goes to the client. Who cancels this waits all the same. Raises LedgerUnavailable.
        """
        self._has_ended = True
        self._stop_timer()
        seconds = self.seconds
        if self._flushing is not None and not self._flushing.done():
            await uninterrupted(asyncio.wait([self._flushing]))

        def columns() -> dict[str, Any]:
            # First, because what is found in the nodes is not to be stored in the result either.
            texts = {"node_executions": self._dump_nodes(self.nodes.entries)}
            texts["result"] = payload.dump(result, redactor=self.redactor, redact=_redacted_result)
            if message is not None:
                texts["sent"] = payload.dump(difference(result, message), redactor=self.redactor)
            return end_columns(self.started_at, seconds, error, texts, self.redactor)

        row = await aside(columns, self.nodes.entries, result)
        is_ours, _ = await uninterrupted(self.ledger.commit(self.execution_id, row, kept))
        return is_ours


def _redacted_result(result: dict[str, Any], redactor: Redactor) -> dict[str, Any]:
    redaction = payload.Redaction(redactor.learning(result))
    data: dict[str, Any] = {"content": [_redacted_block(block, redaction) for block in result["content"]]}
    if "structuredContent" in result:
        data["structuredContent"] = redaction.of(result["structuredContent"])
    return result | data


def _redacted_block(block: dict[str, Any], redaction: payload.Redaction) -> dict[str, Any]:
    if block["type"] == "text":
        return block | {"text": redaction.text(block["text"], is_message=True)}
    return {**redaction.of(block), "type": block["type"]}
