"""Calls in great number, and the truth about them: what was sent, what was answered, what is recorded."""

import asyncio
import itertools
import json
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

import httpx2

from tests.faults.databases import Database, Row, counters, recounted, rows
from tests.live import LiveServer
from tests.mcp_client import LEGACY, MODERN

LEGACY_VERSION = "2025-11-25"
_META = "io.modelcontextprotocol/"
_MEDIA = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: a result, a result or error that says that the call failed, or a refusal by HTTP status."""

    kind: Literal["ok", "error", "refused"]
    text: str = ""
    execution_id: str | None = None
    status: int = 200
    retry_after: str | None = None


@dataclass(slots=True)
class Call:
    """One call; `answer` stays None when the connection ended without one."""

    client: str
    tool: str
    arguments: dict[str, Any]
    answer: Answer | None = None
    answered_at: float = 0.0
    """By the monotonic clock."""

    @property
    def key(self) -> tuple[str, str, str]:
        """What tells it from every other call; see Row.key."""
        return self.client, self.tool, json.dumps(self.arguments, sort_keys=True)

    @property
    def kind(self) -> str | None:
        """The kind of its answer; None without one."""
        return self.answer.kind if self.answer else None


class Truth:
    """Every call of a test."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self._numbers = itertools.count(1)

    def number(self) -> int:
        """A number that no other call has."""
        return next(self._numbers)

    def add(self, client: str, tool: str, arguments: dict[str, Any]) -> Call:
        """Note a call before it is sent."""
        call = Call(client, tool, arguments)
        self.calls.append(call)
        return call

    @property
    def answered(self) -> int:
        """How many calls were answered with a result or an error."""
        return sum(call.kind in ("ok", "error") for call in self.calls)

    @property
    def longest_gap(self) -> float:
        """The most seconds in which no call was answered with a result, though some were before and after."""
        moments = sorted(call.answered_at for call in self.calls if call.kind == "ok")
        return max((later - earlier for earlier, later in itertools.pairwise(moments)), default=0.0)


Choice = tuple[str, dict[str, Any]]


def greet(number: int) -> Choice:
    """A call that takes a millisecond."""
    return "greet", {"name": f"caller {number}", "n": number}


def misfit(number: int) -> Choice:
    """A call whose arguments break the schema."""
    return "greet", {"name": f"caller {number}", "n": "x"}


def slow(number: int, seconds: float, tool: str = "slow_report") -> Choice:
    """A call that takes twice `seconds`, and a little that makes it different from all others."""
    return tool, {"seconds": round(seconds, 3) + number / 1e7}


def lookup(number: int) -> Choice:
    """A call that makes an HTTP request; only a modern caller can tell one from another."""
    return "lookup_order", {"order_id": "A-10481" if number % 2 else f"A-{number}"}


# --- Calling ----------------------------------------------------------------------------------------------------------


class Caller:
    """A client of one server in one era. It never raises: a broken connection is a call without an answer."""

    def __init__(self, truth: Truth, http: httpx2.AsyncClient, server: LiveServer, era: str = MODERN) -> None:
        self.truth = truth
        self.http = http
        self.server = server
        self.era = era
        self.name = f"session {truth.number()}"
        self.key = server.credentials["key"]
        self._session: str | None = None

    async def call(self, choice: Choice) -> Call:
        """Call a tool and note what came back."""
        tool, arguments = choice
        number = self.truth.number()
        if self.era == LEGACY and self._session is None and not await self._open():
            return Call(self.name, tool, arguments)
        client = self.name if self.era == LEGACY else f"call {number}"
        call = self.truth.add(client, tool, arguments)
        params = {"name": tool, "arguments": arguments}
        if self.era == MODERN:
            params["_meta"] = {
                _META + "protocolVersion": MODERN,
                _META + "clientInfo": {"name": client, "version": "1"},
                _META + "clientCapabilities": {},
            }
        call.answer = await self._post({"id": number, "method": "tools/call", "params": params})
        call.answered_at = time.monotonic()
        if call.answer is None or call.answer.kind == "refused":
            self._session = None
        return call

    async def _open(self) -> bool:
        """The handshake of the legacy era."""
        info = {"name": self.name, "version": "1"}
        hello = {"protocolVersion": LEGACY_VERSION, "clientInfo": info, "capabilities": {}}
        try:
            answer = await self._send({"id": 0, "method": "initialize", "params": hello})
            if answer.status_code != 200:
                return False
            self._session = answer.headers["mcp-session-id"]
            return (await self._send({"method": "notifications/initialized"})).status_code == 202
        except httpx2.HTTPError:
            return False

    def headers(self) -> dict[str, str]:
        """What goes with every message of this client."""
        headers = _MEDIA | {"Authorization": f"Bearer {self.key}"}
        if self._session is not None:
            headers |= {"MCP-Protocol-Version": LEGACY_VERSION, "Mcp-Session-Id": self._session}
        return headers

    async def _send(self, message: dict[str, Any]) -> httpx2.Response:
        headers = self.headers()
        if self.era == MODERN:
            name = message["params"]["name"]
            headers |= {"MCP-Protocol-Version": MODERN, "Mcp-Method": message["method"], "Mcp-Name": name}
        body = json.dumps({"jsonrpc": "2.0"} | message)
        return await self.http.post(f"{self.server.url}/mcp/demo", content=body, headers=headers)

    async def _post(self, message: dict[str, Any]) -> Answer | None:
        try:
            return read(await self._send(message))
        except httpx2.HTTPError:
            return None


def read(response: httpx2.Response) -> Answer | None:
    """The answer in a response; None when an event stream ended without one."""
    message = _message(response)
    if message is None:
        return None
    error = message.get("error", {})
    id_of_error = (error.get("data") or {}).get("flowhub/executionId")
    # An unknown tool is an error of the protocol: HTTP 400 in the modern era, and recorded in both.
    if response.status_code != 200 and id_of_error is None:
        retry = response.headers.get("retry-after")
        return Answer("refused", response.text[:200], status=response.status_code, retry_after=retry)
    if error:
        return Answer("error", error["message"], id_of_error)
    result = message["result"]
    text = "\n".join(block["text"] for block in result["content"])
    kind: Literal["ok", "error"] = "error" if result["isError"] else "ok"
    return Answer(kind, text, result.get("_meta", {}).get("flowhub/executionId"))


def _message(response: httpx2.Response) -> dict[str, Any] | None:
    if not response.headers.get("content-type", "").startswith("text/event-stream"):
        is_json = response.headers.get("content-type", "").startswith("application/json")
        return dict(response.json()) if is_json else {"error": {"message": response.text[:200]}}
    lines = [line for line in response.text.splitlines() if line.startswith("data: {")]
    return json.loads(lines[-1].removeprefix("data: ")) if lines else None


@dataclass
class Crowd:
    """Callers of any number of servers, and the tasks in which they call."""

    truth: Truth
    http: httpx2.AsyncClient
    tasks: list[asyncio.Task[Any]] = field(default_factory=list)

    def caller(self, server: LiveServer, era: str = MODERN) -> Caller:
        """A new client."""
        return Caller(self.truth, self.http, server, era)

    def send(self, server: LiveServer, choice: Callable[[int], Choice], number: int = 1) -> list[asyncio.Task[Call]]:
        """Start calls, each by a client of its own, one half in each era."""
        started = []
        for place in range(number):
            caller = self.caller(server, (MODERN, LEGACY)[place % 2])
            started.append(asyncio.create_task(caller.call(choice(self.truth.number()))))
        self.tasks += started
        return started

    def stream(self, caller: Caller, choice: Callable[[int], Choice]) -> asyncio.Task[None]:
        """Call one after the other until the task is cancelled; what is under way then stays unanswered."""

        async def calls() -> None:
            while True:
                call = await caller.call(choice(self.truth.number()))
                if call.kind in (None, "refused"):
                    # The server is away: asking it without a pause would only burn processor time.
                    await asyncio.sleep(0.25)

        task = asyncio.create_task(calls())
        self.tasks.append(task)
        return task


@asynccontextmanager
async def crowd() -> AsyncIterator[Crowd]:
    """A crowd whose calls have all ended when the block is left."""
    limits = httpx2.Limits(max_connections=500, max_keepalive_connections=100)
    async with httpx2.AsyncClient(timeout=httpx2.Timeout(90), limits=limits) as http:
        gathered = Crowd(Truth(), http)
        try:
            yield gathered
        finally:
            for task in gathered.tasks:
                task.cancel()
            await asyncio.gather(*gathered.tasks, return_exceptions=True)


async def until(condition: Callable[[], Any], seconds: float = 20.0, what: Any = "") -> None:
    """Ask in a thread, again and again, until `condition()` is true."""
    try:
        async with asyncio.timeout(seconds):
            while not await asyncio.to_thread(condition):
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise AssertionError(f"not so after {seconds:g} s: {what() if callable(what) else what}") from None


# --- Comparing --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is wrong: answered calls without a record, and records that disagree with an answer or with themselves."""

    calls: int
    answered: int
    recorded: int
    lost: tuple[str, ...]
    false: tuple[str, ...]

    def __str__(self) -> str:
        return (
            f"{self.calls} calls, {self.answered} answered, {self.recorded} recorded, "
            f"{len(self.lost)} lost, {len(self.false)} false"
        )


def check(truth: Truth, found: list[Row]) -> Verdict:
    """Compare every call with the records (invariants I1 to I4); nothing may run any more."""
    by_key: dict[tuple[str, str, str], list[Row]] = defaultdict(list)
    for row in found:
        by_key[row.key].append(row)
    lost, false = [], [fault for row in found for fault in _faults_of(row)]
    for call in truth.calls:
        its_rows = by_key.pop(call.key, [])
        if not its_rows and call.answer and (call.kind == "ok" or call.answer.execution_id):
            lost.append(f"{call.key} was answered {call.answer} and has no record")
        if len(its_rows) > 1:
            false.append(f"{call.key} is recorded {len(its_rows)} times")
        false += [fault for row in its_rows for fault in _disagreements(call, row)]
    false += [f"nobody sent {key}" for key in by_key]
    return Verdict(len(truth.calls), truth.answered, len(found), tuple(lost), tuple(false))


def _faults_of(row: Row) -> list[str]:
    """What an ended record must be, whoever ended it."""
    if row.status == "pending":
        return [f"{row.key} is still pending"]
    faults = []
    if row.ended_at is None or row.ended_at < row.started_at:
        faults.append(f"{row.key} ended at {row.ended_at} and started at {row.started_at}")
    if row.status == "fulfilled" and (row.error is not None or row.result is None):
        faults.append(f"{row.key} is fulfilled with error {row.error} and result {row.result}")
    if row.status == "error" and not (row.error and row.error["message"] and row.error["kind"] == row.error_kind):
        faults.append(f"{row.key} failed without saying why: {row.error}")
    return faults


def _disagreements(call: Call, row: Row) -> list[str]:
    answer = call.answer
    if answer is None:
        return []
    if answer.kind == "refused":
        return [f"{call.key} was refused with HTTP {answer.status} and yet ran: {row.status}"]
    expected = "fulfilled" if answer.kind == "ok" else "error"
    faults = []
    if row.status != expected:
        faults.append(f"{call.key} was answered {answer} and is recorded as {row.status} {row.error_kind}")
    if answer.execution_id not in (None, row.id):
        faults.append(f"{call.key} was answered with the id {answer.execution_id} and recorded as {row.id}")
    if answer.kind == "ok" and answer.text != "\n".join(block["text"] for block in row.result["content"]):
        faults.append(f"{call.key} was answered {answer.text!r} and recorded as {row.result}")
    if answer.kind == "ok" and not _is_its_own(call, answer.text):
        faults.append(f"{call.key} got another call's answer: {answer.text!r}")
    return faults


def _is_its_own(call: Call, text: str) -> bool:
    if call.tool == "greet":
        return text == "Hello, {name}! {n}".format(**call.arguments)
    if call.tool == "lookup_order":
        return bool(json.loads(text)["id"] == call.arguments["order_id"])
    return bool(json.loads(text)["seconds"] == call.arguments["seconds"])


def prove(truth: Truth, database: Database, *, counted: bool = True) -> Verdict:
    """Check everything that was called; fails with what was lost or is false. Nothing may run any more."""
    found = rows(database)
    verdict = check(truth, found)
    assert not verdict.lost, "\n".join(verdict.lost[:10])
    assert not verdict.false, "\n".join(verdict.false[:10])
    if counted:
        assert counters(database) == recounted(found)
    return verdict
