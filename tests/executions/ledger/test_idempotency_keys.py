"""Idempotency keys: who comes first with one decides, and nothing can be read from it."""

import asyncio
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.core.management.utils import get_random_secret_key

from executions.ledger.idempotency_keys import Claim
from executions.ledger.writer import Ledger
from executions.models import CallKey, Execution
from executions.record.moments import new_id
from tests.executions.ledger.test_writer import pending

pytestmark = [pytest.mark.anyio, pytest.mark.django_db(transaction=True)]

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def claim(key: str = "a", **arguments: Any) -> Claim:
    return Claim.of(key, "key:1", "s", "flow", arguments)


def row_of(found: Claim, execution_id: uuid.UUID) -> CallKey:
    return found.row(execution_id, datetime.now(UTC), 300)


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
