"""Flows that put the node library to work over HTTP and MCP, and the small API that they ask."""

import asyncio
import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from flowhub.demo import line, schema
from tests.definitions import answer, beside, chain, node

PRICE = chain(
    node("fetch", "http_request", url="{{ trigger.api }}/prices/{{ trigger.id }}"), answer("{{ fetch.body.price }}")
)

TWICE = {"retries": {"attempts": 2, "backoffSeconds": 0.01}}
REPORT: dict[str, Any] = {
    "nodes": [
        node("trigger", "trigger"),
        node("started", "progress", message="Asking for {{ trigger.region }}", fraction=0.1),
        node("sales", "http_request", url="{{ trigger.api }}/together", query={"region": "{{ trigger.region }}"}),
        node("stock", "http_request", url="{{ trigger.api }}/together", query={"region": "{{ trigger.region }}"}),
        node("rate", "http_request", url="{{ trigger.api }}/busy/{{ execution.id }}") | {"settings": TWICE},
        node(
            "prices",
            "for_each",
            flow="price",
            items="{{ trigger.ids }}",
            arguments={"id": "{{ item }}", "api": "{{ trigger.api }}"},
            concurrency=10,
        ),
        node("hello", "call_flow", flow="greet", arguments={"name": "{{ trigger.region }}", "n": 7}),
        node("sum", "mcp_tool", url="{{ trigger.upstream }}", tool="add", arguments={"a": 40, "b": 2}),
        node("all", "merge"),
        node(
            "converted",
            "for_each",
            items="{{ prices.results }}",
            expression="item * rate",
            inputs={"rate": "{{ rate.body.rate }}"},
        ),
        node(
            "total",
            "code",
            source="print(len(prices), 'prices')\nreturn {'total': sum(prices), 'count': len(prices)}",
            inputs={"prices": "{{ converted.results }}"},
        ),
        node("check", "validate", value="{{ total }}", schema={"properties": {"total": {"minimum": 1}}}),
        node("wrong", "fail", message="The total is not above 0; send ids of things that have a price."),
        node("size", "switch", value="{{ total.total }}", cases=[{"name": "large", "expression": "value > 1000"}]),
        node("large", "set_fields", fields={"size": "large", "note.text": "{{ total.count }} prices"}),
        node("small", "set_fields", fields={"size": "small"}),
        node("either", "merge", wait="first"),
        node("text", "template", text="{{ hello.text }} {{ either.size }}: {{ total.total }}"),
        node("noted", "log", message="{{ text }}"),
        answer(
            {
                "text": "{{ text }}",
                "total": "{{ total.total }}",
                "note": "{{ either.note.text }}",
                "upstream": "{{ sum.structured.result }}",
                "regions": ["{{ all.sales.body.region }}", "{{ all.stock.body.region }}"],
            }
        ),
    ],
    "connections": [
        line("trigger", "started"),
        *(line("started", each) for each in ("sales", "stock", "rate", "prices", "hello", "sum")),
        *(line(each, "all") for each in ("sales", "stock", "rate", "prices", "hello", "sum")),
        line("all", "converted"),
        line("converted", "total"),
        line("total", "check"),
        line("check", "size", "valid"),
        line("check", "wrong", "invalid"),
        line("size", "large", "large"),
        line("size", "small", "default"),
        line("large", "either"),
        line("small", "either"),
        line("either", "text"),
        line("text", "noted"),
        line("text", "answer"),
    ],
}

FLOWS: dict[str, dict[str, Any]] = {
    "price": PRICE,
    "report": REPORT,
    "refused_address": beside(node("fetch", "http_request", url="http://10.0.0.1:8080/orders"), answer(1)),
    "crashing": chain(node("crash", "crash_for_test")),
    "slow_flow": beside(node("wait", "delay", seconds=60), answer(1)),
    "slow_node": beside(node("wait", "delay", seconds=60) | {"settings": {"timeoutSeconds": 0.1}}, answer(1)),
    "endless": beside(node("wait", "delay", seconds=60), answer(1)),
    "strict": chain(answer("{{ trigger.id }}")),
    "memory": beside(node("bomb", "code", source="x = [0]\nwhile True:\n    x = x + x"), answer(1)),
    "computing": beside(node("bomb", "code", source="while True:\n    pass"), answer(1)),
    "recursion": beside(node("bomb", "code", source="def f():\n    return f()\nf()"), answer(1)),
    "flood": beside(node("bomb", "code", source="while True:\n    print('x' * 1000)"), answer(1)),
    "import_package": beside(node("bomb", "code", source="import subprocess"), answer(1)),
    "run_command": beside(node("bomb", "code", source="import os\nos.system('id')"), answer(1)),
    "open_file": beside(node("bomb", "code", source="open('/etc/passwd').read()"), answer(1)),
    "slow_condition": beside(node("bomb", "condition", expression="sum(range(10 ** 9)) > 0"), answer(1)),
    "attribute": beside(node("bomb", "set_fields", fields={"x": "{{ trigger.__class__.__mro__ }}"}), answer(1)),
}
FIELDS: dict[str, dict[str, Any]] = {
    "slow_flow": {"timeoutSeconds": 1},
    "strict": {"inputSchema": schema(id={"type": "integer", "description": "Any number."})},
}


class Api:
    """A small API: prices that take a moment, two requests that wait for each other, one that is busy at first."""

    def __init__(self) -> None:
        self.pair = asyncio.Barrier(2)
        self.refused: set[str] = set()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        await receive()
        status, headers, body = await self.answer(scope["path"], parse_qs(scope["query_string"].decode()))
        named = [(b"content-type", b"application/json"), *headers]
        await send({"type": "http.response.start", "status": status, "headers": named})
        await send({"type": "http.response.body", "body": json.dumps(body).encode()})

    async def answer(self, path: str, query: dict[str, list[str]]) -> tuple[int, list[tuple[bytes, bytes]], Any]:
        """The status, more headers and the JSON for a path."""
        if path == "/together":
            async with asyncio.timeout(10):
                await self.pair.wait()  # alone, neither of the two would ever be answered
            return 200, [], {"region": query["region"][0]}
        if path.startswith("/prices/"):
            await asyncio.sleep(0.1)
            return 200, [], {"price": int(path.rpartition("/")[2])}
        if path.startswith("/busy/") and path not in self.refused:
            self.refused.add(path)
            return 503, [(b"retry-after", b"1")], {"detail": "busy"}
        return 200, [], {"rate": 2}


def install_crashing_plugin(folder: Path) -> None:
    """Lay out a package with a node type that crashes, so that a process with `folder` in its path finds it."""
    about = folder / "crash_for_test-1.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: crash-for-test\nVersion: 1\n")
    (about / "entry_points.txt").write_text("[flowhub.node_types]\ncrash_for_test = crash_for_test:Crash\n")
    (folder / "crash_for_test.py").write_text(CRASH)


CRASH = """
class Crash:
    type = "crash_for_test"
    title = "Crash"
    description = "Crashes."
    icon = "alert"
    parameters_schema = {"type": "object", "properties": {}, "additionalProperties": False}
    handles = ("main",)
    has_effects = False

    async def execute(self, parameters, context):
        return {}["canary-key"]
"""
