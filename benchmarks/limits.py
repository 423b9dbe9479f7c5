"""What others notice while somebody takes as much as they can: attacks one after the other, and a client beside them.

    python benchmarks/limits.py
    python benchmarks/limits.py --only "wrong passwords" --seconds 20 --json limits.json
    python benchmarks/limits.py --tree ../flowhub-of-before

A server process of its own answers a client with a key of its own, in a process of its own too, which calls a tool at a
steady pace. A wait that is longer than the pace stands for the calls that would have begun meanwhile too, each of which
would have waited for the rest of it. Printed are, of each attack, the median and the 95th percentile of that client's
waits, how many times those of the same client alone they are, its calls that failed, by how much the database grew, and
what the attacker was answered. Ends with status 1 when a 95th percentile is more than twice that of the client alone.
`--tree` serves another working tree of FlowHub, one of before, to compare with.
"""

import argparse
import http.client
import json
import multiprocessing
import random
import shutil
import statistics
import string
import sys
import tempfile
import threading
import time
import urllib.parse
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests import live
from tests.definitions import answer, chain, node
from tests.live import LiveServer, rest, server_on
from tests.mcp_client import MODERN
from tests.wire import ENVELOPE

ALLOWED = 2.0
PACE = {"greet": 0.05, "adds": 0.5}
"""Seconds from one call of the client to the next, by the tool that it calls."""
PATIENCE = 60.0
CALM = 5
"""So many calls in a row as quick as before say that an attack is over."""
LARGE = 900_000

PREPARE = """
import json
from django.core.management import call_command
call_command("migrate", verbosity=0)
call_command("load_demo", verbosity=0)
from flows.models import Server
from mcp_bridge.models import ApiKey
demo = ApiKey.objects.get(name="demo")
owner = demo.owner
Server.objects.create(owner=owner, slug="open", name="Open", access=Server.Access.PUBLIC)
if hasattr(demo, "scopes"):
    from flows.values.scopes import EVERYTHING
    demo.all_servers, demo.scopes = True, EVERYTHING
    demo.save()
print(json.dumps({name: ApiKey.issue(owner, name)[1] for name in ("client", "attacker")}))
"""


def each(flow: str) -> dict[str, Any]:
    """A definition that calls a flow a hundred times, some at once."""
    step = node("all", "for_each", items=list(range(100)), flow=flow, arguments={}, concurrency=10)
    return chain(step, answer("done"))


FLOWS = {
    "says": chain(answer("{{ trigger }}")),
    "leaf": chain(answer("done")),
    "hundred": each("leaf"),
    "many": each("hundred"),
    "adds": chain(node("code", "code", source="1 + 1"), answer("{{ code }}")),
    "endless": chain(node("code", "code", source="while True: pass"), answer("done")),
}


def call(tool: str, arguments: Any) -> tuple[bytes, dict[str, str]]:
    """The body of a call, and what its head says of it."""
    params = {"name": tool, "arguments": arguments, "_meta": ENVELOPE}
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}).encode()
    media = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}
    return body, media | {"MCP-Protocol-Version": MODERN, "Mcp-Method": "tools/call", "Mcp-Name": tool}


@dataclass
class Caller:
    """A connection to the server, which is made anew when it was lost."""

    port: int
    key: str = ""
    patience: float = PATIENCE

    def __post_init__(self) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=self.patience)

    def send(self, path: str, body: bytes, headers: dict[str, str]) -> tuple[str, bytes]:
        """What came back, in a word, and its body."""
        more = {"Authorization": f"Bearer {self.key}"} if self.key else {}
        try:
            self.connection.request("POST", path, body, headers | more)
            answered = self.connection.getresponse()
            content = answered.read()
        except (OSError, http.client.HTTPException):
            self.connection.close()
            return "none", b""
        failed = b'"isError":true' in content.replace(b" ", b"")
        return f"{answered.status}{' isError' if failed else ''}", content

    def call(self, path: str, tool: str, arguments: Any) -> str:
        """What a call was answered, in a word."""
        return self.send(path, *call(tool, arguments))[0]


# --- The client beside ------------------------------------------------------------------------------------------------


def look_on(port: int, key: str, tool: str, is_over: Any, found: Any) -> None:
    """Call a tool at its pace until it is over; sends the waits (seconds) and the number of failures."""
    path, arguments = ("/mcp/demo", {"name": "Ada", "n": 1}) if tool == "greet" else ("/mcp/open", {})
    caller, waits, failures = Caller(port, key), [], 0
    caller.call(path, tool, arguments)
    pace = PACE[tool]
    while not is_over.is_set():
        began = time.perf_counter()
        failures += caller.call(path, tool, arguments) != "200"
        wait = time.perf_counter() - began
        waits += [wait - pace * passed for passed in range(1 + int(wait / pace))]
        time.sleep(max(0.0, pace - wait))
    found.put((waits, failures))


# --- The attacks ------------------------------------------------------------------------------------------------------


@dataclass
class Attack:
    """Threads that attack until `ends_at` (monotonic seconds), and what they were answered."""

    port: int
    key: str
    ends_at: float
    answers: Counter[str] = field(default_factory=Counter)

    @property
    def goes_on(self) -> bool:
        """Whether there is time for more."""
        return time.monotonic() < self.ends_at

    def side_by_side(self, number: int, work: Callable[[Caller], str], key: str = "", pause: float = 0.0) -> None:
        """So many threads on connections of their own do the work over and over."""

        def run() -> None:
            caller = Caller(self.port, key)
            while self.goes_on:
                self.answers[work(caller)] += 1
                time.sleep(pause)

        threads = [threading.Thread(target=run, daemon=True) for _ in range(number)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(max(0.0, self.ends_at - time.monotonic()) + PATIENCE)


def anonymous_calls(attack: Attack) -> None:
    """Two hundred calls at once without a key, and again as soon as they are answered."""
    while attack.goes_on:
        began = time.monotonic()
        lines = [Caller(attack.port) for _ in range(200)]

        def once(line: Caller) -> None:
            attack.answers[line.call("/mcp/open", "leaf", {})] += 1
            line.connection.close()

        threads = [threading.Thread(target=once, args=(line,), daemon=True) for line in lines]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE)
        time.sleep(max(0.0, 1.0 - (time.monotonic() - began)))


def large_messages(attack: Attack) -> None:
    """Eight streams of messages of 900 kB, without a key."""
    letters = string.ascii_letters + string.digits + " "
    text = "".join(random.Random(7).choices(letters, k=LARGE))
    body, headers = call("says", {"text": text})
    attack.side_by_side(8, lambda caller: caller.send("/mcp/open", body, headers)[0])


def nested_for_each(attack: Attack) -> None:
    """One call without a key that stands for ten thousand."""
    attack.side_by_side(1, lambda caller: caller.call("/mcp/open", "many", {}))


def wrong_passwords(attack: Attack) -> None:
    """Six people who try one password after the other."""

    def guess(caller: Caller) -> str:
        token = "a" * 32
        form = {"username": "admin", "password": f"guess{random.random()}", "csrfmiddlewaretoken": token}
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Cookie": f"csrftoken={token}"}
        return caller.send("/login/", urllib.parse.urlencode(form).encode(), headers)[0]

    attack.side_by_side(6, guess)


def unknown_keys(attack: Attack) -> None:
    """Eight streams of keys that nobody has."""

    def guess(caller: Caller) -> str:
        caller.key = f"fh_{random.random()}"
        return caller.call("/mcp/open", "leaf", {})

    attack.side_by_side(8, guess)


def endless_code(attack: Attack) -> None:
    """Twenty calls at a time of a program that does not end."""
    attack.side_by_side(20, lambda caller: caller.call("/mcp/open", "endless", {}), attack.key)


ATTACKS: dict[str, tuple[str, Callable[[Attack], None]]] = {
    "200 anonymous calls": ("greet", anonymous_calls),
    "8 streams of 900 kB": ("greet", large_messages),
    "nested for_each": ("greet", nested_for_each),
    "wrong passwords": ("greet", wrong_passwords),
    "unknown keys": ("greet", unknown_keys),
    "endless code": ("greet", endless_code),
    "endless code, for code": ("adds", endless_code),
}


def make(attack: str, port: int, key: str, seconds: float, found: Any) -> None:
    """Attack for so long, in a process of its own; sends what was answered."""
    made = Attack(port, key, time.monotonic() + seconds)
    ATTACKS[attack][1](made)
    found.put(made.answers)


# --- Measuring --------------------------------------------------------------------------------------------------------


@dataclass
class Bench:
    """A server under attack."""

    server: LiveServer
    keys: dict[str, str]
    seconds: float

    def __post_init__(self) -> None:
        self.context = multiprocessing.get_context("spawn")
        self.alone: dict[str, dict[str, float]] = {}

    def row(self, name: str, tool: str) -> dict[str, Any]:
        """Look on while the attack goes on, or while nothing does, when no attack has that name."""
        is_over, found, answers = self.context.Event(), self.context.Queue(), self.context.Queue()
        arguments = (self.server.port, self.keys["client"], tool, is_over, found)
        beside = self.context.Process(target=look_on, args=arguments)
        size = self.size()
        beside.start()
        said: Counter[str] = Counter()
        if name in ATTACKS:
            attacker = self.context.Process(
                target=make, args=(name, self.server.port, self.keys["attacker"], self.seconds, answers)
            )
            attacker.start()
            said = answers.get()
            attacker.join()
        else:
            time.sleep(self.seconds)
        is_over.set()
        waits, failures = found.get()
        beside.join()
        cuts = statistics.quantiles(waits, n=20, method="inclusive")
        row = {"p50": cuts[9] * 1000, "p95": cuts[18] * 1000, "longest": max(waits) * 1000, "calls": len(waits)}
        alone = self.alone.setdefault(tool, row)
        ratios = {"p50_ratio": row["p50"] / alone["p50"], "p95_ratio": row["p95"] / alone["p95"]}
        return row | ratios | {"failures": failures, "grown": self.size() - size, "answers": dict(said)}

    def size(self) -> int:
        """Bytes of the database's files."""
        return sum(path.stat().st_size for path in self.server.data.glob("flowhub.sqlite3*"))

    def settle(self) -> None:
        """Wait until the server has done what the attack left behind."""
        caller, calm, until = Caller(self.server.port, self.keys["client"]), 0, time.monotonic() + PATIENCE
        while calm < CALM and time.monotonic() < until:
            began = time.perf_counter()
            caller.call("/mcp/demo", "greet", {"name": "Ada", "n": 1})
            calm = calm + 1 if (time.perf_counter() - began) * 1000 < 2 * self.alone["greet"]["p95"] else 0
            time.sleep(0.2)


def measure(bench: Bench, only: list[str]) -> dict[str, dict[str, Any]]:
    """Make each attack and print what it did to the client beside it."""
    head = f"{'attack':<26}{'p50 ms':>8}{'p95 ms':>8}{'longest':>9}{'p50 x':>7}{'p95 x':>7}{'failed':>8}{'grew MB':>9}"
    print(f"{head}  answers")
    found = {}
    attacks = {name: tool for name, (tool, _) in ATTACKS.items() if not only or name in only}
    tools = ["greet", *([] if set(attacks.values()) <= {"greet"} else ["adds"])]
    for name, tool in {**{f"none: {tool}": tool for tool in tools}, **attacks}.items():
        row = found[name] = bench.row(name, tool)
        answers = ", ".join(f"{number} x {what}" for what, number in sorted(row["answers"].items()))
        print(
            f"{name:<26}{row['p50']:>8.0f}{row['p95']:>8.0f}{row['longest']:>9.0f}{row['p50_ratio']:>7.1f}"
            f"{row['p95_ratio']:>7.1f}{row['failures']:>8}{row['grown'] / 1e6:>9.1f}  {answers}",
            flush=True,
        )
        bench.settle()
    return found


def main() -> None:
    """Start a server with what the attacks call, measure, take everything away again."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="*", default=[], help="Names of attacks.")
    parser.add_argument("--seconds", type=float, default=10.0, help="How long each attack lasts.")
    parser.add_argument("--tree", type=Path, default=live.ROOT, help="The working tree that is served.")
    parser.add_argument("--json", type=Path, help="Where the figures go, beside the terminal.")
    options = parser.parse_args()
    live.ROOT = options.tree.resolve()
    data = Path(tempfile.mkdtemp(prefix="flowhub-limits-"))
    server = server_on(data, FLOWHUB_LOG_LEVEL="ERROR")
    try:
        prepared = server.manage("shell", "-v", "0", "-c", PREPARE)
        keys = json.loads(prepared.stdout.splitlines()[-1])
        server.start("serve", "--port", str(server.port))
        for tool, definition in FLOWS.items():
            said = {"name": tool.capitalize(), "toolName": tool, "toolDescription": "Test.", "server": "open"}
            flow = rest(
                server, "POST", "/api/flows/", said | {"inputSchema": {"type": "object"}, "definition": definition}
            )
            rest(server, "POST", f"/api/flows/{flow['id']}/publish/")
        found = measure(Bench(server, keys, options.seconds), options.only)
    finally:
        server.stop()
        shutil.rmtree(data)
    if options.json:
        options.json.write_text(json.dumps(found, indent=1))
    sys.exit(0 if all(row["p95_ratio"] <= ALLOWED for row in found.values()) else 1)


if __name__ == "__main__":
    main()
