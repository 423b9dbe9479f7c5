"""Answers that are kept: with the end of their execution, encrypted, for a day."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.core.management import call_command

from executions.ledger import idempotency_keys, kept_answers, writer
from executions.ledger.writer import Ledger
from executions.models import CallKey, Execution, KeptAnswer
from executions.record.moments import new_id
from executions.running import recovery
from tests.executions.ledger.test_idempotency_keys import NOW, claim
from tests.executions.ledger.test_writer import fulfilled, pending
from tests.factories import make_execution

pytestmark = [pytest.mark.anyio, pytest.mark.django_db(transaction=True)]


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
            await one.commit(execution_id, fulfilled(), answer)
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
        monkeypatch.setattr(kept_answers, "MAX_BYTES", answers[0].size * 2)
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
