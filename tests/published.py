"""Flows that an acceptance test publishes on a shared server, and takes away again."""

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.definitions import answer, chain
from tests.live import LiveServer


def send(server: LiveServer, method: str, path: str, body: Any = None) -> bytes:
    """What the REST API answers to a request."""
    headers = {"Authorization": f"Bearer {server.credentials['key']}", "Content-Type": "application/json"}
    request = urllib.request.Request(f"{server.url}/api/{path}", json.dumps(body).encode(), headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=20) as answered:
            return answered.read()
    except urllib.error.HTTPError as error:
        raise AssertionError(f"{method} {path}: {error.code} {error.read().decode()}") from None


@contextmanager
def published(server: LiveServer, flows: dict[str, dict[str, Any]]) -> Iterator[dict[str, int]]:
    """These flows of the demo's server, by tool name, each with the fields that differ; gives out their ids."""
    ids = {}
    for tool_name, fields in flows.items():
        usual = {"server": "demo", "name": tool_name.replace("_", " ").capitalize(), "toolDescription": "Test."}
        definition = chain(answer("Done"))
        body = usual | {"toolName": tool_name, "inputSchema": {"type": "object"}, "definition": definition} | fields
        ids[tool_name] = json.loads(send(server, "POST", "flows/", body))["id"]
        send(server, "POST", f"flows/{ids[tool_name]}/publish/")
    try:
        yield ids
    finally:
        for flow_id in ids.values():
            send(server, "DELETE", f"flows/{flow_id}/?confirm=true")
