"""Rates in one process, and in two with one Redis."""

import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import redis

from executions.admission.rates import Buckets


def test_a_bucket_holds_a_minute_s_calls_and_says_when_there_is_one_again() -> None:
    buckets = Buckets.of_process()
    waits = [buckets.spend("key:1", 3) for _ in range(5)]
    assert waits[:3] == [0, 0, 0]
    assert [19 < each <= 20 for each in waits[3:]] == [True, True]
    assert buckets.spend("key:2", 3) == 0


def test_a_bucket_fills_up_as_time_goes_by(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1_000.0
    monkeypatch.setattr("throttled.utils.now_mono_f", lambda: now)
    buckets = Buckets.of_process()
    assert [buckets.spend("key:1", 2) for _ in range(3)] == [0, 0, 30]
    now += 30
    assert [buckets.spend("key:1", 2) for _ in range(2)] == [0, 30]


def test_to_look_into_a_bucket_takes_no_call_out() -> None:
    buckets = Buckets.of_process()
    assert [buckets.look("key:1", 3), buckets.spend("key:1", 3), buckets.look("key:1", 3)] == [0, 0, 0]
    assert [buckets.spend("key:1", 3) for _ in range(2)] == [0, 0]
    waits = [buckets.look("key:1", 3), buckets.look("key:1", 3), buckets.spend("key:1", 3)]
    assert [19 < each <= 20 for each in waits] == [True, True, True]


@pytest.mark.redis
def test_to_look_says_the_same_of_a_bucket_in_redis(redis_url: str, name: str) -> None:
    buckets = Buckets.in_redis(redis_url)
    assert [buckets.look(name, 1), buckets.spend(name, 1)] == [0, 0]
    assert [59 < each <= 60 for each in (buckets.look(name, 1), buckets.spend(name, 1))] == [True, True]


@pytest.fixture
def name(redis_url: str) -> Iterator[str]:
    """The name of a bucket that nobody else has, and that is gone afterwards."""
    name = f"test:{uuid.uuid4()}"
    yield name
    with redis.Redis.from_url(redis_url) as client:
        client.delete(f"flowhub:rate:v1:gcra:{name}")


@pytest.mark.redis
def test_with_one_redis_all_processes_together_admit_as_many_as_are_allowed(redis_url: str, name: str) -> None:
    processes = [Buckets.in_redis(redis_url) for _ in range(2)]
    with ThreadPoolExecutor(16) as threads:
        waits = list(threads.map(lambda number: processes[number % 2].spend(name, 60), range(200)))
    # One more for each second that this took.
    admitted = waits.count(0)
    assert 60 <= admitted <= 62
    assert all(0 <= each <= 60 for each in waits)
