"""Calls under way at once in two processes with one Redis: no more than one limit allows, and no place for ever."""

import asyncio
import logging
import uuid
from collections.abc import Awaitable, Callable, Coroutine, Iterator

import pytest
import redis

from executions.admission import leases
from executions.admission.allowances import Allowance, OverLimit, of_key, of_person
from executions.admission.doors import Doors, Place
from executions.admission.sharing import Sharing
from tests.live import wait_until

NOBODY = "redis://127.0.0.1:1/0"
Limit = Callable[[int], Allowance]
Make = Callable[[str], Doors]


@pytest.fixture
def limit(redis_url: str) -> Iterator[Callable[[int], Allowance]]:
    """Limits that nobody else has, and that are gone afterwards."""
    name = f"test:{uuid.uuid4()}"
    yield lambda at_once: Allowance(name, "with this API key", at_once=at_once)
    with redis.Redis.from_url(redis_url) as client:
        client.delete(f"flowhub:at-once:{name}")


@pytest.fixture
def process() -> Iterator[Callable[[str], Doors]]:
    """Makes what every door of a process asks; they are closed as at its end."""
    made = []

    def make(url: str) -> Doors:
        made.append(Doors(url, Sharing()))
        return made[-1]

    yield make
    for doors in made:
        assert doors.leases is not None
        doors.leases.close()


def is_let_in(doors: Doors, allowance: Allowance) -> bool:
    try:
        doors.admit_here([allowance], 1, 1)
    except OverLimit:
        return False
    return True


@pytest.mark.redis
def test_two_processes_together_have_as_many_under_way_as_one_limit_allows(
    redis_url: str, limit: Limit, process: Callable[[str], Doors]
) -> None:
    one, other = (process(redis_url) for _ in range(2))
    three = limit(3)
    places = [doors.admit_here([three], 1, 1) for doors in (one, other, one)]
    with pytest.raises(OverLimit) as refused:
        other.admit_here([three], 1, 1)
    assert str(refused.value) == (
        "This call was not made: the limit is 3 calls at once with this API key. "
        "Call again in 1 second, or once one of them has ended."
    )
    places[0].leave()
    wait_until(lambda: is_let_in(other, three), 10, "the place that was left was given to nobody")
    assert not is_let_in(one, three)


@pytest.mark.redis
@pytest.mark.anyio
async def test_whoever_has_an_answer_calls_again_at_once(
    redis_url: str, limit: Limit, process: Callable[[str], Doors]
) -> None:
    doors = process(redis_url)
    for _ in range(100):
        admitted = doors.admit([limit(1)], 1, 1)
        assert isinstance(admitted, Awaitable)
        (await admitted).leave()


@pytest.mark.redis
@pytest.mark.anyio
async def test_a_caller_who_hangs_up_while_redis_is_asked_keeps_no_place(
    redis_url: str, limit: Limit, process: Callable[[str], Doors]
) -> None:
    doors = process(redis_url)
    for _ in range(20):
        admitted = asyncio.ensure_future(doors.admit([limit(1)], 1, 1))  # type: ignore[arg-type]
        await asyncio.sleep(0)
        admitted.cancel()
        await asyncio.wait({admitted})
    wait_until(lambda: is_let_in(doors, limit(1)), 10, "a place is held by nobody")


@pytest.mark.redis
def test_the_places_of_a_killed_process_are_free_once_their_lease_ends(
    redis_url: str, limit: Limit, monkeypatch: pytest.MonkeyPatch, process: Callable[[str], Doors]
) -> None:
    monkeypatch.setattr(leases, "LEASE_SECONDS", 1)
    monkeypatch.setattr(leases, "RENEW_SECONDS", 1_000.0)  # as who is dead
    killed, living = (process(redis_url) for _ in range(2))
    assert is_let_in(killed, limit(1))
    assert not is_let_in(living, limit(1))
    wait_until(lambda: is_let_in(living, limit(1)), 10, "the lease did not end")


@pytest.mark.redis
def test_the_lease_of_a_long_call_is_renewed_also_in_a_redis_that_has_forgotten_it(
    redis_url: str, limit: Limit, monkeypatch: pytest.MonkeyPatch, process: Callable[[str], Doors]
) -> None:
    monkeypatch.setattr(leases, "RENEW_SECONDS", 0.01)
    doors, another = (process(redis_url) for _ in range(2))
    place = doors.admit_here([limit(1)], 1, 1)
    with redis.Redis.from_url(redis_url) as client:
        key = f"flowhub:at-once:{limit(1).name}"
        client.delete(key)
        wait_until(lambda: client.zcard(key) == 1, 10, "it was not renewed")
        assert not is_let_in(another, limit(1))
        place.leave()
        wait_until(lambda: not client.exists(key), 10, "it was not given back")


def test_a_process_counts_alone_while_redis_is_gone_and_says_so_once(
    caplog: pytest.LogCaptureFixture, process: Callable[[str], Doors]
) -> None:
    doors, allowance = process(NOBODY), Allowance("test:1", "with this API key", 60, 2)
    with caplog.at_level(logging.WARNING):
        assert [is_let_in(doors, allowance) for _ in range(3)] == [True, True, False]
    [said] = caplog.messages
    assert said.startswith("limits are counted by each process alone until Redis answers: ")
    assert isinstance(doors.admit([Allowance("test:2", "", 60, 2)], 1, 1), Place)


def test_who_has_no_limit_set_does_not_wait_for_redis(process: Make) -> None:
    doors = process(NOBODY)
    admitted = [doors.admit([each], 1, 1) for each in (of_key("key:1", None, None), of_person("user:1"))]
    assert [type(each) for each in admitted] == [Place, Place]
    limited = doors.admit([of_key("key:1", None, 5)], 1, 1)
    assert isinstance(limited, Coroutine)
    limited.close()
