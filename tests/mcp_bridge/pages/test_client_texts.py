"""The texts that people paste into their clients, read as each client reads them; acceptance runs some."""

import ast
import json
import re
import shlex
from typing import Any

import pytest

from executions.reading.client_programs import ServerAddress
from mcp_bridge.pages.client_texts import ClientConfig, configs

BASE = "https://flows.example.com"
URL = f"{BASE}/mcp/demo"


def config(client: str, *, needs_key: bool = True) -> ClientConfig:
    return next(found for found in configs(ServerAddress("demo", BASE, needs_key), "greet") if found.id == client)


def read_json(client: str, *, needs_key: bool = True) -> Any:
    return json.loads(config(client, needs_key=needs_key).text)


def shell(text: str) -> list[str]:
    """The words of a command as a shell reads them."""
    return shlex.split(text.replace("\\\n", " "))


def words(client: str, *, needs_key: bool = True) -> list[str]:
    return shell(config(client, needs_key=needs_key).text)


BEARER = {"Authorization": "Bearer YOUR_KEY"}


def test_every_client_gets_the_address_and_its_documentation() -> None:
    for found in configs(ServerAddress("demo", BASE, True), "greet"):
        assert BASE in found.text, found.client
        assert found.docs.startswith("https://"), found.client
        assert found.where, found.client
        assert found.then, found.client


KEY = re.compile(r"(?i)your_key|authorization|flowhub_key|flowhub-key|flowhub_auth")
SIGN_IN = ["claude-code", "claude", "chatgpt", "vs-code", "cursor", "claude-desktop-npx"]


@pytest.mark.parametrize("client", [found.id for found in configs(ServerAddress("demo", BASE, True), "greet")])
def test_a_public_server_asks_for_no_key_and_for_no_sign_in(client: str) -> None:
    found = config(client, needs_key=False)
    assert not KEY.search(found.text)
    assert (found.key_text, "let it in" in found.then) == ("", False)


def test_clients_that_can_sign_in_are_shown_the_way_without_a_key_first_and_say_where_they_are_let_in() -> None:
    without = [found for found in configs(ServerAddress("demo", BASE, True), "greet") if not KEY.search(found.text)]
    assert [found.id for found in without] == SIGN_IN
    assert [found.id for found in without if "let it in" not in found.then + found.note] == []
    assert [bool(KEY.search(found.key_text)) for found in without] == [True, False, False, True, True, True]


def test_claude_code() -> None:
    command = ["claude", "mcp", "add", "--transport", "http", "demo", URL]
    assert words("claude-code") == words("claude-code", needs_key=False) == command
    assert shell(config("claude-code").key_text) == [*command, "--header", "Authorization: Bearer YOUR_KEY"]


def test_claude_is_given_the_address_alone() -> None:
    fields = dict(line.split(": ", 1) for line in config("claude").text.splitlines())
    assert fields == {"Name": "demo", "Remote MCP server URL": URL}


def test_claude_desktop_starts_the_stdio_program() -> None:
    server = {
        "command": "/path/to/flowhub/.venv/bin/python",
        "args": ["-m", "mcp_bridge.stdio", "--server", "demo", "--url", BASE],
        "env": {"PYTHONPATH": "/path/to/flowhub", "FLOWHUB_KEY": "YOUR_KEY"},
    }
    assert read_json("claude-desktop") == {"mcpServers": {"demo": server}}
    public = server | {"env": {"PYTHONPATH": "/path/to/flowhub"}}
    assert read_json("claude-desktop", needs_key=False) == {"mcpServers": {"demo": public}}


def test_claude_desktop_without_flowhubs_source_keeps_the_blank_of_the_header_out_of_the_arguments() -> None:
    arguments = ["-y", "mcp-remote", URL, "--header", "Authorization:${FLOWHUB_AUTH}"]
    server = {"command": "npx", "args": arguments, "env": {"FLOWHUB_AUTH": "Bearer YOUR_KEY"}}
    assert json.loads(config("claude-desktop-npx").key_text) == {"mcpServers": {"demo": server}}
    signs_in = {"mcpServers": {"demo": {"command": "npx", "args": arguments[:3]}}}
    assert read_json("claude-desktop-npx") == read_json("claude-desktop-npx", needs_key=False) == signs_in


def test_chatgpt_is_told_to_sign_in() -> None:
    fields = dict(line.split(": ", 1) for line in config("chatgpt").text.splitlines())
    assert fields == {"Name": "demo", "MCP Server URL": URL, "Authentication": "OAuth"}
    assert "where you sign in and let it in" in config("chatgpt").note
    assert "sign in" not in config("chatgpt", needs_key=False).note


def test_vs_code_signs_in_or_asks_for_the_key() -> None:
    asked = {"type": "promptString", "id": "flowhub-key", "description": "API key of FlowHub", "password": True}
    headers = {"Authorization": "Bearer ${input:flowhub-key}"}
    assert json.loads(config("vs-code").key_text) == {
        "inputs": [asked],
        "servers": {"demo": {"type": "http", "url": URL, "headers": headers}},
    }
    signs_in = {"servers": {"demo": {"type": "http", "url": URL}}}
    assert read_json("vs-code") == read_json("vs-code", needs_key=False) == signs_in


def test_cursor() -> None:
    assert json.loads(config("cursor").key_text) == {"mcpServers": {"demo": {"url": URL, "headers": BEARER}}}
    assert read_json("cursor") == read_json("cursor", needs_key=False) == {"mcpServers": {"demo": {"url": URL}}}


@pytest.mark.parametrize("needs_key", [True, False])
def test_the_python_is_python(needs_key: bool) -> None:
    found = [node.value for node in ast.walk(ast.parse(config("python", needs_key=needs_key).text))
             if isinstance(node, ast.Constant)]  # fmt: skip
    assert URL in found
    assert ("Bearer YOUR_KEY" in found) is needs_key


def test_the_typescript_names_address_and_key() -> None:
    text = config("typescript").text
    assert f'new URL("{URL}"), {{\n  requestInit: {{ headers: {json.dumps(BEARER)} }},\n}});' in text
    assert f'new StreamableHTTPClientTransport(new URL("{URL}"));' in config("typescript", needs_key=False).text


def test_the_inspector() -> None:
    command = ["npx", "@modelcontextprotocol/inspector", "--cli", URL, "--transport", "http", "--method", "tools/list"]
    assert words("inspector") == [*command, "--header", "Authorization: Bearer YOUR_KEY"]
    assert words("inspector", needs_key=False) == command


def test_curl_sends_a_handshake() -> None:
    command = words("curl")
    assert (command[:3], command[-2]) == (["curl", "-s", URL], "-d")
    assert json.loads(command[-1])["method"] == "initialize"
    assert command[3:-2] == [
        *("-H", "Content-Type: application/json", "-H", "Accept: application/json, text/event-stream"),
        *("-H", "Authorization: Bearer YOUR_KEY"),
    ]
