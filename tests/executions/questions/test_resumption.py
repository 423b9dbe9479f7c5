"""An execution that waits for answers: kept safely, gone on with once, by whom was asked, in any process."""

import asyncio
import json
import re
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any, ClassVar

import pytest
from asgiref.sync import sync_to_async
from django.db import connection
from django.test import Client
from django.utils import timezone

from executions.admission.allowances import Bounds
from executions.ledger import suspensions
from executions.ledger.suspensions import AnswerRefused, Held, Ticket
from executions.ledger.writer import ledger
from executions.models import Execution, ExecutionCount, Suspension
from executions.questions import resumption
from executions.questions.resumption import Given
from executions.running import cancelling, recovery
from executions.running.calls import Answer, Answerer, Call, Caller, Waiting
from executions.running.deliveries import state_of
from executions.running.dispatch import dispatcher
from executions.running.recovery import Swept
from executions.running.starting import begin
from executions.running.targets import Target, draft_target, published_target
from flows import nodes as node_types
from flows.engine.node import NodeContext, NodeResult
from flows.engine.questions import Question
from flows.engine.registry import Registry
from flows.models import Flow
from flows.publishing import versions
from tests.definitions import answer, chain, node
from tests.factories import make_flow, make_server, publish_unchecked

pytestmark = [pytest.mark.anyio, pytest.mark.django_db(transaction=True)]

CALLER = Caller("key k", "mcp", "tester", identity="key:7", can_be_asked=frozenset({"user", "model", "roots"}))
FORM = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
ACCEPTED = {"action": "accept", "content": {"name": "Ada"}}
YES = Given("user", ACCEPTED)


class Counted:
    """Touches the outside world: adds to `done` what it is given, as often as it is executed."""

    type: ClassVar[str] = "counted"
    title: ClassVar[str] = "Counted"
    description: ClassVar[str] = "For tests."
    icon: ClassVar[str] = "bolt"
    parameters_schema: ClassVar[Mapping[str, Any]] = {"type": "object"}
    handles: ClassVar[tuple[str, ...]] = ("main",)
    has_effects: ClassVar[bool] = True
    done: ClassVar[list[Any]] = []

    async def execute(self, parameters: Mapping[str, Any], context: NodeContext) -> NodeResult:
        self.done.append(parameters["what"])
        return NodeResult(parameters.get("output"))


@pytest.fixture(autouse=True)
def done(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    registry = Registry([*node_types.BUILTIN_NODE_TYPES, Counted()])
    monkeypatch.setattr(node_types, "_loaded", lambda: (registry, ()))
    monkeypatch.setattr(Counted, "done", [])
    return Counted.done


def asks(slug: str = "ask", **parameters: Any) -> dict[str, Any]:
    return node(slug, "ask_user", message="Who?", schema=FORM, **parameters)


def says(text: str) -> dict[str, Any]:
    return node("answer", "return", text=text)


def make(*nodes: dict[str, Any], **fields: Any) -> Flow:
    """A published flow that takes the `accept` way out of what asks."""
    definition = chain(*nodes)
    for line in definition["connections"]:
        if next(each["type"] for each in definition["nodes"] if each["id"] == line["sourceNodeId"]) == "ask_user":
            line["sourceHandle"] = "accept"
    flow = make_flow(make_server(), definition=definition, input_schema={"type": "object"}, **fields)
    versions.publish(flow)
    return flow


def target_of(flow: Flow) -> Target:
    return published_target(Flow.objects.select_related("server", "published_version").get(pk=flow.pk))


@pytest.fixture
def flow() -> Flow:
    return make(
        node("count", "counted", what="once", output={"token": "canary-31f7aa02"}),
        asks(),
        says("{{ ask.content.name }}"),
    )


async def ask(flow: Flow, caller: Caller = CALLER, **arguments: Any) -> Waiting:
    target = await sync_to_async(target_of)(flow)
    waiting = await state_of(Call(target, arguments, caller))
    assert isinstance(waiting, Waiting)
    return waiting


async def resume(waiting: Waiting, flow: Flow, caller: Caller = CALLER, **answers: Given) -> Answer:
    ended = await resumption.resume(waiting.ticket, answers, Answerer(caller, flow.pk))
    assert isinstance(ended, Answer)
    return ended


@sync_to_async
def stored(waiting: Waiting | Answer) -> Execution:
    return Execution.objects.get(pk=waiting.execution_id)


@sync_to_async
def held() -> int:
    return Suspension.objects.count()


@sync_to_async
def counted() -> dict[str, int]:
    """The counters of all hours, by status, without zeros."""
    totals = ExecutionCount.objects.filter(hour=ExecutionCount.ALL_HOURS).values_list("status", "number")
    return {status: number for status, number in totals if number}


async def test_it_waits_with_its_question_and_goes_on_with_the_answer(flow: Flow, done: list[Any]) -> None:
    waiting = await ask(flow)
    assert waiting.questions == {"ask": Question("user", {"message": "Who?", "requestedSchema": FORM})}
    pending = await stored(waiting)
    assert (pending.status, pending.runner_id) == ("pending", None)
    assert pending.deadline_at is not None
    assert timedelta(minutes=14) < pending.deadline_at - timezone.now() <= timedelta(minutes=15)
    entries: Any = pending.node_executions
    assert [entry["status"] for entry in entries] == ["completed", "completed", "pending"]
    assert entries[2]["inputData"] == {"message": "Who?", "schema": FORM}
    assert (entries[2]["asked"][0]["kind"], entries[2]["asked"][0]["waitedMs"]) == ("user", None)
    assert await counted() == {"pending": 1}
    ended = await resume(waiting, flow, ask=YES)
    assert ended.text == "Ada"
    assert done == ["once"]
    execution = await stored(ended)
    assert (execution.status, execution.error_kind, await held()) == ("fulfilled", "", 0)
    entries = execution.node_executions
    assert [(entry["nodeId"], entry["status"]) for entry in entries] == [
        *(("trigger", "completed"), ("count", "completed"), ("ask", "completed"), ("answer", "completed")),
    ]
    assert entries[2]["outputData"] == ACCEPTED
    assert entries[2]["handle"] == "accept"
    assert 0 <= entries[2]["asked"][0]["waitedMs"] <= entries[2]["durationMs"] <= (execution.duration_ms or 0)
    assert await counted() == {"fulfilled": 1}


async def test_what_is_stored_meanwhile_holds_no_secret_in_the_clear(flow: Flow) -> None:
    waiting = await ask(flow, note="canary-5521")
    suspension = await sync_to_async(Suspension.objects.get)(pk=waiting.execution_id)
    assert "canary" not in suspension.state
    assert waiting.ticket.nonce not in f"{suspension.state}{suspension.nonce_hash}"
    ended = await resume(waiting, flow, ask=YES)
    text = json.dumps((await stored(ended)).node_executions)
    # What stood under a sensitive name before the pause is hidden after it too.
    assert "canary-31f7aa02" not in text


async def test_a_value_learnt_before_the_pause_is_hidden_behind_it() -> None:
    first = node("count", "counted", what="x", output={"api_key": "canary-77aa01c4"})
    flow = await sync_to_async(make)(
        first, asks(), node("show", "counted", what="y", output="{{ count.api_key }}"), answer("done")
    )
    waiting = await ask(flow)
    ended = await resume(waiting, flow, ask=YES)
    assert "canary-77aa01c4" not in json.dumps((await stored(ended)).node_executions)


async def test_secrets_of_the_server_do_not_go_out_with_a_question() -> None:
    def with_a_secret() -> Flow:
        server = make_server()
        versions.set_secret(server, "PIN", "canary-99120077")
        return publish_unchecked(server, "leak", node("ask", "ask_user", message="Is it {{ secrets.PIN }}?"))

    waiting = await ask(await sync_to_async(with_a_secret)())
    assert waiting.questions["ask"].parameters["message"] == "Is it ***?"


@pytest.mark.parametrize("who", ["key:8", ""])
async def test_only_who_was_asked_may_answer(flow: Flow, who: str) -> None:
    waiting = await ask(flow)
    with pytest.raises(AnswerRefused, match="somebody else's"):
        await resume(waiting, flow, replace(CALLER, identity=who), ask=YES)
    assert (await resume(waiting, flow, ask=YES)).text == "Ada"


async def test_a_ticket_is_good_for_one_use_one_step_and_one_flow(flow: Flow, done: list[Any]) -> None:
    waiting = await ask(flow)
    other = await sync_to_async(make)(asks(), answer("other"))
    ticket = waiting.ticket
    for wrong in (replace(ticket, nonce="guessed"), replace(ticket, step=1)):
        with pytest.raises(AnswerRefused, match="can be used once"):
            await resumption.resume(wrong, {"ask": YES}, Answerer(CALLER, flow.pk))
    with pytest.raises(AnswerRefused, match="somebody else's"):
        await resumption.resume(ticket, {"ask": YES}, Answerer(CALLER, other.pk))
    both = await asyncio.gather(
        *(resumption.resume(ticket, {"ask": YES}, Answerer(CALLER, flow.pk)) for _ in range(5)), return_exceptions=True
    )
    assert sorted(type(each).__name__ for each in both) == ["Answer", *["AnswerRefused"] * 4]
    assert done == ["once"]
    with pytest.raises(AnswerRefused, match="answered already"):
        await resumption.resume(ticket, {"ask": YES}, Answerer(CALLER, flow.pk))


@pytest.mark.parametrize("text", ["", "x:1:y", "0190f7a0-0000-7000-8000-000000000000:x:y"])
def test_a_ticket_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(AnswerRefused, match="not one of this server's"):
        Ticket.of_text(text)


def test_a_ticket_is_written_and_read() -> None:
    ticket = Ticket.of_text("0190f7a0-0000-7000-8000-000000000000:3:a:b")
    assert (ticket.step, ticket.nonce, Ticket.of_text(str(ticket))) == (3, "a:b", ticket)


async def test_two_rounds_have_two_tickets_and_the_record_one_entry_a_node(done: list[Any]) -> None:
    flow = await sync_to_async(make)(
        asks("one"), node("count", "counted", what="between"), asks("two"), says("{{ one.content.name }}")
    )
    first = await ask(flow)
    second = await resumption.resume(first.ticket, {"one": YES, "unknown": YES}, Answerer(CALLER, flow.pk))
    assert isinstance(second, Waiting)
    assert (first.ticket.step, second.ticket.step, list(second.questions)) == (0, 1, ["two"])
    with pytest.raises(AnswerRefused):
        await resumption.resume(first.ticket, {"one": YES}, Answerer(CALLER, flow.pk))
    ended = await resume(second, flow, two=YES)
    assert done == ["between"]
    entries: Any = (await stored(ended)).node_executions
    assert [entry["nodeId"] for entry in entries] == ["trigger", "one", "count", "two", "answer"]


async def test_it_goes_on_with_the_version_that_asked(flow: Flow) -> None:
    waiting = await ask(flow)

    @sync_to_async
    def publish_another() -> None:
        newer = Flow.objects.get(pk=flow.pk)
        newer.definition = chain(answer("newer"))
        newer.save()
        versions.publish(newer)

    await publish_another()
    assert (await resume(waiting, flow, ask=YES)).text == "Ada"


async def test_a_draft_goes_on_as_it_was_called(flow: Flow) -> None:
    saved = await sync_to_async(Flow.objects.select_related("server").get)(pk=flow.pk)
    target = draft_target(saved)
    waiting = await state_of(Call(target, {}, CALLER))
    assert isinstance(waiting, Waiting)
    await sync_to_async(Flow.objects.filter(pk=flow.pk).update)(definition=chain(answer("newer")))
    assert (await resume(waiting, flow, ask=YES)).text == "Ada"


@sync_to_async
def sweep(**later: float) -> Swept:
    return recovery.sweep(timezone.now() + timedelta(**later))


async def test_nobody_sweeps_it_away_until_its_time_is_over(flow: Flow) -> None:
    waiting = await ask(flow)
    assert await sweep(minutes=14) == Swept()
    assert await sweep(minutes=15, seconds=1) == Swept(timed_out=1)
    execution = await stored(waiting)
    message = (
        "Nobody answered what Ask asked within 15 min, so the execution was ended. Call again to be asked once more."
    )
    assert (execution.status, execution.error_kind, execution.failed_node_name) == ("error", "timeout", "Ask")
    assert execution.error_info is not None
    assert execution.error_info["message"] == message
    entries: Any = execution.node_executions
    assert (entries[2]["status"], entries[2]["error"]["message"]) == ("error", message)
    assert entries[2]["asked"][0]["waitedMs"] > 14 * 60_000
    assert (await counted(), await held()) == ({"error": 1}, 0)
    with pytest.raises(AnswerRefused, match="the time for it has passed"):
        await resume(waiting, flow, ask=YES)


async def test_an_answer_that_comes_too_late_is_refused_also_before_the_sweep() -> None:
    flow = await sync_to_async(make)(asks(answerWithin=2), answer("x"))
    waiting = await ask(flow)
    past = timezone.now() - timedelta(seconds=1)
    await sync_to_async(Suspension.objects.update)(expires_at=past)
    with pytest.raises(AnswerRefused, match="the time for it has passed"):
        await resume(waiting, flow, ask=YES)
    await sweep(seconds=0)
    error = (await stored(waiting)).error_info
    assert error is not None
    assert error["kind"] == "timeout"


async def test_cancelling_it_ends_it_at_once(flow: Flow) -> None:
    waiting = await ask(flow)
    assert await sync_to_async(cancelling.cancel)(await stored(waiting)) is True
    execution = await stored(waiting)
    assert (execution.error_kind, execution.error_preview) == ("cancelled", cancelling.CANCELLED_WAITING)
    assert await sync_to_async(cancelling.cancel)(execution) is False
    with pytest.raises(AnswerRefused, match="it was cancelled"):
        await resume(waiting, flow, ask=YES)


async def test_deleting_the_flow_ends_it_with_the_next_sweep(flow: Flow) -> None:
    waiting = await ask(flow)
    await sync_to_async(
        Flow.objects.get(pk=flow.pk).delete if False else lambda: Flow.objects.get(pk=flow.pk).delete()
    )()
    with pytest.raises(AnswerRefused):
        await resume(waiting, flow, ask=YES)
    assert await sweep() == Swept(timed_out=1)
    execution = await stored(waiting)
    assert (execution.error_kind, execution.error_preview) == ("cancelled", suspensions.DELETED)


async def test_who_is_asked_live_is_swept_with_the_process(flow: Flow) -> None:
    waiting = await ask(flow, replace(CALLER, is_asked_live=True))
    execution = await stored(waiting)
    assert execution.runner_id == recovery.heart.runner_id
    await sync_to_async(recovery.Runner.objects.all().delete)()
    assert await sweep(seconds=1) == Swept(interrupted=1)
    assert (await stored(waiting)).error_kind == "interrupted"


async def test_a_shutdown_does_not_interrupt_it(flow: Flow, monkeypatch: pytest.MonkeyPatch) -> None:
    waiting = await ask(flow)
    monkeypatch.setattr(dispatcher, "is_closing", False)
    await dispatcher.close(5)
    dispatcher.is_closing = False
    await sync_to_async(recovery.heart.stop)()
    assert await sync_to_async(recovery.Runner.objects.count)() == 0
    assert (await resume(waiting, flow, ask=YES)).text == "Ada"


async def test_going_on_counts_although_this_ledger_never_saw_the_call(flow: Flow) -> None:
    waiting = await ask(flow)
    assert waiting.execution_id not in ledger._keys
    await resume(waiting, flow, ask=YES)
    assert await counted() == {"fulfilled": 1}
    assert waiting.execution_id not in ledger._keys


async def test_cancelling_who_waits_for_the_rest_cancels_the_rest() -> None:
    flow = await sync_to_async(make)(asks(), node("wait", "delay", seconds=60), answer("x"))
    waiting = await ask(flow)
    task = asyncio.create_task(resumption.resume(waiting.ticket, {"ask": YES}, Answerer(CALLER, flow.pk)))
    async with asyncio.timeout(10):
        while waiting.execution_id not in dispatcher._running:
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        while (await stored(waiting)).status == "pending":
            await asyncio.sleep(0.01)
    assert (await stored(waiting)).error_kind == "cancelled"


async def test_a_caller_who_leaves_just_before_it_would_be_asked_leaves_nothing_pending(flow: Flow) -> None:
    target = await sync_to_async(target_of)(flow)
    running = await begin(Call(target, {}, CALLER))
    running.task.add_done_callback(lambda _: waiter.cancel())
    waiter = asyncio.create_task(running.state())
    async with asyncio.timeout(10):
        with pytest.raises(asyncio.CancelledError):
            await waiter
        while (await stored(running.task.result())).status == "pending":
            await asyncio.sleep(0.01)
    assert (await stored(running.task.result())).error_kind == "cancelled"


async def test_outputs_that_are_no_json_end_it_with_a_sentence() -> None:
    flow = await sync_to_async(make)(node("count", "counted", what="x"), asks(), answer("x"))
    target = await sync_to_async(target_of)(flow)
    Counted.execute, original = (lambda self, parameters, context: _gives(NodeResult({1, 2}))), Counted.execute  # type: ignore[assignment, method-assign, return-value]
    try:
        ended = await state_of(Call(target, {}, CALLER))
    finally:
        Counted.execute = original  # type: ignore[method-assign]
    assert isinstance(ended, Answer)
    assert ended.is_error
    assert ended.text.startswith("The flow cannot wait for an answer: what its nodes gave out is no plain JSON: ")
    assert (await stored(ended)).error_kind == "node_failed"


async def test_no_more_wait_for_one_caller_than_are_allowed(flow: Flow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suspensions, "MAX_WAITING", 2)
    target = await sync_to_async(target_of)(flow)
    waiting = [await ask(flow), await ask(flow)]
    refused = await state_of(Call(target, {}, CALLER))
    assert isinstance(refused, Answer)
    assert refused.text == f"The flow cannot wait for an answer: {suspensions.TOO_MANY.format(2)}"
    assert isinstance(await state_of(Call(target, {}, replace(CALLER, identity="key:8"))), Waiting)
    await resume(waiting[0], flow, ask=YES)
    assert isinstance(await state_of(Call(target, {}, CALLER)), Waiting)


async def test_of_strangers_fewer_wait_from_one_address_and_no_address_is_stored(flow: Flow) -> None:
    target = await sync_to_async(target_of)(flow)
    here = replace(CALLER, identity="", counts_as="203.0.113.5", bounds=Bounds(waiting=1))
    elsewhere = replace(here, counts_as="203.0.113.6")
    assert isinstance(await state_of(Call(target, {}, here)), Waiting)
    refused = await state_of(Call(target, {}, here))
    assert isinstance(refused, Answer)
    assert refused.text == f"The flow cannot wait for an answer: {suspensions.TOO_MANY.format(1)}"
    assert isinstance(await state_of(Call(target, {}, elsewhere)), Waiting)
    stored = [each async for each in Suspension.objects.values_list("asked_at", flat=True)]
    assert len(set(stored)) == 2
    assert not any("203.0.113" in each for each in stored)


async def test_of_those_who_ask_in_the_same_moment_no_more_wait_than_are_allowed(flow: Flow) -> None:
    target = await sync_to_async(target_of)(flow)
    here = replace(CALLER, identity="", counts_as="203.0.113.5", bounds=Bounds(waiting=8))
    waiting = [await state_of(Call(target, {}, here)) for _ in range(8)]
    held = [await sync_to_async(suspensions.of_execution)(each.execution_id) for each in waiting]
    await Suspension.objects.all().adelete()
    together = threading.Barrier(8, timeout=20)

    def hold(each: Held) -> bool:
        together.wait()
        try:
            return suspensions.hold(each, "", "203.0.113.5", 2, 60, None)
        except suspensions.NotStorable:
            return False
        finally:
            connection.close()

    def all_at_once() -> list[bool]:
        with ThreadPoolExecutor(8) as threads:
            return list(threads.map(hold, held))

    assert sum(await asyncio.to_thread(all_at_once)) == 2
    assert await Suspension.objects.acount() == 2


async def _gives(result: NodeResult) -> NodeResult:
    return result


async def test_without_an_answer_the_questions_come_back_and_a_page_can_have_them_too(flow: Flow) -> None:
    waiting = await ask(flow)
    for answers in ({}, {"other": YES}, {"ask": Given("model", {})}):
        assert await resumption.resume(waiting.ticket, answers, Answerer(CALLER, flow.pk)) == waiting
    assert await sync_to_async(resumption.questions_of)(await stored(waiting)) == waiting
    await resume(waiting, flow, ask=YES)
    assert await sync_to_async(resumption.questions_of)(await stored(waiting)) is None


async def test_its_page_says_since_when_it_waits_and_afterwards_how_long_it_did(flow: Flow) -> None:
    waiting = await ask(flow)

    @sync_to_async
    def page() -> str:
        client = Client()
        client.force_login(flow.server.owner)
        return client.get(f"/flows/{flow.pk}/usage/{waiting.execution_id}/").content.decode()

    shown = await page()
    assert re.search("Waiting for the client.s answer since <b><time", shown)
    assert "waiting for an answer…" in shown
    assert "Running for" not in shown
    await resume(waiting, flow, ask=YES)
    shown = await page()
    assert re.search(r"waited [^·]+ for the answer · took “accept” · ", shown)
    assert "Waiting for" not in shown


@pytest.mark.parametrize(
    ("caller", "reason"),
    [
        (
            Caller("user ada", "test", identity="user:7", can_be_asked=frozenset({"user"})).unattended(),
            "nobody is there to answer a saved case. Call it from the form of the Test tab, which asks you, or from an "
            "MCP client.",
        ),
        (
            Caller("key k", "mcp", "tester", can_be_asked=frozenset({"model"})),
            "tester does not declare the capability 'elicitation'. Use a client that does.",
        ),
    ],
)
async def test_who_cannot_be_asked_gets_a_sentence(flow: Flow, caller: Caller, reason: str) -> None:
    ended = await state_of(Call(await sync_to_async(target_of)(flow), {}, caller))
    assert isinstance(ended, Answer)
    assert ended.text == f"'Ask' asks the user of its client, and this call cannot be asked: {reason}"
    assert ended.error is not None
    assert ended.error.unasked == "user"


async def test_a_flow_that_another_one_calls_cannot_ask() -> None:
    def both() -> Flow:
        server = make_server()
        publish_unchecked(server, "inner", asks(), input_schema={"type": "object"})
        return publish_unchecked(server, "outer", node("call", "call_flow", flow="inner"), answer("{{ call.text }}"))

    outer = await sync_to_async(both)()
    ended = await state_of(Call(await sync_to_async(target_of)(outer), {}, CALLER))
    assert isinstance(ended, Answer)
    assert "another flow makes it. Ask in the flow that the client calls." in ended.text
    assert ended.error is not None
    assert ended.error.unasked is None
