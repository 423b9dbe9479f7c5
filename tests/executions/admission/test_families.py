"""The executions of one call, counted in all processes that start some of them."""

import uuid

import pytest
import redis

from executions.admission import families
from executions.admission.doors import Doors
from executions.admission.families import Numbers
from executions.admission.sharing import Sharing
from tests.live import wait_until


def numbers(root: str, *, is_shared: bool = False) -> Numbers:
    made = Numbers(1)
    made.root, made.most, made.is_shared = root, 4, is_shared
    return made


@pytest.mark.redis
@pytest.mark.anyio
async def test_a_family_that_calls_by_flowhub_s_own_address_is_counted_in_all_processes(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sharing = Sharing()
    doors = Doors(redis_url, sharing)
    assert doors.leases is not None
    monkeypatch.setattr(families, "doors", doors)
    monkeypatch.setattr(families, "sharing", sharing)
    root = str(uuid.uuid4())
    with redis.Redis.from_url(redis_url) as client:
        first, other = numbers(root), numbers(root, is_shared=True)
        assert [await first.has_room() for _ in range(2)] == [True, True]
        assert client.exists(f"flowhub:family:{root}") == 0
        first.share()
        wait_until(lambda: client.get(f"flowhub:family:{root}") == b"2", 10, "it was not told")
        assert [await each.has_room() for each in (other, first, other)] == [True, True, False]
        assert 0 < client.ttl(f"flowhub:family:{root}") <= 86_400
        client.delete(f"flowhub:family:{root}")
    doors.leases.close()


@pytest.mark.anyio
async def test_without_redis_each_process_counts_what_it_starts() -> None:
    first, other = numbers("a"), numbers("a", is_shared=True)
    first.share()
    assert [await each.has_room() for each in (first, other) for _ in range(5)] == [*[True] * 4, False] * 2
