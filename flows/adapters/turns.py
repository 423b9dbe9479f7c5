"""What there is only so much of, given to callers in turn: who asks for much waits for its own, not for the others'."""

import asyncio
import threading
from collections import Counter, deque
from ipaddress import IPv6Address, ip_address


def network_of(address: str) -> str:
    """What a stranger counts as, who has no name but an address: that, and all strangers without one are one.

    Of IPv6 the network counts, 64 bits: whoever has one address there has as many as they like (RFC 4291, 2.5.1).
    """
    try:
        number = ip_address(address)
    except ValueError:
        return address
    if isinstance(number, IPv6Address) and number.ipv4_mapped is None:
        return f"{IPv6Address(int(number) >> 64 << 64)}/64"
    return str(getattr(number, "ipv4_mapped", None) or number)


class _Waiter:
    """Somebody who waits for a turn, on an event loop."""

    def __init__(self, amount: int) -> None:
        self.amount = amount
        self.is_served = False
        self.loop = asyncio.get_running_loop()
        self.woken = self.loop.create_future()

    def wake(self) -> None:
        if not self.woken.done():
            self.woken.set_result(None)


class Turns:
    """`size` of something, of which one caller has at most `own` at a time; from any event loop and thread.

    Those who wait are served caller after caller, and the turns of one caller in the order of asking. Nobody overtakes
    one who waits for nothing but room, so that who needs much gets it too.
    """

    def __init__(self, size: int, own: int) -> None:
        self.size = size
        self.own = own
        self._held: Counter[str] = Counter()
        self._waiting: dict[str, deque[_Waiter]] = {}
        self._lock = threading.Lock()

    @property
    def held(self) -> int:
        """How much all have together."""
        return self._held.total()

    async def take(self, who: str, amount: int, seconds: float) -> None:
        """Have so much, at most `own`, until it is given back; raises TimeoutError when there is none in that time."""
        waiter = _Waiter(amount)
        with self._lock:
            self._waiting.setdefault(who, deque()).append(waiter)
            self._serve()
            has_to_wait = not waiter.is_served
        if not has_to_wait:
            return
        try:
            async with asyncio.timeout(seconds):
                await waiter.woken
        except BaseException:
            with self._lock:
                if waiter.is_served:
                    self._return(who, amount)
                else:
                    self._leave(who, waiter)
                self._serve()
            raise

    def give(self, who: str, amount: int) -> None:
        """Give so much back, and let those who wait have it."""
        with self._lock:
            self._return(who, amount)
            self._serve()

    def _return(self, who: str, amount: int) -> None:
        self._held[who] -= amount
        if not self._held[who]:
            del self._held[who]

    def _leave(self, who: str, waiter: _Waiter) -> None:
        self._waiting[who].remove(waiter)
        if not self._waiting[who]:
            del self._waiting[who]

    def _serve(self) -> None:
        """Serve who can be served. Callers stand in the order of their turns; who had one goes to the end."""
        while (who := self._next()) is not None:
            queue = self._waiting.pop(who)
            waiter = queue.popleft()
            if queue:
                self._waiting[who] = queue
            waiter.is_served = True
            self._held[who] += waiter.amount
            try:
                waiter.loop.call_soon_threadsafe(waiter.wake)
            except RuntimeError:  # the loop was closed under it
                self._return(who, waiter.amount)

    def _next(self) -> str | None:
        left = self.size - self.held
        for who, queue in self._waiting.items():
            if self._held[who] + queue[0].amount <= self.own:
                return who if queue[0].amount <= left else None
        return None
