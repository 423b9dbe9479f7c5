"""What to paste into which client to reach a server. Pure: an address in, texts out.

A client that can sign in is shown the way without a key first: there is nothing to copy, to keep and to take back.
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

    `docs` is the page of the client's documentation. Of a client that signs in where a key is needed, `key_text` is the
    text with a key, and `key_then` what to do with that one.
    """

    id: str
    client: str
    where: str
    text: str
    then: str
    docs: str
    note: str = ""
    key_text: str = ""
    key_then: str = ""


def configs(address: ServerAddress, tool_name: str) -> list[ClientConfig]:
    """The texts for every client that is known here, for a server and one of its tools."""
    return [
        *(make(address) for make in (_claude_code, _claude, _chatgpt, _vs_code, _cursor)),
        *(_claude_desktop(address), _claude_desktop_npx(address)),
        *(_python(address, tool_name), _typescript(address, tool_name), _inspector(address), _curl(address)),
    ]


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


def _claude_code(address: ServerAddress) -> ClientConfig:
    """https://code.claude.com/docs/en/mcp (Installing MCP servers, option 1; Authenticate with remote MCP servers)"""
    words = ["claude", "mcp", "add", "--transport", "http", address.slug, address.url]
    return ClientConfig(
        "claude-code",
        "Claude Code",
        "In a terminal",
        command(words),
        "/mcp lists the server and its tools"
        + ("; Authenticate there opens FlowHub in the browser, where you let it in." if address.needs_key else "."),
        "https://code.claude.com/docs/en/mcp",
        key_text=command(words, *header_words("--header", address.headers)) if address.needs_key else "",
        key_then="/mcp lists the server and its tools.",
    )


def _claude(address: ServerAddress) -> ClientConfig:
    """https://support.claude.com/en/articles/11503834-building-custom-connectors-via-remote-mcp-servers"""
    connect = "Press Connect: FlowHub opens in the browser, where you let it in. " if address.needs_key else ""
    return ClientConfig(
        "claude",
        "Claude (web, Desktop, mobile)",
        "Settings, Connectors, Add custom connector",
        f"Name: {address.slug}\nRemote MCP server URL: {address.url}",
        f"{connect}The tools stand in the tools menu of a chat.",
        "https://support.claude.com/en/articles/11503834-building-custom-connectors-via-remote-mcp-servers",
        "Claude connects from the internet: the address has to be https and reachable from there. It sends no key.",
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
        "Claude Desktop, with a program of FlowHub",
        "claude_desktop_config.json (Settings, Developer, Edit Config)",
        _json({"mcpServers": {address.slug: server}}),
        f"Put the folder of FlowHub's source in place of {FOLDER_PLACEHOLDER}; on Windows the program is "
        r".venv\Scripts\python.exe. Restart Claude Desktop: the tools stand in its tools menu.",
        "https://modelcontextprotocol.io/docs/develop/connect-local-servers",
        "This file starts local programs only, hence the small one that passes messages on. It is the way to a FlowHub "
        "that the internet does not reach.",
    )


def _claude_desktop_npx(address: ServerAddress) -> ClientConfig:
    """https://github.com/geelen/mcp-remote#readme (Custom Headers: blanks inside an argument get lost on Windows)"""
    arguments, environment = ["-y", "mcp-remote", address.url], {}
    for name, value in address.headers.items():
        arguments += ["--header", f"{name}:${{FLOWHUB_AUTH}}"]
        environment["FLOWHUB_AUTH"] = value

    def text(server: dict[str, Any]) -> str:
        return _json({"mcpServers": {address.slug: {"command": "npx"} | server}})

    restart = "Needs Node.js. Restart Claude Desktop: the tools stand in its tools menu."
    signs_in = " FlowHub opens in the browser first, where you let it in." if address.needs_key else ""
    return ClientConfig(
        "claude-desktop-npx",
        "Claude Desktop, with mcp-remote",
        "claude_desktop_config.json (Settings, Developer, Edit Config)",
        text({"args": arguments[:3]}),
        restart + signs_in,
        "https://github.com/geelen/mcp-remote#readme",
        "mcp-remote is a program of others. It takes plain http for this machine only, or with --allow-http.",
        key_text=text({"args": arguments, "env": environment}) if address.needs_key else "",
        key_then=restart,
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
    server = {"type": "http", "url": address.url}
    asked = {"type": "promptString", "id": "flowhub-key", "description": "API key of FlowHub", "password": True}
    with_key = server | {"headers": address.headers_with("${input:flowhub-key}")}
    signs_in = "; VS Code opens FlowHub in the browser, where you let it in" if address.needs_key else ""
    return ClientConfig(
        "vs-code",
        "VS Code",
        ".vscode/mcp.json",
        _json({"servers": {address.slug: server}}),
        f"Press Start above the server's name{signs_in}.",
        "https://code.visualstudio.com/docs/copilot/reference/mcp-configuration",
        key_text=_json({"inputs": [asked], "servers": {address.slug: with_key}}) if address.needs_key else "",
        key_then="Press Start above the server's name; VS Code asks for the key and keeps it.",
    )


def _cursor(address: ServerAddress) -> ClientConfig:
    """https://cursor.com/docs/mcp (remote server; OAuth; config interpolation)"""
    server = {"url": address.url}
    signs_in = "; Connect there opens FlowHub in the browser, where you let it in" if address.needs_key else ""
    with_key = _json({"mcpServers": {address.slug: server | {"headers": address.headers}}})
    return ClientConfig(
        "cursor",
        "Cursor",
        ".cursor/mcp.json in a project, ~/.cursor/mcp.json for all",
        _json({"mcpServers": {address.slug: server}}),
        f"Cursor's settings show the server and its tools{signs_in}.",
        "https://cursor.com/docs/mcp",
        key_text=with_key if address.needs_key else "",
        key_then="${env:FLOWHUB_KEY} in place of the key takes it from the environment.",
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
        "It prints the tools. Without --cli it opens in the browser"
        + (", and can sign in there without a key." if address.needs_key else "."),
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
