"""While Redis is gone each process counts alone; that is said once, and found out by one call at a time."""

import logging
from types import SimpleNamespace

import pytest

from executions.admission import sharing
from executions.admission.sharing import Sharing


def test_redis_is_asked_again_after_a_while_and_its_absence_is_said_once_each_time(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    now, is_there = 1_000.0, False
    monkeypatch.setattr(sharing, "time", SimpleNamespace(monotonic=lambda: now))
    redis = Sharing()
    asked = []

    def together() -> str:
        asked.append(now)
        if not is_there:
            raise OSError("nobody listens")
        return "together"

    def numbers(moments: list[float]) -> list[str]:
        nonlocal now
        given = []
        for moment in moments:
            now = moment
            given.append(redis.counted(together, lambda: "alone"))
        return given

    later = 1_000.0 + sharing.AGAIN_SECONDS
    with caplog.at_level(logging.WARNING):
        assert numbers([1_000.0, 1_001.0, later]) == ["alone"] * 3
        is_there = True
        assert numbers([later + 1, 2_000.0, 2_000.0]) == ["alone", "together", "together"]
        is_there = False
        assert numbers([3_000.0, 3_001.0]) == ["alone"] * 2
    assert asked == [1_000.0, later, 2_000.0, 2_000.0, 3_000.0]
    assert caplog.messages == ["limits are counted by each process alone until Redis answers: nobody listens"] * 2


def test_one_call_asks_whether_redis_is_back_and_the_others_go_on_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1_000.0
    monkeypatch.setattr(sharing, "time", SimpleNamespace(monotonic=lambda: now))
    redis = Sharing()

    def gone() -> str:
        raise OSError

    assert redis.counted(gone, lambda: "alone") == "alone"
    now += sharing.AGAIN_SECONDS
    other = ""

    def back() -> str:
        nonlocal other
        other = redis.counted(lambda: "together", lambda: "alone")
        return "together"

    assert (redis.counted(back, lambda: "alone"), other, redis.is_on) == ("together", "alone", True)
