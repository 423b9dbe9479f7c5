"""What a limited key learns at the MCP door: of what it may not use as much as of what is not there; and its end."""

import asyncio
import json
import re
from collections.abc import Iterator
from contextlib import AsyncExitStack, ExitStack
from typing import Any

import httpx2
import pytest

from tests.definitions import answer, chain
from tests.live import LiveServer
from tests.mcp_client import LEGACY, MODERN
from tests.offers import PROMPT, RESOURCE, made
from tests.published import published
from tests.wire import ENVELOPE, Wire

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120)]

REGION = {"type": "string", "x-mcp-header": "Region"}
SCHEMA = {"type": "object", "properties": {"region": REGION}, "required": ["region"]}
SOON = 5.0

CHANGES = {
    "other tools": 'key.change(tools=["lookup_order"])',
    "other scopes": 'key.change(scopes=["executions:read"])',
    "other servers": "key.change(servers=[])",
    "other text": "key.rotate(timedelta(0))",
}
"""What ends the streams of a key, by the name of a key to which it happens."""

KEYS: dict[str, dict[str, Any]] = {"seen": {"tools": ["seen"]}, "reads": {"scopes": ["executions:read"]}}
KEYS |= {name: {} for name in CHANGES}

ISSUE = f"""
import json
from mcp_bridge.models import ApiKey
owner = ApiKey.objects.get(name="demo").owner
print(json.dumps({{name: ApiKey.issue(owner, name, **values)[1] for name, values in {KEYS!r}.items()}}))
"""
CHANGE = """
from datetime import timedelta
from mcp_bridge.models import ApiKey
""" + "\n".join(f"key = ApiKey.objects.get(name={name!r}); {change}" for name, change in CHANGES.items())


@pytest.fixture(scope="module")
def keys(uvicorn_server: LiveServer) -> dict[str, str]:
    """Keys of the demo's owner; all at once, because each command takes seconds to begin."""
    issued = uvicorn_server.manage("shell", "-v", "0", "-c", ISSUE).stdout.splitlines()[-1]
    return dict(json.loads(issued))


@pytest.fixture(scope="module")
def limited(uvicorn_server: LiveServer, keys: dict[str, str]) -> Iterator[str]:
    """A key for `seen` alone, beside which the server has a hidden tool with a prompt and a template of its own."""
    hidden = {"flow": "hidden", "messages": []}
    prompt = PROMPT | hidden | {"name": "hidden", "arguments": [{"name": "region", "required": True}]}
    template = RESOURCE | {"uri": "hidden:{region}", "name": "Hidden", "flow": "hidden", "text": "", "mimeType": ""}
    fields = {"inputSchema": SCHEMA, "definition": chain(answer("Done"))}
    with ExitStack() as stack:
        stack.enter_context(published(uvicorn_server, {"seen": fields, "hidden": fields}))
        stack.enter_context(made(uvicorn_server, "prompts", prompt))
        stack.enter_context(made(uvicorn_server, "resources", template | {"completions": {"region": ["EU"]}}))
        yield keys["seen"]


async def ask(server: LiveServer, key: str, method: str, params: dict[str, Any] | None = None) -> str:
    """The answer to one message of 2026-07-28, without the ids of executions."""
    headers = {
        "Authorization": f"Bearer {key}",
        "Accept": "application/json, text/event-stream",
        "MCP-Protocol-Version": MODERN,
        "Mcp-Method": method,
    }
    said = {**(params or {}), "_meta": ENVELOPE}
    if name := said.get("name") or said.get("uri"):
        headers["Mcp-Name"] = name
    message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": said}
    async with httpx2.AsyncClient(headers=headers, timeout=20) as http:
        answered = await http.post(f"{server.url}/mcp/demo", json=message)
    return re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "ID", f"{answered.status_code} {answered.text}")


@pytest.mark.parametrize("method", ["tools/list", "prompts/list", "resources/list", "resources/templates/list"])
async def test_no_list_shows_what_the_key_may_not_use(uvicorn_server: LiveServer, limited: str, method: str) -> None:
    own = uvicorn_server.credentials["key"]
    assert "hidden" not in (await ask(uvicorn_server, limited, method)).lower()
    assert ("hidden" in await ask(uvicorn_server, own, method)) is (method != "resources/list")


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("tools/call", {"name": "NAME", "arguments": {"region": "EU"}}),
        ("tools/call", {"name": "NAME", "arguments": {}}),
        ("prompts/get", {"name": "NAME", "arguments": {"region": "EU"}}),
        ("resources/read", {"uri": "NAME:EU"}),
        (
            "completion/complete",
            {"ref": {"type": "ref/prompt", "name": "NAME"}, "argument": {"name": "region", "value": ""}},
        ),
        (
            "completion/complete",
            {"ref": {"type": "ref/resource", "uri": "NAME:{region}"}, "argument": {"name": "region", "value": ""}},
        ),
    ],
)
async def test_what_the_key_may_not_use_is_answered_like_what_is_not_there(
    uvicorn_server: LiveServer, limited: str, method: str, params: dict[str, Any]
) -> None:
    answers = {}
    for name in ("hidden", "absent"):
        said = json.loads(json.dumps(params).replace("NAME", name))
        told = await ask(uvicorn_server, limited, method, said)
        assert '"error"' in told
        answers[name] = told.replace(name, "NAME")
    assert answers["hidden"] == answers["absent"]


@pytest.mark.parametrize("era", [MODERN, LEGACY])
def test_a_key_that_does_not_call_tools_is_told_which_scope_it_lacks(
    uvicorn_server: LiveServer, keys: dict[str, str], era: str
) -> None:
    wire = Wire(uvicorn_server, era, session="none", key=keys["reads"])
    reply = wire.send(wire.encode(wire.call()))
    challenge = 'Bearer realm="flowhub", error="insufficient_scope", scope="mcp:call"'
    assert (reply.status, reply.headers["www-authenticate"]) == (403, challenge)
    assert reply.error[1] == "This API key lacks the scope mcp:call, so it calls no tools. Give it that under Keys."


async def test_a_stream_ends_when_its_key_is_narrowed_down_or_rotated(
    uvicorn_server: LiveServer, keys: dict[str, str]
) -> None:
    params = {"notifications": {"toolsListChanged": True}, "_meta": ENVELOPE}
    message = {"jsonrpc": "2.0", "id": 1, "method": "subscriptions/listen", "params": params}
    headers = {"Accept": "text/event-stream, application/json", "Mcp-Method": "subscriptions/listen"}
    headers |= {"MCP-Protocol-Version": MODERN}
    async with httpx2.AsyncClient(headers=headers, timeout=20) as http, AsyncExitStack() as stack:
        streams = []
        for name in CHANGES:
            its = {"Authorization": f"Bearer {keys[name]}"}
            post = http.stream("POST", f"{uvicorn_server.url}/mcp/demo", json=message, headers=its)
            lines = (await stack.enter_async_context(post)).aiter_lines()
            async with asyncio.timeout(SOON):
                while "acknowledged" not in await anext(lines):
                    pass
            streams.append(lines)
        await asyncio.to_thread(uvicorn_server.manage, "shell", "-v", "0", "-c", CHANGE)
        async with asyncio.timeout(SOON):
            for lines in streams:
                assert "list_changed" not in "".join([line async for line in lines])
