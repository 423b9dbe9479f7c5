"""The MCP Inspector's command line, as somebody types it, in both eras; whole transcripts are compared."""

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from flowhub import __version__
from tests.live import LiveServer

pytestmark = pytest.mark.node

INSPECTOR = "node_modules/@modelcontextprotocol/inspector/clients/launcher/build/index.js"
ERAS = ("modern", "legacy")


class Terminal:
    """Calls of the Inspector, and what it printed: one line a call, then its output line by line."""

    def __init__(self, server: LiveServer, era: str, home: Path) -> None:
        self.lines: list[str] = []
        self._server = server
        self._era = era
        self._home = home

    def type(self, method: str, *options: str, key: str | None = None) -> list[Any]:
        """Run the Inspector once; returns what it printed, the result first and then what it says on standard error."""
        node = Path(os.environ["FLOWHUB_TEST_NODE"])
        header = f"Authorization: Bearer {key or self._server.credentials['key']}"
        done = subprocess.run(
            [
                *(node / "node", node / INSPECTOR, "--cli", f"{self._server.url}/mcp/demo", "--transport", "http"),
                *("--protocol-era", self._era, "--stored-auth-only", "--header", header),
                *("--format", "json", "--quiet", "--method", method, *options),
            ],
            env={"HOME": str(self._home), "PATH": os.environ["PATH"]},
            capture_output=True,
            text=True,
            timeout=50,
            check=False,
        )
        printed = (done.stdout + done.stderr).splitlines()
        self.lines.append(" ".join(["$", method, *options]))
        self.lines += [self._without_chance(line) for line in printed]
        self.lines.append(f"exit {done.returncode}")
        return [json.loads(line) for line in printed]

    def _without_chance(self, line: str) -> str:
        """The line without what differs from one run to the next."""
        line = line.replace(self._server.url, "URL")
        return re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "ID", line)


@pytest.fixture(params=ERAS)
def terminal(request: pytest.FixtureRequest, uvicorn_server: LiveServer, tmp_path: Path) -> Terminal:
    """A terminal in each era in turn."""
    return Terminal(uvicorn_server, request.param, tmp_path)


NAME_OF_THE_SERVER = f'"io.modelcontextprotocol/serverInfo":{{"name":"demo","title":"Demo","version":"{__version__}"}},'
PAGE = ',{"type":"text","text":"Execution ID: URL/executions/ID/"}]'
LINKS = '"flowhub/executionId":"ID","flowhub/executionUrl":"URL/executions/ID/"'


def transcript(era: str) -> list[str]:
    """What the calls of the test below print."""
    meta = '"_meta":{' + (NAME_OF_THE_SERVER if era == "modern" else "") + LINKS + "}"
    complaint = "The arguments do not fit the input schema of greet:\\n- n: is required\\nCorrect them and call again."
    return [
        '$ tools/call --tool-name greet --tool-args-json {"name": "Ada", "n": 21}',
        '{"result":{' + meta + ',"content":[{"type":"text","text":"Hello, Ada! 21"}],"isError":false}}',
        "exit 0",
        '$ tools/call --tool-name greet --tool-args-json {"name": "Ada"}',
        '{"result":{' + meta + ',"content":[{"type":"text","text":"' + complaint + '"}' + PAGE + ',"isError":true}}',
        """{"error":{"code":"tool_is_error","message":"Tool 'greet' returned isError:true."}}""",
        "exit 5",
        "$ tools/call --tool-name lookup_order --tool-arg order_id=A-1",
        '{"result":{'
        + meta
        + ',"content":[{"type":"text","text":"There is no order A-1. Check the id: it looks like A-10481."}'
        + PAGE
        + ',"isError":true}}',
        """{"error":{"code":"tool_is_error","message":"Tool 'lookup_order' returned isError:true."}}""",
        "exit 5",
        "$ tools/call --tool-name nothing",
        """{"error":{"code":"tool_not_found","message":"Tool 'nothing' not found on server."}}""",
        "exit 5",
    ]


def test_the_inspector_calls_tools_and_shows_their_errors(terminal: Terminal, request: pytest.FixtureRequest) -> None:
    terminal.type("tools/call", "--tool-name", "greet", "--tool-args-json", '{"name": "Ada", "n": 21}')
    terminal.type("tools/call", "--tool-name", "greet", "--tool-args-json", '{"name": "Ada"}')
    terminal.type("tools/call", "--tool-name", "lookup_order", "--tool-arg", "order_id=A-1")
    terminal.type("tools/call", "--tool-name", "nothing")
    assert terminal.lines == transcript(request.node.callspec.params["terminal"])


def test_the_inspector_lists_the_tools_and_finds_their_schemas_portable(terminal: Terminal) -> None:
    """`--strict` ends with 6 when a schema would not be taken by every client."""
    (answer,) = terminal.type("tools/list", "--strict")
    assert terminal.lines[-1] == "exit 0"
    assert [tool["name"] for tool in answer["result"]["tools"]] == [
        "greet",
        "lookup_order",
        "order_report",
        "slow_report",
    ]


def test_the_inspector_says_that_a_key_is_missing(terminal: Terminal) -> None:
    (answer,) = terminal.type("tools/list", key="fh_nobody")
    assert (answer["error"]["code"], terminal.lines[-1]) == ("auth_required", "exit 3")
