"""Secrets planted in a real server's flows, and everything that the server keeps, shows or says searched for them (I5).

An upstream system gives back all that it gets, in every encoding that it can think of, so that whatever FlowHub sends
out has the best chance to come back under another name.
"""

import base64
import http.cookiejar
import json
import re
import sqlite3
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.encodings import encodings
from tests.live import LiveServer, live_server
from tests.mcp_client import ERAS, MODERN, connect

pytestmark = pytest.mark.anyio

SECRET = 'cänary/5f0c+"3\\a1=&7e'
WRITE_ONLY = "canary-pin 91c4<77>&e2"
LITERAL = "canary-literal-6b1f20cc93d7"
CANARIES = {"secret": SECRET, "write-only": WRITE_ONLY, "literal": LITERAL}


class Echo(BaseHTTPRequestHandler):
    """Answers with everything it was sent: as it came, decoded, quoted, and in base64; /fail does so with 500."""

    def do_POST(self) -> None:
        """Echo."""
        body = self.rfile.read(int(self.headers.get("content-length", 0))).decode()
        raw = f"{self.requestline}\n{self.headers}\n{body}"
        answer = {
            "url": self.path,
            "read": urllib.parse.unquote_plus(self.path),
            "headers": {name: value.encode("latin-1").decode(errors="replace") for name, value in self.headers.items()},
            "body": body,
            "parsed": json.loads(body),
            "raw": raw,
            "quoted": urllib.parse.quote(raw),
            "base64": base64.b64encode(raw.encode()).decode(),
            "urlsafe": base64.urlsafe_b64encode(b"u:" + body.encode()).decode(),
            "again": json.dumps({"inner": json.dumps({"body": body})}),
        }
        data = json.dumps(answer).encode()
        self.send_response(500 if self.path.startswith("/fail") else 200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.send_header("set-cookie", f"session={LITERAL}")
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def echo() -> Iterator[str]:
    """The address of the upstream system."""
    upstream = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    thread = threading.Thread(target=upstream.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{upstream.server_port}"
    upstream.shutdown()
    thread.join()
    upstream.server_close()


def node(slug: str, node_type: str, **parameters: Any) -> dict[str, Any]:
    return {"id": slug, "type": node_type, "name": slug.title(), "slug": slug, "parameters": parameters}


def definition(*nodes: dict[str, Any]) -> dict[str, Any]:
    """Nodes one after the other."""
    slugs = [each["slug"] for each in nodes]
    lines = [
        {"id": f"{first}-{second}", "sourceNodeId": first, "targetNodeId": second} for first, second in pairwise(slugs)
    ]
    return {"nodes": list(nodes), "connections": lines}


def request(echo: str, path: str) -> dict[str, Any]:
    """A node that sends every canary out in every place that a request has."""
    return node(
        "send",
        "http_request",
        method="POST",
        url=f"{echo}{path}?in_url={{{{ secrets.CANARY }}}}",
        query={"q": "{{ secrets.CANARY }}", "pin": "{{ trigger.pin }}"},
        headers={"Authorization": f"Bearer {LITERAL}", "X-Trace": "{{ trigger.pin }}"},
        bodyJson={
            "user": "ada:{{ secrets.CANARY }}",
            "note": ["{{ trigger.pin }}", "{{ secrets.CANARY }}"],
            "{{ odd }}": 1,
        },
    )


def flows(echo: str) -> dict[str, dict[str, Any]]:
    trigger, end = node("trigger", "trigger"), node("answer", "return", json=1)
    seen = {"everything": "{{ send.body }}", "url": "{{ send.body.url }}", "pin": "{{ trigger.pin }}"}
    return {
        "echo": definition(trigger, request(echo, "/ok"), node("answer", "return", json=seen)),
        "echo_text": definition(trigger, request(echo, "/ok"), node("answer", "return", text="Got {{ send.body }}")),
        "failing": definition(trigger, request(echo, "/fail"), end),
        "long_url": definition(
            trigger, node("send", "http_request", url="ftp://" + "x" * 180 + "{{ secrets.CANARY }}" + "y" * 300), end
        ),
        "bad_parameter": definition(
            trigger,
            node("send", "http_request", url=echo, method="{{ secrets.CANARY }}", timeout="{{ trigger.pin }}"),
            end,
        ),
        "told": definition(trigger, node("stop", "fail", message="No: {{ secrets.CANARY }} with {{ trigger.pin }}.")),
        "wrong_path": definition(
            trigger,
            request(echo, "/ok"),
            node("fields", "set_fields", fields={"made": "{{ send.body }}", "{{ x }}": "{{ secrets.CANARY }}"}),
            node("answer", "return", text="{{ fields.made.missing }}"),
        ),
    }


SETUP = """
import json, os, sys
from flows.models import Flow, Server
from flows.publishing import versions
from tests.factories import release
given = json.loads(os.environ["CANARY_SETUP"])
server = Server.objects.get(slug="demo")
versions.set_secret(server, "CANARY", given["secret"])
schema = {"type": "object", "properties": {"pin": {"type": "string", "writeOnly": True, "maxLength": 40},
          "note": {"type": "string"}, "password": {"type": "integer"}}}
for name, definition in given["flows"].items():
    definition = json.loads(json.dumps(definition).replace("{{ odd }}", "odd").replace("{{ x }}", "x"))
    flow = Flow.objects.create(server=server, name=name, tool_name=name, tool_description="Test.", input_schema=schema,
                               definition=definition)
    release(flow)
"""


@dataclass(frozen=True)
class Planted:
    """A server with the canaries in it."""

    server: LiveServer
    tools: tuple[str, ...]


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory, echo: str) -> Iterator[Planted]:
    """A server whose flows send the canaries to the upstream system."""
    allow = echo.removeprefix("http://")
    with live_server(tmp_path_factory.mktemp("canary"), FLOWHUB_OUTBOUND_ALLOW=allow) as server:
        made = flows(echo)
        server.environment["CANARY_SETUP"] = json.dumps({"secret": SECRET, "flows": made})
        server.manage("shell", "-c", SETUP)
        del server.environment["CANARY_SETUP"]
        yield Planted(server, tuple(made))


def found_in(text: str, **canaries: str) -> list[str]:
    """Which canaries a text holds, and how they are written there."""
    return [
        f"{name} as {form}"
        for name, value in (canaries or CANARIES).items()
        for form, written in encodings(value).items()
        if written in text
    ]


def browser(server: LiveServer) -> urllib.request.OpenerDirector:
    """A logged-in operator."""
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))
    login = f"{server.url}/login/"
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', opener.open(login).read().decode())
    assert token
    form = {name: server.credentials[name] for name in ("username", "password")} | {"csrfmiddlewaretoken": token[1]}
    opener.open(login, urllib.parse.urlencode(form).encode())
    return opener


def html_of(opened: urllib.request.OpenerDirector, address: str) -> str:
    with opened.open(address, timeout=10) as answer:
        return answer.read().decode()


def rows(server: LiveServer) -> list[str]:
    """Every column of every execution, as it is stored."""
    with sqlite3.connect(server.data / "flowhub.sqlite3") as database:
        found = database.execute("SELECT * FROM executions_execution").fetchall()
    database.close()
    return ["\n".join(map(str, row)) for row in found]


def files(folder: Path) -> Iterator[tuple[str, str]]:
    for path in folder.rglob("*"):
        if path.is_file():
            yield path.name, path.read_bytes().decode("utf-8", "replace")


async def call(planted: Planted, tool: str, era: str = MODERN, **arguments: Any) -> Any:
    async with connect(planted.server, era) as client:
        return await client.call_tool(tool, {"pin": WRITE_ONLY, "note": f"a note with {WRITE_ONLY}"} | arguments)


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize(
    ("tool", "is_error"),
    [
        ("echo", False),
        ("echo_text", False),
        ("failing", True),
        ("long_url", True),
        ("bad_parameter", True),
        ("told", True),
        ("wrong_path", True),
    ],
)
async def test_an_answer_and_its_record_hold_no_canary(planted: Planted, tool: str, is_error: bool, era: str) -> None:
    server = planted.server
    result = await call(planted, tool, era)
    assert result.is_error is is_error
    assert found_in(result.model_dump_json()) == []
    execution = server.get_json(f"/api/executions/{result.meta['flowhub/executionId']}/")
    assert execution["status"] == ("error" if is_error else "fulfilled")
    assert execution["initialParams"] == {"pin": "***", "note": "a note with ***"}
    assert execution["initialParamsPreview"] == "pin: ***"
    assert found_in(json.dumps(execution, ensure_ascii=False)) == []
    opened = browser(server)
    for page in (
        f"/executions/{execution['id']}/",
        f"/flows/{execution['flowId']}/usage/{execution['id']}/",
        f"/flows/{execution['flowId']}/usage/",
        f"/admin/executions/execution/{execution['id']}/change/",
        "/executions/",
        "/",
    ):
        assert found_in(html_of(opened, server.url + page)) == [], page


def test_pages_of_secrets_and_exported_files_hold_no_value(planted: Planted) -> None:
    server = planted.server
    [found] = server.get_json("/api/servers/")["items"]
    flow = server.get_json("/api/flows/?search=echo_text")["items"][0]["id"]
    base, api = f"/servers/{found['id']}", f"/api/servers/{found['id']}"
    secrets = [f"{base}/secrets/", f"{base}/secrets/CANARY/", f"{base}/secrets/CANARY/remove/", f"{api}/secrets/"]
    opened = browser(server)
    for page in (*secrets, f"{base}/export/", f"/flows/{flow}/export/", f"{api}/export/", f"/api/flows/{flow}/export/"):
        text = html_of(opened, server.url + page)
        assert "CANARY" in text, page
        assert found_in(text, secret=SECRET) == [], page


async def test_the_record_still_says_what_was_done(planted: Planted) -> None:
    result = await call(planted, "echo")
    execution = planted.server.get_json(f"/api/executions/{result.meta['flowhub/executionId']}/")
    sent, got = (execution["nodeExecutions"][1][name] for name in ("inputData", "outputData"))
    assert sent["url"].endswith("/ok?in_url={{ secrets.CANARY }}")
    assert sent["query"] == {"q": "{{ secrets.CANARY }}", "pin": "***"}
    assert sent["headers"] == {"Authorization": "***", "X-Trace": "***"}
    assert sent["bodyJson"] == {"user": "ada:{{ secrets.CANARY }}", "note": ["***", "{{ secrets.CANARY }}"], "odd": 1}
    assert got["status"] == 200
    assert got["body"]["url"] == "/ok?in_url=***=&q=***&pin=***"
    assert got["body"]["parsed"] == {"user": "ada:***", "note": ["***", "***"], "odd": 1}
    assert result.structured_content["url"] == "/ok?in_url=***=&q=***&pin=***"


@pytest.mark.parametrize(
    "arguments", [{"pin": [WRITE_ONLY]}, {"pin": WRITE_ONLY * 4, "note": ""}, {"password": LITERAL}]
)
async def test_a_refused_call_leaves_no_canary(planted: Planted, arguments: dict[str, Any]) -> None:
    result = await call(planted, "echo", **arguments)
    assert result.is_error
    execution = planted.server.get_json(f"/api/executions/{result.meta['flowhub/executionId']}/")
    assert execution["errorInfo"]["kind"] == "rejected"
    assert found_in(result.model_dump_json() + json.dumps(execution, ensure_ascii=False)) == []


def test_messages_that_are_no_calls_leave_no_canary_in_the_log(planted: Planted) -> None:
    server = planted.server
    bodies = [
        {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "echo", "arguments": WRITE_ONLY}},
        {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": WRITE_ONLY, "arguments": {"pin": 1}}},
        {"jsonrpc": "2.0", "id": [WRITE_ONLY], "method": 1},
        [WRITE_ONLY],
    ]
    headers = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
    for body in bodies:
        for key in (server.credentials["key"], LITERAL):
            message = urllib.request.Request(
                f"{server.url}/mcp/demo?access_token={LITERAL}",
                json.dumps(body).encode(),
                headers | {"Authorization": f"Bearer {key}"},
            )
            try:
                urllib.request.urlopen(message, timeout=10).close()
            except urllib.error.HTTPError as refused:
                refused.close()
    assert found_in(server.log) == []


async def test_afterwards_no_row_no_log_and_no_file_holds_a_canary(planted: Planted) -> None:
    for tool in planted.tools:
        await call(planted, tool)
    stored = rows(planted.server)
    assert len(stored) >= len(planted.tools)
    assert [found for row in stored for found in found_in(row)] == []
    assert found_in(planted.server.log) == []
    # A literal is in the flow's own definition; the other two have no place at all where they may be.
    for name, text in files(planted.server.data):
        assert found_in(text, **{"secret": SECRET, "write-only": WRITE_ONLY}) == [], name


async def test_an_export_of_the_database_and_the_admin_hold_no_secret(planted: Planted) -> None:
    export = planted.server.manage("dumpdata", "flows", "executions").stdout
    assert '"CANARY"' in export
    assert found_in(export, secret=SECRET, pin=WRITE_ONLY) == []
    opened = browser(planted.server)
    with opened.open(planted.server.url + "/admin/flows/secret/") as page:
        text = page.read().decode()
    assert "CANARY" in text
    [link] = set(re.findall(r'href="(/admin/flows/secret/\d+/change/)[^"]*"', text))
    with opened.open(planted.server.url + link) as page:
        assert found_in(page.read().decode()) == []
