#!/bin/sh
# Blanks around a header's value are no part of it (RFC 9110, 5.5), and one would expect that an MCP server answers the
# same request alike whichever of its two HTTP parsers uvicorn was installed with. httptools 0.9.0, the one that it
# prefers, leaves blanks at the end of values; h11 0.16.0 takes them off. The server of mcp 2.3.0 compares headers with
# the message, as 2026-07-28 asks, so that a request with `Mcp-Name: greet ` is 400 (-32020, the header does not match)
# by httptools and 200 by h11, under uvicorn 0.54.0.
# Prints what was seen; ends with status 1 when that has changed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-input \
    mcp==2.3.0 uvicorn==0.54.0 httptools==0.9.0 h11==0.16.0
cd "$folder"
cat >served.py <<'PROGRAM'
import mcp_types as types
from mcp.server.lowlevel.server import Server


async def list_tools(context, params):
    return types.ListToolsResult(tools=[types.Tool(name="greet", input_schema={"type": "object"})])


async def call_tool(context, params):
    return types.CallToolResult(content=[types.TextContent(type="text", text="hello")])


app = Server("greeter", on_list_tools=list_tools, on_call_tool=call_tool).streamable_http_app()
PROGRAM
"$folder/venv/bin/python" - <<'PROGRAM'
import json
import socket
import subprocess
import sys
import time

VERSION = "2026-07-28"
META = {f"io.modelcontextprotocol/{name}": value for name, value in
        (("protocolVersion", VERSION), ("clientCapabilities", {}))}
MESSAGE = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "greet", "arguments": {}, "_meta": META}}


def answer(port, blank):
    body = json.dumps(MESSAGE).encode()
    lines = ["POST /mcp HTTP/1.1", f"Host: 127.0.0.1:{port}", "Connection: close", "Content-Type: application/json"]
    lines += ["Accept: application/json, text/event-stream", f"Content-Length: {len(body)}"]
    lines += [f"MCP-Protocol-Version: {VERSION}", "Mcp-Method: tools/call", f"Mcp-Name: greet{blank}"]
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall("\r\n".join([*lines, "", ""]).encode() + body)
        whole = b"".join(iter(lambda: connection.recv(65536), b""))
    status, message = int(whole.split(b" ", 2)[1]), json.loads(whole.rsplit(b"\r\n\r\n", 1)[1])
    return status, message.get("error", {}).get("code")


def served(parser):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "uvicorn", "served:app", "--port", str(port), "--http", parser, "--log-level", "error"]
    server = subprocess.Popen(command)
    try:
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                time.sleep(0.1)
        return [answer(port, ""), answer(port, " ")]
    finally:
        server.terminate()
        server.wait()


seen = {parser: served(parser) for parser in ("httptools", "h11")}
for parser, (plain, blank) in seen.items():
    print(f"{parser:9}: 'Mcp-Name: greet' {plain}, 'Mcp-Name: greet ' {blank}")
sys.exit(seen != {"httptools": [(200, None), (400, -32020)], "h11": [(200, None), (200, None)]})
PROGRAM
