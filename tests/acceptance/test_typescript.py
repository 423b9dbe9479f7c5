"""The TypeScript SDKs against FlowHub: version 1 with a handshake, version 2 in both eras, under uvicorn and daphne."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flowhub import __version__
from flowhub.demo import line, node
from tests.live import ROOT, LiveServer
from tests.published import published

pytestmark = [pytest.mark.node, pytest.mark.timeout(120)]

CLIENTS = ("sdk-1", "legacy", "auto")

FORM = {"type": "object", "properties": {"reason": {"type": "string", "title": "Reason"}}, "required": ["reason"]}
ASKING = {
    "definition": {
        "nodes": [
            node("trigger", "trigger", "Call", 0),
            node("ask", "ask_user", "Ask", 1, message="Why?", schema=FORM),
            node("answer", "return", "Answer", 2, text="Because: {{ ask.content.reason }}"),
        ],
        "connections": [line("trigger", "ask"), line("ask", "answer", "accept")],
    }
}
ORDER = {"id": "A-10481", "customer": "Ada Lovelace", "status": "shipped", "total": 182.4, "items": 3}


@pytest.fixture
def asking_server(server: LiveServer) -> Iterator[LiveServer]:
    """The demo with a flow that asks."""
    with published(server, {"ask_first": ASKING}):
        yield server


def said_by(which: str, server: LiveServer) -> list[tuple[str, Any]]:
    """The steps that tests/node/client.mjs prints. It comes by standard input and so finds its packages there."""
    folder = Path(os.environ["FLOWHUB_TEST_NODE"])
    done = subprocess.run(
        [folder / "node", "--input-type=module", "-", f"{server.url}/mcp/demo", server.credentials["key"], which],
        input=(ROOT / "tests/node/client.mjs").read_text(),
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return [tuple(json.loads(printed)) for printed in done.stdout.splitlines()]


def text(text: str, *, is_error: bool = False) -> dict[str, Any]:
    return {"content": [{"type": "text", "text": text}], "isError": is_error, "id": "string"}


@pytest.mark.parametrize("which", CLIENTS)
def test_it_lists_calls_reads_hears_progress_and_is_asked(asking_server: LiveServer, which: str) -> None:
    said = dict(said_by(which, asking_server))
    assert said.pop("server") == {"name": "demo", "title": "Demo", "version": __version__}
    assert {"tools", "logging"} <= set(said.pop("capabilities"))
    progress = said.pop("progress")
    assert {(step["total"], step["message"]) for step in progress} == {(100, "Looking up the orders")}
    values = [step["progress"] for step in progress]
    assert (values, values[-1]) == (sorted(values), 100)
    structured = said.pop("structured")
    assert (structured["structuredContent"], json.loads(structured["content"][0]["text"])) == (ORDER, ORDER)
    tools = said.pop("tools")
    assert [name for name in tools if name in ("ask_first", "greet", "lookup_order")] == [
        "ask_first",
        "greet",
        "lookup_order",
    ]
    misfit = "The arguments do not fit the input schema of greet:\n- n: is required\nCorrect them and call again."
    assert said == {
        "greet": text("Hello, Ada! 21"),
        "failing": text("There is no order A-1. Check the id: it looks like A-10481.", is_error=True),
        "misfit": text(misfit, is_error=True),
        "unknown": -32602,
        "prompts": ["order_update"],
        "prompt": [["user", True]],
        "resources": ["demo:order-states"],
        "resource": [["demo:order-states", "text/markdown", "string"]],
        "asked": {"message": "Why?", "fields": ["reason"]},
        "asking": text("Because: late"),
    }
