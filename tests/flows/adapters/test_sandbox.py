"""What people write as Python runs elsewhere, within limits, and reaches nothing; what it gives back is plain JSON."""

import asyncio
import os
import signal
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from flows.adapters.sandbox import MAX_PRINTED, CodeOf, SandboxedCode, SandboxLimits
from flows.engine.errors import NodeFailed
from tests.live import wait_until

pytestmark = pytest.mark.anyio

NEST = "x = []\nfor i in range(100_000): x = [x]\nreturn x"
TIME = "The code took longer than 0.5 s and was stopped. Let it do less at a time."
MEMORY = "The code needed more than 16 MiB of memory. Let it hold less at a time."
DEEP = "The result of the code is nested deeper than 64 levels."
MANY = "The result of the code holds more than 100,000 values; give back less."
LONG = "The result of the code holds more than 5,242,880 characters of text; give back less."
DIGITS = "The result of the code holds an integer of more than 4,300 digits."
RECURSION = "The code failed at line 1: RecursionError: maximum recursion depth exceeded"
PRINTED = "The code printed more than 65,536 characters and was stopped. Let it print less."


@pytest.fixture
async def sandbox() -> AsyncIterator[SandboxedCode]:
    """With limits that are reached sooner than those of the product."""
    made = SandboxedCode(SandboxLimits(0.05, 8 << 20, 2), SandboxLimits(0.5, 16 << 20, 2))
    yield made
    await made.close()


async def run(sandbox: SandboxedCode, source: str, **inputs: Any) -> Any:
    return await sandbox.run(source, inputs, lambda text: None)


def workers() -> list[int]:
    """The worker processes of this process, dead ones that nobody has waited for included."""
    found = subprocess.run(["ps", "-o", "pid=,comm=", "--ppid", str(os.getpid())], capture_output=True, text=True)
    return [int(line.split()[0]) for line in found.stdout.splitlines() if "monty" in line]


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("1 + 1", 2),
        ("x = 3", None),
        ("if a > 1:\n    return 'big'\n'small'", "big"),
        ("def double(n):\n    return 2 * n\n[double(n) for n in range(a)]", [0, 2, 4, 6, 8]),
        ("(1, (None, True))", [1, [None, True]]),
        ("{3, 1, 2}", [1, 2, 3]),
        ("{1: 'a', None: 'b', 2.5: 'c'}", {"1": "a", "null": "b", "2.5": "c"}),
        ("[float('nan'), float('inf'), 1.5]", [None, None, 1.5]),
        ("b'abc'", "YWJj"),
        ("import datetime\ndatetime.date(2026, 1, 2)", "2026-01-02"),
        ("import decimal\ndecimal.Decimal('1.10')", "1.10"),
        ("2 ** 200", 2**200),
        ("import json, re, math\nmath.floor(json.loads(re.findall('[0-9.]+', 'a 2.5')[0]))", 2),
        ("x = []\nx.append(x)\nx", ["[...]"]),
    ],
)
async def test_a_program_gives_back_plain_json(sandbox: SandboxedCode, source: str, value: Any) -> None:
    assert await run(sandbox, source, a=5) == value


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("x = 1\ny = x / 0", "The code failed at line 2: ZeroDivisionError: division by zero"),
        ("x = (\n", "The code failed at line 2: SyntaxError: unexpected EOF while parsing"),
        ("raise ValueError('Give an order number.')", "The code failed at line 1: ValueError: Give an order number."),
        ("\n\nmissing", "The code failed at line 3: NameError: name 'missing' is not defined"),
        ("raise SystemExit", "The code failed at line 1: SystemExit"),
        (
            "{{ trigger.x }}",
            "The code failed at line 1: NameError: name 'trigger' is not defined "
            "(Nothing in the source is filled in: give what stands in {{ }} a name under inputs.)",
        ),
        ("print", "The result of the code holds StdTypeProxy 'print', which is not JSON."),
        ("{1: 'a', '1': 'b'}", "The result of the code has two keys that are both '1' as text."),
        ("{(1, 2): 3}", "The result of the code has a key that is tuple; keys are text."),
    ],
)
async def test_a_failure_names_the_line_and_the_reason(sandbox: SandboxedCode, source: str, message: str) -> None:
    with pytest.raises(NodeFailed) as caught:
        await run(sandbox, source)
    assert caught.value.message == message


async def test_a_failure_in_a_function_shows_the_way_there(sandbox: SandboxedCode) -> None:
    with pytest.raises(NodeFailed) as caught:
        await run(sandbox, "def half(n):\n    return n / 0\n\nhalf(2)")
    assert caught.value.message == "The code failed at line 2: ZeroDivisionError: division by zero"
    assert isinstance(caught.value.detail, dict)
    assert [line for line in caught.value.detail["traceback"].splitlines() if "line" in line] == [
        '  File "<python-input-0>", line 4, in <module>',
        '  File "<python-input-0>", line 2, in half',
    ]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("while True: pass", TIME),
        ("sum(range(10 ** 10))", TIME),
        ("import math\nmath.factorial(10 ** 6)", TIME),
        ("'a' * 10 ** 10", MEMORY),
        ("[0] * 10 ** 10", MEMORY),
        ("2 ** (10 ** 10)", MEMORY),
        ("x = 'a'\nwhile True: x += x", MEMORY),
        ("list(range(10 ** 6))", MEMORY),
        ("'x' * 15_000_000", MEMORY),
        (
            "def f(n): return f(n + 1)\nf(0)",
            "The code failed at line 1: RecursionError: maximum recursion depth exceeded",
        ),
        ("(" * 50_000, "The code failed at line 1: SyntaxError: Source is too deeply nested"),
        ("1" + "+1" * 40_000, "The code failed at line 1: SyntaxError: Source is too deeply nested"),
        ("while True: print('x' * 100)", PRINTED),
        ("print('x' * 100_000)", PRINTED),
        (NEST, DEEP),
        ("x = {}\nfor i in range(50_000): x = {'a': x}\nreturn x", DEEP),
        ("x = ()\nfor i in range(50_000): x = (x,)\nreturn x", DEEP),
        ("x = frozenset()\nfor i in range(20_000): x = frozenset([x])\nreturn x", DEEP),
        ("x = [0] * 10_000\n[x] * 10_000", MANY),
        ("x = 'x' * 1_000_000\n[x] * 1000", LONG),
        ("x = b'x' * 6_000_000\nx", LONG),
        ("10 ** 5000", DIGITS),
        ("{10 ** 5000: 1}", DIGITS),
    ],
)
async def test_a_bomb_ends_as_a_failure_that_names_its_limit(sandbox: SandboxedCode, source: str, message: str) -> None:
    with pytest.raises(NodeFailed) as caught:
        await run(sandbox, source)
    assert caught.value.message == message
    assert await run(sandbox, "1 + 1") == 2


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("open('/etc/passwd').read()", "PermissionError: Permission denied: '/etc/passwd'"),
        ("open('/tmp/x', 'w')", "PermissionError: Permission denied: '/tmp/x'"),
        ("import pathlib\npathlib.Path('/proc/self/environ').read_text()", "PermissionError: Permission denied"),
        ("import os\nos.environ", "RuntimeError: 'os.environ' is not supported in this environment"),
        ("import os\nos.listdir('/')", "PermissionError: Permission denied: '/'"),
        ("import os\nos.system('id')", "AttributeError: module 'os' has no attribute 'system'"),
        ("import socket", "ModuleNotFoundError: No module named 'socket'"),
        ("import subprocess", "ModuleNotFoundError: No module named 'subprocess'"),
        ("import django", "ModuleNotFoundError: No module named 'django'"),
        ("__import__('os')", "NameError: name '__import__' is not defined"),
        ("().__class__.__bases__[0].__subclasses__()", "AttributeError: 'tuple' object has no attribute '__class__'"),
        ("(lambda: 0).__globals__", "AttributeError: 'function' object has no attribute '__globals__'"),
        ("'{0.__class__}'.format(1)", "AttributeError: 'int' object has no attribute '__class__'"),
        ("getattr(1, '__cla' + 'ss__')", "AttributeError: 'int' object has no attribute '__class__'"),
        ("exec('import ctypes')", "ModuleNotFoundError: No module named 'ctypes'"),
        ("input()", "NameError: name 'input' is not defined"),
    ],
)
async def test_there_is_no_way_out(sandbox: SandboxedCode, source: str, reason: str) -> None:
    with pytest.raises(NodeFailed) as caught:
        await run(sandbox, source)
    assert reason in caught.value.message


async def test_prints_are_collected_up_to_the_limit_and_never_reach_the_servers_output(
    sandbox: SandboxedCode, capfd: pytest.CaptureFixture[str]
) -> None:
    printed: list[str] = []
    assert await sandbox.run("print('a', 1)\nprint('b')\nreturn 3", {}, printed.append) == 3
    with pytest.raises(NodeFailed):
        await sandbox.run("print('before')\n1 / 0", {}, printed.append)
    with pytest.raises(NodeFailed):
        await sandbox.run("while True: print('x')", {}, printed.append)
    assert await sandbox.run("4", {}, printed.append) == 4
    assert printed == ["a 1\nb\n", "before\n", "x\n" * (MAX_PRINTED // 2)]
    assert capfd.readouterr() == ("", "")


async def test_sleeping_takes_no_time(sandbox: SandboxedCode) -> None:
    async with asyncio.timeout(5):
        source = "import time, asyncio\ntime.sleep(1000)\nawait asyncio.sleep(1000)\nreturn 'awake'"
        assert await run(sandbox, source) == "awake"


async def test_nothing_is_left_for_the_next_run(sandbox: SandboxedCode) -> None:
    assert await run(sandbox, "secret = 'mine'\nsecret") == "mine"
    with pytest.raises(NodeFailed, match="name 'secret' is not defined"):
        await run(sandbox, "secret")


@pytest.mark.parametrize("given", [{"a": "\ud800"}, {"not a name": 1}, {"class": 1}])
async def test_inputs_that_cannot_cross_are_failures(sandbox: SandboxedCode, given: Any) -> None:
    with pytest.raises(NodeFailed, match=r"^The code failed at "):
        await sandbox.run("1", given, lambda text: None)


async def test_an_expression_has_limits_of_its_own(sandbox: SandboxedCode) -> None:
    assert await sandbox.evaluate("status == 200 and len(items) > 1", {"status": 200, "items": [1, 2]}) is True
    with pytest.raises(NodeFailed) as caught:
        await sandbox.evaluate("sum(range(10 ** 10))", {})
    assert caught.value.message == "The expression took longer than 0.05 s and was stopped. Let it do less at a time."


async def test_bombs_hold_up_neither_expressions_nor_the_event_loop(sandbox: SandboxedCode) -> None:
    bombs = [asyncio.create_task(run(sandbox, "while True: pass")) for _ in range(4)]
    answered = 0
    while not all(bomb.done() for bomb in bombs):
        assert await sandbox.evaluate("1 + 1", {}) == 2
        answered += 1
    assert answered > 20
    assert [str(bomb.exception()) for bomb in bombs] == [TIME] * 4


async def test_endless_programs_of_one_caller_do_not_hold_up_those_of_another(sandbox: SandboxedCode) -> None:
    many, other = CodeOf(sandbox, "key:1"), CodeOf(sandbox, "key:2")
    bombs = [asyncio.create_task(many.run("while True: pass", {}, print)) for _ in range(4)]
    await asyncio.sleep(0)
    assert await other.run("1 + 1", {}, print) == 2
    assert not any(bomb.done() for bomb in bombs)
    assert [str(each) for each in await asyncio.gather(*bombs, return_exceptions=True)] == [TIME] * 4


async def test_who_finds_no_worker_free_is_told_how_many_one_caller_has(
    sandbox: SandboxedCode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flows.adapters.sandbox._WAIT_SECONDS", 0.05)
    bomb = asyncio.create_task(run(sandbox, "while True: pass"))
    await asyncio.sleep(0)
    with pytest.raises(NodeFailed) as caught:
        await run(sandbox, "1 + 1")
    assert caught.value.message == (
        "No worker for code was free for 0.05 s: one caller has 1 of 2 at most. Call again later, and fewer at a time."
    )
    with pytest.raises(NodeFailed, match=r"^The code took longer"):
        await bomb


async def test_a_worker_that_dies_fails_its_run_and_is_replaced(sandbox: SandboxedCode) -> None:
    before = set(workers())
    running = asyncio.create_task(run(sandbox, "while True: pass"))
    while not (mine := set(workers()) - before):
        await asyncio.sleep(0)
    for pid in mine:
        os.kill(pid, signal.SIGKILL)
    with pytest.raises(NodeFailed, match=r"^The process that ran the code ended unexpectedly\."):
        await running
    assert await run(sandbox, "1 + 1") == 2


async def test_programs_give_way_to_the_process_that_answers_everybody() -> None:
    before, made = set(workers()), SandboxedCode()
    running = asyncio.create_task(run(made, "while True: pass"))
    own = os.getpriority(os.PRIO_PROCESS, 0)

    def nice() -> set[int]:
        """That of every thread of the worker, of the one that computes too."""
        threads = [int(each.name) for pid in set(workers()) - before for each in Path(f"/proc/{pid}/task").iterdir()]
        return {os.getpriority(os.PRIO_PROCESS, each) for each in threads}

    async with asyncio.timeout(20):
        while nice() != {min(own + 5, 19)}:
            await asyncio.sleep(0.01)
    running.cancel()
    await asyncio.wait({running})
    await made.close()


async def test_a_run_that_is_cancelled_frees_its_worker(sandbox: SandboxedCode) -> None:
    for _ in range(4):
        running = asyncio.create_task(run(sandbox, "while True: pass"))
        await asyncio.sleep(0.02)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
    assert await run(sandbox, "1 + 1") == 2


async def test_no_process_starts_before_the_first_run_and_none_is_left_after_closing() -> None:
    before = set(workers())
    sandbox = SandboxedCode()
    assert set(workers()) == before
    assert await run(sandbox, "1 + 1") == 2
    assert len(set(workers()) - before) == 1
    await sandbox.close()
    wait_until(lambda: not set(workers()) - before, 5, "a worker is left")


def test_it_serves_several_event_loops() -> None:
    sandbox = SandboxedCode()
    assert [asyncio.run(run(sandbox, "1 + 1")) for _ in range(3)] == [2, 2, 2]
    asyncio.run(sandbox.close())
