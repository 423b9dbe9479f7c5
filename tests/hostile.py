"""A FlowHub in which every text that a person or a client may write is an attack on who reads it."""

import contextlib
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import anyio
from django.contrib.auth import get_user_model
from mcp import MCPError
from mcp_types import Implementation

from flowhub.demo import line, node
from flows.models import Flow, FlowVersion, Prompt, Resource, Server
from flows.offers.changes import save_offer
from flows.publishing import versions
from mcp_bridge.models import ApiKey
from tests.factories import make_user
from tests.live import LiveServer
from tests.mcp_client import MODERN, connect
from tests.world import World

ATTACK = (
    """'"></pre></textarea><img src=x data-attack onerror="window.xss=1"><script data-attack>window.xss=1</script>"""
)
"""Too long for names of clients (100) and versions (50); what is left of it there is an attack still."""

PART = "<img src=x data-attack"
"""What every place shows of it, as text."""

KEY = "fh_hostile-key-for-a-test-0123456789abcdef"


def hostile_world_of(server: LiveServer) -> World:
    """Fill a live server with attacks, and call its tools as a hostile client does."""
    made = server.manage("shell", "--no-imports", "-c", "from tests import hostile; hostile.build()").stdout
    ids = json.loads(made.splitlines()[-1])
    with ThreadPoolExecutor(1) as thread:
        thread.submit(anyio.run, _call_all, server).result()
    for name, query in (("fulfilled", "tool=echo"), ("error", "tool=broken"), ("rejected", "errorKind=rejected")):
        ids[name] = server.get_json(f"/api/executions/?limit=1&{query}")["items"][0]["id"]
    refused = server.get_json("/api/executions/?limit=9&errorKind=rejected")["items"]
    ids["unknown"] = next(each["id"] for each in refused if each["flowId"] is None)
    return World(server, ids)


async def _call_all(server: LiveServer) -> None:
    who = Implementation(name=ATTACK, version=ATTACK)
    async with connect(server, MODERN, slug="hostile", key=KEY, who=who) as client:
        await client.call_tool("broken", {"text": ATTACK, ATTACK: ATTACK})
        await client.call_tool("echo", {"text": [ATTACK]})
        with contextlib.suppress(MCPError):
            await client.call_tool(ATTACK, {ATTACK: ATTACK})
        await client.call_tool("echo", {"text": ATTACK, ATTACK: {ATTACK: [ATTACK]}})


def build() -> None:
    """Runs in the server's environment (`manage.py shell`); prints the ids as JSON."""
    admin = get_user_model().objects.get(is_superuser=True)
    server = Server.objects.create(owner=admin, slug="hostile", name=ATTACK, description=ATTACK)
    key, _ = ApiKey.issue(admin, ATTACK[:100], key=KEY)
    answer = node("answer", "return", ATTACK, 2, json={"text": "{{ trigger.text }}", "more": ATTACK})
    echo = _flow(server, "echo", answer)
    _flow(server, "broken", node("answer", "fail", ATTACK, 2, message=ATTACK + "{{ trigger.text }}"))
    user = make_user("x<img src=x data-attack onerror=window.xss=1>", first_name=ATTACK[:100])
    ids = {"server": server.pk, "internal": server.pk, "key": key.pk, "user": user.pk, "lookup_order": echo.pk}
    print(json.dumps(ids | {"version": FlowVersion.objects.get(flow=echo).pk} | _offers(server, echo)))


def _offers(server: Any, flow: Flow) -> dict[str, int]:
    """Prompts and resources, of the kinds that the pages show."""
    words = {"server": server, "title": ATTACK, "description": ATTACK}
    topic = {"name": "topic", "title": ATTACK, "description": ATTACK, "completions": [ATTACK]}
    text = {"type": "text", "text": ATTACK + "{{ arguments.topic }}"}
    document = {"type": "resource", "resource": {"uri": "a:{{ arguments.topic }}", "text": ATTACK}}
    messages = [{"role": "user", "content": text}, {"role": "user", "content": document}]
    prompt = Prompt(name="p", arguments=[topic], messages=messages, **words)
    answered = Prompt(name="q", arguments=[topic | {"name": "text", "required": True}], flow=flow, **words)
    for each in (prompt, answered):
        save_offer(each)
    resource = Resource(uri="a:1", name=ATTACK, text=ATTACK, **words)
    image = Resource(uri="a:2", name=ATTACK, blob="PHN2Zy8+", mime_type="image/svg+xml", **words)
    template = Resource(uri="a:{text}", name=ATTACK, flow=flow, completions={"text": [ATTACK]}, **words)
    for row in (resource, image, template):
        save_offer(row)
    return {
        "prompt": prompt.pk,
        "prompt_mixed": prompt.pk,
        "prompt_of_flow": answered.pk,
        "resource": resource.pk,
        "image": image.pk,
        "template": template.pk,
    }


def _flow(server: Any, tool_name: str, last: dict[str, Any]) -> Flow:
    schema = {
        "type": "object",
        "title": ATTACK,
        "properties": {
            "text": {"type": "string", "title": ATTACK, "description": ATTACK, "examples": [ATTACK]},
            ATTACK: {"description": ATTACK, "default": ATTACK},
        },
        "required": ["text"],
    }
    middle = node("middle", "set_fields", ATTACK, 1, fields={"text": ATTACK + "{{ trigger.text }}"})
    nodes = [node("trigger", "trigger", ATTACK, 0), middle, last]
    texts = dict.fromkeys(("name", "tool_description", "when_to_use", "when_not_to_use"), ATTACK)
    flow = Flow.objects.create(
        server=server,
        tool_name=tool_name,
        input_schema=schema,
        annotations={"title": ATTACK},
        definition={"nodes": nodes, "connections": [line("trigger", "middle"), line("middle", "answer")]},
        **texts,
    )
    versions.publish(flow)
    return flow
