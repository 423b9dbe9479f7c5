"""Who gets into which socket: every kind of person at every route of the WebSockets, for what they may see and may not.

The routes are those that are registered: one that is not listed here fails. Whoever is let in is told `watching`, and
everybody else is closed with a code that pages understand.
"""

from contextlib import AsyncExitStack
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from channels.routing import URLRouter

from executions.live.announcer import INTERVAL_SECONDS
from executions.live.consumers import NOT_FOUND, NOT_LOGGED_IN
from flowhub.asgi import sockets
from flows.models import Flow
from tests.abuse.test_matrix import PEOPLE, World, shared
from tests.executions.live.test_consumers import SECONDS, called, socket, told, watching
from tests.factories import make_flow

pytestmark = [pytest.mark.anyio, pytest.mark.django_db(transaction=True)]

IN = "in"
NOBODY = {"anonymous": NOT_LOGGED_IN, "deactivated": NOT_LOGGED_IN}
MEMBERS = dict.fromkeys(("viewer", "editor", "publisher", "owner", "superuser"), IN)
OF_A_FLOW = {
    "shared": NOBODY | {"stranger": NOT_FOUND} | MEMBERS,
    "foreign": NOBODY | dict.fromkeys(("stranger", *MEMBERS), NOT_FOUND) | {"superuser": IN},
    "missing": NOBODY | dict.fromkeys(("stranger", *MEMBERS), NOT_FOUND),
}
ROUTES: dict[str, dict[str, dict[str, Any]]] = {
    "ws/executions/": {"": NOBODY | {"stranger": IN} | MEMBERS},
    "ws/flows/<int:flow_id>/": OF_A_FLOW,
    "ws/flows/<int:flow_id>/builders/": OF_A_FLOW,
    "": {"": OF_A_FLOW["missing"]},
}
"""By route, object and person: let in, or the code that closes the socket. The empty route is every other address."""


@pytest.fixture
async def world() -> World:
    made = await sync_to_async(shared)()
    made.ids["foreign"] = (await sync_to_async(make_flow)()).pk
    return made


def address(route: str, thing: str, world: World) -> str:
    ids = {"shared": world.ids["flow_id"], "foreign": world.ids["foreign"], "missing": 999_999}
    return "/" + (route or "mcp/shared").replace("<int:flow_id>", str(ids.get(thing)))


async def end_of(path: str, person: Any) -> Any:
    """What comes of opening a socket."""
    async with socket(path, person) as browser:
        assert (await browser.connect())[0]
        said = await browser.receive_output(SECONDS)
        return said["code"] if said["type"] == "websocket.close" else {'{"watching": true}': IN}[said["text"]]


def test_every_registered_route_is_listed() -> None:
    inside: Any = sockets._validator
    while not isinstance(inside, URLRouter):
        inside = getattr(inside, "inner", None) or inside.application
    assert [str(route.pattern) for route in inside.routes] == list(ROUTES)


@pytest.mark.timeout(120)
async def test_every_person_at_every_socket(world: World) -> None:
    found = {
        (route, thing, person): await end_of(address(route, thing, world), world.people[person])
        for route, things in ROUTES.items()
        for thing in things
        for person in PEOPLE
    }
    expected = {
        (route, thing, person): ends[person]
        for route, things in ROUTES.items()
        for thing, ends in things.items()
        for person in PEOPLE
    }
    assert found == expected


@pytest.mark.parametrize("route", ROUTES)
async def test_no_socket_opens_for_a_page_of_another_site(world: World, route: str) -> None:
    path = address(route, "shared", world)
    for origin in ("http://evil.example", "http://127.0.0.1:8001", "https://127.0.0.1:8000", "null", ""):
        async with socket(path, world.people["owner"], origin) as browser:
            assert (origin, (await browser.connect())[0]) == (origin, False)


async def test_an_execution_is_told_to_those_alone_who_may_see_it(world: World) -> None:
    flow = await Flow.objects.select_related("server").aget(pk=world.ids["flow_id"])
    foreign = await Flow.objects.select_related("server").aget(pk=world.ids["foreign"])
    async with AsyncExitStack() as stack:
        stranger = await stack.enter_async_context(watching("/ws/executions/", world.people["stranger"]))
        members = [
            await stack.enter_async_context(watching("/ws/executions/", world.people[name]))
            for name in MEMBERS
            if name != "superuser"
        ]
        await called(foreign)
        execution_id = await called(flow)
        for browser in members:
            assert await told(browser) == [(str(execution_id), "pending")]
        assert await stranger.receive_nothing(INTERVAL_SECONDS * 2)


@pytest.mark.parametrize("person", MEMBERS)
async def test_a_draft_is_said_to_be_stored_by_those_alone_who_may_store_it(world: World, person: str) -> None:
    path = address("ws/flows/<int:flow_id>/builders/", "shared", world)
    async with watching(path, world.people["owner"]) as witness, watching(path, world.people[person]) as browser:
        while "others" not in await witness.receive_json_from(SECONDS):
            pass
        await browser.send_to(text_data="stored")
        if person == "viewer":
            assert await witness.receive_nothing(INTERVAL_SECONDS * 2)
        else:
            assert await witness.receive_json_from(SECONDS) == {"stored": True}
