"""Node types in flows that a client calls: code, branches by name, and answers that are more than text."""

import base64
import json
import subprocess
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from flowhub.demo import line, node, schema
from tests.live import LiveServer, live_server, wait_until
from tests.mcp_client import ERAS, connect

pytestmark = pytest.mark.anyio

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(100_000)).decode()
DEFINITION: dict[str, Any] = {
    "nodes": [
        node("trigger", "trigger", "Call", 0),
        node(
            "compute",
            "code",
            "Compute",
            1,
            source="print('computing', n)\nreturn {'kind': 'even' if n % 2 == 0 else 'odd', 'half': n / 2}",
            inputs={"n": "{{ trigger.n }}"},
        ),
        node(
            "which",
            "switch",
            "Which?",
            2,
            value="{{ compute.kind }}",
            cases=[{"name": "even", "operator": "equals", "right": "even"}],
        ),
        node("text", "return", "Say the half", 3, text="Half is {{ compute.half }}"),
        node(
            "media",
            "return_content",
            "Draw it",
            4,
            content=[
                {"type": "text", "text": "A picture:"},
                {"type": "image", "data": PNG, "mimeType": "image/png"},
                {"type": "resource_link", "uri": "https://example.com/r", "name": "The report"},
            ],
        ),
        node("odd", "fail", "Refuse", 3, 1, message="Give an even number."),
    ],
    "connections": [
        line("trigger", "compute"),
        line("compute", "which"),
        line("which", "text", "even"),
        line("which", "media", "even"),
        line("which", "odd", "default"),
    ],
}


def post(server: LiveServer, path: str, body: Any = None) -> Any:
    headers = {"Authorization": f"Bearer {server.credentials['key']}", "Content-Type": "application/json"}
    request = urllib.request.Request(server.url + path, data=json.dumps(body).encode(), headers=headers)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


@pytest.fixture
def server(uvicorn_server: LiveServer) -> LiveServer:
    """The demo's server with one more tool, `halve`."""
    if not uvicorn_server.get_json("/api/flows/?search=halve")["items"]:
        flow = {
            "server": "demo",
            "name": "Halve",
            "toolName": "halve",
            "toolDescription": "Halves a number.",
            "inputSchema": schema(n={"type": "integer"}),
            "definition": DEFINITION,
        }
        post(uvicorn_server, f"/api/flows/{post(uvicorn_server, '/api/flows/', flow)['id']}/publish/")
    return uvicorn_server


@pytest.mark.parametrize("era", ERAS)
async def test_answers_of_several_nodes_go_out_in_order_and_media_goes_out_whole(server: LiveServer, era: str) -> None:
    async with connect(server, era) as client:
        result = await client.call_tool("halve", {"n": 4})
    assert [block.model_dump(by_alias=True, exclude_none=True, mode="json") for block in result.content] == [
        {"type": "text", "text": "Half is 2.0"},
        {"type": "text", "text": "A picture:"},
        {"type": "image", "data": PNG, "mimeType": "image/png"},
        {"type": "resource_link", "uri": "https://example.com/r", "name": "The report"},
    ]
    record = server.get_json(f"/api/executions/{result.meta['flowhub/executionId']}/")
    kept = record["result"]["content"]
    assert [block["type"] for block in kept] == ["text", "text", "image", "resource_link"]
    assert kept[2]["mimeType"] == "image/png"
    log = record["nodeExecutions"][1]["log"]
    assert [(line["level"], line["message"]) for line in log] == [("debug", "computing 4")]
    assert (kept[2]["data"]["$truncated"], kept[2]["data"]["bytes"]) == (True, len(PNG))


async def test_the_branch_of_a_name_is_taken_and_the_other_skipped(server: LiveServer) -> None:
    async with connect(server, ERAS[0]) as client:
        result = await client.call_tool("halve", {"n": 3})
    assert result.is_error is True
    assert result.content[0].text == "Give an even number."
    record = server.get_json(f"/api/executions/{result.meta['flowhub/executionId']}/")
    assert [(entry["nodeName"], entry["status"], entry["handle"]) for entry in record["nodeExecutions"]] == [
        ("Call", "completed", "main"),
        ("Compute", "completed", "main"),
        ("Which?", "completed", "default"),
        ("Say the half", "skipped", None),
        ("Draw it", "skipped", None),
        ("Refuse", "error", None),
    ]


@pytest.mark.faults
def test_no_process_of_the_sandbox_outlives_its_server(tmp_path: Path) -> None:
    parts = [node("trigger", "trigger", "Call", 0), node("one", "code", "One", 1, source="1")]
    flow = {
        "server": "demo",
        "name": "One",
        "toolName": "one",
        "toolDescription": "One.",
        "definition": {"nodes": parts, "connections": [line("trigger", "one")]},
    }
    with live_server(tmp_path) as server:
        post(server, f"/api/flows/{post(server, '/api/flows/', flow)['id']}/test/", {"arguments": {}})
        assert server.process is not None
        workers = workers_of(server.process.pid)
        assert len(workers) == 1
        server.kill()
        wait_until(lambda: not any(map(is_running, workers)), 5, "a worker outlived its server")


def workers_of(pid: int) -> list[int]:
    found = subprocess.run(["ps", "-o", "pid=,comm=", "--ppid", str(pid)], capture_output=True, text=True)
    return [int(row.split()[0]) for row in found.stdout.splitlines() if "monty" in row]


def is_running(pid: int) -> bool:
    """Whether a process is there and not merely waiting to be reaped."""
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True).stdout
    return bool(state.strip()) and not state.startswith("Z")
