"""What a tracked call costs beside the bare SDK, which checks and records nothing: the figures of the README.

    python benchmarks/figures.py
    python benchmarks/figures.py --write

Serves the demo with `manage.py serve`, and beside it an MCP server that is the official SDK and one function
(`_floor.py`). Calls `greet` on both in turn, in both eras, with 1, 16 and 64 clients that each have a connection of
their own, and looks at every answer. FlowHub's data is made in the checkout's folder, so that its disk is the one that
`make run` uses; FLOWHUB_DATABASE_URL names another database.

Prints, of the medians of all rounds, calls a second, their middle duration, and the ratio of both: above 1, FlowHub is
faster. A durable answer waits for the disk, so the cost of that is printed too. `--write` puts the table into
README.md. Ends with status 1 when a ratio is below what is asked.
"""

import argparse
import asyncio
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httptools
import uvloop

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from flowhub import env
from tests.live import ROOT, free_port, live_server, wait_until
from tests.mcp_client import MODERN
from tests.wire import ENVELOPE

HANDSHAKE = "2025-06-18"
ASKED = {1: 1.0, 16: 2.5, 64: 3.5}
"""What calls a second are to be, as a part of the bare SDK's, by the number of clients."""
QUICK_DISK_MS = 0.25
"""One client waits for the disk in every call; where that takes longer, the first of ASKED is not judged."""
QUIET = 0.5
"""The load of the minute before, above which nothing is written: the figures would be of something else."""

ANSWER = b"Hello, Ada! 21"
BEGIN, END = "<!-- figures: benchmarks/figures.py --write -->\n", "<!-- end of figures -->\n"


@dataclass(frozen=True)
class Side:
    """An MCP server that is measured."""

    port: int
    path: str
    key: str = ""

    def request(self, version: str, method: str, message: dict[str, object], session: bytes = b"") -> bytes:
        """A message as it goes over the wire."""
        body = json.dumps({"jsonrpc": "2.0", "method": method} | message).encode()
        lines = [f"POST {self.path} HTTP/1.1", f"Host: 127.0.0.1:{self.port}", f"Content-Length: {len(body)}"]
        lines += ["Content-Type: application/json", "Accept: application/json, text/event-stream"]
        lines += [f"Authorization: Bearer {self.key}"] * bool(self.key)
        if version == MODERN:
            lines += [f"MCP-Protocol-Version: {version}", f"Mcp-Method: {method}", "Mcp-Name: greet"]
        elif session:
            lines += [f"MCP-Protocol-Version: {version}", f"Mcp-Session-Id: {session.decode()}"]
        return "\r\n".join([*lines, "", ""]).encode() + body


class Client(asyncio.Protocol):
    """A client with one connection, which sends a message when the one before is answered."""

    def __init__(self) -> None:
        self.session = self._body = b""
        self._answer: asyncio.Future[bytes] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Nothing was answered so far."""
        self.transport, self._parser = transport, httptools.HttpResponseParser(self)

    def data_received(self, data: bytes) -> None:
        """Part of an answer."""
        self._parser.feed_data(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """Nobody answers any more."""
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(ConnectionError(f"the connection was ended: {exc}"))

    def on_header(self, name: bytes, value: bytes) -> None:
        """The name of a session is all that is of interest."""
        if name.lower() == b"mcp-session-id":
            self.session = value

    def on_body(self, body: bytes) -> None:
        """Part of a body, without its transfer coding."""
        self._body += body

    def on_message_complete(self) -> None:
        """The answer is whole."""
        self._answer.set_result(self._body)

    async def ask(self, request: bytes) -> bytes:
        """The body that comes back; anything but success is an error."""
        self._body, self._answer = b"", asyncio.get_running_loop().create_future()
        self.transport.write(request)
        body = await self._answer
        assert self._parser.get_status_code() in (200, 202), body
        return body


@asynccontextmanager
async def clients_of(side: Side, version: str, number: int) -> AsyncIterator[list[Client]]:
    """So many clients, each with its handshake behind it where the era has one."""
    loop, clients = asyncio.get_running_loop(), []
    info = {"name": "benchmark", "version": "1"}
    hello = {"id": 0, "params": {"protocolVersion": version, "clientInfo": info, "capabilities": {}}}
    try:
        for _ in range(number):
            _, client = await loop.create_connection(Client, "127.0.0.1", side.port)
            clients.append(client)
            if version != MODERN:
                await client.ask(side.request(version, "initialize", hello))
                await client.ask(side.request(version, "notifications/initialized", {}, client.session))
        yield clients
    finally:
        for client in clients:
            client.transport.close()


async def measure(side: Side, version: str, number: int, seconds: float) -> tuple[float, float]:
    """Calls a second, and how long the middle one took in milliseconds."""
    times: list[float] = []
    # The SDK's client numbers its messages too, and an answer carries the number; its length is the same for all.
    params = {"name": "greet", "arguments": {"name": "Ada", "n": 21}}
    params |= {"_meta": ENVELOPE} if version == MODERN else {}

    async def call_until(end: float, client: Client) -> None:
        message = side.request(version, "tools/call", {"id": 100_000_000, "params": params}, client.session)
        before, _, after = message.partition(b"100000000")
        count = 100_000_000
        while (began := time.perf_counter()) < end:
            count += 1
            answer = await client.ask(b"%b%d%b" % (before, count, after))
            times.append(time.perf_counter() - began)
            assert ANSWER in answer, answer
            assert b"%d" % count in answer, answer

    async with clients_of(side, version, number) as clients:
        began = time.perf_counter()
        await asyncio.gather(*(call_until(began + seconds, client) for client in clients))
        return len(times) / (time.perf_counter() - began), statistics.median(times) * 1000


@contextmanager
def floor(folder: Path) -> Iterator[Side]:
    """The bare SDK, served as `manage.py serve` serves FlowHub."""
    port = free_port()
    options = ["--loop", "uvloop", "--http", "httptools", "--log-level", "warning", "--no-access-log"]
    command = [sys.executable, "-m", "uvicorn", "--app-dir", str(ROOT / "benchmarks"), "_floor:application", *options]
    log = folder / "floor.log"
    with log.open("w") as output:
        process = subprocess.Popen([*command, "--port", str(port)], stdout=output, stderr=output)
    try:
        side = Side(port, "/mcp")
        wait_until(lambda: uvloop.run(_listens(side)), 60, lambda: f"the bare SDK did not start:\n{log.read_text()}")
        yield side
    finally:
        process.terminate()
        process.wait(timeout=20)


async def _listens(side: Side) -> bool:
    try:
        async with clients_of(side, MODERN, 1):
            return True
    except ConnectionRefusedError:
        return False


def disk_milliseconds(folder: Path) -> float:
    """What it costs until 4 KiB that are written over others are on the disk: the middle of 300 times."""
    times = []
    with (folder / "disk").open("wb", buffering=0) as file:
        file.write(bytes(1024 * 1024))
        os.fsync(file.fileno())
        for number in range(300):
            began = time.perf_counter()
            file.seek(number % 256 * 4096)
            file.write(os.urandom(4096))
            os.fdatasync(file.fileno())
            times.append(time.perf_counter() - began)
    return statistics.median(times) * 1000


def machine() -> str:
    """Processors and software, for who reads the figures elsewhere."""
    name = "unknown processor"
    with Path("/proc/cpuinfo").open() as lines:
        name = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), name)
    return f"{len(os.sched_getaffinity(0))} cores of {name}, Python {platform.python_version()}"


async def compare(ours: Side, bare: Side, rounds: int, seconds: float) -> list[dict[str, float | str]]:
    """A row for each era and number of clients; both sides in turn, so that a busy machine is busy for both."""
    rows = []
    for version in (HANDSHAKE, MODERN):
        for number in ASKED:
            found: dict[Side, list[tuple[float, float]]] = {ours: [], bare: []}
            for side in found:
                await measure(side, version, number, 1.0)
            for _ in range(rounds):
                for side, measured in found.items():
                    measured.append(await measure(side, version, number, seconds))
            rate, middle = (statistics.median(column) for column in zip(*found[ours], strict=True))
            bare_rate, bare_middle = (statistics.median(column) for column in zip(*found[bare], strict=True))
            pairs = list(zip(found[ours], found[bare], strict=True))
            rows.append(
                {
                    "version": version,
                    "clients": number,
                    "rate": rate,
                    "bare rate": bare_rate,
                    "middle": middle,
                    "bare middle": bare_middle,
                    "ratio": statistics.median(one[0] / other[0] for one, other in pairs),
                    # One client at a time is a matter of how long a call takes.
                    "by middle": statistics.median(other[1] / one[1] for one, other in pairs),
                }
            )
            print(_line(rows[-1]), flush=True)
    return rows


HEAD = (
    "| protocol | clients | calls/s | bare SDK | ratio | p50, ms | bare SDK | ratio |\n"
    "|---|---:|---:|---:|---:|---:|---:|---:|"
)


def _line(row: dict[str, float | str]) -> str:
    return (
        f"| {row['version']} | {row['clients']} | {row['rate']:,.0f} | {row['bare rate']:,.0f} | {row['ratio']:.2f} "
        f"| {row['middle']:.2f} | {row['bare middle']:.2f} | {row['by middle']:.2f} |"
    )


def write(text: str) -> None:
    """Put the text between its two lines in README.md; ValueError when they are not there."""
    page = ROOT / "README.md"
    before, begin, rest = page.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"README.md needs the lines {BEGIN.strip()} and {END.strip()}")
    page.write_text(f"{before}{BEGIN}{text}{END}{after}")


def main() -> None:
    """Measure, print, write when that is wanted, leave nothing behind."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5, help="Of each side, for each era and number of clients.")
    parser.add_argument("--seconds", type=float, default=3.0, help="How long a round takes.")
    parser.add_argument("--write", action="store_true", help="Put the table into README.md.")
    options = parser.parse_args()
    load = os.getloadavg()[0]
    if options.write and load > QUIET:
        sys.exit(
            f"The load is {load:.1f}: the machine is busy, and the figures would say so. Wait until it is {QUIET}."
        )
    url = env.text("FLOWHUB_DATABASE_URL")
    database = "SQLite, `synchronous=FULL`" if url.startswith("sqlite") or not url else "PostgreSQL"
    folder = Path(tempfile.mkdtemp(prefix="figures-", dir=env.private_folder(ROOT / "var")))
    try:
        disk = disk_milliseconds(folder)
        about = (
            f"{time.strftime('%Y-%m-%d')}, {machine()}, {database}; until 4 KiB are on the disk it takes "
            f"{disk:.2f} ms; load before {load:.1f}; {options.rounds} rounds of {options.seconds:g} s, medians."
        )
        print(f"{about}\n\n{HEAD}")
        own = {"FLOWHUB_DATABASE_URL": url} if url else {}
        with live_server(folder, **own) as server, floor(folder) as bare:
            ours = Side(server.port, "/mcp/demo", server.credentials["key"])
            used = time.process_time(), time.perf_counter()
            rows = uvloop.run(compare(ours, bare, options.rounds, options.seconds))
            share = (time.process_time() - used[0]) / (time.perf_counter() - used[1])
            print(f"\nThe clients took {share:.0%} of a core.")
    finally:
        shutil.rmtree(folder)
    if options.write:
        write("\n".join([about, "", HEAD, *map(_line, rows), ""]))
    judged = [(row["by middle" if row["clients"] == 1 else "ratio"], ASKED[row["clients"]], row) for row in rows]
    missed = [
        f"{row['version']} with {row['clients']}: {ratio:.2f} of {asked}"
        for ratio, asked, row in judged
        if ratio < asked and (row["clients"] > 1 or disk <= QUICK_DISK_MS)
    ]
    sys.exit("Below what is asked: " + ", ".join(missed) if missed else 0)


if __name__ == "__main__":
    main()
