"""What to paste into which client to reach a server. Pure: an address in, texts out."""

import json
from dataclasses import dataclass
from typing import Any

KEY_PLACEHOLDER = "YOUR_KEY"


@dataclass(frozen=True, slots=True)
class ClientConfig:
    """One client's way in: its name, where the text goes, the text, and how to see that it worked."""

    id: str
    client: str
    where: str
    text: str
    then: str


def configs(slug: str, url: str, tool_name: str, *, needs_key: bool) -> list[ClientConfig]:
    """The texts for every client that is known here, for the server at `url`."""
    headers = {"Authorization": f"Bearer {KEY_PLACEHOLDER}"} if needs_key else {}
    return [
        _claude_code(slug, url, headers),
        _claude_desktop(slug, url, headers),
        _vs_code(slug, url, headers),
        _cursor(slug, url, headers),
        _python(url, headers, tool_name),
        _curl(url, headers),
    ]


def _json(value: Any) -> str:
    return json.dumps(value, indent=2)


def _with(server: dict[str, Any], headers: dict[str, str]) -> dict[str, Any]:
    return server | ({"headers": headers} if headers else {})


def _claude_code(slug: str, url: str, headers: dict[str, str]) -> ClientConfig:
    lines = [f"claude mcp add --transport http {slug} {url}"]
    lines += [f'  --header "{name}: {value}"' for name, value in headers.items()]
    return ClientConfig("claude-code", "Claude Code", "In a terminal", " \\\n".join(lines), "/mcp lists the server.")


def _claude_desktop(slug: str, url: str, headers: dict[str, str]) -> ClientConfig:
    # Its configuration file starts local programs only; mcp-remote is the bridge that it documents for headers.
    arguments = ["-y", "mcp-remote", url]
    for name, value in headers.items():
        # Claude Desktop on Windows does not keep blanks inside an argument, hence the variable.
        arguments += ["--header", f"{name}:${{FLOWHUB_AUTH}}"]
        server: dict[str, Any] = {"command": "npx", "args": arguments, "env": {"FLOWHUB_AUTH": value}}
        break
    else:
        server = {"command": "npx", "args": arguments}
    return ClientConfig(
        "claude-desktop",
        "Claude Desktop",
        "claude_desktop_config.json (Settings, Developer, Edit Config)",
        _json({"mcpServers": {slug: server}}),
        "Restart it; the tool stands in the tools menu.",
    )


def _vs_code(slug: str, url: str, headers: dict[str, str]) -> ClientConfig:
    text = _json({"servers": {slug: _with({"type": "http", "url": url}, headers)}})
    return ClientConfig("vs-code", "VS Code", ".vscode/mcp.json", text, "Press Start above the server's name.")


def _cursor(slug: str, url: str, headers: dict[str, str]) -> ClientConfig:
    text = _json({"mcpServers": {slug: _with({"url": url}, headers)}})
    return ClientConfig("cursor", "Cursor", ".cursor/mcp.json", text, "Settings, MCP shows a green mark.")


PYTHON = """\
import asyncio

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client


async def main() -> None:
    async with (
        httpx2.AsyncClient({headers}) as http,
        Client(streamable_http_client("{url}", http_client=http)) as client,
    ):
        for tool in (await client.list_tools()).tools:
            print(tool.name, tool.input_schema)
        # result = await client.call_tool("{tool}", {{...}})


asyncio.run(main())
"""


def _python(url: str, headers: dict[str, str], tool_name: str) -> ClientConfig:
    shown = f"headers={json.dumps(headers)}" if headers else ""
    text = PYTHON.format(headers=shown, url=url, tool=tool_name)
    return ClientConfig("python", "Python SDK", "pip install mcp", text, "It prints the tools and their parameters.")


def _curl(url: str, headers: dict[str, str]) -> ClientConfig:
    lines = [
        f"curl -s {url}",
        '  -H "Content-Type: application/json"',
        '  -H "Accept: application/json, text/event-stream"',
    ]
    lines += [f'  -H "{name}: {value}"' for name, value in headers.items()]
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
    lines.append(f"  -d '{json.dumps(call)}'")
    return ClientConfig("curl", "curl", "In a terminal", " \\\n".join(lines), "The answer names the server.")
