"""The sweep ends what nobody else will end, and nothing more."""

import uuid
from datetime import timedelta

import pytest
from django.utils import timezone

from executions.record.status import Status
from executions.running import recovery
from executions.running.recovery import Swept
from tests.factories import make_execution

pytestmark = pytest.mark.django_db


def test_what_a_process_began_after_the_sweep_had_looked_for_processes_stays_pending() -> None:
    now = timezone.now()
    younger, older = (
        make_execution(status=Status.PENDING, started_at=now + timedelta(seconds=seconds), runner_id=uuid.uuid4())
        for seconds in (1, -1)
    )
    assert recovery.sweep(now) == Swept(interrupted=1)
    younger.refresh_from_db()
    older.refresh_from_db()
    assert (younger.status, older.status, older.error_kind) == ("pending", "error", "interrupted")
