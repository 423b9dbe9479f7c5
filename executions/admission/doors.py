"""Whether a call may be made now: every door asks here before anything is run."""

import asyncio
import math
import threading
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from django.conf import settings

from executions.admission.allowances import Allowance, OverLimit
from executions.admission.rates import Buckets
from executions.admission.refusals import refusals
from executions.admission.sharing import Sharing, sharing

if TYPE_CHECKING:
    from executions.admission.leases import Leases


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
                    raise _at_once(each)
            for each in limited:
                numbers[each.name] = numbers.get(each.name, 0) + 1
        return Place(self, limited)


class Place:
    """The place of one call among those that are under way, to be left when the call has been answered."""

    __slots__ = ("_give_back", "_stays", "_under_way", "limited")

    def __init__(self, under_way: UnderWay, limited: Sequence[Allowance]) -> None:
        self._under_way, self.limited, self._stays = under_way, limited, 1
        self._give_back: Callable[[], None] | None = None

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
            for each in self.limited:
                left = numbers[each.name] - 1
                if left:
                    numbers[each.name] = left
                else:
                    del numbers[each.name]
            give_back, self._give_back = self._give_back, None
        if give_back is not None:
            give_back()

    def keep(self, give_back: Callable[[], None]) -> None:
        """Have the same place among those of all processes; it is given back with this one, which may be gone."""
        with self._under_way.lock:
            if self._stays:
                self._give_back = give_back
                return
        give_back()


class Doors:
    """What every door of a process asks."""

    def __init__(self, redis_url: str, sharing: Sharing) -> None:
        self._under_way, self._sharing = UnderWay(), sharing
        self._own = Buckets.of_process()
        self._shared: Buckets | None = None
        self.leases: Leases | None = None
        """What all processes count together besides rates; None without Redis."""
        if redis_url:
            from executions.admission import leases  # Redis's client takes most of a second to import

            self._shared, self.leases = Buckets.in_redis(redis_url), leases.Leases(redis_url, sharing)

    def admit(
        self, allowances: Sequence[Allowance], flow_id: int | None, server_id: int | None, *, is_new: bool = True
    ) -> Place | Awaitable[Place]:
        """Let a call in that arrives on an event loop; raises OverLimit, which is counted.

        Every allowance holds; the caller's own comes first, so that what it refuses takes nothing from the others. A
        call that goes on with an execution is not new: it takes a place, and none of the rates. Only where Redis has
        to be asked is it an awaitable of the place that comes back.
        """
        place = self._under_way.enter(allowances, flow_id, server_id)
        rates = [each for each in allowances if each.per_minute is not None] if is_new else []
        is_shared = self.leases is not None and self._sharing.is_on
        if is_shared and (rates or any(each.is_shared for each in place.limited)):
            return self._admit_aside(place, rates, partial(_count, allowances, flow_id, server_id))
        if rates:
            self._take(place, rates, partial(_count, allowances, flow_id, server_id))
        return place

    def admit_here(self, allowances: Sequence[Allowance], flow_id: int | None, server_id: int | None) -> Place:
        """The same for a call that arrives in a worker thread, which may wait for Redis."""
        place = self._under_way.enter(allowances, flow_id, server_id)
        rates = [each for each in allowances if each.per_minute is not None]
        self._take(place, rates, partial(_count, allowances, flow_id, server_id))
        return place

    async def look(self, allowances: Sequence[Allowance], server_id: int | None) -> None:
        """Raise OverLimit, which is counted, for a call that would not be let in now; takes nothing."""
        self._under_way.enter(allowances, None, server_id).leave()
        rates = [each for each in allowances if each.per_minute is not None]
        try:
            if self._shared is not None and self._sharing.is_on:
                await asyncio.to_thread(self._ask_rates, rates, Buckets.look)
            else:
                self._ask_rates(rates, Buckets.look)
        except OverLimit:
            _count(allowances, None, server_id)
            raise

    async def _admit_aside(self, place: Place, rates: Sequence[Allowance], refused: Callable[[], None]) -> Place:
        try:
            await asyncio.to_thread(self._take, place, rates, refused)
        except asyncio.CancelledError:
            place.leave()
            raise
        return place

    def _take(self, place: Place, rates: Sequence[Allowance], refused: Callable[[], None]) -> None:
        """Take the place among those of all processes too, and the call out of every bucket; else it is left."""
        try:
            if self.leases is not None:
                self._lease(self.leases, place)
            self._ask_rates(rates, Buckets.spend)
        except BaseException as error:
            place.leave()
            if isinstance(error, OverLimit):
                refused()
            raise

    def _lease(self, leases: "Leases", place: Place) -> None:
        limited = [each for each in place.limited if each.is_shared]
        if not limited:
            return
        lease = leases.lease_of([each.name for each in limited])
        most = [each.at_once or 0 for each in limited]
        if full := self._sharing.counted(lambda: leases.enter(lease, most), lambda: 0):
            raise _at_once(limited[full - 1])
        leases.hold(lease)
        place.keep(partial(leases.leave, lease))

    def _ask_rates(self, rates: Sequence[Allowance], ask: Callable[[Buckets, str, int], float]) -> None:
        """Raise OverLimit for the first bucket that has no call left; `ask` takes one out, or only looks."""
        own, shared = self._own, self._shared
        for each in rates:
            asked = each.name, each.per_minute or 0
            alone = partial(ask, own, *asked)
            seconds = math.ceil(
                alone() if shared is None else self._sharing.counted(partial(ask, shared, *asked), alone)
            )
            if seconds:
                limit = f"{_calls(each.per_minute or 0)} a minute {each.whose}"
                again = f"{seconds} second{'' if seconds == 1 else 's'}"
                raise OverLimit(f"This call was not made: the limit is {limit}. Call again in {again}.", seconds)


def _at_once(allowance: Allowance) -> OverLimit:
    return OverLimit(
        f"This call was not made: the limit is {_calls(allowance.at_once or 0)} at once {allowance.whose}. Call again "
        "in 1 second, or once one of them has ended.",
        1,
    )


def _calls(number: int) -> str:
    return "1 call" if number == 1 else f"{number:,} calls"


def _count(allowances: Sequence[Allowance], flow_id: int | None, server_id: int | None) -> None:
    refusals.count(allowances[0].principal_id, flow_id or 0, server_id or 0)


doors = Doors(settings.REDIS_URL, sharing)
"""The doors of this process."""
