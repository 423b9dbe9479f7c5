"""Answers that are kept, idempotency keys that decide, and executions that nobody waits for any more."""

import asyncio
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.core.management import call_command
from django.core.management.utils import get_random_secret_key

from executions.ledger import idempotency_keys, kept_answers, writer
from executions.ledger.idempotency_keys import Claim
from executions.ledger.writer import Ledger
from executions.models import CallKey, Execution, KeptAnswer, new_id
from executions.running import deliveries, recovery
from executions.running.calls import Answer, Caller, Pending
from executions.running.deliveries import KeyTaken
from executions.running.targets import Target, published_target
from flows.models import Flow
from tests.definitions import node
from tests.executions.test_ledger import fulfilled, pending
from tests.factories import make_execution, make_server, publish

pytestmark = [pytest.mark.anyio, pytest.mark.django_db(transaction=True)]

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
CALLER = Caller(principal="key k", source="mcp", identity="key:1")


def claim(key: str = "a", **arguments: Any) -> Claim:
    return Claim.of(key, "key:1", "s", "flow", arguments)


def row_of(found: Claim, execution_id: uuid.UUID) -> CallKey:
    return found.row(execution_id, datetime.now(UTC), 300)


@sync_to_async
def slow_target(**fields: Any) -> Target:
    flow = publish(make_server(), "slow", node("wait", "delay", seconds=30), **fields)
    return published_target(Flow.objects.select_related("published_version", "server").get(pk=flow.pk))


@sync_to_async
def stored() -> list[tuple[str, str]]:
    return list(Execution.objects.order_by("started_at").values_list("status", "error_kind"))


async def until_ended() -> list[tuple[str, str]]:
    async with asyncio.timeout(10):
        while (found := await stored()) == [] or found[0][0] == "pending":
            await asyncio.sleep(0.02)
    return found


class TestClaims:
    async def test_of_those_that_claim_a_key_in_one_transaction_one_is_stored(self) -> None:
        one = Ledger()
        ids = [new_id() for _ in range(5)]
        results = [one.open_claimed(pending(id_), row_of(claim(), id_)) for id_ in ids]
        assert sorted(await asyncio.gather(*results)) == [False] * 4 + [True]
        one.stop()
        found = await sync_to_async(list)(Execution.objects.values_list("pk", flat=True))
        keys = await sync_to_async(list)(CallKey.objects.values_list("execution_id", flat=True))
        assert found == keys == [ids[0]]

    async def test_of_two_processes_that_claim_a_key_one_is_stored(self) -> None:
        ledgers = [Ledger() for _ in range(4)]
        for number in range(10):
            key = claim(f"key {number}")
            results = []
            for one in ledgers:
                execution_id = new_id()
                results.append(one.open_claimed(pending(execution_id), row_of(key, execution_id)))
            assert sorted(await asyncio.gather(*results)) == [False, False, False, True]
        for one in ledgers:
            one.stop()
        assert await sync_to_async(Execution.objects.count)() == 10

    async def test_a_key_whose_time_is_over_may_be_used_anew(self) -> None:
        one, first, second = Ledger(), new_id(), new_id()
        old = claim().row(first, NOW - timedelta(days=3), 300)
        assert await one.open_claimed(pending(first), old) is True
        assert await one.open_claimed(pending(second), row_of(claim(), second)) is True
        one.stop()
        assert (await sync_to_async(CallKey.objects.get)()).execution_id == second

    def test_nothing_that_was_sent_can_be_read_from_a_key(self, settings: Any) -> None:
        made = claim("order 7", pin="1234")
        assert not {"order 7", "1234", "key:1"} & set(vars(row_of(made, new_id())).values())
        settings.SECRET_KEY = get_random_secret_key()
        again = claim("order 7", pin="1234")
        assert (again.scope, again.request == made.request) == (made.scope, False)


class TestKept:
    async def test_an_answer_is_stored_with_the_end_and_not_without(self) -> None:
        one, won, lost = Ledger(), new_id(), new_id()
        for execution_id in (won, lost):
            one.open(pending(execution_id))
            await one.commit(execution_id)
        await sync_to_async(Execution.objects.filter(pk=lost).update)(status="error", error_kind="timeout")
        for execution_id in (won, lost):
            answer = kept_answers.sealed(execution_id, {"content": [], "isError": False}, datetime.now(UTC))
            assert "content" not in answer.encrypted
            await one.close(execution_id, fulfilled(), answer)
        one.stop()
        assert await sync_to_async(list)(KeptAnswer.objects.values_list("pk", flat=True)) == [won]

    def keep(self, days: float = 0, text: str = "") -> KeptAnswer:
        execution = make_execution()
        answer = kept_answers.sealed(execution.pk, {"text": text}, datetime.now(UTC) + timedelta(days=days))
        kept_answers.write([answer])
        return answer

    def test_answers_and_keys_go_when_their_time_is_over(self) -> None:
        old, new = self.keep(days=-2), self.keep()
        idempotency_keys.take(claim().row(new_id(), NOW - timedelta(days=3), 300), NOW)
        assert kept_answers.opened(old.pk, datetime.now(UTC)) is None
        recovery.sweep()
        assert list(KeptAnswer.objects.values_list("pk", flat=True)) == [new.pk]
        assert CallKey.objects.count() == 0

    def test_a_key_leads_to_its_execution_for_as_long_as_the_answer_can_be_kept(self) -> None:
        latest_end = NOW + timedelta(seconds=300)
        answer = kept_answers.sealed(new_id(), {}, latest_end)
        assert claim().row(answer.execution_id, NOW, 300).expires_at == answer.expires_at

    def test_the_oldest_answers_go_when_all_take_too_much(self, monkeypatch: pytest.MonkeyPatch) -> None:
        answers = [self.keep(days=-0.01 * age, text="x" * 1000) for age in range(4)]
        monkeypatch.setattr(kept_answers, "MOST_BYTES", answers[0].size * 2)
        kept_answers.expire(datetime.now(UTC))
        assert set(KeptAnswer.objects.values_list("pk", flat=True)) == {answer.pk for answer in answers[:2]}

    def test_an_answer_goes_with_its_execution(self) -> None:
        answer = self.keep()
        writer.delete([answer.pk])
        assert not KeptAnswer.objects.exists()

    def test_kept_answers_are_encrypted_again_with_the_newest_key(
        self, settings: Any, capsys: pytest.CaptureFixture[str]
    ) -> None:
        new, old, lost = (name * 40 for name in "nol")
        settings.VAULT_KEYS = [lost]
        self.keep(text="lost")
        settings.VAULT_KEYS = [old]
        answer = self.keep(text="kept")
        settings.VAULT_KEYS = [new, old]
        call_command("rotate_secrets")
        printed = capsys.readouterr()
        assert "Encrypted 1 kept answers and waiting executions with the newest key.\n" in printed.out
        assert printed.err == "No key opens 1 kept answers or waiting executions; they expire within a day.\n"
        settings.VAULT_KEYS = [new]
        assert kept_answers.opened(answer.pk, datetime.now(UTC)) == {"text": "kept"}

    def test_an_answer_that_no_key_opens_is_not_there(self, settings: Any) -> None:
        answer = self.keep()
        settings.VAULT_KEYS = ["another key of more than thirty-two characters"]
        assert kept_answers.opened(answer.pk, datetime.now(UTC)) is None


class TestWaiting:
    @pytest.fixture(autouse=True)
    def quick(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(deliveries, "LINGER_SECONDS", 0.05)

    async def test_without_a_key_who_leaves_before_the_time_cancels(self) -> None:
        target = await slow_target(answer_seconds=60)
        waiting = asyncio.create_task(deliveries.call(target, {}, CALLER))
        while not await stored():
            await asyncio.sleep(0.02)
        waiting.cancel()
        assert await until_ended() == [("error", "cancelled")]

    async def test_with_a_key_it_goes_on_as_long_as_somebody_waits_in_another_process(self) -> None:
        target = await slow_target()
        waiting = asyncio.create_task(deliveries.call(target, {}, CALLER, "key"))
        while not await stored():
            await asyncio.sleep(0.02)
        scope = (await sync_to_async(CallKey.objects.get)()).pk
        until = datetime.now(UTC) + timedelta(seconds=1)
        await sync_to_async(idempotency_keys.wait_until)(scope, until)
        waiting.cancel()
        assert await until_ended() == [("error", "cancelled")]
        ended_at = (await sync_to_async(Execution.objects.get)()).ended_at
        assert ended_at is not None
        assert ended_at >= until

    async def test_who_was_told_to_come_back_need_not_wait(self) -> None:
        target = await slow_target(answer_seconds=1)
        told = await deliveries.call(target, {}, CALLER)
        assert isinstance(told, Pending)
        assert (told.tool_name, told.nodes_done, told.under_way) == ("slow", 1, ("Wait",))
        for _ in range(2):
            found = await deliveries.fetch(told.execution_id, CALLER, target.server_slug, 0.1)
            assert found is not None
            assert isinstance(found[1], Pending)
        assert await stored() == [("pending", "")]
        assert await deliveries.fetch(told.execution_id, Caller("key k", "mcp"), target.server_slug, 0.1) is None
        deliveries.dispatcher.cancel(told.execution_id)
        _, answer = await deliveries.fetch(told.execution_id, CALLER, target.server_slug, 10) or ("", None)
        assert isinstance(answer, Answer)
        assert answer.is_error
        assert await sync_to_async(KeptAnswer.objects.count)() == 1

    async def test_a_key_with_another_call_is_refused(self) -> None:
        target = await slow_target(answer_seconds=1)
        told = await deliveries.call(target, {"n": 1}, CALLER, "key")
        with pytest.raises(KeyTaken):
            await deliveries.call(target, {"n": 2}, CALLER, "key")
        joined = await deliveries.call(target, {"n": 1}, CALLER, "key")
        assert isinstance(joined, Pending)
        assert (joined.execution_id, joined.is_joined) == (told.execution_id, True)
        deliveries.dispatcher.cancel(told.execution_id)
        assert await until_ended() == [("error", "cancelled")]
