"""The Python that people write, in processes of its own: `flows.engine.node.CodeRunner` on pydantic-monty.

Monty is an interpreter without a way out: no files, no network, no environment, no import of what is installed here.
On top of that each run is a fresh session with limits on time, memory, depth and output, and what it gives back is
rebuilt as plain JSON of bounded size before anybody touches it: a result may be 100,000 levels deep, or a few objects
that refer to each other and would be terabytes as JSON. There are two pools of worker processes, so that programs that
take their seconds never hold up conditions. Of each pool one caller has half at most, and those who wait take turns.
Workers start when they are first needed and end with this process.
"""

import asyncio
import os
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, partial
from typing import Any, Literal, NamedTuple

from pydantic_monty import AsyncMonty, MontyCrashedError, MontyError, MontyRuntimeError, MontySyntaxError

from flows.adapters.sandbox_values import plain
from flows.adapters.turns import Turns
from flows.engine.errors import NodeFailed
from flows.engine.node import Json

MAX_PRINTED = 64 * 1024
"""Characters that one run may print."""

_WAIT_SECONDS = 10.0
_SHOWN_TRACEBACK = 4_000
_MIB = 1024 * 1024
_FORGOTTEN_INPUT = re.compile(r"\{\{[^{}]{1,200}\}\}")

_ROUND = """
def round(number, ndigits=None, _round=round):
    if isinstance(number, float) and isinstance(ndigits, int) and ndigits > 0:
        return float(f"{number:.{ndigits}f}")
    return _round(number, ndigits)
"""
"""Monty's own `round` multiplies first, so 46.505 becomes 46.5, where formatting and CPython say 46.51."""


@dataclass(frozen=True, slots=True)
class SandboxLimits:
    """What one run may use: seconds of computing, bytes of memory; `workers` is how many run at once.

    `nice` is by how much they give way to this process, which answers everybody, where both want a processor.
    """

    seconds: float
    memory: int
    workers: int
    nice: int = 0


# Twice as many as there are processors: one caller alone, who has half of the workers, keeps all of these busy.
_WORKERS = max(4, 2 * (os.cpu_count() or 1))
EXPRESSIONS = SandboxLimits(seconds=0.05, memory=8 * _MIB, workers=_WORKERS)
PROGRAMS = SandboxLimits(seconds=5.0, memory=64 * _MIB, workers=_WORKERS, nice=5)


class TookTooLong(NodeFailed):
    """A run met the limit of its time."""


class SandboxedCode:
    """Runs programs and expressions; safe to use from several event loops and threads.

    Used as it is, it runs them for callers that nobody knows, who count as one.
    """

    def __init__(self, expressions: SandboxLimits = EXPRESSIONS, programs: SandboxLimits = PROGRAMS) -> None:
        self._expressions = _Pool("expression", expressions)
        self._programs = _Pool("code", programs)

    async def run(self, source: str, inputs: Mapping[str, Json], printed: Callable[[str], None], who: str = "") -> Json:
        """Run a program; raises NodeFailed (see `flows.engine.node.CodeRunner`)."""
        return await self._programs.feed(who, source, inputs, printed)

    async def evaluate(self, expression: str, inputs: Mapping[str, Json], who: str = "") -> Json:
        """Evaluate an expression; raises NodeFailed.

        The limit is so short, and of the clock, that a worker which had to wait for a processor can meet it. An
        expression changes nothing, so it gets a second chance.
        """
        with suppress(TookTooLong):
            return await self._expressions.feed(who, expression, inputs, _unheard)
        return await self._expressions.feed(who, expression, inputs, _unheard)

    async def close(self) -> None:
        """End the worker processes; the next run would start new ones."""
        await self._expressions.close()
        await self._programs.close()


class CodeOf(NamedTuple):
    """The sandbox as one caller has it, who is told from others by `who`: a `flows.engine.node.CodeRunner`."""

    sandbox: SandboxedCode
    who: str

    async def run(self, source: str, inputs: Mapping[str, Json], printed: Callable[[str], None]) -> Json:
        """Run a program; raises NodeFailed."""
        return await self.sandbox.run(source, inputs, printed, self.who)

    async def evaluate(self, expression: str, inputs: Mapping[str, Json]) -> Json:
        """Evaluate an expression; raises NodeFailed."""
        return await self.sandbox.evaluate(expression, inputs, self.who)


@cache
def code_runner() -> SandboxedCode:
    """The sandbox of this process; no worker starts before it is used."""
    return SandboxedCode()


def _stand_back(pid: int, nice: int) -> None:
    with suppress(OSError):  # the worker has just died, or this is no Linux
        own = os.getpriority(os.PRIO_PROCESS, 0)
        # On Linux each thread has its own, and the one that computes is not the first.
        for thread in os.listdir(f"/proc/{pid}/task"):
            os.setpriority(os.PRIO_PROCESS, int(thread), min(own + nice, 19))


def _unheard(text: str) -> None:
    """What an expression prints is of no interest."""


class _Printed:
    """Takes what a run prints; past the limit it calls `overflow`, from whichever thread the output comes."""

    def __init__(self, overflow: Callable[[], None]) -> None:
        self.pieces: list[str] = []
        self.length = 0
        self.overflow = overflow

    def __call__(self, stream: Literal["stdout", "stderr"], text: str) -> None:
        room = MAX_PRINTED - self.length
        self.length += len(text)
        if room > 0:
            self.pieces.append(text[:room])
        if room >= 0 and self.is_over:
            self.overflow()

    @property
    def is_over(self) -> bool:
        return self.length > MAX_PRINTED

    @property
    def text(self) -> str:
        return "".join(self.pieces)


class _Pool:
    """Worker processes that share one set of limits."""

    def __init__(self, noun: str, limits: SandboxLimits) -> None:
        self.noun = noun
        self.limits = limits
        self.turns = Turns(limits.workers, max(1, limits.workers // 2))
        self.monty = AsyncMonty(
            min_processes=0,
            max_processes=limits.workers,
            checkout_timeout=_WAIT_SECONDS,
            # The sandbox ends itself at its limit; this is for a worker that hangs.
            request_timeout=limits.seconds + 2,
        )
        self.is_open = False

    async def close(self) -> None:
        if self.is_open:
            self.is_open = False
            await self.monty.__aexit__(None, None, None)

    async def feed(self, who: str, source: str, inputs: Mapping[str, Json], printed: Callable[[str], None]) -> Json:
        """Run `source` once it is the caller's turn."""
        try:
            await self.turns.take(who, 1, _WAIT_SECONDS)
        except TimeoutError:
            raise NodeFailed(self._busy()) from None
        try:
            return await self._feed(source, inputs, printed)
        finally:
            self.turns.give(who, 1)

    async def _feed(self, source: str, inputs: Mapping[str, Json], printed: Callable[[str], None]) -> Json:
        if not self.is_open:
            await self.monty.__aenter__()  # starts no process; doing it twice is harmless
            self.is_open = True
        loop = asyncio.get_running_loop()
        output: _Printed | None = None
        try:
            async with asyncio.timeout(None) as stop:
                output = _Printed(partial(_expire, stop, loop))
                value = await self._result(source, dict(inputs), output)
            if output.is_over:
                raise TimeoutError  # it came with the end of the run
        except (MontyRuntimeError, MontySyntaxError) as error:
            raise self._failed(error, source) from None
        except MontyCrashedError as error:
            failed = TookTooLong(self._took_too_long()) if error.timed_out else NodeFailed(self._crashed())
            raise failed from None
        except MontyError as error:
            raise NodeFailed(f"The {self.noun} could not be run: {str(error)[:300]}") from None
        except TimeoutError:
            raise NodeFailed(self._stopped(output)) from None
        finally:
            if output is not None and output.text:
                printed(output.text)
        return plain(value, f"The result of the {self.noun}")

    async def _result(self, source: str, inputs: dict[str, Json], output: _Printed) -> Any:
        session = self.monty.checkout(
            script_name="code.py",
            limits={
                "max_feed_duration_secs": self.limits.seconds,
                "max_turn_duration_secs": self.limits.seconds,
                "max_memory": self.limits.memory,
                "max_suspensions": 100,
                "max_total_sleep_secs": 0,
            },
            assert_message_annotations=False,
            os_policy={"sleep": "zero"},
        )
        async with session as fresh:
            if self.limits.nice and fresh.worker_pid is not None:
                _stand_back(fresh.worker_pid, self.limits.nice)
            if "round" in source:
                await fresh.feed_run(_ROUND)
            return await fresh.feed_run(source, inputs=inputs, print_callback=output)

    def _failed(self, error: MontyRuntimeError | MontySyntaxError, source: str) -> NodeFailed:
        reason = error.display("type-msg")
        if reason.startswith(("TimeoutError: feed time limit", "TimeoutError: turn time limit")):
            return TookTooLong(self._took_too_long(), is_final=True)
        if reason.startswith("MemoryError: ") and "memory limit" in reason:
            return NodeFailed(self._needed_too_much(), is_final=True)
        frames = error.traceback()
        frames = [frame for frame in frames if frame.filename == frames[0].filename]  # the source's own
        where = f"line {frames[-1].line}: " if frames else ""
        hint = ""
        if _FORGOTTEN_INPUT.search(source):
            hint = " (Nothing in the source is filled in: give what stands in {{ }} a name under inputs.)"
        detail = {"traceback": error.display("traceback")[-_SHOWN_TRACEBACK:]} if len(frames) > 1 else None
        return NodeFailed(f"The {self.noun} failed at {where}{reason[:2_000]}{hint}", detail=detail, is_final=True)

    def _took_too_long(self) -> str:
        return f"The {self.noun} took longer than {self.limits.seconds:g} s and was stopped. Let it do less at a time."

    def _needed_too_much(self) -> str:
        return (
            f"The {self.noun} needed more than {self.limits.memory // _MIB} MiB of memory. Let it hold less at a time."
        )

    def _crashed(self) -> str:
        return f"The process that ran the {self.noun} ended unexpectedly. Other calls are not affected; call again."

    def _stopped(self, output: _Printed | None) -> str:
        if output is not None and output.is_over:
            return f"The {self.noun} printed more than {MAX_PRINTED:,} characters and was stopped. Let it print less."
        return self._busy()

    def _busy(self) -> str:
        return (
            f"No worker for {self.noun} was free for {_WAIT_SECONDS:g} s: one caller has {self.turns.own} of "
            f"{self.turns.size} at most. Call again later, and fewer at a time."
        )


def _expire(stop: asyncio.Timeout, loop: asyncio.AbstractEventLoop) -> None:
    """Let a timeout of `loop` expire, from any thread."""

    def expire() -> None:
        with suppress(RuntimeError):  # what it limits has ended meanwhile
            stop.reschedule(loop.time())

    loop.call_soon_threadsafe(expire)
