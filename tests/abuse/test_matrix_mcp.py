"""Which keys get through the doors that no URLconf has: every method of MCP, in both eras.

The methods are those that the server registered: one that is not listed here fails.
"""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from flows.models import Membership, Prompt, Resource, Server
from flows.values.scopes import Scope
from mcp_bridge.servers.host import current_host
from tests.definitions import node
from tests.factories import make_key, make_server, make_user, publish
from tests.inside import Inside
from tests.mcp_client import ERAS, LEGACY

pytestmark = [pytest.mark.anyio, pytest.mark.django_db(transaction=True)]

MEMBERS = ("viewer", "editor", "publisher")
METHODS: dict[str, dict[str, Any]] = {
    "tools/list": {},
    "tools/call": {"name": "greet", "arguments": {}},
    "prompts/list": {},
    "prompts/get": {"name": "ask"},
    "resources/list": {},
    "resources/templates/list": {},
    "resources/read": {"uri": "memo:one"},
    "resources/subscribe": {"uri": "memo:one"},
    "resources/unsubscribe": {"uri": "memo:one"},
    "completion/complete": {"ref": {"type": "ref/prompt", "name": "ask"}, "argument": {"name": "who", "value": ""}},
    "logging/setLevel": {"level": "info"},
    "subscriptions/listen": {"notifications": {"toolsListChanged": True}},
    "server/discover": {},
    "ping": {},
    "initialize": {},
}
MESSAGES = [{"role": "user", "content": {"type": "text", "text": "Who?"}}]


def furnished() -> tuple[Server, dict[str, Any]]:
    owner = make_user("owner")
    server = make_server(owner, "shared", agent_tools=True)
    publish(server, "greet", node("answer", "return", text="Hello"))
    Prompt.objects.create(server=server, name="ask", description="Asks.", messages=MESSAGES)
    Resource.objects.create(server=server, uri="memo:one", name="one", text="text")
    people = {"owner": owner, "stranger": make_user("stranger"), "superuser": make_user("root", is_superuser=True)}
    people["deactivated"] = make_user("gone", is_active=False)
    Membership.objects.create(server=server, user=people["deactivated"], role="publisher")
    for role in MEMBERS:
        people[role] = Membership.objects.create(server=server, user=make_user(role), role=role).user
    return server, people


@pytest.fixture
async def shared() -> AsyncIterator[tuple[Server, dict[str, Any]]]:
    yield await sync_to_async(furnished)()
    await current_host().aclose()


def keys(server: Server, people: dict[str, Any]) -> dict[str, tuple[str, int]]:
    """Keys by what they are, each with the status of whatever is asked with it; 0 where it is answered."""
    found = {name: (make_key(person), 0) for name, person in people.items()}
    other = make_server(server.owner, "other")
    return found | {
        "none": ("", 401),
        "guess": ("fh_" + "0" * 40, 401),
        "stranger": (found["stranger"][0], 401),
        "deactivated": (found["deactivated"][0], 401),
        "for another server": (make_key(server.owner, servers=Server.objects.filter(pk=other.pk)), 401),
        "without the scope": (make_key(server.owner, scopes=[Scope.EXECUTIONS_READ]), 403),
    }


@pytest.mark.parametrize("era", ERAS)
async def test_every_key_at_every_method_of_mcp(shared: Any, era: str) -> None:
    server, people = shared
    table, wrong = await sync_to_async(keys)(server, people), []
    hosted = await current_host().get("shared")
    assert hosted is not None
    registered = set(hosted.manager.app._request_handlers)
    assert registered - METHODS.keys() == set()
    for number, (who, (key, refused)) in enumerate(table.items()):
        client = Inside("shared", key, era, address=f"10.0.{len(era)}.{number}")
        if era == LEGACY:
            opened = await client.open()
            if (opened.status, refused) not in ((200, 0), (refused, refused)):
                wrong.append((who, "initialize", opened.status))
        for method, params in METHODS.items():
            reply = await client.say(method, params)
            is_right = reply.status == refused if refused else reply.status not in (401, 403) and reply.status < 500
            if not is_right or (refused and b"result" in reply.body):
                wrong.append((who, method, reply.status))
            if (
                not refused
                and method in ("tools/call", "prompts/get", "resources/read")
                and "result" not in reply.message
            ):
                wrong.append((who, method, reply.body))
    assert wrong == []
