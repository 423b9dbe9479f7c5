"""Saved cases at work: store one without its secrets, call many a few at a time, say which of them passed."""

import asyncio
import logging
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from asgiref.sync import async_to_sync
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from executions.acting import trials
from executions.acting.actions import ActionRefused
from executions.admission.allowances import Allowance, OverLimit, of_person
from executions.admission.doors import Place, doors
from executions.database import in_database
from executions.ledger.unavailable import LedgerUnavailable
from executions.models import Execution
from executions.record import payload
from executions.record.error_kinds import kind_of_error
from executions.record.holes import whole_parts
from executions.record.status import Status
from executions.running.calls import Call, Caller, call_of, error_answer
from executions.running.dispatch import Running
from executions.running.starting import begin
from executions.running.targets import Target
from flows.audit.log import record
from flows.cases.drafts import as_stored, print_of
from flows.cases.expectations import Expectation, Mismatch, Verdict
from flows.models import Flow, SavedCase
from flows.values.json_text import unstorable

logger = logging.getLogger(__name__)

CONCURRENCY = 4
PATIENCE_SECONDS = 2.0
"""How long a page waits for its cases; the others end while it is looked at."""

_batches: dict[int, asyncio.Task[None]] = {}
"""The flows whose cases this process is calling."""


# --- Storing ----------------------------------------------------------------------------------------------------------


def save(case: SavedCase, target: Target, name: str, arguments: Any, expectation: Expectation) -> None:
    """Store a case, new or changed; write-only arguments of the target and credentials are left out.

    Raises ValidationError for a name that is taken or values that cannot be stored, ActionRefused when the flow has
    cases enough.
    """
    kept, omitted = storable_part(target, arguments)
    # Whoever changes a case need not type its secrets anew.
    omitted = sorted({*omitted, *case.omitted})
    for value in (kept, expectation.as_json()):
        if (reason := unstorable(value)) is not None:
            raise ValidationError(reason)
    if case._state.adding and SavedCase.objects.filter(flow=case.flow_id).count() >= SavedCase.MAX_OF_A_FLOW:
        raise ActionRefused(f"a flow has at most {SavedCase.MAX_OF_A_FLOW} cases. Delete one first.")
    columns = as_stored(name, kept, omitted, expectation.as_json())
    is_new = case._state.adding
    others = [column for column in ("name", "arguments", "expectation") if getattr(case, column) != columns[column]]
    for column, value in columns.items():
        setattr(case, column, value)
    case.full_clean()
    with transaction.atomic():
        case.save()
        if is_new:
            record("made", case, case.flow.server)
        elif others:
            record("changed", case, case.flow.server, ", ".join(others))


def delete(case: SavedCase) -> None:
    """Delete a case; the executions that it made stay."""
    with transaction.atomic():
        record("deleted", case, case.flow.server)
        case.delete()


def storable_part(target: Target, arguments: Any) -> tuple[Any, list[str]]:
    """The arguments without what the record of a call would not hold either, and the paths of what is left out."""
    shown, _, redactor = target.guard.over(arguments, arguments, {})
    return whole_parts(payload.cleaned(shown, redactor)[0])


# --- Calling ----------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Batch:
    """Cases of one flow that are called together, as one person or key, within the limits of that."""

    flow: Flow
    target: Target
    printed: str
    caller: Caller
    allowance: Allowance
    calls: int = 0
    over: OverLimit | None = None
    """Why one was not called, the last one."""

    @classmethod
    def of(cls, flow: Flow, user: Any, allowance: Allowance | None, *, is_published: bool) -> "Batch":
        """Cases that the user calls; `allowance` is that of their key. Raises DefinitionError, ValueError."""
        target = trials.target_of(flow, is_published=is_published)
        caller = trials.caller_of(user).unattended()
        return cls(flow, target, _target_print(flow, is_published), caller, allowance or of_person(caller.identity))


def start(cases: Sequence[SavedCase], flow: Flow, user: Any, *, is_published: bool) -> None:
    """Call the cases and wait a little; those that take longer end by themselves.

    Raises DefinitionError, ValueError, ActionRefused when cases of the flow are being called already.
    """
    if is_busy(flow):
        raise ActionRefused("the cases are being called already.")
    async_to_sync(_start)(cases, Batch.of(flow, user, None, is_published=is_published))


def call_all(
    cases: Sequence[SavedCase], flow: Flow, user: Any, allowance: Allowance | None, *, is_published: bool
) -> None:
    """Call the cases and wait for the end of the last.

    Raises DefinitionError, ValueError, and OverLimit when its limit lets none of them in.
    """
    batch = Batch.of(flow, user, allowance, is_published=is_published)
    async_to_sync(_call_all)(cases, batch)
    if batch.over is not None and not batch.calls:
        raise batch.over


def is_busy(flow: Flow) -> bool:
    """Whether this process is calling cases of the flow."""
    return flow.pk in _batches


def called(case: SavedCase, flow: Flow, execution_id: uuid.UUID, *, is_published: bool) -> None:
    """Take a call from the form for one of the case."""
    _begun(case, _target_print(flow, is_published), execution_id)


def _target_print(flow: Flow, is_published: bool) -> str:
    return print_of(flow.published_version) if is_published and flow.published_version else print_of(flow)


async def _start(cases: Sequence[SavedCase], batch: Batch) -> None:
    flow_id = batch.flow.pk
    calling = asyncio.get_running_loop().create_task(_call_all(cases, batch))
    _batches[flow_id] = calling
    calling.add_done_callback(lambda ended: _forget(flow_id, ended))
    done, _ = await asyncio.wait({calling}, timeout=PATIENCE_SECONDS)
    if done:
        calling.result()


def _forget(flow_id: int, ended: asyncio.Task[None]) -> None:
    _batches.pop(flow_id, None)
    if not ended.cancelled() and (error := ended.exception()) is not None:
        logger.error("the cases of flow %s were not all called: %s", flow_id, type(error).__name__)


async def _call_all(cases: Sequence[SavedCase], batch: Batch) -> None:
    gate = asyncio.Semaphore(min(CONCURRENCY, batch.allowance.at_once or CONCURRENCY))

    async def call_one(case: SavedCase) -> None:
        async with gate:
            await _call(case, batch)

    await asyncio.gather(*map(call_one, cases))


async def _call(case: SavedCase, batch: Batch) -> None:
    called = await call_of(batch.target, case.arguments, batch.caller)
    verdict = _before_the_call(case, called)
    if verdict is None:
        try:
            running = await _let_in(called, batch)
        except (OverLimit, LedgerUnavailable) as error:
            verdict = Verdict(False, str(error))
    if verdict is not None:
        await in_database(lambda: _judge_uncalled(case, batch.printed, verdict))
        return
    await in_database(lambda: _begun(case, batch.printed, running.execution_id))
    await asyncio.shield(running.task)
    await in_database(lambda: settle([case]))


async def _let_in(called: Call, batch: Batch) -> Running:
    """Begin to run a case, which is a call like any other; raises OverLimit, LedgerUnavailable."""
    try:
        admitted = doors.admit((batch.allowance,), batch.flow.pk, batch.flow.server_id)
        place = admitted if isinstance(admitted, Place) else await admitted
    except OverLimit as over:
        batch.over = over
        raise
    batch.calls += 1
    try:
        running = await begin(called)
        place.until_done(running.task)
    finally:
        place.leave()
    return running


def _before_the_call(case: SavedCase, called: Call) -> Verdict | None:
    """The verdict over a case that is not called, because secrets or what the schema asks for are missing."""
    if case.omitted:
        names = ", ".join(case.omitted)
        return Verdict(False, f"{names} is not stored. Open the case, type it, and call it from there.")
    if not called.faults:
        return None
    # What a client would be told; a case may expect it.
    message = "\n".join(map(str, called.faults))
    verdict = Expectation.of(case.expectation).check(error_answer(uuid.UUID(int=0), message).as_json())
    if verdict.passed:
        return verdict
    refused = tuple(Mismatch(fault.path, "arguments that fit the schema", fault.message) for fault in called.faults)
    return Verdict(False, "The arguments do not fit the input schema.", refused)


# --- Judging ----------------------------------------------------------------------------------------------------------


def _begun(case: SavedCase, printed: str, execution_id: uuid.UUID | None) -> None:
    case.last_execution_id, case.last_target, case.last_at = execution_id, printed, timezone.now()
    case.last_passed, case.last_reason, case.last_differences = None, "", []
    _write_last(case)


def _judge_uncalled(case: SavedCase, printed: str, verdict: Verdict) -> None:
    case.last_execution_id, case.last_target, case.last_at = None, printed, timezone.now()
    _take(case, verdict)
    _write_last(case)


def _take(case: SavedCase, verdict: Verdict) -> None:
    case.last_passed, case.last_reason = verdict.passed, verdict.reason
    case.last_differences = [difference.as_json() for difference in verdict.differences]


def _write_last(case: SavedCase) -> None:
    columns = ("last_execution_id", "last_target", "last_at", "last_passed", "last_reason", "last_differences")
    # What the case expects may have changed meanwhile: then this was a call of another case.
    rows = SavedCase.objects.filter(pk=case.pk, updated_at=case.updated_at)
    rows.update(**{column: getattr(case, column) for column in columns})


def settle(cases: Sequence[SavedCase]) -> None:
    """Judge the cases whose execution has ended since they were called; whoever looks first writes it down."""
    waiting = {case.last_execution_id: case for case in cases if case.last_passed is None and case.last_execution_id}
    ended = Execution.objects.filter(pk__in=waiting).exclude(status=Status.PENDING) if waiting else ()
    for execution in ended:
        case = waiting[execution.pk]
        reason = kind_of_error(execution.error_kind).verdict
        _take(case, Verdict(False, reason) if reason else Expectation.of(case.expectation).check(execution.result))
        _write_last(case)
