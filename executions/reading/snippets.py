"""The call that an execution records, to be made once more from elsewhere: in a terminal, in Python, over MCP."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from executions.models import Execution
from executions.reading.client_programs import ServerAddress, curl, python
from flows.models import Server

PROTOCOL = "2026-07-28"


def _request(execution: Execution) -> dict[str, Any]:
    """The JSON-RPC message, as a client without a session sends it."""
    about = {
        "io.modelcontextprotocol/protocolVersion": PROTOCOL,
        "io.modelcontextprotocol/clientInfo": {"name": "copied", "version": "1"},
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    params = {"name": execution.flow_tool_name, "arguments": execution.initial_params, "_meta": about}
    return {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}


def _mcp(execution: Execution, server: Server) -> str:
    return json.dumps(_request(execution), indent=2)


def _curl(execution: Execution, server: Server) -> str:
    headers = {
        "MCP-Protocol-Version": PROTOCOL,
        "Mcp-Method": "tools/call",
        "Mcp-Name": execution.flow_tool_name,
    }
    return curl(ServerAddress.of(server), _request(execution), headers)


def _python(execution: Execution, server: Server) -> str:
    return python(
        ServerAddress.of(server),
        f"result = await client.call_tool({execution.flow_tool_name!a}, {execution.initial_params!a})",
        "print(result.model_dump_json(indent=2))",
    )


SNIPPETS: Mapping[str, Callable[[Execution, Server], str]] = {"curl": _curl, "python": _python, "mcp": _mcp}
"""By name: from an execution of a flow, and the server of that flow, to text."""
