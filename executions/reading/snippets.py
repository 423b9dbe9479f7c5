"""The call that an execution records, to be made once more from elsewhere: in a terminal, in Python, over MCP.

What a caller sent ends up in somebody's terminal, so everything in it is ASCII and quoted.
"""

import json
import shlex
from collections.abc import Callable, Mapping
from typing import Any

from django.conf import settings

from executions.models import Execution
from flows.models import Server

KEY = "YOUR_KEY"
PROTOCOL = "2026-07-28"

PYTHON = """\
import asyncio

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client


async def main() -> None:
    async with (
        httpx2.AsyncClient(headers={headers}) as http,
        Client(streamable_http_client({url}, http_client=http)) as client,
    ):
        result = await client.call_tool({tool}, {arguments})
        print(result.model_dump_json(indent=2))


asyncio.run(main())
"""


def _request(execution: Execution) -> dict[str, Any]:
    """The JSON-RPC message, as a client without a session sends it."""
    about = {
        "io.modelcontextprotocol/protocolVersion": PROTOCOL,
        "io.modelcontextprotocol/clientInfo": {"name": "copied", "version": "1"},
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    params = {"name": execution.flow_tool_name, "arguments": execution.initial_params, "_meta": about}
    return {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}


def _headers(server: Server) -> dict[str, str]:
    return {"Authorization": f"Bearer {KEY}"} if server.access == Server.Access.KEY else {}


def _url(server: Server) -> str:
    return f"{settings.PUBLIC_URL}/mcp/{server.slug}"


def _mcp(execution: Execution, server: Server) -> str:
    return json.dumps(_request(execution), indent=2)


def _curl(execution: Execution, server: Server) -> str:
    headers = _headers(server) | {
        "Content-Type": "application/json",
        "Accept": "application/json, text/event-stream",
        "MCP-Protocol-Version": PROTOCOL,
        "Mcp-Method": "tools/call",
        "Mcp-Name": execution.flow_tool_name,
    }
    words = [f"curl -s {shlex.quote(_url(server))}"]
    words += [f"-H {shlex.quote(f'{name}: {value}')}" for name, value in headers.items()]
    words.append(f"-d {shlex.quote(json.dumps(_request(execution)))}")
    return " \\\n  ".join(words)


def _python(execution: Execution, server: Server) -> str:
    return PYTHON.format(
        headers=ascii(_headers(server)),
        url=ascii(_url(server)),
        tool=ascii(execution.flow_tool_name),
        arguments=ascii(execution.initial_params),
    )


SNIPPETS: Mapping[str, Callable[[Execution, Server], str]] = {"curl": _curl, "python": _python, "mcp": _mcp}
"""By name: from an execution of a flow, and the server of that flow, to text."""
