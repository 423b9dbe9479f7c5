"""What to paste into which client to reach a server. Pure: an address in, texts out.

Each client's function names the page of its documentation that says which form is right, as of November 2026.
"""

import json
from dataclasses import dataclass
from typing import Any

from executions.reading.client_programs import ServerAddress, command, curl, header_words, python

FOLDER_PLACEHOLDER = "/path/to/flowhub"
"""Where FlowHub's source lies on the machine of a client that starts a program of it."""


@dataclass(frozen=True, slots=True)
class ClientConfig:
    """One client's way in: its name, where the text goes, the text, how to see that it worked, and what does not work.

    `docs` is the page of the client's documentation.
    """

    id: str
    client: str
    where: str
    text: str
    then: str
    docs: str
    note: str = ""


def configs(address: ServerAddress, tool_name: str) -> list[ClientConfig]:
    """The texts for every client that is known here, for a server and one of its tools."""
    return [
        *(make(address) for make in (_claude_code, _claude_desktop, _claude_desktop_npx, _chatgpt, _vs_code, _cursor)),
        *(_python(address, tool_name), _typescript(address, tool_name), _inspector(address), _curl(address)),
    ]


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


def _with(server: dict[str, Any], headers: dict[str, str]) -> dict[str, Any]:
    return server | ({"headers": headers} if headers else {})


def _claude_code(address: ServerAddress) -> ClientConfig:
    """https://code.claude.com/docs/en/mcp (Installing MCP servers, option 1: a remote HTTP server)"""
    return ClientConfig(
        "claude-code",
        "Claude Code",
        "In a terminal",
        command(
            ["claude", "mcp", "add", "--transport", "http", address.slug, address.url],
            *header_words("--header", address.headers),
        ),
        "/mcp lists the server and its tools.",
        "https://code.claude.com/docs/en/mcp",
    )


def _claude_desktop(address: ServerAddress) -> ClientConfig:
    """https://modelcontextprotocol.io/docs/develop/connect-local-servers (claude_desktop_config.json)

    Remote servers of that file are not connected to, and connectors sign in by OAuth or not at all:
    https://support.claude.com/en/articles/11503834-building-custom-connectors-via-remote-mcp-servers
    """
    environment = {"PYTHONPATH": FOLDER_PLACEHOLDER} | ({"FLOWHUB_KEY": address.key} if address.needs_key else {})
    server = {
        "command": f"{FOLDER_PLACEHOLDER}/.venv/bin/python",
        "args": ["-m", "mcp_bridge.stdio", "--server", address.slug, "--url", address.base],
        "env": environment,
    }
    return ClientConfig(
        "claude-desktop",
        "Claude Desktop",
        "claude_desktop_config.json (Settings, Developer, Edit Config)",
        _json({"mcpServers": {address.slug: server}}),
        f"Put the folder of FlowHub's source in place of {FOLDER_PLACEHOLDER}; on Windows the program is "
        r".venv\Scripts\python.exe. Restart Claude Desktop: the tools stand in its tools menu.",
        "https://modelcontextprotocol.io/docs/develop/connect-local-servers",
        "This file starts local programs only, hence the small one that passes messages on. A custom connector "
        "(Settings, Connectors; also on claude.ai) needs no key: give it the address, and sign in to FlowHub when it "
        "asks. Connectors come from the internet: the address has to be https and reachable from there.",
    )


def _claude_desktop_npx(address: ServerAddress) -> ClientConfig:
    """https://github.com/geelen/mcp-remote#readme (Custom Headers: blanks inside an argument get lost on Windows)"""
    arguments, environment = ["-y", "mcp-remote", address.url], {}
    for name, value in address.headers.items():
        arguments += ["--header", f"{name}:${{FLOWHUB_AUTH}}"]
        environment["FLOWHUB_AUTH"] = value
    server = {"command": "npx", "args": arguments} | ({"env": environment} if environment else {})
    return ClientConfig(
        "claude-desktop-npx",
        "Claude Desktop, without FlowHub's source",
        "claude_desktop_config.json (Settings, Developer, Edit Config)",
        _json({"mcpServers": {address.slug: server}}),
        "Needs Node.js. Restart Claude Desktop: the tools stand in its tools menu.",
        "https://github.com/geelen/mcp-remote#readme",
        "mcp-remote is a program of others. It takes plain http for this machine only, or with --allow-http.",
    )


def _chatgpt(address: ServerAddress) -> ClientConfig:
    """https://developers.openai.com/api/docs/guides/developer-mode (How to use; protocols and authentication)"""
    way = "OAuth" if address.needs_key else "No Authentication"
    lines = {"Name": address.slug, "MCP Server URL": address.url, "Authentication": way}
    note = "ChatGPT connects from the internet: the address has to be https and reachable from there."
    if address.needs_key:
        note = f"ChatGPT sends no key: it opens FlowHub in the browser, where you sign in and let it in. {note}"
    return ClientConfig(
        "chatgpt",
        "ChatGPT",
        "Settings, Apps, Advanced settings: turn on Developer mode; then Create app",
        "\n".join(f"{name}: {value}" for name, value in lines.items()),
        "In a chat, choose Developer mode and the app from the + menu.",
        "https://developers.openai.com/api/docs/guides/developer-mode",
        note,
    )


def _vs_code(address: ServerAddress) -> ClientConfig:
    """https://code.visualstudio.com/docs/copilot/reference/mcp-configuration (HTTP servers; input variables)"""
    headers = address.headers_with("${input:flowhub-key}")
    asked = {"type": "promptString", "id": "flowhub-key", "description": "API key of FlowHub", "password": True}
    inputs = {"inputs": [asked]} if headers else {}
    server = _with({"type": "http", "url": address.url}, headers)
    return ClientConfig(
        "vs-code",
        "VS Code",
        ".vscode/mcp.json",
        _json(inputs | {"servers": {address.slug: server}}),
        "Press Start above the server's name" + ("; VS Code asks for the key and keeps it." if headers else "."),
        "https://code.visualstudio.com/docs/copilot/reference/mcp-configuration",
    )


def _cursor(address: ServerAddress) -> ClientConfig:
    """https://cursor.com/docs/mcp (remote server; config interpolation)"""
    return ClientConfig(
        "cursor",
        "Cursor",
        ".cursor/mcp.json in a project, ~/.cursor/mcp.json for all",
        _json({"mcpServers": {address.slug: _with({"url": address.url}, address.headers)}}),
        "Cursor's settings show the server and its tools.",
        "https://cursor.com/docs/mcp",
        "${env:FLOWHUB_KEY} in place of the key takes it from the environment." if address.needs_key else "",
    )


def _python(address: ServerAddress, tool_name: str) -> ClientConfig:
    """https://py.sdk.modelcontextprotocol.io/ (Client; streamable_http_client with an HTTP client of one's own)"""
    return ClientConfig(
        "python",
        "Python SDK",
        "pip install mcp",
        python(
            address,
            "for tool in (await client.list_tools()).tools:",
            "    print(tool.name, tool.input_schema)",
            f"# result = await client.call_tool({tool_name!a}, {{...}})",
        ),
        "It prints the tools and their parameters.",
        "https://py.sdk.modelcontextprotocol.io/",
    )


TYPESCRIPT = """\
import {{ Client, StreamableHTTPClientTransport }} from "@modelcontextprotocol/client";

const transport = new StreamableHTTPClientTransport(new URL({url}){options});
const client = new Client({{ name: "my-client", version: "1.0.0" }});

await client.connect(transport);
for (const tool of (await client.listTools()).tools) {{
  console.log(tool.name, JSON.stringify(tool.inputSchema));
}}
// const result = await client.callTool({{ name: {tool}, arguments: {{ ... }} }});
await client.close();
"""


def _typescript(address: ServerAddress, tool_name: str) -> ClientConfig:
    """https://ts.sdk.modelcontextprotocol.io/v2/clients/connect (Streamable HTTP; requestInit)"""
    options = f", {{\n  requestInit: {{ headers: {json.dumps(address.headers)} }},\n}}" if address.needs_key else ""
    text = TYPESCRIPT.format(url=json.dumps(address.url), options=options, tool=json.dumps(tool_name))
    return ClientConfig(
        "typescript",
        "TypeScript SDK",
        "npm install @modelcontextprotocol/client",
        text,
        "It prints the tools and their parameters.",
        "https://ts.sdk.modelcontextprotocol.io/v2/clients/connect",
    )


def _inspector(address: ServerAddress) -> ClientConfig:
    """https://github.com/modelcontextprotocol/inspector/blob/main/clients/cli/README.md (options)"""
    return ClientConfig(
        "inspector",
        "MCP Inspector",
        "In a terminal",
        command(
            ["npx", "@modelcontextprotocol/inspector", "--cli", address.url],
            ["--transport", "http", "--method", "tools/list"],
            *header_words("--header", address.headers),
        ),
        "It prints the tools. Without --cli it opens in the browser.",
        "https://github.com/modelcontextprotocol/inspector#readme",
    )


def _curl(address: ServerAddress) -> ClientConfig:
    """https://modelcontextprotocol.io/specification/2025-06-18/basic/transports#streamable-http (sending messages)"""
    call = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "initialize",
        "params": {
            "protocolVersion": "2025-06-18",
            "capabilities": {},
            "clientInfo": {"name": "curl", "version": "1"},
        },
    }
    return ClientConfig(
        "curl",
        "curl",
        "In a terminal",
        curl(address, call),
        "The answer names the server.",
        "https://modelcontextprotocol.io/specification/2025-06-18/basic/transports#streamable-http",
    )
