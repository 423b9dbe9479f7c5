"""Whether a call may be made now: every door asks here before anything is run."""

import asyncio
import math
import threading
from collections.abc import Awaitable, Sequence
from typing import Any

from django.conf import settings
from throttled import MemoryStore

from executions.admission.allowances import Allowance, OverLimit
from executions.admission.rates import MAX_BUCKETS, Buckets, SharedBuckets
from executions.admission.refusals import refusals


class UnderWay:
    """How many calls are under way in this process under each name that has a limit. Safe in any thread."""

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}
        self.lock = threading.Lock()

    def enter(self, allowances: Sequence[Allowance], flow_id: int | None, server_id: int | None) -> "Place":
        """Take a place under every name, or under none; raises OverLimit, which is counted."""
        numbers = self.numbers
        limited = [each for each in allowances if each.at_once is not None]
        with self.lock:
            for each in limited:
                if each.at_once is not None and numbers.get(each.name, 0) >= each.at_once:
                    _count(allowances, flow_id, server_id)
                    raise OverLimit(
                        f"This call was not made: the limit is {_calls(each.at_once)} at once {each.whose}. Call again "
                        "in 1 second, or once one of them has ended.",
                        1,
                    )
            for each in limited:
                numbers[each.name] = numbers.get(each.name, 0) + 1
        return Place(self, limited)


class Place:
    """The place of one call among those that are under way, to be left when the call has been answered."""

    __slots__ = ("_limited", "_stays", "_under_way")

    def __init__(self, under_way: UnderWay, limited: Sequence[Allowance]) -> None:
        self._under_way, self._limited, self._stays = under_way, limited, 1

    def until_done(self, task: "asyncio.Future[Any]") -> None:
        """Keep the place until the task has ended as well: an execution may outlive who waits for it."""
        self._stays += 1
        task.add_done_callback(self.leave)

    def leave(self, _: object = None) -> None:
        """One of those who kept it has ended; the last one gives it back."""
        numbers = self._under_way.numbers
        with self._under_way.lock:
            self._stays -= 1
            if self._stays:
                return
            for each in self._limited:
                left = numbers[each.name] - 1
                if left:
                    numbers[each.name] = left
                else:
                    del numbers[each.name]


class Doors:
    """What every door of a process asks."""

    def __init__(self, redis_url: str) -> None:
        self._under_way = UnderWay()
        self._buckets: Buckets | SharedBuckets = Buckets(MemoryStore(options={"MAX_SIZE": MAX_BUCKETS}))
        if redis_url:
            self._buckets = SharedBuckets(self._buckets, redis_url)

    def admit(
        self, allowances: Sequence[Allowance], flow_id: int | None, server_id: int | None, *, is_new: bool = True
    ) -> Place | Awaitable[Place]:
        """Let a call in that arrives on an event loop; raises OverLimit, which is counted.

        Every allowance holds; the caller's own comes first, so that what it refuses takes nothing from the others. A
        call that goes on with an execution is not new: it takes a place, and none of the rates. Only where a rate has
        to be asked of Redis is it an awaitable of the place that comes back.
        """
        place = self._under_way.enter(allowances, flow_id, server_id)
        if is_new:
            for each in allowances:
                if each.per_minute is not None:
                    if self._buckets.waits:
                        return self._admit_aside(place, allowances, flow_id, server_id)
                    self._spend(place, allowances, flow_id, server_id)
                    break
        return place

    def admit_here(self, allowances: Sequence[Allowance], flow_id: int | None, server_id: int | None) -> Place:
        """The same for a call that arrives in a worker thread, which may wait for Redis."""
        place = self._under_way.enter(allowances, flow_id, server_id)
        self._spend(place, allowances, flow_id, server_id)
        return place

    async def _admit_aside(
        self, place: Place, allowances: Sequence[Allowance], flow_id: int | None, server_id: int | None
    ) -> Place:
        try:
            await asyncio.to_thread(self._spend, place, allowances, flow_id, server_id)
        except asyncio.CancelledError:
            place.leave()
            raise
        return place

    def _spend(self, place: Place, allowances: Sequence[Allowance], flow_id: int | None, server_id: int | None) -> None:
        """Take the call out of every bucket; the place of one that is not let in is left."""
        try:
            for each in allowances:
                seconds = math.ceil(self._buckets.spend(each.name, each.per_minute)) if each.per_minute else 0
                if seconds:
                    limit = f"{_calls(each.per_minute or 0)} a minute {each.whose}"
                    again = f"{seconds} second{'' if seconds == 1 else 's'}"
                    raise OverLimit(f"This call was not made: the limit is {limit}. Call again in {again}.", seconds)
        except BaseException as error:
            place.leave()
            if isinstance(error, OverLimit):
                _count(allowances, flow_id, server_id)
            raise


def _calls(number: int) -> str:
    return "1 call" if number == 1 else f"{number:,} calls"


def _count(allowances: Sequence[Allowance], flow_id: int | None, server_id: int | None) -> None:
    refusals.count(allowances[0].principal_id, flow_id or 0, server_id or 0)


doors = Doors(settings.REDIS_URL)
"""The doors of this process."""
