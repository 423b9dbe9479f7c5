"""The sweep ends what nobody else will end, and nothing more."""

import uuid
from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from executions.models import Execution, Runner
from executions.record.status import Status
from executions.running import recovery
from executions.running.recovery import Swept
from tests.factories import make_execution

pytestmark = pytest.mark.django_db


def begun(seconds_ago: float) -> Execution:
    started_at = timezone.now() - timedelta(seconds=seconds_ago)
    return make_execution(status=Status.PENDING, started_at=started_at, runner_id=uuid.uuid4())


def test_what_a_process_began_after_the_sweep_had_looked_for_processes_stays_pending(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    orphan, begins_meanwhile = begun(1), begun(60)  # by a clock of its own, which is a minute behind

    def meanwhile(now: datetime) -> int:
        Runner.objects.create(
            id=begins_meanwhile.runner_id, host="b", pid=1, started_at=timezone.now(), heartbeat_at=timezone.now()
        )
        return 0

    monkeypatch.setattr(recovery.suspensions, "sweep", meanwhile)
    assert recovery.sweep() == Swept(interrupted=1)
    orphan.refresh_from_db()
    begins_meanwhile.refresh_from_db()
    assert (begins_meanwhile.status, orphan.status, orphan.error_kind) == ("pending", "error", "interrupted")
