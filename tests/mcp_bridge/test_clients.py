"""The texts that people paste into their clients."""

import ast
import json

from mcp_bridge.clients import configs

URL = "https://flows.example.com/mcp/demo"


def texts(needs_key: bool) -> dict[str, str]:
    return {config.id: config.text for config in configs("demo", URL, "greet", needs_key=needs_key)}


def test_every_client_gets_the_address_and_the_place_for_the_key() -> None:
    assert all(URL in text and "Bearer YOUR_KEY" in text for text in texts(needs_key=True).values())


def test_a_public_server_asks_for_no_key() -> None:
    assert not any("YOUR_KEY" in text for text in texts(needs_key=False).values())


def test_what_goes_into_json_files_is_json_and_the_python_is_python() -> None:
    for needs_key in (True, False):
        found = texts(needs_key)
        assert json.loads(found["vs-code"])["servers"]["demo"]["url"] == URL
        assert json.loads(found["cursor"])["mcpServers"]["demo"]["url"] == URL
        assert json.loads(found["claude-desktop"])["mcpServers"]["demo"]["command"] == "npx"
        ast.parse(found["python"])
