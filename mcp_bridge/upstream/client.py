"""Tools of other MCP servers: the SDK's client over guarded connections, a session for each call.

The server is a stranger: its answers are bounded in bytes and time, its output schemas are not run, and nothing but the
node's own headers is sent to it; in particular never the token of who called the flow.
"""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from functools import cache
from typing import Any, TypeVar
from urllib.parse import urlsplit

import httpx2
from django.conf import settings
from mcp import Client
from mcp.client.session import ClientSession
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError
from mcp_types import (
    HEADER_MISMATCH,
    CallToolRequest,
    CallToolRequestParams,
    CallToolResult,
    Implementation,
    InputRequiredResult,
    PaginatedRequestParams,
    Tool,
)
from pydantic import TypeAdapter, ValidationError

from flows.adapters.http_client import MAX_BODY, checked_url, no_answer, outbound_client
from flows.adapters.httpx_transport import GuardedTransport
from flows.engine.errors import NodeFailed
from flows.engine.node import ToolAnswer
from flows.values.http_status import in_words, is_final, retry_after
from mcp_bridge.upstream import drift

MAX_TOOLS = 1_000
"""Tools of another server that are listed."""
_MAX_PAGES = 20
"""Pages of another server's list that are read."""
_SHOWN = 300
_STAND_INS = frozenset({"Server returned an error response", "Not Found", "Session terminated"})
"""What the SDK has a refusal say of which it knows no more than the HTTP status."""
_CALLED: TypeAdapter[CallToolResult | InputRequiredResult] = TypeAdapter(CallToolResult | InputRequiredResult)

T = TypeVar("T")


class UpstreamTools:
    """The engine's ToolCaller."""

    async def call(
        self,
        url: str,
        tool: str,
        arguments: Mapping[str, Any],
        *,
        headers: Mapping[str, str],
        timeout: float,
        schema: Mapping[str, Any] | None = None,
        pinned: Mapping[str, str] | None = None,
    ) -> ToolAnswer:
        """Call a tool; see `flows.engine.node.ToolCaller`."""

        async def work(session: ClientSession) -> ToolAnswer:
            if schema is not None or pinned:
                known = {each.name: each for each in await _listed(session)}
                if tool not in known:
                    names = ", ".join(sorted(known)[:50]) or "none"
                    raise NodeFailed(f"{urlsplit(url).hostname} has no tool {tool!r} any more. It has: {names}.")
                drift.check_pinned(tool, pinned or {}, _as_written(known[tool]))
                if schema is not None:
                    drift.check(tool, arguments, schema, known[tool].input_schema)
            result = await _call(session, tool, arguments)
            if isinstance(result, InputRequiredResult):
                raise NodeFailed(f"The tool {tool!r} asks for more input while it works, which a node cannot give.")
            content = [block.model_dump(by_alias=True, mode="json", exclude_none=True) for block in result.content]
            return ToolAnswer(content, result.structured_content, bool(result.is_error))

        return await _connected(url, headers, timeout, work)

    async def tools(self, url: str, *, headers: Mapping[str, str], timeout: float) -> list[dict[str, Any]]:
        """The tools of a server as MCP writes them; raises NodeFailed when they cannot be had."""

        async def work(session: ClientSession) -> list[dict[str, Any]]:
            return [_as_written(tool) for tool in await _listed(session)]

        return await _connected(url, headers, timeout, work)


async def _connected(
    url: str, headers: Mapping[str, str], timeout: float, work: Callable[[ClientSession], Coroutine[Any, Any, T]]
) -> T:
    """Do `work` in a session with the server; whatever goes wrong is a NodeFailed that a reader understands.

    The SDK reads answers where its client runs, and they may be large: that is an event loop of its own, in a thread.
    """
    session = _in_session(url, headers, timeout, work)
    return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(session, _loop()))


@cache
def _loop() -> asyncio.AbstractEventLoop:
    """The event loop of all sessions with other servers."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="upstream", daemon=True).start()
    return loop


async def _in_session(
    url: str, headers: Mapping[str, str], timeout: float, work: Callable[[ClientSession], Coroutine[Any, Any, T]]
) -> T:
    host = checked_url(url).host
    transport = GuardedTransport(outbound_client())
    try:
        async with asyncio.timeout(timeout), _session(url, headers, transport) as session:
            return await work(session)
    except TimeoutError:
        raise no_answer(host, f"there was no whole answer within {timeout:g} s; raise the timeout") from None
    except NodeFailed:
        raise
    except Exception as error:  # the SDK wraps what its tasks raise in groups, and raises much besides MCPError
        raise transport.failure or _found(error, NodeFailed) or _failure(url, transport, error) from None


@asynccontextmanager
async def _session(url: str, headers: Mapping[str, str], transport: GuardedTransport) -> AsyncIterator[ClientSession]:
    async with (
        httpx2.AsyncClient(transport=transport, headers=dict(headers), timeout=None, trust_env=False) as http,
        Client(
            streamable_http_client(url, http_client=http, max_sse_event_size=MAX_BODY),
            client_info=Implementation(name="flowhub", version=settings.VERSION),
            cache=None,
        ) as client,
    ):
        yield client.session


def _as_written(tool: Tool) -> dict[str, Any]:
    return tool.model_dump(by_alias=True, mode="json", exclude_none=True)


async def _listed(session: ClientSession) -> list[Tool]:
    found: list[Tool] = []
    cursor: str | None = None
    for _ in range(_MAX_PAGES):
        page = await session.list_tools(params=PaginatedRequestParams(cursor=cursor) if cursor else None)
        found += page.tools
        cursor = page.next_cursor
        if cursor is None or len(found) >= MAX_TOOLS:
            break
    return found[:MAX_TOOLS]


async def _call(
    session: ClientSession, tool: str, arguments: Mapping[str, Any]
) -> CallToolResult | InputRequiredResult:
    """Send `tools/call`. Not by `session.call_tool`, which runs the server's output schema on this event loop."""
    request = CallToolRequest(params=CallToolRequestParams(name=tool, arguments=dict(arguments)))
    try:
        return await session.send_request(request, _CALLED)
    except MCPError as error:
        if error.code != HEADER_MISMATCH:
            raise
    # The tool wants arguments in headers too, which its listing tells; what was refused for that has not been done.
    await _listed(session)
    return await session.send_request(request, _CALLED)


def _failure(url: str, transport: GuardedTransport, error: Exception) -> NodeFailed:
    host, refusal = urlsplit(url).hostname, _found(error, MCPError)
    said = f"{refusal.error.message[:_SHOWN]} ({refusal.code})" if refusal is not None else ""
    if transport.status is not None and transport.status >= 400:
        is_known = refusal is None or refusal.error.message in _STAND_INS
        return _refused(str(host), transport.status, transport.retry_after, "" if is_known else said)
    if said:
        return NodeFailed(f"{host} answered with an error: {said}.")
    if _found(error, ValidationError) is not None:
        return NodeFailed(f"{host} gave an answer that MCP does not allow.")
    return NodeFailed(f"The session with {host} failed ({type(error).__name__}).")


def _refused(host: str, status: int, header: str, said: str) -> NodeFailed:
    """What a status means, and what to change; `said` are the server's own words, if it had any for MCP."""
    after = retry_after(header)
    later = "later" if after is None else f"after {after:.0f} s"
    if status in (401, 403):
        cure = "check the node's authentication and its secret"
    elif status == 429:
        cure = f"it takes no more requests now; call again {later}, or less often"
    elif status >= 500:
        cure = f"it failed; call again {later}"
    elif said:
        cure = "it did not take the request"
    else:
        cure = "check that the URL is the address of an MCP server"
    return NodeFailed(
        f"{host} answered {in_words(status)}: {cure}.{said and f' It said: {said}.'}",
        detail={"status": status, "retryAfter": after},
        is_final=is_final(status),
        retry_after=after,
    )


E = TypeVar("E", bound=Exception)


def _found(error: BaseException, kind: type[E]) -> E | None:
    """The first exception of a kind in an exception or the groups that it is made of."""
    if isinstance(error, kind):
        return error
    inner = error.exceptions if isinstance(error, BaseExceptionGroup) else ()
    return next((found for each in inner if (found := _found(each, kind)) is not None), None)
