"""The texts of the Connect tab that are programs, run as they were copied, against a live server."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from mcp import Client
from mcp.client.stdio import StdioServerParameters

from executions.reading.client_programs import KEY_PLACEHOLDER, ServerAddress
from mcp_bridge.pages.client_texts import FOLDER_PLACEHOLDER, configs
from tests.live import ROOT, LiveServer

DEMO = {"greet", "lookup_order", "order_report", "slow_report"}


def copied(server: LiveServer, client: str) -> str:
    """A client's text, with the key in its place."""
    found = {each.id: each.text for each in configs(ServerAddress("demo", server.url, True), "greet")}
    return found[client].replace(KEY_PLACEHOLDER, server.credentials["key"])


def ran(*command: str | Path, text: str = "", folder: Path | None = None) -> str:
    """What a program prints; it must end well."""
    done = subprocess.run(command, input=text, cwd=folder, capture_output=True, text=True, timeout=50, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def named(printed: str) -> set[str]:
    return {line.split(" ", 1)[0] for line in printed.splitlines()}


def test_the_python_program_lists_the_tools(uvicorn_server: LiveServer) -> None:
    assert named(ran(sys.executable, "-c", copied(uvicorn_server, "python"))) >= DEMO


@pytest.mark.node
def test_the_typescript_program_lists_the_tools(uvicorn_server: LiveServer) -> None:
    folder = Path(os.environ["FLOWHUB_TEST_NODE"])
    text = copied(uvicorn_server, "typescript")
    printed = ran(folder / "node", "--input-type=module", text=text, folder=folder)
    assert named(printed) >= DEMO
    schemas = dict(line.split(" ", 1) for line in printed.splitlines())
    assert json.loads(schemas["greet"])["required"] == ["name", "n"]


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl on PATH")
def test_the_curl_command_gets_an_answer(uvicorn_server: LiveServer) -> None:
    printed = ran("sh", "-c", copied(uvicorn_server, "curl"))
    [data] = [line.removeprefix("data: ") for line in printed.splitlines() if '"result"' in line]
    assert json.loads(data)["result"]["serverInfo"]["title"] == "Demo"


@pytest.mark.anyio
async def test_the_program_that_claude_desktop_starts_lists_the_tools(uvicorn_server: LiveServer) -> None:
    text = copied(uvicorn_server, "claude-desktop").replace(f"{FOLDER_PLACEHOLDER}/.venv/bin/python", sys.executable)
    server = json.loads(text.replace(FOLDER_PLACEHOLDER, str(ROOT)))["mcpServers"]["demo"]
    program = StdioServerParameters(command=server["command"], args=server["args"], env=server["env"])
    async with Client(program, read_timeout_seconds=30) as client:
        assert {tool.name for tool in (await client.list_tools()).tools} >= DEMO
