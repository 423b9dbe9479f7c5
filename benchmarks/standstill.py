"""How long everybody else waits while hostile messages arrive: the longest gap that another client sees.

    python benchmarks/standstill.py
    python benchmarks/standstill.py --only prose "short texts" --json gaps.json

A server process of its own with the demo answers `greet` over and over to one client, in a process of its own too,
while another sends one message after the other. Printed are, of each message, its bytes, the longest wait for `greet`
while it was under way and up to a second after it, how long it took itself, and by how much the server's peak of memory
grew. Ends with status 1 when a gap is longer than allowed. Needs Linux's `/proc`.
"""

import argparse
import http.client
import json
import multiprocessing
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.definitions import answer, chain, node
from tests.live import LiveServer, live_server
from tests.mcp_client import MODERN
from tests.published import published
from tests.wire import ENVELOPE

ALLOWED_MS = 250.0
PATIENCE = 600
QUIET = 1.0
"""Seconds after a message in which what it left behind may still hold others up."""
LARGE = 7_500_000

SECRET = "!!!!canary-4f9a1c77d2e8"
NAMED = {"password": SECRET}


def nested(value: Any, levels: int) -> Any:
    """A value in so many lists, one in the other."""
    for _ in range(levels):
        value = [value]
    return value


ECHO = chain(answer("{{ trigger }}"))
SEVERAL = chain(
    node("first", "set_fields", fields={"all": "{{ trigger }}"}),
    node("second", "set_fields", fields={"all": "{{ first.all }}"}),
    answer("{{ second.all }}"),
)
OBJECT = {"type": "object"}
PATTERNS: dict[str, Any] = {f"^x{at}_[a-z]+$": {} for at in range(400)}
FLOWS: dict[str, dict[str, Any]] = {
    "echo": {"definition": ECHO},
    "several": {"definition": SEVERAL},
    "refuses": {
        "definition": ECHO,
        "inputSchema": {"type": "object", "properties": {"text": {"type": "integer"}}},
    },
    "write_only": {
        "definition": ECHO,
        "inputSchema": {"type": "object", "properties": {"pin": {"type": "string", "writeOnly": True}}},
    },
    "patterns": {"definition": ECHO, "inputSchema": OBJECT | {"patternProperties": PATTERNS}},
    "write_only_patterns": {
        "definition": ECHO,
        "inputSchema": OBJECT | {"patternProperties": {name: {"writeOnly": True} for name in PATTERNS}},
    },
    "differ": {"definition": ECHO, "inputSchema": OBJECT | {"properties": {"list": {"uniqueItems": True}}}},
    "alternatives": {
        "definition": ECHO,
        "inputSchema": OBJECT
        | {
            "properties": {
                "list": {
                    "items": {
                        "anyOf": [{"properties": {"k": {"const": at}}, "required": ["k"]} for at in range(49)],
                    }
                }
            }
        },
    },
    "tree": {
        "definition": ECHO,
        "inputSchema": OBJECT
        | {
            "properties": {"list": {"$ref": "#/$defs/node"}},
            "$defs": {"node": {"anyOf": [{"type": "array", "items": {"$ref": "#/$defs/node"}}, {"type": "integer"}]}},
        },
    },
    "fails": {"definition": chain(node("fail", "fail", message="{{ trigger.text }}"))},
    "template": {"definition": chain(node("text", "template", text="{{ trigger.text }} " * 400), answer("done"))},
}

MESSAGES: dict[str, tuple[str, Callable[[], Any]]] = {
    "backslashes": ("echo", lambda: {"password": "!!!!ab!!", "text": "\\" * 30_000 + "ab"}),
    "backslashes, 7.5 MB": ("echo", lambda: NAMED | {"text": "\\" * (LARGE // 2) + "ab"}),
    "backslashes, refused": ("refuses", lambda: NAMED | {"text": "\\" * (LARGE // 2) + "ab"}),
    "100 values": (
        "echo",
        lambda: {f"p{at}_password": f"{'abcdefgh%' * 22}{at:03}" for at in range(100)} | {"text": "abcdefgh" * 900_000},
    ),
    "quotation marks": (
        "fails",
        lambda: {f"p{at}_password": "abcdef%" * 17 + f"{at}" for at in range(100)} | {"text": '"' * 9_900},
    ),
    "short texts": ("echo", lambda: {"list": [f"x token=value-{at:06}" for at in range(90_000)]}),
    "rows with a key": (
        "several",
        lambda: {"list": [{"id": at, "name": "abc", "key": f"k{at}", "note": "a b"} for at in range(15_000)]},
    ),
    "rows with passwords": ("echo", lambda: {"list": [{"password": f"value-{at:06}"} for at in range(45_000)]}),
    "prose": ("several", lambda: {"text": "People who keep a token in their pocket pick the key up. " * (LARGE // 57)}),
    "names": ("echo", lambda: {"text": "key" * (LARGE // 3)}),
    "names, refused": ("refuses", lambda: {"text": "key" * (LARGE // 3)}),
    "percent signs": ("echo", lambda: NAMED | {"text": "%41" * (LARGE // 3)}),
    "percent signs in an answer": ("write_only", lambda: {"pin": SECRET, "text": "%41" * 1_600_000}),
    "numbers": ("echo", lambda: {"list": list(range(95_000))}),
    "many keys": ("echo", lambda: NAMED | {"map": {f"key{at}": at for at in range(95_000)}}),
    "patterns x 95,000 names": ("patterns", lambda: {f"key{at}": at for at in range(95_000)}),
    "patterns x 2,000 names": ("patterns", lambda: {f"x399_{at}": at for at in range(2_000)}),
    "write-only patterns": ("write_only_patterns", lambda: {f"x399_{at}": at for at in range(1_900)}),
    "long numbers that differ": ("differ", lambda: {"list": [10**30 + at for at in range(70_000)]}),
    "objects that differ": ("differ", lambda: {"list": [{"a": at} for at in range(45_000)]}),
    "alternatives x 45,000": ("alternatives", lambda: {"list": [{"k": 48}] * 45_000}),
    "alternatives x 15,000": ("alternatives", lambda: {"list": [{"k": 48}] * 15_000}),
    "a wrong value deep inside": ("tree", lambda: {"list": nested([*range(90_000), "x"], 30)}),
    "400 holes of 1 MB": ("template", lambda: {"text": "a" * 1_000_000}),
}


class Client:
    """A caller of the demo's tools on a connection that it keeps."""

    def __init__(self, port: int, key: str) -> None:
        self.port, self.key = port, key
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)

    def call(self, tool: str, body: bytes) -> int:
        """Call a tool and read the answer; returns its HTTP status."""
        headers = {
            "Authorization": f"Bearer {self.key}",
            "Accept": "application/json, text/event-stream",
            "Content-Type": "application/json",
            "MCP-Protocol-Version": MODERN,
            "Mcp-Method": "tools/call",
            "Mcp-Name": tool,
        }
        self.connection.request("POST", "/mcp/demo", body, headers)
        answered = self.connection.getresponse()
        answered.read()
        return answered.status


def message(tool: str, arguments: Any) -> bytes:
    """A call as it goes over the wire."""
    params = {"name": tool, "arguments": arguments, "_meta": ENVELOPE}
    return json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}).encode()


def look_on(port: int, key: str, is_over: Event, gap: Any) -> None:
    """Call `greet` until it is over, and keep the longest wait (seconds) in `gap`, which others may set back to 0."""
    client, body = Client(port, key), message("greet", {"name": "Ada", "n": 1})
    while not is_over.is_set():
        began = time.perf_counter()
        client.call("greet", body)
        gap.value = max(gap.value, time.perf_counter() - began)


@contextmanager
def onlooker(port: int, key: str) -> Iterator[Any]:
    """Another client in a process of its own; gives out its longest wait so far."""
    context = multiprocessing.get_context("spawn")
    is_over, gap = context.Event(), context.Value("d", 0.0)
    process = context.Process(target=look_on, args=(port, key, is_over, gap))
    process.start()
    while not gap.value:
        time.sleep(0.1)
    try:
        yield gap
    finally:
        is_over.set()
        process.join(PATIENCE)


def peak_mb(server: LiveServer) -> float:
    """The most memory that the server process has had, in megabytes."""
    assert server.process is not None
    lines = Path(f"/proc/{server.process.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024


def measure(server: LiveServer, gap: Any, only: list[str]) -> dict[str, dict[str, float]]:
    """Send each message and print what it did to the other client."""
    key = server.credentials["key"]
    print(f"{'message':<28}{'bytes':>11}{'gap ms':>9}{'took s':>9}{'memory MB':>11}{'status':>8}")
    found = {}
    for name, (tool, make) in {"nothing": ("greet", lambda: {"name": "Ada"}), **MESSAGES}.items():
        if only and name not in only:
            continue
        body = message(tool, make())
        before, gap.value = peak_mb(server), 0.0
        began = time.perf_counter()
        status = Client(server.port, key).call(tool, body)
        took = time.perf_counter() - began
        time.sleep(QUIET)
        row = {"bytes": len(body), "gap_ms": gap.value * 1000, "seconds": took, "memory_mb": peak_mb(server) - before}
        print(
            f"{name:<28}{len(body):>11,}{row['gap_ms']:>9.0f}{took:>9.2f}{row['memory_mb']:>11.0f}{status:>8}",
            flush=True,
        )
        found[name] = row
    return found


def main() -> None:
    """Start a server, publish what the messages call, measure, take everything away again."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="*", default=[], help="Names of messages.")
    parser.add_argument("--json", type=Path, help="Where the figures go, beside the terminal.")
    options = parser.parse_args()
    data = Path(tempfile.mkdtemp(prefix="flowhub-standstill-"))
    try:
        with (
            live_server(data, FLOWHUB_MAX_ANSWER_BYTES=str(2 * LARGE)) as server,
            published(server, FLOWS),
            onlooker(server.port, server.credentials["key"]) as gap,
        ):
            found = measure(server, gap, options.only)
    finally:
        shutil.rmtree(data)
    if options.json:
        options.json.write_text(json.dumps(found, indent=1))
    sys.exit(0 if all(row["gap_ms"] <= ALLOWED_MS for row in found.values()) else 1)


if __name__ == "__main__":
    main()
