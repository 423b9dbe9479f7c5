"""Callers take turns: who asks for much waits for its own, whoever else comes is served meanwhile."""

import asyncio
import threading

import pytest

from flows.adapters.turns import Turns, network_of

pytestmark = pytest.mark.anyio

LONG = 10.0


class Queue:
    """Callers that take a turn each, in order, and keep it until they are told to give it back."""

    def __init__(self, size: int, own: int) -> None:
        self.turns = Turns(size, own)
        self.served: list[str] = []
        self.tasks: list[asyncio.Task[None]] = []

    async def ask(self, *callers: str, amount: int = 1, seconds: float = LONG) -> None:
        for who in callers:
            self.tasks.append(asyncio.create_task(self._take(who, amount, seconds)))
        await self.settle()

    async def _take(self, who: str, amount: int, seconds: float) -> None:
        await self.turns.take(who, amount, seconds)
        self.served.append(who)

    async def give(self, who: str, amount: int = 1) -> list[str]:
        """Who was served because this was given back."""
        before = len(self.served)
        self.turns.give(who, amount)
        await self.settle()
        return self.served[before:]

    async def settle(self) -> None:
        for _ in range(10):
            await asyncio.sleep(0)


async def test_one_caller_never_has_more_than_its_own_so_another_need_not_wait() -> None:
    queue = Queue(4, 2)
    await queue.ask(*"aaaaaaaa", "b")
    assert (queue.served, queue.turns.held) == (["a", "a", "b"], 3)


async def test_those_who_wait_are_served_caller_after_caller_however_much_one_of_them_asks_for() -> None:
    queue = Queue(2, 2)
    await queue.ask(*"xx", *"aaaa", *"bb", "c")
    assert queue.served == ["x", "x"]
    order = await queue.give("x") + await queue.give("x")
    for _ in range(5):
        order += await queue.give(order[len(order) - 2])
    assert order == ["a", "b", "c", "a", "b", "a", "a"]


async def test_nobody_overtakes_one_who_needs_much() -> None:
    queue = Queue(4, 4)
    await queue.ask("a", "b")
    await queue.ask("large", amount=3)
    await queue.ask("small")
    assert queue.served == ["a", "b"]
    assert await queue.give("a") == ["large"]
    assert await queue.give("b") == ["small"]


async def test_who_waits_too_long_is_told_and_holds_up_nobody() -> None:
    queue = Queue(2, 2)
    await queue.ask("a")
    await queue.ask("large", amount=2, seconds=0.01)
    await queue.ask("b")
    assert queue.served == ["a"]
    with pytest.raises(TimeoutError):
        await queue.tasks[1]
    await queue.settle()
    assert (queue.served, queue.turns.held) == (["a", "b"], 2)


async def test_a_turn_of_one_who_is_cancelled_goes_to_the_next() -> None:
    queue = Queue(1, 1)
    await queue.ask("a", "b", "c")
    # b is served and cancelled before it knows.
    queue.turns.give("a", 1)
    queue.tasks[1].cancel()
    await queue.settle()
    assert (queue.served, queue.turns.held) == (["a", "c"], 1)
    assert await queue.give("c") == []
    assert queue.turns.held == 0


def test_turns_go_from_one_event_loop_to_another() -> None:
    turns, has_it, done = Turns(1, 1), threading.Event(), []

    async def first() -> None:
        await turns.take("a", 1, LONG)
        has_it.set()
        async with asyncio.timeout(LONG):
            while not turns._waiting:
                await asyncio.sleep(0.001)
        turns.give("a", 1)

    async def second() -> None:
        await turns.take("b", 1, LONG)
        done.append(turns.held)

    one = threading.Thread(target=lambda: asyncio.run(first()))
    one.start()
    assert has_it.wait(LONG)
    asyncio.run(second())
    one.join(LONG)
    assert done == [1]


@pytest.mark.parametrize(
    ("address", "who"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("testclient", "testclient"),
        ("", ""),
    ],
)
def test_a_stranger_counts_by_the_address_or_the_network_that_it_stands_for(address: str, who: str) -> None:
    assert network_of(address) == who
