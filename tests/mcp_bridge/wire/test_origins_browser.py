"""A page of another origin in a real browser, which calls REST and MCP with a key."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.browsing import window
from tests.live import live_server

pytestmark = [pytest.mark.browser, pytest.mark.server, pytest.mark.timeout(120)]

CALL = """
async ([server, key]) => {
  const told = {};
  const attempt = async (name, work) => {
    try { told[name] = await work(); } catch (error) { told[name] = error.name; }
  };
  const authorization = `Bearer ${key}`;
  await attempt("rest", async () => {
    const answer = await fetch(`${server}/api/flows/`, { headers: { authorization } });
    return [answer.status, (await answer.json()).items.length > 0];
  });
  await attempt("refused", async () => {
    const answer = await fetch(`${server}/mcp/demo`, { method: "POST", body: "{}", headers: {
      "content-type": "application/json", accept: "application/json, text/event-stream", authorization: "Bearer fh_no",
    } });
    return [answer.status, answer.headers.get("www-authenticate")];
  });
  const post = (body, more = {}) => fetch(`${server}/mcp/demo`, { method: "POST", body: JSON.stringify(body), headers: {
    authorization, "content-type": "application/json", accept: "application/json, text/event-stream", ...more,
  } });
  await attempt("handshake", async () => {
    const params = { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "page", version: "1" } };
    const answer = await post({ jsonrpc: "2.0", id: 0, method: "initialize", params });
    const session = { "mcp-protocol-version": "2025-11-25", "mcp-session-id": answer.headers.get("mcp-session-id") };
    await post({ jsonrpc: "2.0", method: "notifications/initialized" }, session);
    const listed = await post({ jsonrpc: "2.0", id: 1, method: "tools/list" }, { ...session, "last-event-id": "x" });
    return [answer.status, listed.status, (await listed.text()).includes("greet")];
  });
  await attempt("modern", async () => {
    const meta = "io.modelcontextprotocol/";
    const _meta = { [meta + "protocolVersion"]: "2026-07-28", [meta + "clientInfo"]: { name: "page", version: "1" },
      [meta + "clientCapabilities"]: {} };
    const params = { name: "greet", arguments: { name: "Ada", n: 1 }, _meta };
    const answer = await post({ jsonrpc: "2.0", id: 1, method: "tools/call", params }, {
      "mcp-protocol-version": "2026-07-28", "mcp-method": "tools/call", "mcp-name": "greet", "mcp-param-x": "1",
    });
    return [answer.status, (await answer.text()).includes("Hello, Ada! 1")];
  });
  await attempt("page", async () => (await fetch(`${server}/login/`)).status);
  await attempt("cookies", async () => (await fetch(`${server}/api/flows/`, { credentials: "include" })).status);
  return told;
}
"""


class Page(BaseHTTPRequestHandler):
    """An empty page."""

    def do_GET(self) -> None:
        """Answer."""
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><link rel=icon href='data:,'>")

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[int]:
    """The port of another site of this machine."""
    site = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    thread = threading.Thread(target=site.serve_forever, daemon=True)
    thread.start()
    yield site.server_port
    site.shutdown()
    thread.join()
    site.server_close()


def test_a_page_calls_when_its_origin_is_allowed_and_no_other_page_does(
    browser: Browser, elsewhere: int, tmp_path: Path
) -> None:
    allowed = f"http://127.0.0.1:{elsewhere}"
    with live_server(tmp_path, FLOWHUB_ALLOWED_ORIGINS=allowed) as server:
        told = {}
        for origin in (allowed, f"http://localhost:{elsewhere}"):
            with window(browser, "CORS policy", "Failed to load resource") as context:
                page = context.new_page()
                page.goto(origin)
                told[origin] = page.evaluate(CALL, [server.url, server.credentials["key"]])
    about, scope = f"{server.url}/.well-known/oauth-protected-resource/mcp/demo", 'scope="mcp:call"'
    assert told == {
        allowed: {
            "rest": [200, True],
            "refused": [401, f'Bearer realm="flowhub", error="invalid_token", resource_metadata="{about}", {scope}'],
            "handshake": [200, 200, True],
            "modern": [200, True],
            "page": "TypeError",
            "cookies": "TypeError",
        },
        f"http://localhost:{elsewhere}": dict.fromkeys(
            ("rest", "refused", "handshake", "modern", "page", "cookies"), "TypeError"
        ),
    }
