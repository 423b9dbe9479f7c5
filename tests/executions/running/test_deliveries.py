"""Executions that nobody waits for any more, and those that go on because somebody may come back."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from executions.ledger import idempotency_keys
from executions.models import CallKey, Execution, KeptAnswer
from executions.running import deliveries
from executions.running.calls import Answer, Call, Caller, Pending
from executions.running.deliveries import KeyRefused
from executions.running.targets import Target, published_target
from flows.models import Flow
from tests.definitions import node
from tests.factories import make_server, publish_unchecked

pytestmark = [pytest.mark.anyio, pytest.mark.django_db(transaction=True)]

CALLER = Caller(principal="key k", source="mcp", identity="key:1")


@sync_to_async
def slow_target(**fields: Any) -> Target:
    flow = publish_unchecked(make_server(), "slow", node("wait", "delay", seconds=30), **fields)
    return published_target(Flow.objects.select_related("published_version", "server").get(pk=flow.pk))


@sync_to_async
def stored() -> list[tuple[str, str]]:
    return list(Execution.objects.order_by("started_at").values_list("status", "error_kind"))


async def until_ended() -> list[tuple[str, str]]:
    async with asyncio.timeout(10):
        while (found := await stored()) == [] or found[0][0] == "pending":
            await asyncio.sleep(0.02)
    return found


class TestWaiting:
    @pytest.fixture(autouse=True)
    def quick(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(deliveries, "LINGER_SECONDS", 0.05)

    async def test_without_a_key_who_leaves_before_the_time_cancels(self) -> None:
        target = await slow_target(answer_seconds=60)
        waiting = asyncio.create_task(deliveries.state_of(Call(target, {}, CALLER)))
        while not await stored():
            await asyncio.sleep(0.02)
        waiting.cancel()
        assert await until_ended() == [("error", "cancelled")]

    async def test_with_a_key_it_goes_on_as_long_as_somebody_waits_in_another_process(self) -> None:
        target = await slow_target()
        waiting = asyncio.create_task(deliveries.state_of(Call(target, {}, CALLER, key="key")))
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
        told = await deliveries.state_of(Call(target, {}, CALLER))
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
        told = await deliveries.state_of(Call(target, {"n": 1}, CALLER, key="key"))
        with pytest.raises(KeyRefused):
            await deliveries.state_of(Call(target, {"n": 2}, CALLER, key="key"))
        joined = await deliveries.state_of(Call(target, {"n": 1}, CALLER, key="key"))
        assert isinstance(joined, Pending)
        assert (joined.execution_id, joined.is_joined) == (told.execution_id, True)
        deliveries.dispatcher.cancel(told.execution_id)
        assert await until_ended() == [("error", "cancelled")]
