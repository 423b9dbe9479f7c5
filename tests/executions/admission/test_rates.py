"""Rates in one process, in two with one Redis, and when that Redis is gone."""

import logging
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import redis
from throttled import MemoryStore, RedisStoreBackend

from executions.admission import rates
from executions.admission.rates import Buckets, SharedBuckets


def own() -> Buckets:
    return Buckets(MemoryStore())


def test_a_bucket_holds_a_minute_s_calls_and_says_when_there_is_one_again() -> None:
    buckets = own()
    waits = [buckets.spend("key:1", 3) for _ in range(5)]
    assert waits[:3] == [0, 0, 0]
    assert [19 < each <= 20 for each in waits[3:]] == [True, True]
    assert buckets.spend("key:2", 3) == 0


def test_a_bucket_fills_up_as_time_goes_by(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1_000.0
    monkeypatch.setattr("throttled.utils.now_mono_f", lambda: now)
    buckets = own()
    assert [buckets.spend("key:1", 2) for _ in range(3)] == [0, 0, 30]
    now += 30
    assert [buckets.spend("key:1", 2) for _ in range(2)] == [0, 30]


@pytest.fixture
def name(redis_url: str) -> Iterator[str]:
    """The name of a bucket that nobody else has, and that is gone afterwards."""
    name = f"test:{uuid.uuid4()}"
    yield name
    with redis.Redis.from_url(redis_url) as client:
        client.delete(f"flowhub:rate:v1:gcra:{name}")


@pytest.mark.redis
def test_with_one_redis_all_processes_together_admit_as_many_as_are_allowed(redis_url: str, name: str) -> None:
    processes = [SharedBuckets(own(), redis_url) for _ in range(2)]
    with ThreadPoolExecutor(16) as threads:
        waits = list(threads.map(lambda number: processes[number % 2].spend(name, 60), range(200)))
    # One more for each second that this took.
    admitted = waits.count(0)
    assert 60 <= admitted <= 62
    assert all(0 <= each <= 60 for each in waits)


@pytest.mark.redis
def test_while_redis_is_gone_a_process_counts_alone_and_says_so_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    # The tests' settings name no Redis, so that throttled-py was not to import its client (flowhub.apps).
    monkeypatch.setattr(RedisStoreBackend, "base_exceptions", (redis.RedisError,))
    buckets = SharedBuckets(own(), "redis://127.0.0.1:1/0")
    assert buckets.waits
    with caplog.at_level(logging.WARNING):
        first = [buckets.spend("key:1", 2) for _ in range(2)]
        assert not buckets.waits
        monkeypatch.setattr(rates, "AGAIN_SECONDS", 0.0)
        buckets._gone_until = 1.0  # as if the time had passed
        third = buckets.spend("key:1", 2)
    assert (first, 29 < third <= 30) == ([0, 0], True)
    [said] = caplog.messages
    assert said.startswith("rates are counted by each process alone until Redis answers: ")
